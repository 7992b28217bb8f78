//! Experience replay over the time-major ring: which transitions may be drawn, uniform and prioritised draws, the
//! n-step fold and the gather (Lin 1992; Schaul et al. 2016, with importance weights over the batch's largest).
//!
//! With S committed slots the newest is slot S − 1 (mod slots) and slot S (mod slots) is being written. A start t may be
//! drawn when t is among the last slots − 1 committed ones, its stage is not the last of an episode (what follows such a
//! slot is a reset, not a transition), and its window is complete: t + n is committed, or the episode ended before. The
//! window stops at the first Terminated (discount 0) or Truncated (bootstrap there):
//! reward = Σ γ^(i−1) r(t+i), discount = γ^k or 0, next = observation of t + k; the powers are running products in f32
//! and the sum starts at +0. A uniform pick is a bounded integer over the last slots − 1 committed slots, oldest first,
//! times the rows, drawn again until a start may be drawn.
//!
//! Priorities are integers, so that neither order nor threads change a sum: leaf = round(p^α · 2²⁴) with
//! p = |TD error| + offset, at least 1, at most 2⁴⁰. A transition enters with the largest leaf so far (2²⁴ at first)
//! when its window completes; the slot being written has 0. Of two equal picks in a batch the later position writes.
//! Pick i of a batch of B draws from the i-th of B equal segments of the total, ⌊i·total/B⌋ to ⌊(i+1)·total/B⌋; its
//! weight is (smallest leaf of the batch / its leaf)^β, which is (N·P)^−β over the largest of the batch. Both powers
//! are f32. Leaves up to 2⁴⁰ leave room for 2²³ cells.
use crate::{
    cpu::Cpu,
    cuda::{Arg, Buffer, Cuda, Grid, blocks},
    device::Device,
    dispatch::prefetch,
    error::{Error, Result},
    memory::{Batch, Memory, STEPS, SumTree, UPDATES},
    schedule::Ramp,
};
use envs::{
    Stage, math,
    rng::{Domain, Purpose, Rng, Stream},
};
use ring::Ring;

mod ring;
mod tree;

/// How transitions are drawn and folded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SampleConfig {
    /// Window length n, at least 1.
    pub n_step: usize,
    /// Discount γ per step.
    pub discount: f32,
    /// Seed of the draws: address (position in the batch, 0, update), agent domain.
    pub seed: u64,
    /// Prioritised draws; `None` draws uniformly.
    pub priority: Option<Priority>,
}

/// Prioritised replay's numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Priority {
    /// Exponent α of the priorities.
    pub exponent: f32,
    /// Exponent β of the importance weights, by updates.
    pub importance: Ramp,
    /// Added to |TD error|.
    pub offset: f32,
}

/// The replay ring's operations.
pub trait Sample: Device {
    /// The slot being written is committed: counts it, and gives priorities to the transitions that it completes.
    ///
    /// # Errors
    /// When the device fails.
    fn advance(&self, config: &SampleConfig, memory: &mut Memory<Self>, clock: &mut Self::Buf<u32>) -> Result<()>;

    /// Copies the newest committed slot's observations to x\[rows × width\].
    ///
    /// # Errors
    /// When the device fails.
    fn newest(&self, memory: &Memory<Self>, clock: &Self::Buf<u32>, x: &mut Self::Buf<f32>) -> Result<()>;

    /// Draws a batch, folds its windows and gathers it. The ring must offer at least one transition.
    ///
    /// # Errors
    /// When the device fails.
    fn sample(
        &self,
        config: &SampleConfig,
        memory: &Memory<Self>,
        clock: &Self::Buf<u32>,
        batch: &mut Batch<Self>,
    ) -> Result<()>;

    /// Writes the batch's |TD error| back as priorities; nothing when draws are uniform.
    ///
    /// # Errors
    /// When the device fails.
    fn prioritise(&self, config: &SampleConfig, memory: &mut Memory<Self>, batch: &Batch<Self>) -> Result<()>;
}

impl Sample for Cpu {
    fn advance(&self, config: &SampleConfig, memory: &mut Memory<Self>, clock: &mut Vec<u32>) -> Result<()> {
        clock[STEPS] += 1;
        let Memory { slots, rows, stage, tree: Some(tree), .. } = memory else { return Ok(()) };
        let ring = Ring { slots: *slots, rows: *rows, committed: clock[STEPS], stage };
        let entering = tree.entering();
        for after in (1..ring.offered()).take(config.n_step) {
            let completed = |cell| ring.window(cell, after, config.n_step) == Some(after);
            tree.fill(ring.cells(ring.slot(after)), |cell| completed(cell).then_some(entering));
        }
        tree.fill(ring.cells(ring.open()), |_| Some(0));
        Ok(())
    }

    fn newest(&self, memory: &Memory<Self>, clock: &Vec<u32>, x: &mut Vec<f32>) -> Result<()> {
        let newest = &memory.observation[memory.numbers(memory.newest_slot(clock))];
        x[..newest.len()].copy_from_slice(newest);
        Ok(())
    }

