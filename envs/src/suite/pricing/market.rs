//! Firms that set prices for customers with logit demand, what they would ask for in competition and as one, and the
//! grid of prices between the two (Calvano, Calzolari, Denicolò, Pastorello 2020, "Artificial intelligence, algorithmic
//! pricing, and collusion").
use crate::{
    error::{Result, between},
    math::{exp64, lambert_w_exp64, ln64},
};
use serde::{Deserialize, Serialize};

/// Equal firms and their customers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Market {
    /// Number of firms.
    pub firms: u32,
    /// Utility of each product at price 0.
    pub quality: f32,
    /// Cost of each product.
    pub cost: f32,
    /// Utility of buying nothing.
    pub outside: f32,
    /// How much tastes differ, in units of the price.
    pub noise: f32,
    /// How far the grid goes beyond the two prices, as a share of their distance.
    pub margin: f32,
    /// Number of prices of the grid.
    pub levels: u32,
}

impl Default for Market {
    fn default() -> Self {
        Market { firms: 2, quality: 2.0, cost: 1.0, outside: 0.0, noise: 0.25, margin: 0.1, levels: 15 }
    }
}

/// A price that all firms ask for, and what each earns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Common {
    /// The price.
    pub price: f64,
    /// The profit of a firm.
    pub profit: f64,
}

impl Market {
    /// Checks the parameters.
    ///
    /// # Errors
    /// Names the parameter, its value and the admissible range.
    pub fn validate(&self) -> Result<()> {
        between("market.firms", self.firms, 2, 10)?;
        between("market.quality", self.quality, 0.0, 10.0)?;
        between("market.cost", self.cost, 0.0, 10.0)?;
        between("market.outside", self.outside, -10.0, 10.0)?;
        between("market.noise", self.noise, 0.05, 5.0)?;
        between("market.margin", self.margin, 0.0, 1.0)?;
        between("market.levels", self.levels, 2, 100)
    }

    /// The profit of the first of the firms, whose prices are given.
    pub fn profit(&self, prices: impl Iterator<Item = f64>) -> f64 {
        let [quality, cost, outside, noise] = [self.quality, self.cost, self.outside, self.noise].map(f64::from);
        let (mut total, mut first) = (exp64(outside / noise), None);
        for price in prices {
            let weight = exp64((quality - price) / noise);
            total += weight;
            first = first.or(Some((price - cost) * weight));
        }
        first.unwrap_or(0.0) / total
    }

    /// All firms at `price`.
    pub fn common(&self, price: f64) -> Common {
        Common { price, profit: self.profit((0..self.firms).map(|_| price)) }
    }

    /// The competitive price, from which no firm gains by moving: p = c + μ/(1 − q(p)), by bisection.
    pub fn competitive(&self) -> Common {
        let [quality, cost, outside, noise] = [self.quality, self.cost, self.outside, self.noise].map(f64::from);
        let firms = f64::from(self.firms);
        let share = |price: f64| 1.0 / (firms + exp64((outside - quality + price) / noise));
        // A share between 0 and 1/n bounds the price.
        let (mut low, mut high) = (cost + noise, cost + noise * firms / (firms - 1.0));
        for _ in 0..100 {
            let middle = 0.5 * (low + high);
            if middle < cost + noise / (1.0 - share(middle)) {
                low = middle;
            } else {
                high = middle;
            }
        }
        self.common(0.5 * (low + high))
    }

    /// The collusive price, best for all together: c + μ (1 + W(n e^((a − c − a_0)/μ − 1))).
    pub fn collusive(&self) -> Common {
        let [quality, cost, outside, noise] = [self.quality, self.cost, self.outside, self.noise].map(f64::from);
        let w = lambert_w_exp64(ln64(f64::from(self.firms)) + (quality - cost - outside) / noise - 1.0);
        self.common(cost + noise * (1.0 + w))
    }

    /// The least and the greatest price of the grid.
    pub fn range(&self) -> [f64; 2] {
        let (competitive, collusive) = (self.competitive().price, self.collusive().price);
        let beyond = f64::from(self.margin) * (collusive - competitive);
        [competitive - beyond, collusive + beyond]
    }

    /// The prices of the grid, equally spaced.
    pub fn prices(&self) -> Vec<f64> {
        let [low, high] = self.range();
        (0..self.levels).map(|i| low + (high - low) * f64::from(i) / f64::from(self.levels - 1)).collect()
    }

    /// The profit gain Δ: 0 at the competitive profit, 1 at the collusive one.
    pub fn gain(&self, profit: f64) -> f64 {
        let (competitive, collusive) = (self.competitive().profit, self.collusive().profit);
        (profit - competitive) / (collusive - competitive)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Prices and profits of the published baseline.
    #[test]
    fn benchmarks_are_the_published_ones() {
        let market = Market::default();
        let digits = |common: Common| [common.price, common.profit].map(|x| (x * 1e5).round() / 1e5);
        assert_eq!(digits(market.competitive()), [1.47293, 0.22293]);
        assert_eq!(digits(market.collusive()), [1.92498, 0.33749]);
    }

    /// Against a fine grid: alone no firm gains, together all lose, by leaving the two prices.
    #[test]
    fn nobody_gains_by_leaving_them() {
        for market in [Market::default(), Market { firms: 4, outside: 0.5, noise: 0.4, ..Market::default() }] {
            let (competitive, collusive) = (market.competitive(), market.collusive());
            for step in 0..=300 {
                let price = 1.0 + 0.01 * f64::from(step);
                let others = (1..market.firms).map(|_| competitive.price);
                assert!(market.profit(std::iter::once(price).chain(others)) <= competitive.profit + 1e-12);
                assert!(market.common(price).profit <= collusive.profit + 1e-12);
            }
        }
    }

    /// On the grid of 15, the second and the third price are symmetric equilibria, with these profit gains.
    #[test]
    fn the_grid_has_two_equilibria() {
        let market = Market::default();
        let prices = market.prices();
        let stays = |at: usize| {
            let earned = |mine: usize| market.profit([prices[mine], prices[at]].into_iter());
            (0..prices.len()).all(|mine| earned(mine) <= earned(at))
        };
        assert_eq!((0..15).filter(|&at| stays(at)).collect::<Vec<_>>(), [1, 2]);
        let gain = |at: usize| (market.gain(market.common(prices[at]).profit) * 1e4).round() / 1e4;
        assert_eq!([gain(1), gain(2)], [-0.0238, 0.1166]);
    }
}
