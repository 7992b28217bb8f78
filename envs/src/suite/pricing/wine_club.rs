//! # A wine club: which bottle to offer next, at what price, to a member whose palate tires
//!
//! At each visit a member is offered one of six bottles at a price: an item and a number in one action. Three styles, a
//! *famous* and an *everyday* bottle of each. The member has a favourite style and likes its bottles more, but a famous
//! one of the favourite style soon tires the palate; another style lets it recover, and sometimes becomes the new
//! favourite. An offer that is refused is a step towards the door. So the price has to buy the next visit, too: who
//! takes the best margin each time asks for too much, tires the member and loses them.
//!
//! State (z, w): favourite style z in 0..3 and weariness w in 0..4. Bottle i has style k = i mod 3 and kind c = famous
//! for i < 3, else everyday.
//!
//! - Utility: u = `quality`_c + `styles`_k + [k = z] (`favourite` − `tiring` · w).
//! - Purchase: probability σ((u − p)/μ), σ the logistic function, p the price, μ the `noise`.
//! - After a purchase: if k = z, w rises by one (at most to 3) with probability `satiation`_c. Otherwise z becomes k and w
//!   becomes 0 with probability `conversion`; failing that, w falls by one (at least to 0) with probability `recovery`.
//!   After a refusal w falls by one with probability `recovery`.
//! - Then the member leaves for good with probability `leaving` (after a purchase, after a refusal).
//! - Best price of bottle i, if a purchase is worth G = γ (E V after it − E V after a refusal) more: with c = `cost`_c − G,
//!   p* = c + μ (1 + W(e^((u − c)/μ − 1))), W Lambert's function, clipped to the interval; the bottle with the highest
//!   value is offered.
//!
//! | | |
//! |---|---|
//! | Action | `Discrete(6)` and `Continuous(1)`: the bottle, and its price in [0, `high`] |
//! | Observation | `favourite`: one-hot z (3 numbers in [0, 1]); `weariness`: one-hot w (4 in [0, 1]) |
//! | Reward | the price less `cost`_c if the bottle is bought, else 0 |
//! | Start | z uniform, w = 0 |
//! | End | terminated when the member leaves; truncated after `horizon` steps |
//! | Discount | `discount` |
//! | Parameters | `quality` of famous and everyday bottles (−10 to 10 each, default 2.2, 1.2), `cost` (0 to 10 each, default 1, 0.4), `styles` (−10 to 10 each, default 0.3, 0.15, 0), `favourite` (0 to 10, default 1), `tiring` (0 to 10, default 0.6), `noise` (0.05 to 5, default 0.4), `satiation` (0 to 1 each, default 0.8, 0.25), `conversion` (0 to 1, default 0.3), `recovery` (0 to 1, default 0.5), `leaving` (0 to 1 each, default 0.02, 0.15), `high` (0.1 to 20, default 4), `discount` (above 0, at most 0.999, default 0.95), `horizon` (1 to 10000, default 200) |
//! | Metrics | `bought`: purchases per visit; `mean_price`: mean of the posted prices; `famous`: share of famous bottles offered; `left`: 1 if the member left before the step limit |
//! | Reference policies | `random`: bottle and price uniform; `myopic`: the bottle and price with the highest profit at once; `best-fixed`: the best single bottle and price; `oracle`: the best offer |
//! | Optimum | exact, 11.98: policy iteration over the 12 states, the price of each bottle in closed form, each policy by linear equations; random 2.12, myopic 10.33, best fixed offer 7.05 |
//! | Learning | needs an agent for pairs of a discrete and a continuous choice; the value of a visit has to be learned before prices can be right |
//! | Source | own design: item and price as one action on a customer whose taste moves, after Jain, Vilcassim, Chintagunta 1994 (loyalty) and `rec/markov-interest-v1` (boredom) |
//!
//! Values are those of endless episodes; the step limit takes less than the tolerance, `discount`^`horizon` times the
//! largest value.
//!
//! History: v1, first version.
use crate::{
    env::{Elem, Env, Field, Optimum, Outcome, Reference},
    error::{Result, between, parameter},
    math::{lambert_w_exp64, powi64, sigmoid, sigmoid64},
    oracle::{Memo, finite::Finite, peak::highest, quadrature::uniform_mean},
    rng::{Purpose, Rng},
    space::{Continuous, Discrete, RowMut, clip},
};
use serde::{Deserialize, Serialize};

