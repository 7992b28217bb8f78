//! # A reader whose interest drifts and who gets bored of bait
//!
//! One reader, ten items on five topics. Items 0–4 are *bait*: much clicked, but the reader is soon tired of their
//! topic. Items 5–9 are *wholesome*: clicked less, tiring less. A bored reader clicks less and is more likely to leave.
//! Showing another topic lets the reader recover, and sometimes wins them over to it. Taking the likeliest click each
//! time is worse than choosing at random: it bores the reader, who leaves after about nine steps.
//!
//! State (z, h): interest z in 0..5 and boredom h in 0..4. Item i has topic k = i mod 5 and kind c = bait for i < 5,
//! else wholesome; q, s, g, β, δ stand for `quality`, `satiation`, `topics`, `boredom`, `departure` of the parameter
//! `user`.
//!
//! - Click: probability q_c · g_z · β_h if k = z, else q_c · g_k · `off_topic`.
//! - Then, independently of the click: if k = z, h rises by one (at most to 3) with probability s_c. Otherwise, with
//!   probability `switch`, z becomes k and h becomes 0; failing that, h falls by one (at least to 0) with probability
//!   `recovery`.
//! - Then the reader leaves with probability δ of the new h.
//!
//! | | |
//! |---|---|
//! | Action | `Discrete(10)`: the item shown |
//! | Observation, `observation = "full"` | `interest`: one-hot z (5 numbers in [0, 1]); `boredom`: one-hot h (4 in [0, 1]) |
//! | Observation, `observation = "hidden"` | `last_item`: one-hot (10 in [0, 1], zeros at first); `last_click`: 1 if it was clicked (1 in [0, 1]) |
//! | Reward | 1 for a click, else 0 |
//! | Start | z uniform, h = 0 |
//! | End | terminated when the reader leaves; truncated after `horizon` steps |
//! | Discount | `discount` |
//! | Parameters | `observation` (`full` or `hidden`, default full), `discount` (above 0, at most 0.999, default 0.95), `horizon` (1 to 10000, default 200), `user`, a table: `quality` (bait, wholesome: default 1, 0.7), `satiation` (0.9, 0.3), `topics` (1, 0.9, 0.8, 0.7, 0.6), `boredom` (0.9, 0.6, 0.3, 0.1), `departure` (0.01, 0.03, 0.08, 0.2), `off_topic` (0.15), `switch` (0.2), `recovery` (0.8), every number in [0, 1] |
//! | Metrics | `click_rate`: clicks per step; `bait_rate`: share of steps that showed bait; `left`: 1 if the reader left before the step limit |
//! | Reference policies | `random`; `myopic`: the likeliest click in the true state; `cycle`: the best cycle of at most four items, played without looking; `oracle`: optimal in the true state |
//! | Optimum, full | exact, 7.10 from the start: policy iteration over the 20 states, each policy by linear equations; random 3.08, myopic 2.58, cycle 5.07. Values are those of endless episodes; the step limit takes less than the tolerance, `discount`^`horizon` times the largest value |
//! | Optimum, hidden | bounds [5.25, 5.66] from trial-based search over beliefs (`oracle::partial`): the upper holds for any agent, however long its memory; `oracle` reads what no agent sees and lies above, 7.10 |
//! | Learning | full: easy, 20 states, but an agent that discounts too much learns to bait; hidden: hard, the interest has to be inferred from more than the last click |
//! | Source | own design: a small Markov relative of RecSim's interest evolution and long-term satisfaction (Ie et al. 2019) |
//!
//! History: v1, first version.
use crate::{
    env::{Elem, Env, Field, Optimum, Outcome, Reference},
    error::{Result, parameter},
    oracle::{
        Memo,
        finite::{Finite, Solution},
        partial::{Bounds, Partial},
    },
    rng::{Purpose, Rng, Stream},
    space::{Discrete, RowMut},
};
use serde::{Deserialize, Serialize};

/// Number of items: one bait and one wholesome on each topic.
pub const ITEMS: usize = 2 * TOPICS;
const TOPICS: usize = 5;
const LEVELS: usize = 4;
/// Effort of the search for hidden bounds: ten times as much moves them by less than 0.02.
const IMPROVEMENTS: usize = 200;
const REHEARSALS: usize = 16;
/// Longest cycle of items that is searched.
const LONGEST_CYCLE: usize = 4;

