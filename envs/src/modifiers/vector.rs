//! A vector with modifiers: one layer around the plain vector, whichever of them are used.
use super::{
    Modifiers,
    actions::{Items, turn_round},
    rewards::Rewards,
};
use crate::{
    env::{Field, Optimum, Reference},
    error::{Error, Result},
    oracle::{Memo, finite::Finite},
    rng::{Domain, Purpose, Rng},
    space::{Actions, Row, RowMut},
    vector::{Slot, Spec, Start, VectorEnv, length},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

mod optimum;

/// Where a row stands: the address of its next step.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Clock {
    episode: u32,
    step: u32,
    over: bool,
}

/// Makes the same world again, with the given number of rows.
type Again = Box<dyn Fn(usize) -> Result<Box<dyn VectorEnv>> + Send>;

/// A vector of any world, with modifiers.
pub struct Modified {
    inner: Box<dyn VectorEnv>,
    again: Again,
    modifiers: Modifiers,
    spec: Spec,
    rng: Rng,
    first_row: u32,
    clocks: Vec<Clock>,
    /// What was carried out in the last step, in the words of the agents: before it drifted.
    carried_out: Actions,
    /// Buffer for what comes after it.
    said: Actions,
    /// Buffer for the same as the world understands it.
    executed: Actions,
    /// Whose items can be closed.
    items: Option<Items>,
    /// rows × items, 1 for every item on offer; empty without masks.
    mask: Vec<f32>,
    /// The world's own observations, where ours are longer.
    observation: Vec<f32>,
    rewards: Rewards,
    /// Which of the world's costs is read.
    cost: Option<usize>,
    /// One number for each of the world's costs.
    costs: Vec<f64>,
    optimum: Memo<Optimum>,
}

/// What becomes of a choice when actions stick.
#[derive(Clone, Copy, PartialEq)]
enum Sticking {
    /// As the lots fall.
    Drawn,
    /// The last action is carried out again.
    Always,
    /// The choice is carried out.
    Never,
}

impl Modified {
    /// Puts `modifiers` around `inner`; `again` makes the same plain world with another number of rows.
    ///
    /// # Errors
    /// When a setting is not admissible for this world.
    pub fn new(inner: Box<dyn VectorEnv>, modifiers: Modifiers, used: Value, again: Again) -> Result<Self> {
        let mut spec = inner.spec().clone();
        modifiers.validate(&spec)?;
        let rows = spec.rows;
        let items = Items::of(&spec.shape).filter(|_| modifiers.mask_rate > 0.0);
        let offered = items.map_or(0, |items| items.count as usize);
        let longer = items.is_some() || modifiers.cost_shown;
        let observation = if longer { vec![0.0; rows * spec.observation] } else { Vec::new() };
        if modifiers.cost_shown {
            spec.fields.push(Field { name: "cost", len: 1, low: 0.0, high: f32::MAX });
            spec.observation += 1;
        }
        if items.is_some() {
            spec.fields.push(Field { name: "action_mask", len: offered, low: 0.0, high: 1.0 });
            spec.observation += offered;
        }
        if modifiers.changes_rewards() {
            spec.metrics.push("observed_return");
        }
        if !modifiers.cost_signal.is_empty() {
            spec.metrics.push("episode_cost");
        }
        if let (Some(all), Value::Object(used)) = (spec.params.as_object_mut(), used) {
            all.extend(used);
        }
        let mut vector = Modified {
            rng: Rng::new(0, Domain::Training),
            first_row: 0,
            clocks: vec![Clock::default(); rows],
            carried_out: Actions::new(rows, spec.width),
            said: Actions::new(rows, spec.width),
            executed: Actions::new(rows, spec.width),
            mask: vec![1.0; rows * offered],
            rewards: Rewards::new(&modifiers, rows),
            cost: spec.costs.iter().position(|cost| *cost == modifiers.cost_signal),
            costs: vec![0.0; spec.costs.len()],
            optimum: Memo::default(),
            inner,
            again,
            modifiers,
            spec,
            items,
            observation,
        };
        (0..rows).for_each(|row| vector.draw_mask(row));
        Ok(vector)
    }

