//! # A front page with news that must be used now and stories that keep
//!
//! Four slots hold articles, each with a freshness f in 0..5; you show one per step. Slots 0 and 1 are *breaking*: they
//! go stale whether shown or not and are replaced by new ones when stale. Slots 2 and 3 are *evergreen*: they wear only
//! when shown and recover when left alone. Showing what is most appealing now wears the evergreens out while the
//! breaking news goes by.
//!
//! - Feedback on the slot shown, each independently: read, like, comment, with probability `appeal`_f times `breaking`
//!   or `evergreen` of the parameters; `worth` is what each is worth.
//! - Breaking, f > 0: falls by one with probability `fades_shown` if shown, else `fades_hidden`. At f = 0: replaced by
//!   f = 4 with probability `renewal`, shown or not.
//! - Evergreen: shown at f > 0, falls by one; not shown, rises by one (at most to 4) with probability `recovery`.
//!
//! | | |
//! |---|---|
//! | Action | `Discrete(4)`: the slot shown |
//! | Observation | `freshness`: one-hot f of each slot in turn (20 numbers in [0, 1]) |
//! | Reward | the worth of what happened: by default 1 for a read, 2 for a like, 5 for a comment |
//! | Start | every slot at f = 4 |
//! | End | truncated after `horizon` steps |
//! | Discount | `discount` |
//! | Parameters | `appeal` (five numbers in [0, 1], default 0, 0.35, 0.55, 0.75, 0.95), `breaking` (read, like, comment in [0, 1]: default 0.7, 0.1, 0.1), `evergreen` (0.8, 0.25, 0.06), `worth` (three numbers in [0, 100], default 1, 2, 5), `fades_shown`, `fades_hidden`, `renewal`, `recovery` (in [0, 1], default 0.6, 0.5, 0.2, 0.2), `discount` (above 0, at most 0.999, default 0.95), `horizon` (1 to 10000, default 200) |
//! | Metrics | `reads`, `likes`, `comments`: per step; `evergreen_rate`: share of the steps that showed an evergreen |
//! | Reference policies | `random`; `myopic`: the slot with the largest expected reward now, the lowest of equals; `whittle`: the slot with the largest Whittle index; `oracle`: optimal |
//! | Optimum | exact, 23.2 from the start: policy iteration over the 625 states; random 15.6, myopic 20.5, whittle 21.9. Values are those of endless episodes; the step limit takes less than the tolerance, `discount`^`horizon` times the largest value |
//! | Learning | moderate: 625 states, deep networks see through the one-hot slots quickly; `whittle` is four fifths of the way from random to the optimum |
//! | Source | own design: a restless bandit (Whittle 1988, "Restless bandits: activity allocation in a changing world") |
//!
//! History: v1, first version.
use crate::{
    env::{Elem, Env, Field, Optimum, Outcome, Reference},
    error::{Result, between, parameter},
    math::powi64,
    oracle::{Memo, finite::Finite},
    rng::{Purpose, Rng},
    space::{Discrete, RowMut},
};
use serde::{Deserialize, Serialize};

const SLOTS: usize = 4;
/// Slots below this are breaking news.
const BREAKING: usize = 2;
const LEVELS: usize = 5;
const STATES: usize = LEVELS.pow(SLOTS as u32);
const FRESH: u8 = LEVELS as u8 - 1;

/// Parameters of the world.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fresh {
    /// Factor of every probability at each freshness.
    pub appeal: [f32; LEVELS],
    /// Probabilities of read, like and comment for breaking news.
    pub breaking: [f32; 3],
    /// The same for evergreens.
    pub evergreen: [f32; 3],
    /// What a read, a like and a comment are worth.
    pub worth: [f32; 3],
    /// Probability that breaking news fades when shown.
    pub fades_shown: f32,
    /// Probability that breaking news fades when not shown.
    pub fades_hidden: f32,
    /// Probability that stale news is replaced.
    pub renewal: f32,
    /// Probability that an evergreen recovers when not shown.
    pub recovery: f32,
    /// The world's discount.
    pub discount: f64,
    /// The step limit.
    pub horizon: u32,
    #[serde(skip)]
    oracle: Memo<Oracle>,
}