const STYLES: usize = 3;
const BOTTLES: usize = 2 * STYLES;
const LEVELS: usize = 4;
const STATES: usize = STYLES * LEVELS;
/// A policy has settled when no state gains more than this share of the largest value.
const SETTLED: f64 = 1e-12;

/// Parameters of the world.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WineClub {
    /// Utility of famous and everyday bottles.
    pub quality: [f32; 2],
    /// Cost of famous and everyday bottles.
    pub cost: [f32; 2],
    /// Utility of each style.
    pub styles: [f32; STYLES],
    /// Utility of the favourite style.
    pub favourite: f32,
    /// Utility of the favourite style lost per level of weariness.
    pub tiring: f32,
    /// How much a member's judgement varies, in units of the price.
    pub noise: f32,
    /// Probability that a famous, an everyday bottle of the favourite style tires.
    pub satiation: [f32; 2],
    /// Probability that a bottle of another style makes that the favourite.
    pub conversion: f32,
    /// Probability that weariness falls.
    pub recovery: f32,
    /// Probability of leaving after a purchase, after a refusal.
    pub leaving: [f32; 2],
    /// Greatest price.
    pub high: f32,
    /// The world's discount.
    pub discount: f64,
    /// The step limit.
    pub horizon: u32,
    #[serde(skip)]
    best: Memo<(Vec<Offer>, Vec<f64>)>,
    #[serde(skip)]
    best_fixed: Memo<(Offer, f64)>,
}

impl Default for WineClub {
    fn default() -> Self {
        WineClub {
            quality: [2.2, 1.2],
            cost: [1.0, 0.4],
            styles: [0.3, 0.15, 0.0],
            favourite: 1.0,
            tiring: 0.6,
            noise: 0.4,
            satiation: [0.8, 0.25],
            conversion: 0.3,
            recovery: 0.5,
            leaving: [0.02, 0.15],
            high: 4.0,
            discount: 0.95,
            horizon: 200,
            best: Memo::default(),
            best_fixed: Memo::default(),
        }
    }
}

/// An episode: the member, and what was offered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    favourite: u8,
    weariness: u8,
    steps: u32,
    bought: u32,
    famous: u32,
    posted: f32,
    left: bool,
}

/// A bottle and its price.
#[derive(Clone, Copy, Debug)]
struct Offer {
    bottle: usize,
    price: f64,
}

