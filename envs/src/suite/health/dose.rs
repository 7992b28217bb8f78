//! # Doses that cure and poison: treat hard, but let the toxicity fall in time
//!
//! A stylised patient with a severity s and a toxicity t; you choose a dose per step. Strong doses lower the severity
//! and raise the toxicity, and at high toxicity doses kill. It is a decision problem, no medical advice.
//!
//! State: s in 0..5 (0 recovered, 4 dead: both end the episode), t in 0..3; dose a in 0..3.
//!
//! - Death by toxicity: probability a · `poison`_t. Otherwise s falls by one with probability `better`_a and rises by one
//!   with probability `worse`_a; reaching 4 is death.
//! - Independently, t rises by one with probability `builds`_a if t < 2, or falls by one with probability `clears`_a if
//!   t > 0.
//! - Reward: −0.1 s − 0.1 a − 0.15 t, before the transition, plus `cure` on recovery and minus `cure` on death.
//!
//! | | |
//! |---|---|
//! | Action | `Discrete(3)`: the dose |
//! | Observation | `severity`: one-hot s (5 numbers in [0, 1]); `toxicity`: one-hot t (3 in [0, 1]) |
//! | Reward | see above |
//! | Start | s = 2, t = 0 |
//! | End | terminated on recovery and death; truncated after `horizon` steps, which no treatment of interest takes |
//! | Discount | `discount` |
//! | Parameters | `poison` (three numbers in [0, 0.5], default 0, 0.03, 0.15), `better` (three in [0, 1], default 0.05, 0.3, 0.6), `worse` (0.35, 0.15, 0.05; with `better` at most 1), `builds` (0, 0.25, 0.7), `clears` (0.5, 0.15, 0; with `builds` at most 1), `cure` (0 to 1000, default 10), `discount` (above 0, at most 0.999, default 0.97), `horizon` (1 to 10000, default 500) |
//! | Metrics | `recovered`, `died`: 1 if the episode ended so; `mean_dose`: mean of a; `mean_toxicity`: mean of t before the steps |
//! | Costs | `toxicity`: sum of the toxicity levels that the doses met (harm) |
//! | Reference policies | `random`; `myopic`: the largest expected reward now, the lowest dose of equals; `fixed-D`: always dose D (rounded and clipped); `oracle`: optimal |
//! | Optimum | exact, 3.04 from the start: policy iteration over the nine living states; random −0.63, myopic −5.41. Values are those of endless episodes; the step limit takes less than the tolerance, `discount`^`horizon` times the largest value |
//! | Learning | easy: nine states; what has to be learnt is to stop dosing before the toxicity is high |
//! | Source | own design, in the spirit of dynamic treatment regimes (Murphy 2003, "Optimal dynamic treatment regimes") |
//!
//! History: v1, first version.
use crate::{
    env::{Elem, Env, Field, Optimum, Outcome, Reference},
    error::{Result, between, parameter},
    math::powi64,
    oracle::{
        Memo,
        finite::{Finite, Solution},
    },
    rng::{Purpose, Rng},
    space::{Discrete, RowMut},
};
use serde::{Deserialize, Serialize};

const SEVERITIES: usize = 5;
const TOXICITIES: usize = 3;
const DOSES: usize = 3;
/// Severities in which the patient is under treatment: 1, 2 and 3.
const TREATED: usize = SEVERITIES - 2;
const DEAD: u8 = SEVERITIES as u8 - 1;
const START: State = State { severity: 2, toxicity: 0, steps: 0, doses: 0, toxicities: 0 };

/// Parameters of the world.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dose {
    /// Probability that a unit of dose kills, at each toxicity.
    pub poison: [f32; TOXICITIES],
    /// Probability that each dose lowers the severity.
    pub better: [f32; DOSES],
    /// Probability that the severity rises with each dose.
    pub worse: [f32; DOSES],
    /// Probability that each dose raises the toxicity.
    pub builds: [f32; DOSES],
    /// Probability that the toxicity falls with each dose.
    pub clears: [f32; DOSES],
    /// Reward of recovery, and of death with the other sign.
    pub cure: f32,
    /// The world's discount.
    pub discount: f64,
    /// The step limit.
    pub horizon: u32,
    #[serde(skip)]
    solution: Memo<Solution>,
}