impl Default for Fresh {
    fn default() -> Self {
        Fresh {
            appeal: [0.0, 0.35, 0.55, 0.75, 0.95],
            breaking: [0.7, 0.1, 0.1],
            evergreen: [0.8, 0.25, 0.06],
            worth: [1.0, 2.0, 5.0],
            fades_shown: 0.6,
            fades_hidden: 0.5,
            renewal: 0.2,
            recovery: 0.2,
            discount: 0.95,
            horizon: 200,
            oracle: Memo::default(),
        }
    }
}

/// Policies that read the state, and what they are worth.
#[derive(Debug)]
struct Oracle {
    best: Vec<usize>,
    /// Optimal value of each state.
    value: Vec<f64>,
    /// Whittle index of breaking news and of evergreens at each freshness.
    whittle: [[f64; LEVELS]; 2],
}

/// An episode: the slots and the feedback.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    freshness: [u8; SLOTS],
    steps: u32,
    feedback: [u32; 3],
    evergreen: u32,
}

impl State {
    /// Slot 0 counts most.
    fn index(&self) -> usize {
        self.freshness.iter().fold(0, |index, &f| LEVELS * index + usize::from(f))
    }
}

impl Env for Fresh {
    type State = State;
    type Action = Discrete;
    const METRICS: &'static [&'static str] = &["reads", "likes", "comments", "evergreen_rate"];
    const POLICIES: &'static [&'static str] = &["myopic", "whittle", "oracle"];

    fn validate(&self) -> Result<()> {
        let lists: [(&str, &[f32], f32); 4] = [
            ("appeal", &self.appeal, 1.0),
            ("breaking", &self.breaking, 1.0),
            ("evergreen", &self.evergreen, 1.0),
            ("worth", &self.worth, 100.0),
        ];
        for (name, list, high) in lists {
            list.iter().try_for_each(|&value| between(name, value, 0.0, high))?;
        }
        between("fades_shown", self.fades_shown, 0.0, 1.0)?;
        between("fades_hidden", self.fades_hidden, 0.0, 1.0)?;
        between("renewal", self.renewal, 0.0, 1.0)?;
        between("recovery", self.recovery, 0.0, 1.0)?;
        if !(self.discount > 0.0 && self.discount <= 0.999) {
            return Err(parameter("discount", self.discount, "above 0 and at most 0.999"));
        }
        between("horizon", self.horizon, 1, 10_000)
    }

    fn action_space(&self) -> Discrete {
        Discrete(SLOTS as u32)
    }

    fn observation(&self) -> Vec<Field> {
        vec![Field { name: "freshness", len: SLOTS * LEVELS, low: 0.0, high: 1.0 }]
    }

    fn horizon(&self) -> u32 {
        self.horizon
    }

    fn discount(&self) -> f64 {
        self.discount
    }

    fn reset(&self, _: &Rng) -> State {
        State { freshness: [FRESH; SLOTS], steps: 0, feedback: [0; 3], evergreen: 0 }
    }

    #[inline]
    fn step(&self, state: &mut State, action: Elem<'_, Self>, rng: &Rng) -> Outcome {
        let mut draws = rng.stream(Purpose::STEP);
        let shown = action as usize;
        let appeal = self.appeal[usize::from(state.freshness[shown])];
        let mut reward = 0.0;
        for (kind, &rate) in self.rates(shown).iter().enumerate() {
            if draws.bernoulli(appeal * rate) {
                state.feedback[kind] += 1;
                reward += self.worth[kind];
            }
        }
        for (slot, freshness) in state.freshness.iter_mut().enumerate() {
            let (next, p) = self.moves(slot, *freshness, slot == shown);
            if draws.bernoulli(p) {
                *freshness = next;
            }
        }
        state.steps += 1;
        state.evergreen += u32::from(shown >= BREAKING);
        Outcome { reward, terminated: false }
    }

    #[inline]
    fn observe(&self, state: &State, row: &mut [f32]) {
        row.fill(0.0);
        for (row, &freshness) in row.chunks_exact_mut(LEVELS).zip(&state.freshness) {
            row[usize::from(freshness)] = 1.0;
        }
    }

    fn metrics(&self, state: &State, out: &mut [f64]) {
        let steps = f64::from(state.steps);
        for (out, &count) in out.iter_mut().zip(&state.feedback) {
            *out = f64::from(count) / steps;
        }
        out[3] = f64::from(state.evergreen) / steps;
    }

    fn expected_reward(&self, state: &State, action: Elem<'_, Self>) -> f64 {
        self.mean(action as usize, state.freshness[action as usize])
    }

    fn reference(&self, policy: &Reference, state: &State, action: RowMut<'_>) {
        action.items[0] = match policy.name {
            "oracle" => self.oracle().best[state.index()],
            "whittle" => self.indexed(&self.oracle().whittle, state.freshness),
            _ => self.likeliest(state.freshness),
        } as u32;
    }

    fn optimum(&self) -> Optimum {
        let Oracle { value, whittle, .. } = self.oracle();
        let problem = self.problem();
        let start = STATES - 1;
        let worth = |policy: &dyn Fn([u8; SLOTS]) -> usize| {
            let chosen: Vec<usize> = states().map(policy).collect();
            problem.evaluate(|state, slot| if chosen[state] == slot { 1.0 } else { 0.0 })[start]
        };
        let largest = value.iter().fold(0.0, |most, &v| if v > most { v } else { most });
        Optimum {
            lower: value[start],
            upper: value[start],
            tolerance: powi64(self.discount, self.horizon) * largest,
            method: "policy iteration over the 625 states",
            random: problem.evaluate(|_, _| 1.0 / SLOTS as f64)[start],
            random_se: 0.0,
            others: vec![
                ("myopic", worth(&|freshness| self.likeliest(freshness))),
                ("whittle", worth(&|freshness| self.indexed(whittle, freshness))),
            ],
        }
    }
}

