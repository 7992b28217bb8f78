//! Epsilon-greedy: with probability ε a uniform action, else the lowest index of the largest Q. An action whose Q is minus
//! infinity is closed: where it is drawn, the next one that is open takes its place, counted cyclically.
//!
//! Real numbers live in \[−1, 1\]: with probability ε all of an action's are uniform, else the best ones, each with Gaussian
//! noise on it, clipped to the ends.
use crate::{
    cpu::Cpu,
    cuda::{Buffer, Cuda, blocks},
    device::Device,
    dispatch::compiled,
    error::Result,
    memory::STEPS,
    schedule::Ramp,
};
use envs::rng::{Domain, Purpose, Rng};

/// How actions are chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChooseConfig {
    /// Number of actions.
    pub actions: usize,
    /// Probability of a uniform action, by steps.
    pub epsilon: Ramp,
    /// Standard deviation of the noise on real numbers, which does not stand in the way of an index.
    pub spread: f32,
    /// Seed of the draws: address (row, 0, step), of real numbers (row, 1, step), agent domain.
    pub seed: u64,
}

/// The choice of actions.
pub trait Choose: Device {
    /// action\[rows\] from q\[rows × actions\]; rows whose ε is 0 draw nothing.
    ///
    /// # Errors
    /// When the device fails.
    fn choose(
        &self,
        config: &ChooseConfig,
        rows: usize,
        q: &Self::Buf<f32>,
        clock: &Self::Buf<u32>,
        action: &mut Self::Buf<u32>,
    ) -> Result<()>;

    /// real\[rows × reals\] from the best numbers, best\[rows × reals\]; `actions` does not matter.
    ///
    /// # Errors
    /// When the device fails.
    fn choose_reals(
        &self,
        config: &ChooseConfig,
        rows: usize,
        reals: usize,
        best: &Self::Buf<f32>,
        clock: &Self::Buf<u32>,
        real: &mut Self::Buf<f32>,
    ) -> Result<()>;
}

impl Choose for Cpu {
    fn choose(
        &self,
        config: &ChooseConfig,
        rows: usize,
        q: &Vec<f32>,
        clock: &Vec<u32>,
        action: &mut Vec<u32>,
    ) -> Result<()> {
        compiled!(self.isa() => greedy(
            q: &[f32] = &q[..rows * config.actions],
            actions: usize = config.actions,
            action: &mut [u32] = action,
        ));
        let epsilon = config.epsilon.at(clock[STEPS]);
        if epsilon > 0.0 {
            let address = Rng::new(config.seed, Domain::Agent);
            for (row, action) in action[..rows].iter_mut().enumerate() {
                let mut stream = address.at(row as u32, 0, clock[STEPS]).stream(Purpose::EXPLORE);
                if stream.bernoulli(epsilon) {
                    let drawn = stream.below(config.actions as u32) as usize;
                    *action = next_open(&q[row * config.actions..][..config.actions], drawn) as u32;
                }
            }
        }
        Ok(())
    }

    fn choose_reals(
        &self,
        config: &ChooseConfig,
        rows: usize,
        reals: usize,
        best: &Vec<f32>,
        clock: &Vec<u32>,
        real: &mut Vec<f32>,
    ) -> Result<()> {
        let epsilon = config.epsilon.at(clock[STEPS]);
        let address = Rng::new(config.seed, Domain::Agent);
        let cells = real[..rows * reals].chunks_exact_mut(reals).zip(best.chunks_exact(reals));
        for (row, (real, best)) in cells.enumerate() {
            let mut stream = address.at(row as u32, 1, clock[STEPS]).stream(Purpose::EXPLORE);
            let explores = epsilon > 0.0 && stream.bernoulli(epsilon);
            for (real, best) in real.iter_mut().zip(best) {
                let number = match explores {
                    true => 2.0 * stream.uniform() - 1.0,
                    false if config.spread > 0.0 => best + config.spread * stream.normal(),
                    false => *best,
                };
                *real = clip(number);
            }
        }
        Ok(())
    }
}

