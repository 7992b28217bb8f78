//! # A shopper made of parts that can be switched off: drift, satiation, position bias, churn, return time, price
//!
//! At each step a shopper may come and looks through a list of `slots` items from the top until one is taken. What is
//! taken earns its price, pleases, tires of its topic and may win the shopper over to it; a visit without a purchase
//! annoys, so that the shopper comes less often and may leave for good. Every part is a switch, so that an ablation is a
//! matter of parameters; the optimum is exact for all of the 64 worlds.
//!
//! Items: i has topic i mod 5 and grade g = i div 5, `grades` of them: quality `quality` · g, price 1 + g.
//! State: an interest z in 0..5, the set of topics tired of, and whether the last visit pleased.
//!
//! - `return_time`: the shopper comes with probability `mind.visit`, annoyed or pleased. Off: always.
//! - The item at a place that is looked at is taken with probability σ(`base` + `affinity` \[its topic is z\] + quality −
//!   `satiety` \[its topic is tired of\] − `sensitivity` · price). `price`, off: no price matters and each item earns 1.
//! - `position_bias`: after each place that is not taken, the shopper looks on with probability `patience`. Off: always.
//! - `satiation`: the topic of what is taken tires with probability `mind.tiring`; at the end of each step one topic,
//!   drawn at random, is fresh again with probability `mind.recovery`. Off: nothing tires.
//! - `drift`: the topic of what is taken becomes z with probability `mind.drift`; at the end of each step z is drawn anew
//!   with probability `mind.wander`. Off: z stays.
//! - `churn`: after a visit the shopper leaves for good with probability `mind.leave`, annoyed or pleased. Off: never.
//!
//! The best list for given values of what follows is found exactly: relative to taking nothing an item gains G, and
//! lists are best in falling order of w G / (1 − `patience` (1 − w)) (exchange two neighbours), so that one pass over the
//! items chooses among all lists. Policy iteration over the 320 states does the rest.
//!
//! | | |
//! |---|---|
//! | Action | `Slate`: `slots` distinct items in order, the first place first; of no effect while the shopper is away |
//! | Observation | `interest`: one-hot z (5 numbers in [0, 1]); `tired`: 1 for each topic tired of (5 in [0, 1]); `pleased`: 1 if the last visit pleased (1 in [0, 1]); `taken`: what was taken in the step before, one-hot over the places of the list, then nothing (`slots` + 1 in [0, 1]; zeros at the start and while the shopper was away) |
//! | Reward | the price of the item taken (1 if `price` is off), 0 for none |
//! | Start | z uniform, nothing tired of, pleased |
//! | End | terminated when the shopper leaves; truncated after `horizon` steps |
//! | Discount | `discount` |
//! | Parameters | the switches `drift`, `satiation`, `position_bias`, `churn`, `return_time`, `price` (default true); `grades` (1 to 4, default 4), `slots` (1 to 5, default 3), `base` (−10 to 10, default 0), `affinity` (0 to 10, default 2), `quality` (0 to 10, default 0.3), `satiety` (0 to 10, default 2), `sensitivity` (0 to 10, default 0.7), `patience` (0 to 1, default 0.7), `mind`, a table of probabilities: `drift` (0.3), `wander` (0.02), `tiring` (0.6), `recovery` (0.5), `visit` (annoyed, pleased: 0.5, 0.9), `leave` (0.25, 0.01); `discount` (above 0, at most 0.999, default 0.95), `horizon` (1 to 10000, default 200) |
//! | Metrics | `visit_rate`: visits per step; `taken_rate`: items taken per step; `mean_price`: mean reward of the items taken, 0 if none was; `tired_rate`: mean share of topics tired of; `left`: 1 if the shopper left before the step limit |
//! | Reference policies | `random`: uniform over ordered lists; `myopic`: the list with the largest expected reward now; `oracle`: optimal |
//! | Optimum | exact for every setting, 11.3 from the start with all parts on; random 5.26, myopic 10.8. Values are those of endless episodes; the step limit takes less than the tolerance, `discount`^`horizon` times the largest value |
//! | Learning | made for methods that take lists, of which there are 6840, apart into items. SlateQ's choice knows no order: it reaches 0.91, as does `myopic`, which is told the equations. With a cascade for the choice (`cascade_slateq`) it is 0.97 |
//! | Source | own design; the parts after Craswell et al. 2008 (position), Leqi et al. 2021, "Rebounding bandits for modeling satiation effects" (satiation), Ie et al. 2019 (drift, churn) |
//!
//! History: v1, first version.
use crate::{
    choice,
    env::{Elem, Env, Field, Optimum, Outcome, Reference},
    error::{Result, between, parameter},
    math::{powi64, sigmoid},
    mind::{Event, Law, MINDS, Mind, Moves, TOPICS},
    oracle::{Memo, finite::Finite, slate},
    rng::{Purpose, Rng},
    space::{RowMut, Slate},
};
use serde::{Deserialize, Serialize};

