//! # A feed of bait and wholesome items in slates, small enough for every value to be exact
//!
//! At each step you show `slots` of ten items; the user takes one of them or nothing. What is taken moves the user:
//! bait (items 0–4) is attractive and tires, wholesome items (5–9) restore. A slate therefore counts for what it will be
//! taken from, and for what it keeps from being taken.
//!
//! State (z, y): topic z in 0..5 and engagement y in 0..3. Item i has topic i mod 5.
//!
//! - Choice: item i in proportion to exp(`affinity` · 1{i mod 5 = z} + `lure` · 1{i < 5}), nothing to exp(`nothing`).
//! - Bait taken: reward E_y, E the `engagement`; then y falls by one (at least to 0) with probability `tiring`.
//! - Wholesome taken: reward `wholesome` · E_y; then y rises by one (at most to 2) with probability `restoring`.
//! - Either way z becomes the item's topic.
//! - Nothing taken: reward 0, y stays, and z stays with probability `stays`, else it is drawn from all five topics.
//!
//! With Q̄(s, i) = E[reward + discount · V(s')] if i is taken, a slate's value is the mean of Q̄ over the choice, and so
//! that of nothing counts: Q(s, A) = Σ_{i ∈ A ∪ {nothing}} P(i | s, A) Q̄(s, i). Leaving nothing out of that sum, as if an
//! episode ended when nothing is taken, costs a fifth of the value (`no-null`).
//!
//! | | |
//! |---|---|
//! | Action | `Slate`: `slots` distinct items of ten; their order does not matter |
//! | Observation | `topic`: one-hot z (5 numbers in [0, 1]); `engagement`: one-hot y (3 in [0, 1]); `taken`: what was taken in the step before, one-hot over the places of the slate, then nothing (`slots` + 1 in [0, 1]; zeros at the start) |
//! | Reward | what the item taken earns; 0 for nothing |
//! | Start | z = 0, y = 2 |
//! | End | truncated after `horizon` steps |
//! | Discount | `discount` |
//! | Parameters | `slots` (1 to 4, default 2), `affinity` (0 to 10, default 2), `lure` (−10 to 10, default 0.8), `nothing` (−10 to 10, default 1), `engagement` (three numbers in [0, 10], default 0.4, 0.7, 1), `wholesome` (0 to 10, default 0.8), `tiring`, `restoring`, `stays` (in [0, 1], default 0.7, 0.5, 0.8), `discount` (above 0, at most 0.999, default 0.95), `horizon` (1 to 10000, default 200) |
//! | Metrics | `taken`: share of the steps in which an item was taken; `bait_rate`: share of bait among the items taken, 0 if none was; `mean_engagement`: mean of y before the steps |
//! | Reference policies | `random`: uniform over slates; `myopic`: the slate with the largest expected reward; `no-null`: optimal if an episode ended when nothing is taken; `oracle`: optimal. Of equal slates the first counts: items as a set of bits, item 0 the lowest |
//! | Optimum | exact, 12.63 from the start: policy iteration over 15 states and 45 slates, each policy by linear equations; random 7.66, myopic 8.20. Values are those of endless episodes; the step limit takes less than the tolerance, `discount`^`horizon` times the largest value |
//! | Learning | decomposed methods (SlateQ) learn it with ten item values instead of 45 slate values, if the value of nothing is among them |
//! | Source | own design, after Ie et al. 2019, "SlateQ: a tractable decomposition for reinforcement learning with recommendation sets" |
//!
//! History: v1, first version.
use crate::{
    choice,
    env::{Elem, Env, Field, Optimum, Outcome, Reference},
    error::{Result, between, parameter},
    math::{exp, powi64},
    oracle::{Memo, finite::Finite, slate},
    rng::{Purpose, Rng},
    space::{RowMut, Slate},
};
use serde::{Deserialize, Serialize};

const TOPICS: usize = 5;
const LEVELS: usize = 3;
const ITEMS: usize = 2 * TOPICS;
const STATES: usize = TOPICS * LEVELS;
/// Topic 0, fully engaged.
const START: usize = LEVELS - 1;

