//! What every deep Q-learner here is made of: replay ring, batch, parameters, clock, acting, checkpoints. Beside it an
//! agent is a [`Rule`]: how its network's outputs become values, and what one update does.
use crate::{
    agent::{Agent, Explanation, Policy, Progress, Trace, Update},
    checkpoint::Tensors,
    dqn::Config,
    error::Result,
    network::Network,
    noise::effective,
};
use envs::{Actions, Slot, Spec, Stage, Width};
use kernels::{Backend, ChooseConfig, Ramp};

mod anatomy;
mod greedy;
mod parts;
mod saved;

pub(crate) use greedy::Greedy;
pub use parts::Parts;

/// What makes one agent of the family differ from another.
pub trait Rule<B: Backend>: Send + Sync {
    /// Buffers of a pass from observations to values.
    type Pass: Send + Sync;

    /// Buffers for `rows` observations.
    ///
    /// # Errors
    /// When the device has no room.
    fn pass(&self, backend: &B, network: &Network, rows: usize) -> kernels::Result<Self::Pass>;
    /// Fills the pass from observations\[rows × length\], with the parameters `theta`.
    ///
    /// # Errors
    /// When the device fails.
    fn look(
        &self,
        backend: &B,
        network: &Network,
        rows: usize,
        theta: &B::Buf<f32>,
        observation: &B::Buf<f32>,
        pass: &mut Self::Pass,
    ) -> kernels::Result<()>;
    /// The values in a pass: rows × actions, or one for each row where actions are real numbers alone.
    fn values<'a>(&self, pass: &'a Self::Pass) -> &'a B::Buf<f32>;
    /// What the values of a row are of; by default those of the actions.
    fn names(&self, network: &Network) -> Vec<String> {
        (0..network.actions).map(|action| format!("action {action}")).collect()
    }
    /// How many numbers a row has: its values and what stands behind them.
    fn numbers(&self, network: &Network) -> usize {
        self.names(network).len()
    }
    /// What stands behind the values, where a choice is learnt: its measure, and what the numbers are of.
    fn appeal(&self) -> Option<(&'static str, Vec<String>)> {
        None
    }
    /// Whether an action is the index of the largest value.
    fn is_greedy_choice(&self) -> bool {
        true
    }
    /// How many real numbers an action has, and the standard deviation of the noise that they are explored with.
    fn reals(&self) -> (usize, f32) {
        (0, 0.0)
    }
    /// From a pass to an action per row.
    ///
    /// # Errors
    /// When the device fails.
    fn choose(
        &self,
        backend: &B,
        choosing: &ChooseConfig,
        rows: usize,
        pass: &Self::Pass,
        clock: &B::Buf<u32>,
        choice: &mut Choice<B>,
    ) -> kernels::Result<()> {
        backend.choose(choosing, rows, self.values(pass), clock, &mut choice.action)
    }
    /// The Lagrange multiplier of a constraint, where the rule has one.
    fn multiplier(&self) -> Option<&B::Buf<f32>> {
        None
    }
    /// The same, for a run that goes on.
    fn multiplier_mut(&mut self) -> Option<&mut B::Buf<f32>> {
        None
    }
    /// One update.
    ///
    /// # Errors
    /// When the device fails.
    fn update(&mut self, backend: &B, parts: &mut Parts<B>) -> kernels::Result<()>;
}

/// Actions on the device.
pub struct Choice<B: Backend> {
    /// rows: an index, where actions have one.
    pub action: B::Buf<u32>,
    /// rows × reals: real numbers in \[−1, 1\], where actions have some.
    pub real: B::Buf<f32>,
}

impl<B: Backend> Choice<B> {
    fn new(backend: &B, rows: usize, reals: usize) -> Result<Self> {
        Ok(Choice { action: backend.zeros(rows)?, real: backend.zeros(rows * reals)? })
    }

    /// Copies the actions of `rows` rows, as far as `actions` has room for indices and real numbers.
    fn download(&self, backend: &B, actions: &mut Actions) -> Result<()> {
        backend.download(&self.action, 0..actions.items.len(), &mut actions.items)?;
        Ok(backend.download(&self.real, 0..actions.reals.len(), &mut actions.reals)?)
    }
}

/// A deep Q-learner with the rule `R`.
pub struct Learner<B: Backend, R: Rule<B>> {
    tape: B::Tape, // first, so that a captured graph goes before the buffers it speaks of
    backend: B,
    parts: Parts<B>,
    rule: R,
    choosing: ChooseConfig,
    observation: B::Buf<f32>,
    pass: R::Pass,
    choice: Choice<B>,
}

