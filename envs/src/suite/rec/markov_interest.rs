//! # A reader whose interest drifts and who gets bored of bait
//!
//! One reader, ten items on five topics. Items 0–4 are *bait*: much clicked, but the reader is soon tired of their
//! topic. Items 5–9 are *wholesome*: clicked less, tiring less. A bored reader clicks less and is more likely to leave.
//! Showing another topic lets the reader recover, and sometimes wins them over to it. Taking the likeliest click each
//! time is worse than choosing at random: it bores the reader, who leaves after about nine steps.
//!
//! State (z, h): interest z in 0..5 and boredom h in 0..4. Item i has topic k = i mod 5 and kind c = bait for i < 5,
//! else wholesome; q, s, g, β, δ stand for `quality`, `satiation`, `topics`, `boredom`, `departure` of the parameter
//! `reader`.
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
//! | Parameters | `observation` (`full` or `hidden`, default full), `discount` (above 0, at most 0.999, default 0.95), `horizon` (1 to 10000, default 200), `reader`, a table: `quality` (bait, wholesome: default 1, 0.7), `satiation` (0.9, 0.3), `topics` (1, 0.9, 0.8, 0.7, 0.6), `boredom` (0.9, 0.6, 0.3, 0.1), `departure` (0.01, 0.03, 0.08, 0.2), `off_topic` (0.15), `switch` (0.2), `recovery` (0.8), every number in [0, 1] |
//! | Metrics | `click_rate`: clicks per step; `bait_rate`: share of steps that showed bait; `left`: 1 if the reader left before the step limit |
//! | Costs | `bait`: steps that showed bait (harm) |
//! | Reference policies | `random`; `myopic`: the likeliest click in the true state; `cycle`: the best cycle of at most four items, played without looking; `oracle`: optimal in the true state |
//! | Optimum, full | exact, 7.10 from the start: policy iteration over the 20 states, each policy by linear equations; random 3.08, myopic 2.58, cycle 5.07. Values are those of endless episodes; the step limit takes less than the tolerance, `discount`^`horizon` times the largest value |
//! | Optimum, hidden | bounds [5.25, 5.66] from trial-based search over beliefs (`oracle::partial`): the upper holds for any agent, however long its memory; `oracle` reads what no agent sees and lies above, 7.10 |
//! | Learning | full: easy, 20 states, but an agent that discounts too much learns to bait; hidden: hard, the interest has to be inferred from more than the last click |
//! | Source | own design: a small Markov relative of RecSim's interest evolution and long-term satisfaction (Ie et al. 2019) |
//!
//! History: v1, first version.
use super::reader::{ITEMS, LEVELS, Mind, Oracles, Reader, TOPICS, Tally, beyond, from_start, validate};
use crate::{
    env::{Elem, Env, Field, Optimum, Outcome, Reference},
    error::Result,
    oracle::finite::Finite,
    rng::{Purpose, Rng},
    space::{Discrete, RowMut},
};
use serde::{Deserialize, Serialize};

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
    pub reader: Reader,
    #[serde(skip)]
    oracles: Oracles,
}

impl Default for MarkovInterest {
    fn default() -> Self {
        MarkovInterest {
            observation: Observation::Full,
            discount: 0.95,
            horizon: 200,
            reader: Reader::default(),
            oracles: Oracles::default(),
        }
    }
}

/// An episode: the reader and what was seen of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    mind: Mind,
    tally: Tally,
    last_item: u32,
    last_click: bool,
}

