//! # Firms that set prices against each other: do learning algorithms collude?
//!
//! Equal firms set prices at the same time, again and again, for customers with logit demand. In competition each asks
//! for the price from which nobody gains by moving; as one they would ask for more. Algorithms that learn against each
//! other may end in between; the profit gain Δ says where: 0 is competition, 1 is collusion.
//!
//! - Profit of firm i: (p_i − c) e^((a − p_i)/μ) / (Σ_j e^((a − p_j)/μ) + e^(a_0/μ)), the market of
//!   [`market`](super::market).
//! - Competitive price: p = c + μ/(1 − q(p)), q the share of a firm when all ask for p. Collusive price:
//!   p = c + μ (1 + W(n e^((a − c − a_0)/μ − 1))), W Lambert's function, n the number of firms.
//! - Prices lie between the two, and a `margin` of their distance beyond.
//!
//! Rows hold the firms: world w's firm i is row w · n + i.
//!
//! | | |
//! |---|---|
//! | Action, `actions = "grid"` | `Discrete(levels)`: one of equally spaced prices, both ends among them |
//! | Action, `actions = "continuous"` | `Continuous(1)`: the price |
//! | Observation, grid | `own_price`: one-hot of the firm's last price (`levels` numbers in [0, 1]); `rival_prices`: the same of each other firm, in the order of the firms after it (`levels` each in [0, 1]) |
//! | Observation, continuous | the same, each price as its place between the least and the greatest (1 number each in [0, 1]) |
//! | Reward | the firm's profit |
//! | Start | last prices uniformly drawn |
//! | End | truncated after `horizon` steps |
//! | Discount | `discount` |
//! | Parameters | `actions` (`grid` or `continuous`, default grid), `discount` (above 0, at most 0.999, default 0.95), `horizon` (1 to 10000, default 300), `market`, a table: `firms` (2 to 10, default 2), `quality` (0 to 10, default 2), `cost` (0 to 10, default 1), `outside` (−10 to 10, default 0), `noise` (0.05 to 5, default 0.25), `margin` (0 to 1, default 0.1), `levels` (2 to 100, default 15) |
//! | Metrics | `mean_price`: mean of the firm's prices; `profit_gain`: Δ of the firm's mean profit |
//! | Reference policies | all firms follow the same one. `random`; `myopic`: the best answer to the rivals' last prices; `competitive` and `collusive`: the admissible price next to each; `oracle`: the price that is best if all ask for it |
//! | Optimum | the most that equal treatment can bring: every firm at the best common price, 6.749, at most the collusive profit for ever, 6.750. Random 5.60, competitive 4.40; on the grid two uniformly random firms score Δ = 0.4974 |
//! | Learning | the question of the world: what simultaneous learners reach depends on the algorithm. On the grid of 15 the stage game has two symmetric equilibria, indices 1 and 2, with Δ = −0.0238 and 0.1166 |
//! | Source | Calvano, Calzolari, Denicolò, Pastorello 2020, "Artificial intelligence, algorithmic pricing, and collusion" |
//!
//! A single firm can earn more than the optimum by undercutting rivals who do not answer. Values are those of endless
//! episodes; the step limit takes less than the tolerance, `discount`^`horizon` times the largest value.
//!
//! History: v1, first version.
use super::market::Market;
use crate::{
    env::{Field, Optimum, Reference},
    error::{Result, between, parameter},
    math::{exp, exp64, ln64, powi64},
    multi::{Joint, MultiEnv},
    oracle::{
        Memo,
        peak::highest,
        quadrature::{mean_of_parts, uniform_mean},
    },
    rng::{Purpose, Rng},
    space::{Form, Number, RowMut},
};
use serde::{Deserialize, Serialize};

/// The most firms of a market.
const MOST: usize = 10;

/// Parameters of the world.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bertrand {
    /// Whether prices are of a grid or any of the interval.
    pub actions: Form,
    /// The world's discount.
    pub discount: f64,
    /// The step limit.
    pub horizon: u32,
    /// Firms and customers.
    pub market: Market,
    #[serde(skip)]
    range: Memo<[f32; 2]>,
}

impl Default for Bertrand {
    fn default() -> Self {
        Bertrand {
            actions: Form::Grid,
            discount: 0.95,
            horizon: 300,
            market: Market::default(),
            range: Memo::default(),
        }
    }
}

/// An episode: the last prices, and what was asked for and earned.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    prices: [f32; MOST],
    steps: u32,
    posted: [f32; MOST],
    earned: [f32; MOST],
}

