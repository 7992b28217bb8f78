//! How good is it? The first episode of each of N rows, in the evaluation domain of the random numbers.
use crate::{
    agent::Policy,
    error::{Error, Result},
    mixture::Mixture,
};
use envs::{Actions, Reference, Slot, Stage, Start, VectorEnv};
use std::sync::atomic::{AtomicBool, Ordering};

/// Who plays.
pub enum Player<'a> {
    /// A reference policy of the world, which reads the true states.
    Reference(Reference),
    /// A reference policy that explores; it must have as many rows as the vector.
    Mixture(&'a mut Mixture),
    /// A policy that observes; it must have as many rows as the vector.
    Policy(&'a mut dyn Policy),
}

/// Mean and spread of one metric over episodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// Mean over the episodes; weighted where [`Spec::weights`](envs::Spec) says so.
    pub mean: f64,
    /// Standard deviation over the episodes (n − 1); 0 for one episode.
    pub sd: f64,
}

/// What N episodes brought.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// Number of episodes.
    pub episodes: u32,
    /// `episode_return`, `discounted_return` (`mean_reward`, per step, where the discount is 0), `expected_return` (the
    /// objective with rewards replaced by their expectation given state and action: the same mean, less noise),
    /// `length`, then the world's own.
    pub metrics: Vec<Metric>,
    /// One number per episode that every action and reward of it went into.
    pub traces: Vec<u64>,
}

impl Evaluation {
    /// The metric called `name`.
    pub fn metric(&self, name: &str) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.name == name)
    }
}

/// Names of the metrics that every world has; in a bandit the second is `mean_reward`.
pub const COMMON_METRICS: [&str; 4] = ["episode_return", "discounted_return", "expected_return", "length"];

/// Plays the first episode of rows 0..`episodes`; how many rows `env` holds at once changes no number.
///
/// # Errors
/// When the policy's or the world's step fails.
pub fn evaluate(env: &mut dyn VectorEnv, player: Player<'_>, seed: u64, episodes: u32) -> Result<Evaluation> {
    evaluate_until(&AtomicBool::new(false), env, player, seed, episodes)
}

/// As [`evaluate`], until `stop` is set.
///
/// # Errors
/// [`Error::Interrupted`] when it was set before the last episode ended; as [`evaluate`].
pub fn evaluate_until(
    stop: &AtomicBool,
    env: &mut dyn VectorEnv,
    mut player: Player<'_>,
    seed: u64,
    episodes: u32,
) -> Result<Evaluation> {
    let spec = env.spec().clone();
    let mut names: Vec<&str> = COMMON_METRICS.to_vec();
    names.extend(&spec.metrics);
    let mut values = vec![Vec::with_capacity(episodes as usize); names.len()];
    let mut traces = Vec::with_capacity(episodes as usize);
    let mut own = Rows::new(spec.rows, spec.observation);
    let mut actions = Actions::new(spec.rows, spec.width);
    let mut expected = vec![0.0; spec.rows];
    let discounted = spec.objective() == "discounted_return";
    let bandit = spec.discount == 0.0;
    if bandit {
        names[1] = spec.objective();
    }

    for first in (0..episodes).step_by(spec.rows) {
        let wanted = spec.rows.min((episodes - first) as usize);
        let mut tallies = vec![Tally::new(names.len()); wanted];
        env.reset(Start::evaluation(seed, first), own.slot(&mut player))?;
        let mut step = 0;
        while tallies.iter().any(|tally| !tally.over) {
            if stop.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            match &mut player {
                Player::Reference(policy) => env.reference(policy, &mut actions)?,
                Player::Mixture(mixture) => mixture.choose(env, (seed, first, step), &mut actions)?,
                Player::Policy(policy) => policy.act(&mut actions)?,
            }
            env.expected_reward(&actions, &mut expected)?;
            env.step(&actions, own.slot(&mut player))?;
            step += 1;
            let slot = own.slot(&mut player);
            for (row, tally) in tallies.iter_mut().enumerate().filter(|(_, tally)| !tally.over) {
                let action = actions.row(row);
                action.items.iter().for_each(|item| tally.mix(*item));
                action.reals.iter().for_each(|real| tally.mix(real.to_bits()));
                tally.mix(slot.reward[row].to_bits());
                let weight = if discounted { tally.discount } else { 1.0 };
                // A score judges what the world paid, whatever a modifier showed.
                let paid = f64::from(env.paid().map_or(slot.reward[row], |paid| paid[row]));
                tally.values[0] += paid;
                tally.values[1] += tally.discount * paid;
                tally.values[2] += weight * expected[row];
                tally.values[3] += 1.0;
                tally.discount *= spec.discount;
                if slot.stage[row].is_last() {
                    tally.over = true;
                    tally.mix(slot.stage[row] as u32);
                    if bandit {
                        tally.values[1] = tally.values[0] / tally.values[3];
                        tally.values[2] /= tally.values[3];
                    }
                    env.metrics(row, &mut tally.values[COMMON_METRICS.len()..]);
                }
            }
        }
        for tally in tallies {
            values.iter_mut().zip(&tally.values).for_each(|(all, value)| all.push(*value));
            traces.push(tally.trace);
        }
    }
    let column = |name: &str| names.iter().position(|other| *other == name).map(|at| values[at].as_slice());
    let weights = |name: &str| spec.weights.iter().find(|(of, _)| *of == name).and_then(|(_, weight)| column(weight));
    let metrics = names.iter().zip(&values).map(|(name, values)| match weights(name) {
        Some(weights) => ratio(name, values, weights),
        None => summary(name, values),
    });
    let metrics = metrics.collect();
    Ok(Evaluation { episodes, metrics, traces })
}