/// How a reader reacts: the law of motion of this world and of its matrix view.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct User {
    /// Click factor of bait and of wholesome items.
    pub quality: [f32; 2],
    /// Probability that an item on the topic of interest bores, bait and wholesome.
    pub satiation: [f32; 2],
    /// Click factor of each topic.
    pub topics: [f32; TOPICS],
    /// Click factor of each level of boredom.
    pub boredom: [f32; LEVELS],
    /// Probability of leaving at each level of boredom.
    pub departure: [f32; LEVELS],
    /// Click factor of items beside the interest.
    pub off_topic: f32,
    /// Probability that an item beside the interest becomes the interest.
    pub switch: f32,
    /// Probability that one that does not lowers the boredom.
    pub recovery: f32,
}

impl Default for User {
    fn default() -> Self {
        User {
            quality: [1.0, 0.7],
            satiation: [0.9, 0.3],
            topics: [1.0, 0.9, 0.8, 0.7, 0.6],
            boredom: [0.9, 0.6, 0.3, 0.1],
            departure: [0.01, 0.03, 0.08, 0.2],
            off_topic: 0.15,
            switch: 0.2,
            recovery: 0.8,
        }
    }
}

/// What goes on in the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mind {
    /// The topic of interest.
    pub interest: u8,
    /// The level of boredom.
    pub boredom: u8,
}

impl Mind {
    /// The index of this state in the reader's decision problem.
    pub fn index(self) -> usize {
        LEVELS * usize::from(self.interest) + usize::from(self.boredom)
    }

    fn every() -> impl Iterator<Item = Mind> {
        (0..TOPICS as u8).flat_map(|interest| (0..LEVELS as u8).map(move |boredom| Mind { interest, boredom }))
    }
}

/// What a reader did with an item.
#[derive(Clone, Copy, Debug)]
pub struct Reaction {
    /// Clicked it.
    pub clicked: bool,
    /// Left for good afterwards.
    pub left: bool,
}

impl User {
    /// Checks that every number is a probability or a factor in [0, 1].
    ///
    /// # Errors
    /// Names the number.
    pub fn validate(&self) -> Result<()> {
        let groups: [(&str, &[f32]); 8] = [
            ("user.quality", &self.quality),
            ("user.satiation", &self.satiation),
            ("user.topics", &self.topics),
            ("user.boredom", &self.boredom),
            ("user.departure", &self.departure),
            ("user.off_topic", &[self.off_topic]),
            ("user.switch", &[self.switch]),
            ("user.recovery", &[self.recovery]),
        ];
        for (name, values) in groups {
            if let Some(value) = values.iter().find(|value| !(0.0..=1.0).contains(*value)) {
                return Err(parameter(name, value, "between 0 and 1"));
            }
        }
        Ok(())
    }

    /// A reader who has just come.
    pub fn arrive(&self, draws: &mut Stream) -> Mind {
        Mind { interest: draws.below(TOPICS as u32) as u8, boredom: 0 }
    }

    /// Probability that `item` is clicked.
    #[inline]
    pub fn click(&self, mind: Mind, item: u32) -> f32 {
        let topic = item as usize % TOPICS;
        let quality = self.quality[kind(item)];
        if topic == usize::from(mind.interest) {
            quality * self.topics[topic] * self.boredom[usize::from(mind.boredom)]
        } else {
            quality * self.topics[topic] * self.off_topic
        }
    }

    /// Shows `item`.
    #[inline]
    pub fn show(&self, mind: &mut Mind, item: u32, draws: &mut Stream) -> Reaction {
        let clicked = draws.bernoulli(self.click(*mind, item));
        let topic = (item as usize % TOPICS) as u8;
        if topic == mind.interest {
            let bored = draws.bernoulli(self.satiation[kind(item)]);
            mind.boredom += u8::from(bored && mind.boredom + 1 < LEVELS as u8);
        } else if draws.bernoulli(self.switch) {
            *mind = Mind { interest: topic, boredom: 0 };
        } else if draws.bernoulli(self.recovery) {
            mind.boredom = mind.boredom.saturating_sub(1);
        }
        Reaction { clicked, left: draws.bernoulli(self.departure[usize::from(mind.boredom)]) }
    }

    /// The item that the reader is likeliest to click.
    pub fn likeliest(&self, mind: Mind) -> usize {
        (1..ITEMS).fold(
            0,
            |best, item| {
                if self.click(mind, item as u32) > self.click(mind, best as u32) { item } else { best }
            },
        )
    }

