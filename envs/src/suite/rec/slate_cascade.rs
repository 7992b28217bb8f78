//! # A list read from the top: which items, and in which order
//!
//! You show `slots` of the items in an order, one slate per step, to users who are all alike. Items differ in how much
//! they attract and in what they earn, and the two do not go together. By default the user looks from the top and takes
//! the first item that attracts: an item that earns little, high up, is in the way of those below.
//!
//! With w the `attraction` and r the `reward` of an item:
//!
//! - `choice = "cascade"`: place j is taken with probability w_j Π (1 − w_l) over the places l above.
//! - `choice = "position"`: place j is looked at with probability `examination`_j, and what is looked at is taken with
//!   probability w; several can be taken.
//! - `choice = "logit"`: one item or nothing is taken, in proportion to w and to the weight `nothing`.
//! - `choice = { nested = { nests = n, dissimilarity = λ } }`: the same as a nested logit, item i in nest i mod n: items of
//!   one nest take from each other what those of different nests take from all.
//! - `choice = { willing = { wealth = m } }`: read from the top as by default; r is a price, and the first item is taken
//!   for which the user would pay as much: a willingness that is exponential with mean m · w.
//!
//! | | |
//! |---|---|
//! | Action | `Slate`: `slots` distinct items in order, the first place first |
//! | Observation | `constant`: 1 (1 number in [0, 1]); `taken`: which place was taken in the step before, the last number for none, all 0 at the start (`slots` + 1 numbers, 0 or 1); with `choice = "position"`, where several can be taken, it is called `clicked` |
//! | Reward | the sum of r over the items taken |
//! | Start | always the same |
//! | End | truncated after `horizon` steps |
//! | Discount | 0: no step changes the next |
//! | Parameters | `choice` (`cascade`, `position`, `logit`, or a table: `nested` with `nests`, 1 to 20, and `dissimilarity`, 0.05 to 1, or `willing` with `wealth`, 0.1 to 1000; default cascade), `slots` (1 to 8, at most the number of items, default 3), `attraction` (2 to 20 numbers in [0, 1], default 0.10 + 0.08 (7i mod 10) for ten items i), `reward` (as many numbers in [0, 100], default 1 + 0.5 ((3i + 1) mod 10)), `examination` (at least one number in [0, 1] for each of the `slots`, default 1, 0.6, 0.35 and half the one before for the rest), `nothing` (0.01 to 100, default 0.5), `horizon` (1 to 100000, default 100) |
//! | Metrics | `taken`: items taken per step; `first`: share of the steps that took the first place; `regret`: mean over the steps of the optimum less the expected reward |
//! | Reference policies | `random`: uniform over ordered slates; `top`: the items with the largest w·r, the largest first; `myopic` and `oracle`, the same here: the best slate |
//! | Optimum | exact, per step. Cascade 3.72: a set is best shown with falling rewards, and one pass over the items in that order chooses it; random 2.74, top 3.29. Position 3.92: both sorted (rearrangement), so `top` is optimal while `examination` falls. Logit 3.30: Dinkelbach's method over top-k sets. Nested: all sets. Willing: as cascade, with the probabilities that prices are paid. Random is exact: symmetric polynomials, the mean, or all sets |
//! | Learning | a bandit with 720 slates; methods that know how lists are read need a few hundred steps, others compare slates one by one |
//! | Source | Kveton et al. 2015, "Cascading bandits: learning to rank in the cascade model", with rewards; Craswell et al. 2008 for the position-based model |
//!
//! History: v1, first version; since then it shows what was taken, and pays as before.
use crate::{
    choice::{self, LONGEST_SLATE},
    env::{Elem, Env, Field, Optimum, Outcome, Reference},
    error::{Result, between, parameter},
    oracle::{
        Memo,
        slate::{self, Best},
    },
    rng::{Purpose, Rng},
    space::{RowMut, Slate},
};
use serde::{Deserialize, Serialize};

/// More items than this would make the exact value of random slates slow.
const MOST_ITEMS: usize = 20;