/// Every state, in the order of its index.
fn states() -> impl Iterator<Item = [u8; SLOTS]> {
    (0..STATES).map(|index| {
        let digit = |slot| index / LEVELS.pow((SLOTS - 1 - slot) as u32) % LEVELS;
        std::array::from_fn(|slot| digit(slot) as u8)
    })
}

impl Fresh {
    /// Probabilities of feedback at full appeal.
    #[inline]
    fn rates(&self, slot: usize) -> &[f32; 3] {
        if slot < BREAKING { &self.breaking } else { &self.evergreen }
    }

    /// The other freshness that a slot can have next, and with what probability.
    #[inline]
    fn moves(&self, slot: usize, freshness: u8, shown: bool) -> (u8, f32) {
        match (slot < BREAKING, shown) {
            (true, _) if freshness == 0 => (FRESH, self.renewal),
            (true, true) => (freshness - 1, self.fades_shown),
            (true, false) => (freshness - 1, self.fades_hidden),
            (false, true) => (freshness.saturating_sub(1), 1.0),
            (false, false) => ((freshness + 1).min(FRESH), self.recovery),
        }
    }

    /// Expected reward of showing `slot`.
    fn mean(&self, slot: usize, freshness: u8) -> f64 {
        // The probabilities are products in f32, as in a step.
        let appeal = self.appeal[usize::from(freshness)];
        let feedback = self.rates(slot).iter().zip(&self.worth);
        feedback.fold(0.0, |sum, (&rate, &worth)| sum + f64::from(appeal * rate) * f64::from(worth))
    }

    /// The slot with the largest expected reward now.
    fn likeliest(&self, freshness: [u8; SLOTS]) -> usize {
        largest(|slot| self.mean(slot, freshness[slot]))
    }

    /// The slot with the largest index.
    fn indexed(&self, whittle: &[[f64; LEVELS]; 2], freshness: [u8; SLOTS]) -> usize {
        largest(|slot| whittle[usize::from(slot >= BREAKING)][usize::from(freshness[slot])])
    }

    fn problem(&self) -> Finite {
        let (mut reward, mut next) = (Vec::new(), Vec::new());
        for freshness in states() {
            for shown in 0..SLOTS {
                reward.push(self.mean(shown, freshness[shown]));
                let mut moves = vec![(0, 1.0)];
                for (slot, &f) in freshness.iter().enumerate() {
                    let (to, p) = self.moves(slot, f, slot == shown);
                    let p = f64::from(p);
                    let outcomes = [(to, p), (f, 1.0 - p)];
                    let step = |&(index, q): &(usize, f64)| {
                        outcomes.map(|(f, p)| (LEVELS * index + usize::from(f), q * p)).into_iter()
                    };
                    moves = moves.iter().flat_map(step).filter(|&(_, p)| p > 0.0).collect();
                }
                next.push(moves);
            }
        }
        Finite { actions: SLOTS, discount: self.discount, reward, next }
    }

