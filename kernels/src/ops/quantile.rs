//! Returns by quantiles (QR-DQN; Dabney, Rowland, Bellemare and Munos 2018): θ_i(s, a) stands for the quantile τ_i of the
//! return, τ_i = (i + ½)/N, or as drawn (IQN; Dabney, Ostrovski, Silver and Munos 2018); \[rows × quantiles × actions\].
//!
//! Q = Σ θ_i / N, summed in index order. Targets y_j = reward + discount · θ'_j(next, best action); where the discount is
//! 0 all are the reward. u = y_j − θ_i; ρ = |τ_i − 1\[u < 0\]| · H(u)/κ with Huber's H (κ = 0: |τ_i − 1\[u < 0\]| · |u|).
//! Loss of a transition: the sum over i of the mean over j of ρ; it is also the error that priorities are made of.
use crate::{
    cpu::Cpu,
    cuda::{Arg, Buffer, Cuda, blocks},
    device::Device,
    dispatch::compiled,
    error::Result,
    memory::Batch,
    ops::choose::argmax,
};

/// The form of the quantiles.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuantileConfig {
    /// Number of actions.
    pub actions: usize,
    /// Quantiles here, N.
    pub quantiles: usize,
    /// Quantiles of the target network there.
    pub next_quantiles: usize,
    /// Where the Huber loss turns linear, κ ≥ 0.
    pub huber: f32,
}

/// Returns by quantiles.
pub trait Quantile: Device {
    /// q\[rows × actions\] from `count` quantiles each.
    ///
    /// # Errors
    /// When the device fails.
    fn quantile_mean(
        &self,
        config: &QuantileConfig,
        rows: usize,
        count: usize,
        theta: &Self::Buf<f32>,
        q: &mut Self::Buf<f32>,
    ) -> Result<()>;

    /// Reads the quantiles here, the target network's there, `next_q`\[size × actions\], whose largest value chooses among
    /// them, and τ\[size × quantiles\] where they were drawn; writes dtheta, `batch.error` and
    /// summary = \[loss, mean Q(s, a)\].
    ///
    /// # Errors
    /// When the device fails.
    #[expect(clippy::too_many_arguments, reason = "four tables in, gradient and summary out")]
    fn quantile(
        &self,
        config: &QuantileConfig,
        batch: &mut Batch<Self>,
        theta: &Self::Buf<f32>,
        fractions: Option<&Self::Buf<f32>>,
        next_theta: &Self::Buf<f32>,
        next_q: &Self::Buf<f32>,
        dtheta: &mut Self::Buf<f32>,
        summary: &mut Self::Buf<f32>,
    ) -> Result<()>;
}

impl Quantile for Cpu {
    fn quantile_mean(
        &self,
        config: &QuantileConfig,
        rows: usize,
        count: usize,
        theta: &Vec<f32>,
        q: &mut Vec<f32>,
    ) -> Result<()> {
        compiled!(self.isa() => means(
            actions: usize = config.actions,
            count: usize = count,
            theta: &[f32] = &theta[..rows * count * config.actions],
            q: &mut [f32] = &mut q[..rows * config.actions],
        ));
        Ok(())
    }

    fn quantile(
        &self,
        config: &QuantileConfig,
        batch: &mut Batch<Self>,
        theta: &Vec<f32>,
        fractions: Option<&Vec<f32>>,
        next_theta: &Vec<f32>,
        next_q: &Vec<f32>,
        dtheta: &mut Vec<f32>,
        summary: &mut Vec<f32>,
    ) -> Result<()> {
        compiled!(self.isa() => regression(
            config: &QuantileConfig = config,
            batch: &mut Batch<Cpu> = batch,
            fractions: Option<&[f32]> = fractions.map(Vec::as_slice),
            tables: [&[f32]; 3] = [theta, next_theta, next_q],
            dtheta: &mut [f32] = dtheta,
            summary: &mut [f32] = summary,
        ));
        Ok(())
    }
}

impl Quantile for Cuda {
    fn quantile_mean(
        &self,
        config: &QuantileConfig,
        rows: usize,
        count: usize,
        theta: &Buffer<f32>,
        q: &mut Buffer<f32>,
    ) -> Result<()> {
        let values = rows * config.actions;
        let arguments =
            [rows.into(), config.actions.into(), count.into(), theta.first(values * count), q.first(values)];
        self.launch("quantile_mean", blocks(values, 128), &arguments)
    }

