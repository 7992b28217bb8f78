//! Two towers (Yi et al. 2019, "Sampling-bias-corrected neural modeling for large corpus item recommendations"): the value
//! of an item is the inner product of what a network says of the state and of the item's given vector, so that any number
//! of items shares one network.
//!
//! A state has x\[dims + 1\]: Q(s, item) = x\[dims\] + x\[0\] e\[0\] + … in this order. Where a target asks for the best item,
//! `count` candidates are looked at instead of all: candidate c of an update is drawn uniformly and with replacement at
//! the address (c, 1, update), or is item c where there are no more items than candidates. Of n items the best candidate's
//! rank is (n + 1)/(count + 1) on average: a target that is biased low, the less the more candidates.
use crate::{
    cpu::Cpu,
    cuda::{Buffer, Cuda, blocks},
    device::Device,
    dispatch::compiled,
    error::Result,
    memory::{Batch, STEPS, UPDATES},
    ops::choose::ChooseConfig,
    schedule::Ramp,
};
use envs::rng::{Domain, Purpose, Rng};

/// The shapes of two towers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TowersShape {
    /// Number of items.
    pub items: usize,
    /// Length of an item's vector; a state has one number more.
    pub dims: usize,
    /// Candidates of an update.
    pub count: usize,
    /// Seed of the draws, agent domain.
    pub seed: u64,
}

impl TowersShape {
    /// Length of what is said of a state.
    pub fn length(&self) -> usize {
        self.dims + 1
    }

    /// The candidates of `update`.
    fn drawn(self, update: u32) -> impl Iterator<Item = usize> {
        let address = Rng::new(self.seed, Domain::Agent);
        (0..self.candidates()).map(move |candidate| match self.count < self.items {
            true => {
                let mut stream = address.at(candidate as u32, 1, update).stream(Purpose::SAMPLE);
                stream.below(self.items as u32) as usize
            }
            false => candidate,
        })
    }

    /// How many candidates there are: never more than items.
    pub fn candidates(&self) -> usize {
        if self.count < self.items { self.count } else { self.items }
    }
}

/// Values of items by inner products.
pub trait Towers: Device {
    /// q\[size\] of the items taken, from items\[items × dims\] and x\[size × length\].
    ///
    /// # Errors
    /// When the device fails.
    fn meet(
        &self,
        shape: &TowersShape,
        batch: &Batch<Self>,
        items: &Self::Buf<f32>,
        x: &Self::Buf<f32>,
        q: &mut Self::Buf<f32>,
    ) -> Result<()>;

    /// dx\[size × length\] from dq\[size\].
    ///
    /// # Errors
    /// When the device fails.
    fn meet_back(
        &self,
        shape: &TowersShape,
        batch: &Batch<Self>,
        items: &Self::Buf<f32>,
        dq: &Self::Buf<f32>,
        dx: &mut Self::Buf<f32>,
    ) -> Result<()>;

    /// The vectors of this update's candidates, dims × candidates.
    ///
    /// # Errors
    /// When the device fails.
    fn draw_candidates(
        &self,
        shape: &TowersShape,
        items: &Self::Buf<f32>,
        clock: &Self::Buf<u32>,
        drawn: &mut Self::Buf<f32>,
    ) -> Result<()>;

    /// value\[size\], by `valuer`\[size × length\], of the candidate that is best by `chooser`\[size × length\]; the first of
    /// equals.
    ///
    /// # Errors
    /// When the device fails.
    fn best_candidate(
        &self,
        shape: &TowersShape,
        size: usize,
        drawn: &Self::Buf<f32>,
        chooser: &Self::Buf<f32>,
        valuer: &Self::Buf<f32>,
        value: &mut Self::Buf<f32>,
    ) -> Result<()>;

    /// action\[rows\]: the item found, or with probability ε any other, as [`Choose::choose`](crate::Choose) does.
    ///
    /// # Errors
    /// When the device fails.
    fn choose_found(
        &self,
        config: &ChooseConfig,
        rows: usize,
        found: &Self::Buf<u32>,
        clock: &Self::Buf<u32>,
        action: &mut Self::Buf<u32>,
    ) -> Result<()>;
}

