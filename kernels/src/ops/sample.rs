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
mod tests {
    use super::*;
    use crate::{
        memory,
        testing::{plain, stream},
    };

    /// A vector's history, kept whole: the independent account that the ring is compared with.
    struct History {
        rows: usize,
        stage: Vec<Stage>,
        reward: Vec<f32>,
        action: Vec<u32>,
    }

    /// A transition as (start, end, return, discount).
    type Transition = (usize, usize, f32, f32);

    impl History {
        /// Random episodes; rewards are multiples of 1/8, so that sums with γ = 1/2 are exact in any order.
        fn random(rows: usize, steps: usize, seed: u64) -> Self {
            let mut stream = stream(seed);
            let mut history = History { rows, stage: vec![], reward: vec![], action: vec![] };
            for at in 0..steps * rows {
                let stage = match at.checked_sub(rows).map(|before| history.stage[before].is_last()) {
                    None | Some(true) => Stage::First,
                    Some(false) => match stream.below(8) {
                        0 => Stage::Terminated,
                        1 => Stage::Truncated,
                        _ => Stage::Mid,
                    },
                };
                history.stage.push(stage);
                let eighths = if stage == Stage::First { 0 } else { stream.below(17) };
                history.reward.push(eighths as f32 / 8.0 - 1.0);
                history.action.push(stream.below(1000));
            }
            history
        }

        /// Every transition that may be drawn when slots 0..committed are written and a ring of `slots` holds the last.
        fn transitions(&self, committed: usize, slots: usize, n_step: usize) -> Vec<Transition> {
            let mut found = vec![];
            for slot in committed.saturating_sub(slots - 1)..committed {
                for row in 0..self.rows {
                    let start = slot * self.rows + row;
                    if self.stage[start].is_last() {
                        continue;
                    }
                    let followers: Vec<usize> = (1..=n_step)
                        .map(|i| start + i * self.rows)
                        .take_while(|&at| at < committed * self.rows)
                        .collect();
                    let episode_end = followers.iter().position(|&at| self.stage[at].is_last());
                    let length = match episode_end {
                        Some(position) => position + 1,
                        None if followers.len() == n_step => n_step,
                        None => continue,
                    };
                    let end = followers[length - 1];
                    let value =
                        (0..length).map(|i| math::powi64(0.5, i as u32) as f32 * self.reward[followers[i]]).sum();
                    let discount = if self.stage[end] == Stage::Terminated {
                        0.0
                    } else {
                        math::powi64(0.5, length as u32) as f32
                    };
                    found.push((start, end, value, discount));
                }
            }
            found
        }
    }

    /// A ring that is fed from a history; the slot being written holds NaN until it is committed.
    struct Fed {
        memory: Memory<Cpu>,
        clock: Vec<u32>,
        config: SampleConfig,
    }

    impl Fed {
        fn new(slots: usize, rows: usize, n_step: usize, priority: Option<Priority>) -> Self {
            let memory = Memory::new(&plain(), slots, rows, 2, priority.is_some()).unwrap();
            let config = SampleConfig { n_step, discount: 0.5, seed: 9, priority };
            let mut fed = Fed { memory, clock: memory::clock(&plain()).unwrap(), config };
            fed.spoil();
            fed
        }
        fn spoil(&mut self) {
            let slot = self.clock[STEPS] as usize % self.memory.slots;
            let (cells, numbers) = (self.memory.cells(slot), self.memory.numbers(slot));
            self.memory.observation[numbers].fill(f32::NAN);
            self.memory.reward[cells].fill(f32::NAN);
        }
        /// Observations are (time, row).
        fn feed(&mut self, history: &History) {
            let time = self.clock[STEPS] as usize;
            for (row, cell) in self.memory.cells(time % self.memory.slots).enumerate() {
                let at = time * history.rows + row;
                self.memory.observation[2 * cell..2 * cell + 2].copy_from_slice(&[time as f32, row as f32]);
                self.memory.stage[cell] = history.stage[at];
                self.memory.reward[cell] = history.reward[at];
                self.memory.action[cell] = history.action[at];
            }
            plain().advance(&self.config, &mut self.memory, &mut self.clock).unwrap();
            self.spoil();
        }
        fn draw(&mut self, size: usize) -> Result<Batch<Cpu>> {
            let mut batch = Batch::new(&plain(), size, 2)?;
            plain().sample(&self.config, &self.memory, &self.clock, &mut batch)?;
            self.clock[UPDATES] += 1;
            Ok(batch)
        }
    }

