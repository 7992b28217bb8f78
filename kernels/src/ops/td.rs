//! Temporal difference: target, error, Huber loss and its gradient, |error| for the priorities, in one pass
//! (Mnih et al. 2015; double: van Hasselt et al. 2016).
//!
//! target = reward + discount · Q_target(next, a*), a* = argmax of Q_target(next, ·), or of Q_online(next, ·) when double;
//! where the discount is 0 the target is the reward. δ = Q(s, a) − target; loss = mean over the batch of
//! weight · H(δ), H(δ) = δ²/2 for |δ| ≤ κ, else κ(|δ| − κ/2); gradient = weight · clip(δ, −κ, κ) / size.
use crate::{
    cpu::Cpu,
    cuda::{Buffer, Cuda, blocks},
    device::Device,
    dispatch::compiled,
    error::Result,
    memory::Batch,
    ops::choose::argmax,
};

/// How targets and losses are formed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TdConfig {
    /// Number of actions.
    pub actions: usize,
    /// Where the Huber loss turns linear, κ; infinity gives half the squared error.
    pub huber: f32,
    /// Whether `q` and `dq` hold only the actions taken (size) instead of all (size × actions).
    pub chosen: bool,
}

/// The temporal-difference step.
pub trait Td: Device {
    /// Reads q, the target network's `next_target`\[size × actions\] and, when double, the online network's
    /// `next_online`; writes dq, `batch.error` and summary = \[loss, mean Q(s, a)\].
    ///
    /// # Errors
    /// When the device fails.
    #[expect(clippy::too_many_arguments, reason = "three value tables in, gradient and summary out")]
    fn td(
        &self,
        config: &TdConfig,
        batch: &mut Batch<Self>,
        q: &Self::Buf<f32>,
        next_target: &Self::Buf<f32>,
        next_online: Option<&Self::Buf<f32>>,
        dq: &mut Self::Buf<f32>,
        summary: &mut Self::Buf<f32>,
    ) -> Result<()>;
}

impl Td for Cpu {
    fn td(
        &self,
        config: &TdConfig,
        batch: &mut Batch<Self>,
        q: &Vec<f32>,
        next_target: &Vec<f32>,
        next_online: Option<&Vec<f32>>,
        dq: &mut Vec<f32>,
        summary: &mut Vec<f32>,
    ) -> Result<()> {
        compiled!(self.isa() => difference(
            config: &TdConfig = config,
            batch: &mut Batch<Cpu> = batch,
            q: &[f32] = q,
            next: [&[f32]; 2] = [next_target, next_online.unwrap_or(next_target)],
            dq: &mut [f32] = dq,
            summary: &mut [f32] = summary,
        ));
        Ok(())
    }
}

impl Td for Cuda {
    fn td(
        &self,
        config: &TdConfig,
        batch: &mut Batch<Self>,
        q: &Buffer<f32>,
        next_target: &Buffer<f32>,
        next_online: Option<&Buffer<f32>>,
        dq: &mut Buffer<f32>,
        summary: &mut Buffer<f32>,
    ) -> Result<()> {
        let size = batch.size;
        let (table, values) = (size * config.actions, if config.chosen { size } else { size * config.actions });
        let settings = [size.into(), config.actions.into(), config.huber.into(), config.chosen.into()];
        let (action, weight, error) = (batch.action.first(size), batch.weight.first(size), batch.error.first(size));
        let numbers = [
            action,
            batch.reward.first(size),
            batch.discount.first(size),
            weight,
            q.first(values),
            next_target.first(table),
            next_online.unwrap_or(next_target).first(table),
            dq.first(values),
            error,
        ];
        self.launch("td", blocks(size * 32, 128), &[&settings[..], &numbers].concat())?;
        let numbers = [action, weight, q.first(values), error, summary.first(2)];
        self.launch("td_summary", blocks(1, 32), &[&settings[..], &numbers].concat())
    }
}

/// `next` is the target network's values and those that choose among them.
#[inline(always)]
fn difference(
    config: &TdConfig,
    batch: &mut Batch<Cpu>,
    q: &[f32],
    next: [&[f32]; 2],
    dq: &mut [f32],
    summary: &mut [f32],
) {
    let (size, actions) = (batch.size, config.actions);
    let mut sums = [0.0; 2];
    if !config.chosen {
        dq[..size * actions].fill(0.0);
    }
    for i in 0..size {
        let row = i * actions..(i + 1) * actions;
        let mut target = batch.reward[i];
        if batch.discount[i] != 0.0 {
            let best = argmax(&next[1][row.clone()]);
            target += batch.discount[i] * next[0][row.start + best];
        }
        settle(config, batch, i, target, q, dq, &mut sums);
    }
    summary[..2].copy_from_slice(&sums.map(|sum| sum / size as f32));
}