/// How the user chooses.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Choice {
    /// The first place that attracts.
    Cascade,
    /// Every place that is looked at and attracts.
    Position,
    /// One or nothing, by weight.
    Logit,
    /// One or nothing, by weight, item i in nest i mod `nests`.
    Nested {
        /// Number of nests.
        nests: u32,
        /// How little the items of a nest have in common.
        dissimilarity: f32,
    },
    /// The first place whose price, its reward, is not too much.
    Willing {
        /// Mean willingness to pay for an item that attracts with 1.
        wealth: f32,
    },
}

/// Parameters of the world.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SlateCascade {
    /// How the user chooses.
    pub choice: Choice,
    /// Number of places.
    pub slots: usize,
    /// How much each item attracts.
    pub attraction: Vec<f32>,
    /// What each item earns when it is taken.
    pub reward: Vec<f32>,
    /// How likely each place is looked at.
    pub examination: Vec<f32>,
    /// Weight of taking nothing.
    pub nothing: f32,
    /// The step limit.
    pub horizon: u32,
    #[serde(skip)]
    best: Memo<Best>,
}

impl Default for SlateCascade {
    fn default() -> Self {
        SlateCascade {
            choice: Choice::Cascade,
            slots: 3,
            attraction: (0..10u16).map(|i| 0.10 + 0.08 * f32::from(7 * i % 10)).collect(),
            reward: (0..10u16).map(|i| 1.0 + 0.5 * f32::from((3 * i + 1) % 10)).collect(),
            examination: vec![1.0, 0.6, 0.35, 0.175, 0.0875, 0.04375, 0.021875, 0.0109375],
            nothing: 0.5,
            horizon: 100,
            best: Memo::default(),
        }
    }
}

/// An episode: what was taken.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    steps: u32,
    taken: u32,
    first: u32,
    regret: f64,
    /// Which places were taken in the last step.
    places: [bool; LONGEST_SLATE],
}

