//! Slates by decomposition (SlateQ; Ie et al. 2019): a slate's value is the mean of its items' values under the user's
//! choice, and the value of taking nothing is one of them.
//!
//! A row of outputs holds, for C candidates, the values \[q_0 … q_{C−1}, q_nothing\] and the utilities
//! \[u_0 … u_{C−1}, u_nothing\] of the choice model: of a slate A, i is taken with probability w_i / (w_nothing + Σ_A w),
//! w = exp(u − max u). The best slate of k items is exact, by Dinkelbach's method: λ is the value of the slate so far, the
//! next one holds the k largest w_i (q_i − λ), until the value stops rising; sums run in the slate's order, then nothing.
//!
//! target = reward + discount · value of the best slate there; only the value of what was taken, item or nothing, moves
//! towards it, with [`td`](super::td)'s Huber loss. Utilities follow the gradient of −ln P(taken), times `choice`.
//!
//! Where the user reads a list from the top, the cascade of [`BestSlate::Cascade`], u_i is the log-odds that i is taken when
//! it is looked at and u_nothing those that the user looks on; the best list is exact again, and in its best order. Its value
//! is summed from the last place to the first.
//!
//! Without a model of the choice an item is an action of its own: the slate holds the k largest q_i and is worth the largest
//! of them, whoever is taken. A value of minus infinity closes an item: it is in no slate while k others are open, and where
//! exploration draws it, the next one that is open and not shown takes its place, counted cyclically.
//!
//! A slate is stored as one number, Σ item_j · C^j.
use crate::{
    cpu::Cpu,
    cuda::{Buffer, Cuda, blocks},
    device::Device,
    dispatch::compiled,
    error::Result,
    memory::{Batch, STEPS},
    schedule::Ramp,
};
use cascade::Cascade;
use conditional::Conditional;
use envs::rng::{Domain, Purpose, Rng};

mod cascade;
mod conditional;

/// The most candidates that a slate can be chosen from.
pub const MOST_CANDIDATES: usize = 1024;
/// The most places in a slate.
pub const MOST_SLOTS: usize = 16;

/// Which slate is the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BestSlate {
    /// The one that holds the k largest w_i q_i, as the paper's top-k does.
    TopK = 0,
    /// The one with the largest value under the choice.
    Exact = 1,
    /// The one that holds the k largest q_i.
    Items = 2,
    /// The list with the largest value for a user who reads from the top and may stop at any place.
    Cascade = 3,
}

/// How slates are chosen and learnt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SlateConfig {
    /// Candidates C, at most [`MOST_CANDIDATES`].
    pub candidates: usize,
    /// Places k, at most [`MOST_SLOTS`]; C^k is below 2^32.
    pub slots: usize,
    /// Which slate is the best.
    pub best: BestSlate,
    /// Where in an observation the position last taken stands: one-hot over `slots` positions, zeros for nothing.
    pub taken: usize,
    /// Where the Huber loss turns linear, κ.
    pub huber: f32,
    /// Weight of the choice model's loss.
    pub choice: f32,
}

impl SlateConfig {
    /// Length of a row of outputs.
    pub fn outputs(&self) -> usize {
        2 * (self.candidates + 1)
    }
    /// The items of a stored slate, place by place.
    pub fn items(&self, code: u32) -> impl Iterator<Item = u32> {
        let base = self.candidates as u32;
        (0..self.slots).scan(code, move |rest, _| {
            let item = *rest % base;
            *rest /= base;
            Some(item)
        })
    }
    /// As the kernels have it.
    fn selection(&self) -> u32 {
        self.best as u32
    }
    fn code(&self, items: &[u32]) -> u32 {
        items.iter().rev().fold(0, |code, item| code * self.candidates as u32 + item)
    }
}

/// Slates by decomposition.
pub trait Slate: Device {
    /// code\[rows\] from outputs\[rows × 2(C + 1)\]: the best slate, or with probability ε, by steps, a uniform one.
    ///
    /// # Errors
    /// When the device fails.
    #[expect(clippy::too_many_arguments, reason = "settings, their schedule and seed, tables in and codes out")]
    fn choose_slate(
        &self,
        config: &SlateConfig,
        epsilon: &Ramp,
        seed: u64,
        rows: usize,
        outputs: &Self::Buf<f32>,
        clock: &Self::Buf<u32>,
        code: &mut Self::Buf<u32>,
    ) -> Result<()>;

