//! # AuctionGym's auctions, as they are: advertisers who shade their bids
//!
//! A port of AuctionGym (Jeunen, Murphy, Allison 2022) with one slot and advertisers that know their click rates. You are
//! advertiser 0 of `num_agents`; each round is an auction of `participants` advertisers, you and others chosen at random.
//! You decide what share of an impression's expected value to bid.
//!
//! - Catalogue: each advertiser has 12 advertisements with vectors e normal (0, 1) in 5 dimensions, intercepts
//!   b = −3 − uniform(0, 1), and values of a click v, ln v normal (0.1, 0.2).
//! - Round: context x normal (0, 1) in 5 dimensions; click rates c = σ(x·e + b), σ the logistic function. Everybody offers
//!   the advertisement with the largest c·v. The others bid c·v times normal (`shade`, `shade_sd`), clipped to [0, 1].
//! - The highest bid wins, ties to you and then to the earlier drawn, and pays itself (`first-price`) or the second
//!   highest (`second-price`). The winner's advertisement is clicked with probability c and then earns v.
//!
//! Kept from the original: what its configurations call the variance of the vectors is the standard deviation; the comment
//! on the intercepts, −4.5 to −1.5, is not what it does. There all advertisers are chosen alike; here the rounds are those in which you take part, which have the same
//! statistics because advertisers are alike. Every episode draws its own catalogue.
//!
//! | | |
//! |---|---|
//! | Action | `Continuous(1)`: your shade, in [0, 1]: your bid is that share of c·v |
//! | Observation | `context`: x (5 numbers in [−7, 7]); of your advertisement `ctr`: c (in [0, 1]) and `value`: v (in [0, 4]); of the last round `won`, `clicked` (in [0, 1]) and `price`: what the winner paid (in [0, 4]) |
//! | Reward | what the click earned less the price, if you won, else 0 |
//! | Start | a catalogue and a round; no last round, zeros |
//! | End | truncated after `rounds` steps |
//! | Discount | 0: no step changes the next |
//! | Parameters | `mechanism` (`first-price` or `second-price`, default second-price), `participants` (2 to 8, at most `num_agents`, default 2), `num_agents` (2 to 100, default 6), `shade` (0 to 1, default 1) and `shade_sd` (0 to 1, default 0): the others' and the policy `shaded`'s, `rounds` (1 to 100000, default 100) |
//! | Metrics | per round, over all who take part: `revenue`: the price; `gross`: the clicked value; `net`: gross less revenue; `winner_ctr`, `winner_value`: of the winner's advertisement; `mean_bid`; `expected_welfare`: the winner's c·v; `overbid_regret`: price less second bid; `underbid_regret`: of the losers whose c·v exceeds the price, price less bid |
//! | Reference policies | `random`; `truthful`: shade 1; `shaded`: by `shade` and `shade_sd`, as the others; `fixed-S`: shade S; `oracle`: knows the other bids, wins where it pays and, at first price, just so |
//! | Optimum | per round, by simulation. Second price: truthful bids are optimal (Vickrey 1961), 0.148 by default. First price: upper, one who knows the other bids, 0.148 if they are truthful; lower, the best of the shades 0.1, 0.2, …, 0.9, all the time, 0.073. `tolerance` is four standard errors |
//! | Learning | first price: between the bounds lies what can be learned about the others |
//! | Source | Jeunen, Murphy, Allison 2022, "Learning to bid with AuctionGym"; the equations are those of its code |
//!
//! History: v0, a port of AuctionGym of September 2024; versions of `compat/` follow the original.
use crate::{
    env::{Elem, Env, Field, Optimum, Outcome, Reference},
    error::{Result, between},
    math::sigmoid,
    oracle::{
        Memo,
        simulated::{Estimate, simulated},
    },
    rng::{Purpose, Rng, Stream},
    space::{Continuous, RowMut, clip},
};
use serde::{Deserialize, Serialize};

