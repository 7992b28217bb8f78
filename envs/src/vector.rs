//! Many episodes behind one virtual call: autoreset, horizon, and rows split over threads when that pays.
use crate::{
    env::{Env, Optimum, Outcome, Reference},
    error::{Error, Result},
    oracle::finite::Finite,
    rng::{Domain, LANES, Purpose, Rng},
    space::{Actions, Space},
};
use std::array::from_fn;

mod saved;
mod slot;
mod spec;
mod tasks;

pub(crate) use saved::Saved;
pub use slot::{Slot, Stage, Start};
pub use spec::Spec;
pub use tasks::THREADED_ROWS;
pub(crate) use tasks::in_tasks;

/// A batch of episodes of one world, whatever the world.
pub trait VectorEnv: Send {
    /// What this vector is.
    fn spec(&self) -> &Spec;
    /// Starts episode 0 of every row and writes the first observations.
    ///
    /// # Errors
    /// When a buffer of `out` has the wrong length.
    fn reset(&mut self, start: Start, out: Slot<'_>) -> Result<()>;
    /// Whether [`step`](VectorEnv::step) would take these actions; those of rows whose episode is over are ignored.
    ///
    /// # Errors
    /// When an action lies outside its space or there are too few or too many.
    fn check(&self, actions: &Actions) -> Result<()>;
    /// One step of every row, with next-step autoreset: the step after an episode's last observation ignores its
    /// action and starts the row's next episode.
    ///
    /// # Errors
    /// When an action lies outside its space or a buffer has the wrong length; then no row was stepped.
    fn step(&mut self, actions: &Actions, out: Slot<'_>) -> Result<()>;
    /// Starts the next episode of the rows that `chosen` marks, whether or not theirs is over, and writes their first
    /// observations; nothing changes in the other rows or in their places of `out`.
    ///
    /// # Errors
    /// When `chosen` or a buffer of `out` has the wrong length.
    fn next_episode(&mut self, chosen: &[bool], out: Slot<'_>) -> Result<()>;
    /// Writes the actions of a reference policy, which reads the true states.
    ///
    /// # Errors
    /// When `actions` has the wrong length.
    fn reference(&self, policy: &Reference, actions: &mut Actions) -> Result<()>;
    /// Writes E[reward | state, action] of every row; rows whose episode is over get 0.
    ///
    /// # Errors
    /// As [`step`](VectorEnv::step).
    fn expected_reward(&self, actions: &Actions, out: &mut [f64]) -> Result<()>;
    /// Writes the metrics of row `row`; they count at the last observation of an episode.
    fn metrics(&self, row: usize, out: &mut [f64]);
    /// What the world itself paid every row in the last step, where a modifier shows something else.
    fn paid(&self) -> Option<&[f32]> {
        None
    }
    /// What the last step cost every row, where the modifier `cost_signal` reads one of the world's costs.
    fn cost(&self) -> Option<&[f32]> {
        None
    }
    /// Writes what the episode of row `row` has cost so far, in the order of `Spec::costs`.
    fn total_costs(&self, row: usize, out: &mut [f64]);
    /// The world as a finite decision problem and its start distribution, where it is one.
    fn finite(&self) -> Option<(Finite, Vec<f64>)>;
    /// The optimum of the objective that is judged: of the rewards that the world itself pays.
    fn optimum(&self) -> Optimum;
    /// Everything needed to go on later from here.
    fn save(&self) -> serde_json::Value;
    /// Goes on from what [`save`](VectorEnv::save) returned.
    ///
    /// # Errors
    /// When the saved state belongs to another world or number of rows.
    fn restore(&mut self, saved: &serde_json::Value) -> Result<()>;
}

/// One row's episode.
#[derive(Clone, Debug)]
pub(crate) struct Episode<S> {
    pub(crate) state: S,
    pub(crate) number: u32,
    pub(crate) step: u32,
    pub(crate) over: bool,
}

/// `rows` episodes of one world.
pub struct Vector<E: Env> {
    env: E,
    space: E::Action,
    spec: Spec,
    episodes: Vec<Episode<E::State>>,
    rng: Rng,
    first_row: u32,
}

impl<E: Env> Vector<E> {
    /// `rows` episodes of `env`, at episode 0 of training seed 0 until [`VectorEnv::reset`] says otherwise.
    ///
    /// # Errors
    /// When a parameter is not admissible or `rows` is 0.
    pub fn new(id: &'static str, env: E, rows: usize) -> Result<Self> {
        env.validate()?;
        if rows == 0 || u32::try_from(rows).is_err() {
            return Err(crate::error::parameter("rows", rows, "between 1 and 2^32 - 1"));
        }
        let space = env.action_space();
        let fields = env.observation();
        let spec = Spec {
            id,
            params: crate::registry::to_json(&env).map_err(|error| Error::Restore(error.to_string()))?,
            rows,
            agents: 1,
            observation: fields.iter().map(|field| field.len).sum(),
            fields,
            shape: space.shape(),
            width: space.width(),
            horizon: env.horizon(),
            discount: env.discount(),
            metrics: env.metric_names().to_vec(),
            costs: E::COSTS,
            items: env.items(),
            weights: E::WEIGHTS,
            policies: E::POLICIES,
        };
        let rng = Rng::new(0, Domain::Training);
        let episodes = (0..rows as u32).map(|row| Episode::first(&env, rng, row)).collect();
        Ok(Vector { env, space, spec, episodes, rng, first_row: 0 })
    }

    /// The state of row `row`, for tests and analyses.
    pub fn state(&self, row: usize) -> &E::State {
        &self.episodes[row].state
    }

    fn check_slot(&self, out: &Slot<'_>) -> Result<()> {
        let rows = self.spec.rows;
        length("observation", out.observation.len(), rows * self.spec.observation)?;
        length("reward", out.reward.len(), rows)?;
        length("stage", out.stage.len(), rows)
    }

    fn check_widths(&self, actions: &Actions) -> Result<()> {
        length("items", actions.items.len(), self.spec.rows * self.spec.width.items)?;
        length("reals", actions.reals.len(), self.spec.rows * self.spec.width.reals)
    }

    /// Steps the rows `first..first + episodes.len()`, whose outputs are given.
    fn step_rows(
        (env, space, spec, rng): (&E, &E::Action, &Spec, Rng),
        (first, first_row): (usize, u32),
        episodes: &mut [Episode<E::State>],
        actions: &Actions,
        out: Slot<'_>,
    ) {
        let address = |i: usize| first_row.wrapping_add((first + i) as u32);
        let action = |i: usize| space.read(actions.row(first + i));
        let mut write = |i: usize, state: &E::State, reward: f32, stage: Stage| {
            (out.reward[i], out.stage[i]) = (reward, stage);
            env.observe(state, &mut out.observation[i * spec.observation..][..spec.observation]);
        };
        let mut i = 0;
        while i < episodes.len() {
            if E::SIDE_BY_SIDE
                && let Some(group) = episodes[i..].first_chunk_mut::<LANES>()
                && group.iter().all(|episode| !episode.over)
            {
                let here = from_fn(|lane| rng.at(address(i + lane), group[lane].number, group[lane].step));
                let actions = from_fn(|lane| action(i + lane));
                let outcomes = env.step_each(group.each_mut().map(|episode| &mut episode.state), actions, &here);
                for (episode, Outcome { reward, terminated }) in group.iter_mut().zip(outcomes) {
                    let stage = episode.end_step(terminated, spec.horizon);
                    write(i, &episode.state, reward, stage);
                    i += 1;
                }
                continue;
            }
            let episode = &mut episodes[i];
            let (reward, stage) = if episode.over {
                episode.restart(env, rng, address(i));
                (0.0, Stage::First)
            } else {
                let here = rng.at(address(i), episode.number, episode.step);
                let Outcome { reward, terminated } = env.step(&mut episode.state, action(i), &here);
                (reward, episode.end_step(terminated, spec.horizon))
            };
            write(i, &episode.state, reward, stage);
            i += 1;
        }
    }
}

impl<S> Episode<S> {
    /// Counts a step and says where the episode stands after it.
    #[inline]
    pub(crate) fn end_step(&mut self, terminated: bool, horizon: u32) -> Stage {
        self.step += 1;
        let stage = if terminated {
            Stage::Terminated
        } else if self.step == horizon {
            Stage::Truncated
        } else {
            Stage::Mid
        };
        self.over = stage.is_last();
        stage
    }
    fn first<E: Env<State = S>>(env: &E, rng: Rng, row: u32) -> Self {
        Episode { state: env.reset(&rng.at(row, 0, 0)), number: 0, step: 0, over: false }
    }
    fn restart<E: Env<State = S>>(&mut self, env: &E, rng: Rng, row: u32) {
        self.number = self.number.wrapping_add(1);
        env.restart(&mut self.state, &rng.at(row, self.number, 0));
        (self.step, self.over) = (0, false);
    }
}

pub(crate) fn length(what: &'static str, found: usize, expected: usize) -> Result<()> {
    if found == expected { Ok(()) } else { Err(Error::Length { what, found, expected }) }
}

impl<E: Env> VectorEnv for Vector<E> {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn reset(&mut self, start: Start, out: Slot<'_>) -> Result<()> {
        self.check_slot(&out)?;
        self.rng = Rng::new(start.seed, start.domain);
        self.first_row = start.first_row;
        let len = self.spec.observation;
        for (i, episode) in self.episodes.iter_mut().enumerate() {
            *episode = Episode::first(&self.env, self.rng, start.first_row.wrapping_add(i as u32));
            (out.reward[i], out.stage[i]) = (0.0, Stage::First);
            self.env.observe(&episode.state, &mut out.observation[i * len..][..len]);
        }
        Ok(())
    }

    fn check(&self, actions: &Actions) -> Result<()> {
        self.check_widths(actions)?;
        for (row, episode) in self.episodes.iter().enumerate() {
            if !episode.over {
                self.space.check(actions.row(row)).map_err(|fault| Error::Action { row, fault })?;
            }
        }
        Ok(())
    }

    fn step(&mut self, actions: &Actions, out: Slot<'_>) -> Result<()> {
        self.check_slot(&out)?;
        self.check(actions)?;
        let world = (&self.env, &self.space, &self.spec, self.rng);
        let first_row = self.first_row;
        in_tasks(&mut self.episodes, 1, out, &|first, episodes, out| {
            Self::step_rows(world, (first, first_row), episodes, actions, out);
        });
        Ok(())
    }

    fn next_episode(&mut self, chosen: &[bool], out: Slot<'_>) -> Result<()> {
        self.check_slot(&out)?;
        length("chosen rows", chosen.len(), self.spec.rows)?;
        let len = self.spec.observation;
        for i in (0..chosen.len()).filter(|i| chosen[*i]) {
            self.episodes[i].restart(&self.env, self.rng, self.first_row.wrapping_add(i as u32));
            (out.reward[i], out.stage[i]) = (0.0, Stage::First);
            self.env.observe(&self.episodes[i].state, &mut out.observation[i * len..][..len]);
        }
        Ok(())
    }

    fn reference(&self, policy: &Reference, actions: &mut Actions) -> Result<()> {
        self.check_widths(actions)?;
        for (i, episode) in self.episodes.iter().enumerate() {
            if policy.name == Reference::RANDOM {
                let here = self.rng.at(self.first_row.wrapping_add(i as u32), episode.number, episode.step);
                self.space.sample(&mut here.stream(Purpose::POLICY), actions.row_mut(i));
            } else {
                self.env.reference(policy, &episode.state, actions.row_mut(i));
            }
        }
        Ok(())
    }

    fn expected_reward(&self, actions: &Actions, out: &mut [f64]) -> Result<()> {
        self.check(actions)?;
        length("expected reward", out.len(), self.spec.rows)?;
        for (i, (episode, expected)) in self.episodes.iter().zip(out).enumerate() {
            *expected = if episode.over {
                0.0
            } else {
                self.env.expected_reward(&episode.state, self.space.read(actions.row(i)))
            };
        }
        Ok(())
    }

    fn metrics(&self, row: usize, out: &mut [f64]) {
        self.env.metrics(&self.episodes[row].state, out);
    }

    fn total_costs(&self, row: usize, out: &mut [f64]) {
        self.env.costs(&self.episodes[row].state, out);
    }

    fn finite(&self) -> Option<(Finite, Vec<f64>)> {
        self.env.finite()
    }

    fn optimum(&self) -> Optimum {
        self.env.optimum()
    }

    fn save(&self) -> serde_json::Value {
        Saved::write(&self.spec, self.rng, self.first_row, self.episodes.iter().map(Episode::saved).collect())
    }

    fn restore(&mut self, saved: &serde_json::Value) -> Result<()> {
        let saved = Saved::read(saved, &self.spec, self.spec.rows)?;
        (self.episodes, self.rng, self.first_row) = (saved.episodes()?, saved.rng, saved.first);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        registry::{Params, make},
        space::Width,
    };

    #[test]
    fn the_next_episode_by_hand_is_the_one_that_autoreset_starts() {
        let mut world = make("classic/cartpole-v1", &Params::new(), 2).expect("world");
        let (mut observation, mut reward, mut stage) = ([0.0; 8], [0.0; 2], [Stage::First; 2]);
        let mut act = |world: &mut dyn VectorEnv, chosen: Option<[bool; 2]>| {
            let slot = Slot { observation: &mut observation, reward: &mut reward, stage: &mut stage };
            match chosen {
                None => world.step(&Actions::new(2, Width { items: 1, reals: 0 }), slot),
                Some(chosen) => world.next_episode(&chosen, slot),
            }
            .expect("everything fits");
            (observation, stage)
        };
        // Always to the left: every episode ends within a dozen steps.
        while !act(world.as_mut(), None).1[0].is_last() {}
        let (by_itself, stage) = act(world.as_mut(), None);
        assert_eq!(stage[0], Stage::First);
        let mut world = make("classic/cartpole-v1", &Params::new(), 2).expect("world");
        let (before, _) = act(world.as_mut(), None);
        let (by_hand, stage) = act(world.as_mut(), Some([true, false]));
        assert_eq!((&by_hand[..4], stage), (&by_itself[..4], [Stage::First, Stage::Mid]));
        assert_eq!(by_hand[4..], before[4..], "the other row stays where it is");
    }
}