/// Parameters of the world.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shopper {
    /// Whether the interest moves.
    pub drift: bool,
    /// Whether topics tire.
    pub satiation: bool,
    /// Whether lower places are looked at less.
    pub position_bias: bool,
    /// Whether shoppers leave for good.
    pub churn: bool,
    /// Whether annoyed shoppers come less often.
    pub return_time: bool,
    /// Whether prices matter.
    pub price: bool,
    /// Number of items on each topic.
    pub grades: u32,
    /// Number of places.
    pub slots: usize,
    /// Utility of any item.
    pub base: f32,
    /// Utility of an item on the topic of interest.
    pub affinity: f32,
    /// Utility of each grade.
    pub quality: f32,
    /// Disutility of a topic tired of.
    pub satiety: f32,
    /// Disutility of a unit of price.
    pub sensitivity: f32,
    /// Probability to look on after a place that is not taken.
    pub patience: f32,
    /// How minds change.
    pub mind: Law,
    /// The world's discount.
    pub discount: f64,
    /// The step limit.
    pub horizon: u32,
    #[serde(skip)]
    moves: Memo<Moves>,
    #[serde(skip)]
    oracle: Memo<Oracle>,
}

impl Default for Shopper {
    fn default() -> Self {
        Shopper {
            drift: true,
            satiation: true,
            position_bias: true,
            churn: true,
            return_time: true,
            price: true,
            grades: 4,
            slots: 3,
            base: 0.0,
            affinity: 2.0,
            quality: 0.3,
            satiety: 2.0,
            sensitivity: 0.7,
            patience: 0.7,
            mind: Law::default(),
            discount: 0.95,
            horizon: 200,
            moves: Memo::default(),
            oracle: Memo::default(),
        }
    }
}

/// Lists for every mind, and what they are worth.
#[derive(Debug)]
struct Oracle {
    best: Vec<Vec<u32>>,
    value: Vec<f64>,
    myopic: Vec<Vec<u32>>,
}

/// An episode: the shopper and what happened.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    mind: Mind,
    steps: u32,
    visits: u32,
    taken: u32,
    earned: f32,
    tired: u32,
    left: bool,
    /// The place taken in the last step, `slots` for none of them, absent while the shopper was away.
    place: Option<usize>,
}

