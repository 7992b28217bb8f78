//! # A fair share for the smaller provider: the best policy under an exposure constraint, and its price
//!
//! The reader of `rec/markov-interest-v1`. The items of topics `provider` and above belong to a provider who is promised
//! a share of the exposure: of all discounted steps, at least `share` must show one of its items. Its topics are clicked
//! less, so fairness costs clicks; how much is known exactly.
//!
//! Among all policies that keep the promise the best one shows a mixture in a single state and has a multiplier m, the
//! price of one discounted step of exposure. With `reward = "priced"` the reward is click + m · ([item of the provider]
//! − `share`): no policy earns more than the constrained optimum, and who earns as much and keeps the promise is optimal.
//! So an ordinary agent can be scored, and one that learns a multiplier has m to compare with.
//!
//! | | |
//! |---|---|
//! | Action | `Discrete(10)`: the item shown |
//! | Observation | `interest`: one-hot z (5 numbers in [0, 1]); `boredom`: one-hot h (4 in [0, 1]) |
//! | Reward, `reward = "priced"` | 1 for a click, plus m (1 − `share`) for an item of the provider, minus m · `share` for another |
//! | Reward, `reward = "clicks"` | 1 for a click, for agents that keep the constraint themselves; who breaks it can earn more than the optimum |
//! | Start | z uniform, h = 0 |
//! | End | terminated when the reader leaves; truncated after `horizon` steps |
//! | Discount | `discount` |
//! | Parameters | `reward` (`priced` or `clicks`, default priced), `share` (0 to 1, default 0.5), `provider` (1 to 4, default 3), `discount` (above 0, at most 0.999, default 0.95), `horizon` (1 to 10000, default 200), `reader`: the table of `rec/markov-interest-v1` |
//! | Metrics | `click_rate`: clicks per step; `bait_rate`: share of steps that showed bait; `left`: 1 if the reader left before the step limit; `clicks`: discounted clicks; `exposure`: discounted steps; `provider_exposure`: discounted steps that showed the provider. The share that the constraint is about is the ratio of the means of the last two; `parity_gap`: the largest less the smallest share of a topic in the episode's steps |
//! | Costs | `others`: steps that showed an item of another provider (exposure) |
//! | Reference policies | `random`; `myopic`: the largest expected reward now; `unconstrained`: best for clicks alone; `oracle`: the constrained optimum, which draws lots in one state |
//! | Optimum | exact, 6.50 discounted clicks at half of the exposure, against 7.10 without the promise: a price of fairness of 8.5 %, with m = 0.126. The linear program over occupancies, solved by exchanging policies at the price where they are worth the same (`oracle::constrained`). Random 2.89, myopic 2.44, unconstrained 6.30. Values are those of endless episodes; the step limit takes less than the tolerance |
//! | Learning | as `rec/markov-interest-v1` with a priced reward; with clicks it takes a method for constraints, such as a multiplier that is learnt: `lagrangian` with `cost_signal = "others"` and `cost_shown = true`, docs/constraints.md |
//! | Source | Altman 1999, "Constrained Markov decision processes"; Singh, Joachims 2018, "Fairness of exposure in rankings" |
//!
//! History: v1, first version.
use super::reader::{ITEMS, LEVELS, Mind, Oracles, Reader, TOPICS, Tally, beyond, from_start, validate};
use crate::{
    env::{Elem, Env, Field, Optimum, Outcome, Reference},
    error::{Result, between},
    oracle::{Memo, constrained::Constrained, finite::Finite},
    rng::{Purpose, Rng},
    space::{Discrete, RowMut},
};
use serde::{Deserialize, Serialize};

/// What the agent earns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reward {
    /// Clicks and the price of exposure.
    Priced,
    /// Clicks alone.
    Clicks,
}

/// Parameters of the world.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FairInterest {
    /// What the agent earns.
    pub reward: Reward,
    /// The provider's share of the discounted exposure, at least.
    pub share: f64,
    /// The first topic of the provider.
    pub provider: u32,
    /// The world's discount.
    pub discount: f64,
    /// The step limit.
    pub horizon: u32,
    /// How readers react.
    pub reader: Reader,
    #[serde(skip)]
    oracles: Oracles,
    #[serde(skip)]
    fair: Memo<Constrained>,
}