impl Default for Dose {
    fn default() -> Self {
        Dose {
            poison: [0.0, 0.03, 0.15],
            better: [0.05, 0.3, 0.6],
            worse: [0.35, 0.15, 0.05],
            builds: [0.0, 0.25, 0.7],
            clears: [0.5, 0.15, 0.0],
            cure: 10.0,
            discount: 0.97,
            horizon: 500,
            solution: Memo::default(),
        }
    }
}

/// An episode: the patient and the treatment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    severity: u8,
    toxicity: u8,
    steps: u32,
    doses: u32,
    toxicities: u32,
}

impl Env for Dose {
    type State = State;
    type Action = Discrete;
    const METRICS: &'static [&'static str] = &["recovered", "died", "mean_dose", "mean_toxicity"];
    const COSTS: &'static [&'static str] = &["toxicity"];
    const POLICIES: &'static [&'static str] = &["myopic", "fixed-D", "oracle"];

    fn validate(&self) -> Result<()> {
        let lists: [(&str, &[f32], f32); 5] = [
            ("poison", &self.poison, 0.5),
            ("better", &self.better, 1.0),
            ("worse", &self.worse, 1.0),
            ("builds", &self.builds, 1.0),
            ("clears", &self.clears, 1.0),
        ];
        for (name, list, high) in lists {
            list.iter().try_for_each(|&p| between(name, p, 0.0, high))?;
        }
        for (name, p, other, q) in
            [("worse", &self.worse, "better", &self.better), ("clears", &self.clears, "builds", &self.builds)]
        {
            if let Some((p, _)) = p.iter().zip(q).find(|&(p, q)| p + q > 1.0) {
                return Err(parameter(name, p, &format!("at most 1 with `{other}`")));
            }
        }
        between("cure", self.cure, 0.0, 1000.0)?;
        if !(self.discount > 0.0 && self.discount <= 0.999) {
            return Err(parameter("discount", self.discount, "above 0 and at most 0.999"));
        }
        between("horizon", self.horizon, 1, 10_000)
    }

    fn action_space(&self) -> Discrete {
        Discrete(DOSES as u32)
    }

    fn observation(&self) -> Vec<Field> {
        let field = |name, len| Field { name, len, low: 0.0, high: 1.0 };
        vec![field("severity", SEVERITIES), field("toxicity", TOXICITIES)]
    }

    fn horizon(&self) -> u32 {
        self.horizon
    }

    fn discount(&self) -> f64 {
        self.discount
    }

    fn reset(&self, _: &Rng) -> State {
        START
    }

    #[inline]
    fn step(&self, state: &mut State, action: Elem<'_, Self>, rng: &Rng) -> Outcome {
        let mut draws = rng.stream(Purpose::STEP);
        let dose = action as usize;
        let mut reward = self.comfort(state.severity, state.toxicity, dose);
        state.steps += 1;
        state.doses += action;
        state.toxicities += u32::from(state.toxicity);
        if draws.bernoulli(self.poisoned(state.toxicity, dose)) {
            state.severity = DEAD;
        } else {
            let u = draws.uniform();
            if u < self.better[dose] {
                state.severity -= 1;
            } else if u < self.better[dose] + self.worse[dose] {
                state.severity += 1;
            }
        }
        let u = draws.uniform();
        if u < self.builds[dose] {
            state.toxicity += u8::from(state.toxicity + 1 < TOXICITIES as u8);
        } else if u < self.builds[dose] + self.clears[dose] {
            state.toxicity -= u8::from(state.toxicity > 0);
        }
        reward += match state.severity {
            0 => self.cure,
            DEAD => -self.cure,
            _ => 0.0,
        };
        Outcome { reward, terminated: state.severity == 0 || state.severity == DEAD }
    }

    #[inline]
    fn observe(&self, state: &State, row: &mut [f32]) {
        row.fill(0.0);
        row[usize::from(state.severity)] = 1.0;
        row[SEVERITIES + usize::from(state.toxicity)] = 1.0;
    }

    fn metrics(&self, state: &State, out: &mut [f64]) {
        let steps = f64::from(state.steps);
        out[0] = f64::from(u8::from(state.severity == 0));
        out[1] = f64::from(u8::from(state.severity == DEAD));
        out[2] = f64::from(state.doses) / steps;
        out[3] = f64::from(state.toxicities) / steps;
    }

    fn costs(&self, state: &State, out: &mut [f64]) {
        out[0] = f64::from(state.toxicities);
    }

    fn finite(&self) -> Option<(Finite, Vec<f64>)> {
        let start = index(START.severity, START.toxicity);
        let problem = self.problem();
        let at_start = (0..problem.states()).map(|state| if state == start { 1.0 } else { 0.0 }).collect();
        Some((problem, at_start))
    }

    fn expected_reward(&self, state: &State, action: Elem<'_, Self>) -> f64 {
        self.mean(state.severity, state.toxicity, action as usize)
    }

    fn reference(&self, policy: &Reference, state: &State, action: RowMut<'_>) {
        action.items[0] = match policy.name {
            // Nothing is left to be treated: any dose will do.
            _ if state.severity == 0 || state.severity == DEAD => 0,
            "fixed-D" => fixed(policy.value.expect("the pattern has a number")),
            "oracle" => self.solution().policy[index(state.severity, state.toxicity)],
            _ => self.myopic(state.severity, state.toxicity),
        } as u32;
    }

    fn optimum(&self) -> Optimum {
        let value = &self.solution().value;
        let start = index(START.severity, START.toxicity);
        let problem = self.problem();
        let myopic: Vec<usize> = patients().map(|(s, t)| self.myopic(s, t)).collect();
        let myopic = problem.evaluate(|state, dose| if myopic[state] == dose { 1.0 } else { 0.0 });
        let largest = value.iter().fold(0.0, |most, v| if v.abs() > most { v.abs() } else { most });
        Optimum {
            lower: value[start],
            upper: value[start],
            // The world adds its rewards in f32.
            tolerance: powi64(self.discount, self.horizon) * largest + 1e-6 * largest,
            method: "policy iteration over the nine living states",
            random: problem.evaluate(|_, _| 1.0 / DOSES as f64)[start],
            random_se: 0.0,
            others: vec![("myopic", myopic[start])],
        }
    }
}