impl Env for Shopper {
    type State = State;
    type Action = Slate;
    const METRICS: &'static [&'static str] = &["visit_rate", "taken_rate", "mean_price", "tired_rate", "left"];
    const POLICIES: &'static [&'static str] = &["myopic", "oracle"];

    fn validate(&self) -> Result<()> {
        between("grades", self.grades, 1, 4)?;
        between("slots", self.slots, 1, 5)?;
        between("base", self.base, -10.0, 10.0)?;
        between("affinity", self.affinity, 0.0, 10.0)?;
        between("quality", self.quality, 0.0, 10.0)?;
        between("satiety", self.satiety, 0.0, 10.0)?;
        between("sensitivity", self.sensitivity, 0.0, 10.0)?;
        between("patience", self.patience, 0.0, 1.0)?;
        self.mind.validate()?;
        if !(self.discount > 0.0 && self.discount <= 0.999) {
            return Err(parameter("discount", self.discount, "above 0 and at most 0.999"));
        }
        between("horizon", self.horizon, 1, 10_000)
    }

    fn action_space(&self) -> Slate {
        Slate { candidates: self.items(), slots: self.slots }
    }

    fn observation(&self) -> Vec<Field> {
        let field = |name, len| Field { name, len, low: 0.0, high: 1.0 };
        vec![field("interest", TOPICS), field("tired", TOPICS), field("pleased", 1), field("taken", self.slots + 1)]
    }

    fn horizon(&self) -> u32 {
        self.horizon
    }

    fn discount(&self) -> f64 {
        self.discount
    }

    fn reset(&self, rng: &Rng) -> State {
        let mind = self.mind.arrive(&mut rng.stream(Purpose::RESET));
        State { mind, steps: 0, visits: 0, taken: 0, earned: 0.0, tired: 0, left: false, place: None }
    }

    #[inline]
    fn step(&self, state: &mut State, action: Elem<'_, Self>, rng: &Rng) -> Outcome {
        let mut draws = rng.stream(Purpose::STEP);
        let law = self.law();
        let mut reward = 0.0;
        state.steps += 1;
        state.tired += state.mind.tired.count_ones();
        let event = if draws.bernoulli(law.comes(state.mind)) {
            state.visits += 1;
            let attraction = action.iter().map(|&item| self.attraction(state.mind, item));
            let place = choice::cascade(attraction, self.looks_on(), &mut draws);
            state.place = Some(place.unwrap_or(self.slots));
            match place {
                None => Event::Nothing,
                Some(place) => {
                    reward = self.earns(action[place]);
                    state.taken += 1;
                    state.earned += reward;
                    Event::Taken(topic(action[place]))
                }
            }
        } else {
            state.place = None;
            Event::Away
        };
        state.left = law.change(&mut state.mind, event, &mut draws);
        Outcome { reward, terminated: state.left }
    }

    #[inline]
    fn observe(&self, state: &State, row: &mut [f32]) {
        row.fill(0.0);
        row[usize::from(state.mind.interest)] = 1.0;
        for topic in 0..TOPICS {
            row[TOPICS + topic] = f32::from(u8::from(state.mind.is_tired(topic as u8)));
        }
        row[2 * TOPICS] = f32::from(u8::from(state.mind.pleased));
        if let Some(place) = state.place {
            row[2 * TOPICS + 1 + place] = 1.0;
        }
    }

    fn metrics(&self, state: &State, out: &mut [f64]) {
        let (steps, taken) = (f64::from(state.steps), f64::from(state.taken));
        out[0] = f64::from(state.visits) / steps;
        out[1] = taken / steps;
        out[2] = if taken > 0.0 { f64::from(state.earned) / taken } else { 0.0 };
        out[3] = f64::from(state.tired) / (steps * TOPICS as f64);
        out[4] = f64::from(u8::from(state.left));
    }

    fn expected_reward(&self, state: &State, action: Elem<'_, Self>) -> f64 {
        let shares = self.shares(state.mind, action);
        let earned = action.iter().zip(shares).fold(0.0, |sum, (&item, p)| sum + p * f64::from(self.earns(item)));
        f64::from(self.law().comes(state.mind)) * earned
    }

    fn reference(&self, policy: &Reference, state: &State, action: RowMut<'_>) {
        let oracle = self.oracle();
        let lists = if policy.name == "oracle" { &oracle.best } else { &oracle.myopic };
        action.items.copy_from_slice(&lists[state.mind.index()]);
    }

    fn optimum(&self) -> Optimum {
        let oracle = self.oracle();
        let best = from_start(&oracle.value);
        let all: Vec<u32> = (0..self.items()).collect();
        let random = self.value(|mind| {
            let attraction: Vec<f64> = all.iter().map(|&item| self.attraction(mind, item).into()).collect();
            all.iter().copied().zip(slate::random_cascade(&attraction, self.looks_on().into(), self.slots)).collect()
        });
        let largest = oracle.value.iter().fold(0.0, |most, &v| if v > most { v } else { most });
        Optimum {
            lower: best,
            upper: best,
            tolerance: powi64(self.discount, self.horizon) * largest,
            method: "policy iteration over 320 minds with exact best lists",
            random: from_start(&random),
            random_se: 0.0,
            others: vec![("myopic", from_start(&self.lists_value(&oracle.myopic)))],
        }
    }
}