impl Env for WineClub {
    type State = State;
    type Action = (Discrete, Continuous<1>);
    const METRICS: &'static [&'static str] = &["bought", "mean_price", "famous", "left"];
    const POLICIES: &'static [&'static str] = &["myopic", "best-fixed", "oracle"];

    fn validate(&self) -> Result<()> {
        self.quality.into_iter().try_for_each(|quality| between("quality", quality, -10.0, 10.0))?;
        self.cost.into_iter().try_for_each(|cost| between("cost", cost, 0.0, 10.0))?;
        self.styles.into_iter().try_for_each(|style| between("styles", style, -10.0, 10.0))?;
        between("favourite", self.favourite, 0.0, 10.0)?;
        between("tiring", self.tiring, 0.0, 10.0)?;
        between("noise", self.noise, 0.05, 5.0)?;
        self.satiation.into_iter().try_for_each(|p| between("satiation", p, 0.0, 1.0))?;
        between("conversion", self.conversion, 0.0, 1.0)?;
        between("recovery", self.recovery, 0.0, 1.0)?;
        self.leaving.into_iter().try_for_each(|p| between("leaving", p, 0.0, 1.0))?;
        between("high", self.high, 0.1, 20.0)?;
        if !(self.discount > 0.0 && self.discount <= 0.999) {
            return Err(parameter("discount", self.discount, "above 0 and at most 0.999"));
        }
        between("horizon", self.horizon, 1, 10_000)
    }

    fn action_space(&self) -> Self::Action {
        (Discrete(BOTTLES as u32), Continuous([[0.0, self.high]]))
    }

    fn observation(&self) -> Vec<Field> {
        let field = |name, len| Field { name, len, low: 0.0, high: 1.0 };
        vec![field("favourite", STYLES), field("weariness", LEVELS)]
    }

    fn horizon(&self) -> u32 {
        self.horizon
    }

    fn discount(&self) -> f64 {
        self.discount
    }

    fn reset(&self, rng: &Rng) -> State {
        let favourite = rng.stream(Purpose::RESET).below(STYLES as u32) as u8;
        State { favourite, weariness: 0, steps: 0, bought: 0, famous: 0, posted: 0.0, left: false }
    }

    #[inline]
    fn step(&self, state: &mut State, (bottle, [price]): Elem<'_, Self>, rng: &Rng) -> Outcome {
        let mut draws = rng.stream(Purpose::STEP);
        let (style, kind) = split(bottle as usize);
        let bought = draws.bernoulli(self.demand(state, bottle as usize, price));
        let (chance, leaves) = (draws.uniform(), draws.bernoulli(self.leaving[usize::from(!bought)]));
        let other = style != usize::from(state.favourite);
        if bought && !other {
            let tired = chance < self.satiation[kind] && usize::from(state.weariness) < LEVELS - 1;
            state.weariness += u8::from(tired);
        } else if bought && chance < self.conversion {
            (state.favourite, state.weariness) = (style as u8, 0);
        } else {
            // Failing the conversion, the rest of the same draw decides on the recovery.
            let past = if bought { self.conversion } else { 0.0 };
            let recovered = chance < past + (1.0 - past) * self.recovery && state.weariness > 0;
            state.weariness -= u8::from(recovered);
        }
        state.steps += 1;
        state.bought += u32::from(bought);
        state.famous += u32::from(kind == 0);
        state.posted += price;
        state.left = leaves;
        Outcome { reward: if bought { price - self.cost[kind] } else { 0.0 }, terminated: leaves }
    }

    #[inline]
    fn observe(&self, state: &State, row: &mut [f32]) {
        row.fill(0.0);
        row[usize::from(state.favourite)] = 1.0;
        row[STYLES + usize::from(state.weariness)] = 1.0;
    }

    fn metrics(&self, state: &State, out: &mut [f64]) {
        let steps = f64::from(state.steps);
        out[0] = f64::from(state.bought) / steps;
        out[1] = f64::from(state.posted) / steps;
        out[2] = f64::from(state.famous) / steps;
        out[3] = f64::from(u8::from(state.left));
    }

    fn expected_reward(&self, state: &State, (bottle, [price]): Elem<'_, Self>) -> f64 {
        let (_, kind) = split(bottle as usize);
        f64::from(price - self.cost[kind]) * f64::from(self.demand(state, bottle as usize, price))
    }

    fn reference(&self, policy: &Reference, state: &State, action: RowMut<'_>) {
        let place = usize::from(state.favourite) * LEVELS + usize::from(state.weariness);
        let offer = match policy.name {
            "oracle" => self.best().0[place],
            "best-fixed" => self.best_fixed().0,
            _ => self.greedy(place, &[0.0; STATES]).0,
        };
        action.items[0] = offer.bottle as u32;
        action.reals[0] = clip(offer.price as f32, [0.0, self.high]);
    }

    fn optimum(&self) -> Optimum {
        let value = &self.best().1;
        let best = from_start(value);
        let myopic: Vec<Offer> = (0..STATES).map(|place| self.greedy(place, &[0.0; STATES]).0).collect();
        let largest = value.iter().fold(0.0, |largest, v| if v.abs() > largest { v.abs() } else { largest });
        Optimum {
            lower: best,
            upper: best,
            // Beyond the step limit, and the rounding of the world.
            tolerance: largest * (powi64(self.discount, self.horizon) + 1e-5),
            method: "policy iteration over the 12 states, prices in closed form",
            random: from_start(&self.random()),
            random_se: 0.0,
            others: vec![("myopic", from_start(&self.evaluate(&myopic))), ("best-fixed", self.best_fixed().1)],
        }
    }
}

