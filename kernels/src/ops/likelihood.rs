//! Minus the log-likelihood of the actions taken, under the policy that is the softmax of a table x: what a conservative
//! Q-learner adds to its loss, x being its values (Kumar, Zhou, Tucker and Levine 2020, "Conservative Q-learning for
//! offline reinforcement learning", equation 4), and what a behaviour policy is learnt by, x being its logits.
//!
//! With m = max x and S = Σ exp(x_a − m) in index order: gap = (m − x_taken) + ln S; loss = share · mean gap over the
//! batch; its gradient by x_a is share/size · (exp(x_a − m)/S − \[a is taken\]). Importance weights have no part in it.
use crate::{
    cpu::Cpu,
    cuda::{Buffer, Cuda, blocks},
    device::Device,
    dispatch::compiled,
    error::Result,
    memory::Batch,
    ops::choose::argmax,
};
use envs::math::{exp, ln};

/// How the loss is formed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LikelihoodConfig {
    /// Number of actions.
    pub actions: usize,
    /// What the loss is multiplied by.
    pub share: f32,
    /// Whether the gradient is added to what is there instead of taking its place.
    pub adds: bool,
}

/// The loss of the actions taken.
pub trait Likelihood: Device {
    /// Reads x\[size × actions\]; writes gap\[size\], writes or adds to dx\[size × actions\], adds to the loss summary\[0\].
    ///
    /// # Errors
    /// When the device fails.
    fn likelihood(
        &self,
        config: &LikelihoodConfig,
        batch: &Batch<Self>,
        x: &Self::Buf<f32>,
        dx: &mut Self::Buf<f32>,
        gap: &mut Self::Buf<f32>,
        summary: &mut Self::Buf<f32>,
    ) -> Result<()>;
}

impl Likelihood for Cpu {
    fn likelihood(
        &self,
        config: &LikelihoodConfig,
        batch: &Batch<Self>,
        x: &Vec<f32>,
        dx: &mut Vec<f32>,
        gap: &mut Vec<f32>,
        summary: &mut Vec<f32>,
    ) -> Result<()> {
        compiled!(self.isa() => loss(
            config: &LikelihoodConfig = config,
            action: &[u32] = &batch.action[..batch.size],
            x: &[f32] = x,
            dx: &mut [f32] = dx,
            gap: &mut [f32] = gap,
            summary: &mut [f32] = summary,
        ));
        Ok(())
    }
}

impl Likelihood for Cuda {
    fn likelihood(
        &self,
        config: &LikelihoodConfig,
        batch: &Batch<Self>,
        x: &Buffer<f32>,
        dx: &mut Buffer<f32>,
        gap: &mut Buffer<f32>,
        summary: &mut Buffer<f32>,
    ) -> Result<()> {
        let LikelihoodConfig { actions, share, adds } = *config;
        let (size, table) = (batch.size, batch.size * actions);
        let settings = [size.into(), actions.into(), share.into(), adds.into()];
        let numbers = [batch.action.first(size), x.first(table), dx.first(table), gap.first(size)];
        self.launch("likelihood", blocks(size * 32, 128), &[&settings[..], &numbers].concat())?;
        let arguments = [size.into(), share.into(), gap.first(size), summary.first(2)];
        self.launch("likelihood_summary", blocks(1, 32), &arguments)
    }
}