impl Towers for Cpu {
    fn meet(
        &self,
        shape: &TowersShape,
        batch: &Batch<Self>,
        items: &Vec<f32>,
        x: &Vec<f32>,
        q: &mut Vec<f32>,
    ) -> Result<()> {
        let dims = shape.dims;
        let states = x.chunks_exact(shape.length()).zip(&batch.action[..batch.size]);
        for (q, (x, &item)) in q.iter_mut().zip(states) {
            let vector = &items[item as usize * dims..][..dims];
            *q = x.iter().zip(vector).fold(x[dims], |sum, (x, e)| sum + x * e);
        }
        Ok(())
    }

    fn meet_back(
        &self,
        shape: &TowersShape,
        batch: &Batch<Self>,
        items: &Vec<f32>,
        dq: &Vec<f32>,
        dx: &mut Vec<f32>,
    ) -> Result<()> {
        let dims = shape.dims;
        let states = dx.chunks_exact_mut(shape.length()).zip(&batch.action[..batch.size]);
        for (&dq, (dx, &item)) in dq.iter().zip(states) {
            let vector = &items[item as usize * dims..][..dims];
            dx.iter_mut().zip(vector).for_each(|(dx, e)| *dx = dq * e);
            dx[dims] = dq;
        }
        Ok(())
    }

    fn draw_candidates(
        &self,
        shape: &TowersShape,
        items: &Vec<f32>,
        clock: &Vec<u32>,
        drawn: &mut Vec<f32>,
    ) -> Result<()> {
        let (dims, count) = (shape.dims, shape.candidates());
        for (candidate, item) in shape.drawn(clock[UPDATES]).enumerate() {
            for (j, e) in items[item * dims..][..dims].iter().enumerate() {
                drawn[j * count + candidate] = *e;
            }
        }
        Ok(())
    }

    fn best_candidate(
        &self,
        shape: &TowersShape,
        size: usize,
        drawn: &Vec<f32>,
        chooser: &Vec<f32>,
        valuer: &Vec<f32>,
        value: &mut Vec<f32>,
    ) -> Result<()> {
        let length = shape.length();
        compiled!(self.isa() => look_among(
            shape: &TowersShape = shape,
            drawn: &[f32] = drawn,
            chooser: &[f32] = &chooser[..size * length],
            valuer: &[f32] = &valuer[..size * length],
            value: &mut [f32] = value,
        ));
        Ok(())
    }

    fn choose_found(
        &self,
        config: &ChooseConfig,
        rows: usize,
        found: &Vec<u32>,
        clock: &Vec<u32>,
        action: &mut Vec<u32>,
    ) -> Result<()> {
        let (epsilon, step) = (config.epsilon.at(clock[STEPS]), clock[STEPS]);
        action[..rows].copy_from_slice(&found[..rows]);
        if epsilon > 0.0 {
            let address = Rng::new(config.seed, Domain::Agent);
            for (row, action) in action[..rows].iter_mut().enumerate() {
                let mut stream = address.at(row as u32, 0, step).stream(Purpose::EXPLORE);
                if stream.bernoulli(epsilon) {
                    *action = stream.below(config.actions as u32);
                }
            }
        }
        Ok(())
    }
}

impl Towers for Cuda {
    fn meet(
        &self,
        shape: &TowersShape,
        batch: &Batch<Self>,
        items: &Buffer<f32>,
        x: &Buffer<f32>,
        q: &mut Buffer<f32>,
    ) -> Result<()> {
        let (size, dims) = (batch.size, shape.dims);
        let numbers = [items.first(shape.items * dims), x.first(size * shape.length()), q.first(size)];
        let sizes = [size.into(), dims.into(), batch.action.first(size)];
        self.launch("meet", blocks(size * 32, 128), &[&sizes[..], &numbers].concat())
    }

    fn meet_back(
        &self,
        shape: &TowersShape,
        batch: &Batch<Self>,
        items: &Buffer<f32>,
        dq: &Buffer<f32>,
        dx: &mut Buffer<f32>,
    ) -> Result<()> {
        let (size, dims, len) = (batch.size, shape.dims, batch.size * shape.length());
        let numbers = [items.first(shape.items * dims), dq.first(size), dx.first(len)];
        let sizes = [size.into(), dims.into(), batch.action.first(size)];
        self.launch("meet_back", blocks(len, 128), &[&sizes[..], &numbers].concat())
    }