    /// One slot alone: action 0 leaves it for `subsidy`, action 1 shows it.
    fn arm(&self, slot: usize, subsidy: f64) -> Finite {
        let (mut reward, mut next) = (Vec::new(), Vec::new());
        for f in 0..LEVELS as u8 {
            for shown in [false, true] {
                let (to, p) = self.moves(slot, f, shown);
                reward.push(if shown { self.mean(slot, f) } else { subsidy });
                next.push(vec![(usize::from(to), f64::from(p)), (usize::from(f), 1.0 - f64::from(p))]);
            }
        }
        Finite { actions: 2, discount: self.discount, reward, next }
    }

    /// The subsidy at which showing and leaving are worth the same at each freshness, by bisection.
    fn whittle(&self, slot: usize) -> [f64; LEVELS] {
        let most =
            (0..LEVELS as u8).fold(0.0, |most, f| if self.mean(slot, f) > most { self.mean(slot, f) } else { most });
        std::array::from_fn(|f| {
            let (mut low, mut high) = (-most / (1.0 - self.discount), most / (1.0 - self.discount));
            while high - low > 1e-9 * most {
                let middle = 0.5 * (low + high);
                let arm = self.arm(slot, middle);
                let value = arm.solve().value;
                if arm.action_value(f, 1, &value) > arm.action_value(f, 0, &value) {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            high
        })
    }

    fn oracle(&self) -> &Oracle {
        self.oracle.get(|| {
            let solution = self.problem().solve();
            let whittle = [self.whittle(0), self.whittle(BREAKING)];
            Oracle { best: solution.policy, value: solution.value, whittle }
        })
    }
}

/// The slot with the largest score, the lowest of equals.
fn largest(score: impl Fn(usize) -> f64) -> usize {
    (1..SLOTS).fold(0, |best, slot| if score(slot) > score(best) { slot } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::played::play;

    #[test]
    fn optimum_is_the_published_one() {
        let optimum = Fresh::default().optimum();
        let digits = |value: f64| (value * 10.0).round() / 10.0;
        assert_eq!([optimum.lower, optimum.random, optimum.others[0].1].map(digits), [23.2, 15.6, 20.5]);
        assert_eq!(digits(optimum.others[1].1), 21.9);
    }

    /// Whittle's relaxation, one slot shown on average: Σ V_i(λ) − 3 λ/(1 − discount) is a bound for every subsidy λ.
    #[test]
    fn no_subsidy_bounds_the_optimum_from_below() {
        let env = Fresh::default();
        let bound = |subsidy: f64| {
            let arms = [0, BREAKING].map(|slot| env.arm(slot, subsidy).solve().value[LEVELS - 1]);
            2.0 * (arms[0] + arms[1]) - 3.0 * subsidy / (1.0 - env.discount)
        };
        let least = (0..100).map(|i| bound(0.02 * f64::from(i))).min_by(f64::total_cmp).expect("subsidies");
        let best = env.optimum().lower;
        assert!(best <= least && least < 1.2 * best, "{best} {least}");
    }

    #[test]
    fn episodes_are_worth_what_the_equations_say() {
        let env = Fresh::default();
        let optimum = env.optimum();
        let anchors = [("oracle", optimum.lower), ("random", optimum.random)];
        for (policy, value) in optimum.others.iter().copied().chain(anchors) {
            play(&env, policy, 1000).agrees_with(value, optimum.tolerance);
        }
    }

    #[test]
    fn parameters_outside_are_named() {
        let named = |env: Fresh| env.validate().expect_err("not admissible").to_string();
        assert!(named(Fresh { appeal: [0.0, 0.1, 0.2, 0.3, 1.1], ..Default::default() }).contains("appeal"));
        assert!(named(Fresh { worth: [1.0, f32::NAN, 1.0], ..Default::default() }).contains("worth"));
        assert!(named(Fresh { renewal: -0.1, ..Default::default() }).contains("renewal"));
        assert!(named(Fresh { discount: 1.0, ..Default::default() }).contains("discount"));
        assert!(named(Fresh { horizon: 0, ..Default::default() }).contains("horizon"));
    }
}
