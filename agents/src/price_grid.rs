//! Continuous prices by a grid: discretise, learn as [`dqn`], refine around the best.
//!
//! Training plays prices of an even grid. The greedy policy puts a parabola through the values of the best price and its
//! two neighbours and plays its highest point, which never lies more than half a grid step away; at either end of the
//! grid it plays the end.
use crate::{
    agent::{Agent, Explanation, Policy, Progress, Trace, Update},
    checkpoint::Tensors,
    dqn::{self, Dqn, Values},
    error::{Error, Result, setting},
    learner::Greedy,
};
use envs::{Actions, Shape, Slot, Spec, Width};
use kernels::Backend;
use serde::{Deserialize, Serialize};

/// Settings: the grid, then those of [`dqn::Config`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Number of prices in the grid, ends included, 3 to 4096.
    pub prices: usize,
    /// Whether the greedy policy refines between the prices of the grid.
    pub refine: bool,
    /// How the values are learnt.
    #[serde(flatten)]
    pub dqn: dqn::Config,
}

impl Default for Config {
    fn default() -> Self {
        Config { prices: 21, refine: true, dqn: dqn::Config::default() }
    }
}

impl Config {
    /// Checks the settings.
    ///
    /// # Errors
    /// Names the setting, its value and the admissible range.
    pub fn validate(&self) -> Result<()> {
        if !(3..=4096).contains(&self.prices) {
            return Err(setting("prices", self.prices, "between 3 and 4096"));
        }
        self.dqn.validate()
    }
}

/// The grid of prices.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid {
    pub(crate) low: f32,
    pub(crate) high: f32,
    pub(crate) prices: usize,
    pub(crate) refine: bool,
}

impl Grid {
    /// The price at `place`, which may lie between two prices of the grid.
    pub(crate) fn price(self, place: f32) -> f32 {
        self.low + (self.high - self.low) * (place / (self.prices - 1) as f32)
    }

    /// Where the parabola through `best` and its neighbours is highest, in grid steps from the low end.
    pub(crate) fn refined(self, best: usize, q: impl Fn(usize) -> f32) -> f32 {
        if !self.refine || best == 0 || best + 1 == self.prices {
            return best as f32;
        }
        let (left, middle, right) = (q(best - 1), q(best), q(best + 1));
        // Not negative, since `middle` is the largest; 0 where all three are equal.
        let curvature = (middle - left) + (middle - right);
        if curvature > 0.0 { best as f32 + 0.5 * (right - left) / curvature } else { best as f32 }
    }
}

/// The least and the greatest price of a world that `agent`, which needs one continuous action, can act in.
///
/// # Errors
/// When the action is anything but one continuous number.
pub fn bounds(agent: &'static str, spec: &Spec) -> Result<[f32; 2]> {
    match &spec.shape {
        Shape::Continuous(bounds) if bounds.len() == 1 => Ok(bounds[0]),
        shape => {
            let has = shape.to_string();
            Err(Error::Space { agent, needs: "one continuous action", env: spec.id, has })
        }
    }
}

/// The agent.
pub struct PriceGrid<B: Backend> {
    grid: Grid,
    dqn: Dqn<B>,
    chosen: Actions,
}

/// What the inner agent chooses: one index per row.
const INDEX: Width = Width { items: 1, reals: 0 };

impl<B: Backend> PriceGrid<B> {
    /// An agent for a world with one continuous action.
    ///
    /// # Errors
    /// When the action is anything else or a setting is not admissible.
    pub fn new(backend: B, config: Config, spec: &Spec, seed: u64) -> Result<Self> {
        let [low, high] = bounds("price_grid", spec)?;
        config.validate()?;
        let grid = Grid { low, high, prices: config.prices, refine: config.refine };
        let dqn = Dqn::with_actions(backend, config.dqn, spec, config.prices, seed)?;
        Ok(PriceGrid { grid, dqn, chosen: Actions::new(spec.rows, INDEX) })
    }
}

