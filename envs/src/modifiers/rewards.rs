//! What becomes of a reward on its way to the agent: cost, noise, loss, delay.
use super::Modifiers;
use crate::rng::{Purpose, Rng};
use serde::{Deserialize, Serialize};

/// The rewards of all rows: what was paid, what is on its way, and what was shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Rewards {
    delay: usize,
    /// rows × delay: what was paid at step t waits at t modulo the delay.
    waiting: Vec<f32>,
    /// What the world paid in the last step.
    pub paid: Vec<f32>,
    /// What the last step cost.
    pub cost: Vec<f32>,
    /// What the episode has cost.
    pub total_cost: Vec<f64>,
    /// Sum of the rewards shown in the episode.
    pub observed: Vec<f64>,
}

impl Rewards {
    pub fn new(modifiers: &Modifiers, rows: usize) -> Self {
        let delay = modifiers.reward_delay as usize;
        Rewards {
            delay,
            waiting: vec![0.0; rows * delay],
            paid: vec![0.0; rows],
            cost: vec![0.0; rows],
            total_cost: vec![0.0; rows],
            observed: vec![0.0; rows],
        }
    }

    /// Whether `other` has as many rows and the same delay.
    pub fn fits(&self, other: &Rewards) -> bool {
        let shape = |rewards: &Rewards| {
            let rows = [&rewards.paid, &rewards.cost, &rewards.waiting].map(Vec::len);
            (rewards.delay, rows, rewards.total_cost.len(), rewards.observed.len())
        };
        shape(self) == shape(other)
    }

    /// Forgets the episode of `row`.
    pub fn start(&mut self, row: usize) {
        self.waiting[row * self.delay..][..self.delay].fill(0.0);
        (self.paid[row], self.cost[row], self.total_cost[row], self.observed[row]) = (0.0, 0.0, 0.0, 0.0);
    }

    /// What is shown of the reward `paid` in step `step` of the episode, which has cost `total` so far, this step included;
    /// `here` is the address of the step.
    pub fn show(
        &mut self,
        modifiers: &Modifiers,
        (row, step, last): (usize, u32, bool),
        (paid, total): (f32, f64),
        here: &Rng,
    ) -> f32 {
        self.paid[row] = paid;
        self.cost[row] = (total - self.total_cost[row]) as f32;
        self.total_cost[row] = total;
        let mut shown = paid - modifiers.cost_weight * self.cost[row];
        if modifiers.reward_noise > 0.0 {
            shown += modifiers.reward_noise * here.stream(Purpose::REWARD_NOISE).normal();
        }
        if modifiers.reward_missing > 0.0 && here.stream(Purpose::REWARD_MISSING).bernoulli(modifiers.reward_missing) {
            shown = 0.0;
        }
        if self.delay > 0 {
            let waiting = &mut self.waiting[row * self.delay..][..self.delay];
            let at = step as usize % self.delay;
            shown = std::mem::replace(&mut waiting[at], shown);
            if last {
                // The oldest first: after `at` comes what was paid earliest.
                for later in 1..=self.delay {
                    shown += waiting[(at + later) % self.delay];
                }
            }
        }
        self.observed[row] += f64::from(shown);
        shown
    }
}