const DIMS: usize = 5;
const ITEMS: usize = 12;
const MOST_PARTICIPANTS: usize = 8;
/// Above every value: e^(0.1 + 0.2 · 6.4).
const MOST_VALUE: f32 = 4.0;
/// Above every coordinate of a context.
const MOST_CONTEXT: f32 = 7.0;
const EPISODES: u32 = 50_000;
const ROUNDS: u32 = 5;

/// What the winner pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mechanism {
    /// Their own bid.
    FirstPrice,
    /// The second highest bid.
    SecondPrice,
}

/// Parameters of the world.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuctionGym {
    /// What the winner pays.
    pub mechanism: Mechanism,
    /// Bidders in a round.
    pub participants: u32,
    /// Advertisers.
    pub num_agents: u32,
    /// Mean share of the expected value that the others bid.
    pub shade: f32,
    /// Its standard deviation.
    pub shade_sd: f32,
    /// The step limit.
    pub rounds: u32,
    #[serde(skip)]
    optimum: Memo<Optimum>,
}

impl Default for AuctionGym {
    fn default() -> Self {
        AuctionGym {
            mechanism: Mechanism::SecondPrice,
            participants: 2,
            num_agents: 6,
            shade: 1.0,
            shade_sd: 0.0,
            rounds: 100,
            optimum: Memo::default(),
        }
    }
}

/// An advertiser's advertisements, each number of all of them side by side.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Catalogue {
    vectors: [[f32; ITEMS]; DIMS],
    intercepts: [f32; ITEMS],
    values: [f32; ITEMS],
}

/// What somebody offers in a round.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Offer {
    ctr: f32,
    value: f32,
    shade: f32,
}

impl Offer {
    #[inline]
    fn worth(&self) -> f32 {
        self.ctr * self.value
    }
    #[inline]
    fn bid(&self) -> f32 {
        self.worth() * self.shade
    }
}

/// An episode: the catalogues, the round that is open, and what came of those before.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    catalogues: Vec<Catalogue>,
    order: Vec<u32>,
    context: [f32; DIMS],
    offers: [Offer; MOST_PARTICIPANTS],
    won: bool,
    clicked: bool,
    price: f32,
    rounds: u32,
    totals: [f64; 9],
}

impl Catalogue {
    /// What is offered at `context`: the first of the largest c·v. Everything is worked out for all advertisements side by
    /// side before the largest is looked for.
    #[inline]
    fn offer(&self, context: &[f32; DIMS]) -> Offer {
        let mut scores = [0.0; ITEMS];
        for (coordinates, x) in self.vectors.iter().zip(context) {
            scores.iter_mut().zip(coordinates).for_each(|(score, e)| *score += e * x);
        }
        scores.iter_mut().zip(&self.intercepts).for_each(|(score, intercept)| *score += intercept);
        let rates = click_rates(&scores);
        let mut best = Offer::default();
        for (ctr, value) in rates.into_iter().zip(self.values) {
            if ctr * value > best.worth() {
                best = Offer { ctr, value, shade: 0.0 };
            }
        }
        best
    }
}

/// A function of its own, because the compiler makes no vectors of it within a larger one.
#[inline(never)]
fn click_rates(scores: &[f32; ITEMS]) -> [f32; ITEMS] {
    scores.map(sigmoid)
}

/// Who won a round, and what for.
struct Settled {
    winner: usize,
    price: f32,
    second: f32,
}