/// Every patient under treatment, in the order of [`index`].
fn patients() -> impl Iterator<Item = (u8, u8)> {
    (1..=TREATED as u8).flat_map(|s| (0..TOXICITIES as u8).map(move |t| (s, t)))
}

/// The index of a patient under treatment.
fn index(severity: u8, toxicity: u8) -> usize {
    TOXICITIES * (usize::from(severity) - 1) + usize::from(toxicity)
}

/// The dose next to `number`.
fn fixed(number: f32) -> usize {
    // The conversion takes what is below 0 to 0.
    ((number + 0.5) as usize).min(DOSES - 1)
}

impl Dose {
    /// Reward but for recovery and death.
    #[inline]
    fn comfort(&self, severity: u8, toxicity: u8, dose: usize) -> f32 {
        -0.1 * f32::from(severity) - 0.1 * dose as f32 - 0.15 * f32::from(toxicity)
    }

    /// Probability of death by toxicity.
    #[inline]
    fn poisoned(&self, toxicity: u8, dose: usize) -> f32 {
        dose as f32 * self.poison[usize::from(toxicity)]
    }

    /// The severities that can follow, with their probabilities.
    fn severities(&self, severity: u8, toxicity: u8, dose: usize) -> [(u8, f64); 4] {
        let poisoned = f64::from(self.poisoned(toxicity, dose));
        let (better, worse) = (f64::from(self.better[dose]), f64::from(self.worse[dose]));
        let lives = |p: f64| (1.0 - poisoned) * p;
        [
            (DEAD, poisoned),
            (severity - 1, lives(better)),
            (severity + 1, lives(worse)),
            (severity, lives(1.0 - better - worse)),
        ]
    }

    /// The toxicities that can follow, with their probabilities.
    fn toxicities(&self, toxicity: u8, dose: usize) -> [(u8, f64); 3] {
        let (builds, clears) = (f64::from(self.builds[dose]), f64::from(self.clears[dose]));
        let more = (toxicity + 1).min(TOXICITIES as u8 - 1);
        [(more, builds), (toxicity.saturating_sub(1), clears), (toxicity, 1.0 - builds - clears)]
    }