    /// Reads the outputs here, the target network's there, and those that choose the slate there (the target network's or
    /// the online ones); writes their gradient here, `batch.error` and summary = \[loss, mean value of what was taken\].
    ///
    /// # Errors
    /// When the device fails.
    #[expect(clippy::too_many_arguments, reason = "three tables in, gradient and summary out")]
    fn slate(
        &self,
        config: &SlateConfig,
        batch: &mut Batch<Self>,
        outputs: &Self::Buf<f32>,
        next_target: &Self::Buf<f32>,
        next_chooser: Option<&Self::Buf<f32>>,
        doutputs: &mut Self::Buf<f32>,
        summary: &mut Self::Buf<f32>,
    ) -> Result<()>;
}

impl Slate for Cpu {
    fn choose_slate(
        &self,
        config: &SlateConfig,
        epsilon: &Ramp,
        seed: u64,
        rows: usize,
        outputs: &Vec<f32>,
        clock: &Vec<u32>,
        code: &mut Vec<u32>,
    ) -> Result<()> {
        compiled!(self.isa() => greedy(
            config: &SlateConfig = config,
            outputs: &[f32] = &outputs[..rows * config.outputs()],
            code: &mut [u32] = code,
        ));
        let epsilon = epsilon.at(clock[STEPS]);
        if epsilon > 0.0 {
            let address = Rng::new(seed, Domain::Agent);
            for (row, code) in code[..rows].iter_mut().enumerate() {
                let mut stream = address.at(row as u32, 0, clock[STEPS]).stream(Purpose::EXPLORE);
                if stream.bernoulli(epsilon) {
                    let mut slate = [0; MOST_SLOTS];
                    for place in 0..config.slots {
                        slate[place] = loop {
                            let item = stream.below(config.candidates as u32);
                            if !slate[..place].contains(&item) {
                                break next_open(
                                    &outputs[row * config.outputs()..][..config.candidates],
                                    &slate[..place],
                                    item,
                                );
                            }
                        };
                    }
                    *code = config.code(&slate[..config.slots]);
                }
            }
        }
        Ok(())
    }

    fn slate(
        &self,
        config: &SlateConfig,
        batch: &mut Batch<Self>,
        outputs: &Vec<f32>,
        next_target: &Vec<f32>,
        next_chooser: Option<&Vec<f32>>,
        doutputs: &mut Vec<f32>,
        summary: &mut Vec<f32>,
    ) -> Result<()> {
        compiled!(self.isa() => difference(
            config: &SlateConfig = config,
            batch: &mut Batch<Cpu> = batch,
            outputs: &[f32] = outputs,
            next: [&[f32]; 2] = [next_target, next_chooser.unwrap_or(next_target)],
            doutputs: &mut [f32] = doutputs,
            summary: &mut [f32] = summary,
        ));
        Ok(())
    }
}

impl Slate for Cuda {
    fn choose_slate(
        &self,
        config: &SlateConfig,
        epsilon: &Ramp,
        seed: u64,
        rows: usize,
        outputs: &Buffer<f32>,
        clock: &Buffer<u32>,
        code: &mut Buffer<u32>,
    ) -> Result<()> {
        let SlateConfig { candidates, slots, .. } = *config;
        let Ramp { from, to, over } = *epsilon;
        let [key0, key1] = Rng::new(seed, Domain::Agent).key();
        let arguments = [
            rows.into(),
            candidates.into(),
            slots.into(),
            config.selection().into(),
            outputs.first(rows * config.outputs()),
            clock.all(),
            key0.into(),
            key1.into(),
            from.into(),
            to.into(),
            over.into(),
            code.first(rows),
        ];
        self.launch("choose_slate", blocks(rows, 32), &arguments)
    }

    fn slate(
        &self,
        config: &SlateConfig,
        batch: &mut Batch<Self>,
        outputs: &Buffer<f32>,
        next_target: &Buffer<f32>,
        next_chooser: Option<&Buffer<f32>>,
        doutputs: &mut Buffer<f32>,
        summary: &mut Buffer<f32>,
    ) -> Result<()> {
        let SlateConfig { candidates, slots, taken, huber, choice, .. } = *config;
        let (size, table, width) = (batch.size, batch.size * config.outputs(), batch.width);
        let (action, weight, error) = (batch.action.first(size), batch.weight.first(size), batch.error.first(size));
        let (next, outputs) = (batch.next.first(size * width), outputs.first(table));
        let sizes = [size.into(), candidates.into(), slots.into(), config.selection().into()];
        let places = [width.into(), taken.into(), huber.into(), choice.into(), action];
        let numbers = [
            batch.reward.first(size),
            batch.discount.first(size),
            weight,
            next,
            outputs,
            next_target.first(table),
            next_chooser.unwrap_or(next_target).first(table),
            doutputs.first(table),
            error,
        ];
        let arguments = [&sizes[..], &places, &numbers].concat();
        self.launch("slate", blocks(size, 32), &arguments)?;
        let numbers = [weight, next, outputs, error, summary.first(2)];
        self.launch("slate_summary", blocks(1, 32), &[&sizes[..], &places, &numbers].concat())
    }
}