fn summary(name: &str, values: &[f64]) -> Metric {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>();
    let sd = if values.len() > 1 { (squares / (n - 1.0)).sqrt() } else { 0.0 };
    Metric { name: name.into(), mean, sd }
}

/// As [`summary`], where an episode counts as often as its weight says. The spread is that of the linearised ratio of
/// sums, so that sd/√n is its standard error (Cochran 1977, "Sampling techniques", section 6.4).
fn ratio(name: &str, values: &[f64], weights: &[f64]) -> Metric {
    let n = values.len() as f64;
    let total = weights.iter().sum::<f64>();
    if total == 0.0 {
        return summary(name, values);
    }
    let mean = values.iter().zip(weights).map(|(value, weight)| value * weight).sum::<f64>() / total;
    let deviations: Vec<f64> =
        values.iter().zip(weights).map(|(value, weight)| (value - mean) * weight * n / total).collect();
    Metric { mean, ..summary(name, &deviations) }
}

/// What one episode has brought so far.
#[derive(Clone)]
struct Tally {
    values: Vec<f64>,
    discount: f64,
    trace: u64,
    over: bool,
}

impl Tally {
    fn new(metrics: usize) -> Self {
        Tally { values: vec![0.0; metrics], discount: 1.0, trace: 0xcbf2_9ce4_8422_2325, over: false }
    }
    /// FNV-1a over 32-bit words.
    fn mix(&mut self, word: u32) {
        self.trace = (self.trace ^ u64::from(word)).wrapping_mul(0x0000_0100_0000_01b3);
    }
}

/// A slot for players that bring none.
struct Rows {
    observation: Vec<f32>,
    reward: Vec<f32>,
    stage: Vec<Stage>,
}

impl Rows {
    fn new(rows: usize, width: usize) -> Self {
        Rows { observation: vec![0.0; rows * width], reward: vec![0.0; rows], stage: vec![Stage::First; rows] }
    }
    fn slot<'a>(&'a mut self, player: &'a mut Player<'_>) -> Slot<'a> {
        match player {
            Player::Policy(policy) => policy.slot(),
            Player::Reference(_) | Player::Mixture(_) => {
                Slot { observation: &mut self.observation, reward: &mut self.reward, stage: &mut self.stage }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simple::Constant;
    use envs::{Params, make};

    fn play(rows: usize, policy: &str, episodes: u32) -> Evaluation {
        let params = Params::from_iter([("slip".to_string(), 0.2.into())]);
        let mut env = make("classic/chain-v1", &params, rows).expect("world");
        let policy = env.spec().policy(policy).expect("policy");
        evaluate(env.as_mut(), Player::Reference(policy), 5, episodes).expect("evaluation")
    }

    #[test]
    fn how_many_rows_are_held_changes_no_number() {
        let one = play(1, "random", 100);
        assert_eq!(one, play(7, "random", 100));
        assert_eq!(one, play(128, "random", 100));
        assert_ne!(one.traces, play(1, "oracle", 100).traces);
    }

    /// A bandit is judged by the reward of a step, however long its episodes are.
    #[test]
    fn bandits_are_judged_per_step() {
        let mut env = make("rec/topic-bandit-v1", &Params::new(), 64).expect("world");
        let (optimum, objective) = (env.optimum().upper, env.spec().objective());
        let policy = env.spec().policy("oracle").expect("policy");
        let evaluation = evaluate(env.as_mut(), Player::Reference(policy), 5, 64).expect("evaluation");
        for name in [objective, "expected_return"] {
            let metric = evaluation.metric(name).expect(name);
            assert!((metric.mean - optimum).abs() < 4.0 * metric.sd / 8.0, "{name} {metric:?} {optimum}");
        }
    }

    /// The sampled mean and the mean of expected rewards agree with the exact value within 4 standard errors.
    #[test]
    fn the_oracle_returns_what_the_optimum_says() {
        let params = Params::from_iter([("slip".to_string(), 0.2.into())]);
        let optimum = make("classic/chain-v1", &params, 1).expect("world").optimum().upper;
        let evaluation = play(64, "oracle", 20_000);
        for name in ["discounted_return", "expected_return"] {
            let metric = evaluation.metric(name).expect(name);
            let se = metric.sd / 20_000f64.sqrt();
            assert!((metric.mean - optimum).abs() < 4.0 * se, "{name} {metric:?} {optimum}");
        }
    }

    #[test]
    fn a_constant_action_is_taken_and_a_wrong_one_refused() {
        let mut env = make("classic/chain-v1", &Params::new(), 3).expect("world");
        let mut left = Constant::new(env.spec(), &[0.0]).expect("action");
        let evaluation = evaluate(env.as_mut(), Player::Policy(&mut left), 1, 5).expect("evaluation");
        assert_eq!(evaluation.metric("length").map(|metric| metric.mean), Some(1.0));
        for wrong in [vec![2.0], vec![0.5], vec![], vec![0.0, 1.0], vec![f64::NAN]] {
            assert!(Constant::new(env.spec(), &wrong).is_err(), "{wrong:?}");
        }
    }
}
