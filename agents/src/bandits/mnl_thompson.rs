//! Thompson sampling of a multinomial logit, for offers of products with a price for each (Oh and Iyengar 2019: "Thompson
//! sampling for multinomial logit contextual bandits"; equal prices after Anderson, de Palma and Thisse 1992): draws how much
//! every product attracts and a price deters, and offers what would earn most.
//!
//! A product of attraction θ at a price x has the utility θ − βx, nothing has 0; a price is what a sale earns. The best offer
//! holds the products with the largest θ, all at the price (1 + w)/β with w = W(Σ e^(θ − 1)), Lambert's function W.
//!
//! Between a product and nothing people choose by a logistic rule, whatever else is offered (independence of irrelevant
//! alternatives). θ and β are therefore one logistic regression on the product and its price: whatever was bought won
//! against nothing, and nothing won against all that was offered. Each is a Newton step, as in
//! [`logistic_thompson`](super::logistic_thompson).
use super::{linear::Regressions, normal::Draw};
use crate::{
    checkpoint::Tensors,
    error::{Error, Result, between, setting},
    online::{Here, Lesson, Method, Offered, Online, Transition},
};
use envs::{
    Shape, Spec,
    math::{exp64, lambert_w_exp64, ln64, sigmoid64},
    space::RowMut,
};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Most products: a draw takes time with their third power.
const MOST_PRODUCTS: usize = 1000;

/// Settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Episodes played at once, 1 to 65536.
    pub rows: usize,
    /// Variance of every weight before the first sale, the price as a share of the highest, 10⁻⁹ to 10⁹.
    pub variance: f64,
}

impl Default for Config {
    fn default() -> Self {
        Config { rows: 1, variance: 16.0 }
    }
}

impl Config {
    /// Checks the settings.
    ///
    /// # Errors
    /// Names the setting, its value and the admissible range.
    pub fn validate(&self) -> Result<()> {
        between("rows", self.rows, 1, 65_536)?;
        between("variance", self.variance, 1e-9, 1e9)
    }
}

/// What can be offered, and where an observation says what was bought.
pub struct Offer {
    products: usize,
    /// The interval of each place's price.
    prices: Vec<[f32; 2]>,
    bought: Range<usize>,
}

impl Offer {
    /// That of a world whose actions are products with a price for each.
    ///
    /// # Errors
    /// When they are anything else, too many, or nobody says what was bought.
    pub fn of(spec: &Spec) -> Result<Self> {
        let refuse = |needs, has| Err(Error::Space { agent: "mnl_thompson", needs, env: spec.id, has });
        let (products, prices) = match &spec.shape {
            Shape::Product(parts) => match &parts[..] {
                [Shape::Slate { candidates, slots }, Shape::Continuous(prices)] if prices.len() == *slots => {
                    (*candidates as usize, prices)
                }
                [Shape::Discrete(products), Shape::Continuous(prices)] if prices.len() == 1 => {
                    (*products as usize, prices)
                }
                _ => return refuse("products with a price for each", spec.shape.to_string()),
            },
            shape => return refuse("products with a price for each", shape.to_string()),
        };
        if products > MOST_PRODUCTS {
            return Err(setting("products", products, &format!("at most {MOST_PRODUCTS}")));
        }
        match spec.field("last_bought").filter(|bought| bought.len() == products) {
            Some(bought) => Ok(Offer { products, prices: prices.clone(), bought }),
            None => refuse("an observation field `last_bought`, one-hot over the products", spec.fields_told()),
        }
    }

    /// The highest price of any place.
    fn highest(&self) -> f64 {
        self.prices.iter().fold(0.0, |highest, [_, high]| if *high > highest { *high } else { highest }).into()
    }

