//! Logs of single decisions. With w = π_e(a)/p, v̂ = Σ_a π_e(a) q̂(a) and q̂ the model's value of the logged action:
//!
//! | estimator | mean over rounds of |
//! |---|---|
//! | `ips` | w r (Horvitz and Thompson 1952) |
//! | `clipped_ips` | min(w, λ) r |
//! | `snips` | w r / mean w (Swaminathan and Joachims 2015) |
//! | `sub_gaussian_ips` | w' r with w' = w / (1 - λ + λ w) |
//! | `dm` | v̂ |
//! | `dr`, `clipped_dr` | v̂ + w (r - q̂) (Dudík et al. 2011), the weight clipped |
//! | `sndr` | v̂ + (w / mean w) (r - q̂) |
//! | `switch_dr` | v̂ + w (r - q̂) where w ≤ τ, v̂ elsewhere |
//! | `dr_os` | v̂ + w λ / (w² + λ) (r - q̂) |
//! | `sub_gaussian_dr` | v̂ + w' (r - q̂) |

use std::collections::BTreeMap;

use super::diagnostics::{Diagnostics, Effective};
use super::{Evaluation, Options, SCHEMA, Terms, ratio};
use crate::stats::Draw;

/// A log of single decisions, round by round.
#[derive(Debug, Clone, Default)]
pub struct Bandit {
    pub(super) actions: usize,
    pub(super) rounds: Vec<Round>,
    /// Whether the log has a model's values.
    pub(super) modelled: bool,
    /// Sum over rounds of the evaluation policy's probability of each action.
    pub(super) wanted: Vec<f64>,
    /// How often each action was logged.
    pub(super) logged: Vec<u64>,
}

/// One decision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Round {
    /// π_e(a) / p.
    pub weight: f64,
    /// Reward.
    pub reward: f64,
    /// q̂ of the logged action; 0 without a model.
    pub value: f64,
    /// v̂; 0 without a model.
    pub expected: f64,
}

impl Bandit {
    /// An empty log over so many actions; `modelled` if every round brings a model's values.
    pub fn new(actions: usize, modelled: bool) -> Self {
        Self { actions, modelled, wanted: vec![0.0; actions], logged: vec![0; actions], ..Self::default() }
    }

    /// Adds a round: the logged action and how likely it was (above 0), its reward, the evaluation policy's
    /// probabilities, and the model's value of each action (empty without a model).
    pub fn push(&mut self, action: usize, reward: f64, propensity: f64, policy: &[f64], values: &[f64]) {
        self.logged[action] += 1;
        self.wanted.iter_mut().zip(policy).for_each(|(sum, probability)| *sum += probability);
        self.rounds.push(Round {
            weight: policy[action] / propensity,
            reward,
            value: values.get(action).copied().unwrap_or(0.0),
            expected: policy.iter().zip(values).map(|(probability, value)| probability * value).sum(),
        });
    }

    /// Estimates the value of the evaluation policy with every estimator that the log allows.
    pub fn evaluate(&self, options: &Options, draw: Draw) -> Evaluation {
        let settings = options.settings;
        let mut terms = Terms::new(11);
        for Round { weight: w, reward: r, value, expected } in self.rounds.iter().copied() {
            let residual = r - value;
            let clipped = if w < settings.clip { w } else { settings.clip };
            let switched = if w <= settings.switch { w } else { 0.0 };
            // λ = 0 is the model alone, also for w = 0.
            let shrunk = ratio(settings.shrink * w, w * w + settings.shrink);
            let flat = ratio(w, 1.0 - settings.sub_gaussian + settings.sub_gaussian * w);
            terms.push(&[
                r,
                w,
                w * r,
                clipped * r,
                flat * r,
                expected,
                w * residual,
                clipped * residual,
                switched * residual,
                shrunk * residual,
                flat * residual,
            ]);
        }
        let functions = |means: &[f64]| {
            let [r, w, wr, cr, fr, v, w_res, c_res, s_res, o_res, f_res] = *means else {
                unreachable!("there are eleven terms")
            };
            vec![
                r,
                wr,
                cr,
                ratio(wr, w),
                fr,
                v,
                v + w_res,
                v + c_res,
                v + ratio(w_res, w),
                v + s_res,
                v + o_res,
                v + f_res,
            ]
        };
        const NAMES: [&str; 12] = [
            "logged",
            "ips",
            "clipped_ips",
            "snips",
            "sub_gaussian_ips",
            "dm",
            "dr",
            "clipped_dr",
            "sndr",
            "switch_dr",
            "dr_os",
            "sub_gaussian_dr",
        ];
        let mut estimates: BTreeMap<String, _> =
            NAMES.map(String::from).into_iter().zip(terms.estimates(functions, options, draw)).collect();
        let logged = estimates.remove("logged").expect("it is the first");
        if !self.modelled {
            estimates.retain(|name, _| name.ends_with("ips"));
        }
        let weights: Vec<f64> = self.rounds.iter().map(|round| round.weight).collect();
        let unseen = self.wanted.iter().zip(&self.logged).filter(|(_, logged)| **logged == 0);
        let diagnostics = Diagnostics {
            rounds: self.rounds.len(),
            weights: Effective::of(&weights),
            unsupported: unseen.fold(0.0, |sum, (wanted, _)| sum + wanted) / self.rounds.len() as f64,
        };
        Evaluation {
            schema: SCHEMA,
            kind: "bandit".into(),
            settings,
            resamples: options.resamples,
            seed: options.seed,
            logged,
            estimates,
            alarms: diagnostics.alarms(),
            diagnostics,
        }
    }