impl<B: Backend, R: Rule<B>> Learner<B, R> {
    /// An agent for `actions` alternatives; `config` has been validated.
    pub(crate) fn build(
        backend: B,
        config: Config,
        network: Network,
        spec: &Spec,
        actions: usize,
        seed: u64,
        rule: R,
    ) -> Result<Self> {
        let network = network.with_mask(spec, actions);
        let (rows, (reals, spread)) = (config.rows, rule.reals());
        let over = config.vector_steps(config.explore_over);
        let epsilon = Ramp { from: config.explore_from, to: config.explore_to, over };
        let parts = Parts::new(&backend, config, network, spec, reals, seed)?;
        Ok(Learner {
            tape: B::Tape::default(),
            choosing: ChooseConfig { actions, epsilon, spread, seed },
            observation: backend.zeros(rows * spec.observation)?,
            pass: rule.pass(&backend, &parts.network, rows)?,
            choice: Choice::new(&backend, rows, reals)?,
            parts,
            rule,
            backend,
        })
    }

    /// The device, what updates work on, and the rule.
    pub(crate) fn taken_apart(self) -> (B, Parts<B>, R) {
        (self.backend, self.parts, self.rule)
    }

    /// A policy that only plays, over the same weights.
    pub(crate) fn player(&self, rows: usize) -> Result<Greedy<'_, B, R>> {
        let numbers = rows * self.parts.memory.width;
        let mut observation = self.backend.zeros(numbers)?;
        self.backend.reserve(&mut observation, numbers)?;
        Ok(Greedy {
            observation,
            pass: self.rule.pass(&self.backend, &self.parts.network, rows)?,
            choice: Choice::new(&self.backend, rows, self.parts.memory.reals)?,
            reward: vec![0.0; rows],
            stage: vec![Stage::First; rows],
            learner: self,
        })
    }
}

impl<B: Backend, R: Rule<B>> Policy for Learner<B, R> {
    fn slot(&mut self) -> Slot<'_> {
        self.parts.slot(&self.backend)
    }

    fn act(&mut self, actions: &mut Actions) -> Result<()> {
        self.parts.take_in(&self.backend)?;
        let Learner { backend: b, parts, rule, choosing, observation, pass, choice, .. } = self;
        let Parts { config, network, memory, weights, noise, clock, .. } = &mut *parts;
        b.newest(memory, clock, observation)?;
        if let Some(noise) = noise {
            noise.draw_for_acting(b, weights, clock)?;
        }
        let (theta, _) = effective(noise, &weights.theta, &weights.target);
        rule.look(b, network, config.rows, theta, observation, pass)?;
        rule.choose(b, choosing, config.rows, pass, clock, choice)?;
        choice.download(b, actions)?;
        parts.note(b, actions)
    }
}

impl<B: Backend, R: Rule<B>> Agent for Learner<B, R> {
    fn learn(&mut self) -> Result<()> {
        if self.parts.is_due() { self.study() } else { Ok(()) }
    }

    fn watch(&mut self, actions: &Actions) -> Result<()> {
        self.parts.take_in(&self.backend)?;
        self.parts.note(&self.backend, actions)
    }

    fn study(&mut self) -> Result<()> {
        let Learner { tape, backend, parts, rule, .. } = self;
        let updates = parts.config.updates;
        backend.run(tape, |b| (0..updates).try_for_each(|_| rule.update(b, parts)))?;
        parts.updates += u64::from(updates);
        Ok(())
    }

    fn greedy(&self, rows: usize) -> Result<Box<dyn Policy + '_>> {
        Ok(Box::new(self.player(rows)?))
    }

    fn progress(&self) -> Result<Progress> {
        self.parts.progress(&self.backend, &self.choosing.epsilon, self.rule.multiplier())
    }

    fn update(&self) -> Result<Update> {
        self.parts.update(&self.backend)
    }

    fn trace(&self) -> Result<Option<Trace>> {
        self.traced()
    }

    fn explain(&self, observations: &[f32]) -> Result<Option<Vec<Explanation>>> {
        let width = Width { items: 1, reals: self.parts.memory.reals };
        let own = Actions::new(self.rows_of(observations), width);
        self.explained(observations, own).map(|(explained, _)| Some(explained))
    }

    fn weights(&self) -> Result<Tensors> {
        self.parts.theta(&self.backend)
    }

    fn save(&self) -> Result<Tensors> {
        self.parts.save(&self.backend, self.rule.multiplier())
    }

    fn restore(&mut self, saved: &Tensors) -> Result<()> {
        self.tape = B::Tape::default();
        self.parts.restore(&self.backend, saved, self.rule.multiplier_mut())
    }
}
