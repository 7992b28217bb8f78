//! Worlds with several agents, which act at the same time: the sibling of [`Env`](crate::Env).
//!
//! A world with n agents occupies n adjacent rows of a vector: world w's agent i is row w · n + i, with an observation,
//! an action, a reward and metrics of its own; all share the episode and its stage. Random numbers are addressed by w.
//! To whoever trains or evaluates, such a vector is a [`VectorEnv`] like any other; how rows belong together is in
//! `Spec::agents`.
use crate::{
    env::{Field, Optimum, Reference},
    error::{Error, Result, parameter},
    oracle::finite::Finite,
    rng::{Domain, Purpose, Rng},
    space::{Actions, RowMut, Space},
    vector::{Episode, Saved, Slot, Spec, Stage, Start, VectorEnv, in_tasks, length},
};
use serde::{Serialize, de::DeserializeOwned};

/// The actions of all agents of one world.
#[derive(Clone, Copy)]
pub struct Joint<'a, S> {
    space: &'a S,
    actions: &'a Actions,
    first: usize,
}

impl<'a, S: Space> Joint<'a, S> {
    /// The action of `agent`.
    #[inline]
    pub fn of(&self, agent: usize) -> S::Elem<'a> {
        self.space.read(self.actions.row(self.first + agent))
    }
}