impl Choose for Cuda {
    fn choose(
        &self,
        config: &ChooseConfig,
        rows: usize,
        q: &Buffer<f32>,
        clock: &Buffer<u32>,
        action: &mut Buffer<u32>,
    ) -> Result<()> {
        let Ramp { from, to, over } = config.epsilon;
        let [key0, key1] = Rng::new(config.seed, Domain::Agent).key();
        let sizes = [rows.into(), config.actions.into(), q.first(rows * config.actions), clock.all()];
        let draws = [key0.into(), key1.into(), from.into(), to.into(), over.into(), action.first(rows)];
        self.launch("choose", blocks(rows * 32, 128), &[&sizes[..], &draws].concat())
    }

    fn choose_reals(
        &self,
        config: &ChooseConfig,
        rows: usize,
        reals: usize,
        best: &Buffer<f32>,
        clock: &Buffer<u32>,
        real: &mut Buffer<f32>,
    ) -> Result<()> {
        let Ramp { from, to, over } = config.epsilon;
        let [key0, key1] = Rng::new(config.seed, Domain::Agent).key();
        let sizes = [rows.into(), reals.into(), best.first(rows * reals), clock.all(), key0.into(), key1.into()];
        let draws = [from.into(), to.into(), over.into(), config.spread.into(), real.first(rows * reals)];
        self.launch("choose_reals", blocks(rows, 64), &[&sizes[..], &draws].concat())
    }
}

/// The first index from `drawn` on, cyclically, whose number is above minus infinity; `drawn` itself when there is none.
fn next_open(q: &[f32], drawn: usize) -> usize {
    let later = (drawn..q.len()).chain(0..drawn);
    later.into_iter().find(|&action| q[action] != f32::NEG_INFINITY).unwrap_or(drawn)
}

/// The number of \[−1, 1\] next to it; a NaN stays.
#[inline(always)]
pub(crate) fn clip(number: f32) -> f32 {
    let number = if number < -1.0 { -1.0 } else { number };
    if number > 1.0 { 1.0 } else { number }
}

#[inline(always)]
fn greedy(q: &[f32], actions: usize, action: &mut [u32]) {
    for (q, action) in q.chunks_exact(actions).zip(action) {
        *action = argmax(q) as u32;
    }
}

