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
use envs::{
    math::{exp, ln},
    rng::{Domain, Purpose, Rng},
};

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
        let sizes = [size.into(), candidates.into(), slots.into()];
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
        let arguments = [&sizes[..], &[config.selection().into()], &places, &numbers].concat();
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

/// A row of outputs as values and choice weights; nothing is the last of each.
struct Menu<'a> {
    q: &'a [f32],
    w: [f32; MOST_CANDIDATES + 1],
}

impl<'a> Menu<'a> {
    #[inline(always)]
    fn new(row: &'a [f32]) -> Self {
        let (q, u) = row.split_at(row.len() / 2);
        let most = u.iter().fold(f32::NEG_INFINITY, |most, &u| if u > most { u } else { most });
        let mut w = [0.0; MOST_CANDIDATES + 1];
        for (w, u) in w.iter_mut().zip(u) {
            *w = exp(u - most);
        }
        Menu { q, w }
    }

    /// The mean of the values under the choice, or that of the first item.
    #[inline(always)]
    fn value(&self, best: BestSlate, slate: &[u32]) -> f32 {
        if best == BestSlate::Items {
            return self.q[slate[0] as usize];
        }
        let nothing = self.q.len() - 1;
        let (mut sum, mut total) = (0.0, 0.0);
        for i in slate.iter().map(|&item| item as usize).chain([nothing]) {
            sum += self.w[i] * self.q[i];
            total += self.w[i];
        }
        sum / total
    }

    /// The items with the k largest w_i (q_i − λ), or q_i alone, largest first, ties to the lowest index.
    #[inline(always)]
    fn largest(&self, by: BestSlate, lambda: f32, slate: &mut [u32]) {
        for place in 0..slate.len() {
            let (mut best, mut most) = (None, f32::NEG_INFINITY);
            for (i, (w, q)) in self.w.iter().zip(&self.q[..self.q.len() - 1]).enumerate() {
                // A closed item stays closed where its weight is 0.
                let plain = by == BestSlate::Items || *q == f32::NEG_INFINITY;
                let gain = if plain { *q } else { w * (q - lambda) };
                if (gain > most || best.is_none()) && !slate[..place].contains(&(i as u32)) {
                    (best, most) = (Some(i), gain);
                }
            }
            slate[place] = best.unwrap_or(0) as u32;
        }
    }

    /// Writes the best slate and returns its value.
    #[inline(always)]
    fn best(&self, best: BestSlate, slate: &mut [u32]) -> f32 {
        self.largest(best, 0.0, slate);
        let mut value = self.value(best, slate);
        if best != BestSlate::Exact {
            return value;
        }
        // The value rises strictly, and there are finitely many slates; a handful of rounds is usual. A NaN ends it too.
        loop {
            let mut next = [0; MOST_SLOTS];
            let next = &mut next[..slate.len()];
            self.largest(best, value, next);
            let risen = self.value(best, next);
            if risen > value {
                value = risen;
                slate.copy_from_slice(next);
            } else {
                return value;
            }
        }
    }
}

#[inline(always)]
fn greedy(config: &SlateConfig, outputs: &[f32], code: &mut [u32]) {
    let mut slate = [0; MOST_SLOTS];
    let slate = &mut slate[..config.slots];
    for (row, code) in outputs.chunks_exact(config.outputs()).zip(code) {
        Menu::new(row).best(config.best, slate);
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
            Menu::new(&next[1][row.clone()]).best(config.best, slate);
            target += batch.discount[i] * Menu::new(&next[0][row.clone()]).value(config.best, slate);
        }
        let position = &batch.next[i * width + config.taken..][..config.slots];
        let position = position.iter().position(|&taken| taken > 0.5);
        let taken = position.and_then(|place| config.items(batch.action[i]).nth(place));
        let taken = taken.map_or(nothing, |item| item as usize);

        let (here, d) = (&outputs[row.clone()], &mut doutputs[row]);
        let menu = Menu::new(here);
        let error = here[taken] - target;
        let clipped = if error > kappa {
            kappa
        } else if error < -kappa {
            -kappa
        } else {
            error
        };
        d[taken] = batch.weight[i] * clipped / size as f32;
        let sum = config.items(batch.action[i]).fold(0.0, |sum, item| sum + menu.w[item as usize]) + menu.w[nothing];
        for at in config.items(batch.action[i]).map(|item| item as usize).chain([nothing]) {
            let probability = menu.w[at] / sum;
            let slope = if at == taken { probability - 1.0 } else { probability };
            d[nothing + 1 + at] = batch.weight[i] * config.choice * slope / size as f32;
        }
        batch.error[i] = error.abs();
        let huber = if error.abs() > kappa { kappa * (error.abs() - 0.5 * kappa) } else { 0.5 * (error * error) };
        loss += batch.weight[i] * (huber - config.choice * ln(menu.w[taken] / sum));
        total += here[taken];
    }
    summary[0] = loss / size as f32;
    summary[1] = total / size as f32;
}

#[cfg(test)]
mod tests;
