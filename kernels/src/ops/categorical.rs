//! Categorical returns (C51; Bellemare, Dabney and Munos 2017, algorithm 1): each action has a distribution over the
//! atoms z_i = low + i·Δ, Δ = (high − low)/(atoms − 1), as logits \[rows × atoms × actions\].
//!
//! softmax: e_i = exp(x_i − max x), sums in index order. Q = Σ p_i z_i, one chain of fused multiply-adds. The target
//! carries the mass p_j of the next state's best action to clip(reward + discount·z_j, low, high), which shares it
//! between its two neighbouring atoms in proportion to nearness; on an atom all of it stays there (the paper's formula
//! loses it). Where the discount is 0 the whole mass sits at the reward. Loss: the mean over the batch of
//! weight · KL(target ‖ p), whose gradient by the logits is weight · (p − target)/size; the KL divergence is the error
//! that priorities are made of (Hessel et al. 2018).
use crate::{
    cpu::Cpu,
    cuda::{Arg, Buffer, Cuda, blocks},
    device::Device,
    dispatch::compiled,
    error::Result,
    memory::Batch,
    ops::choose::argmax,
};
use envs::math::{exp, ln};

/// The most atoms that a distribution can have.
pub const MOST_ATOMS: usize = 256;

/// The support of the distributions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CategoricalConfig {
    /// Number of actions.
    pub actions: usize,
    /// Number of atoms, 2 to [`MOST_ATOMS`].
    pub atoms: usize,
    /// The first atom.
    pub low: f32,
    /// The last atom.
    pub high: f32,
}

impl CategoricalConfig {
    fn step(&self) -> f32 {
        (self.high - self.low) / (self.atoms - 1) as f32
    }
    /// The first arguments of its kernels.
    fn arguments(&self, rows: usize) -> [Arg; 5] {
        [rows.into(), self.actions.into(), self.atoms.into(), self.low.into(), self.high.into()]
    }
    /// Where the atoms of one action of one row are.
    #[inline(always)]
    fn places(&self, row: usize, action: usize) -> impl Iterator<Item = usize> {
        let first = row * self.atoms * self.actions + action;
        (first..).step_by(self.actions).take(self.atoms)
    }
}

/// Distributions over atoms.
pub trait Categorical: Device {
    /// q\[rows × actions\] from logits.
    ///
    /// # Errors
    /// When the device fails.
    fn expectation(
        &self,
        config: &CategoricalConfig,
        rows: usize,
        logits: &Self::Buf<f32>,
        q: &mut Self::Buf<f32>,
    ) -> Result<()>;

    /// Reads the logits here, the target network's there, and `next_q`\[size × actions\], whose largest value chooses
    /// among them; writes dlogits, `batch.error` and summary = \[loss, mean Q(s, a)\].
    ///
    /// # Errors
    /// When the device fails.
    #[expect(clippy::too_many_arguments, reason = "three tables in, gradient and summary out")]
    fn categorical(
        &self,
        config: &CategoricalConfig,
        batch: &mut Batch<Self>,
        logits: &Self::Buf<f32>,
        next_logits: &Self::Buf<f32>,
        next_q: &Self::Buf<f32>,
        dlogits: &mut Self::Buf<f32>,
        summary: &mut Self::Buf<f32>,
    ) -> Result<()>;
}

impl Categorical for Cpu {
    fn expectation(&self, config: &CategoricalConfig, rows: usize, logits: &Vec<f32>, q: &mut Vec<f32>) -> Result<()> {
        let values = rows * config.actions;
        compiled!(self.isa() => expect(
            config: &CategoricalConfig = config,
            logits: &[f32] = logits,
            q: &mut [f32] = &mut q[..values],
        ));
        Ok(())
    }