impl Default for FairInterest {
    fn default() -> Self {
        FairInterest {
            reward: Reward::Priced,
            share: 0.5,
            provider: 3,
            discount: 0.95,
            horizon: 200,
            reader: Reader::default(),
            oracles: Oracles::default(),
            fair: Memo::default(),
        }
    }
}

/// An episode: the reader, what was shown, and lots for policies that mix.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    mind: Mind,
    tally: Tally,
    /// Uniform on [0, 1), drawn anew for each step.
    lot: f32,
    /// Weight of the next step.
    weight: f64,
    clicks: f64,
    exposure: f64,
    provider_exposure: f64,
    topics: [u32; TOPICS],
}

impl Env for FairInterest {
    type State = State;
    type Action = Discrete;
    const METRICS: &'static [&'static str] =
        &["click_rate", "bait_rate", "left", "clicks", "exposure", "provider_exposure", "parity_gap"];
    const COSTS: &'static [&'static str] = &["others"];
    const POLICIES: &'static [&'static str] = &["myopic", "unconstrained", "oracle"];

    fn validate(&self) -> Result<()> {
        between("share", self.share, 0.0, 1.0)?;
        between("provider", self.provider, 1, TOPICS as u32 - 1)?;
        validate(&self.reader, self.discount, self.horizon, 10_000)
    }

    fn action_space(&self) -> Discrete {
        Discrete(ITEMS as u32)
    }

    fn observation(&self) -> Vec<Field> {
        let field = |name, len| Field { name, len, low: 0.0, high: 1.0 };
        vec![field("interest", TOPICS), field("boredom", LEVELS)]
    }

    fn horizon(&self) -> u32 {
        self.horizon
    }

    fn discount(&self) -> f64 {
        self.discount
    }

    fn reset(&self, rng: &Rng) -> State {
        let mut draws = rng.stream(Purpose::RESET);
        State {
            mind: self.reader.arrive(&mut draws),
            tally: Tally::default(),
            lot: draws.uniform(),
            weight: 1.0,
            clicks: 0.0,
            exposure: 0.0,
            provider_exposure: 0.0,
            topics: [0; TOPICS],
        }
    }

    #[inline]
    fn step(&self, state: &mut State, action: Elem<'_, Self>, rng: &Rng) -> Outcome {
        let mut draws = rng.stream(Purpose::STEP);
        let reaction = self.reader.show(&mut state.mind, action, &mut draws);
        state.lot = draws.uniform();
        let click = f32::from(u8::from(reaction.clicked));
        state.tally.count(action, reaction);
        state.clicks += state.weight * f64::from(click);
        state.exposure += state.weight;
        if self.is_provider(action) {
            state.provider_exposure += state.weight;
        }
        state.topics[action as usize % TOPICS] += 1;
        state.weight *= self.discount;
        Outcome { reward: click + self.price(action) as f32, terminated: reaction.left }
    }

    #[inline]
    fn observe(&self, state: &State, row: &mut [f32]) {
        row.fill(0.0);
        row[usize::from(state.mind.interest)] = 1.0;
        row[TOPICS + usize::from(state.mind.boredom)] = 1.0;
    }

    fn metrics(&self, state: &State, out: &mut [f64]) {
        state.tally.write(out);
        out[3] = state.clicks;
        out[4] = state.exposure;
        out[5] = state.provider_exposure;
        let (least, most) = state.topics.iter().fold((u32::MAX, 0), |(least, most), &n| (least.min(n), most.max(n)));
        out[6] = f64::from(most - least) / f64::from(state.tally.steps);
    }

    fn costs(&self, state: &State, out: &mut [f64]) {
        let others = state.topics[..self.provider as usize].iter().sum::<u32>();
        out[0] = f64::from(others);
    }

    fn expected_reward(&self, state: &State, action: Elem<'_, Self>) -> f64 {
        self.mean(state.mind, action)
    }

    fn reference(&self, policy: &Reference, state: &State, action: RowMut<'_>) {
        let index = state.mind.index();
        action.items[0] = match policy.name {
            "oracle" => {
                let chances = &self.fair().policy[index * ITEMS..][..ITEMS];
                let last = chances.iter().rposition(|&p| p > 0.0).expect("some item is shown");
                let mut sum = 0.0;
                let drawn = chances.iter().position(|&p| {
                    sum += p;
                    f64::from(state.lot) < sum
                });
                drawn.unwrap_or(last)
            }
            "unconstrained" => self.oracles.solution(&self.reader, self.discount).policy[index],
            _ => self.myopic(state.mind),
        } as u32;
    }

    fn optimum(&self) -> Optimum {
        let earning = self.earning();
        let value = |chosen: &[usize]| {
            from_start(&earning.evaluate(|state, item| if chosen[state] == item { 1.0 } else { 0.0 }))
        };
        let myopic: Vec<usize> = Mind::every().map(|mind| self.myopic(mind)).collect();
        let solution = self.oracles.solution(&self.reader, self.discount);
        let best = self.fair().value;
        Optimum {
            lower: best,
            upper: best,
            // The price is added in f32.
            tolerance: beyond(&solution.value, self.discount, self.horizon) + 1e-5,
            method: "constrained optimum by exchanging policies",
            random: from_start(&earning.evaluate(|_, _| 1.0 / ITEMS as f64)),
            random_se: 0.0,
            others: vec![("myopic", value(&myopic)), ("unconstrained", value(&solution.policy))],
        }
    }
}