/// The lowest index of the largest number; a NaN is never larger than anything, and a row without any number above −∞
/// gives 0.
#[inline(always)]
pub(crate) fn argmax(row: &[f32]) -> usize {
    const LANES: usize = 32;
    if row.len() < LANES {
        let (mut index, mut best) = (0, f32::NEG_INFINITY);
        for (i, &number) in row.iter().enumerate() {
            if number > best {
                (index, best) = (i, number);
            }
        }
        return index;
    }
    let larger = |best: f32, number: f32| if number > best { number } else { best };
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let chunks = row.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (best, &number) in lanes.iter_mut().zip(chunk) {
            *best = larger(*best, number);
        }
    }
    let best = lanes.iter().chain(rest).fold(f32::NEG_INFINITY, |best, &number| larger(best, number));
    if best == f32::NEG_INFINITY {
        return 0;
    }
    let holds = |chunk: &[f32]| chunk.iter().fold(false, |found, &number| found | (number == best));
    let first = row.chunks(LANES).position(holds).unwrap_or(0) * LANES;
    first + row[first..].iter().position(|&number| number == best).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{numbers, plain, stream, vectored};

    fn config(actions: usize, epsilon: f32) -> ChooseConfig {
        ChooseConfig { actions, epsilon: Ramp::constant(epsilon), spread: 0.0, seed: 3 }
    }

    fn choose(cpu: &Cpu, config: &ChooseConfig, q: &[f32], step: u32) -> Vec<u32> {
        let rows = q.len() / config.actions;
        let mut action = vec![99; rows];
        cpu.choose(config, rows, &q.to_vec(), &vec![0, step], &mut action).unwrap();
        action
    }

    /// Ties (also of −0 and +0) go to the lowest index, NaN is passed over, in short and long rows.
    #[test]
    fn greedy_is_the_lowest_index_of_the_largest() {
        let mut stream = stream(1);
        for cpu in std::iter::once(plain()).chain(vectored()) {
            for actions in [1, 2, 10, 31, 32, 33, 64, 100, 1000] {
                let mut q = numbers(&mut stream, 20 * actions);
                q.iter_mut().step_by(7).for_each(|q| *q = (*q * 3.0).round() / 3.0);
                q.iter_mut().step_by(11).for_each(|q| *q = f32::NAN);
                let expected: Vec<u32> = q
                    .chunks_exact(actions)
                    .map(|row| {
                        let wins = |i: usize| {
                            row.iter()
                                .enumerate()
                                .all(|(j, &other)| other.is_nan() || row[i] > other || row[i] == other && i <= j)
                        };
                        (0..actions).find(|&i| !row[i].is_nan() && wins(i)).unwrap_or(0) as u32
                    })
                    .collect();
                assert_eq!(choose(&cpu, &config(actions, 0.0), &q, 0), expected, "{actions}");
            }
            for hopeless in [f32::NAN, f32::NEG_INFINITY] {
                assert_eq!(choose(&cpu, &config(40, 0.0), &[hopeless; 40], 0), [0]);
            }
            let mut row = [f32::NAN; 40];
            row[20] = f32::NEG_INFINITY;
            assert_eq!(choose(&cpu, &config(40, 0.0), &row, 0), [0], "as in a short row");
            assert_eq!(choose(&cpu, &config(40, 0.0), &[&row[..20], &[f32::INFINITY; 20]].concat(), 0), [20]);
        }
    }

    /// What is closed is never chosen: a draw of it goes to the next open action, cyclically.
    #[test]
    fn closed_actions_give_way() {
        const CLOSED: f32 = f32::NEG_INFINITY;
        let q: Vec<f32> = [CLOSED, 1.0, CLOSED, CLOSED, 0.0].repeat(40_000);
        for cpu in std::iter::once(plain()).chain(vectored()) {
            let chosen = choose(&cpu, &config(5, 0.5), &q, 7);
            for (action, expected) in [(0, 0.0), (1, 0.7), (2, 0.0), (3, 0.0), (4, 0.3)] {
                let share = chosen.iter().filter(|&&a| a == action).count() as f64 / 40_000.0;
                assert!((share - expected).abs() < 0.01 && (expected > 0.0 || share == 0.0), "{action}: {share}");
            }
            assert!(choose(&cpu, &config(2, 1.0), &[CLOSED; 20], 0).into_iter().all(|action| action < 2));
        }
    }

    /// About ε of the rows explore, every action alike, and a row's draw does not depend on the number of rows.
    #[test]
    fn explores_with_probability_epsilon() {
        let actions = 4;
        let q: Vec<f32> = [0.0, 1.0, 0.0, 0.0].repeat(40_000);
        let chosen = choose(&plain(), &config(actions, 0.2), &q, 7);
        for (action, expected) in [(0, 0.05), (1, 0.85), (2, 0.05), (3, 0.05)] {
            let share = chosen.iter().filter(|&&a| a == action).count() as f64 / 40_000.0;
            assert!((share - expected).abs() < 0.01, "{action}: {share}");
        }
        assert_eq!(choose(&plain(), &config(actions, 0.2), &q[..400], 7), chosen[..100]);
        assert_ne!(choose(&plain(), &config(actions, 0.2), &q, 8), chosen);
    }

    /// A fifth is uniform, the rest lies around the best, clipped at the ends; without ε and noise it is the best.
    #[test]
    fn real_numbers_are_explored() {
        let run = |epsilon: f32, spread: f32, best: &[f32]| {
            let mut real = vec![9.0; best.len()];
            let config = ChooseConfig { spread, ..config(0, epsilon) };
            plain().choose_reals(&config, best.len() / 2, 2, &best.to_vec(), &vec![0, 7], &mut real).unwrap();
            real
        };
        assert_eq!(run(0.0, 0.0, &[0.25, -3.0, 2.0, -0.5]), [0.25, -1.0, 1.0, -0.5]);
        let best = [0.5, 1.0].repeat(40_000);
        let real = run(0.2, 0.1, &best);
        let first: Vec<f64> = real.iter().step_by(2).map(|real| f64::from(*real)).collect();
        let share = |low: f64, high: f64| {
            first.iter().filter(|real| (low..high).contains(*real)).count() as f64 / first.len() as f64
        };
        assert!((share(-1.0, 0.0) - 0.1).abs() < 0.01, "half of the uniform ones");
        assert!((share(0.4, 0.6) - (0.8 * 0.6827 + 0.02)).abs() < 0.01, "{}: one standard deviation", share(0.4, 0.6));
        let ends = real.iter().skip(1).step_by(2).filter(|real| **real == 1.0).count() as f64 / 40_000.0;
        assert!((ends - 0.4).abs() < 0.01, "{ends}: half of the noisy ones are clipped");
    }
}
