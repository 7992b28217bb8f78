//! Munchausen targets (Vieillard, Pietquin and Geist 2020): the policy is π = softmax(Q/τ), its log-probability is part of
//! the reward, and the next state has its soft value.
//!
//! With the target network's values here and there, m = max Q, S = Σ exp((Q_a − m)/τ) in index order and
//! v(s) = m + τ ln S: τ ln π(a|s) = Q(s, a) − v(s), and the mean of Q(s', ·) − τ ln π(·|s') under π is v(s') itself.
//! target = reward + α · clip(Q(s, a) − v(s), floor, 0) + discount · v(s'); the rest is [`td`](super::td)'s.
use crate::{
    cpu::Cpu,
    cuda::{Buffer, Cuda, blocks},
    device::Device,
    dispatch::compiled,
    error::Result,
    memory::Batch,
    ops::{
        choose::argmax,
        td::{TdConfig, settle},
    },
};
use envs::math::{exp, ln};

/// How targets are formed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MunchausenConfig {
    /// The loss.
    pub td: TdConfig,
    /// Temperature τ > 0 of the policy.
    pub temperature: f32,
    /// Share α of the log-probability that is added to the reward.
    pub share: f32,
    /// What τ ln π is at least taken for.
    pub floor: f32,
}

/// The temporal-difference step with Munchausen targets.
pub trait Munchausen: Device {
    /// Reads q, the target network's values here and there\[size × actions\]; writes dq, `batch.error` and
    /// summary = \[loss, mean Q(s, a)\].
    ///
    /// # Errors
    /// When the device fails.
    #[expect(clippy::too_many_arguments, reason = "three value tables in, gradient and summary out")]
    fn munchausen(
        &self,
        config: &MunchausenConfig,
        batch: &mut Batch<Self>,
        q: &Self::Buf<f32>,
        target_here: &Self::Buf<f32>,
        target_next: &Self::Buf<f32>,
        dq: &mut Self::Buf<f32>,
        summary: &mut Self::Buf<f32>,
    ) -> Result<()>;
}

impl Munchausen for Cpu {
    fn munchausen(
        &self,
        config: &MunchausenConfig,
        batch: &mut Batch<Self>,
        q: &Vec<f32>,
        target_here: &Vec<f32>,
        target_next: &Vec<f32>,
        dq: &mut Vec<f32>,
        summary: &mut Vec<f32>,
    ) -> Result<()> {
        compiled!(self.isa() => difference(
            config: &MunchausenConfig = config,
            batch: &mut Batch<Cpu> = batch,
            q: &[f32] = q,
            target: [&[f32]; 2] = [target_here, target_next],
            dq: &mut [f32] = dq,
            summary: &mut [f32] = summary,
        ));
        Ok(())
    }
}

impl Munchausen for Cuda {
    fn munchausen(
        &self,
        config: &MunchausenConfig,
        batch: &mut Batch<Self>,
        q: &Buffer<f32>,
        target_here: &Buffer<f32>,
        target_next: &Buffer<f32>,
        dq: &mut Buffer<f32>,
        summary: &mut Buffer<f32>,
    ) -> Result<()> {
        let MunchausenConfig { td, temperature, share, floor } = *config;
        let size = batch.size;
        let (table, values) = (size * td.actions, if td.chosen { size } else { size * td.actions });
        let settings = [size.into(), td.actions.into(), td.huber.into(), td.chosen.into()];
        let (action, weight, error) = (batch.action.first(size), batch.weight.first(size), batch.error.first(size));
        let numbers = [
            temperature.into(),
            share.into(),
            floor.into(),
            action,
            batch.reward.first(size),
            batch.discount.first(size),
            weight,
            q.first(values),
            target_here.first(table),
            target_next.first(table),
            dq.first(values),
            error,
        ];
        self.launch("munchausen", blocks(size, 32), &[&settings[..], &numbers].concat())?;
        let numbers = [action, weight, q.first(values), error, summary.first(2)];
        self.launch("td_summary", blocks(1, 32), &[&settings[..], &numbers].concat())
    }
}

/// v = max q + τ ln Σ exp((q − max)/τ).
#[inline(always)]
fn soft_value(q: &[f32], temperature: f32) -> f32 {
    let most = q[argmax(q)];
    let sum = q.iter().fold(0.0, |sum, &q| sum + exp((q - most) / temperature));
    most + temperature * ln(sum)
}