    const PRIORITY: Priority = Priority { exponent: 0.6, importance: Ramp::constant(0.4), offset: 0.01 };

    /// Draws find exactly the transitions that an independent account of the whole history finds, with their returns,
    /// discounts and ends: over rings that wrap, n from 1 to 5, all stages, uniform and by priority.
    #[test]
    fn draws_exactly_what_may_be_drawn() {
        for (rows, slots, n_step, seed) in
            (1..=4).flat_map(|rows| [2, 3, 7, 16].map(|slots| (rows, slots))).zip(1u64..).flat_map(
                |((rows, slots), seed)| (1..=5).map(move |n_step| (rows, slots, n_step, 10 * seed + n_step as u64)),
            )
        {
            let history = History::random(rows, 40, seed);
            for priority in [None, Some(PRIORITY)] {
                let mut fed = Fed::new(slots, rows, n_step, priority);
                for committed in 1..=40 {
                    fed.feed(&history);
                    let expected = history.transitions(committed, slots, n_step);
                    if let Some(tree) = &fed.memory.tree {
                        let cell = |start: usize| start / rows % slots * rows + start % rows;
                        let mut cells: Vec<usize> = expected.iter().map(|found| cell(found.0)).collect();
                        cells.sort();
                        let offered: Vec<usize> = (0..slots * rows).filter(|&cell| tree.leaf(cell) > 0).collect();
                        assert_eq!(offered, cells, "rows {rows}, slots {slots}, n {n_step}, committed {committed}");
                    }
                    let Ok(batch) = fed.draw(400) else {
                        assert!(expected.is_empty());
                        continue;
                    };
                    let mut drawn: Vec<Transition> = (0..batch.size)
                        .map(|i| {
                            let at = |x: &[f32]| x[2 * i] as usize * rows + x[2 * i + 1] as usize;
                            let start = at(&batch.observation);
                            assert_eq!(batch.action[i], history.action[start]);
                            (start, at(&batch.next), batch.reward[i], batch.discount[i])
                        })
                        .collect();
                    drawn.sort_by_key(|transition| transition.0);
                    drawn.dedup();
                    assert_eq!(drawn, expected, "rows {rows}, slots {slots}, n {n_step}, committed {committed}");
                }
            }
        }
    }

    /// r = (1, 2, −1, 0.5, 3), γ = 0.9, bootstrap values 10k: the n-step returns of a worked table.
    #[test]
    fn worked_returns() {
        let value = |n_step: usize, second: Stage| {
            let mut fed = Fed::new(8, 1, n_step, None);
            fed.config.discount = 0.9;
            let stages = [Stage::First, Stage::Mid, second, Stage::Mid, Stage::Mid, Stage::Mid];
            let history = History {
                rows: 1,
                stage: stages.to_vec(),
                reward: vec![0.0, 1.0, 2.0, -1.0, 0.5, 3.0],
                action: vec![0; 6],
            };
            (0..6).for_each(|_| fed.feed(&history));
            let batch = fed.draw(100).unwrap();
            let i = (0..100).find(|&i| batch.observation[2 * i] == 0.0).unwrap();
            batch.reward[i] + batch.discount[i] * 10.0 * batch.next[2 * i]
        };
        for (n_step, second, expected) in [
            (3, Stage::Mid, 23.86),
            (3, Stage::Terminated, 2.8),
            (3, Stage::Truncated, 19.0),
            (5, Stage::Mid, 33.8473),
            (1, Stage::Mid, 10.0),
        ] {
            assert!((value(n_step, second) - expected).abs() < 1e-5 * expected, "{n_step} {second:?}");
        }
    }

