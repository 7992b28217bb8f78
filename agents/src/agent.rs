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
}