/// `target` is the target network's values here and there.
#[inline(always)]
fn difference(
    config: &MunchausenConfig,
    batch: &mut Batch<Cpu>,
    q: &[f32],
    target: [&[f32]; 2],
    dq: &mut [f32],
    summary: &mut [f32],
) {
    let MunchausenConfig { td, temperature, share, floor } = config;
    let (size, actions) = (batch.size, td.actions);
    let mut sums = [0.0; 2];
    if !td.chosen {
        dq[..size * actions].fill(0.0);
    }
    for i in 0..size {
        let row = i * actions..(i + 1) * actions;
        let here = &target[0][row.clone()];
        let log_policy = here[batch.action[i] as usize] - soft_value(here, *temperature);
        let log_policy = if log_policy > 0.0 { 0.0 } else { log_policy };
        let log_policy = if log_policy < *floor { *floor } else { log_policy };
        let mut goal = batch.reward[i] + share * log_policy;
        if batch.discount[i] != 0.0 {
            goal += batch.discount[i] * soft_value(&target[1][row], *temperature);
        }
        settle(td, batch, i, goal, q, dq, &mut sums);
    }
    summary[..2].copy_from_slice(&sums.map(|sum| sum / size as f32));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{bits, numbers, plain, stream, vectored};

    fn config(actions: usize, chosen: bool) -> MunchausenConfig {
        let td = TdConfig { actions, huber: f32::INFINITY, chosen };
        MunchausenConfig { td, temperature: 0.03, share: 0.9, floor: -1.0 }
    }

    fn batch(action: &[u32], reward: &[f32], discount: &[f32]) -> Batch<Cpu> {
        let mut batch = Batch::new(&plain(), action.len(), 1).unwrap();
        (batch.action, batch.reward, batch.discount) = (action.to_vec(), reward.to_vec(), discount.to_vec());
        batch.weight.fill(1.0);
        batch
    }

    /// Values (1, 2, 1.5), third action, reward 1, γ = 0.99, the same values there: the target is 2.53.
    #[test]
    fn worked_numbers() {
        assert!((soft_value(&[1.0, 2.0, 1.5], 0.5) - 2.203_803).abs() < 1e-6);
        let values = vec![1.0, 2.0, 1.5];
        let target = |reward: f32, discount: f32, floor: f32| {
            let mut batch = batch(&[2], &[reward], &[discount]);
            let (mut dq, mut summary) = (vec![f32::NAN; 3], vec![0.0; 2]);
            let config = MunchausenConfig { floor, ..config(3, false) };
            plain().munchausen(&config, &mut batch, &values, &values, &values, &mut dq, &mut summary).unwrap();
            1.5 - dq[2]
        };
        assert!((target(1.0, 0.99, -1.0) - 2.53).abs() < 1e-6);
        assert!((target(1.0, 0.0, -1.0) - 0.55).abs() < 1e-6);
        assert!((target(1.0, 0.0, -0.1) - 0.91).abs() < 1e-6, "clipped at the floor");
    }

    /// Every body, and the form for chosen actions, give the bits of the plain dense one.
    #[test]
    fn forms_and_bodies_agree() {
        for (size, actions) in [(1, 1), (5, 10), (17, 33)] {
            let run = |cpu: &Cpu, chosen: bool| {
                let mut stream = stream(size as u64);
                let action: Vec<u32> = (0..size).map(|_| stream.below(actions as u32)).collect();
                let discount: Vec<f32> = (0..size).map(|i| if i % 3 == 2 { 0.0 } else { 0.9 }).collect();
                let mut batch = batch(&action, &numbers(&mut stream, size), &discount);
                let q = numbers(&mut stream, size * actions);
                let (here, next) = (numbers(&mut stream, size * actions), numbers(&mut stream, size * actions));
                let at = |i: usize| i * actions + action[i] as usize;
                let taken: Vec<f32> = (0..size).map(|i| q[at(i)]).collect();
                let mut dq = vec![f32::NAN; if chosen { size } else { size * actions }];
                let mut summary = vec![f32::NAN; 2];
                let q = if chosen { &taken } else { &q };
                let config = config(actions, chosen);
                cpu.munchausen(&config, &mut batch, q, &here, &next, &mut dq, &mut summary).unwrap();
                let taken: Vec<f32> = if chosen { dq } else { (0..size).map(|i| dq[at(i)]).collect() };
                [bits(&taken), bits(&summary), bits(&batch.error)]
            };
            let expected = run(&plain(), false);
            assert_eq!(run(&plain(), true), expected);
            for cpu in vectored() {
                assert_eq!(run(&cpu, false), expected);
                assert_eq!(run(&cpu, true), expected);
            }
        }
    }
}