    fn mean(&self, severity: u8, toxicity: u8, dose: usize) -> f64 {
        let comfort = f64::from(self.comfort(severity, toxicity, dose));
        self.severities(severity, toxicity, dose).iter().fold(comfort, |sum, &(severity, p)| match severity {
            0 => sum + p * f64::from(self.cure),
            DEAD => sum - p * f64::from(self.cure),
            _ => sum,
        })
    }

    fn myopic(&self, severity: u8, toxicity: u8) -> usize {
        let mean = |dose| self.mean(severity, toxicity, dose);
        (1..DOSES).fold(0, |best, dose| if mean(dose) > mean(best) { dose } else { best })
    }

    fn problem(&self) -> Finite {
        let (mut reward, mut next) = (Vec::new(), Vec::new());
        for (severity, toxicity) in patients() {
            for dose in 0..DOSES {
                reward.push(self.mean(severity, toxicity, dose));
                let mut moves = Vec::new();
                for (s, p) in self.severities(severity, toxicity, dose) {
                    if s != 0 && s != DEAD {
                        moves.extend(self.toxicities(toxicity, dose).map(|(t, q)| (index(s, t), p * q)));
                    }
                }
                next.push(moves);
            }
        }
        Finite { actions: DOSES, discount: self.discount, reward, next }
    }

    fn solution(&self) -> &Solution {
        self.solution.get(|| self.problem().solve())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::played::play;

    #[test]
    fn optimum_is_the_published_one() {
        let optimum = Dose::default().optimum();
        let digits = |value: f64| (value * 100.0).round() / 100.0;
        assert_eq!([optimum.lower, optimum.random, optimum.others[0].1].map(digits), [3.04, -0.63, -5.41]);
    }

    /// By hand: a dose that surely cures by one step and never poisons is taken twice from the start.
    #[test]
    fn a_sure_cure_takes_two_steps() {
        let env = Dose {
            poison: [0.0; 3],
            better: [0.0, 0.0, 1.0],
            worse: [1.0, 1.0, 0.0],
            builds: [0.0; 3],
            clears: [0.0; 3],
            ..Dose::default()
        };
        let by_hand = (-0.2 - 0.2) + 0.97 * (-0.1 - 0.2 + 10.0);
        let optimum = env.optimum();
        assert!((optimum.lower - by_hand).abs() < 1e-6, "{optimum:?} {by_hand}");
        let played = play(&env, "oracle", 10);
        assert_eq!((played.length, &played.metrics[..]), (2.0, &[1.0, 0.0, 2.0, 0.0][..]));
    }

    #[test]
    fn episodes_are_worth_what_the_equations_say() {
        let env = Dose::default();
        let optimum = env.optimum();
        let anchors = [("oracle", optimum.lower), ("random", optimum.random)];
        for (policy, value) in optimum.others.iter().copied().chain(anchors) {
            play(&env, policy, 20_000).agrees_with(value, optimum.tolerance);
        }
        let fixed = env.problem().evaluate(|_, dose| if dose == 1 { 1.0 } else { 0.0 });
        play(&env, "fixed-1", 20_000).agrees_with(fixed[index(2, 0)], optimum.tolerance);
    }

    #[test]
    fn parameters_outside_are_named() {
        let named = |env: Dose| env.validate().expect_err("not admissible").to_string();
        assert!(named(Dose { poison: [0.0, 0.0, 0.6], ..Default::default() }).contains("poison"));
        assert!(named(Dose { worse: [0.96, 0.1, 0.1], ..Default::default() }).contains("`worse`"));
        assert!(named(Dose { clears: [0.5, 0.8, 0.0], ..Default::default() }).contains("`clears`"));
        assert!(named(Dose { cure: f32::NAN, ..Default::default() }).contains("cure"));
        assert!(named(Dose { discount: 0.0, ..Default::default() }).contains("discount"));
        assert!(named(Dose { horizon: 0, ..Default::default() }).contains("horizon"));
    }
}