/// Parameters of the world.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SlateqMdp {
    /// Number of places.
    pub slots: usize,
    /// Utility of an item on the user's topic.
    pub affinity: f32,
    /// Utility of bait.
    pub lure: f32,
    /// Utility of taking nothing.
    pub nothing: f32,
    /// Reward of bait at each level of engagement.
    pub engagement: [f32; LEVELS],
    /// Reward of wholesome items, as a multiple of that of bait.
    pub wholesome: f32,
    /// Probability that bait lowers the engagement.
    pub tiring: f32,
    /// Probability that a wholesome item raises it.
    pub restoring: f32,
    /// Probability that a user who takes nothing stays with the topic.
    pub stays: f32,
    /// The world's discount.
    pub discount: f64,
    /// The step limit.
    pub horizon: u32,
    #[serde(skip)]
    oracle: Memo<Oracle>,
}

impl Default for SlateqMdp {
    fn default() -> Self {
        SlateqMdp {
            slots: 2,
            affinity: 2.0,
            lure: 0.8,
            nothing: 1.0,
            engagement: [0.4, 0.7, 1.0],
            wholesome: 0.8,
            tiring: 0.7,
            restoring: 0.5,
            stays: 0.8,
            discount: 0.95,
            horizon: 200,
            oracle: Memo::default(),
        }
    }
}

/// The policies that read the state, as indices of slates, and what they are worth.
#[derive(Debug)]
struct Oracle {
    slates: Vec<Vec<u32>>,
    best: Vec<usize>,
    myopic: Vec<usize>,
    no_null: Vec<usize>,
    /// Optimal value of each state.
    value: Vec<f64>,
    random: f64,
    myopic_value: f64,
    no_null_value: f64,
}

/// An episode: the user and what was taken.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    topic: u8,
    engagement: u8,
    /// Place of what was taken last; `slots` for nothing.
    last: Option<u8>,
    steps: u32,
    taken: u32,
    bait: u32,
    engaged: u32,
}

impl Env for SlateqMdp {
    type State = State;
    type Action = Slate;
    const METRICS: &'static [&'static str] = &["taken", "bait_rate", "mean_engagement"];
    const POLICIES: &'static [&'static str] = &["myopic", "no-null", "oracle"];

    fn validate(&self) -> Result<()> {
        between("slots", self.slots, 1, 4)?;
        between("affinity", self.affinity, 0.0, 10.0)?;
        between("lure", self.lure, -10.0, 10.0)?;
        between("nothing", self.nothing, -10.0, 10.0)?;
        self.engagement.iter().try_for_each(|&level| between("engagement", level, 0.0, 10.0))?;
        between("wholesome", self.wholesome, 0.0, 10.0)?;
        between("tiring", self.tiring, 0.0, 1.0)?;
        between("restoring", self.restoring, 0.0, 1.0)?;
        between("stays", self.stays, 0.0, 1.0)?;
        if !(self.discount > 0.0 && self.discount <= 0.999) {
            return Err(parameter("discount", self.discount, "above 0 and at most 0.999"));
        }
        between("horizon", self.horizon, 1, 10_000)
    }

    fn action_space(&self) -> Slate {
        Slate { candidates: ITEMS as u32, slots: self.slots }
    }

    fn observation(&self) -> Vec<Field> {
        let field = |name, len| Field { name, len, low: 0.0, high: 1.0 };
        vec![field("topic", TOPICS), field("engagement", LEVELS), field("taken", self.slots + 1)]
    }

    fn horizon(&self) -> u32 {
        self.horizon
    }

    fn discount(&self) -> f64 {
        self.discount
    }

    fn reset(&self, _: &Rng) -> State {
        State { topic: 0, engagement: LEVELS as u8 - 1, last: None, steps: 0, taken: 0, bait: 0, engaged: 0 }
    }

    #[inline]
    fn step(&self, state: &mut State, action: Elem<'_, Self>, rng: &Rng) -> Outcome {
        let mut draws = rng.stream(Purpose::STEP);
        let weights = action.iter().map(|&item| self.weight(state.topic, item));
        let taken = choice::logit(weights, exp(self.nothing), &mut draws);
        state.steps += 1;
        state.engaged += u32::from(state.engagement);
        state.last = Some(taken.unwrap_or(self.slots) as u8);
        let Some(place) = taken else {
            if !draws.bernoulli(self.stays) {
                state.topic = draws.below(TOPICS as u32) as u8;
            }
            return Outcome { reward: 0.0, terminated: false };
        };
        let item = action[place];
        let reward = self.reward(state.engagement, item);
        state.taken += 1;
        state.topic = (item as usize % TOPICS) as u8;
        if is_bait(item) {
            state.bait += 1;
            state.engagement -= u8::from(draws.bernoulli(self.tiring) && state.engagement > 0);
        } else {
            state.engagement += u8::from(draws.bernoulli(self.restoring) && state.engagement + 1 < LEVELS as u8);
        }
        Outcome { reward, terminated: false }
    }

    #[inline]
    fn observe(&self, state: &State, row: &mut [f32]) {
        row.fill(0.0);
        row[usize::from(state.topic)] = 1.0;
        row[TOPICS + usize::from(state.engagement)] = 1.0;
        if let Some(place) = state.last {
            row[TOPICS + LEVELS + usize::from(place)] = 1.0;
        }
    }

    fn metrics(&self, state: &State, out: &mut [f64]) {
        let (steps, taken) = (f64::from(state.steps), f64::from(state.taken));
        out[0] = taken / steps;
        out[1] = if taken > 0.0 { f64::from(state.bait) / taken } else { 0.0 };
        out[2] = f64::from(state.engaged) / steps;
    }

    fn expected_reward(&self, state: &State, action: Elem<'_, Self>) -> f64 {
        let shares = self.shares(state.topic, action);
        shares
            .iter()
            .zip(action)
            .fold(0.0, |sum, (share, &item)| sum + share * f64::from(self.reward(state.engagement, item)))
    }

    fn reference(&self, policy: &Reference, state: &State, action: RowMut<'_>) {
        let oracle = self.oracle();
        let slates = match policy.name {
            "oracle" => &oracle.best,
            "no-null" => &oracle.no_null,
            _ => &oracle.myopic,
        };
        let index = LEVELS * usize::from(state.topic) + usize::from(state.engagement);
        action.items.copy_from_slice(&oracle.slates[slates[index]]);
    }

    fn optimum(&self) -> Optimum {
        let oracle = self.oracle();
        let best = oracle.value[START];
        let largest = oracle.value.iter().fold(0.0, |most, &v| if v > most { v } else { most });
        Optimum {
            lower: best,
            upper: best,
            tolerance: powi64(self.discount, self.horizon) * largest,
            method: "policy iteration over 15 states and all slates",
            random: oracle.random,
            random_se: 0.0,
            others: vec![("myopic", oracle.myopic_value), ("no-null", oracle.no_null_value)],
        }
    }
}