fn topic(item: u32) -> u8 {
    (item as usize % TOPICS) as u8
}

/// The mean over the minds in which an episode starts.
fn from_start(value: &[f64]) -> f64 {
    let starts = Mind::every().filter(|mind| mind.tired == 0 && mind.pleased);
    starts.fold(0.0, |sum, mind| sum + value[mind.index()]) / TOPICS as f64
}

impl Shopper {
    fn items(&self) -> u32 {
        self.grades * TOPICS as u32
    }

    /// The law of minds with the parts that are on.
    #[inline]
    fn law(&self) -> Law {
        let on = |part: bool, p: f32| if part { p } else { 0.0 };
        Law {
            drift: on(self.drift, self.mind.drift),
            wander: on(self.drift, self.mind.wander),
            tiring: on(self.satiation, self.mind.tiring),
            recovery: self.mind.recovery,
            visit: if self.return_time { self.mind.visit } else { [1.0; 2] },
            leave: self.mind.leave.map(|p| on(self.churn, p)),
        }
    }

    /// Probability to look on after a place that is not taken.
    #[inline]
    fn looks_on(&self) -> f32 {
        if self.position_bias { self.patience } else { 1.0 }
    }

    /// Probability that `item` is taken when it is looked at.
    #[inline]
    fn attraction(&self, mind: Mind, item: u32) -> f32 {
        let (topic, grade) = (topic(item), (item as usize / TOPICS) as f32);
        let affinity = if topic == mind.interest { self.affinity } else { 0.0 };
        let satiety = if mind.is_tired(topic) { self.satiety } else { 0.0 };
        let price = if self.price { self.sensitivity * (1.0 + grade) } else { 0.0 };
        sigmoid(self.base + affinity + self.quality * grade - satiety - price)
    }

    /// What `item` earns when it is taken.
    #[inline]
    fn earns(&self, item: u32) -> f32 {
        if self.price { 1.0 + (item as usize / TOPICS) as f32 } else { 1.0 }
    }

    /// Probability that each place of a list is taken on a visit.
    fn shares(&self, mind: Mind, list: &[u32]) -> impl Iterator<Item = f64> {
        let attraction = list.iter().map(move |&item| f64::from(self.attraction(mind, item)));
        choice::cascade_shares(attraction, self.looks_on().into())
    }

    fn moves(&self) -> &Moves {
        self.moves.get(|| Moves::new(&self.law()))
    }

    /// Mean of `value` over the minds that follow.
    fn later(&self, mind: Mind, event: Event, value: &[f64]) -> f64 {
        self.moves().of(mind, event).iter().fold(0.0, |sum, &(next, p)| sum + p * value[next])
    }

    /// The best list for each mind when what follows is worth `value`.
    fn best_lists(&self, value: &[f64]) -> Vec<Vec<u32>> {
        let best = |mind: Mind| {
            let nothing = self.later(mind, Event::Nothing, value);
            let taken: Vec<f64> = (0..TOPICS as u8).map(|topic| self.later(mind, Event::Taken(topic), value)).collect();
            let gain = |item| f64::from(self.earns(item)) + self.discount * (taken[usize::from(topic(item))] - nothing);
            let attraction: Vec<f64> = (0..self.items()).map(|item| self.attraction(mind, item).into()).collect();
            let gains: Vec<f64> = (0..self.items()).map(gain).collect();
            slate::cascade(&attraction, &gains, self.looks_on().into(), self.slots).slate
        };
        Mind::every().map(best).collect()
    }