    fn categorical(
        &self,
        config: &CategoricalConfig,
        batch: &mut Batch<Self>,
        logits: &Vec<f32>,
        next_logits: &Vec<f32>,
        next_q: &Vec<f32>,
        dlogits: &mut Vec<f32>,
        summary: &mut Vec<f32>,
    ) -> Result<()> {
        compiled!(self.isa() => divergence(
            config: &CategoricalConfig = config,
            batch: &mut Batch<Cpu> = batch,
            logits: [&[f32]; 2] = [logits, next_logits],
            next_q: &[f32] = next_q,
            dlogits: &mut [f32] = dlogits,
            summary: &mut [f32] = summary,
        ));
        Ok(())
    }
}

impl Categorical for Cuda {
    fn expectation(
        &self,
        config: &CategoricalConfig,
        rows: usize,
        logits: &Buffer<f32>,
        q: &mut Buffer<f32>,
    ) -> Result<()> {
        let values = rows * config.actions;
        let numbers = [logits.first(values * config.atoms), q.first(values)];
        self.launch("categorical_mean", blocks(values, 128), &[&config.arguments(rows)[..], &numbers].concat())
    }

    fn categorical(
        &self,
        config: &CategoricalConfig,
        batch: &mut Batch<Self>,
        logits: &Buffer<f32>,
        next_logits: &Buffer<f32>,
        next_q: &Buffer<f32>,
        dlogits: &mut Buffer<f32>,
        summary: &mut Buffer<f32>,
    ) -> Result<()> {
        let size = batch.size;
        let table = size * config.actions * config.atoms;
        let (action, weight, error) = (batch.action.first(size), batch.weight.first(size), batch.error.first(size));
        let numbers = [
            action,
            batch.reward.first(size),
            batch.discount.first(size),
            weight,
            logits.first(table),
            next_logits.first(table),
            next_q.first(size * config.actions),
            dlogits.first(table),
            error,
        ];
        let settings = config.arguments(size);
        self.launch("categorical", blocks(size, 32), &[&settings[..], &numbers].concat())?;
        let numbers = [action, weight, logits.first(table), error, summary.first(2)];
        self.launch("categorical_summary", blocks(1, 32), &[&settings[..], &numbers].concat())
    }
}

#[inline(always)]
fn expect(config: &CategoricalConfig, logits: &[f32], q: &mut [f32]) {
    let step = config.step();
    let mut p = [0.0; MOST_ATOMS];
    let p = &mut p[..config.atoms];
    for (i, q) in q.iter_mut().enumerate() {
        let places = config.places(i / config.actions, i % config.actions);
        p.iter_mut().zip(places).for_each(|(p, at)| *p = logits[at]);
        softmax(p);
        *q = mean(p, config.low, step);
    }
}

/// Turns logits x into e_i, then divides by their sum; returns (max x, ln Σ e_i), the parts of
/// ln p_i = (x_i − max) − ln Σ.
#[inline(always)]
fn softmax(p: &mut [f32]) -> (f32, f32) {
    let most = p[argmax(p)];
    for p in &mut *p {
        *p = exp(*p - most);
    }
    let sum = p.iter().fold(0.0, |sum, p| sum + p);
    for p in p {
        *p /= sum;
    }
    (most, ln(sum))
}

#[inline(always)]
fn mean(p: &[f32], low: f32, step: f32) -> f32 {
    p.iter().enumerate().fold(0.0, |sum, (i, &p)| p.mul_add(low + i as f32 * step, sum))
}

/// Adds `mass` at `value`, shared between the neighbouring atoms.
#[inline(always)]
fn spread(target: &mut [f32], config: &CategoricalConfig, value: f32, mass: f32) {
    let value = if value < config.low { config.low } else { value };
    let value = if value > config.high { config.high } else { value };
    let place = (value - config.low) / config.step();
    // Rounding may put the highest value a little beyond the last atom.
    let last = (config.atoms - 1) as f32;
    let place = if place > last { last } else { place };
    let lower = place as usize;
    let above = place - lower as f32;
    target[lower] += mass * (1.0 - above);
    if above > 0.0 {
        target[lower + 1] += mass * above;
    }
}