    /// The decision problem of who sees the reader's mind.
    pub fn seen(&self, discount: f64) -> Finite {
        let (mut reward, mut next) = (Vec::new(), Vec::new());
        for mind in Mind::every() {
            for item in 0..ITEMS as u32 {
                reward.push(f64::from(self.click(mind, item)));
                let stays = |mind: Mind| 1.0 - f64::from(self.departure[usize::from(mind.boredom)]);
                let moves = self.moves(mind, item);
                next.push(moves.map(|(mind, p)| (mind.index(), p * stays(mind))).to_vec());
            }
        }
        Finite { actions: ITEMS, discount, reward, next }
    }

    /// The decision problem of who sees only the clicks: observation 1 is a click.
    pub fn hidden(&self, discount: f64) -> Partial {
        let hidden = self.seen(discount);
        let seen = hidden.reward.iter().flat_map(|click| [1.0 - click, *click]).collect();
        Partial { seen, hidden, observations: 2, start: Self::start() }
    }

    /// Probability of each state at the start.
    pub fn start() -> Vec<f64> {
        Mind::every().map(|mind| if mind.boredom == 0 { 1.0 / TOPICS as f64 } else { 0.0 }).collect()
    }

    /// Where the mind goes from here, before the reader leaves or stays.
    fn moves(&self, mind: Mind, item: u32) -> [(Mind, f64); 3] {
        let topic = (item as usize % TOPICS) as u8;
        if topic == mind.interest {
            let bored = f64::from(self.satiation[kind(item)]);
            let more = if mind.boredom + 1 < LEVELS as u8 { mind.boredom + 1 } else { mind.boredom };
            return [(Mind { boredom: more, ..mind }, bored), (mind, 1.0 - bored), (mind, 0.0)];
        }
        let (switch, recovery) = (f64::from(self.switch), f64::from(self.recovery));
        let less = Mind { boredom: mind.boredom.saturating_sub(1), ..mind };
        let won = Mind { interest: topic, boredom: 0 };
        [(won, switch), (less, (1.0 - switch) * recovery), (mind, (1.0 - switch) * (1.0 - recovery))]
    }
}

fn kind(item: u32) -> usize {
    usize::from(item as usize >= TOPICS)
}

/// What is known about the best ways to treat a reader, each computed when first asked for.
#[derive(Clone, Debug, Default)]
pub struct Oracles {
    solution: Memo<Solution>,
    bounds: Memo<Bounds>,
    cycle: Memo<(Vec<usize>, f64)>,
}

impl Oracles {
    /// The optimum of who sees the mind.
    pub fn solution(&self, user: &User, discount: f64) -> &Solution {
        self.solution.get(|| user.seen(discount).solve())
    }
    /// Bounds for who sees only the clicks.
    pub fn bounds(&self, user: &User, discount: f64) -> &Bounds {
        self.bounds.get(|| user.hidden(discount).bounds(IMPROVEMENTS, REHEARSALS))
    }
    /// The best short cycle of items and its value.
    pub fn cycle(&self, user: &User, discount: f64) -> &(Vec<usize>, f64) {
        self.cycle.get(|| user.hidden(discount).best_cycle(LONGEST_CYCLE))
    }
}

/// The mean over the states in which an episode starts.
pub fn from_start(value: &[f64]) -> f64 {
    User::start().iter().zip(value).fold(0.0, |sum, (p, value)| sum + p * value)
}

/// What the agent sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Observation {
    /// Interest and boredom.
    Full,
    /// The last item and whether it was clicked.
    Hidden,
}

/// Parameters of the world.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MarkovInterest {
    /// What the agent sees.
    pub observation: Observation,
    /// The world's discount.
    pub discount: f64,
    /// The step limit.
    pub horizon: u32,
    /// How readers react.
    pub user: User,
    #[serde(skip)]
    oracles: Oracles,
}

impl Default for MarkovInterest {
    fn default() -> Self {
        MarkovInterest {
            observation: Observation::Full,
            discount: 0.95,
            horizon: 200,
            user: User::default(),
            oracles: Oracles::default(),
        }
    }
}

/// An episode: the reader and what was seen of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    mind: Mind,
    steps: u32,
    clicks: u32,
    bait: u32,
    last_item: u32,
    last_click: bool,
    left: bool,
}