/// Style and kind of a bottle; kind 0 is famous, 1 everyday.
#[inline]
fn split(bottle: usize) -> (usize, usize) {
    (bottle % STYLES, bottle / STYLES)
}

/// Mean over the starts.
fn from_start(value: &[f64]) -> f64 {
    (0..STYLES).fold(0.0, |sum, style| sum + value[style * LEVELS]) / STYLES as f64
}

impl WineClub {
    #[inline]
    fn utility(&self, place: [usize; 2], bottle: usize) -> f32 {
        let (style, kind) = split(bottle);
        let liked = if style == place[0] { self.favourite - self.tiring * place[1] as f32 } else { 0.0 };
        self.quality[kind] + self.styles[style] + liked
    }

    /// The probability that the member buys.
    #[inline]
    fn demand(&self, state: &State, bottle: usize, price: f32) -> f32 {
        let place = [usize::from(state.favourite), usize::from(state.weariness)];
        sigmoid((self.utility(place, bottle) - price) / self.noise)
    }

    fn share(&self, place: usize, Offer { bottle, price }: Offer) -> f64 {
        let utility = self.utility([place / LEVELS, place % LEVELS], bottle);
        sigmoid64((f64::from(utility) - price) / f64::from(self.noise))
    }

    /// The states after a purchase (`bought`) or a refusal, with their probabilities; what is missing to 1 leaves.
    fn after(&self, place: usize, bottle: usize, bought: bool) -> Vec<(usize, f64)> {
        let (style, kind) = split(bottle);
        let rested = if !place.is_multiple_of(LEVELS) { place - 1 } else { place };
        let tired = if place % LEVELS + 1 < LEVELS { place + 1 } else { place };
        let stays = 1.0 - f64::from(self.leaving[usize::from(!bought)]);
        let (satiation, conversion) = (f64::from(self.satiation[kind]), f64::from(self.conversion));
        let recovery = f64::from(self.recovery);
        let next = match (bought, style == place / LEVELS) {
            (true, true) => vec![(tired, satiation), (place, 1.0 - satiation)],
            (true, false) => vec![
                (style * LEVELS, conversion),
                (rested, (1.0 - conversion) * recovery),
                (place, (1.0 - conversion) * (1.0 - recovery)),
            ],
            (false, _) => vec![(rested, recovery), (place, 1.0 - recovery)],
        };
        next.into_iter().map(|(next, p)| (next, stays * p)).collect()
    }

    /// Discounted value of what comes after a purchase or a refusal.
    fn later(&self, place: usize, bottle: usize, bought: bool, value: &[f64]) -> f64 {
        let next = self.after(place, bottle, bought).into_iter();
        self.discount * next.fold(0.0, |sum, (next, p)| sum + p * value[next])
    }

    /// Value of an offer when states are worth `value` afterwards.
    fn worth(&self, place: usize, offer: Offer, value: &[f64]) -> f64 {
        let [refused, bought] = [false, true].map(|bought| self.later(place, offer.bottle, bought, value));
        let margin = offer.price - f64::from(self.cost[split(offer.bottle).1]);
        refused + self.share(place, offer) * (margin + bought - refused)
    }

