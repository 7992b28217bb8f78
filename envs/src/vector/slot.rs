//! Which episodes a vector plays, where it writes its rows, and where in its episode a row stands.
use crate::rng::Domain;

/// Where in its episode a row stands.
#[repr(u8)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// The first observation of an episode; its reward is 0 and belongs to no action.
    #[default]
    First = 0,
    /// The episode goes on.
    Mid = 1,
    /// The process ended: nothing follows.
    Terminated = 2,
    /// The step limit cut the episode: the value of what would follow counts.
    Truncated = 3,
}

impl Stage {
    /// Whether this observation is the last of its episode.
    #[inline]
    pub fn is_last(self) -> bool {
        matches!(self, Stage::Terminated | Stage::Truncated)
    }
}

/// Where a vector writes its next rows: a slot of the replay memory, or anybody's arrays.
#[derive(Debug)]
pub struct Slot<'a> {
    /// rows × observation length.
    pub observation: &'a mut [f32],
    /// One reward per row: of the step that led here.
    pub reward: &'a mut [f32],
    /// One stage per row.
    pub stage: &'a mut [Stage],
}

impl Slot<'_> {
    /// The same slot, for a while.
    pub(crate) fn reborrow(&mut self) -> Slot<'_> {
        Slot { observation: self.observation, reward: self.reward, stage: self.stage }
    }
    /// The first `rows` rows, and the others.
    pub(crate) fn split_at(&mut self, rows: usize) -> (Slot<'_>, Slot<'_>) {
        let len = self.observation.len() / self.reward.len();
        let (observation, observation_after) = self.observation.split_at_mut(rows * len);
        let (reward, reward_after) = self.reward.split_at_mut(rows);
        let (stage, stage_after) = self.stage.split_at_mut(rows);
        let after = Slot { observation: observation_after, reward: reward_after, stage: stage_after };
        (Slot { observation, reward, stage }, after)
    }
}

/// Which episodes a vector plays: their addresses in the random numbers.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    /// The seed; the lower 56 bits count.
    pub seed: u64,
    /// Training or evaluation.
    pub domain: Domain,
    /// The address of the vector's first row.
    pub first_row: u32,
}

impl Start {
    /// Rows 0.. of the training domain.
    pub fn training(seed: u64) -> Self {
        Start { seed, domain: Domain::Training, first_row: 0 }
    }
    /// Rows `first_row`.. of the evaluation domain.
    pub fn evaluation(seed: u64, first_row: u32) -> Self {
        Start { seed, domain: Domain::Evaluation, first_row }
    }
}
