//! Logs of trajectories. With ρ_t = π_e(a_t)/π_b(a_t), w_t = ρ_0 ⋯ ρ_t (w_{-1} = 1), a model's values q̂ and
//! v̂_t = Σ_a π_e(a) q̂_t(a):
//!
//! | estimator | value of a trajectory, of which the mean is taken |
//! |---|---|
//! | `tis` | w_{T-1} Σ_t γ^t r_t |
//! | `pdis` | Σ_t γ^t w_t r_t (Precup et al. 2000) |
//! | `wis`, `pdwis` | the same with each weight divided by its mean over trajectories at that step |
//! | `dm` | v̂_0 |
//! | `dr` | Σ_t γ^t (w_t (r_t - q̂_t) + w_{t-1} v̂_t) (Jiang and Li 2016; Thomas and Brunskill 2016) |
//! | `sndr` | the same with normalised weights |
//! | `fqe` | v̂_0 of a table of values fitted to the log, by step and state (Le et al. 2019) |
//!
//! A trajectory that is over keeps its weight: it still counts in the means of later steps. Products of weights are
//! kept with an exponent of their own, so that long horizons neither overflow nor vanish before they are normalised.

use std::collections::BTreeMap;

use super::diagnostics::{Diagnostics, Effective};
use super::{Evaluation, Options, SCHEMA, Terms, ratio};
use crate::stats::Draw;

/// A log of trajectories.
#[derive(Debug, Clone, Default)]
pub struct Trajectories {
    trajectories: Vec<Vec<Step>>,
    /// Number of actions; 0 if the log has no probabilities of all actions.
    pub(super) actions: usize,
    /// Whether the log has a model's values.
    pub(super) modelled: bool,
    /// Whether the log has states to fit values to.
    pub(super) stateful: bool,
}

/// One step.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The action taken.
    pub action: usize,
    /// Reward.
    pub reward: f64,
    /// π_e(a) / π_b(a).
    pub ratio: f64,
    /// The evaluation policy's probability of each action; empty if the log has none.
    pub policy: Vec<f64>,
    /// The model's value of each action; empty if the log has none.
    pub values: Vec<f64>,
    /// Number of the state; 0 if the log has none.
    pub state: u32,
}

impl Step {
    fn value(&self) -> f64 {
        self.values.get(self.action).copied().unwrap_or(0.0)
    }

    fn expected(&self) -> f64 {
        self.policy.iter().zip(&self.values).map(|(probability, value)| probability * value).sum()
    }
}

/// mantissa · 2^exponent, the mantissa of ordinary size.
#[derive(Clone, Copy)]
struct Weight {
    mantissa: f64,
    exponent: i64,
}

impl Weight {
    const ONE: Weight = Weight { mantissa: 1.0, exponent: 0 };
    /// Mantissas are brought back below this power of two.
    const BITS: i64 = 256;

    fn times(self, ratio: f64) -> Self {
        let mut product = Weight { mantissa: self.mantissa * ratio, ..self };
        // Ratios may be as large or small as doubles get, so that more than one step may be needed.
        while product.mantissa >= power(Self::BITS) {
            product =
                Weight { mantissa: product.mantissa * power(-Self::BITS), exponent: product.exponent + Self::BITS };
        }
        while product.mantissa > 0.0 && product.mantissa <= power(-Self::BITS) {
            product =
                Weight { mantissa: product.mantissa * power(Self::BITS), exponent: product.exponent - Self::BITS };
        }
        product
    }

    /// The weight divided by 2^exponent.
    fn over(self, exponent: i64) -> f64 {
        let shift = self.exponent - exponent;
        match shift {
            -1000..=1000 => self.mantissa * power(shift),
            ..-1000 => 0.0,
            _ => self.mantissa * f64::INFINITY,
        }
    }
}

/// 2^exponent within the normal range of doubles.
fn power(exponent: i64) -> f64 {
    f64::from_bits(((1023 + exponent) as u64) << 52)
}

impl Trajectories {
    /// An empty log; `actions` is 0 if steps bring no probabilities of all actions.
    pub fn new(actions: usize, modelled: bool, stateful: bool) -> Self {
        Self { trajectories: Vec::new(), actions, modelled, stateful }
    }

    /// Adds a trajectory with its steps in order, at least one.
    pub fn push(&mut self, steps: Vec<Step>) {
        self.trajectories.push(steps);
    }