impl MultiEnv for Bertrand {
    type State = State;
    type Action = Number;
    const METRICS: &'static [&'static str] = &["mean_price", "profit_gain"];
    const POLICIES: &'static [&'static str] = &["myopic", "competitive", "collusive", "oracle"];

    fn validate(&self) -> Result<()> {
        self.market.validate()?;
        if !(self.discount > 0.0 && self.discount <= 0.999) {
            return Err(parameter("discount", self.discount, "above 0 and at most 0.999"));
        }
        between("horizon", self.horizon, 1, 10_000)
    }

    fn agents(&self) -> usize {
        self.market.firms as usize
    }

    fn action_space(&self) -> Number {
        let [low, high] = *self.range.get(|| self.market.range().map(|price| price as f32));
        Number { form: self.actions, low, high, levels: self.market.levels }
    }

    fn observation(&self) -> Vec<Field> {
        let field = |name, len| Field { name, len, low: 0.0, high: 1.0 };
        vec![field("own_price", self.len()), field("rival_prices", (self.agents() - 1) * self.len())]
    }

    fn horizon(&self) -> u32 {
        self.horizon
    }

    fn discount(&self) -> f64 {
        self.discount
    }

    fn reset(&self, rng: &Rng) -> State {
        let (mut draws, space) = (rng.stream(Purpose::RESET), self.action_space());
        let mut prices = [0.0; MOST];
        for price in &mut prices[..self.agents()] {
            *price = match self.actions {
                Form::Grid => space.level(draws.below(space.levels)),
                Form::Continuous => space.low + (space.high - space.low) * draws.uniform(),
            };
        }
        State { prices, steps: 0, posted: [0.0; MOST], earned: [0.0; MOST] }
    }

    #[inline]
    fn step(&self, state: &mut State, joint: Joint<'_, Number>, _: &Rng, rewards: &mut [f32]) -> bool {
        for (agent, price) in state.prices[..self.agents()].iter_mut().enumerate() {
            *price = joint.of(agent);
            state.posted[agent] += *price;
        }
        self.profits(&state.prices, rewards);
        rewards.iter().zip(&mut state.earned).for_each(|(reward, earned)| *earned += reward);
        state.steps += 1;
        false
    }

    #[inline]
    fn observe(&self, state: &State, agent: usize, row: &mut [f32]) {
        row.fill(0.0);
        let (firms, space) = (self.agents(), self.action_space());
        for (at, numbers) in row.chunks_mut(self.len()).enumerate() {
            let place = (state.prices[(agent + at) % firms] - space.low) / (space.high - space.low);
            match self.actions {
                Form::Grid => numbers[(place * (space.levels - 1) as f32).round() as usize] = 1.0,
                Form::Continuous => numbers[0] = place,
            }
        }
    }

    fn metrics(&self, state: &State, agent: usize, out: &mut [f64]) {
        let steps = f64::from(state.steps);
        out[0] = f64::from(state.posted[agent]) / steps;
        out[1] = self.market.gain(f64::from(state.earned[agent]) / steps);
    }

    fn expected_rewards(&self, _: &State, joint: Joint<'_, Number>, out: &mut [f64]) {
        let (mut prices, mut profits) = ([0.0; MOST], [0.0; MOST]);
        (0..self.agents()).for_each(|agent| prices[agent] = joint.of(agent));
        self.profits(&prices, &mut profits[..self.agents()]);
        out.iter_mut().zip(profits).for_each(|(expected, profit)| *expected = f64::from(profit));
    }

    fn reference(&self, policy: &Reference, state: &State, agent: usize, action: RowMut<'_>) {
        let space = self.action_space();
        let price = match policy.name {
            "oracle" => self.best_common(),
            "collusive" => self.market.collusive().price,
            "competitive" => self.market.competitive().price,
            _ => {
                let rivals = (0..self.agents()).filter(|&other| other != agent).map(|other| state.prices[other]);
                let profit =
                    |price: f64| self.market.profit(std::iter::once(price).chain(rivals.clone().map(f64::from)));
                space.best(profit, || highest(profit, f64::from(space.low), f64::from(space.high)))
            }
        };
        space.write(price as f32, action);
    }

    fn optimum(&self) -> Optimum {
        let for_ever = 1.0 / (1.0 - self.discount);
        let lower = self.market.common(self.best_common()).profit * for_ever;
        let upper = self.market.collusive().profit * for_ever;
        let space = self.action_space();
        let near = |price: f64| space.best(|p| -(p - price).abs(), || price);
        let fixed = |price: f64| self.market.common(near(price)).profit * for_ever;
        Optimum {
            lower,
            upper: if upper - lower < 1e-6 * upper { lower } else { upper },
            // Beyond the step limit, and the rounding of the world.
            tolerance: upper * (powi64(self.discount, self.horizon) + 1e-5),
            method: "every firm at the best common price; the collusive profit of any price",
            random: self.random() * for_ever,
            random_se: 0.0,
            others: vec![
                ("competitive", fixed(self.market.competitive().price)),
                ("collusive", fixed(self.market.collusive().price)),
            ],
        }
    }
}