impl SlateqMdp {
    /// Weight of `item` in the choice of a user on `topic`.
    #[inline]
    fn weight(&self, topic: u8, item: u32) -> f32 {
        let affinity = if item as usize % TOPICS == usize::from(topic) { self.affinity } else { 0.0 };
        exp(affinity + if is_bait(item) { self.lure } else { 0.0 })
    }

    /// What `item` earns when it is taken.
    #[inline]
    fn reward(&self, engagement: u8, item: u32) -> f32 {
        self.engagement[usize::from(engagement)] * if is_bait(item) { 1.0 } else { self.wholesome }
    }

    /// Probability that each item of `slate` is taken.
    fn shares(&self, topic: u8, slate: &[u32]) -> Vec<f64> {
        let weights = slate.iter().map(|&item| f64::from(self.weight(topic, item)));
        choice::logit_shares(weights, exp(self.nothing).into()).collect()
    }

    /// The next states if `item` is taken, or nothing.
    fn moves(&self, state: usize, item: Option<u32>) -> Vec<(usize, f64)> {
        let engagement = state % LEVELS;
        let Some(item) = item else {
            let stays = f64::from(self.stays);
            let elsewhere = |topic| (LEVELS * topic + engagement, (1.0 - stays) / TOPICS as f64);
            return (0..TOPICS).map(elsewhere).chain([(state, stays)]).collect();
        };
        let (next, moved) = if is_bait(item) {
            (engagement.saturating_sub(1), f64::from(self.tiring))
        } else {
            ((engagement + 1).min(LEVELS - 1), f64::from(self.restoring))
        };
        let topic = LEVELS * (item as usize % TOPICS);
        vec![(topic + next, moved), (topic + engagement, 1.0 - moved)]
    }