    /// The address of the next step of `row`.
    fn here(&self, row: usize) -> Rng {
        let Clock { episode, step, .. } = self.clocks[row];
        self.rng.at(self.first_row.wrapping_add(row as u32), episode, step)
    }

    fn check_slot(&self, out: &Slot<'_>) -> Result<()> {
        let rows = self.spec.rows;
        length("observation", out.observation.len(), rows * self.spec.observation)?;
        length("reward", out.reward.len(), rows)?;
        length("stage", out.stage.len(), rows)
    }

    /// Draws what is on offer to `row` in its next step.
    fn draw_mask(&mut self, row: usize) {
        if let Some(items) = self.items {
            let mut draws = self.here(row).stream(Purpose::MASK);
            let count = items.count as usize;
            items.draw(self.modifiers.mask_rate, &mut draws, &mut self.mask[row * count..][..count]);
        }
    }

    /// Lets the plain vector write its rows; where ours are longer, what is beside them is written by [`show`](Self::show).
    fn write(
        &mut self,
        out: Slot<'_>,
        chosen: impl Fn(usize) -> bool,
        write: impl FnOnce(&mut dyn VectorEnv, Slot<'_>) -> Result<()>,
    ) -> Result<()> {
        let Slot { observation, reward, stage } = out;
        if self.observation.is_empty() {
            return write(self.inner.as_mut(), Slot { observation, reward, stage });
        }
        write(self.inner.as_mut(), Slot { observation: &mut self.observation, reward, stage })?;
        let own = self.inner.spec().observation;
        let rows = observation.chunks_exact_mut(self.spec.observation).zip(self.observation.chunks_exact(own));
        for (_, (to, from)) in rows.enumerate().filter(|(row, _)| chosen(*row)) {
            to[..own].copy_from_slice(from);
        }
        Ok(())
    }

    /// Writes, in the rows that `chosen` marks, what stands beside the world's own numbers: what the last step cost, and
    /// what is on offer in the step that comes.
    fn show(&mut self, observation: &mut [f32], chosen: impl Fn(usize) -> bool) {
        let own = self.inner.spec().observation;
        let count = self.items.map_or(0, |items| items.count as usize);
        for row in (0..self.spec.rows).filter(|row| chosen(*row)) {
            self.draw_mask(row);
            let mut beside = &mut observation[row * self.spec.observation..][own..self.spec.observation];
            if self.modifiers.cost_shown {
                let (cost, rest) = beside.split_at_mut(1);
                cost[0] = self.rewards.cost[row];
                beside = rest;
            }
            beside.copy_from_slice(&self.mask[row * count..][..count]);
        }
    }

    /// What becomes of `chosen`: in the words of the agents, and as the world understands it.
    fn translate(&self, chosen: &Actions, sticking: Sticking, agents: &mut Actions, world: &mut Actions) {
        for (row, clock) in self.clocks.iter().enumerate() {
            let sticks = clock.step > 0
                && match sticking {
                    Sticking::Drawn if self.modifiers.sticky_actions > 0.0 => {
                        self.here(row).stream(Purpose::STICKY).bernoulli(self.modifiers.sticky_actions)
                    }
                    Sticking::Always => true,
                    _ => false,
                };
            let from = if sticks && !clock.over { self.carried_out.row(row) } else { chosen.row(row) };
            copy(from, agents.row_mut(row));
            // Where an episode is over, the world ignores its action, whatever it is.
            if !clock.over {
                self.resolve(row, agents);
            }
            copy(agents.row(row), world.row_mut(row));
            if !clock.over && self.drifted(clock) {
                turn_round(&self.spec.shape, world.row_mut(row));
            }
        }
    }

    /// Whether actions mean their opposite.
    fn drifted(&self, clock: &Clock) -> bool {
        self.modifiers.drift_step > 0 && clock.step >= self.modifiers.drift_step
    }

    /// Replaces the items of `row` that are closed.
    fn resolve(&self, row: usize, actions: &mut Actions) {
        if let Some(items) = self.items {
            let count = items.count as usize;
            items.resolve(&self.mask[row * count..][..count], actions.row_mut(row));
        }
    }

    /// What the episode of `row` has cost.
    fn total_cost(&mut self, row: usize) -> f64 {
        let Some(cost) = self.cost else { return 0.0 };
        self.inner.total_costs(row, &mut self.costs);
        self.costs[cost]
    }
}

fn copy(from: Row<'_>, to: RowMut<'_>) {
    to.items.copy_from_slice(from.items);
    to.reals.copy_from_slice(from.reals);
}

impl VectorEnv for Modified {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn reset(&mut self, start: Start, out: Slot<'_>) -> Result<()> {
        self.check_slot(&out)?;
        let Slot { observation, reward, stage } = out;
        self.write(
            Slot { observation: &mut *observation, reward, stage },
            |_| true,
            |inner, out| inner.reset(start, out),
        )?;
        (self.rng, self.first_row) = (Rng::new(start.seed, start.domain), start.first_row);
        self.clocks.fill(Clock::default());
        (0..self.spec.rows).for_each(|row| self.rewards.start(row));
        self.show(observation, |_| true);
        Ok(())
    }

