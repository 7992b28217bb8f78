//! The trait that a world implements: parameters in `self`, an episode in `State`.
use crate::{
    catalogue::ItemVectors,
    error::Result,
    oracle::finite::Finite,
    rng::{LANES, Rng},
    space::{RowMut, Space},
};
use serde::{Serialize, de::DeserializeOwned};

/// What `Env::step` receives.
pub type Elem<'a, E> = <<E as Env>::Action as Space>::Elem<'a>;

/// What one step brings, besides the new state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// The reward of this step.
    pub reward: f32,
    /// Whether the process really ended: the value after it is 0.
    pub terminated: bool,
}

/// A named part of the observation row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// How many numbers of the row it takes.
    pub len: usize,
    /// The least value any of them can take.
    pub low: f32,
    /// The greatest value any of them can take.
    pub high: f32,
}

/// The best achievable value and the anchors of a score, in the units of the world's objective, from its start
/// distribution.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Optimum {
    /// A value that some policy reaches.
    pub lower: f64,
    /// A value that no policy exceeds; equal to `lower` when the optimum is exact.
    pub upper: f64,
    /// How far the published numbers may be from the true ones.
    pub tolerance: f64,
    /// How they were found.
    pub method: &'static str,
    /// Value of the uniformly random policy.
    pub random: f64,
    /// Standard error of `random`; 0 when it is exact.
    pub random_se: f64,
    /// Exact values of further reference policies by name.
    pub others: Vec<(&'static str, f64)>,
}

/// How well an optimum is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// To rounding.
    Exact,
    /// To the tolerance of a grid or a simulation.
    Numeric,
    /// Between bounds.
    Bound,
}

/// A tolerance above this share of the value is not that of rounding: worlds compute in f32.
const ROUNDING: f64 = 2e-6;

impl Optimum {
    /// How well it is known.
    pub fn kind(&self) -> Kind {
        if !self.is_exact() {
            Kind::Bound
        } else if self.tolerance <= ROUNDING * if self.upper.abs() > 1.0 { self.upper.abs() } else { 1.0 } {
            Kind::Exact
        } else {
            Kind::Numeric
        }
    }
    /// Whether the optimum is known exactly (up to `tolerance`).
    pub fn is_exact(&self) -> bool {
        self.lower == self.upper
    }
}

/// A reference policy that reads the true state: its name and, for `fixed-P` and the like, its number.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// The pattern in `Env::POLICIES` that the name matched, such as `oracle` or `fixed-P`.
    pub name: &'static str,
    /// The number that stood in place of the pattern's final capital letter.
    pub value: Option<f32>,
}

impl Reference {
    /// The name of the uniformly random policy, which every world has.
    pub const RANDOM: &'static str = "random";

