//! Two towers (Yi et al. 2019, "Sampling-bias-corrected neural modeling for large corpus item recommendations"): the value
//! of an item is the inner product of what a network says of the state and of the item's given vector, so that any number
//! of items shares one network.
//!
//! A state has x\[dims + 1\]: Q(s, item) = x\[dims\] + x\[0\] e\[0\] + … in this order. Where a target asks for the best item,
//! `count` candidates are looked at instead of all: candidate c of an update is drawn uniformly and with replacement at
//! the address (c, 1, update), or is item c where there are no more items than candidates. Of n items the best of m
//! candidates has the rank 1 + Σ (k/n)^m over k = 1 … n − 1 on average, about n/(m + 1) + 1/2: a target that is biased low,
//! the less the more candidates.
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
mod tests;