impl Env for AuctionGym {
    type State = State;
    type Action = Continuous<1>;
    const METRICS: &'static [&'static str] = &[
        "revenue",
        "net",
        "gross",
        "winner_ctr",
        "winner_value",
        "mean_bid",
        "expected_welfare",
        "overbid_regret",
        "underbid_regret",
    ];
    const POLICIES: &'static [&'static str] = &["truthful", "shaded", "fixed-S", "oracle"];

    fn validate(&self) -> Result<()> {
        between("num_agents", self.num_agents, 2, 100)?;
        between("participants", self.participants, 2, self.num_agents.min(MOST_PARTICIPANTS as u32))?;
        between("shade", self.shade, 0.0, 1.0)?;
        between("shade_sd", self.shade_sd, 0.0, 1.0)?;
        between("rounds", self.rounds, 1, 100_000)
    }

    fn action_space(&self) -> Continuous<1> {
        Continuous([[0.0, 1.0]])
    }

    fn observation(&self) -> Vec<Field> {
        let field = |name, len, low, high| Field { name, len, low, high };
        vec![
            field("context", DIMS, -MOST_CONTEXT, MOST_CONTEXT),
            field("ctr", 1, 0.0, 1.0),
            field("value", 1, 0.0, MOST_VALUE),
            field("won", 1, 0.0, 1.0),
            field("clicked", 1, 0.0, 1.0),
            field("price", 1, 0.0, MOST_VALUE),
        ]
    }

    fn horizon(&self) -> u32 {
        self.rounds
    }

    fn discount(&self) -> f64 {
        0.0
    }

    fn reset(&self, rng: &Rng) -> State {
        let mut state = State {
            catalogues: vec![Catalogue::default(); self.num_agents as usize],
            order: vec![0; self.num_agents as usize],
            context: [0.0; DIMS],
            offers: [Offer::default(); MOST_PARTICIPANTS],
            won: false,
            clicked: false,
            price: 0.0,
            rounds: 0,
            totals: [0.0; 9],
        };
        self.restart(&mut state, rng);
        state
    }

    fn restart(&self, state: &mut State, rng: &Rng) {
        let mut draws = rng.stream(Purpose::RESET);
        for catalogue in &mut state.catalogues {
            for item in 0..ITEMS {
                catalogue.vectors.iter_mut().for_each(|coordinates| coordinates[item] = draws.normal());
                catalogue.values[item] = draws.log_normal(0.1, 0.2);
                catalogue.intercepts[item] = -3.0 - draws.uniform();
            }
        }
        state.order.iter_mut().zip(0..).for_each(|(place, agent)| *place = agent);
        (state.won, state.clicked, state.price) = (false, false, 0.0);
        (state.rounds, state.totals) = (0, [0.0; 9]);
        self.open(state, &mut draws);
    }

    #[inline]
    fn step(&self, state: &mut State, [shade]: Elem<'_, Self>, rng: &Rng) -> Outcome {
        let mut draws = rng.stream(Purpose::STEP);
        state.offers[0].shade = shade;
        let offers = &state.offers[..self.participants as usize];
        let Settled { winner, price, second } = self.settle(offers);
        let won = offers[winner];
        state.clicked = draws.bernoulli(won.ctr);
        let gross = if state.clicked { won.value } else { 0.0 };
        let (mut bids, mut underbid) = (0.0, 0.0);
        for (i, offer) in offers.iter().enumerate() {
            bids += offer.bid();
            if i != winner && price < offer.worth() {
                underbid += price - offer.bid();
            }
        }
        let round = [
            price,
            gross - price,
            gross,
            won.ctr,
            won.value,
            bids / offers.len() as f32,
            won.worth(),
            price - second,
            underbid,
        ];
        state.totals.iter_mut().zip(round).for_each(|(total, value)| *total += f64::from(value));
        state.rounds += 1;
        (state.won, state.price) = (winner == 0, price);
        state.clicked &= state.won;
        self.open(state, &mut draws);
        Outcome { reward: if winner == 0 { gross - price } else { 0.0 }, terminated: false }
    }

    #[inline]
    fn observe(&self, state: &State, row: &mut [f32]) {
        let (context, rest) = row.split_at_mut(DIMS);
        context.copy_from_slice(&state.context);
        let flag = |yes: bool| f32::from(u8::from(yes));
        let Offer { ctr, value, .. } = state.offers[0];
        rest.copy_from_slice(&[ctr, value, flag(state.won), flag(state.clicked), state.price]);
    }

    fn metrics(&self, state: &State, out: &mut [f64]) {
        out.iter_mut().zip(state.totals).for_each(|(out, total)| *out = total / f64::from(state.rounds));
    }

    fn expected_reward(&self, state: &State, [shade]: Elem<'_, Self>) -> f64 {
        let mut offers = state.offers;
        offers[0].shade = shade;
        let Settled { winner, price, .. } = self.settle(&offers[..self.participants as usize]);
        if winner == 0 { f64::from(offers[0].worth()) - f64::from(price) } else { 0.0 }
    }

    fn reference(&self, policy: &Reference, state: &State, action: RowMut<'_>) {
        action.reals[0] = match policy.name {
            "truthful" => 1.0,
            "shaded" => state.offers[0].shade,
            "fixed-S" => within(policy.value.unwrap_or(1.0)),
            _ => self.clairvoyant(state),
        };
    }

    fn optimum(&self) -> Optimum {
        self.optimum.get(|| self.compute_optimum()).clone()
    }
}