/// One simulated world with several agents, all with the same spaces. `self` holds the validated parameters and never
/// changes; an episode is a `State`. What [`Env`](crate::Env) says of random numbers and functions holds here too.
pub trait MultiEnv: Clone + Default + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Everything that an episode remembers.
    type State: Clone + Send + Sync + Serialize + DeserializeOwned;
    /// The action space of every agent.
    type Action: Space;
    /// Names of an agent's episode metrics, beside return and length.
    const METRICS: &'static [&'static str];
    /// Names of the reference policies beside `random`; a final capital letter stands for a number (`fixed-P`).
    const POLICIES: &'static [&'static str];

    /// Checks the parameters.
    ///
    /// # Errors
    /// Names the parameter, its value and the admissible range.
    fn validate(&self) -> Result<()>;
    /// Number of agents, at least 1.
    fn agents(&self) -> usize;
    /// The action space of every agent.
    fn action_space(&self) -> Self::Action;
    /// The named parts of an agent's observation row, in order.
    fn observation(&self) -> Vec<Field>;
    /// Steps after which an episode is cut (truncated) if it has not terminated.
    fn horizon(&self) -> u32;
    /// The world's own discount: 1 for finite horizons, 0 for bandits.
    fn discount(&self) -> f64;
    /// The start of an episode.
    fn reset(&self, rng: &Rng) -> Self::State;
    /// One step: writes every agent's reward and says whether the process ended.
    fn step(&self, state: &mut Self::State, joint: Joint<'_, Self::Action>, rng: &Rng, rewards: &mut [f32]) -> bool;
    /// Writes what `agent` observes, every number of it.
    fn observe(&self, state: &Self::State, agent: usize, row: &mut [f32]);
    /// Writes `agent`'s metrics at the end of an episode, in the order of [`METRICS`](MultiEnv::METRICS).
    fn metrics(&self, state: &Self::State, agent: usize, out: &mut [f64]);
    /// Writes every agent's E[reward | state, actions].
    fn expected_rewards(&self, state: &Self::State, joint: Joint<'_, Self::Action>, out: &mut [f64]);
    /// Writes `agent`'s action of a reference policy other than `random`.
    fn reference(&self, policy: &Reference, state: &Self::State, agent: usize, action: RowMut<'_>);
    /// What an agent can earn when all follow one policy, and the score's anchors, computed.
    fn optimum(&self) -> Optimum;
}

/// Several episodes of one world with several agents.
pub struct MultiVector<E: MultiEnv> {
    env: E,
    space: E::Action,
    spec: Spec,
    episodes: Vec<Episode<E::State>>,
    rng: Rng,
    first_world: u32,
}

impl<E: MultiEnv> MultiVector<E> {
    /// `rows` agents of `env`, at episode 0 of training seed 0 until [`VectorEnv::reset`] says otherwise.
    ///
    /// # Errors
    /// When a parameter is not admissible or `rows` is no multiple of the number of agents.
    pub fn new(id: &'static str, env: E, rows: usize) -> Result<Self> {
        env.validate()?;
        let agents = env.agents();
        if rows == 0 || !rows.is_multiple_of(agents) || u32::try_from(rows).is_err() {
            let range = format!("a positive multiple of the {agents} agents of a world, below 2^32");
            return Err(parameter("rows", rows, &range));
        }
        let space = env.action_space();
        let fields = env.observation();
        let spec = Spec {
            id,
            params: crate::registry::to_json(&env).map_err(|error| Error::Restore(error.to_string()))?,
            rows,
            agents,
            observation: fields.iter().map(|field| field.len).sum(),
            fields,
            shape: space.shape(),
            width: space.width(),
            horizon: env.horizon(),
            discount: env.discount(),
            metrics: E::METRICS.to_vec(),
            costs: &[],
            items: None,
            weights: &[],
            policies: E::POLICIES,
        };
        let rng = Rng::new(0, Domain::Training);
        let episodes = (0..(rows / agents) as u32).map(|world| first(&env, rng, world, 0)).collect();
        Ok(MultiVector { env, space, spec, episodes, rng, first_world: 0 })
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

    fn joint<'a>(&'a self, actions: &'a Actions, world: usize) -> Joint<'a, E::Action> {
        Joint { space: &self.space, actions, first: world * self.spec.agents }
    }

    /// Steps the worlds `from..from + episodes.len()`, whose outputs are given.
    fn step_worlds(
        (env, space, spec, rng): (&E, &E::Action, &Spec, Rng),
        (from, first_world): (usize, u32),
        episodes: &mut [Episode<E::State>],
        actions: &Actions,
        out: Slot<'_>,
    ) {
        let agents = spec.agents;
        for (i, episode) in episodes.iter_mut().enumerate() {
            let world = first_world.wrapping_add((from + i) as u32);
            let rewards = &mut out.reward[i * agents..][..agents];
            let stage = if episode.over {
                *episode = first(env, rng, world, episode.number.wrapping_add(1));
                rewards.fill(0.0);
                Stage::First
            } else {
                let here = rng.at(world, episode.number, episode.step);
                let joint = Joint { space, actions, first: (from + i) * agents };
                let terminated = env.step(&mut episode.state, joint, &here, rewards);
                episode.end_step(terminated, spec.horizon)
            };
            out.stage[i * agents..][..agents].fill(stage);
            let rows = out.observation[i * agents * spec.observation..].chunks_mut(spec.observation);
            rows.take(agents).enumerate().for_each(|(agent, row)| env.observe(&episode.state, agent, row));
        }
    }

    /// Writes the first observations of the worlds that `chosen` marks.
    fn announce(&self, chosen: impl Fn(usize) -> bool, out: Slot<'_>) {
        let (agents, len) = (self.spec.agents, self.spec.observation);
        for row in (0..self.spec.rows).filter(|row| chosen(row / agents)) {
            (out.reward[row], out.stage[row]) = (0.0, Stage::First);
            let state = &self.episodes[row / agents].state;
            self.env.observe(state, row % agents, &mut out.observation[row * len..][..len]);
        }
    }
}

fn first<E: MultiEnv>(env: &E, rng: Rng, world: u32, number: u32) -> Episode<E::State> {
    Episode { state: env.reset(&rng.at(world, number, 0)), number, step: 0, over: false }
}

impl<E: MultiEnv> VectorEnv for MultiVector<E> {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn reset(&mut self, start: Start, out: Slot<'_>) -> Result<()> {
        self.check_slot(&out)?;
        let agents = self.spec.agents as u32;
        if !start.first_row.is_multiple_of(agents) {
            return Err(parameter(
                "first_row",
                start.first_row,
                &format!("a multiple of the {agents} agents of a world"),
            ));
        }
        self.rng = Rng::new(start.seed, start.domain);
        self.first_world = start.first_row / agents;
        for (i, episode) in self.episodes.iter_mut().enumerate() {
            *episode = first(&self.env, self.rng, self.first_world.wrapping_add(i as u32), 0);
        }
        self.announce(|_| true, out);
        Ok(())
    }

    fn check(&self, actions: &Actions) -> Result<()> {
        self.check_widths(actions)?;
        for row in (0..self.spec.rows).filter(|row| !self.episodes[row / self.spec.agents].over) {
            self.space.check(actions.row(row)).map_err(|fault| Error::Action { row, fault })?;
        }
        Ok(())
    }

    fn step(&mut self, actions: &Actions, out: Slot<'_>) -> Result<()> {
        self.check_slot(&out)?;
        self.check(actions)?;
        let world = (&self.env, &self.space, &self.spec, self.rng);
        let first_world = self.first_world;
        in_tasks(&mut self.episodes, self.spec.agents, out, &|from, episodes, out| {
            Self::step_worlds(world, (from, first_world), episodes, actions, out);
        });
        Ok(())
    }

    /// As for any vector; the agents of one world are chosen together.
    fn next_episode(&mut self, chosen: &[bool], out: Slot<'_>) -> Result<()> {
        self.check_slot(&out)?;
        length("chosen", chosen.len(), self.spec.rows)?;
        let agents = self.spec.agents;
        if let Some(world) = chosen.chunks(agents).position(|rows| rows.iter().any(|row| *row != rows[0])) {
            return Err(parameter("chosen", format!("mixed in world {world}"), "the same for all agents of a world"));
        }
        for (i, episode) in self.episodes.iter_mut().enumerate().filter(|(i, _)| chosen[i * agents]) {
            let world = self.first_world.wrapping_add(i as u32);
            *episode = first(&self.env, self.rng, world, episode.number.wrapping_add(1));
        }
        self.announce(|world| chosen[world * agents], out);
        Ok(())
    }

    fn reference(&self, policy: &Reference, actions: &mut Actions) -> Result<()> {
        self.check_widths(actions)?;
        let agents = self.spec.agents;
        for (i, episode) in self.episodes.iter().enumerate() {
            let here = self.rng.at(self.first_world.wrapping_add(i as u32), episode.number, episode.step);
            let mut draws = here.stream(Purpose::POLICY);
            for agent in 0..agents {
                let row = actions.row_mut(i * agents + agent);
                if policy.name == Reference::RANDOM {
                    self.space.sample(&mut draws, row);
                } else {
                    self.env.reference(policy, &episode.state, agent, row);
                }
            }
        }
        Ok(())
    }

    fn expected_reward(&self, actions: &Actions, out: &mut [f64]) -> Result<()> {
        self.check(actions)?;
        length("expected reward", out.len(), self.spec.rows)?;
        for (i, (episode, expected)) in self.episodes.iter().zip(out.chunks_mut(self.spec.agents)).enumerate() {
            if episode.over {
                expected.fill(0.0);
            } else {
                self.env.expected_rewards(&episode.state, self.joint(actions, i), expected);
            }
        }
        Ok(())
    }

    fn metrics(&self, row: usize, out: &mut [f64]) {
        let agents = self.spec.agents;
        self.env.metrics(&self.episodes[row / agents].state, row % agents, out);
    }

    fn total_costs(&self, _: usize, _: &mut [f64]) {}

    fn finite(&self) -> Option<(Finite, Vec<f64>)> {
        None
    }

    fn optimum(&self) -> Optimum {
        self.env.optimum()
    }

    fn save(&self) -> serde_json::Value {
        Saved::write(&self.spec, self.rng, self.first_world, self.episodes.iter().map(Episode::saved).collect())
    }

    fn restore(&mut self, saved: &serde_json::Value) -> Result<()> {
        let saved = Saved::read(saved, &self.spec, self.episodes.len())?;
        (self.episodes, self.rng, self.first_world) = (saved.episodes()?, saved.rng, saved.first);
        Ok(())
    }
}
