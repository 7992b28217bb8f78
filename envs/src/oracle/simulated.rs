//! Values by simulation, where no equation gives them: the mean over episodes with rewards replaced by their expectation
//! given state and action, which has the same mean and less noise.
use crate::{
    env::{Env, Reference},
    oracle::parts::in_parts,
    rng::{Domain, Purpose, Rng},
    space::{Actions, Space},
};

/// An estimated value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Mean over the episodes.
    pub mean: f64,
    /// Its standard error.
    pub se: f64,
}

/// What `policy` is worth in `env`, from `episodes` episodes whose random numbers are always the same: per step where
/// the discount is 0, else the discounted sum of an episode. They are played on all cores and summed in order, so that the
/// bits do not depend on how many there are.
pub fn simulated<E: Env>(env: &E, policy: &Reference, episodes: u32) -> Estimate {
    let (mut sum, mut squares) = (0.0, 0.0);
    for value in all_played(env, policy, episodes, |value, _| value) {
        sum += value;
        squares += value * value;
    }
    let n = f64::from(episodes);
    let mean = sum / n;
    let variance = squares / n - mean * mean;
    Estimate { mean, se: if variance > 0.0 { (variance / n).sqrt() } else { 0.0 } }
}

/// The same by a ratio estimator, for a `measure` of an episode, taken at its end, whose mean is known to be 1: what is earned in all
/// episodes by their measures, of which the sum varies as the earnings do where both go by the lengths.
pub fn simulated_by<E: Env>(
    env: &E,
    policy: &Reference,
    episodes: u32,
    measure: impl Fn(&E::State) -> f64 + Sync,
) -> Estimate {
    let pairs = all_played(env, policy, episodes, |value, end| (value, measure(end)));
    let (mut earned, mut measured) = (0.0, 0.0);
    for (value, measure) in &pairs {
        earned += value;
        measured += measure;
    }
    let mean = earned / measured;
    let squares = pairs.iter().fold(0.0, |sum, (value, measure)| {
        let residual = value - mean * measure;
        sum + residual * residual
    });
    Estimate { mean, se: squares.sqrt() / measured }
}

/// What `figure` makes of the value and the end of every episode, in order.
fn all_played<E: Env, T: Send>(
    env: &E,
    policy: &Reference,
    episodes: u32,
    figure: impl Fn(f64, &E::State) -> T + Sync,
) -> Vec<T> {
    let rng = Rng::new(0, Domain::Statistics);
    in_parts(episodes, |rows| {
        let (mut state, mut actions) = (env.reset(&rng), Actions::new(1, env.action_space().width()));
        rows.map(|row| figure(played(env, policy, &rng, row, &mut state, &mut actions), &state)).collect()
    })
}

/// The value of episode `row`.
fn played<E: Env>(
    env: &E,
    policy: &Reference,
    rng: &Rng,
    row: u32,
    state: &mut E::State,
    actions: &mut Actions,
) -> f64 {
    let (space, horizon, discount) = (env.action_space(), env.horizon(), env.discount());
    env.restart(state, &rng.at(row, 0, 0));
    let (mut value, mut weight, mut steps) = (0.0, 1.0, 0);
    loop {
        let here = rng.at(row, 0, steps);
        if policy.name == Reference::RANDOM {
            space.sample(&mut here.stream(Purpose::POLICY), actions.row_mut(0));
        } else {
            env.reference(policy, state, actions.row_mut(0));
        }
        let action = space.read(actions.row(0));
        value += weight * env.expected_reward(state, action);
        weight *= if discount > 0.0 { discount } else { 1.0 };
        steps += 1;
        if env.step(state, action, &here).terminated || steps == horizon {
            break;
        }
    }
    if discount == 0.0 { value / f64::from(steps) } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::{classic::chain::Chain, rec::topic_bandit::TopicBandit};

    /// Exact values of two worlds, one of them judged per step.
    #[test]
    fn estimates_agree_with_exact_values() {
        fn agrees<E: Env>(env: E) {
            let optimum = env.optimum();
            for (name, value) in [("random", optimum.random), ("oracle", optimum.upper)] {
                let policy = Reference { name, value: None };
                let Estimate { mean, se } = simulated(&env, &policy, 500);
                assert!((mean - value).abs() <= 4.0 * se + 1e-6, "{name}: {mean} ± {se}, exactly {value}");
            }
        }
        agrees(Chain { slip: 0.2, ..Chain::default() });
        agrees(TopicBandit::default());
    }
}