    /// The best offer when states are worth `value` afterwards, and its value.
    fn greedy(&self, place: usize, value: &[f64]) -> (Offer, f64) {
        let mut best: Option<(Offer, f64)> = None;
        for bottle in 0..BOTTLES {
            let gain = self.later(place, bottle, true, value) - self.later(place, bottle, false, value);
            let cost = f64::from(self.cost[split(bottle).1]) - gain;
            let (utility, noise) =
                (f64::from(self.utility([place / LEVELS, place % LEVELS], bottle)), f64::from(self.noise));
            let price = cost + noise * (1.0 + lambert_w_exp64((utility - cost) / noise - 1.0));
            let high = f64::from(self.high);
            let price = if price < 0.0 {
                0.0
            } else if price > high {
                high
            } else {
                price
            };
            let offer = Offer { bottle, price };
            let worth = self.worth(place, offer, value);
            if best.is_none_or(|(_, other)| worth > other) {
                best = Some((offer, worth));
            }
        }
        best.expect("there are bottles")
    }

    /// Exact value of a policy, an offer for each state.
    fn evaluate(&self, policy: &[Offer]) -> Vec<f64> {
        let reward = (0..STATES).map(|place| self.worth(place, policy[place], &[0.0; STATES])).collect();
        let next = (0..STATES).map(|place| self.mixture(place, policy[place].bottle, self.share(place, policy[place])));
        Finite { actions: 1, discount: self.discount, reward, next: next.collect() }.evaluate(|_, _| 1.0)
    }

    /// The states after a bottle that is bought with probability `share`.
    fn mixture(&self, place: usize, bottle: usize, share: f64) -> Vec<(usize, f64)> {
        let weighted = |bought: bool, weight: f64| {
            self.after(place, bottle, bought).into_iter().map(move |(next, p)| (next, weight * p))
        };
        weighted(true, share).chain(weighted(false, 1.0 - share)).collect()
    }

    /// Value of uniformly random bottles and prices.
    fn random(&self) -> Vec<f64> {
        let (mut reward, mut next) = (Vec::new(), Vec::new());
        for (place, bottle) in (0..STATES).flat_map(|place| (0..BOTTLES).map(move |bottle| (place, bottle))) {
            let cost = f64::from(self.cost[split(bottle).1]);
            let sale = |price: f64| {
                let share = self.share(place, Offer { bottle, price });
                [share, share * (price - cost)]
            };
            let [share, profit] = uniform_mean(sale, 0.0, f64::from(self.high));
            reward.push(profit);
            next.push(self.mixture(place, bottle, share));
        }
        Finite { actions: BOTTLES, discount: self.discount, reward, next }.evaluate(|_, _| 1.0 / BOTTLES as f64)
    }

    /// The best offer and value of each state, by policy iteration.
    fn best(&self) -> &(Vec<Offer>, Vec<f64>) {
        self.best.get(|| {
            let mut value = vec![0.0; STATES];
            loop {
                let better: Vec<(Offer, f64)> = (0..STATES).map(|place| self.greedy(place, &value)).collect();
                let policy: Vec<Offer> = better.iter().map(|(offer, _)| *offer).collect();
                let gains = better.iter().zip(&value).map(|((_, worth), value)| (worth - value) / (1.0 + value.abs()));
                if gains.max_by(f64::total_cmp).expect("states") <= SETTLED {
                    return (policy, value);
                }
                value = self.evaluate(&policy);
            }
        })
    }