    /// Value of each mind when on a visit `taken(mind)` says with what probability each item is taken.
    fn value(&self, taken: impl Fn(Mind) -> Vec<(u32, f64)>) -> Vec<f64> {
        let law = self.law();
        let (mut reward, mut next) = (Vec::with_capacity(MINDS), Vec::with_capacity(MINDS));
        for mind in Mind::every() {
            let comes = f64::from(law.comes(mind));
            let (mut earned, mut nothing, mut by_topic) = (0.0, 1.0, [0.0; TOPICS]);
            for (item, p) in taken(mind) {
                earned += p * f64::from(self.earns(item));
                nothing -= p;
                by_topic[usize::from(topic(item))] += p;
            }
            let events = by_topic.iter().enumerate().map(|(topic, &p)| (Event::Taken(topic as u8), comes * p));
            let events = events.chain([(Event::Nothing, comes * nothing), (Event::Away, 1.0 - comes)]);
            let moves = events
                .filter(|&(_, p)| p > 0.0)
                .flat_map(|(event, p)| law.moves(mind, event).into_iter().map(move |(mind, q)| (mind.index(), p * q)));
            reward.push(comes * earned);
            next.push(moves.collect());
        }
        Finite { actions: 1, discount: self.discount, reward, next }.evaluate(|_, _| 1.0)
    }

    /// Value of each mind when each is shown its list.
    fn lists_value(&self, lists: &[Vec<u32>]) -> Vec<f64> {
        self.value(|mind| {
            let list = &lists[mind.index()];
            list.iter().copied().zip(self.shares(mind, list)).collect()
        })
    }