    /// Estimates the value of the evaluation policy with every estimator that the log allows.
    pub fn evaluate(&self, options: &Options, draw: Draw) -> Evaluation {
        let fitted = (self.stateful && self.actions > 0).then(|| self.fitted(options.settings.gamma));
        let with_model = match &fitted {
            Some(fitted) if !self.modelled => fitted,
            _ => self,
        };
        let modelled = self.modelled || fitted.is_some();
        let (names, estimates) = with_model.estimated(options, draw);
        let mut estimates: BTreeMap<String, _> = names.into_iter().map(String::from).zip(estimates).collect();
        if !modelled {
            estimates.retain(|name, _| !["dm", "dr", "sndr"].contains(&name.as_str()));
        }
        if let Some(fitted) = &fitted {
            let (names, all) = fitted.estimated(options, draw);
            let fqe = names.into_iter().zip(all).find(|(name, _)| *name == "dm").map(|(_, estimate)| estimate);
            estimates.extend(fqe.map(|estimate| ("fqe".into(), estimate)));
        }
        let logged = estimates.remove("logged").expect("it is always estimated");
        let diagnostics = self.diagnostics();
        let mut alarms = diagnostics.alarms();
        let broken: Vec<String> = estimates
            .iter()
            .filter(|(_, estimate)| !estimate.point.is_finite())
            .map(|(name, _)| name.clone())
            .collect();
        if !broken.is_empty() {
            alarms.push(format!("weights beyond the range of numbers leave no estimate by {}", broken.join(", ")));
            estimates.retain(|_, estimate| estimate.point.is_finite());
        }
        Evaluation {
            schema: SCHEMA,
            kind: "trajectory".into(),
            settings: options.settings,
            resamples: options.resamples,
            seed: options.seed,
            logged,
            estimates,
            diagnostics,
            alarms,
        }
    }

    fn horizon(&self) -> usize {
        self.trajectories.iter().map(Vec::len).max().unwrap_or(0)
    }

    /// Products of the ratios, step by step to the longest horizon.
    fn weights(&self) -> Vec<Vec<Weight>> {
        let horizon = self.horizon();
        let products = |steps: &Vec<Step>| {
            let mut weight = Weight::ONE;
            let step = |at: usize| {
                weight = steps.get(at).map_or(weight, |step| weight.times(step.ratio));
                weight
            };
            (0..horizon).map(step).collect()
        };
        self.trajectories.iter().map(products).collect()
    }

