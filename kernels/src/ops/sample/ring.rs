//! Which cells of the ring may be drawn, and where their windows end.
use envs::Stage;

/// The stages in the ring and how far it is filled, at one moment.
#[derive(Clone, Copy)]
pub(super) struct Ring<'a> {
    pub slots: usize,
    pub rows: usize,
    /// Slots committed since the beginning.
    pub committed: u32,
    /// slots × rows.
    pub stage: &'a [Stage],
}

impl Ring<'_> {
    /// How many of the newest committed slots may hold starts: all but the one that is being written.
    pub fn offered(&self) -> usize {
        (self.committed as usize).min(self.slots - 1)
    }
    /// The slot that was committed `after` slots before the newest.
    pub fn slot(&self, after: usize) -> usize {
        (self.committed as usize + self.slots - 1 - after) % self.slots
    }
    /// The slot that is being written.
    pub fn open(&self) -> usize {
        self.committed as usize % self.slots
    }
    /// The cells of a slot.
    pub fn cells(&self, slot: usize) -> std::ops::Range<usize> {
        slot * self.rows..(slot + 1) * self.rows
    }
    /// The cell of the same row `steps` (fewer than `slots`) later.
    #[inline]
    pub fn later(&self, cell: usize, steps: usize) -> usize {
        let (cell, cells) = (cell + steps * self.rows, self.slots * self.rows);
        if cell < cells { cell } else { cell - cells }
    }
    /// Length of the window of at most `n_step` steps that starts at `cell`, after which `after` slots were committed;
    /// `None` where the episode is over or the window is not complete.
    #[inline]
    pub fn window(&self, cell: usize, after: usize, n_step: usize) -> Option<usize> {
        if self.stage[cell].is_last() {
            return None;
        }
        let length = self.length(cell, after.min(n_step));
        (length == n_step || self.stage[self.later(cell, length)].is_last()).then_some(length)
    }
    /// Steps from `cell` to the end of its episode, but at most `limit`.
    #[inline]
    pub fn length(&self, cell: usize, limit: usize) -> usize {
        (1..limit).find(|&steps| self.stage[self.later(cell, steps)].is_last()).unwrap_or(limit)
    }
    /// Whether any start may be drawn.
    pub fn offers_any(&self, n_step: usize) -> bool {
        let complete =
            |after: usize| self.cells(self.slot(after)).any(|cell| self.window(cell, after, n_step).is_some());
        (0..self.offered()).any(complete)
    }
}
