//! A Lagrange multiplier λ on a cost that the observation shows (Tessler, Mankowitz and Mannor 2019, "Reward constrained
//! policy optimization"): what it takes from a batch's rewards, and how it grows while the cost is above its limit.
//!
//! Slack is limit − cost. Over the rows of the newest slot but those where an episode begins, in index order,
//! λ ← max(0, λ − rate · mean slack): dual ascent on what the agent does now, not on what it once did. Then
//! reward ← reward + scale · λ · slack of the observation that the transition leads to.
use crate::{
    cpu::Cpu,
    cuda::{Buffer, Cuda, blocks},
    device::Device,
    dispatch::compiled,
    error::Result,
    memory::{Batch, Memory},
};
use envs::Stage;

/// What is paid for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MultiplierConfig {
    /// Length of an observation.
    pub width: usize,
    /// Where in it the cost stands.
    pub first: usize,
    /// What a step may cost on average.
    pub limit: f32,
    /// How far a unit of slack moves the multiplier.
    pub rate: f32,
    /// What rewards have been multiplied by.
    pub scale: f32,
}

/// The price of a constraint.
pub trait Multiplier: Device {
    /// Moves multiplier\[1\] by the newest costs, then prices those of the batch, whose windows are one step.
    ///
    /// # Errors
    /// When the device fails.
    fn price(
        &self,
        config: &MultiplierConfig,
        memory: &Memory<Self>,
        clock: &Self::Buf<u32>,
        multiplier: &mut Self::Buf<f32>,
        batch: &mut Batch<Self>,
    ) -> Result<()>;
}

impl Multiplier for Cpu {
    fn price(
        &self,
        config: &MultiplierConfig,
        memory: &Memory<Self>,
        clock: &Vec<u32>,
        multiplier: &mut Vec<f32>,
        batch: &mut Batch<Self>,
    ) -> Result<()> {
        let newest = memory.newest_slot(clock);
        let observations = memory.observation[memory.numbers(newest)].chunks_exact(config.width);
        let (mut sum, mut count) = (0.0, 0);
        for (observation, stage) in observations.zip(&memory.stage[memory.cells(newest)]) {
            if *stage != Stage::First {
                sum += config.limit - observation[config.first];
                count += 1;
            }
        }
        if count > 0 {
            let moved = multiplier[0] - config.rate * (sum / count as f32);
            multiplier[0] = if moved > 0.0 { moved } else { 0.0 };
        }
        let Batch { size, next, reward, .. } = batch;
        compiled!(self.isa() => charge(
            config: &MultiplierConfig = config,
            price: f32 = config.scale * multiplier[0],
            next: &[f32] = &next[..*size * config.width],
            reward: &mut [f32] = reward,
        ));
        Ok(())
    }
}

impl Multiplier for Cuda {
    fn price(
        &self,
        config: &MultiplierConfig,
        memory: &Memory<Self>,
        clock: &Buffer<u32>,
        multiplier: &mut Buffer<f32>,
        batch: &mut Batch<Self>,
    ) -> Result<()> {
        let MultiplierConfig { width, first, limit, rate, scale } = *config;
        let ring = [memory.slots.into(), memory.rows.into(), width.into(), first.into(), limit.into(), rate.into()];
        let numbers = [memory.observation.all(), memory.stage.all(), clock.all(), multiplier.first(1)];
        self.launch("raise_multiplier", blocks(1, 32), &[&ring[..], &numbers].concat())?;
        let size = batch.size;
        let settings = [size.into(), width.into(), first.into(), limit.into(), scale.into(), multiplier.first(1)];
        let numbers = [batch.next.first(size * width), batch.reward.first(size)];
        self.launch("charge", blocks(size, 64), &[&settings[..], &numbers].concat())
    }
}

#[inline(always)]
fn charge(config: &MultiplierConfig, price: f32, next: &[f32], reward: &mut [f32]) {
    for (reward, next) in reward.iter_mut().zip(next.chunks_exact(config.width)) {
        *reward += price * (config.limit - next[config.first]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::plain;

    /// Three rows, two numbers each, the second the cost; the newest slot is the first of three.
    fn priced(multiplier: f32, costs: [f32; 3], stages: [Stage; 3]) -> (f32, Vec<f32>) {
        let mut memory = Memory::new(&plain(), 3, 3, 2, false).unwrap();
        memory.observation.fill(9.0);
        for (row, cost) in costs.into_iter().enumerate() {
            memory.observation[2 * row + 1] = cost;
            memory.stage[row] = stages[row];
        }
        let mut batch = Batch::new(&plain(), 2, 2).unwrap();
        batch.next = vec![0.0, 1.0, 0.0, 0.25];
        batch.reward = vec![1.0, -1.0];
        let config = MultiplierConfig { width: 2, first: 1, limit: 0.5, rate: 0.5, scale: 2.0 };
        let mut multiplier = vec![multiplier];
        plain().price(&config, &memory, &vec![0, 4], &mut multiplier, &mut batch).unwrap();
        (multiplier[0], batch.reward)
    }

    #[test]
    fn costs_above_the_limit_raise_the_price_and_lower_the_reward() {
        let stages = [Stage::Mid, Stage::Terminated, Stage::Mid];
        // Mean slack (−0.5 − 0.5 + 0.25)/3 = −0.25; rewards 1 + 2 · 1.125 · (−0.5) and −1 + 2 · 1.125 · 0.25.
        assert_eq!(priced(1.0, [1.0, 1.0, 0.25], stages), (1.125, vec![-0.125, -0.4375]));
        // Slack lowers it, to 0 at the least.
        assert_eq!(priced(1.0, [0.0, 0.0, 0.0], stages).0, 0.75);
        assert_eq!(priced(0.125, [0.0, 0.0, 0.0], stages), (0.0, vec![1.0, -1.0]));
    }

    /// The first observation of an episode follows no action.
    #[test]
    fn what_begins_costs_nothing_and_does_not_count() {
        assert_eq!(priced(1.0, [1.0, 0.0, 0.0], [Stage::Mid, Stage::First, Stage::First]).0, 1.25);
        assert_eq!(priced(1.0, [0.0; 3], [Stage::First; 3]).0, 1.0);
    }
}