    fn draw_candidates(
        &self,
        shape: &TowersShape,
        items: &Buffer<f32>,
        clock: &Buffer<u32>,
        drawn: &mut Buffer<f32>,
    ) -> Result<()> {
        let (dims, count) = (shape.dims, shape.candidates());
        let [key0, key1] = Rng::new(shape.seed, Domain::Agent).key();
        let sizes = [shape.items.into(), dims.into(), count.into(), key0.into(), key1.into(), clock.all()];
        let numbers = [items.first(shape.items * dims), drawn.first(dims * count)];
        self.launch("draw_candidates", blocks(count, 64), &[&sizes[..], &numbers].concat())
    }

    fn best_candidate(
        &self,
        shape: &TowersShape,
        size: usize,
        drawn: &Buffer<f32>,
        chooser: &Buffer<f32>,
        valuer: &Buffer<f32>,
        value: &mut Buffer<f32>,
    ) -> Result<()> {
        let (dims, count, len) = (shape.dims, shape.candidates(), size * shape.length());
        let sizes = [size.into(), dims.into(), count.into(), drawn.first(dims * count)];
        let numbers = [chooser.first(len), valuer.first(len), value.first(size)];
        self.launch("best_candidate", blocks(size * 32, 128), &[&sizes[..], &numbers].concat())
    }

    fn choose_found(
        &self,
        config: &ChooseConfig,
        rows: usize,
        found: &Buffer<u32>,
        clock: &Buffer<u32>,
        action: &mut Buffer<u32>,
    ) -> Result<()> {
        let Ramp { from, to, over } = config.epsilon;
        let [key0, key1] = Rng::new(config.seed, Domain::Agent).key();
        let sizes = [rows.into(), config.actions.into(), found.first(rows), clock.all()];
        let draws = [key0.into(), key1.into(), from.into(), to.into(), over.into(), action.first(rows)];
        self.launch("choose_found", blocks(rows, 64), &[&sizes[..], &draws].concat())
    }
}

/// Candidates whose sums are formed side by side.
const LANES: usize = 16;