impl Env for SlateCascade {
    type State = State;
    type Action = Slate;
    const METRICS: &'static [&'static str] = &["taken", "first", "regret"];
    const POLICIES: &'static [&'static str] = &["top", "myopic", "oracle"];

    fn validate(&self) -> Result<()> {
        between("attraction", self.attraction.len(), 2, MOST_ITEMS)
            .map_err(|_| parameter("attraction", format!("{:?}", self.attraction), "a list of 2 to 20 numbers"))?;
        if self.reward.len() != self.attraction.len() {
            return Err(parameter("reward", format!("{:?}", self.reward), "as long as `attraction`"));
        }
        between("slots", self.slots, 1, self.attraction.len().min(LONGEST_SLATE))?;
        if self.examination.len() < self.slots {
            return Err(parameter("examination", format!("{:?}", self.examination), "at least `slots` long"));
        }
        let lists = [("attraction", &self.attraction, 1.0), ("reward", &self.reward, 100.0)];
        for (name, list, high) in lists.into_iter().chain([("examination", &self.examination, 1.0)]) {
            list.iter().try_for_each(|&value| between(name, value, 0.0, high))?;
        }
        match self.choice {
            Choice::Nested { nests, dissimilarity } => {
                between("choice.nested.nests", nests, 1, MOST_ITEMS as u32)?;
                between("choice.nested.dissimilarity", dissimilarity, 0.05, 1.0)?;
            }
            Choice::Willing { wealth } => between("choice.willing.wealth", wealth, 0.1, 1000.0)?,
            Choice::Cascade | Choice::Position | Choice::Logit => {}
        }
        between("nothing", self.nothing, 0.01, 100.0)?;
        between("horizon", self.horizon, 1, 100_000)
    }

    fn action_space(&self) -> Slate {
        Slate { candidates: self.attraction.len() as u32, slots: self.slots }
    }

    fn observation(&self) -> Vec<Field> {
        let taken = if self.choice == Choice::Position { "clicked" } else { "taken" };
        vec![
            Field { name: "constant", len: 1, low: 0.0, high: 1.0 },
            Field { name: taken, len: self.slots + 1, low: 0.0, high: 1.0 },
        ]
    }

    fn horizon(&self) -> u32 {
        self.horizon
    }

    fn discount(&self) -> f64 {
        0.0
    }

    fn reset(&self, _: &Rng) -> State {
        State { steps: 0, taken: 0, first: 0, regret: 0.0, places: [false; LONGEST_SLATE] }
    }

    #[inline]
    fn step(&self, state: &mut State, action: Elem<'_, Self>, rng: &Rng) -> Outcome {
        let mut draws = rng.stream(Purpose::STEP);
        let attraction = action.iter().map(|&item| self.chance(item as usize));
        let mut reward = 0.0;
        state.places = [false; LONGEST_SLATE];
        let mut take = |place: usize| {
            reward += self.reward[action[place] as usize];
            state.taken += 1;
            state.first += u32::from(place == 0);
            state.places[place] = true;
        };
        match self.choice {
            Choice::Cascade | Choice::Willing { .. } => {
                choice::cascade(attraction, 1.0, &mut draws).into_iter().for_each(&mut take);
            }
            Choice::Logit => choice::logit(attraction, self.nothing, &mut draws).into_iter().for_each(&mut take),
            Choice::Nested { nests, dissimilarity } => {
                let weights = self.nested(action, nests, dissimilarity);
                let weights = weights.into_iter().take(action.len());
                choice::logit(weights, self.nothing, &mut draws).into_iter().for_each(&mut take);
            }
            Choice::Position => {
                for (place, (attraction, examination)) in attraction.zip(&self.examination).enumerate() {
                    if draws.bernoulli(attraction * examination) {
                        take(place);
                    }
                }
            }
        }
        state.steps += 1;
        state.regret += self.best().value - self.value(action);
        Outcome { reward, terminated: false }
    }

    #[inline]
    fn observe(&self, state: &State, row: &mut [f32]) {
        let places = &state.places[..self.slots];
        row[0] = 1.0;
        row[1..].iter_mut().zip(places).for_each(|(seen, taken)| *seen = f32::from(u8::from(*taken)));
        let nothing = state.steps > 0 && !places.contains(&true);
        row[self.slots + 1] = f32::from(u8::from(nothing));
    }

    fn metrics(&self, state: &State, out: &mut [f64]) {
        let steps = f64::from(state.steps);
        out[0] = f64::from(state.taken) / steps;
        out[1] = f64::from(state.first) / steps;
        out[2] = state.regret / steps;
    }

    fn expected_reward(&self, _: &State, action: Elem<'_, Self>) -> f64 {
        self.value(action)
    }

    fn reference(&self, policy: &Reference, _: &State, action: RowMut<'_>) {
        match policy.name {
            "top" => action.items.copy_from_slice(&self.top()),
            _ => action.items.copy_from_slice(&self.best().slate),
        }
    }

    fn optimum(&self) -> Optimum {
        let best = self.best().value;
        let (method, random) = match self.choice {
            Choice::Cascade | Choice::Willing { .. } => {
                let shares = slate::random_cascade(&self.chances(), 1.0, self.slots);
                let earned = shares.iter().zip(&self.reward).fold(0.0, |sum, (p, &r)| sum + p * f64::from(r));
                ("dynamic programming over items by falling reward", earned)
            }
            Choice::Position => {
                let looks = doubles(&self.examination[..self.slots]).iter().fold(0.0, |sum, e| sum + e);
                let worth = self.worth().iter().fold(0.0, |sum, worth| sum + worth);
                ("sorted items on sorted places", looks * worth / self.attraction.len() as f64)
            }
            Choice::Logit | Choice::Nested { .. } => {
                let sets = slate::sets(self.attraction.len(), self.slots);
                let (count, sum) = sets.fold((0.0, 0.0), |(n, sum), set| (n + 1.0, sum + self.value(&set)));
                (if self.choice == Choice::Logit { "Dinkelbach's method" } else { "all sets" }, sum / count)
            }
        };
        Optimum {
            lower: best,
            upper: best,
            // The world computes in f32.
            tolerance: 1e-6 * best,
            method,
            random,
            random_se: 0.0,
            others: vec![("top", self.value(&self.top())), ("myopic", best)],
        }
    }
}

