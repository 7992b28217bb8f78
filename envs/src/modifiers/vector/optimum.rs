//! The optimum where what is carried out is not what is chosen: exact where the world is small, else bounds.
use super::Modified;
use crate::{
    env::{Optimum, Reference},
    error::{Error, Result},
    oracle::finite::Finite,
    rng::Domain,
    space::Actions,
    vector::{Slot, Stage, Start, VectorEnv},
};
use serde_json::Value;

/// Simulated values take about as many steps, but not fewer worlds than the one and not more than the other.
const SIMULATED_STEPS: usize = 200_000;
const LEAST_WORLDS: usize = 64;
const MOST_WORLDS: usize = 2048;

impl Modified {
    /// What `policy` earns by simulation: mean and standard error of the judged objective over the worlds of fixed seeds.
    fn simulated(&self, policy: &Reference) -> Result<(f64, f64)> {
        let (spec, agents) = (&self.spec, self.spec.agents);
        let worlds = (SIMULATED_STEPS / spec.horizon as usize).clamp(LEAST_WORLDS, MOST_WORLDS);
        let rows = worlds * agents;
        let plain = (self.again)(rows)?;
        let mut world = Modified::new(plain, self.modifiers.clone(), Value::Null, Box::new(|_| unmade()))?;
        let mut observation = vec![0.0; rows * spec.observation];
        let (mut reward, mut stage) = (vec![0.0; rows], vec![Stage::First; rows]);
        let start = Start { seed: 0, domain: Domain::Statistics, first_row: 0 };
        world.reset(start, Slot { observation: &mut observation, reward: &mut reward, stage: &mut stage })?;
        let (mut actions, mut expected) = (Actions::new(rows, spec.width), vec![0.0; rows]);
        let mut tally = vec![(0.0, 1.0, 0.0, false); rows];
        while tally.iter().any(|(.., over)| !over) {
            world.reference(policy, &mut actions)?;
            world.expected_reward(&actions, &mut expected)?;
            world.step(&actions, Slot { observation: &mut observation, reward: &mut reward, stage: &mut stage })?;
            for (row, (sum, weight, steps, over)) in tally.iter_mut().enumerate().filter(|(_, (.., over))| !over) {
                *sum += *weight * expected[row];
                *weight *= if spec.discount > 0.0 { spec.discount } else { 1.0 };
                *steps += 1.0;
                *over = stage[row].is_last();
            }
        }
        let value = |&(sum, _, steps, _): &(f64, f64, f64, bool)| if spec.discount > 0.0 { sum } else { sum / steps };
        // Agents of one world are not independent of each other: their mean is one number.
        let values: Vec<f64> =
            tally.chunks(agents).map(|agents| agents.iter().map(value).sum::<f64>() / agents.len() as f64).collect();
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>();
        Ok((mean, (squares / (n * (n - 1.0))).sqrt()))
    }

    /// The optimum where what is carried out is not what is chosen.
    pub fn changed_optimum(&self) -> Result<Optimum> {
        let plain = self.inner.optimum();
        if self.modifiers.mask_rate == 0.0
            && let Some((problem, start)) = self.inner.finite()
        {
            return Ok(sticky_optimum(&problem, &start, self.modifiers.sticky_actions, plain.tolerance));
        }
        let (random, random_se) = self.simulated(&self.spec.policy(Reference::RANDOM)?)?;
        let (mut lower, mut largest, mut others) = (random, random_se, Vec::new());
        // Where the state is hidden, the oracle may earn more than anybody who observes: its value bounds nothing.
        let too_good = |name: &str| plain.others.iter().any(|(other, value)| *other == name && *value > plain.upper);
        for name in self.spec.policies.iter().filter(|name| !too_good(name)) {
            let Ok(policy) = self.spec.policy(name) else { continue };
            let (mean, its_se) = self.simulated(&policy)?;
            lower = if mean > lower { mean } else { lower };
            largest = if its_se > largest { its_se } else { largest };
            if *name == "oracle" {
                // It does not know of the modifiers and need not be the best of the policies any more.
                others.push((*name, mean));
            }
        }
        Ok(Optimum {
            lower: if lower < plain.upper { lower } else { plain.upper },
            upper: plain.upper,
            tolerance: plain.tolerance + 4.0 * largest,
            method: "above: the plain optimum; below: the best reference policy, simulated, within 4 standard errors",
            random,
            random_se,
            others,
        })
    }
}

fn unmade() -> Result<Box<dyn VectorEnv>> {
    Err(Error::Restore("a simulated world is not made again".into()))
}

/// The optimum of `problem` when the last action is carried out again with probability `stick`: states are pairs of the
/// world's state and the last action, the first step's with none.
fn sticky_optimum(problem: &Finite, start: &[f64], stick: f32, tolerance: f64) -> Optimum {
    let (states, actions, stick) = (problem.states(), problem.actions, f64::from(stick));
    // Pair (s, last): s · (actions + 1) + last + 1, with 0 for none.
    let pair = |state: usize, last: usize| state * (actions + 1) + last;
    let (mut reward, mut next) = (Vec::new(), Vec::new());
    for state in 0..states {
        for last in 0..=actions {
            for action in 0..actions {
                let stuck = if last == 0 { 0.0 } else { stick };
                let ways = [(action, 1.0 - stuck), (last.saturating_sub(1), stuck)];
                let (mut expected, mut moves) = (0.0, Vec::new());
                for (done, p) in ways.into_iter().filter(|(_, p)| *p > 0.0) {
                    let row = state * actions + done;
                    expected += p * problem.reward[row];
                    moves.extend(problem.next[row].iter().map(|&(to, q)| (pair(to, done + 1), p * q)));
                }
                reward.push(expected);
                next.push(moves);
            }
        }
    }
    let sticky = Finite { actions, discount: problem.discount, reward, next };
    let from_start = |value: &[f64]| (0..states).fold(0.0, |sum, state| sum + start[state] * value[pair(state, 0)]);
    let best = from_start(&sticky.solve().value);
    let plain = problem.solve().policy;
    let oracle = sticky.evaluate(|at, action| if plain[at / (actions + 1)] == action { 1.0 } else { 0.0 });
    Optimum {
        lower: best,
        upper: best,
        tolerance,
        method: "policy iteration over pairs of state and last action",
        random: from_start(&sticky.evaluate(|_, _| 1.0 / actions as f64)),
        random_se: 0.0,
        // It knows the state and not that its actions stick.
        others: vec![("oracle", from_start(&oracle))],
    }
}