/// Transition `i` of a batch towards `target`: its error and gradient; adds to \[Σ weight · H(δ), Σ Q(s, a)\].
#[inline(always)]
pub(crate) fn settle(
    config: &TdConfig,
    batch: &mut Batch<Cpu>,
    i: usize,
    target: f32,
    q: &[f32],
    dq: &mut [f32],
    sums: &mut [f32; 2],
) {
    let (size, kappa) = (batch.size as f32, config.huber);
    let at = if config.chosen { i } else { i * config.actions + batch.action[i] as usize };
    let error = q[at] - target;
    batch.error[i] = error.abs();
    sums[0] +=
        batch.weight[i] * if error.abs() > kappa { kappa * (error.abs() - 0.5 * kappa) } else { 0.5 * (error * error) };
    sums[1] += q[at];
    let clipped = if error > kappa {
        kappa
    } else if error < -kappa {
        -kappa
    } else {
        error
    };
    dq[at] = batch.weight[i] * clipped / size;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ops::linear::{Dense, Linear},
        testing::{bits, numbers, plain, stream, vectored},
    };

    fn batch(action: &[u32], reward: &[f32], discount: &[f32]) -> Batch<Cpu> {
        let mut batch = Batch::new(&plain(), action.len(), 1).unwrap();
        (batch.action, batch.reward, batch.discount) = (action.to_vec(), reward.to_vec(), discount.to_vec());
        batch.weight.fill(1.0);
        batch
    }

    fn close(got: &[f32], expected: &[f64]) {
        for (got, expected) in got.iter().zip(expected) {
            assert!((f64::from(*got) - expected).abs() < 1e-6 * (1.0 + expected.abs()), "{got} {expected}");
        }
    }

    /// A 2–3–2 network through a whole step: targets, losses and every gradient, against numbers computed in f64
    /// (whose own finite differences agree to 2e-10).
    #[test]
    fn worked_numbers() {
        let cpu = plain();
        let layers = [
            Dense { inputs: 2, outputs: 3, weight: 0, bias: 6, relu: true },
            Dense { inputs: 3, outputs: 2, weight: 9, bias: 15, relu: false },
        ];
        let online = vec![0.1, 0.4, -0.5, -0.2, 0.3, 0.6, 0.05, -0.1, 0.2, 0.7, -0.3, -0.8, 0.2, 0.9, 0.5, 0.1, -0.2];
        let factor = [[0.9; 6].as_slice(), &[1.0; 3], &[1.1; 6], &[1.0; 2]].concat();
        let shift = [[0.0; 6].as_slice(), &[0.01; 3], &[0.0; 6], &[-0.4, 0.4]].concat();
        let target: Vec<f32> = (0..17).map(|i| online[i] * factor[i] + shift[i]).collect();
        let forward = |theta: &Vec<f32>, x: &Vec<f32>| {
            let (mut hidden, mut q) = (vec![0.0; 9], vec![0.0; 6]);
            cpu.linear(&layers[0], 3, theta, x, &mut hidden).unwrap();
            cpu.linear(&layers[1], 3, theta, &hidden, &mut q).unwrap();
            (hidden, q)
        };
        let (x, next) = (vec![1.0, 2.0, -0.5, 1.5, 0.3, -0.7], vec![0.5, -1.0, 2.0, 1.0, -1.0, 0.5]);
        let (hidden, q) = forward(&online, &x);
        let (next_target, next_online) = (forward(&target, &next).1, forward(&online, &next).1);
        let mut batch = batch(&[0, 1, 1], &[1.0, -2.0, 3.0], &[0.99, 0.0, 0.99]);
        let (mut dq, mut summary) = (vec![f32::NAN; 6], vec![0.0; 2]);
        let taken = [q[0], q[3], q[5]];

        let squared = TdConfig { actions: 2, huber: f32::INFINITY, chosen: false };
        cpu.td(&squared, &mut batch, &q, &next_target, Some(&next_online), &mut dq, &mut summary).unwrap();
        for (i, y) in [0.9202555, -2.0, 3.614493].into_iter().enumerate() {
            close(&[batch.error[i]], &[(f64::from(taken[i]) - y).abs()]);
        }
        cpu.td(&squared, &mut batch, &q, &next_target, None, &mut dq, &mut summary).unwrap();
        for (i, y) in [1.1048905, -2.0, 3.704385].into_iter().enumerate() {
            close(&[batch.error[i]], &[(f64::from(taken[i]) - y).abs()]);
        }
        close(&summary, &[7.625335558 / 2.0, taken.iter().map(|&q| f64::from(q)).sum::<f64>() / 3.0]);

        let huber = TdConfig { huber: 1.0, ..squared };
        cpu.td(&huber, &mut batch, &q, &next_target, None, &mut dq, &mut summary).unwrap();
        close(&summary[..1], &[1.964632438]);
        let (mut dhidden, mut gradient) = (vec![0.0; 9], vec![0.0; 17]);
        cpu.linear_back(&layers[1], 3, &online, &hidden, &q, &mut dq, Some(&mut dhidden), &mut gradient).unwrap();
        cpu.linear_back(&layers[0], 3, &online, &x, &hidden, &mut dhidden, None, &mut gradient).unwrap();
        #[rustfmt::skip]
        close(&gradient, &[
            0.03, 0.2106374667, -0.3578004833, -0.07, 0.5879416, -0.2989343,
            0.1, 0.3106374667, -0.1078004833,
            0.0, -0.07333333333, -0.27446715, 0.05, -0.27446715, 0.45,
            -0.3049635, 0.0,
        ]);
    }

    /// The gradient against central differences of the loss (step 2⁻⁷; the loss is quadratic or linear between its
    /// edges, so what remains is rounding, below 2⁻¹⁵).
    #[test]
    fn gradient_is_the_slope() {
        let mut stream = stream(4);
        let config = TdConfig { actions: 3, huber: 0.5, chosen: false };
        let mut batch = batch(&[2, 0, 1, 1], &[0.1, -0.9, 0.3, 0.0], &[0.9, 0.9, 0.0, 0.81]);
        batch.weight = vec![1.0, 0.5, 0.25, 0.75];
        let (q, next) = (numbers(&mut stream, 12), numbers(&mut stream, 12));
        let mut loss = |q: &Vec<f32>| {
            let (mut dq, mut summary) = (vec![0.0; 12], vec![0.0; 2]);
            plain().td(&config, &mut batch, q, &next, None, &mut dq, &mut summary).unwrap();
            (summary[0], dq)
        };
        let (_, dq) = loss(&q);
        let step = 1.0 / 128.0;
        for at in 0..12 {
            let mut moved = |by: f32| {
                let mut moved = q.clone();
                moved[at] += by;
                loss(&moved).0
            };
            assert!(((moved(step) - moved(-step)) / (2.0 * step) - dq[at]).abs() < 3e-5, "{at}");
        }
    }

    /// The chosen form, and every body, give the bits of the plain dense form; a value behind discount 0 is not read.
    #[test]
    fn forms_and_bodies_agree() {
        for (size, actions) in [(1, 1), (5, 10), (17, 33), (8, 1000)] {
            let run = |cpu: &Cpu, double: bool, chosen: bool| {
                let mut stream = stream(size as u64);
                let action: Vec<u32> = (0..size).map(|_| stream.below(actions as u32)).collect();
                let discount: Vec<f32> = (0..size).map(|i| if i % 3 == 2 { 0.0 } else { 0.9 }).collect();
                let mut batch = batch(&action, &numbers(&mut stream, size), &discount);
                batch.weight = numbers(&mut stream, size);
                let q = numbers(&mut stream, size * actions);
                let mut next = numbers(&mut stream, size * actions);
                for i in (2..size).step_by(3) {
                    next[i * actions..(i + 1) * actions].fill(f32::NAN);
                }
                let other = numbers(&mut stream, size * actions);
                let at = |i: usize| i * actions + action[i] as usize;
                let taken: Vec<f32> = (0..size).map(|i| q[at(i)]).collect();
                let config = TdConfig { actions, huber: 0.7, chosen };
                let mut dq = vec![f32::NAN; if chosen { size } else { size * actions }];
                let mut summary = vec![f32::NAN; 2];
                let q = if chosen { &taken } else { &q };
                cpu.td(&config, &mut batch, q, &next, double.then_some(&other), &mut dq, &mut summary).unwrap();
                let taken: Vec<f32> = if chosen { dq.clone() } else { (0..size).map(|i| dq[at(i)]).collect() };
                if !chosen {
                    let others = (0..dq.len()).filter(|&j| at(j / actions) != j);
                    assert!(others.into_iter().all(|j| dq[j].to_bits() == 0));
                }
                [bits(&taken), bits(&summary), bits(&batch.error)]
            };
            for double in [false, true] {
                let expected = run(&plain(), double, false);
                assert_eq!(run(&plain(), double, true), expected);
                for cpu in vectored() {
                    assert_eq!(run(&cpu, double, false), expected);
                    assert_eq!(run(&cpu, double, true), expected);
                }
            }
        }
    }

    /// A NaN among the values that follow is passed over; where nothing else is left it reaches the loss.
    #[test]
    fn nan_is_not_chosen_silently() {
        let config = TdConfig { actions: 2, huber: 1.0, chosen: true };
        let loss = |next: [f32; 2]| {
            let mut batch = batch(&[0], &[0.0], &[1.0]);
            let mut summary = vec![0.0; 2];
            plain().td(&config, &mut batch, &vec![0.0], &next.to_vec(), None, &mut vec![0.0], &mut summary).unwrap();
            summary[0]
        };
        assert_eq!(loss([f32::NAN, 0.5]), 0.125);
        assert!(loss([f32::NAN, f32::NAN]).is_nan());
    }
}