#[inline(always)]
fn loss(config: &LikelihoodConfig, action: &[u32], x: &[f32], dx: &mut [f32], gap: &mut [f32], summary: &mut [f32]) {
    let (size, actions) = (action.len(), config.actions);
    let slope = config.share / size as f32;
    let mut total = 0.0;
    for (i, &taken) in action.iter().enumerate() {
        let taken = taken as usize;
        let (x, dx) = (&x[i * actions..][..actions], &mut dx[i * actions..][..actions]);
        let most = x[argmax(x)];
        let sum = x.iter().fold(0.0, |sum, &x| sum + exp(x - most));
        gap[i] = (most - x[taken]) + ln(sum);
        total += gap[i];
        for (a, (dx, &x)) in dx.iter_mut().zip(x).enumerate() {
            let by = slope * (exp(x - most) / sum - if a == taken { 1.0 } else { 0.0 });
            *dx = if config.adds { *dx + by } else { by };
        }
    }
    summary[0] += config.share * (total / size as f32);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{bits, numbers, plain, stream, vectored};

    fn batch(action: &[u32]) -> Batch<Cpu> {
        let mut batch = Batch::new(&plain(), action.len(), 1).unwrap();
        batch.action = action.to_vec();
        batch
    }

    /// Logits (0.2, −0.1, 0.5, 0, 0.3), the third and the first taken: softmax (0.1994185, 0.1477329, 0.2691869,
    /// 0.1632701, 0.2203916), minus its logarithm 1.3123496 and 1.6123496, half of each gradient.
    #[test]
    fn worked_numbers() {
        let row = [0.2, -0.1, 0.5, 0.0, 0.3];
        let (x, batch) = ([row, row].concat(), batch(&[2, 0]));
        let config = LikelihoodConfig { actions: 5, share: 1.0, adds: false };
        let (mut dx, mut gap, mut summary) = (vec![f32::NAN; 10], vec![f32::NAN; 2], vec![0.25, 7.0]);
        plain().likelihood(&config, &batch, &x, &mut dx, &mut gap, &mut summary).unwrap();
        let near =
            |found: f32, expected: f64| assert!((f64::from(found) - expected).abs() < 2e-7, "{found} {expected}");
        near(gap[0], 1.312_349_5);
        near(gap[1], 1.612_349_5);
        near(summary[0], 0.25 + 1.462_349_5);
        assert_eq!(summary[1], 7.0);
        let shares = [0.199_418_52, 0.147_732_89, 0.269_186_88, 0.163_270_1, 0.220_391_58];
        for (a, share) in shares.into_iter().enumerate() {
            near(dx[a], 0.5 * (share - if a == 2 { 1.0 } else { 0.0 }));
            near(dx[5 + a], 0.5 * (share - if a == 0 { 1.0 } else { 0.0 }));
        }
    }

    /// The gradient is the slope of the loss, and is added where that is asked.
    #[test]
    fn gradient_is_the_slope() {
        let (size, actions) = (3, 4);
        let x = numbers(&mut stream(1), size * actions);
        let batch = batch(&[1, 3, 0]);
        let run = |x: &Vec<f32>, adds: bool| {
            let config = LikelihoodConfig { actions, share: 0.7, adds };
            let (mut dx, mut gap, mut summary) = (vec![2.0; size * actions], vec![0.0; size], vec![0.0; 2]);
            plain().likelihood(&config, &batch, x, &mut dx, &mut gap, &mut summary).unwrap();
            (dx, summary[0])
        };
        let (dx, _) = run(&x, false);
        for at in 0..x.len() {
            let moved = |by: f32| {
                let mut x = x.clone();
                x[at] += by;
                run(&x, false).1
            };
            let slope = (moved(0.0625) - moved(-0.0625)) / 0.125;
            assert!((slope - dx[at]).abs() < 1e-4, "{at}: {slope} {}", dx[at]);
            assert_eq!(run(&x, true).0[at], 2.0 + dx[at]);
        }
    }

    #[test]
    fn bodies_agree() {
        for (size, actions) in [(1, 1), (5, 10), (17, 33)] {
            let run = |cpu: &Cpu| {
                let mut stream = stream(size as u64);
                let action: Vec<u32> = (0..size).map(|_| stream.below(actions as u32)).collect();
                let x = numbers(&mut stream, size * actions);
                let mut dx = numbers(&mut stream, size * actions);
                let (mut gap, mut summary) = (vec![f32::NAN; size], vec![0.5, 0.0]);
                let config = LikelihoodConfig { actions, share: 0.3, adds: true };
                cpu.likelihood(&config, &batch(&action), &x, &mut dx, &mut gap, &mut summary).unwrap();
                [bits(&dx), bits(&gap), bits(&summary)]
            };
            let expected = run(&plain());
            vectored().iter().for_each(|cpu| assert_eq!(run(cpu), expected, "{cpu:?}"));
        }
    }
}