impl FairInterest {
    /// Which part of the value of unconstrained clicks the promise costs.
    pub fn price_of_fairness(&self) -> f64 {
        1.0 - self.fair().value / from_start(&self.oracles.solution(&self.reader, self.discount).value)
    }

    fn is_provider(&self, item: u32) -> bool {
        item % TOPICS as u32 >= self.provider
    }

    /// What showing `item` adds to the constraint's slack.
    fn slack(&self, item: u32) -> f64 {
        if self.is_provider(item) { 1.0 - self.share } else { -self.share }
    }

    /// What is paid for showing `item`, beside the click.
    fn price(&self, item: u32) -> f64 {
        match self.reward {
            Reward::Priced => self.fair().multiplier * self.slack(item),
            Reward::Clicks => 0.0,
        }
    }

    /// Expected reward.
    fn mean(&self, mind: Mind, item: u32) -> f64 {
        f64::from(self.reader.click(mind, item)) + self.price(item)
    }

    /// The item with the largest expected reward now.
    fn myopic(&self, mind: Mind) -> usize {
        let mean = |item: usize| self.mean(mind, item as u32);
        (1..ITEMS).fold(0, |best, item| if mean(item) > mean(best) { item } else { best })
    }

    /// The decision problem with the rewards that the agent gets.
    fn earning(&self) -> Finite {
        let mut problem = self.reader.seen(self.discount);
        for (row, reward) in problem.reward.iter_mut().enumerate() {
            *reward += self.price((row % ITEMS) as u32);
        }
        problem
    }