    fn quantile(
        &self,
        config: &QuantileConfig,
        batch: &mut Batch<Self>,
        theta: &Buffer<f32>,
        fractions: Option<&Buffer<f32>>,
        next_theta: &Buffer<f32>,
        next_q: &Buffer<f32>,
        dtheta: &mut Buffer<f32>,
        summary: &mut Buffer<f32>,
    ) -> Result<()> {
        let QuantileConfig { actions, quantiles, next_quantiles, huber } = *config;
        let size = batch.size;
        let table = size * actions * quantiles;
        let (action, weight, error) = (batch.action.first(size), batch.weight.first(size), batch.error.first(size));
        let arguments = [
            size.into(),
            actions.into(),
            quantiles.into(),
            next_quantiles.into(),
            huber.into(),
            fractions.is_some().into(),
            action,
            batch.reward.first(size),
            batch.discount.first(size),
            weight,
            theta.first(table),
            fractions.map_or(Arg::Nothing, |tau| tau.first(size * quantiles)),
            next_theta.first(size * actions * next_quantiles),
            next_q.first(size * actions),
            dtheta.first(table),
            error,
        ];
        self.launch("quantile", blocks(size, 32), &arguments)?;
        let sizes = [size.into(), actions.into(), quantiles.into()];
        let numbers = [action, weight, theta.first(table), error, summary.first(2)];
        self.launch("quantile_summary", blocks(1, 32), &[&sizes[..], &numbers].concat())
    }
}

/// The actions of a row side by side, each summed in the order of its quantiles.
#[inline(always)]
fn means(actions: usize, count: usize, theta: &[f32], q: &mut [f32]) {
    for (q, theta) in q.chunks_exact_mut(actions).zip(theta.chunks_exact(count * actions)) {
        q.fill(0.0);
        for theta in theta.chunks_exact(actions) {
            q.iter_mut().zip(theta).for_each(|(sum, theta)| *sum += theta);
        }
        q.iter_mut().for_each(|sum| *sum /= count as f32);
    }
}

#[inline(always)]
fn sum(theta: &[f32], first: usize, stride: usize, count: usize) -> f32 {
    (0..count).fold(0.0, |sum, i| sum + theta[first + i * stride])
}

/// `tables` are the quantiles here, the target network's there and the values that choose among its actions.
#[inline(always)]
fn regression(
    config: &QuantileConfig,
    batch: &mut Batch<Cpu>,
    fractions: Option<&[f32]>,
    [theta, next_theta, next_q]: [&[f32]; 3],
    dtheta: &mut [f32],
    summary: &mut [f32],
) {
    let QuantileConfig { actions, quantiles, next_quantiles, huber: kappa, .. } = *config;
    let size = batch.size;
    let (mut loss, mut total) = (0.0, 0.0);
    dtheta[..size * actions * quantiles].fill(0.0);
    for row in 0..size {
        let first = row * quantiles * actions + batch.action[row] as usize;
        // Without a future there is one target, the reward, whatever the number of quantiles.
        let (targets, next_first) = if batch.discount[row] == 0.0 {
            (1, 0)
        } else {
            let best = argmax(&next_q[row * actions..(row + 1) * actions]);
            (next_quantiles, row * next_quantiles * actions + best)
        };
        let reward = batch.reward[row];
        let target = |j: usize| match batch.discount[row] {
            0.0 => reward,
            discount => reward + discount * next_theta[next_first + j * actions],
        };
        let mut error = 0.0;
        for begin in (0..quantiles).step_by(LANES) {
            let lanes = LANES.min(quantiles - begin);
            let (mut here, mut tau) = ([0.0; LANES], [0.0; LANES]);
            for lane in 0..lanes {
                let i = begin + lane;
                here[lane] = theta[first + i * actions];
                tau[lane] = fractions.map_or((i as f32 + 0.5) / quantiles as f32, |tau| tau[row * quantiles + i]);
            }
            let (rho, slope) = losses(kappa, (0..targets).map(target), &here, &tau);
            for lane in 0..lanes {
                error += rho[lane] / targets as f32;
                let slope = slope[lane] / targets as f32;
                dtheta[first + (begin + lane) * actions] = batch.weight[row] * slope / size as f32;
            }
        }
        batch.error[row] = error;
        loss += batch.weight[row] * error;
        total += sum(theta, first, actions, quantiles) / quantiles as f32;
    }
    summary[0] = loss / size as f32;
    summary[1] = total / size as f32;
}

/// Quantiles that are worked at side by side: the sums of one do not depend on the others.
const LANES: usize = 16;