    /// The best single offer and its value.
    fn best_fixed(&self) -> (Offer, f64) {
        *self.best_fixed.get(|| {
            let value = |bottle, price| from_start(&self.evaluate(&[Offer { bottle, price }; STATES]));
            let peaks = (0..BOTTLES).map(|bottle| {
                let price = highest(|price| value(bottle, price), 0.0, f64::from(self.high));
                (Offer { bottle, price }, value(bottle, price))
            });
            peaks.max_by(|a, b| a.1.total_cmp(&b.1)).expect("there are bottles")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::played::play;

    #[test]
    fn optimum_is_the_published_one() {
        let optimum = WineClub::default().optimum();
        let digits = |value: f64| (value * 100.0).round() / 100.0;
        assert_eq!([optimum.lower, optimum.upper, optimum.random].map(digits), [11.98, 11.98, 2.12]);
        assert_eq!(optimum.others.iter().map(|(_, value)| digits(*value)).collect::<Vec<_>>(), [10.33, 7.05]);
    }

    /// Without the closed form: policy iteration over six bottles and 201 prices each.
    #[test]
    fn no_menu_of_prices_does_better() {
        let env = WineClub::default();
        let (mut reward, mut next) = (Vec::new(), Vec::new());
        for place in 0..STATES {
            for (bottle, step) in (0..BOTTLES).flat_map(|bottle| (0..=200).map(move |step| (bottle, step))) {
                let offer = Offer { bottle, price: 0.02 * f64::from(step) };
                let share = env.share(place, offer);
                reward.push(share * (offer.price - f64::from(env.cost[split(bottle).1])));
                next.push(env.mixture(place, bottle, share));
            }
        }
        let menu = Finite { actions: BOTTLES * 201, discount: env.discount, reward, next }.solve();
        let best = env.best();
        for place in 0..STATES {
            let (exact, grid) = (best.1[place], menu.value[place]);
            assert!(grid <= exact + 1e-9 && exact - grid < 2e-2, "{place}: {exact} {grid}");
        }
    }

    /// The probabilities of the solver are those of the world: shares of what a step brings.
    #[test]
    fn transitions_are_those_of_the_world() {
        use crate::rng::Domain;
        let env = WineClub::default();
        let (place, bottle, episodes) = (6, 0, 40_000);
        let price = 2.5;
        let share = env.share(place, Offer { bottle, price: f64::from(price) });
        let mut counts = [0.0; STATES];
        for row in 0..episodes {
            let mut state = env.reset(&Rng::new(1, Domain::Evaluation));
            (state.favourite, state.weariness) = ((place / LEVELS) as u8, (place % LEVELS) as u8);
            let outcome =
                env.step(&mut state, (bottle as u32, [price]), &Rng::new(2, Domain::Evaluation).at(row, 0, 0));
            if !outcome.terminated {
                counts[usize::from(state.favourite) * LEVELS + usize::from(state.weariness)] += 1.0;
            }
        }
        let mut expected = [0.0; STATES];
        env.mixture(place, bottle, share).into_iter().for_each(|(next, p)| expected[next] += p);
        for (count, p) in counts.into_iter().zip(expected) {
            let n = f64::from(episodes);
            assert!((count / n - p).abs() <= 5.0 * (p * (1.0 - p) / n).sqrt(), "{} {p}", count / n);
        }
    }

    #[test]
    fn episodes_are_worth_what_the_equations_say() {
        let picky = WineClub { conversion: 0.8, leaving: [0.05, 0.3], high: 2.0, ..WineClub::default() };
        for env in [WineClub::default(), picky] {
            let optimum = env.optimum();
            let anchors = [("oracle", optimum.lower), ("random", optimum.random)];
            for (policy, value) in optimum.others.iter().copied().chain(anchors) {
                play(&env, policy, 3000).agrees_with(value, optimum.tolerance);
            }
        }
    }

    #[test]
    fn parameters_outside_are_named() {
        let named = |env: WineClub| env.validate().expect_err("not admissible").to_string();
        assert!(named(WineClub { quality: [11.0, 0.0], ..WineClub::default() }).contains("quality"));
        assert!(named(WineClub { cost: [-1.0, 0.0], ..WineClub::default() }).contains("cost"));
        assert!(named(WineClub { noise: 0.0, ..WineClub::default() }).contains("noise"));
        assert!(named(WineClub { satiation: [1.5, 0.0], ..WineClub::default() }).contains("satiation"));
        assert!(named(WineClub { leaving: [0.0, f32::NAN], ..WineClub::default() }).contains("leaving"));
        assert!(named(WineClub { high: 0.0, ..WineClub::default() }).contains("high"));
        assert!(named(WineClub { discount: 1.0, ..WineClub::default() }).contains("discount"));
        assert!(named(WineClub { horizon: 0, ..WineClub::default() }).contains("horizon"));
    }
}