    /// The decision problem whose actions are `slates`; an episode goes on after nothing is taken if `null`.
    fn problem(&self, slates: &[Vec<u32>], null: bool) -> Finite {
        let (mut reward, mut next) = (Vec::new(), Vec::new());
        for state in 0..STATES {
            let (topic, engagement) = ((state / LEVELS) as u8, (state % LEVELS) as u8);
            for slate in slates {
                let shares = self.shares(topic, slate);
                let (mut mean, mut moves, mut nothing) = (0.0, Vec::new(), 1.0);
                for (&item, share) in slate.iter().zip(shares) {
                    mean += share * f64::from(self.reward(engagement, item));
                    moves.extend(self.moves(state, Some(item)).into_iter().map(|(next, p)| (next, share * p)));
                    nothing -= share;
                }
                if null {
                    moves.extend(self.moves(state, None).into_iter().map(|(next, p)| (next, nothing * p)));
                }
                reward.push(mean);
                next.push(moves);
            }
        }
        Finite { actions: slates.len(), discount: self.discount, reward, next }
    }

    fn oracle(&self) -> &Oracle {
        self.oracle.get(|| {
            let slates: Vec<Vec<u32>> = slate::sets(ITEMS, self.slots).collect();
            let problem = self.problem(&slates, true);
            let no_null = self.problem(&slates, false).solve().policy;
            let myopic: Vec<usize> = (0..STATES).map(|state| problem.greedy(state, &[0.0; STATES], 0.0)).collect();
            let worth = |policy: &[usize]| {
                problem.evaluate(|state, slate| if policy[state] == slate { 1.0 } else { 0.0 })[START]
            };
            let solution = problem.solve();
            Oracle {
                random: problem.evaluate(|_, _| 1.0 / slates.len() as f64)[START],
                myopic_value: worth(&myopic),
                no_null_value: worth(&no_null),
                best: solution.policy,
                value: solution.value,
                myopic,
                no_null,
                slates,
            }
        })
    }
}

fn is_bait(item: u32) -> bool {
    (item as usize) < TOPICS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::played::play;

    #[test]
    fn optimum_is_the_published_one() {
        let optimum = SlateqMdp::default().optimum();
        let digits = |value: f64| (value * 100.0).round() / 100.0;
        assert_eq!([optimum.lower, optimum.random, optimum.others[0].1].map(digits), [12.63, 7.66, 8.20]);
        // Leaving nothing out of the values costs a fifth.
        let loss = 1.0 - optimum.others[1].1 / optimum.lower;
        assert!((0.21..0.23).contains(&loss), "{loss}");
    }

    /// SlateQ's identity: the best slate by item values, found without looking at all slates, is worth V.
    #[test]
    fn slates_decompose_into_items_and_nothing() {
        let env = SlateqMdp { slots: 3, ..SlateqMdp::default() };
        let value = &env.oracle().value;
        for state in 0..STATES {
            let (topic, engagement) = ((state / LEVELS) as u8, (state % LEVELS) as u8);
            let later =
                |item| env.moves(state, item).iter().fold(0.0, |sum, &(next, p)| sum + env.discount * p * value[next]);
            let weights: Vec<f64> = (0..ITEMS as u32).map(|item| env.weight(topic, item).into()).collect();
            let worth: Vec<f64> =
                (0..ITEMS as u32).map(|item| f64::from(env.reward(engagement, item)) + later(Some(item))).collect();
            let best = slate::logit(&weights, &worth, (exp(env.nothing).into(), later(None)), env.slots);
            assert!((best.value - value[state]).abs() < 1e-11, "state {state}: {} {}", best.value, value[state]);
        }
    }

    #[test]
    fn episodes_are_worth_what_the_equations_say() {
        for env in [SlateqMdp::default(), SlateqMdp { slots: 1, nothing: -1.0, ..SlateqMdp::default() }] {
            let optimum = env.optimum();
            let anchors = [("oracle", optimum.lower), ("random", optimum.random)];
            for (policy, value) in optimum.others.iter().copied().chain(anchors) {
                play(&env, policy, 1000).agrees_with(value, optimum.tolerance);
            }
        }
    }

    #[test]
    fn parameters_outside_are_named() {
        let named = |env: SlateqMdp| env.validate().expect_err("not admissible").to_string();
        assert!(named(SlateqMdp { slots: 5, ..Default::default() }).contains("slots"));
        assert!(named(SlateqMdp { engagement: [0.0, f32::NAN, 1.0], ..Default::default() }).contains("engagement"));
        assert!(named(SlateqMdp { stays: 1.5, ..Default::default() }).contains("stays"));
        assert!(named(SlateqMdp { discount: 1.0, ..Default::default() }).contains("discount"));
        assert!(named(SlateqMdp { horizon: 0, ..Default::default() }).contains("horizon"));
    }
}