    fn check(&self, actions: &Actions) -> Result<()> {
        self.inner.check(actions)
    }

    fn step(&mut self, actions: &Actions, out: Slot<'_>) -> Result<()> {
        self.check_slot(&out)?;
        self.inner.check(actions)?;
        // The buffers are taken out while the rest of `self` is in use.
        let empty = || Actions::new(0, actions.width);
        let (mut said, mut executed) =
            (std::mem::replace(&mut self.said, empty()), std::mem::replace(&mut self.executed, empty()));
        self.translate(actions, Sticking::Drawn, &mut said, &mut executed);
        let Slot { observation, reward, stage } = out;
        let slot = Slot { observation: &mut *observation, reward: &mut *reward, stage: &mut *stage };
        let stepped = self.write(slot, |_| true, |inner, out| inner.step(&executed, out));
        self.executed = executed;
        self.said = std::mem::replace(&mut self.carried_out, said);
        stepped?;
        for row in 0..self.spec.rows {
            let (clock, last) = (self.clocks[row], stage[row].is_last());
            if clock.over {
                self.clocks[row] = Clock { episode: clock.episode.wrapping_add(1), step: 0, over: false };
                self.rewards.start(row);
                continue;
            }
            let (here, total) = (self.here(row), self.total_cost(row));
            reward[row] = self.rewards.show(&self.modifiers, (row, clock.step, last), (reward[row], total), &here);
            self.clocks[row] = Clock { step: clock.step + 1, over: last, ..clock };
        }
        self.show(observation, |_| true);
        Ok(())
    }

    fn next_episode(&mut self, chosen: &[bool], out: Slot<'_>) -> Result<()> {
        self.check_slot(&out)?;
        let Slot { observation, reward, stage } = out;
        let slot = Slot { observation: &mut *observation, reward, stage };
        length("chosen rows", chosen.len(), self.spec.rows)?;
        self.write(slot, |row| chosen[row], |inner, out| inner.next_episode(chosen, out))?;
        for row in (0..self.spec.rows).filter(|row| chosen[*row]) {
            self.clocks[row] = Clock { episode: self.clocks[row].episode.wrapping_add(1), step: 0, over: false };
            self.rewards.start(row);
        }
        self.show(observation, |row| chosen[row]);
        Ok(())
    }

    fn reference(&self, policy: &Reference, actions: &mut Actions) -> Result<()> {
        self.inner.reference(policy, actions)?;
        for (row, clock) in self.clocks.iter().enumerate().filter(|(_, clock)| !clock.over) {
            if self.drifted(clock) {
                turn_round(&self.spec.shape, actions.row_mut(row));
            }
            self.resolve(row, actions);
        }
        Ok(())
    }