    fn sample(
        &self,
        config: &SampleConfig,
        memory: &Memory<Self>,
        clock: &Vec<u32>,
        batch: &mut Batch<Self>,
    ) -> Result<()> {
        let ring = memory.ring(clock);
        let address = Rng::new(config.seed, Domain::Agent);
        let stream = |i: usize| address.at(i as u32, 0, clock[UPDATES]).stream(Purpose::SAMPLE);
        let drawn = match (&config.priority, &memory.tree) {
            (Some(priority), Some(tree)) => {
                draw_by_priority(tree, priority.importance.at(clock[UPDATES]), stream, batch)
            }
            _ => draw_uniformly(&ring, config.n_step, stream, batch),
        };
        drawn.ok_or(Error::NothingToDraw { slots: ring.slots, committed: ring.committed, window: config.n_step })?;
        gather(config, memory, &ring, batch);
        Ok(())
    }

    fn prioritise(&self, config: &SampleConfig, memory: &mut Memory<Self>, batch: &Batch<Self>) -> Result<()> {
        if let (Some(priority), Some(tree)) = (&config.priority, &mut memory.tree) {
            let leaf = |i: usize| tree::leaf(batch.error[i] + priority.offset, priority.exponent);
            tree.update(&batch.pick[..batch.size], leaf);
        }
        Ok(())
    }
}

/// Threads of the kernels that are one block.
const ONE_BLOCK: Grid = Grid { blocks: [1, 1], threads: 256 };

impl Sample for Cuda {
    fn advance(&self, config: &SampleConfig, memory: &mut Memory<Self>, clock: &mut Buffer<u32>) -> Result<()> {
        let sizes = [memory.slots.into(), memory.rows.into(), config.n_step.into()];
        let (nodes, depth) = memory.tree.as_ref().map_or((Arg::Nothing, Arg::Count(0)), SumTree::arguments);
        let numbers = [memory.stage.all(), clock.all(), nodes, depth];
        self.launch("advance", ONE_BLOCK, &[&sizes[..], &numbers].concat())
    }

    fn newest(&self, memory: &Memory<Self>, clock: &Buffer<u32>, x: &mut Buffer<f32>) -> Result<()> {
        let numbers = memory.rows * memory.width;
        let arguments = [memory.slots.into(), numbers.into(), memory.observation.all(), clock.all(), x.first(numbers)];
        self.launch("newest", blocks(numbers, 128), &arguments)
    }

    fn sample(
        &self,
        config: &SampleConfig,
        memory: &Memory<Self>,
        clock: &Buffer<u32>,
        batch: &mut Batch<Self>,
    ) -> Result<()> {
        let (size, slots, rows, n_step) = (batch.size, memory.slots.into(), memory.rows.into(), config.n_step.into());
        let (pick, weight) = (batch.pick.first(size), batch.weight.first(size));
        let [key0, key1] = Rng::new(config.seed, Domain::Agent).key().map(Arg::from);
        let written = [pick, weight, self.fault()];
        match (&config.priority, &memory.tree) {
            (Some(priority), Some(tree)) => {
                let (nodes, depth) = tree.arguments();
                let Ramp { from, to, over } = priority.importance;
                let tree = [size.into(), slots, n_step, nodes, depth, clock.all(), key0, key1];
                let ramp = [from.into(), to.into(), over.into()];
                self.launch("sample_priority", ONE_BLOCK, &[&tree[..], &ramp, &written].concat())?;
            }
            _ => {
                let ring = [size.into(), slots, rows, n_step, memory.stage.all(), clock.all(), key0, key1];
                self.launch("sample_uniform", blocks(size, 64), &[&ring[..], &written].concat())?;
            }
        }
        let sizes = [size.into(), slots, rows, memory.width.into(), n_step, config.discount.into(), pick];
        let ring = [memory.observation.all(), memory.action.all(), memory.reward.all(), memory.stage.all()];
        let ends = [batch.observation.first(size * memory.width), batch.next.first(size * memory.width)];
        let folded = [batch.action.first(size), batch.reward.first(size), batch.discount.first(size)];
        self.launch("gather", blocks(size * 32, 128), &[&sizes[..], &ring, &ends, &folded].concat())?;
        if memory.reals == 0 {
            return Ok(());
        }
        let numbers = size * memory.reals;
        let arguments = [size.into(), memory.reals.into(), pick, memory.real.all(), batch.real.first(numbers)];
        self.launch("gather_reals", blocks(numbers, 128), &arguments)
    }

    fn prioritise(&self, config: &SampleConfig, memory: &mut Memory<Self>, batch: &Batch<Self>) -> Result<()> {
        let (Some(priority), Some(tree)) = (&config.priority, &memory.tree) else { return Ok(()) };
        let (nodes, depth) = tree.arguments();
        let settings = [batch.size.into(), nodes, depth, priority.offset.into(), priority.exponent.into()];
        let numbers = [batch.pick.first(batch.size), batch.error.first(batch.size)];
        self.launch("prioritise", ONE_BLOCK, &[&settings[..], &numbers].concat())
    }
}