    /// The offer that earns most where `weights` are those of the products, of the price as a share of the highest, and of 1.
    fn best(&self, weights: &[f64], open: Offered<'_>, action: RowMut<'_>) {
        for place in 0..action.items.len() {
            let (taken, rest) = action.items.split_at_mut(place);
            rest[0] = open.highest(self.products, |product| match taken.contains(&(product as u32)) {
                true => f64::NEG_INFINITY,
                false => weights[product],
            }) as u32;
        }
        let (deterrence, base) = (-weights[self.products], weights[self.products + 1]);
        let largest = weights[action.items[0] as usize];
        let sum = action.items.iter().fold(0.0, |sum, product| sum + exp64(weights[*product as usize] - largest));
        let markup = (1.0 + lambert_w_exp64(largest + base + ln64(sum) - 1.0)) / deterrence * self.highest();
        for (price, [low, high]) in action.reals.iter_mut().zip(&self.prices) {
            *price = match markup as f32 {
                // Who is not deterred by a price pays the highest.
                markup if deterrence <= 0.0 || markup > *high => *high,
                markup if markup < *low => *low,
                markup => markup,
            };
        }
    }
}

/// The agent.
pub type MnlThompson = Online<Demand>;

impl MnlThompson {
    /// An agent for a world whose actions are products with a price for each.
    ///
    /// # Errors
    /// When it cannot act there or a setting is not admissible.
    pub fn new(config: Config, spec: &Spec, seed: u64) -> Result<Self> {
        config.validate()?;
        let offer = Offer::of(spec)?;
        let features = offer.products + 1;
        let regressions = Regressions::new(1, features, config.variance)?;
        let demand = Demand { offer, regressions, features: vec![0.0; features], draw: Draw::new(features + 1) };
        Online::build(demand, config.rows, spec, seed)
    }
}

/// What is known of the products and of the price.
pub struct Demand {
    offer: Offer,
    regressions: Regressions,
    /// One-hot the product, then the price as a share of the highest.
    features: Vec<f32>,
    draw: Draw,
}

impl Method for Demand {
    fn explore(&mut self, mut here: Here<'_>, action: RowMut<'_>) -> Result<()> {
        let (mean, covariance) = self.regressions.law(0);
        self.offer.best(self.draw.draw(mean, covariance, &mut here.draws), here.offer, action);
        Ok(())
    }

    fn exploit(&self, _: &[f32], offer: Offered<'_>, action: RowMut<'_>) -> Result<()> {
        let (mean, _) = self.regressions.law(0);
        self.offer.best(mean, offer, action);
        Ok(())
    }

    fn learn(&mut self, transition: Transition<'_>) -> Result<Lesson> {
        let bought = transition.next[self.offer.bought.clone()].iter().position(|bought| *bought == 1.0);
        let (mut values, mut squares, mut choices) = (0.0, 0.0, 0.0);
        for (product, price) in transition.action.items.iter().zip(transition.action.reals) {
            let product = *product as usize;
            // Where another one was bought, nothing tells this product from nothing.
            if bought.is_some_and(|bought| bought != product) {
                continue;
            }
            self.features.fill(0.0);
            self.features[product] = 1.0;
            self.features[self.offer.products] = price / self.offer.highest() as f32;
            let value = sigmoid64(self.regressions.value(0, &self.features));
            let error = f64::from(u8::from(bought.is_some())) - value;
            self.regressions.update(0, &self.features, value * (1.0 - value), error);
            (values, squares, choices) = (values + value, squares + error * error, choices + 1.0);
        }
        match choices > 0.0 {
            true => Ok(Lesson { value: values / choices, error: (squares / choices).sqrt() }),
            false => Ok(Lesson { value: 0.0, error: 0.0 }),
        }
    }

    fn tensors(&self) -> Tensors {
        self.regressions.tensors()
    }