impl SlateCascade {
    fn best(&self) -> &Best {
        self.best.get(|| {
            let (attraction, reward) = (self.chances(), doubles(&self.reward));
            match self.choice {
                Choice::Nested { .. } => {
                    let none = Best { slate: Vec::new(), value: f64::NEG_INFINITY };
                    slate::sets(self.attraction.len(), self.slots).fold(none, |best, slate| {
                        let value = self.value(&slate);
                        if value > best.value { Best { slate, value } } else { best }
                    })
                }
                Choice::Cascade | Choice::Willing { .. } => slate::cascade(&attraction, &reward, 1.0, self.slots),
                Choice::Position => slate::position(&doubles(&self.examination[..self.slots]), &self.worth()),
                Choice::Logit => slate::logit(&attraction, &reward, (self.nothing.into(), 0.0), self.slots),
            }
        })
    }

    /// What each item earns on average when it is looked at.
    fn worth(&self) -> Vec<f64> {
        self.chances().iter().zip(&self.reward).map(|(w, r)| w * f64::from(*r)).collect()
    }

    /// How much `item` attracts: what it is taken with when it is looked at, or its weight.
    #[inline]
    fn chance(&self, item: usize) -> f32 {
        match self.choice {
            Choice::Willing { wealth } => choice::willing(self.reward[item], wealth * self.attraction[item]),
            _ => self.attraction[item],
        }
    }

    fn chances(&self) -> Vec<f64> {
        (0..self.attraction.len()).map(|item| self.chance(item).into()).collect()
    }

    /// The weights of `slate` as those of a plain logit.
    fn nested(&self, slate: &[u32], nests: u32, dissimilarity: f32) -> [f32; LONGEST_SLATE] {
        let mut weights = [0.0; LONGEST_SLATE];
        weights.iter_mut().zip(slate).for_each(|(weight, &item)| *weight = self.attraction[item as usize]);
        choice::nest(&mut weights[..slate.len()], |place| slate[place] % nests, dissimilarity);
        weights
    }

    /// The items that earn most on average when they are looked at.
    fn top(&self) -> Vec<u32> {
        slate::top(&self.worth(), self.slots)
    }

    /// Expected reward of a slate.
    fn value(&self, slate: &[u32]) -> f64 {
        let attraction = slate.iter().map(|&item| f64::from(self.chance(item as usize)));
        let reward = slate.iter().map(|&item| f64::from(self.reward[item as usize]));
        let sum = |sum: f64, (share, reward): (f64, f64)| sum + share * reward;
        match self.choice {
            Choice::Cascade | Choice::Willing { .. } => {
                choice::cascade_shares(attraction, 1.0).zip(reward).fold(0.0, sum)
            }
            Choice::Nested { nests, dissimilarity } => {
                let weights = self.nested(slate, nests, dissimilarity).into_iter().take(slate.len()).map(f64::from);
                choice::logit_shares(weights, self.nothing.into()).zip(reward).fold(0.0, sum)
            }
            Choice::Logit => choice::logit_shares(attraction, self.nothing.into()).zip(reward).fold(0.0, sum),
            Choice::Position => {
                let looks = self.examination.iter().map(|&e| f64::from(e));
                attraction.zip(looks).map(|(attraction, look)| attraction * look).zip(reward).fold(0.0, sum)
            }
        }
    }
}