impl SumTree<Cuda> {
    /// The nodes, and how many levels lie above the leaves.
    fn arguments(&self) -> (Arg, Arg) {
        (self.nodes.first(2 * self.leaves), self.leaves.trailing_zeros().into())
    }
}

impl Memory<Cpu> {
    /// The slot that was committed last.
    pub(crate) fn newest_slot(&self, clock: &[u32]) -> usize {
        self.ring(clock).slot(0)
    }

    fn ring(&self, clock: &[u32]) -> Ring<'_> {
        Ring { slots: self.slots, rows: self.rows, committed: clock[STEPS], stage: &self.stage }
    }
}

/// Rejections after which it is worth looking whether there is anything to draw at all.
const PATIENCE: u32 = 1000;

/// Picks with weight 1; `None` when nothing may be drawn.
fn draw_uniformly(ring: &Ring, n_step: usize, stream: impl Fn(usize) -> Stream, batch: &mut Batch<Cpu>) -> Option<()> {
    let offered = ring.offered();
    let draw = |stream: &mut Stream| {
        let index = stream.below((offered * ring.rows) as u32) as usize;
        let after = offered.checked_sub(1 + index / ring.rows)?;
        let cell = ring.cells(ring.slot(after)).start + index % ring.rows;
        ring.window(cell, after, n_step).map(|_| cell as u32)
    };
    for (i, pick) in batch.pick[..batch.size].iter_mut().enumerate() {
        let mut stream = stream(i);
        let mut rejections = 0;
        *pick = loop {
            if let Some(cell) = draw(&mut stream) {
                break cell;
            }
            rejections += 1;
            if rejections % PATIENCE == 0 && !ring.offers_any(n_step) {
                return None;
            }
        };
    }
    batch.weight[..batch.size].fill(1.0);
    Some(())
}

/// Picks with their importance weights; `None` when nothing may be drawn.
fn draw_by_priority(
    tree: &SumTree<Cpu>,
    beta: f32,
    stream: impl Fn(usize) -> Stream,
    batch: &mut Batch<Cpu>,
) -> Option<()> {
    let (total, size) = (tree.total(), batch.size as u64);
    if total == 0 {
        return None;
    }
    // i · total / size without overflow.
    let edge = |i: u64| i * (total / size) + i * (total % size) / size;
    let pick = &mut batch.pick[..batch.size];
    tree.find(pick, |i| {
        let (low, high) = (edge(i as u64), edge(i as u64 + 1));
        low + stream(i).below64(high - low)
    });
    let leaf = |&cell: &u32| tree.leaf(cell as usize);
    let smallest = pick.iter().map(leaf).min()?;
    for (weight, leaf) in batch.weight.iter_mut().zip(pick.iter().map(leaf)) {
        *weight = math::pow((smallest as f64 / leaf as f64) as f32, beta);
    }
    Some(())
}

/// How many transitions ahead the gather asks for memory.
const AHEAD: usize = 64;

/// Folds the windows of the picks and copies both ends.
fn gather(config: &SampleConfig, memory: &Memory<Cpu>, ring: &Ring, batch: &mut Batch<Cpu>) {
    let width = memory.width;
    let row = |cell: usize| &memory.observation[cell * width..(cell + 1) * width];
    let near = |pick: u32| {
        let cell = pick as usize;
        prefetch(&memory.action[cell]);
        // The window's usual end; where an episode ends earlier only the prefetch misses.
        let end = ring.later(cell, config.n_step.min(ring.slots - 1));
        prefetch(&memory.reward[end]);
        prefetch(&memory.stage[end]);
        for cell in [cell, end] {
            row(cell).chunks(16).for_each(|line| prefetch(&line[0]));
        }
    };
    batch.pick[..batch.size.min(AHEAD)].iter().for_each(|&pick| near(pick));
    for i in 0..batch.size {
        if i + AHEAD < batch.size {
            near(batch.pick[i + AHEAD]);
        }
        let cell = batch.pick[i] as usize;
        let length = ring.length(cell, config.n_step);
        let (mut sum, mut power, mut end) = (0.0, 1.0, cell);
        for _ in 0..length {
            end = ring.later(end, 1);
            sum += power * memory.reward[end];
            power *= config.discount;
        }
        batch.action[i] = memory.action[cell];
        let reals = memory.reals;
        if reals > 0 {
            batch.real[i * reals..(i + 1) * reals].copy_from_slice(&memory.real[cell * reals..(cell + 1) * reals]);
        }
        batch.reward[i] = sum;
        batch.discount[i] = if memory.stage[end] == Stage::Terminated { 0.0 } else { power };
        batch.observation[i * width..(i + 1) * width].copy_from_slice(row(cell));
        batch.next[i * width..(i + 1) * width].copy_from_slice(row(end));
    }
}

#[cfg(test)]
mod tests;