/// `logits` are those here and the target network's there.
#[inline(always)]
fn divergence(
    config: &CategoricalConfig,
    batch: &mut Batch<Cpu>,
    logits: [&[f32]; 2],
    next_q: &[f32],
    dlogits: &mut [f32],
    summary: &mut [f32],
) {
    let CategoricalConfig { actions, atoms, low, .. } = *config;
    let (size, step) = (batch.size, config.step());
    let (mut loss, mut total) = (0.0, 0.0);
    let (mut p, mut target) = ([0.0; MOST_ATOMS], [0.0; MOST_ATOMS]);
    let (p, target) = (&mut p[..atoms], &mut target[..atoms]);
    dlogits[..size * actions * atoms].fill(0.0);
    for i in 0..size {
        target.fill(0.0);
        if batch.discount[i] == 0.0 {
            spread(target, config, batch.reward[i], 1.0);
        } else {
            let best = argmax(&next_q[i * actions..(i + 1) * actions]);
            p.iter_mut().zip(config.places(i, best)).for_each(|(p, at)| *p = logits[1][at]);
            softmax(p);
            for (j, &mass) in p.iter().enumerate() {
                let atom = low + j as f32 * step;
                spread(target, config, batch.reward[i] + batch.discount[i] * atom, mass);
            }
        }
        let places = || config.places(i, batch.action[i] as usize);
        p.iter_mut().zip(places()).for_each(|(p, at)| *p = logits[0][at]);
        let (most, log_sum) = softmax(p);
        total += mean(p, low, step);
        let mut error = 0.0;
        for ((at, &p), &m) in places().zip(&*p).zip(&*target) {
            if m > 0.0 {
                error += m * (ln(m) - ((logits[0][at] - most) - log_sum));
            }
            dlogits[at] = batch.weight[i] * (p - m) / size as f32;
        }
        // Rounding can leave a tiny negative number where both are the same; NaN stays.
        let error = if error < 0.0 { 0.0 } else { error };
        batch.error[i] = error;
        loss += batch.weight[i] * error;
    }
    summary[0] = loss / size as f32;
    summary[1] = total / size as f32;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{bits, numbers, plain, stream, vectored};

    const FIVE: CategoricalConfig = CategoricalConfig { actions: 1, atoms: 5, low: -2.0, high: 2.0 };

    fn batch(action: &[u32], reward: &[f32], discount: &[f32]) -> Batch<Cpu> {
        let mut batch = Batch::new(&plain(), action.len(), 1).unwrap();
        (batch.action, batch.reward, batch.discount) = (action.to_vec(), reward.to_vec(), discount.to_vec());
        batch.weight.fill(1.0);
        batch
    }

    fn close(got: &[f32], expected: &[f64]) {
        assert_eq!(got.len(), expected.len());
        for (got, expected) in got.iter().zip(expected) {
            assert!((f64::from(*got) - expected).abs() < 2e-6, "{got} {expected}");
        }
    }

    /// Targets, divergence and gradient against numbers computed in f64.
    #[test]
    fn worked_numbers() {
        let next: Vec<f32> = [0.1f32, 0.2, 0.4, 0.2, 0.1].iter().map(|&p| ln(p)).collect();
        let here = vec![0.2, -0.1, 0.5, 0.0, 0.3];
        let mut gradients = Vec::new();
        let mut targets = |reward, discount| {
            let mut batch = batch(&[0], &[reward], &[discount]);
            let (mut d, mut summary) = (vec![f32::NAN; 5], vec![0.0; 2]);
            plain().categorical(&FIVE, &mut batch, &here, &next, &vec![0.0], &mut d, &mut summary).unwrap();
            let mut p = here.clone();
            softmax(&mut p);
            gradients.push((summary[0], d.clone()));
            p.iter().zip(&d).map(|(p, d)| p - d).collect::<Vec<f32>>()
        };
        close(&targets(0.3, 0.9), &[0.05, 0.17, 0.36, 0.28, 0.14]);
        close(&targets(1.0, 1.0), &[0.0, 0.1, 0.2, 0.4, 0.3]);
        close(&targets(0.25, 0.0), &[0.0, 0.0, 0.75, 0.25, 0.0]);
        close(&targets(1.0, 0.0), &[0.0, 0.0, 0.0, 1.0, 0.0]);
        close(&targets(9.0, 0.0), &[0.0, 0.0, 0.0, 0.0, 1.0]);
        let (loss, gradient) = &gradients[0];
        close(&[*loss], &[0.1468494948]);
        close(gradient, &[0.1494185474, -0.02226710655, -0.09081311741, -0.1167299025, 0.0803915791]);
        let mut q = vec![0.0];
        plain().expectation(&FIVE, 1, &vec![0.0; 5], &mut q).unwrap();
        close(&q, &[0.0]);
        plain().expectation(&FIVE, 1, &vec![0.0, 0.0, 0.0, 0.0, 40.0], &mut q).unwrap();
        close(&q, &[2.0]);
    }

    /// The gradient against central differences of the loss (step 2⁻⁷: the third derivative is below 1, so the error of
    /// the difference is below 2⁻¹⁶, plus rounding).
    #[test]
    fn gradient_is_the_slope() {
        let config = CategoricalConfig { actions: 3, atoms: 7, low: -1.0, high: 2.0 };
        let mut stream = stream(5);
        let len = 4 * 3 * 7;
        let (logits, next) = (numbers(&mut stream, len), numbers(&mut stream, len));
        let next_q = numbers(&mut stream, 12);
        let mut batch = batch(&[2, 0, 1, 1], &[0.1, -0.9, 0.3, 0.0], &[0.9, 0.9, 0.0, 0.81]);
        batch.weight = vec![1.0, 0.5, 0.25, 0.75];
        let mut loss = |logits: &Vec<f32>| {
            let (mut d, mut summary) = (vec![0.0; len], vec![0.0; 2]);
            plain().categorical(&config, &mut batch, logits, &next, &next_q, &mut d, &mut summary).unwrap();
            (summary[0], d)
        };
        let (_, d) = loss(&logits);
        for at in 0..len {
            let mut moved = |by: f32| {
                let mut moved = logits.clone();
                moved[at] += by;
                loss(&moved).0
            };
            let slope = (moved(1.0 / 128.0) - moved(-1.0 / 128.0)) * 64.0;
            assert!((slope - d[at]).abs() < 1e-4, "{at}: {slope} {}", d[at]);
        }
    }

    /// Every body gives the bits of the plain one, and no mass is lost: a gradient sums to 0.
    #[test]
    fn bodies_agree_and_mass_stays() {
        for (size, actions, atoms) in [(1, 1, 2), (5, 3, 51), (17, 4, 33), (3, 2, 256)] {
            let config = CategoricalConfig { actions, atoms, low: -3.0, high: 7.0 };
            let run = |cpu: &Cpu| {
                let mut stream = stream(size as u64);
                let action: Vec<u32> = (0..size).map(|_| stream.below(actions as u32)).collect();
                let discount: Vec<f32> = (0..size).map(|i| if i % 3 == 2 { 0.0 } else { 0.9 }).collect();
                let mut batch = batch(&action, &numbers(&mut stream, size), &discount);
                let (logits, next) =
                    (numbers(&mut stream, size * actions * atoms), numbers(&mut stream, size * actions * atoms));
                let mut next_q = vec![0.0; size * actions];
                cpu.expectation(&config, size, &next, &mut next_q).unwrap();
                let (mut d, mut summary) = (vec![f32::NAN; logits.len()], vec![f32::NAN; 2]);
                cpu.categorical(&config, &mut batch, &logits, &next, &next_q, &mut d, &mut summary).unwrap();
                for i in 0..size * actions {
                    let sum: f32 = config.places(i / actions, i % actions).map(|at| d[at]).sum();
                    assert!(sum.abs() < 1e-6, "{sum}");
                }
                [bits(&next_q), bits(&d), bits(&summary), bits(&batch.error)]
            };
            vectored().iter().for_each(|cpu| assert_eq!(run(cpu), run(&plain())));
        }
    }
}