    fn oracle(&self) -> &Oracle {
        self.oracle.get(|| {
            let myopic = self.best_lists(&[0.0; MINDS]);
            let mut best = myopic.clone();
            let mut value = self.lists_value(&best);
            loop {
                let lists = self.best_lists(&value);
                let better = self.lists_value(&lists);
                // Each round improves every mind, up to rounding, until the lists are optimal.
                let gain = better.iter().zip(&value).fold(0.0, |most, (b, v)| if b - v > most { b - v } else { most });
                let scale = better.iter().fold(1.0, |most, &v| if v > most { v } else { most });
                if gain <= 1e-11 * scale {
                    return Oracle { best, value, myopic };
                }
                (best, value) = (lists, better);
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::played::play;

    /// The world with nothing but what `set` switches on again.
    fn bare(set: impl Fn(&mut Shopper)) -> Shopper {
        let mut env = Shopper {
            drift: false,
            satiation: false,
            position_bias: false,
            churn: false,
            return_time: false,
            price: false,
            ..Shopper::default()
        };
        set(&mut env);
        env
    }

    #[test]
    fn optimum_is_the_published_one() {
        let optimum = Shopper::default().optimum();
        let digits = |value: f64| (value * 100.0).round() / 100.0;
        assert_eq!([optimum.lower, optimum.random, optimum.others[0].1].map(digits), [11.3, 5.26, 10.78]);
    }

    /// By hand: three items that are taken with the chances of the best grade, on the topic of interest and two others.
    #[test]
    fn nothing_but_choice_is_a_bandit() {
        let env = Shopper { grades: 1, ..bare(|_| ()) };
        let sigma = |x: f64| 1.0 / (1.0 + crate::math::exp64(-x));
        let missed = (1.0 - sigma(2.0)) * (1.0 - sigma(0.0)) * (1.0 - sigma(0.0));
        assert!((env.optimum().lower - (1.0 - missed) / (1.0 - 0.95)).abs() < 1e-5, "{:?}", env.optimum());
    }

    /// Every ordered list of two out of five as an action of its own.
    #[test]
    fn no_list_is_better_in_any_mind() {
        let env = Shopper { grades: 1, slots: 2, ..Shopper::default() };
        let lists: Vec<[u32; 2]> = (0..5).flat_map(|a| (0..5).filter(move |&b| b != a).map(move |b| [a, b])).collect();
        let law = env.law();
        let (mut reward, mut next) = (Vec::new(), Vec::new());
        for mind in Mind::every() {
            for list in &lists {
                let comes = f64::from(law.comes(mind));
                let first = f64::from(env.attraction(mind, list[0]));
                let second = (1.0 - first) * f64::from(env.patience) * f64::from(env.attraction(mind, list[1]));
                reward.push(comes * (first + second));
                let events = [
                    (Event::Taken(topic(list[0])), comes * first),
                    (Event::Taken(topic(list[1])), comes * second),
                    (Event::Nothing, comes * (1.0 - first - second)),
                    (Event::Away, 1.0 - comes),
                ];
                let moves = |(event, p)| env.moves().of(mind, event).iter().map(move |&(next, q)| (next, p * q));
                next.push(events.into_iter().flat_map(moves).collect());
            }
        }
        let all = Finite { actions: lists.len(), discount: env.discount, reward, next };
        for (found, best) in env.oracle().value.iter().zip(all.solve().value) {
            assert!((found - best).abs() < 1e-9, "{found} {best}");
        }
        let random = from_start(&all.evaluate(|_, _| 1.0 / lists.len() as f64));
        assert!((env.optimum().random - random).abs() < 1e-9, "{random}");
    }

    #[test]
    fn episodes_are_worth_what_the_equations_say() {
        let parts: [fn(&mut Shopper); 6] = [
            |env| env.drift = true,
            |env| env.satiation = true,
            |env| env.position_bias = true,
            |env| env.churn = true,
            |env| env.return_time = true,
            |env| env.price = true,
        ];
        for (env, episodes) in parts.map(|part| (bare(part), 100)).into_iter().chain([(Shopper::default(), 2000)]) {
            let optimum = env.optimum();
            for (policy, value) in [("oracle", optimum.lower), ("random", optimum.random), optimum.others[0]] {
                play(&env, policy, episodes).agrees_with(value, optimum.tolerance);
            }
        }
    }

    /// The place that earned the reward, nothing where a visit earned none, zeros where nobody came.
    #[test]
    fn what_was_taken_is_told() {
        let env = Shopper { churn: false, ..Shopper::default() };
        let items = [0, 6, 12];
        let rng = Rng::new(3, crate::rng::Domain::Evaluation);
        let mut seen = [0; 5];
        for row in 0..200 {
            let mut state = env.reset(&rng.at(row, 0, 0));
            let taken = |state: &State| -> Option<usize> {
                let mut observation = [f32::NAN; 15];
                env.observe(state, &mut observation);
                let taken = &observation[11..];
                assert!(taken.iter().sum::<f32>() <= 1.0 && taken.iter().all(|&seen| seen == 0.0 || seen == 1.0));
                taken.iter().position(|&seen| seen == 1.0)
            };
            assert_eq!(taken(&state), None);
            for step in 1..20 {
                let visits = state.visits;
                let reward = env.step(&mut state, &items, &rng.at(row, 0, step)).reward;
                let place = taken(&state);
                let earned = place.and_then(|place| items.get(place)).map_or(0.0, |&item| env.earns(item));
                assert_eq!((reward, state.visits > visits), (earned, place.is_some()));
                seen[place.unwrap_or(4)] += 1;
            }
        }
        assert!(seen.iter().all(|&times| times > 50), "{seen:?}");
    }

    /// Switching a part off takes its trouble away, or its earnings.
    #[test]
    fn every_part_matters() {
        let whole = Shopper::default().optimum().lower;
        let without = |set: fn(&mut Shopper)| {
            let mut env = Shopper::default();
            set(&mut env);
            env.optimum().lower
        };
        assert!(without(|env| env.satiation = false) > 1.05 * whole);
        assert!(without(|env| env.position_bias = false) > 1.05 * whole);
        assert!(without(|env| env.churn = false) > 1.05 * whole);
        assert!(without(|env| env.return_time = false) > 1.03 * whole);
        assert!((without(|env| env.drift = false) / whole - 1.0).abs() > 0.005);
        assert!((without(|env| env.price = false) / whole - 1.0).abs() > 0.005);
    }

    #[test]
    fn parameters_outside_are_named() {
        let named = |env: Shopper| env.validate().expect_err("not admissible").to_string();
        assert!(named(Shopper { grades: 0, ..Default::default() }).contains("grades"));
        assert!(named(Shopper { slots: 6, ..Default::default() }).contains("slots"));
        assert!(named(Shopper { patience: f32::NAN, ..Default::default() }).contains("patience"));
        let mind = Law { leave: [0.1, 1.5], ..Law::default() };
        assert!(named(Shopper { mind, ..Default::default() }).contains("mind.leave"));
        assert!(named(Shopper { discount: 1.0, ..Default::default() }).contains("discount"));
    }
}