    /// Matches `text` against `random` and the patterns; `None` when nothing fits.
    pub fn parse(text: &str, patterns: &[&'static str]) -> Option<Reference> {
        if text == Self::RANDOM {
            return Some(Reference { name: Self::RANDOM, value: None });
        }
        patterns.iter().find_map(|&name| match name.strip_suffix(|c: char| c.is_ascii_uppercase()) {
            None => (text == name).then_some(Reference { name, value: None }),
            Some(stem) => {
                let value: f32 = text.strip_prefix(stem)?.parse().ok()?;
                value.is_finite().then_some(Reference { name, value: Some(value) })
            }
        })
    }
}

/// One simulated world. `self` holds the validated parameters and never changes; an episode is a `State`.
///
/// Every random number comes from the address `rng` (seed, row, episode, step), so that an episode depends on nothing
/// else; every transcendental function comes from [`crate::math`].
pub trait Env: Clone + Default + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Everything that an episode remembers.
    type State: Clone + Send + Sync + Serialize + DeserializeOwned;
    /// The action space.
    type Action: Space;
    /// Names of the episode metrics, beside return and length.
    const METRICS: &'static [&'static str];
    /// Names of the reference policies beside `random`; a final capital letter stands for a number (`fixed-P`).
    const POLICIES: &'static [&'static str];
    /// Names of the costs that can be read beside the reward: harm, exposure, money spent.
    const COSTS: &'static [&'static str] = &[];
    /// Metrics that are ratios of sums over episodes, each with the metric that weights its mean: with
    /// `("ctr", "shown")` an episode's click rate counts as often as it showed something.
    const WEIGHTS: &'static [(&'static str, &'static str)] = &[];
    /// Whether rows are stepped by [`step_each`](Env::step_each), as many as there are.
    const SIDE_BY_SIDE: bool = false;

    /// Checks the parameters.
    ///
    /// # Errors
    /// Names the parameter, its value and the admissible range.
    fn validate(&self) -> Result<()>;
    /// The action space.
    fn action_space(&self) -> Self::Action;
    /// The named parts of an observation row, in order.
    fn observation(&self) -> Vec<Field>;
    /// Steps after which an episode is cut (truncated) if it has not terminated.
    fn horizon(&self) -> u32;
    /// The world's own discount: 1 for finite horizons, 0 for bandits.
    fn discount(&self) -> f64;
    /// The start of an episode.
    fn reset(&self, rng: &Rng) -> Self::State;
    /// As [`reset`](Env::reset), into a state that was used before; a world whose states own memory reuses it here.
    fn restart(&self, state: &mut Self::State, rng: &Rng) {
        *state = self.reset(rng);
    }
    /// One step.
    fn step(&self, state: &mut Self::State, action: Elem<'_, Self>, rng: &Rng) -> Outcome;
    /// [`step`](Env::step) of several rows of one seed, with the same bits: a world whose steps are mostly random numbers and
    /// elementary functions works them out side by side here.
    fn step_each(
        &self,
        mut states: [&mut Self::State; LANES],
        actions: [Elem<'_, Self>; LANES],
        rngs: &[Rng; LANES],
    ) -> [Outcome; LANES] {
        std::array::from_fn(|lane| self.step(states[lane], actions[lane], &rngs[lane]))
    }
    /// Writes the observation of `state` into `row`, every number of it.
    fn observe(&self, state: &Self::State, row: &mut [f32]);
    /// [`METRICS`](Env::METRICS), or as many of them as these parameters have.
    fn metric_names(&self) -> &'static [&'static str] {
        Self::METRICS
    }
    /// Writes the episode's metrics at its end, in the order of [`metric_names`](Env::metric_names).
    fn metrics(&self, state: &Self::State, out: &mut [f64]);
    /// Writes what the episode has cost so far, in the order of [`COSTS`](Env::COSTS): 0 at first, never falling.
    fn costs(&self, _state: &Self::State, _out: &mut [f64]) {}
    /// The world as a finite decision problem whose actions are the items of [`action_space`](Env::action_space), with its
    /// start distribution, where it is one and the optimum is that of its states.
    fn finite(&self) -> Option<(Finite, Vec<f64>)> {
        None
    }
    /// What the items of [`action_space`](Env::action_space) are like, where the world gives them vectors that an agent may
    /// know: at least one number each, finite, and the same whenever they are asked for.
    fn items(&self) -> Option<ItemVectors> {
        None
    }
    /// E[reward | state, action]: for the evaluator, never part of a step.
    fn expected_reward(&self, state: &Self::State, action: Elem<'_, Self>) -> f64;
    /// Writes the action of a reference policy other than `random`.
    fn reference(&self, policy: &Reference, state: &Self::State, action: RowMut<'_>);
    /// The optimum and the score's anchors for these parameters, computed.
    fn optimum(&self) -> Optimum;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tolerance_tells_an_exact_value_from_a_numeric_one() {
        let optimum = |lower, upper, tolerance| Optimum {
            lower,
            upper,
            tolerance,
            method: "none",
            random: 0.0,
            random_se: 0.0,
            others: Vec::new(),
        };
        assert_eq!(optimum(1075.0, 1075.0, 1e-3).kind(), Kind::Exact);
        assert_eq!(optimum(1075.0, 1075.0, 1e-2).kind(), Kind::Numeric);
        assert_eq!(optimum(1.0, 2.0, 1e-9).kind(), Kind::Bound);
    }

    #[test]
    fn patterns_take_a_number_where_the_capital_stands() {
        let patterns = ["oracle", "fixed-P"];
        let parse = |text| Reference::parse(text, &patterns);
        assert_eq!(parse("oracle"), Some(Reference { name: "oracle", value: None }));
        assert_eq!(parse("fixed-8.5"), Some(Reference { name: "fixed-P", value: Some(8.5) }));
        assert_eq!(parse("random"), Some(Reference { name: "random", value: None }));
        for wrong in ["fixed-", "fixed-nan", "fixed-P", "oracl", "fixed"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