    /// Number of actions.
    pub fn actions(&self) -> usize {
        self.actions
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ope::Settings;
    use crate::sample::draw;

    fn options(settings: Settings) -> Options {
        Options { settings, resamples: 200, seed: 0 }
    }

    /// Every round that a context, a logging and an evaluation policy can give, as often as it is likely: the
    /// expectation of every unbiased estimator is the value, and of every other one what its formula says.
    fn enumerated(propensities: [f64; 2]) -> (Bandit, f64) {
        let mut log = Bandit::new(2, true);
        let mut value = 0.0;
        // Contexts half and half; π_b and π_e in quarters; rewards 0 or 1 with probabilities in quarters.
        let contexts = [([1.0, 3.0], [0.5, 0.5], [1, 3]), ([3.0, 1.0], [0.25, 0.75], [2, 1])];
        for (behaviour, policy, rewards) in contexts {
            for action in 0..2 {
                value += 0.5 * policy[action] * f64::from(rewards[action]) / 4.0;
                for draw in 0..4 {
                    for _ in 0..behaviour[action] as usize {
                        let reward = f64::from(u32::from(draw < rewards[action]));
                        let propensity = behaviour[action] / 4.0 * propensities[action];
                        log.push(action, reward, propensity, &policy, &[0.3, 0.6]);
                    }
                }
            }
        }
        (log, value)
    }

    fn point(log: &Bandit, settings: Settings, name: &str) -> f64 {
        log.evaluate(&options(settings), &draw).estimates[name].point
    }

    /// Unbiased estimators give the exact value over all that can happen; a wrong propensity is noticed.
    #[test]
    fn unbiased_estimators_are_exact_over_all_that_can_happen() {
        let (log, value) = enumerated([1.0, 1.0]);
        for name in ["ips", "snips", "dr", "sndr"] {
            let found = point(&log, Settings::default(), name);
            assert!((found - value).abs() <= 1e-12, "{name}: {found} is not {value}");
        }
        let evaluation = log.evaluate(&options(Settings::default()), &draw);
        assert!((evaluation.diagnostics.weights.mean - 1.0).abs() <= 1e-12);
        assert_eq!(evaluation.diagnostics.unsupported, 0.0);
        let (wrong, _) = enumerated([0.5, 0.5]);
        assert!((point(&wrong, Settings::default(), "ips") - 2.0 * value).abs() < 1e-12);
        assert!((point(&wrong, Settings::default(), "snips") - value).abs() < 1e-12, "a constant factor cancels");
    }

    /// Where the settings take their ends, the estimators become one another.
    #[test]
    fn settings_lead_from_one_estimator_to_another() {
        let (log, _) = enumerated([1.0, 1.0]);
        let with = |name, change: fn(&mut Settings)| {
            let mut settings = Settings::default();
            change(&mut settings);
            point(&log, settings, name)
        };
        let of = |name| point(&log, Settings::default(), name);
        assert_eq!(with("switch_dr", |settings| settings.switch = 0.0), of("dm"));
        assert_eq!(with("switch_dr", |settings| settings.switch = f64::INFINITY), of("dr"));
        assert_eq!(with("dr_os", |settings| settings.shrink = 0.0), of("dm"));
        assert!((with("dr_os", |settings| settings.shrink = 1e15) - of("dr")).abs() < 1e-12);
        assert_eq!(with("sub_gaussian_ips", |settings| settings.sub_gaussian = 0.0), of("ips"));
        assert_eq!(with("clipped_ips", |settings| settings.clip = 1e9), of("ips"));
        assert_eq!(with("clipped_dr", |settings| settings.clip = 0.0), of("dm"));
    }

    /// Equal policies weigh everything 1, so the estimate is the mean reward and the interval that of a mean.
    #[test]
    fn equal_policies_give_the_mean_reward() {
        let mut log = Bandit::new(2, false);
        (0..50).for_each(|at| log.push(at % 2, at as f64 / 50.0, 0.5, &[0.5, 0.5], &[]));
        let found = log.evaluate(&options(Settings::default()), &draw);
        assert_eq!(found.estimates.keys().collect::<Vec<_>>(), ["clipped_ips", "ips", "snips", "sub_gaussian_ips"]);
        assert!(found.estimates.values().all(|estimate| *estimate == found.logged), "{found:?}");
        assert_eq!(found.alarms, Vec::<String>::new());
        assert!(found.logged.low.unwrap() < 0.49 && found.logged.high.unwrap() > 0.49);
    }

    /// The self-normalised estimate stays within the rewards however wild the weights are, in every resample; one
    /// round has no interval; actions that were never logged raise an alarm.
    #[test]
    fn wild_weights_stay_within_the_rewards() {
        let mut log = Bandit::new(3, false);
        (0..40).for_each(|at| log.push(0, f64::from(at % 2), if at == 3 { 1e-9 } else { 0.9 }, &[0.7, 0.0, 0.3], &[]));
        let found = log.evaluate(&options(Settings::default()), &draw);
        let snips = &found.estimates["snips"];
        assert!(0.0 <= snips.low.unwrap() && snips.high.unwrap() <= 1.0);
        assert_eq!(found.alarms.len(), 3, "{:?}", found.alarms);
        let mut one = Bandit::new(1, false);
        one.push(0, 2.0, 1.0, &[1.0], &[]);
        let found = one.evaluate(&options(Settings::default()), &draw);
        assert_eq!((found.estimates["ips"].point, found.estimates["ips"].low), (2.0, None));
    }
}