impl AuctionGym {
    /// Opens a round: a context, who takes part, what they offer, and what shade they draw, you too.
    fn open(&self, state: &mut State, draws: &mut Stream) {
        state.context = std::array::from_fn(|_| draws.normal());
        // The others of this round are shuffled to the places after yours.
        for place in 1..self.participants {
            let other = place + draws.below(self.num_agents - place);
            state.order.swap(place as usize, other as usize);
        }
        for place in 0..self.participants as usize {
            let mut best = state.catalogues[state.order[place] as usize].offer(&state.context);
            best.shade = within(self.shade + draws.normal_times(self.shade_sd));
            state.offers[place] = best;
        }
    }

    fn settle(&self, offers: &[Offer]) -> Settled {
        let (mut winner, mut first, mut second) = (0, offers[0].bid(), 0.0);
        for (i, offer) in offers.iter().enumerate().skip(1) {
            let bid = offer.bid();
            if bid > first {
                (winner, second, first) = (i, first, bid);
            } else if bid > second {
                second = bid;
            }
        }
        let price = if self.mechanism == Mechanism::FirstPrice { first } else { second };
        Settled { winner, price, second }
    }

    /// The share that just wins, if winning pays.
    fn clairvoyant(&self, state: &State) -> f32 {
        let others = state.offers[1..self.participants as usize].iter();
        let highest = others.fold(0.0, |highest, offer| if offer.bid() > highest { offer.bid() } else { highest });
        let worth = state.offers[0].worth();
        // A little more than the other bid, so that rounding does not lose the round.
        let enough = highest / worth * 1.000_001;
        if enough < 1.0 { enough } else { 0.0 }
    }

    fn compute_optimum(&self) -> Optimum {
        // Rounds are alike, so that many catalogues for a few rounds tell more than few for many.
        let brief = AuctionGym { rounds: ROUNDS, ..self.clone() };
        let value = |name, value| simulated(&brief, &Reference { name, value }, EPISODES);
        let random = value(Reference::RANDOM, None);
        let upper = value("oracle", None);
        let (lower, others, method) = match self.mechanism {
            Mechanism::SecondPrice => {
                let truthful = value("truthful", None);
                (truthful, vec![("truthful", truthful.mean)], "truthful bids are optimal; their value by simulation")
            }
            Mechanism::FirstPrice => {
                let shades = (1..10u8).map(|i| value("fixed-S", Some(0.1 * f32::from(i))));
                let best = |a: Estimate, b: Estimate| if b.mean > a.mean { b } else { a };
                let best = shades.reduce(best).unwrap_or(random);
                (best, vec![("truthful", 0.0)], "one who knows the other bids, and the best share; by simulation")
            }
        };
        let exact = self.mechanism == Mechanism::SecondPrice;
        Optimum {
            lower: lower.mean,
            upper: if exact { lower.mean } else { upper.mean },
            tolerance: 4.0 * upper.se,
            method,
            random: random.mean,
            random_se: random.se,
            others,
        }
    }
}