    fn restore(&mut self, saved: &Tensors) -> Result<()> {
        self.regressions.restore(saved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use envs::{
        Actions, Params, Slot, Stage, Start,
        rng::{Domain, Purpose, Rng},
        space::Row,
    };

    fn spec(world: &str) -> Spec {
        envs::make(world, &Params::new(), 1).expect("a world").spec().clone()
    }

    /// Ten products whose attraction per price are those of the world, against its oracle.
    #[test]
    fn the_best_offer_is_the_oracles() {
        let mut world = envs::make("pricing/multi-product-mnl-v1", &Params::new(), 1).expect("a world");
        let spec = world.spec().clone();
        let offer = Offer::of(&spec).expect("products with prices");
        let place = |product: usize| (7 * product % 10) as f64;
        let theta =
            |product: usize| (1.0 + 0.2 * place(product) - 0.2 - 0.022 * place(product) * place(product)) / 0.25;
        let weights: Vec<f64> = (0..10).map(theta).chain([-1.5 / 0.25, 0.0]).collect();
        let (mut found, mut expected) = (Actions::new(1, spec.width), Actions::new(1, spec.width));
        offer.best(&weights, Offered::ALL, found.row_mut(0));
        let (mut observation, mut reward, mut stage) = (vec![0.0; spec.observation], [0.0], [Stage::First]);
        let slot = Slot { observation: &mut observation, reward: &mut reward, stage: &mut stage };
        world.reset(Start::training(0), slot).expect("buffers fit");
        world.reference(&spec.policy("oracle").expect("its policy"), &mut expected).expect("buffers fit");
        assert_eq!(found.items, expected.items);
        for (found, expected) in found.reals.iter().zip(&expected.reals) {
            assert!((found - expected).abs() < 1e-6, "{found}, expected {expected}");
        }
    }

    /// Customers who choose by a known law among offers drawn at random reveal it, although the agent looks at two
    /// alternatives at a time.
    #[test]
    fn choices_reveal_the_law() {
        let (theta, beta, products) = ([1.0, 2.0, 0.5, -0.5], 3.0, 4);
        let offer = Offer { products, prices: vec![[0.0, 1.0]; 2], bought: 0..products };
        let regressions = Regressions::new(1, products + 1, 16.0).expect("small");
        let mut demand =
            Demand { offer, regressions, features: vec![0.0; products + 1], draw: Draw::new(products + 2) };
        let mut draws = Rng::new(3, Domain::Statistics).stream(Purpose::STEP);
        for _ in 0..40_000 {
            let first = draws.below(products as u32);
            let items = [first, (first + 1 + draws.below(products as u32 - 1)) % products as u32];
            let prices = [draws.uniform(), draws.uniform()];
            let mut weights = [1.0; 3];
            for place in 0..2 {
                weights[place + 1] = exp64(theta[items[place] as usize] - beta * f64::from(prices[place])) as f32;
            }
            let mut next = [0.0; 4];
            match draws.categorical(&weights) {
                0 => {}
                place => next[items[place - 1] as usize] = 1.0,
            }
            let transition = Transition {
                row: 0,
                observation: &[0.0; 4],
                action: Row { items: &items, reals: &prices },
                reward: 0.0,
                next: &next,
                next_offer: Offered::ALL,
                stage: Stage::Mid,
            };
            demand.learn(transition).expect("buffers fit");
        }
        let (mean, _) = demand.regressions.law(0);
        for product in 0..products {
            let found = mean[product] + mean[products + 1];
            assert!((found - theta[product]).abs() < 0.12, "{product}: {found}, expected {}", theta[product]);
        }
        assert!((mean[products] + beta).abs() < 0.15, "{}, expected {}", mean[products], -beta);
    }

    #[test]
    fn worlds_without_prices_or_sales_are_refused() {
        for (world, needs) in [
            ("pricing/wine-club-v1", "`last_bought`"),
            ("rec/slateq-mdp-v1", "products with a price for each"),
            ("pricing/inventory-v1", "products with a price for each"),
        ] {
            let error = MnlThompson::new(Config::default(), &spec(world), 0).err().expect("not admissible").to_string();
            assert!(error.contains(needs), "{error}");
        }
    }
}
