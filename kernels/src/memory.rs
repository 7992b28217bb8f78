//! The buffers that an update works on: replay ring, batch, parameters and the clock.
//!
//! The ring is time-major (`[slot][row]`): every vector step fills one slot, the successor of slot t is slot t + 1, and
//! observations are stored once. Reward and stage in slot t belong to the step that led to t; the action in slot t was
//! chosen at its observation. The slot being written is never sampled: a ring of S slots offers S − 1.
use crate::{
    device::{Device, Span},
    error::Result,
};
use envs::Stage;

/// Index into the clock: how many updates have been made.
pub const UPDATES: usize = 0;
/// Index into the clock: how many slots have been committed to the ring.
pub const STEPS: usize = 1;

/// The counters that a replayed step reads on its device: \[updates, steps\].
///
/// # Errors
/// When the device has no room.
pub fn clock<D: Device>(device: &D) -> Result<D::Buf<u32>> {
    device.upload(&[0, 0])
}

/// The replay ring.
pub struct Memory<D: Device> {
    /// Slots in the ring.
    pub slots: usize,
    /// Rows per slot: one for each episode of the vector.
    pub rows: usize,
    /// Length of an observation.
    pub width: usize,
    /// Real numbers that an action has beside its index.
    pub reals: usize,
    /// slots × rows × width.
    pub observation: D::Buf<f32>,
    /// slots × rows.
    pub action: D::Buf<u32>,
    /// slots × rows × reals.
    pub real: D::Buf<f32>,
    /// slots × rows.
    pub reward: D::Buf<f32>,
    /// slots × rows.
    pub stage: D::Buf<Stage>,
    /// Priorities, when draws are prioritised.
    pub tree: Option<SumTree<D>>,
}

/// Priorities as an implicit binary tree of exact integer sums: node 1 is the root, the children of i are 2i and
/// 2i + 1, cell c of the ring is node `leaves + c`.
pub struct SumTree<D: Device> {
    /// Number of leaves: the least power of two that holds every cell.
    pub leaves: usize,
    /// 2 · leaves nodes; node 0 holds the largest priority given so far.
    pub nodes: D::Buf<u64>,
}

impl<D: Device> Memory<D> {
    /// An empty ring.
    ///
    /// # Errors
    /// When the device has no room.
    pub fn new(device: &D, slots: usize, rows: usize, width: usize, prioritised: bool) -> Result<Self> {
        let cells = slots * rows;
        let leaves = cells.next_power_of_two();
        let tree = || -> Result<SumTree<D>> { Ok(SumTree { leaves, nodes: device.zeros(2 * leaves)? }) };
        let mut memory = Memory {
            slots,
            rows,
            width,
            reals: 0,
            observation: device.zeros(cells * width)?,
            action: device.zeros(cells)?,
            real: device.zeros(0)?,
            reward: device.zeros(cells)?,
            stage: device.zeros(cells)?,
            tree: prioritised.then(tree).transpose()?,
        };
        memory.reserve(device)?;
        Ok(memory)
    }
    /// Room for staging a slot of each buffer; again after one of them was replaced.
    ///
    /// # Errors
    /// When the host has no room.
    pub fn reserve(&mut self, device: &D) -> Result<()> {
        device.reserve(&mut self.observation, self.rows * self.width)?;
        device.reserve(&mut self.action, self.rows)?;
        device.reserve(&mut self.real, self.rows * self.reals)?;
        device.reserve(&mut self.reward, self.rows)?;
        device.reserve(&mut self.stage, self.rows)
    }
    /// The same ring for actions with `reals` real numbers.
    ///
    /// # Errors
    /// When the device has no room.
    pub fn with_reals(self, device: &D, reals: usize) -> Result<Self> {
        let real = device.zeros(self.slots * self.rows * reals)?;
        let mut memory = Memory { reals, real, ..self };
        memory.reserve(device)?;
        Ok(memory)
    }
    /// The cells of `slot`: spans of `action`, `reward` and `stage`.
    pub fn cells(&self, slot: usize) -> Span {
        slot * self.rows..(slot + 1) * self.rows
    }
    /// The numbers of `slot` in `observation`.
    pub fn numbers(&self, slot: usize) -> Span {
        let cells = self.cells(slot);
        cells.start * self.width..cells.end * self.width
    }
    /// The numbers of `slot` in `real`.
    pub fn real_numbers(&self, slot: usize) -> Span {
        let cells = self.cells(slot);
        cells.start * self.reals..cells.end * self.reals
    }
}

/// What one update learns from: n-step returns already folded.
pub struct Batch<D: Device> {
    /// Number of transitions.
    pub size: usize,
    /// Length of an observation.
    pub width: usize,
    /// The cell of the ring that each transition starts from.
    pub pick: D::Buf<u32>,
    /// size × width: where it starts.
    pub observation: D::Buf<f32>,
    /// size × width: where its window ends.
    pub next: D::Buf<f32>,
    /// The action taken.
    pub action: D::Buf<u32>,
    /// size × the memory's reals: its real numbers.
    pub real: D::Buf<f32>,
    /// The discounted sum of rewards within the window.
    pub reward: D::Buf<f32>,
    /// What the value of `next` is multiplied by: 0 after a termination.
    pub discount: D::Buf<f32>,
    /// Importance weights, the largest of the batch is 1; all 1 for uniform draws.
    pub weight: D::Buf<f32>,
    /// |TD error| of the last update, for the priorities.
    pub error: D::Buf<f32>,
}

impl<D: Device> Batch<D> {
    /// Room for `size` transitions of observations of `width` numbers.
    ///
    /// # Errors
    /// When the device has no room.
    pub fn new(device: &D, size: usize, width: usize) -> Result<Self> {
        Ok(Batch {
            size,
            width,
            pick: device.zeros(size)?,
            observation: device.zeros(size * width)?,
            next: device.zeros(size * width)?,
            action: device.zeros(size)?,
            real: device.zeros(0)?,
            reward: device.zeros(size)?,
            discount: device.zeros(size)?,
            weight: device.zeros(size)?,
            error: device.zeros(size)?,
        })
    }
    /// The same for actions with `reals` real numbers.
    ///
    /// # Errors
    /// When the device has no room.
    pub fn with_reals(self, device: &D, reals: usize) -> Result<Self> {
        let real = device.zeros(self.size * reals)?;
        Ok(Batch { real, ..self })
    }
}

/// A network's numbers: parameters, their target copy, gradient and the moments of Adam, each one flat buffer.
pub struct Weights<D: Device> {
    /// Number of parameters.
    pub len: usize,
    /// Online parameters.
    pub theta: D::Buf<f32>,
    /// Target network's parameters.
    pub target: D::Buf<f32>,
    /// Gradient of the loss.
    pub gradient: D::Buf<f32>,
    /// First moment.
    pub first: D::Buf<f32>,
    /// Second moment.
    pub second: D::Buf<f32>,
    /// Running products of the two decay rates: \[β₁ᵗ, β₂ᵗ\].
    pub powers: D::Buf<f64>,
}

impl<D: Device> Weights<D> {
    /// Online and target network start at `theta`, the moments at 0.
    ///
    /// # Errors
    /// When the device has no room.
    pub fn new(device: &D, theta: &[f32]) -> Result<Self> {
        Ok(Weights {
            len: theta.len(),
            theta: device.upload(theta)?,
            target: device.upload(theta)?,
            gradient: device.zeros(theta.len())?,
            first: device.zeros(theta.len())?,
            second: device.zeros(theta.len())?,
            powers: device.upload(&[1.0, 1.0])?,
        })
    }
}