#[inline]
fn within(shade: f32) -> f32 {
    clip(shade, [0.0, 1.0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::played::play;

    fn first_price() -> AuctionGym {
        AuctionGym { mechanism: Mechanism::FirstPrice, shade: 0.7, shade_sd: 0.02, ..AuctionGym::default() }
    }

    /// By hand: worths 0.5 and 0.3; the second price is the other's bid, the first your own.
    #[test]
    fn prices_are_the_bids_that_they_should_be() {
        let offer = |ctr, shade| Offer { ctr, value: 1.0, shade };
        for (mechanism, shade, winner, price) in [
            (Mechanism::SecondPrice, 1.0, 0, 0.3),
            (Mechanism::FirstPrice, 0.8, 0, 0.4),
            (Mechanism::SecondPrice, 0.5, 1, 0.25),
            (Mechanism::FirstPrice, 0.5, 1, 0.3),
        ] {
            let env = AuctionGym { mechanism, ..AuctionGym::default() };
            let settled = env.settle(&[offer(0.5, shade), offer(0.3, 1.0)]);
            assert_eq!((settled.winner, settled.price), (winner, price));
        }
    }

    /// Only who won can have been clicked; then the reward is the value, if it was, less the price.
    #[test]
    fn a_click_is_ones_own_after_a_win_only() {
        let env = AuctionGym::default();
        let address = Rng::new(1, crate::rng::Domain::Evaluation);
        let mut state = env.reset(&address);
        let mut seen = [0; 3];
        for step in 0..600 {
            let value = state.offers[0].value;
            let shade = if step % 2 == 0 { 1.0 } else { 0.6 };
            let Outcome { reward, .. } = env.step(&mut state, [shade], &address.at(0, 0, step));
            let expected = match (state.won, state.clicked) {
                (true, true) => value - state.price,
                (true, false) => -state.price,
                (false, _) => 0.0,
            };
            assert_eq!(reward, expected, "step {step}");
            assert!(state.won || !state.clicked, "step {step}: somebody else was clicked");
            seen[if state.clicked { 2 } else { usize::from(state.won) }] += 1;
        }
        assert!(seen.iter().all(|&times| times > 20), "{seen:?}");
    }

    /// Knowing the other bids is worth nothing at second price and all the difference at first price.
    #[test]
    fn truth_is_optimal_at_second_price_only() {
        let env = AuctionGym { rounds: 20, ..AuctionGym::default() };
        let value = |env: &AuctionGym, name| simulated(env, &Reference { name, value: None }, 300).mean;
        let (truthful, oracle) = (value(&env, "truthful"), value(&env, "oracle"));
        assert!((truthful - oracle).abs() < 1e-5 * oracle, "{truthful} {oracle}");
        let optimum = AuctionGym { rounds: 20, ..first_price() }.optimum();
        assert!(0.0 < optimum.lower && optimum.lower < optimum.upper && optimum.random < optimum.lower, "{optimum:?}");
    }

    /// All alike and truthful: what the winner nets at second price is shared among the participants.
    #[test]
    fn everybody_earns_the_same() {
        let env = AuctionGym { participants: 3, rounds: 20, ..AuctionGym::default() };
        let played = play(&env, "truthful", 4000);
        assert!((3.0 * played.value / played.metrics[1] - 1.0).abs() < 0.1, "{played:?}");
    }

    #[test]
    fn parameters_outside_are_named() {
        let named = |env: AuctionGym| env.validate().expect_err("not admissible").to_string();
        assert!(named(AuctionGym { num_agents: 1, ..AuctionGym::default() }).contains("num_agents"));
        assert!(named(AuctionGym { participants: 7, ..AuctionGym::default() }).contains("participants"));
        assert!(named(AuctionGym { shade: 1.5, ..AuctionGym::default() }).contains("shade"));
        assert!(named(AuctionGym { shade_sd: f32::NAN, ..AuctionGym::default() }).contains("shade_sd"));
        assert!(named(AuctionGym { rounds: 0, ..AuctionGym::default() }).contains("rounds"));
    }
}