    fn estimated(&self, options: &Options, draw: Draw) -> ([&'static str; 8], Vec<crate::stats::Estimate>) {
        let (gamma, horizon, weights) = (options.settings.gamma, self.horizon(), self.weights());
        // At each step the largest exponent, which normalised weights are divided by first.
        let scale = |at: usize| weights.iter().map(|of| of[at].exponent).max().unwrap_or(0);
        let scales: Vec<i64> = (0..horizon).map(scale).collect();
        let mut terms = Terms::new(6 + 4 * horizon);
        for (steps, weights) in self.trajectories.iter().zip(&weights) {
            let last = weights[horizon - 1];
            let (mut discount, mut earned, mut pdis, mut dr) = (1.0, 0.0, 0.0, 0.0);
            let mut normalised = Vec::with_capacity(4 * horizon);
            let mut before = Weight::ONE;
            for at in 0..horizon {
                let weight = weights[at];
                let scaled = weight.over(scales[at]);
                let scaled_before = if at == 0 { 1.0 } else { before.over(scales[at - 1]) };
                match steps.get(at) {
                    None => normalised.extend([0.0, 0.0, 0.0, scaled]),
                    Some(step) => {
                        let residual = step.reward - step.value();
                        earned += discount * step.reward;
                        pdis += discount * times(weight.over(0), step.reward);
                        dr += discount * (times(weight.over(0), residual) + times(before.over(0), step.expected()));
                        normalised.extend([
                            discount * scaled * step.reward,
                            discount * scaled * residual,
                            discount * scaled_before * step.expected(),
                            scaled,
                        ]);
                    }
                }
                discount *= gamma;
                before = weight;
            }
            let mut row = vec![
                earned,
                times(last.over(0), earned),
                last.over(scales[horizon - 1]) * earned,
                pdis,
                steps[0].expected(),
                dr,
            ];
            row.extend(normalised);
            terms.push(&row);
        }
        let functions = move |means: &[f64]| {
            let (whole, steps) = means.split_at(6);
            let (mut pdwis, mut sndr, mut mean_before) = (0.0, 0.0, 1.0);
            let mut mean_last = 1.0;
            for step in steps.chunks_exact(4) {
                pdwis += ratio(step[0], step[3]);
                sndr += ratio(step[1], step[3]) + ratio(step[2], mean_before);
                (mean_before, mean_last) = (step[3], step[3]);
            }
            vec![whole[0], whole[1], ratio(whole[2], mean_last), whole[3], pdwis, whole[4], whole[5], sndr]
        };
        let names = ["logged", "tis", "wis", "pdis", "pdwis", "dm", "dr", "sndr"];
        (names, terms.estimates(functions, options, draw))
    }

    /// The same log with values fitted backwards by step and state: the mean of the reward and of what follows under
    /// the evaluation policy. Actions that a state never shows have value 0.
    fn fitted(&self, gamma: f64) -> Trajectories {
        let mut fitted = self.clone();
        for at in (0..self.horizon()).rev() {
            let mut targets: BTreeMap<(u32, usize), (f64, f64)> = BTreeMap::new();
            for steps in &fitted.trajectories {
                if let Some(step) = steps.get(at) {
                    let next = steps.get(at + 1).map_or(0.0, Step::expected);
                    let target = targets.entry((step.state, step.action)).or_default();
                    *target = (target.0 + step.reward + gamma * next, target.1 + 1.0);
                }
            }
            let value = |state, action| targets.get(&(state, action)).map_or(0.0, |(sum, count)| sum / count);
            for step in fitted.trajectories.iter_mut().filter_map(|steps| steps.get_mut(at)) {
                step.values = (0..self.actions).map(|action| value(step.state, action)).collect();
            }
        }
        fitted.modelled = true;
        fitted
    }

    fn diagnostics(&self) -> Diagnostics {
        let weights = self.weights();
        let horizon = self.horizon();
        let last: Vec<f64> = weights.iter().map(|weights| weights[horizon - 1].over(0)).collect();
        let mut wanted = vec![0.0; self.actions];
        let mut logged = vec![0u64; self.actions];
        let mut steps = 0.0;
        for step in self.trajectories.iter().flatten() {
            steps += 1.0;
            wanted.iter_mut().zip(&step.policy).for_each(|(sum, probability)| *sum += probability);
            logged.iter_mut().skip(step.action).take(1).for_each(|count| *count += 1);
        }
        let unseen = wanted.iter().zip(&logged).filter(|(_, logged)| **logged == 0);
        Diagnostics {
            rounds: self.trajectories.len(),
            weights: Effective::of(&last),
            unsupported: unseen.fold(0.0, |sum, (wanted, _)| sum + wanted) / steps,
        }
    }

    /// Number of trajectories.
    pub fn len(&self) -> usize {
        self.trajectories.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.trajectories.is_empty()
    }
}

/// A product in which 0 stays 0, whatever it is multiplied by.
fn times(weight: f64, value: f64) -> f64 {
    if weight == 0.0 || value == 0.0 { 0.0 } else { weight * value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ope::Settings;
    use crate::sample::draw;

    const GAMMA: f64 = 0.9;

    fn options() -> Options {
        Options { settings: Settings { gamma: GAMMA, ..Settings::default() }, resamples: 100, seed: 0 }
    }

    /// A two-state world: action 1 pays 1 in state 1 and leads there with 3/4, action 0 pays 1/2 in state 0 and leads to
    /// state 1 with 1/4. Policies by state; all probabilities are quarters.
    const LEADS_TO_ONE: [f64; 2] = [0.25, 0.75];
    const BEHAVIOUR: [[f64; 2]; 2] = [[0.75, 0.25], [0.5, 0.5]];
    const POLICY: [[f64; 2]; 2] = [[0.25, 0.75], [0.0, 1.0]];

    fn reward(state: usize, action: usize) -> f64 {
        if state == action { 0.5 + 0.5 * state as f64 } else { 0.0 }
    }

    /// Value of the evaluation policy with `left` steps to go, by recursion.
    fn value(state: usize, left: usize) -> f64 {
        if left == 0 {
            return 0.0;
        }
        (0..2)
            .map(|action| {
                let one = LEADS_TO_ONE[action];
                let next = one * value(1, left - 1) + (1.0 - one) * value(0, left - 1);
                POLICY[state][action] * (reward(state, action) + GAMMA * next)
            })
            .sum()
    }

    /// Every trajectory of `steps` steps from either state, as often as it is likely.
    fn enumerated(steps: usize, model: &dyn Fn(usize, usize, usize) -> f64, stateful: bool) -> Trajectories {
        let mut log = Trajectories::new(2, !stateful, stateful);
        let mut open: Vec<(usize, f64, Vec<Step>)> = vec![(0, 1.0, vec![]), (1, 1.0, vec![])];
        for at in 0..steps {
            let mut next = Vec::new();
            for (state, likely, steps) in open {
                for action in 0..2 {
                    for (to, share) in [(1, LEADS_TO_ONE[action]), (0, 1.0 - LEADS_TO_ONE[action])] {
                        let mut steps: Vec<Step> = steps.clone();
                        steps.push(Step {
                            action,
                            reward: reward(state, action),
                            ratio: POLICY[state][action] / BEHAVIOUR[state][action],
                            policy: POLICY[state].to_vec(),
                            values: if stateful { vec![] } else { vec![model(at, state, 0), model(at, state, 1)] },
                            state: state as u32,
                        });
                        next.push((to, likely * 4.0 * BEHAVIOUR[state][action] * 4.0 * share, steps));
                    }
                }
            }
            open = next;
        }
        for (_, likely, steps) in open {
            (0..likely as usize).for_each(|_| log.push(steps.clone()));
        }
        log
    }

    /// Over all that can happen every estimator but the wrong model is the exact value, to rounding: whatever the model
    /// says, a doubly robust one repairs it, and normalisers are 1.
    #[test]
    fn estimators_are_exact_over_all_that_can_happen() {
        for steps in 1..=3 {
            let exact = 0.5 * (value(0, steps) + value(1, steps));
            let log = enumerated(steps, &|at, state, action| (at + 2 * state) as f64 - 0.3 * action as f64, false);
            let found = log.evaluate(&options(), &draw);
            for name in ["tis", "wis", "pdis", "pdwis", "dr", "sndr"] {
                let point = found.estimates[name].point;
                assert!((point - exact).abs() <= 1e-12 * exact, "{steps} steps, {name}: {point} is not {exact}");
            }
            assert!((found.estimates["dm"].point - exact).abs() > 0.1, "the model is wrong");
            assert!((found.diagnostics.weights.mean - 1.0).abs() < 1e-12);
            let fitted = enumerated(steps, &|_, _, _| 0.0, true).evaluate(&options(), &draw);
            for name in ["fqe", "dm", "dr", "sndr"] {
                let point = fitted.estimates[name].point;
                assert!((point - exact).abs() <= 1e-12 * exact, "{steps} steps, fitted {name}: {point} is not {exact}");
            }
        }
    }

    /// With the exact model every trajectory of the doubly robust estimator has less spread than importance sampling.
    #[test]
    fn an_exact_model_narrows_the_interval() {
        let q = |at: usize, state: usize, action: usize| {
            let one = LEADS_TO_ONE[action];
            reward(state, action) + GAMMA * (one * value(1, 2 - at) + (1.0 - one) * value(0, 2 - at))
        };
        let found = enumerated(3, &q, false).evaluate(&options(), &draw);
        let width = |name: &str| found.estimates[name].high.unwrap() - found.estimates[name].low.unwrap();
        assert!(width("dr") < 0.5 * width("pdis") && width("pdis") < width("tis"));
    }

    fn steps(ratios: &[f64], rewards: &[f64]) -> Vec<Step> {
        let step = |(ratio, reward): (&f64, &f64)| Step {
            action: 0,
            reward: *reward,
            ratio: *ratio,
            policy: vec![],
            values: vec![],
            state: 0,
        };
        ratios.iter().zip(rewards).map(step).collect()
    }

    /// By hand, with trajectories of unequal length: the first is over after one step and keeps its weight 2.
    #[test]
    fn a_trajectory_that_is_over_keeps_its_weight() {
        let mut log = Trajectories::new(0, false, false);
        log.push(steps(&[2.0], &[1.0]));
        log.push(steps(&[0.5, 4.0], &[1.0, 3.0]));
        let found = log.evaluate(&options(), &draw).estimates;
        let of = |name: &str| found[name].point;
        assert!((of("tis") - (2.0 * 1.0 + 2.0 * 3.7) / 2.0).abs() < 1e-12);
        assert!((of("wis") - (2.0 * 1.0 + 2.0 * 3.7) / 4.0).abs() < 1e-12);
        assert!((of("pdis") - (2.0 + 0.5 + 0.9 * 2.0 * 3.0) / 2.0).abs() < 1e-12);
        assert!((of("pdwis") - (2.5 / 2.5 + 0.9 * 6.0 / 4.0)).abs() < 1e-12);
        assert!(!found.contains_key("dr") && !found.contains_key("fqe"));
    }

    /// Weights of 10^±4 over 500 steps: normalised estimators stay right where plain products leave the range of
    /// doubles, which is said; weights of 0 stay 0.
    #[test]
    fn long_horizons_neither_overflow_nor_vanish() {
        let mut log = Trajectories::new(0, false, false);
        log.push(steps(&[1e4; 500], &[1.0; 500]));
        log.push(steps(&[2e4; 500], &[3.0; 500]));
        log.push(steps(&[0.0; 500], &[1e9; 500]));
        let gamma = Options { settings: Settings::default(), ..options() };
        let found = log.evaluate(&gamma, &draw);
        assert!((found.estimates["wis"].point - 1500.0).abs() < 1e-9, "2^500 times as likely: {found:?}");
        assert!(found.estimates["pdwis"].point > 1495.0);
        assert!(!found.estimates.contains_key("tis"));
        assert!(found.alarms.iter().any(|alarm| alarm.contains("no estimate by pdis, tis")), "{:?}", found.alarms);
        let mut faint = Trajectories::new(0, false, false);
        faint.push(steps(&[1e-4; 500], &[1.0; 500]));
        assert!((faint.evaluate(&gamma, &draw).estimates["wis"].point - 500.0).abs() < 1e-9);
    }
}