    /// Of the world's own reward, before anybody knows whether the action will stick.
    fn expected_reward(&self, actions: &Actions, out: &mut [f64]) -> Result<()> {
        self.inner.check(actions)?;
        let (mut said, mut executed) = (actions.clone(), actions.clone());
        self.translate(actions, Sticking::Never, &mut said, &mut executed);
        self.inner.expected_reward(&executed, out)?;
        if self.modifiers.sticky_actions > 0.0 {
            let p = f64::from(self.modifiers.sticky_actions);
            let mut stuck = vec![0.0; out.len()];
            self.translate(actions, Sticking::Always, &mut said, &mut executed);
            self.inner.expected_reward(&executed, &mut stuck)?;
            out.iter_mut().zip(stuck).for_each(|(free, stuck)| *free = (1.0 - p) * *free + p * stuck);
        }
        Ok(())
    }

    fn metrics(&self, row: usize, out: &mut [f64]) {
        let own = self.inner.spec().metrics.len();
        self.inner.metrics(row, &mut out[..own]);
        let mut more = out[own..].iter_mut();
        if self.modifiers.changes_rewards() {
            more.by_ref().take(1).for_each(|metric| *metric = self.rewards.observed[row]);
        }
        if self.cost.is_some() {
            more.for_each(|metric| *metric = self.rewards.total_cost[row]);
        }
    }

    fn paid(&self) -> Option<&[f32]> {
        self.modifiers.changes_rewards().then_some(&self.rewards.paid)
    }

    fn cost(&self) -> Option<&[f32]> {
        self.cost.is_some().then_some(&self.rewards.cost)
    }

    fn total_costs(&self, row: usize, out: &mut [f64]) {
        self.inner.total_costs(row, out);
    }

    fn finite(&self) -> Option<(Finite, Vec<f64>)> {
        None
    }

    fn optimum(&self) -> Optimum {
        if !self.modifiers.changes_optimum() {
            return self.inner.optimum();
        }
        let changed = || self.changed_optimum().expect("the world was made once with these parameters");
        self.optimum.get(changed).clone()
    }

    fn save(&self) -> Value {
        serde_json::json!({
            "world": self.inner.save(),
            "params": self.spec.params,
            "rng": self.rng,
            "first_row": self.first_row,
            "clocks": self.clocks,
            "items": self.carried_out.items,
            "reals": self.carried_out.reals,
            "rewards": self.rewards,
        })
    }

    fn restore(&mut self, saved: &Value) -> Result<()> {
        #[derive(Deserialize)]
        struct Saved {
            world: Value,
            params: Value,
            rng: Rng,
            first_row: u32,
            clocks: Vec<Clock>,
            items: Vec<u32>,
            reals: Vec<f32>,
            rewards: Rewards,
        }
        let saved = Saved::deserialize(saved).map_err(|error| Error::Restore(error.to_string()))?;
        if saved.params != self.spec.params {
            let (theirs, ours) = (&saved.params, &self.spec.params);
            return Err(Error::Restore(format!("it belongs to parameters {theirs}, these are {ours}")));
        }
        length("saved clocks", saved.clocks.len(), self.spec.rows)?;
        length("saved items", saved.items.len(), self.carried_out.items.len())?;
        length("saved reals", saved.reals.len(), self.carried_out.reals.len())?;
        if !saved.rewards.fits(&self.rewards) {
            return Err(Error::Restore("its rewards have another shape".into()));
        }
        self.inner.restore(&saved.world)?;
        (self.rng, self.first_row, self.clocks, self.rewards) =
            (saved.rng, saved.first_row, saved.clocks, saved.rewards);
        (self.carried_out.items, self.carried_out.reals) = (saved.items, saved.reals);
        (0..self.spec.rows).for_each(|row| self.draw_mask(row));
        Ok(())
    }
}
