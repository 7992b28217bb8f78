//! Thompson pricing: what prices earn is a Gaussian process over a grid of them, so that neighbours teach each other; every
//! price is the best of a curve drawn from it (Chowdhury and Gopalan 2017: "On kernelized multi-armed bandits",
//! algorithm 2).
//!
//! Two prices have the prior covariance sd² exp(−d² / (2 ℓ²)) at a distance of d; with noise σ² a reward r of price i moves
//! the mean by S_i (r − m_i) / (S_ii + σ²) and the covariance S by −S_i S_iᵀ / (S_ii + σ²).
use super::{
    arms::{Rule, Tally},
    normal::Draw,
    prices::Prices,
};
use crate::{
    checkpoint::{Tensor, Tensors, taken},
    error::{Result, between},
    online::{Offered, Online},
    price_grid::{Grid, bounds},
};
use envs::{Spec, math::exp64, rng::Stream};
use serde::{Deserialize, Serialize};

/// Settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Episodes played at once, 1 to 65536.
    pub rows: usize,
    /// Number of prices in the grid, ends included, 3 to 256.
    pub prices: usize,
    /// ℓ, how far prices teach each other, as a share of the interval, 10⁻³ to 10.
    pub length: f64,
    /// What a price is expected to earn before it is tried, −10⁹ to 10⁹.
    pub prior_mean: f64,
    /// Standard deviation of that, 10⁻⁹ to 10⁹.
    pub prior_sd: f64,
    /// Standard deviation of what a price earns around its mean, 10⁻⁹ to 10⁹.
    pub noise: f64,
    /// Whether a price is held for a whole episode and judged by its return, not for a step and by its reward. When it is
    /// not given: unless the world is a bandit (discount 0).
    pub whole_episodes: Option<bool>,
}

impl Default for Config {
    fn default() -> Self {
        Config { rows: 1, prices: 21, length: 0.2, prior_mean: 0.0, prior_sd: 1.0, noise: 1.0, whole_episodes: None }
    }
}

impl Config {
    /// Checks the settings.
    ///
    /// # Errors
    /// Names the setting, its value and the admissible range.
    pub fn validate(&self) -> Result<()> {
        between("rows", self.rows, 1, 65_536)?;
        between("prices", self.prices, 3, 256)?;
        between("length", self.length, 1e-3, 10.0)?;
        between("prior_mean", self.prior_mean, -1e9, 1e9)?;
        between("prior_sd", self.prior_sd, 1e-9, 1e9)?;
        between("noise", self.noise, 1e-9, 1e9)
    }
}

/// The agent.
pub type ThompsonPricing = Online<Prices<Process>>;

impl ThompsonPricing {
    /// An agent for a world with one continuous action.
    ///
    /// # Errors
    /// When the action is anything else or a setting is not admissible.
    pub fn new(config: Config, spec: &Spec, seed: u64) -> Result<Self> {
        let [low, high] = bounds("thompson_pricing", spec)?;
        config.validate()?;
        let grid = Grid { low, high, prices: config.prices, refine: true };
        let whole = config.whole_episodes.unwrap_or(spec.discount != 0.0);
        Online::build(Prices::new(Process::new(&config), grid, whole, config.rows), config.rows, spec, seed)
    }
}

/// The Gaussian process.
pub struct Process {
    prices: usize,
    /// σ².
    noise: f64,
    mean: Vec<f64>,
    /// prices × prices.
    covariance: Vec<f64>,
    draw: Draw,
    /// What a price teaches the others.
    lesson: Vec<f64>,
}

impl Process {
    fn new(config: &Config) -> Self {
        let prices = config.prices;
        let near = |i: usize, j: usize| {
            let distance = i.abs_diff(j) as f64 / (prices - 1) as f64 / config.length;
            config.prior_sd * config.prior_sd * exp64(-0.5 * distance * distance)
        };
        Process {
            prices,
            noise: config.noise * config.noise,
            mean: vec![config.prior_mean; prices],
            covariance: (0..prices * prices).map(|at| near(at / prices, at % prices)).collect(),
            draw: Draw::new(prices),
            lesson: vec![0.0; prices],
        }
    }
}

impl Rule for Process {
    fn pull(&mut self, tally: &Tally, offer: Offered<'_>, draws: &mut Stream) -> usize {
        let curve = self.draw.draw(&self.mean, &self.covariance, draws);
        offer.highest(tally.arms(), |arm| curve[arm])
    }

    fn value(&self, _: &Tally, arm: usize) -> f64 {
        self.mean[arm]
    }

    fn credit(&mut self, arm: usize, reward: f64) {
        let n = self.prices;
        let spread = self.covariance[arm * n + arm] + self.noise;
        let error = (reward - self.mean[arm]) / spread;
        self.lesson.copy_from_slice(&self.covariance[arm * n..][..n]);
        for i in 0..n {
            self.mean[i] += self.lesson[i] * error;
            for j in 0..n {
                self.covariance[i * n + j] -= self.lesson[i] * self.lesson[j] / spread;
            }
        }
    }

    fn tensors(&self) -> Tensors {
        let both = [("mean", &self.mean), ("covariance", &self.covariance)];
        both.map(|(name, numbers)| (name.to_string(), Tensor::F64(numbers.clone()))).into()
    }

    fn restore(&mut self, saved: &Tensors) -> Result<()> {
        self.mean = taken!(saved, F64, "mean", self.prices)?.to_vec();
        self.covariance = taken!(saved, F64, "covariance", self.prices * self.prices)?.to_vec();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// n rewards of price i with mean r̄ put price j at k_ij r̄ / (k_ii + σ²/n), with variance k_jj − k_ij² / (k_ii + σ²/n).
    #[test]
    fn neighbours_learn_by_the_closed_form() {
        let config = Config { prices: 5, length: 0.5, prior_sd: 2.0, noise: 0.5, ..Default::default() };
        let mut process = Process::new(&config);
        [3.0, 4.0, 5.0, 4.0].into_iter().for_each(|reward| process.credit(1, reward));
        let spread = 4.0 + 0.25 / 4.0;
        for j in 0..5 {
            let distance = (j as f64 - 1.0) / 4.0 / 0.5;
            let near = 4.0 * exp64(-0.5 * distance * distance);
            assert!((process.mean[j] - near * 4.0 / spread).abs() < 1e-12, "{j}: {}", process.mean[j]);
            let variance = process.covariance[j * 5 + j];
            assert!((variance - (4.0 - near * near / spread)).abs() < 1e-12, "{j}: {variance}");
        }
    }
}