fn doubles(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| value.into()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{rng::Domain, suite::played::play};

    const NESTED: Choice = Choice::Nested { nests: 3, dissimilarity: 0.4 };
    const WILLING: Choice = Choice::Willing { wealth: 5.0 };
    const EVERY: [Choice; 5] = [Choice::Cascade, Choice::Position, Choice::Logit, NESTED, WILLING];

    fn with(choice: Choice) -> SlateCascade {
        SlateCascade { choice, ..SlateCascade::default() }
    }

    #[test]
    fn optimum_is_the_published_one() {
        let digits = |value: f64| (value * 100.0).round() / 100.0;
        let cascade = SlateCascade::default().optimum();
        assert_eq!([cascade.lower, cascade.random, cascade.others[0].1].map(digits), [3.72, 2.74, 3.29]);
        assert_eq!(digits(with(Choice::Position).optimum().lower), 3.92);
        assert_eq!(digits(with(Choice::Logit).optimum().lower), 3.30);
    }

    /// All 720 ordered slates.
    #[test]
    fn no_slate_is_better_and_random_is_their_mean() {
        for env in EVERY.map(with) {
            let (mut most, mut sum, mut count) = (0.0, 0.0, 0.0);
            for a in 0..10 {
                for b in (0..10).filter(|&b| b != a) {
                    for c in (0..10).filter(|&c| c != a && c != b) {
                        let value = env.value(&[a, b, c]);
                        (sum, count) = (sum + value, count + 1.0);
                        most = if value > most { value } else { most };
                    }
                }
            }
            let optimum = env.optimum();
            // Weights of nests are f32 sums, which feel the order of a slate.
            let near = if env.choice == NESTED { 1e-6 } else { 1e-12 };
            assert!((optimum.lower - most).abs() < near, "{optimum:?} {most}");
            assert!((optimum.random - sum / count).abs() < near, "{optimum:?} {}", sum / count);
            assert!((env.value(&env.best().slate) - most).abs() < near);
        }
    }

    #[test]
    fn episodes_are_worth_what_the_equations_say() {
        for env in EVERY.map(with) {
            let optimum = env.optimum();
            for (policy, value) in [("oracle", optimum.lower), ("random", optimum.random), optimum.others[0]] {
                let played = play(&env, policy, 500);
                played.agrees_with(value, optimum.tolerance);
                // Regret has no noise of its own: only random slates differ.
                assert!((played.metrics[2] - (optimum.lower - value)).abs() < 0.02, "{policy}: {played:?}");
            }
        }
    }

    /// The observation says which place was taken, and the reward is that of its item.
    #[test]
    fn what_was_taken_is_shown() {
        for env in [Choice::Cascade, Choice::Position, Choice::Logit].map(with) {
            let (address, mut row) = (Rng::new(3, Domain::Training), [9.0; 5]);
            let (mut state, slate) = (env.reset(&address), [2, 7, 4]);
            env.observe(&state, &mut row);
            assert_eq!(row, [1.0, 0.0, 0.0, 0.0, 0.0]);
            let mut seen = [0.0; 4];
            for step in 0..200 {
                let reward = env.step(&mut state, &slate, &address.at(0, 0, step)).reward;
                env.observe(&state, &mut row);
                let earned: f32 = (0..3).map(|place| row[1 + place] * env.reward[slate[place] as usize]).sum();
                assert_eq!((reward, row[4] == 1.0), (earned, reward == 0.0));
                assert!(row[1..].iter().sum::<f32>() == 1.0 || env.choice == Choice::Position);
                seen.iter_mut().zip(&row[1..]).for_each(|(seen, now)| *seen += now);
            }
            assert!(seen.iter().all(|&times| times > 0.0), "{seen:?}");
        }
    }

    #[test]
    fn parameters_outside_are_named() {
        let named = |env: SlateCascade| env.validate().expect_err("not admissible").to_string();
        assert!(named(SlateCascade { slots: 0, ..Default::default() }).contains("slots"));
        assert!(named(SlateCascade { slots: 9, ..Default::default() }).contains("slots"));
        assert!(named(SlateCascade { attraction: vec![0.5], ..Default::default() }).contains("attraction"));
        assert!(named(SlateCascade { reward: vec![1.0; 9], ..Default::default() }).contains("reward"));
        assert!(named(SlateCascade { reward: vec![f32::NAN; 10], ..Default::default() }).contains("reward"));
        assert!(named(SlateCascade { examination: vec![1.0, 0.5], ..Default::default() }).contains("examination"));
        assert!(named(SlateCascade { nothing: 0.0, ..Default::default() }).contains("nothing"));
        assert!(named(SlateCascade { horizon: 0, ..Default::default() }).contains("horizon"));
    }
}