/// The first item from `drawn` on, cyclically, that is open and not shown yet; `drawn` itself when there is none.
fn next_open(q: &[f32], shown: &[u32], drawn: u32) -> u32 {
    let count = q.len() as u32;
    let later = (drawn..count).chain(0..drawn);
    let is_free = |item: &u32| q[*item as usize] != f32::NEG_INFINITY && !shown.contains(item);
    later.into_iter().find(is_free).unwrap_or(drawn)
}

/// Writes the best slate of a row of outputs.
#[inline(always)]
fn best(config: &SlateConfig, row: &[f32], slate: &mut [u32]) {
    match config.best {
        BestSlate::Cascade => Cascade::new(row).best(slate),
        best => {
            Conditional::new(row).best(best, slate);
        }
    }
}

/// What a row of outputs says that a slate is worth.
#[inline(always)]
fn value(config: &SlateConfig, row: &[f32], slate: &[u32]) -> f32 {
    match config.best {
        BestSlate::Cascade => Cascade::new(row).value(slate),
        best => Conditional::new(row).value(best, slate),
    }
}

/// −ln of the probability that a row of outputs gives to what is taken, at a place or nothing, and its derivatives by
/// utilities.
#[inline(always)]
fn surprise(
    config: &SlateConfig,
    row: &[f32],
    slate: &[u32],
    place: Option<usize>,
    slope: impl FnMut(usize, f32),
) -> f32 {
    match config.best {
        BestSlate::Cascade => Cascade::new(row).surprise(slate, place, slope),
        _ => Conditional::new(row).surprise(slate, place, slope),
    }
}

#[inline(always)]
fn greedy(config: &SlateConfig, outputs: &[f32], code: &mut [u32]) {
    let mut slate = [0; MOST_SLOTS];
    let slate = &mut slate[..config.slots];
    for (row, code) in outputs.chunks_exact(config.outputs()).zip(code) {
        best(config, row, slate);
        *code = config.code(slate);
    }
}

/// `next` is the target network's outputs and those that choose the slate.
#[inline(always)]
fn difference(
    config: &SlateConfig,
    batch: &mut Batch<Cpu>,
    outputs: &[f32],
    next: [&[f32]; 2],
    doutputs: &mut [f32],
    summary: &mut [f32],
) {
    let (size, len, kappa) = (batch.size, config.outputs(), config.huber);
    let width = batch.width;
    let nothing = config.candidates;
    let (mut loss, mut total) = (0.0, 0.0);
    doutputs[..size * len].fill(0.0);
    for i in 0..size {
        let row = i * len..(i + 1) * len;
        let mut target = batch.reward[i];
        if batch.discount[i] != 0.0 {
            let mut slate = [0; MOST_SLOTS];
            let slate = &mut slate[..config.slots];
            best(config, &next[1][row.clone()], slate);
            target += batch.discount[i] * value(config, &next[0][row.clone()], slate);
        }
        let mut shown = [0; MOST_SLOTS];
        let shown = &mut shown[..config.slots];
        config.items(batch.action[i]).zip(&mut *shown).for_each(|(item, place)| *place = item);
        let places = &batch.next[i * width + config.taken..][..config.slots];
        let place = places.iter().position(|&taken| taken > 0.5);
        let taken = place.map_or(nothing, |place| shown[place] as usize);

        let (here, d) = (&outputs[row.clone()], &mut doutputs[row]);
        let error = here[taken] - target;
        let clipped = if error > kappa {
            kappa
        } else if error < -kappa {
            -kappa
        } else {
            error
        };
        d[taken] = batch.weight[i] * clipped / size as f32;
        let slope = |at, slope| d[nothing + 1 + at] = batch.weight[i] * config.choice * slope / size as f32;
        let surprise = surprise(config, here, shown, place, slope);
        batch.error[i] = error.abs();
        let huber = if error.abs() > kappa { kappa * (error.abs() - 0.5 * kappa) } else { 0.5 * (error * error) };
        loss += batch.weight[i] * (huber + config.choice * surprise);
        total += here[taken];
    }
    summary[0] = loss / size as f32;
    summary[1] = total / size as f32;
}

#[cfg(test)]
mod tests;
