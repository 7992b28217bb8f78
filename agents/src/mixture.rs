//! A reference policy that explores: with a known probability it takes a uniformly random action instead.
use crate::error::{Result, setting};
use envs::{Actions, Domain, Purpose, Reference, Rng, Spec, VectorEnv};

/// Plays `policy`, and with probability `epsilon`, drawn anew for every action, the uniformly random policy.
#[derive(Clone, Debug)]
pub struct Mixture {
    policy: Reference,
    epsilon: f32,
    explored: Actions,
}

const RANDOM: Reference = Reference { name: Reference::RANDOM, value: None };

impl Mixture {
    /// The mixture for the rows of `spec`.
    ///
    /// # Errors
    /// When `epsilon` is no probability.
    pub fn new(spec: &Spec, policy: Reference, epsilon: f32) -> Result<Self> {
        if !(0.0..=1.0).contains(&epsilon) {
            return Err(setting("epsilon", epsilon, "between 0 and 1"));
        }
        Ok(Mixture { policy, epsilon, explored: Actions::new(spec.rows, spec.width) })
    }

    /// The probability of a uniformly random action.
    pub fn epsilon(&self) -> f32 {
        self.epsilon
    }

    /// Writes what is done into `actions`. The draws are those of (`seed`, `first_row` + row, `step`), so that they depend
    /// on no batch.
    ///
    /// # Errors
    /// When the world refuses; `actions` must fit it.
    pub fn choose(
        &mut self,
        env: &dyn VectorEnv,
        (seed, first_row, step): (u64, u32, u32),
        actions: &mut Actions,
    ) -> Result<()> {
        env.reference(&self.policy, actions)?;
        if self.epsilon == 0.0 {
            return Ok(());
        }
        env.reference(&RANDOM, &mut self.explored)?;
        let seed = Rng::new(seed, Domain::Agent);
        for row in 0..env.spec().rows {
            let here = seed.at(first_row.wrapping_add(row as u32), 0, step);
            if here.stream(Purpose::EXPLORE).bernoulli(self.epsilon) {
                let (explored, action) = (self.explored.row(row), actions.row_mut(row));
                action.items.copy_from_slice(explored.items);
                action.reals.copy_from_slice(explored.reals);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::{Player, evaluate};
    use envs::{Params, make};

    /// In the corridor of one cell: right pays 1, left 0.1, so that the mean tells how often was explored.
    #[test]
    fn exploration_is_as_frequent_as_epsilon_says() {
        let params = Params::from_iter([("length".to_string(), 2.into()), ("small".to_string(), 0.into())]);
        let mean = |epsilon: f32| {
            let mut env = make("classic/chain-v1", &params, 64).expect("world");
            let policy = env.spec().policy("oracle").expect("policy");
            let mut mixture = Mixture::new(env.spec(), policy, epsilon).expect("a probability");
            let played = evaluate(env.as_mut(), Player::Mixture(&mut mixture), 3, 20_000).expect("played");
            played.metric("episode_return").expect("the metric").mean
        };
        // Right twice: each with probability 1 − ε/2.
        for epsilon in [0.0, 0.3, 1.0f32] {
            let right = 1.0 - f64::from(epsilon) / 2.0;
            let se = (right * right * (1.0 - right * right) / 20_000.0).sqrt();
            assert!((mean(epsilon) - right * right).abs() <= 4.0 * se, "{epsilon}: {}", mean(epsilon));
        }
    }
}
