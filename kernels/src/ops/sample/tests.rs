//! What may be drawn, returns of several steps, priorities and their weights.
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
                let followers: Vec<usize> =
                    (1..=n_step).map(|i| start + i * self.rows).take_while(|&at| at < committed * self.rows).collect();
                let episode_end = followers.iter().position(|&at| self.stage[at].is_last());
                let length = match episode_end {
                    Some(position) => position + 1,
                    None if followers.len() == n_step => n_step,
                    None => continue,
                };
                let end = followers[length - 1];
                let value = (0..length).map(|i| math::powi64(0.5, i as u32) as f32 * self.reward[followers[i]]).sum();
                let discount =
                    if self.stage[end] == Stage::Terminated { 0.0 } else { math::powi64(0.5, length as u32) as f32 };
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
    for (rows, slots, n_step, seed) in (1..=4)
        .flat_map(|rows| [2, 3, 7, 16].map(|slots| (rows, slots)))
        .zip(1u64..)
        .flat_map(|((rows, slots), seed)| (1..=5).map(move |n_step| (rows, slots, n_step, 10 * seed + n_step as u64)))
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