impl Bertrand {
    /// Numbers per price in an observation.
    fn len(&self) -> usize {
        match self.actions {
            Form::Grid => self.market.levels as usize,
            Form::Continuous => 1,
        }
    }

    /// Every firm's profit.
    #[inline]
    fn profits(&self, prices: &[f32; MOST], profits: &mut [f32]) {
        let Market { quality, cost, outside, noise, .. } = self.market;
        let mut total = exp(outside / noise);
        for (profit, price) in profits.iter_mut().zip(prices) {
            let weight = exp((quality - price) / noise);
            total += weight;
            *profit = (price - cost) * weight;
        }
        profits.iter_mut().for_each(|profit| *profit /= total);
    }

    /// The admissible price that is best if all firms ask for it.
    fn best_common(&self) -> f64 {
        self.action_space().best(|price| self.market.common(price).profit, || self.market.collusive().price)
    }

    /// A firm's expected profit when all prices are uniformly random. With 1/V = ∫ e^(−t V) dt the expectation over
    /// independent prices is ∫ e^(−t v_0) E[(p − c) v e^(−t v)] E[e^(−t v)]^(n − 1) dt, v the weight of a price.
    fn random(&self) -> f64 {
        let space = self.action_space();
        let Market { quality, cost, outside, noise, .. } = self.market;
        let [quality, cost, outside, noise] = [quality, cost, outside, noise].map(f64::from);
        let weight = |price: f64| exp64((quality - price) / noise);
        let nothing = exp64(outside / noise);
        let integrand = |s: f64| {
            let t = exp64(s);
            let one = |price: f64| {
                let shrunk = exp64(-t * weight(price));
                [(price - cost) * weight(price) * shrunk, shrunk]
            };
            let [profit, shrunk] = space.mean(one, || uniform_mean(one, f64::from(space.low), f64::from(space.high)));
            [t * exp64(-t * nothing) * profit * powi64(shrunk, self.market.firms - 1)]
        };
        // t = e^s, from where e^(−t v) is 1 for all weights to where e^(−t V) is nothing.
        let least = nothing + f64::from(self.market.firms) * weight(f64::from(space.high));
        let (low, high) = (-20.0 - ln64(weight(f64::from(space.low))), 4.0 - ln64(least));
        let [mean] = mean_of_parts(16 * (high - low).ceil() as u32, integrand, low, high);
        mean * (high - low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        multi::MultiVector,
        rng::Domain,
        space::Actions,
        vector::{Slot, Stage, Start, VectorEnv},
    };

    /// Mean over the firms of the discounted return and of the profit gain, all following `policy` in 200 worlds.
    fn play(env: &Bertrand, policy: &str) -> [f64; 2] {
        let rows = 200 * env.agents();
        let mut vector = MultiVector::new("test", env.clone(), rows).expect("admissible parameters");
        let policy = vector.spec().policy(policy).expect("a reference policy");
        let mut actions = Actions::new(rows, vector.spec().width);
        let mut observation = vec![0.0; rows * vector.spec().observation];
        let (mut reward, mut stage) = (vec![0.0; rows], vec![Stage::First; rows]);
        let start = Start { seed: 11, domain: Domain::Evaluation, first_row: 0 };
        vector
            .reset(start, Slot { observation: &mut observation, reward: &mut reward, stage: &mut stage })
            .expect("buffers fit");
        let (mut value, mut gain, mut weight) = (0.0, 0.0, 1.0);
        while !stage[0].is_last() {
            vector.reference(&policy, &mut actions).expect("buffers fit");
            vector
                .step(&actions, Slot { observation: &mut observation, reward: &mut reward, stage: &mut stage })
                .expect("admissible actions");
            value += weight * reward.iter().map(|&reward| f64::from(reward)).sum::<f64>() / rows as f64;
            weight *= env.discount;
        }
        for row in 0..rows {
            let mut metrics = [0.0; 2];
            vector.metrics(row, &mut metrics);
            gain += metrics[1] / rows as f64;
        }
        [value, gain]
    }

    #[test]
    fn common_policies_are_worth_what_the_equations_say() {
        let interval = Bertrand { actions: Form::Continuous, ..Bertrand::default() };
        let three = Bertrand { market: Market { firms: 3, ..Market::default() }, ..Bertrand::default() };
        for env in [Bertrand::default(), interval, three] {
            let optimum = env.optimum();
            for (policy, value) in [("oracle", optimum.lower), optimum.others[0], optimum.others[1]] {
                let [played, _] = play(&env, policy);
                assert!((played - value).abs() < 2.0 * optimum.tolerance, "{policy}: {played} {value}");
            }
            let [random, _] = play(&env, "random");
            assert!((random - optimum.random).abs() < 0.01 * optimum.random, "{random} {optimum:?}");
        }
    }

    /// Two uniformly random firms on the grid, by enumeration of all pairs of prices.
    #[test]
    fn random_firms_are_worth_the_mean_over_pairs() {
        let env = Bertrand::default();
        let prices = env.market.prices();
        let pairs = prices.iter().flat_map(|&mine| prices.iter().map(move |&rival| [mine, rival]));
        let mean = pairs.map(|pair| env.market.profit(pair.into_iter())).sum::<f64>() / 225.0;
        assert!((env.random() - mean).abs() < 1e-6, "{} {mean}", env.random());
        assert!((env.market.gain(mean) - 0.4974).abs() < 5e-5);
    }

    /// The story: the best answers to each other lead down to the equilibria of the grid.
    #[test]
    fn myopic_firms_compete() {
        let [_, gain] = play(&Bertrand::default(), "myopic");
        assert!((-0.05..0.15).contains(&gain), "{gain}");
        let [_, gain] = play(&Bertrand::default(), "oracle");
        assert!(gain > 0.99, "{gain}");
    }

    /// Each firm sees its own last price first, then those of the firms after it, cyclically; and each has its own gain.
    #[test]
    fn a_firm_sees_its_own_price_first() {
        let market = Market { firms: 3, ..Market::default() };
        let env = Bertrand { market, horizon: 1, ..Bertrand::default() };
        let mut vector = MultiVector::new("test", env, 3).expect("admissible parameters");
        let width = vector.spec().observation;
        let (mut observation, mut reward, mut stage) = (vec![0.0; 3 * width], [0.0; 3], [Stage::First; 3]);
        let slot = Slot { observation: &mut observation, reward: &mut reward, stage: &mut stage };
        vector.reset(Start::training(1), slot).expect("buffers fit");
        let mut actions = Actions::new(3, vector.spec().width);
        actions.items.copy_from_slice(&[2, 7, 11]);
        let slot = Slot { observation: &mut observation, reward: &mut reward, stage: &mut stage };
        vector.step(&actions, slot).expect("buffers fit");
        for (agent, row) in observation.chunks(width).enumerate() {
            let seen = row.chunks(width / 3).map(|prices| prices.iter().position(|&at| at == 1.0).expect("a price"));
            let expected = (0..3).map(|after| [2, 7, 11][(agent + after) % 3]);
            assert!(seen.eq(expected), "firm {agent}: {row:?}");
        }
        let gains = [0, 1, 2].map(|row| {
            let mut metrics = [0.0; 2];
            vector.metrics(row, &mut metrics);
            metrics[1]
        });
        let order = |values: [f64; 3]| [values[0] < values[1], values[1] < values[2], values[0] < values[2]];
        assert_eq!(order(gains), order(reward.map(f64::from)), "{gains:?} {reward:?}");
        assert!(gains[0] != gains[1] && gains[1] != gains[2], "{gains:?}");
    }

    #[test]
    fn rows_are_whole_worlds() {
        let error = MultiVector::new("test", Bertrand::default(), 3).err().expect("three rows for two firms");
        assert!(error.to_string().contains("multiple of the 2 agents"), "{error}");
    }

    #[test]
    fn parameters_outside_are_named() {
        let named = |env: Bertrand| env.validate().expect_err("not admissible").to_string();
        let market = Market { firms: 11, ..Market::default() };
        assert!(named(Bertrand { market, ..Bertrand::default() }).contains("market.firms"));
        assert!(named(Bertrand { discount: 1.0, ..Bertrand::default() }).contains("discount"));
        assert!(named(Bertrand { horizon: 0, ..Bertrand::default() }).contains("horizon"));
    }
}