impl Env for MarkovInterest {
    type State = State;
    type Action = Discrete;
    const METRICS: &'static [&'static str] = &["click_rate", "bait_rate", "left"];
    const POLICIES: &'static [&'static str] = &["myopic", "cycle", "oracle"];

    fn validate(&self) -> Result<()> {
        if !(self.discount > 0.0 && self.discount <= 0.999) {
            return Err(parameter("discount", self.discount, "above 0 and at most 0.999"));
        }
        if !(1..=10_000).contains(&self.horizon) {
            return Err(parameter("horizon", self.horizon, "between 1 and 10000"));
        }
        self.user.validate()
    }

    fn action_space(&self) -> Discrete {
        Discrete(ITEMS as u32)
    }

    fn observation(&self) -> Vec<Field> {
        let field = |name, len| Field { name, len, low: 0.0, high: 1.0 };
        match self.observation {
            Observation::Full => vec![field("interest", TOPICS), field("boredom", LEVELS)],
            Observation::Hidden => vec![field("last_item", ITEMS), field("last_click", 1)],
        }
    }

    fn horizon(&self) -> u32 {
        self.horizon
    }

    fn discount(&self) -> f64 {
        self.discount
    }

    fn reset(&self, rng: &Rng) -> State {
        let mind = self.user.arrive(&mut rng.stream(Purpose::RESET));
        State { mind, steps: 0, clicks: 0, bait: 0, last_item: 0, last_click: false, left: false }
    }

    #[inline]
    fn step(&self, state: &mut State, action: Elem<'_, Self>, rng: &Rng) -> Outcome {
        let reaction = self.user.show(&mut state.mind, action, &mut rng.stream(Purpose::STEP));
        state.steps += 1;
        state.clicks += u32::from(reaction.clicked);
        state.bait += u32::from(kind(action) == 0);
        (state.last_item, state.last_click, state.left) = (action, reaction.clicked, reaction.left);
        Outcome { reward: f32::from(u8::from(reaction.clicked)), terminated: reaction.left }
    }

    #[inline]
    fn observe(&self, state: &State, row: &mut [f32]) {
        row.fill(0.0);
        match self.observation {
            Observation::Full => {
                row[usize::from(state.mind.interest)] = 1.0;
                row[TOPICS + usize::from(state.mind.boredom)] = 1.0;
            }
            Observation::Hidden if state.steps == 0 => {}
            Observation::Hidden => {
                row[state.last_item as usize] = 1.0;
                row[ITEMS] = f32::from(u8::from(state.last_click));
            }
        }
    }

    fn metrics(&self, state: &State, out: &mut [f64]) {
        let steps = f64::from(state.steps);
        out[0] = f64::from(state.clicks) / steps;
        out[1] = f64::from(state.bait) / steps;
        out[2] = f64::from(u8::from(state.left));
    }

    fn expected_reward(&self, state: &State, action: Elem<'_, Self>) -> f64 {
        f64::from(self.user.click(state.mind, action))
    }

    fn reference(&self, policy: &Reference, state: &State, action: RowMut<'_>) {
        action.items[0] = match policy.name {
            "oracle" => self.oracles.solution(&self.user, self.discount).policy[state.mind.index()],
            "cycle" => {
                let (cycle, _) = self.oracles.cycle(&self.user, self.discount);
                cycle[state.steps as usize % cycle.len()]
            }
            _ => self.user.likeliest(state.mind),
        } as u32;
    }

    fn optimum(&self) -> Optimum {
        let seen = self.user.seen(self.discount);
        let solution = self.oracles.solution(&self.user, self.discount);
        let oracle = from_start(&solution.value);
        let likeliest: Vec<usize> = Mind::every().map(|mind| self.user.likeliest(mind)).collect();
        let myopic = seen.evaluate(|state, item| if likeliest[state] == item { 1.0 } else { 0.0 });
        let cycle = self.oracles.cycle(&self.user, self.discount).1;
        let mut others = vec![("myopic", from_start(&myopic)), ("cycle", cycle)];
        let (lower, upper, method) = match self.observation {
            Observation::Full => (oracle, oracle, "policy iteration over the 20 states"),
            Observation::Hidden => {
                others.push(("oracle", oracle));
                let bounds = self.oracles.bounds(&self.user, self.discount);
                (bounds.lower, bounds.upper, "trial-based search over beliefs")
            }
        };
        Optimum {
            lower,
            upper,
            tolerance: beyond(&solution.value, self.discount, self.horizon),
            method,
            random: from_start(&seen.evaluate(|_, _| 1.0 / ITEMS as f64)),
            random_se: 0.0,
            others,
        }
    }
}

