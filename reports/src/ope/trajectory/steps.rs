//! Steps of trajectories as columns: one vector for each number that an estimator reads, whatever the number of
//! trajectories. A step takes 16 bytes, 16 more with a model's values, and 8 more and 8 for each action where values are to
//! be fitted.

/// One step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step<'a> {
    /// The action taken.
    pub action: usize,
    /// Reward.
    pub reward: f64,
    /// π_e(a) / π_b(a).
    pub ratio: f64,
    /// The evaluation policy's probability of each action; empty if the log has none.
    pub policy: &'a [f64],
    /// The model's value of each action; empty if the log has none.
    pub values: &'a [f64],
    /// Number of the state; 0 if the log has none.
    pub state: u32,
}

/// All steps, those of a trajectory together and in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Steps {
    /// Where each trajectory ends, which is where the next one starts.
    ends: Vec<usize>,
    pub(super) reward: Vec<f64>,
    pub(super) ratio: Vec<f64>,
    pub(super) model: Model,
    /// Columns that a table is fitted to; empty where none is.
    pub(super) state: Vec<u32>,
    pub(super) action: Vec<u32>,
    /// Steps by actions.
    pub(super) policy: Vec<f64>,
}

/// What a model says at each step; empty without one.
#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    /// q̂ of the action that was taken.
    pub(super) value: Vec<f64>,
    /// v̂.
    pub(super) expected: Vec<f64>,
}

impl Model {
    pub(super) fn value(&self, step: usize) -> f64 {
        self.value.get(step).copied().unwrap_or(0.0)
    }

    pub(super) fn expected(&self, step: usize) -> f64 {
        self.expected.get(step).copied().unwrap_or(0.0)
    }
}

impl Steps {
    /// Adds a step behind all others.
    pub(super) fn add(&mut self, step: &Step, fitted: bool) {
        self.reward.push(step.reward);
        self.ratio.push(step.ratio);
        if let Some(value) = step.values.get(step.action) {
            self.model.value.push(*value);
            self.model.expected.push(expectation(step.policy, step.values));
        }
        if fitted {
            self.state.push(step.state);
            self.action.push(step.action as u32);
            self.policy.extend(step.policy);
        }
    }

    /// Says where trajectories end among the steps that were added.
    pub(super) fn end(&mut self, ends: impl IntoIterator<Item = usize>) {
        self.ends.extend(ends);
    }

    /// Brings the steps into another order, column by column.
    pub(super) fn reorder(&mut self, order: &[usize]) {
        arrange(&mut self.reward, order);
        arrange(&mut self.ratio, order);
        arrange(&mut self.model.value, order);
        arrange(&mut self.model.expected, order);
        arrange(&mut self.state, order);
        arrange(&mut self.action, order);
        arrange(&mut self.policy, order);
    }

    /// Number of steps.
    pub(super) fn len(&self) -> usize {
        self.reward.len()
    }

    /// Number of trajectories.
    pub(super) fn trajectories(&self) -> usize {
        self.ends.len()
    }

    /// Places of the steps of a trajectory.
    pub(super) fn of(&self, trajectory: usize) -> std::ops::Range<usize> {
        let start = if trajectory == 0 { 0 } else { self.ends[trajectory - 1] };
        start..self.ends[trajectory]
    }

    /// Places of the steps, trajectory by trajectory.
    pub(super) fn each(&self) -> impl Iterator<Item = std::ops::Range<usize>> {
        (0..self.trajectories()).map(|trajectory| self.of(trajectory))
    }

    /// Steps of the longest trajectory.
    pub(super) fn horizon(&self) -> usize {
        self.each().map(|steps| steps.len()).max().unwrap_or(0)
    }
}

/// Σ_a π(a) q(a).
pub(super) fn expectation(policy: &[f64], values: &[f64]) -> f64 {
    policy.iter().zip(values).map(|(probability, value)| probability * value).sum()
}

/// Brings a column with as many numbers for each step as there are into another order.
fn arrange<T: Copy>(column: &mut Vec<T>, order: &[usize]) {
    let width = column.len() / order.len();
    *column = order.iter().flat_map(|step| column[step * width..(step + 1) * width].iter().copied()).collect();
}
