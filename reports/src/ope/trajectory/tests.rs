use super::*;
use crate::ope::Settings;
use crate::sample::draw;
use crate::stats;

const GAMMA: f64 = 0.9;

fn options() -> Options {
    Options { settings: Settings { gamma: GAMMA, ..Settings::default() }, resamples: 100, seed: 0 }
}

/// A two-state world: action 1 pays 1 in state 1 and leads there with 3/4, action 0 pays 1/2 in state 0 and leads to
/// state 1 with 1/4. Policies by state; all probabilities are quarters.
const LEADS_TO_ONE: [f64; 2] = [0.25, 0.75];
const BEHAVIOUR: [[f64; 2]; 2] = [[0.75, 0.25], [0.5, 0.5]];
static POLICY: [[f64; 2]; 2] = [[0.25, 0.75], [0.0, 1.0]];

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

impl Trajectories {
    /// The steps of one trajectory of the two-state world again.
    fn trajectory(&self, number: usize) -> Vec<Step<'static>> {
        let step = |at: usize| Step {
            action: self.steps.action[at] as usize,
            reward: self.steps.reward[at],
            ratio: self.steps.ratio[at],
            policy: &POLICY[self.steps.state[at] as usize],
            values: &[],
            state: self.steps.state[at],
        };
        self.steps.of(number).map(step).collect()
    }
}

/// Every trajectory of `steps` steps from either state, as often as it is likely.
fn enumerated(steps: usize, model: &dyn Fn(usize, usize, usize) -> f64, stateful: bool) -> Trajectories {
    let mut log = Trajectories::new(2, !stateful, stateful);
    let values: Vec<[[f64; 2]; 2]> =
        (0..steps).map(|at| [0, 1].map(|state| [0, 1].map(|action| model(at, state, action)))).collect();
    let mut open: Vec<(usize, f64, Vec<Step>)> = vec![(0, 1.0, vec![]), (1, 1.0, vec![])];
    for values in &values {
        let mut next = Vec::new();
        for (state, likely, steps) in open {
            for action in 0..2 {
                for (to, share) in [(1, LEADS_TO_ONE[action]), (0, 1.0 - LEADS_TO_ONE[action])] {
                    let mut steps: Vec<Step> = steps.clone();
                    steps.push(Step {
                        action,
                        reward: reward(state, action),
                        ratio: POLICY[state][action] / BEHAVIOUR[state][action],
                        policy: &POLICY[state],
                        values: if stateful { &[] } else { &values[state] },
                        state: state as u32,
                    });
                    next.push((to, likely * 4.0 * BEHAVIOUR[state][action] * 4.0 * share, steps));
                }
            }
        }
        open = next;
    }
    for (_, likely, steps) in open {
        (0..likely as usize).for_each(|_| log.push(&steps));
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

/// From ten trajectories of the two-state world the basic interval of the fitted table holds the exact value more often
/// than the percentile interval, which its ends tell too; from a hundred as often, and both nearly as often as they
/// say.
#[test]
fn basic_intervals_hold_the_value_more_often() {
    const LOGS: u32 = 400;
    let all = enumerated(3, &|_, _, _| 0.0, true);
    let exact = 0.5 * (value(0, 3) + value(1, 3));
    let held = |trajectories: usize| {
        let mut held = [0.0; 2];
        for number in 0..LOGS {
            let mut drawn = vec![0; trajectories];
            let address = stats::Address { stream: 77, replicate: number, stratum: trajectories as u32 };
            draw(address, all.len() as u32, &mut drawn);
            let mut log = Trajectories::new(2, false, true);
            drawn.iter().for_each(|one| log.push(&all.trajectory(*one as usize)));
            let found = &log.evaluate(&options(), &draw).estimates["fqe"];
            let [low, high, twice] = [found.low.unwrap(), found.high.unwrap(), 2.0 * found.point];
            let share = 1.0 / f64::from(LOGS);
            for (held, [low, high]) in held.iter_mut().zip([[low, high], [twice - high, twice - low]]) {
                *held += if low <= exact && exact <= high { share } else { 0.0 };
            }
        }
        held
    };
    let [basic, percentile] = held(10);
    assert!(basic > percentile + 0.05 && basic > 0.7, "{basic} and {percentile} of ten");
    let many = held(100);
    assert!(many.iter().all(|held| (0.88..0.98).contains(held)), "{many:?} of a hundred");
}

fn steps(ratios: &[f64], rewards: &[f64]) -> Vec<Step<'static>> {
    let step = |(ratio, reward): (&f64, &f64)| Step {
        action: 0,
        reward: *reward,
        ratio: *ratio,
        policy: &[],
        values: &[],
        state: 0,
    };
    ratios.iter().zip(rewards).map(step).collect()
}

/// By hand, with trajectories of unequal length: the first is over after one step and keeps its weight 2.
#[test]
fn a_trajectory_that_is_over_keeps_its_weight() {
    let mut log = Trajectories::new(0, false, false);
    log.push(&steps(&[2.0], &[1.0]));
    log.push(&steps(&[0.5, 4.0], &[1.0, 3.0]));
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
    log.push(&steps(&[1e4; 500], &[1.0; 500]));
    log.push(&steps(&[2e4; 500], &[3.0; 500]));
    log.push(&steps(&[0.0; 500], &[1e9; 500]));
    let gamma = Options { settings: Settings::default(), ..options() };
    let found = log.evaluate(&gamma, &draw);
    assert!((found.estimates["wis"].point - 1500.0).abs() < 1e-9, "2^500 times as likely: {found:?}");
    assert!(found.estimates["pdwis"].point > 1495.0);
    assert!(!found.estimates.contains_key("tis"));
    assert!(found.alarms.iter().any(|alarm| alarm.contains("no estimate by pdis, tis")), "{:?}", found.alarms);
    let mut faint = Trajectories::new(0, false, false);
    faint.push(&steps(&[1e-4; 500], &[1.0; 500]));
    assert!((faint.evaluate(&gamma, &draw).estimates["wis"].point - 500.0).abs() < 1e-9);
}