/// The most that the step limit can take from the value of an endless episode.
pub fn beyond(value: &[f64], discount: f64, horizon: u32) -> f64 {
    let largest = value.iter().fold(0.0, |largest, &v| if v > largest { v } else { largest });
    crate::math::powi64(discount, horizon) * largest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::played::play;

    fn hidden() -> MarkovInterest {
        MarkovInterest { observation: Observation::Hidden, ..MarkovInterest::default() }
    }

    #[test]
    fn optimum_is_the_published_one() {
        let optimum = MarkovInterest::default().optimum();
        let digits = |value: f64| (value * 100.0).round() / 100.0;
        assert_eq!([optimum.lower, optimum.upper, optimum.random].map(digits), [7.10, 7.10, 3.08]);
        assert_eq!(optimum.others.iter().map(|(_, value)| digits(*value)).collect::<Vec<_>>(), [2.58, 5.07]);
        let hidden = hidden().optimum();
        assert_eq!([hidden.lower, hidden.upper].map(digits), [5.25, 5.66]);
    }

    /// Bellman's equation holds at every state, for the best of the actions and no other.
    #[test]
    fn optimum_solves_bellmans_equation() {
        let seen = User::default().seen(0.95);
        let Solution { policy, value } = seen.solve();
        for state in 0..seen.states() {
            let best = (0..ITEMS).map(|item| seen.action_value(state, item, &value)).max_by(f64::total_cmp);
            let best = best.expect("ten items");
            assert!((value[state] - best).abs() < 1e-9, "state {state}: {} {best}", value[state]);
            assert!((seen.action_value(state, policy[state], &value) - best).abs() < 1e-9);
        }
    }

    /// The equations on the page, tabulated, against what `show` does.
    #[test]
    fn the_problem_is_the_one_that_is_played() {
        let user = User::default();
        let seen = user.seen(1.0);
        let n = 20_000;
        let rng = Rng::new(5, crate::rng::Domain::Evaluation);
        for (mind, item) in [(Mind { interest: 2, boredom: 3 }, 7), (Mind { interest: 2, boredom: 2 }, 3)] {
            let mut counts = vec![0u32; seen.states()];
            for row in 0..n {
                let mut after = mind;
                if !user.show(&mut after, item, &mut rng.at(row, item, 0).stream(Purpose::STEP)).left {
                    counts[after.index()] += 1;
                }
            }
            for (state, &count) in counts.iter().enumerate() {
                let moves = &seen.next[mind.index() * ITEMS + item as usize];
                let p: f64 = moves.iter().filter(|(next, _)| *next == state).map(|(_, p)| p).sum();
                let se = (p * (1.0 - p) / f64::from(n)).sqrt();
                assert!((f64::from(count) / f64::from(n) - p).abs() <= 4.0 * se, "{mind:?} {item} to {state}: {count}");
            }
        }
    }

    #[test]
    fn episodes_are_worth_what_the_equations_say() {
        let env = MarkovInterest::default();
        let optimum = env.optimum();
        for (policy, value) in
            optimum.others.iter().copied().chain([("oracle", optimum.lower), ("random", optimum.random)])
        {
            play(&env, policy, 3000).agrees_with(value, optimum.tolerance);
        }
        play(&hidden(), "cycle", 1000).agrees_with(optimum.others[1].1, optimum.tolerance);
    }

    /// The story: who takes the likeliest click drives readers away after nine steps.
    #[test]
    fn greed_bores_the_reader() {
        let played = play(&MarkovInterest::default(), "myopic", 2000);
        assert!((8.0..10.0).contains(&played.length), "{played:?}");
        let [click_rate, bait_rate, left] = played.metrics[..] else { panic!("three metrics") };
        assert!(click_rate > 0.3 && bait_rate > 0.9 && left > 0.99, "{played:?}");
    }

    #[test]
    fn hidden_bounds_lie_between_the_best_cycle_and_full_sight() {
        let optimum = hidden().optimum();
        let value = |name| optimum.others.iter().find(|(other, _)| *other == name).expect("published").1;
        assert!(value("cycle") < optimum.lower && optimum.upper < value("oracle"), "{optimum:?}");
    }

    #[test]
    fn parameters_outside_are_named() {
        let named = |env: MarkovInterest| env.validate().expect_err("not admissible").to_string();
        assert!(named(MarkovInterest { discount: 1.0, ..MarkovInterest::default() }).contains("discount"));
        assert!(named(MarkovInterest { horizon: 0, ..MarkovInterest::default() }).contains("horizon"));
        let user = User { topics: [1.0, 0.9, f32::NAN, 0.7, 0.6], ..User::default() };
        assert!(named(MarkovInterest { user, ..MarkovInterest::default() }).contains("user.topics"));
    }
}
