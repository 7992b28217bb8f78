//! What plays, and what also gets better at it.
use crate::{checkpoint::Tensors, error::Result};
use envs::{Actions, Slot};

/// Something that plays by what it observes.
pub trait Policy {
    /// Where the vector writes its next rows.
    fn slot(&mut self) -> Slot<'_>;
    /// Takes in those rows and chooses an action for each.
    ///
    /// # Errors
    /// When the device fails.
    fn act(&mut self, actions: &mut Actions) -> Result<()>;
}

/// Something that also gets better at it.
pub trait Agent: Policy + Send {
    /// Improves, if it is time; called once after every step of the vector.
    ///
    /// # Errors
    /// When the device fails.
    fn learn(&mut self) -> Result<()>;
    /// Takes in rows that somebody else acted on, whose actions these were: from a log.
    ///
    /// # Errors
    /// [`Error::OwnSteps`](crate::Error::OwnSteps) for agents that cannot; when the device fails.
    fn watch(&mut self, _actions: &Actions) -> Result<()> {
        Err(crate::Error::OwnSteps)
    }
    /// One round of updates on what it remembers, whatever the time.
    ///
    /// # Errors
    /// As [`watch`](Agent::watch); when what it remembers is shorter than one window.
    fn study(&mut self) -> Result<()> {
        Err(crate::Error::OwnSteps)
    }
    /// What it would do now, without exploring; has its own slot, so that evaluation leaves no trace in the memory.
    ///
    /// # Errors
    /// When the device has no room.
    fn greedy(&self, rows: usize) -> Result<Box<dyn Policy + '_>>;
    /// How training goes.
    ///
    /// # Errors
    /// [`Error::Diverged`](crate::Error::Diverged) when a loss or weight is no longer finite.
    fn progress(&self) -> Result<Progress>;
    /// What the last update learnt from, and its loss: the mark that it leaves in a trial's trail.
    ///
    /// # Errors
    /// When the device fails.
    fn update(&self) -> Result<Update>;
    /// What the last update looked like from inside; `None` before the first, and for agents that make none of this kind.
    ///
    /// # Errors
    /// When the device fails.
    fn trace(&self) -> Result<Option<Trace>> {
        Ok(None)
    }
    /// Why it would do what: its values at `observations`, a row each; `None` for agents that have none.
    ///
    /// # Errors
    /// When the device fails.
    fn explain(&self, _observations: &[f32]) -> Result<Option<Vec<Explanation>>> {
        Ok(None)
    }
    /// The online network's parameters, as `eval` needs them.
    ///
    /// # Errors
    /// When the device fails.
    fn weights(&self) -> Result<Tensors>;
    /// Everything that the agent remembers, as a resumed run needs it.
    ///
    /// # Errors
    /// When the device fails.
    fn save(&self) -> Result<Tensors>;
    /// Takes over what [`weights`](Agent::weights) or [`save`](Agent::save) returned.
    ///
    /// # Errors
    /// When a tensor is missing or has another size.
    fn restore(&mut self, saved: &Tensors) -> Result<()>;
}

/// The mark of an update.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// Updates made so far.
    pub updates: u64,
    /// Cells of the replay ring that the last update drew; empty before the first.
    pub picks: Vec<u32>,
    /// Loss of the last update, finite or not; `None` before the first.
    pub loss: Option<f32>,
}

/// An update from inside, and the last actions before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trace {
    /// Updates made so far.
    pub update: u64,
    /// Loss, finite or not.
    pub loss: f32,
    /// Mean Q(s, a) of the batch.
    pub mean_q: f32,
    /// Largest value at the observations acted on last.
    pub max_q: f32,
    /// Norm of the gradient, before it is clipped.
    pub gradient_norm: f64,
    /// How many equally weighted transitions the batch is worth: (Σw)²/Σw².
    pub effective_sample: f64,
    /// Share of the last actions that were those of the largest value; `None` where actions are no choice among values.
    pub greedy: Option<f64>,
}

/// Values at an observation, and what the greedy policy makes of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// Each alternative with its value: all actions, or the one there is a value of.
    pub values: Vec<(String, f32)>,
    /// How much the largest value is above the next one; `None` where actions are no choice among values.
    pub margin: Option<f32>,
    /// How likely each is taken when it is shown, where that is learnt too.
    pub appeal: Option<Appeal>,
    /// The action, in the world's own terms: indices, then real numbers.
    pub items: Vec<u32>,
    /// Prices, bids.
    pub reals: Vec<f32>,
}

/// How likely alternatives are taken, as a model of the choice has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Appeal {
    /// What the numbers are, such as `utility`.
    pub measure: &'static str,
    /// Each alternative with its number, in the order of the values.
    pub numbers: Vec<(String, f32)>,
}

/// How training goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Updates made so far.
    pub updates: u64,
    /// Loss of the last update; `None` before the first.
    pub loss: Option<f32>,
    /// Mean Q(s, a) of the last batch; `None` before the first update.
    pub mean_q: Option<f32>,
    /// Probability of a random action.
    pub epsilon: f32,
    /// The price of a unit of cost, where the agent learns one.
    pub multiplier: Option<f32>,
}