#[inline(always)]
fn look_among(shape: &TowersShape, drawn: &[f32], chooser: &[f32], valuer: &[f32], value: &mut [f32]) {
    let (dims, count, length) = (shape.dims, shape.candidates(), shape.length());
    for ((chooser, valuer), value) in chooser.chunks_exact(length).zip(valuer.chunks_exact(length)).zip(value) {
        let (mut best, mut most) = (0, f32::NEG_INFINITY);
        for first in (0..count).step_by(LANES) {
            let mut sums = [chooser[dims]; LANES];
            let lanes = if count - first < LANES { count - first } else { LANES };
            for (j, x) in chooser[..dims].iter().enumerate() {
                let vectors = &drawn[j * count + first..][..lanes];
                sums.iter_mut().zip(vectors).for_each(|(sum, e)| *sum += x * e);
            }
            for (lane, &sum) in sums[..lanes].iter().enumerate() {
                if sum > most {
                    (best, most) = (first + lane, sum);
                }
            }
        }
        *value = (0..dims).fold(valuer[dims], |sum, j| sum + valuer[j] * drawn[j * count + best]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{bits, numbers, plain, stream, vectored};

    fn batch(action: &[u32]) -> Batch<Cpu> {
        let mut batch = Batch::new(&plain(), action.len(), 1).unwrap();
        batch.action = action.to_vec();
        batch
    }

    fn shape(items: usize, dims: usize, count: usize) -> TowersShape {
        TowersShape { items, dims, count, seed: 3 }
    }

    #[test]
    fn values_are_inner_products_and_gradients_their_factors() {
        let (shape, batch) = (shape(3, 2, 8), batch(&[2, 0]));
        let items = vec![1.0, 2.0, 0.0, 1.0, -1.0, 0.5];
        let x = vec![3.0, 4.0, 0.25, 1.0, -1.0, 10.0];
        let (mut q, mut dx) = (vec![0.0; 2], vec![f32::NAN; 6]);
        plain().meet(&shape, &batch, &items, &x, &mut q).unwrap();
        assert_eq!(q, [0.25 - 3.0 + 2.0, 10.0 + 1.0 - 2.0]);
        plain().meet_back(&shape, &batch, &items, &vec![2.0, -1.0], &mut dx).unwrap();
        assert_eq!(dx, [-2.0, 1.0, 2.0, -1.0, -2.0, -1.0]);
    }

    /// With as many candidates as items the maximum is that of all; the valuer values what the chooser chose.
    #[test]
    fn the_best_candidate_is_the_best_of_all_when_all_are_looked_at() {
        let (mut stream, shape) = (stream(1), shape(40, 5, 40));
        let items = numbers(&mut stream, 200);
        let [chooser, valuer] = [(); 2].map(|()| numbers(&mut stream, 3 * 6));
        let (mut drawn, mut value) = (vec![0.0; 200], vec![0.0; 3]);
        plain().draw_candidates(&shape, &items, &vec![0, 0], &mut drawn).unwrap();
        plain().best_candidate(&shape, 3, &drawn, &chooser, &valuer, &mut value).unwrap();
        for row in 0..3 {
            let q = |x: &[f32], item: usize| {
                (0..5).fold(x[row * 6 + 5], |sum, j| sum + x[row * 6 + j] * items[item * 5 + j])
            };
            let best = (0..40).rev().max_by(|&a, &b| q(&chooser, a).total_cmp(&q(&chooser, b))).unwrap();
            assert_eq!(value[row], q(&valuer, best));
        }
    }

    /// The mean rank of the best of m of n, with item i worth i: (n + 1)/(m + 1) from the top, here within 4 standard
    /// errors over 2000 updates. Candidates differ from update to update.
    #[test]
    fn the_bias_is_as_stated() {
        let (items, count) = (1000, 9);
        let shape = shape(items, 1, count);
        let vectors: Vec<f32> = (0..items).map(|item| item as f32).collect();
        let (mut drawn, mut value, x) = (vec![0.0; count], vec![0.0], vec![1.0, 0.0]);
        let ranks: Vec<f64> = (0..2000)
            .map(|update| {
                plain().draw_candidates(&shape, &vectors, &vec![update, 0], &mut drawn).unwrap();
                plain().best_candidate(&shape, 1, &drawn, &x, &x, &mut value).unwrap();
                (items as f32 - value[0]).into()
            })
            .collect();
        let mean = ranks.iter().sum::<f64>() / 2000.0;
        let sd = (ranks.iter().map(|rank| (rank - mean) * (rank - mean)).sum::<f64>() / 1999.0).sqrt();
        assert!((mean - 1001.0 / 10.0).abs() < 4.0 * sd / 2000f64.sqrt() + 0.5, "{mean}");
    }

    #[test]
    fn one_in_so_many_choices_is_any_item() {
        let config = ChooseConfig { actions: 1_000_000, epsilon: Ramp::constant(0.25), spread: 0.0, seed: 3 };
        let (found, mut action) = (vec![7; 4000], vec![0; 4000]);
        plain().choose_found(&config, 4000, &found, &vec![0, 5], &mut action).unwrap();
        let others: Vec<u32> = action.into_iter().filter(|action| *action != 7).collect();
        // Standard error of the share: 0.0068; of the mean item: 289,000 / √1000.
        assert!((others.len() as f64 / 4000.0 - 0.25).abs() < 4.0 * 0.0068, "{}", others.len());
        let mean = others.iter().map(|&item| f64::from(item)).sum::<f64>() / others.len() as f64;
        assert!((mean - 5e5).abs() < 4.0 * 9200.0, "{mean}");
    }

    #[test]
    fn bodies_agree() {
        for (size, items, dims, count) in [(1, 1, 1, 1), (5, 100, 7, 33), (17, 1000, 24, 64)] {
            let run = |cpu: &Cpu| {
                let (mut stream, shape) = (stream(size as u64), shape(items, dims, count));
                let vectors = numbers(&mut stream, items * dims);
                let [chooser, valuer] = [(); 2].map(|()| numbers(&mut stream, size * (dims + 1)));
                let (mut drawn, mut value) = (vec![0.0; dims * count], vec![0.0; size]);
                cpu.draw_candidates(&shape, &vectors, &vec![4, 2], &mut drawn).unwrap();
                cpu.best_candidate(&shape, size, &drawn, &chooser, &valuer, &mut value).unwrap();
                [bits(&drawn), bits(&value)]
            };
            let expected = run(&plain());
            vectored().iter().for_each(|cpu| assert_eq!(run(cpu), expected, "{cpu:?}"));
        }
    }
}