    /// Uniform draws are uniform: every transition within 5 standard deviations of its share.
    #[test]
    fn uniform_draws_are_uniform() {
        let history = History::random(3, 30, 4);
        let mut fed = Fed::new(20, 3, 2, None);
        (0..30).for_each(|_| fed.feed(&history));
        let transitions = history.transitions(30, 20, 2).len() as f64;
        let batch = fed.draw(20_000).unwrap();
        let mut counts = vec![0.0; 60];
        batch.pick.iter().for_each(|&pick| counts[pick as usize] += 1.0);
        let share = 20_000.0 / transitions;
        let drawn: Vec<f64> = counts.into_iter().filter(|&count| count > 0.0).collect();
        assert_eq!(drawn.len() as f64, transitions);
        assert!(drawn.iter().all(|count| (count - share).abs() < 5.0 * share.sqrt()));
    }

    /// |TD| = (0.5, 2, 0, 1, 3): weights over the batch's largest, and a later equal pick wins.
    #[test]
    fn priorities_and_weights() {
        let history = History { rows: 1, stage: vec![Stage::Mid; 6], reward: vec![0.0; 6], action: vec![0; 6] };
        let mut fed = Fed::new(7, 1, 1, Some(PRIORITY));
        (0..6).for_each(|_| fed.feed(&history));
        let mut batch = Batch::new(&plain(), 6, 2).unwrap();
        batch.pick = vec![1, 0, 1, 2, 3, 4];
        batch.error = vec![7.0, 0.5, 2.0, 0.0, 1.0, 3.0];
        plain().prioritise(&fed.config, &mut fed.memory, &batch).unwrap();
        let expected = [0.389209254, 0.2800483036, 1.0, 0.3303412975, 0.2541815602];
        let mut seen = [false; 5];
        let batch = fed.draw(500).unwrap();
        for (&pick, &weight) in batch.pick.iter().zip(&batch.weight) {
            seen[pick as usize] = true;
            assert!((f64::from(weight) - expected[pick as usize]).abs() < 1e-6);
        }
        assert_eq!(seen, [true; 5]);
        // Each segment of the total gives one pick: the fifth of |TD| = 3 covers the last 37.29 %.
        assert!([186, 187].contains(&batch.pick.iter().filter(|&&pick| pick == 4).count()));
        // The next transition enters with the largest leaf so far, which the overwritten 7 gave.
        let tree = fed.memory.tree.as_ref().unwrap();
        assert_eq!(tree.entering(), tree::leaf(7.01, 0.6));
    }

    /// A ring that offers nothing says so instead of searching for ever.
    #[test]
    fn nothing_to_draw_is_an_error() {
        let history = History { rows: 1, stage: vec![Stage::Terminated; 9], reward: vec![0.0; 9], action: vec![0; 9] };
        for priority in [None, Some(PRIORITY)] {
            let mut fed = Fed::new(5, 1, 3, priority);
            assert!(fed.draw(4).is_err());
            (0..9).for_each(|_| fed.feed(&history));
            let error = fed.draw(4).err().expect("only ends of episodes").to_string();
            assert!(error.contains("5 slots") && error.contains("after 9 steps"), "{error}");
        }
    }

    #[test]
    fn newest_is_the_last_committed() {
        let history = History::random(2, 10, 1);
        let mut fed = Fed::new(4, 2, 1, None);
        for time in 0..10 {
            fed.feed(&history);
            let mut x = vec![0.0; 4];
            plain().newest(&fed.memory, &fed.clock, &mut x).unwrap();
            assert_eq!(x, [time as f32, 0.0, time as f32, 1.0]);
        }
    }
}