impl<B: Backend> Policy for PriceGrid<B> {
    fn slot(&mut self) -> Slot<'_> {
        self.dqn.slot()
    }

    fn act(&mut self, actions: &mut Actions) -> Result<()> {
        self.dqn.act(&mut self.chosen)?;
        for (price, index) in actions.reals.iter_mut().zip(&self.chosen.items) {
            *price = self.grid.price(*index as f32);
        }
        Ok(())
    }
}

impl<B: Backend> Agent for PriceGrid<B> {
    fn learn(&mut self) -> Result<()> {
        self.dqn.learn()
    }

    fn greedy(&self, rows: usize) -> Result<Box<dyn Policy + '_>> {
        let chosen = Actions::new(rows, INDEX);
        let values = vec![0.0; rows * self.grid.prices];
        Ok(Box::new(Refined { grid: self.grid, greedy: self.dqn.player(rows)?, chosen, values }))
    }

    fn progress(&self) -> Result<Progress> {
        self.dqn.progress()
    }

    fn update(&self) -> Result<Update> {
        self.dqn.update()
    }

    fn trace(&self) -> Result<Option<Trace>> {
        self.dqn.trace()
    }

    fn explain(&self, observations: &[f32]) -> Result<Option<Vec<Explanation>>> {
        let own = Actions::new(self.dqn.rows_of(observations), INDEX);
        let (mut explained, _) = self.dqn.explained(observations, own)?;
        for Explanation { values, items, reals, .. } in &mut explained {
            let best = self.grid.refined(items[0] as usize, |price| values[price].1);
            *reals = vec![self.grid.price(best)];
            items.clear();
            for (index, (name, _)) in values.iter_mut().enumerate() {
                *name = format!("price {}", self.grid.price(index as f32));
            }
        }
        Ok(Some(explained))
    }

    fn weights(&self) -> Result<Tensors> {
        self.dqn.weights()
    }

    fn save(&self) -> Result<Tensors> {
        self.dqn.save()
    }

    fn restore(&mut self, saved: &Tensors) -> Result<()> {
        self.dqn.restore(saved)
    }
}

/// A [`PriceGrid`] that only plays.
struct Refined<'a, B: Backend> {
    grid: Grid,
    greedy: Greedy<'a, B, Values<B>>,
    chosen: Actions,
    values: Vec<f32>,
}

impl<B: Backend> Policy for Refined<'_, B> {
    fn slot(&mut self) -> Slot<'_> {
        self.greedy.slot()
    }

    fn act(&mut self, actions: &mut Actions) -> Result<()> {
        self.greedy.choose(&mut self.chosen, Some(&mut self.values))?;
        let rows = self.values.chunks_exact(self.grid.prices).zip(&self.chosen.items);
        for (price, (q, index)) in actions.reals.iter_mut().zip(rows) {
            *price = self.grid.price(self.grid.refined(*index as usize, |price| q[price]));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Q(p) = −(p − 2.3)² sampled at 0, 1, 2, 3, 4 is highest at 2.3, and the ends stay ends.
    #[test]
    fn the_highest_point_of_a_parabola_is_found() {
        let grid = Grid { low: 0.0, high: 4.0, prices: 5, refine: true };
        let q: Vec<f32> = (0..5).map(|p| -(p as f32 - 2.3) * (p as f32 - 2.3)).collect();
        assert!((grid.price(grid.refined(2, |p| q[p])) - 2.3).abs() < 1e-5);
        assert_eq!(grid.refined(0, |p| 3.0 - p as f32), 0.0);
        assert_eq!(grid.refined(4, |p| p as f32), 4.0);
        assert_eq!(grid.refined(2, |_| 1.0), 2.0);
        assert_eq!(Grid { refine: false, ..grid }.refined(2, |p| q[p]), 2.0);
    }
}