    /// The constrained optimum for clicks.
    fn fair(&self) -> &Constrained {
        self.fair.get(|| {
            let problem = self.reader.seen(self.discount);
            let slack: Vec<f64> = (0..problem.reward.len()).map(|row| self.slack((row % ITEMS) as u32)).collect();
            Constrained::solve(&problem, &Reader::start(), &slack).expect("to show only the provider keeps the promise")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::played::play;

    #[test]
    fn optimum_is_the_published_one() {
        let env = FairInterest::default();
        let optimum = env.optimum();
        let digits = |value: f64| (value * 100.0).round() / 100.0;
        assert_eq!([optimum.lower, optimum.random].map(digits), [6.5, 2.89]);
        assert_eq!(optimum.others.iter().map(|(_, value)| digits(*value)).collect::<Vec<_>>(), [2.44, 6.3]);
        assert_eq!((env.price_of_fairness() * 1000.0).round(), 85.0);
        assert_eq!((env.fair().multiplier * 1e4).round(), 1260.0);
    }

    /// The dual: for every price of exposure, the best priced policy is a bound, and the best price closes the gap.
    #[test]
    fn no_price_gives_a_lower_bound() {
        for share in [0.3, 0.5, 0.8, 1.0] {
            let env = FairInterest { share, ..FairInterest::default() };
            let fair = env.fair();
            let bound = |price: f64| {
                let mut problem = env.reader.seen(env.discount);
                problem
                    .reward
                    .iter_mut()
                    .enumerate()
                    .for_each(|(row, r)| *r += price * env.slack((row % ITEMS) as u32));
                from_start(&problem.solve().value)
            };
            let bounds = (0..20).map(|i| bound(0.02 * f64::from(i)));
            assert!(bounds.fold(f64::INFINITY, |least, b| if b < least { b } else { least }) >= fair.value - 1e-9);
            assert!((bound(fair.multiplier) - fair.value).abs() < 1e-9, "{share}: {}", fair.value);
        }
    }

    /// The policy keeps the promise exactly, is worth what is said, and mixes in one state.
    #[test]
    fn the_promise_is_kept_by_mixing_in_one_state() {
        let env = FairInterest::default();
        let (fair, problem) = (env.fair(), env.reader.seen(env.discount));
        let occupancy = problem.occupancy(&Reader::start(), |state, item| fair.policy[state * ITEMS + item]);
        let shown = |item: usize| occupancy.iter().skip(item).step_by(ITEMS).sum::<f64>();
        let provider: f64 = (0..ITEMS).filter(|&item| env.is_provider(item as u32)).map(shown).sum();
        assert!((provider / occupancy.iter().sum::<f64>() - env.share).abs() < 1e-10);
        let value: f64 = occupancy.iter().zip(&problem.reward).map(|(x, r)| x * r).sum();
        assert!((value - fair.value).abs() < 1e-10);
        let mixing = fair.policy.chunks(ITEMS).filter(|row| row.iter().filter(|&&p| p > 1e-9).count() > 1).count();
        assert_eq!(mixing, 1);
    }

    /// Exposure and clicks of step t weigh γ^t; a reader who is shown bait of another provider gives this one nothing.
    #[test]
    fn exposure_is_discounted() {
        let env = FairInterest::default();
        let address = Rng::new(1, crate::rng::Domain::Training);
        let mut state = env.reset(&address);
        let (mut exposure, mut provider, mut clicks, mut weight) = (0.0, 0.0, 0.0, 1.0);
        for step in 0..40 {
            let item = step % ITEMS as u32;
            let clicked = env.step(&mut state, item, &address.at(0, 0, step)).reward - env.price(item) as f32;
            exposure += weight;
            provider += if env.is_provider(item) { weight } else { 0.0 };
            clicks += weight * f64::from(clicked.round());
            weight *= env.discount;
        }
        let mut metrics = [0.0; 7];
        env.metrics(&state, &mut metrics);
        for (found, expected) in metrics[3..6].iter().zip([clicks, exposure, provider]) {
            assert!((found - expected).abs() < 1e-9 && expected > 0.0, "{metrics:?} {expected}");
        }
    }

    #[test]
    fn a_promise_that_is_kept_anyway_costs_nothing() {
        let env = FairInterest { share: 0.0, ..FairInterest::default() };
        assert_eq!((env.fair().multiplier, env.price_of_fairness().abs() < 1e-12), (0.0, true));
    }

    #[test]
    fn episodes_are_worth_what_the_equations_say() {
        for reward in [Reward::Priced, Reward::Clicks] {
            let env = FairInterest { reward, ..FairInterest::default() };
            let optimum = env.optimum();
            let anchors = [("oracle", optimum.lower), ("random", optimum.random)];
            for (policy, value) in optimum.others.iter().copied().chain(anchors) {
                let played = play(&env, policy, 3000);
                played.agrees_with(value, optimum.tolerance);
                if policy == "oracle" {
                    let share = played.metrics[5] / played.metrics[4];
                    assert!((share - env.share).abs() < 0.02, "{share}");
                }
            }
        }
    }

    #[test]
    fn parameters_outside_are_named() {
        let named = |env: FairInterest| env.validate().expect_err("not admissible").to_string();
        assert!(named(FairInterest { share: 1.1, ..Default::default() }).contains("share"));
        assert!(named(FairInterest { provider: 5, ..Default::default() }).contains("provider"));
        assert!(named(FairInterest { discount: 1.0, ..Default::default() }).contains("discount"));
        let reader = Reader { switch: -0.1, ..Reader::default() };
        assert!(named(FairInterest { reader, ..Default::default() }).contains("reader.switch"));
    }
}