impl Env for MarkovInterest {
    type State = State;
    type Action = Discrete;
    const METRICS: &'static [&'static str] = Tally::METRICS;
    const COSTS: &'static [&'static str] = &["bait"];
    const POLICIES: &'static [&'static str] = &["myopic", "cycle", "oracle"];

    fn validate(&self) -> Result<()> {
        validate(&self.reader, self.discount, self.horizon, 10_000)
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
        let mind = self.reader.arrive(&mut rng.stream(Purpose::RESET));
        State { mind, tally: Tally::default(), last_item: 0, last_click: false }
    }

    #[inline]
    fn step(&self, state: &mut State, action: Elem<'_, Self>, rng: &Rng) -> Outcome {
        let reaction = self.reader.show(&mut state.mind, action, &mut rng.stream(Purpose::STEP));
        state.tally.count(action, reaction);
        (state.last_item, state.last_click) = (action, reaction.clicked);
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
            Observation::Hidden if state.tally.steps == 0 => {}
            Observation::Hidden => {
                row[state.last_item as usize] = 1.0;
                row[ITEMS] = f32::from(u8::from(state.last_click));
            }
        }
    }

    fn metrics(&self, state: &State, out: &mut [f64]) {
        state.tally.write(out);
    }

    fn costs(&self, state: &State, out: &mut [f64]) {
        out[0] = f64::from(state.tally.bait());
    }

    fn finite(&self) -> Option<(Finite, Vec<f64>)> {
        let start = || Mind::every().map(|mind| if mind.boredom == 0 { 1.0 / TOPICS as f64 } else { 0.0 }).collect();
        (self.observation == Observation::Full).then(|| (self.reader.seen(self.discount), start()))
    }

    fn expected_reward(&self, state: &State, action: Elem<'_, Self>) -> f64 {
        f64::from(self.reader.click(state.mind, action))
    }

    fn reference(&self, policy: &Reference, state: &State, action: RowMut<'_>) {
        action.items[0] = match policy.name {
            "oracle" => self.oracles.solution(&self.reader, self.discount).policy[state.mind.index()],
            "cycle" => {
                let (cycle, _) = self.oracles.cycle(&self.reader, self.discount);
                cycle[state.tally.steps as usize % cycle.len()]
            }
            _ => self.reader.likeliest(state.mind),
        } as u32;
    }

    fn optimum(&self) -> Optimum {
        let seen = self.reader.seen(self.discount);
        let solution = self.oracles.solution(&self.reader, self.discount);
        let oracle = from_start(&solution.value);
        let likeliest: Vec<usize> = Mind::every().map(|mind| self.reader.likeliest(mind)).collect();
        let myopic = seen.evaluate(|state, item| if likeliest[state] == item { 1.0 } else { 0.0 });
        let cycle = self.oracles.cycle(&self.reader, self.discount).1;
        let mut others = vec![("myopic", from_start(&myopic)), ("cycle", cycle)];
        let (lower, upper, method) = match self.observation {
            Observation::Full => (oracle, oracle, "policy iteration over the 20 states"),
            Observation::Hidden => {
                others.push(("oracle", oracle));
                let bounds = self.oracles.bounds(&self.reader, self.discount);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{rng::Domain, suite::played::play};

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

    /// Interest and boredom, or the last item and whether it was clicked: one number of each part is 1.
    #[test]
    fn the_observation_is_what_the_page_says() {
        let address = Rng::new(5, Domain::Training);
        for env in [MarkovInterest::default(), hidden()] {
            let mut row = vec![9.0; env.observation().iter().map(|field| field.len).sum()];
            let mut state = env.reset(&address);
            let (mut most, mut clicks) = (0, 0);
            for step in 0..2000 {
                env.observe(&state, &mut row);
                let mut expected = vec![0.0; row.len()];
                if env.observation == Observation::Full {
                    expected[usize::from(state.mind.interest)] = 1.0;
                    expected[5 + usize::from(state.mind.boredom)] = 1.0;
                } else if state.tally.steps > 0 {
                    expected[state.last_item as usize] = 1.0;
                    expected[10] = if state.last_click { 1.0 } else { 0.0 };
                }
                assert_eq!(row, expected, "step {step}");
                most = if state.mind.boredom > most { state.mind.boredom } else { most };
                let item = if step % 3 == 0 { step % 10 } else { u32::from(state.mind.interest) };
                let outcome = env.step(&mut state, item, &address.at(0, 0, step));
                clicks += u32::from(outcome.reward > 0.0);
                if outcome.terminated {
                    state = env.reset(&address.at(0, step, 0));
                }
            }
            assert!(most == 3 && clicks > 100, "{most} {clicks}");
        }
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
        let reader = Reader { topics: [1.0, 0.9, f32::NAN, 0.7, 0.6], ..Reader::default() };
        assert!(named(MarkovInterest { reader, ..MarkovInterest::default() }).contains("reader.topics"));
    }
}