/// Of each of the quantiles `here` at `tau`: the sum of ρ over the targets, and of its slope.
#[inline(always)]
fn losses(
    kappa: f32,
    targets: impl Iterator<Item = f32>,
    here: &[f32; LANES],
    tau: &[f32; LANES],
) -> ([f32; LANES], [f32; LANES]) {
    let (mut rho, mut slope) = ([0.0; LANES], [0.0; LANES]);
    for target in targets {
        for lane in 0..LANES {
            let u = target - here[lane];
            let share = (if u < 0.0 { tau[lane] - 1.0 } else { tau[lane] }).abs();
            // Both forms are worked out, because a choice between numbers is a vector's and a choice of ways is not.
            let signed = if u < 0.0 { -share } else { 0.0 };
            let beyond = (share * (u.abs() - 0.5 * kappa), if u > 0.0 { share } else { signed });
            let within = (share * (0.5 * (u * u) / kappa), share * (u / kappa));
            let (loss, steepness) = if (u.abs() > kappa) | (kappa == 0.0) { beyond } else { within };
            rho[lane] += loss;
            slope[lane] -= steepness;
        }
    }
    (rho, slope)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{bits, numbers, plain, stream, vectored};

    fn config(actions: usize, quantiles: usize, next_quantiles: usize) -> QuantileConfig {
        QuantileConfig { actions, quantiles, next_quantiles, huber: 1.0 }
    }

    fn batch(action: &[u32], reward: &[f32], discount: &[f32]) -> Batch<Cpu> {
        let mut batch = Batch::new(&plain(), action.len(), 1).unwrap();
        (batch.action, batch.reward, batch.discount) = (action.to_vec(), reward.to_vec(), discount.to_vec());
        batch.weight.fill(1.0);
        batch
    }

    fn close(got: &[f32], expected: &[f64]) {
        assert_eq!(got.len(), expected.len());
        for (got, expected) in got.iter().zip(expected) {
            assert!((f64::from(*got) - expected).abs() < 1e-6 * (1.0 + expected.abs()), "{got} {expected}");
        }
    }

    /// Loss and gradient against numbers computed in f64: quantiles (−1, 0, 2), targets (0.5, −0.5, 1.5, 3).
    #[test]
    fn worked_numbers() {
        let run = |huber| {
            let config = QuantileConfig { huber, ..config(1, 3, 4) };
            let mut batch = batch(&[0], &[0.5], &[0.5]);
            let (theta, next) = (vec![-1.0, 0.0, 2.0], vec![0.0, -2.0, 2.0, 5.0]);
            let (mut d, mut summary) = (vec![f32::NAN; 3], vec![0.0; 2]);
            plain().quantile(&config, &mut batch, &theta, None, &next, &vec![0.0], &mut d, &mut summary).unwrap();
            close(&batch.error, &[f64::from(summary[0])]);
            (summary, d)
        };
        let (summary, d) = run(1.0);
        close(&summary, &[0.9791666667, 1.0 / 3.0]);
        close(&d, &[-0.1458333333, -0.25, -0.1041666667]);
        close(&run(0.0).0[..1], &[1.4375]);
    }

    /// The gradient against central differences of the loss, for κ > 0 (piecewise quadratic: what remains is the kinks,
    /// which the chosen numbers avoid, and rounding).
    #[test]
    fn gradient_is_the_slope() {
        let config = QuantileConfig { huber: 0.7, ..config(3, 5, 4) };
        let mut stream = stream(9);
        let (theta, next) = (numbers(&mut stream, 4 * 15), numbers(&mut stream, 4 * 12));
        let next_q = numbers(&mut stream, 12);
        let fractions: Vec<f32> = (0..20).map(|_| stream.uniform()).collect();
        let mut batch = batch(&[2, 0, 1, 1], &[0.1, -0.9, 0.3, 0.0], &[0.9, 0.9, 0.0, 0.81]);
        batch.weight = vec![1.0, 0.5, 0.25, 0.75];
        let mut loss = |theta: &Vec<f32>| {
            let (mut d, mut summary) = (vec![0.0; 60], vec![0.0; 2]);
            let tau = Some(&fractions);
            plain().quantile(&config, &mut batch, theta, tau, &next, &next_q, &mut d, &mut summary).unwrap();
            (summary[0], d)
        };
        let (_, d) = loss(&theta);
        for at in 0..60 {
            let mut moved = |by: f32| {
                let mut moved = theta.clone();
                moved[at] += by;
                loss(&moved).0
            };
            let slope = (moved(1.0 / 256.0) - moved(-1.0 / 256.0)) * 128.0;
            assert!((slope - d[at]).abs() < 5e-4, "{at}: {slope} {}", d[at]);
        }
    }

    /// Every body gives the bits of the plain one.
    #[test]
    fn bodies_agree() {
        for (size, actions, count) in [(1, 1, 1), (7, 4, 9), (16, 10, 51)] {
            let run = |cpu: &Cpu| {
                let mut stream = stream(3);
                let len = size * actions * count;
                let (theta, next) = (numbers(&mut stream, len), numbers(&mut stream, len));
                let action: Vec<u32> = (0..size).map(|_| stream.below(actions as u32)).collect();
                let discount: Vec<f32> = (0..size).map(|i| if i % 3 == 2 { 0.0 } else { 0.9 }).collect();
                let mut batch = batch(&action, &numbers(&mut stream, size), &discount);
                let config = config(actions, count, count);
                let mut q = vec![0.0; size * actions];
                cpu.quantile_mean(&config, size, count, &next, &mut q).unwrap();
                let (mut d, mut summary) = (vec![f32::NAN; len], vec![f32::NAN; 2]);
                cpu.quantile(&config, &mut batch, &theta, None, &next, &q, &mut d, &mut summary).unwrap();
                [bits(&q), bits(&d), bits(&summary), bits(&batch.error)]
            };
            vectored().iter().for_each(|cpu| assert_eq!(run(cpu), run(&plain())));
        }
    }
}
