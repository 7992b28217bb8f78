//! What every deep Q-learner here is made of: replay ring, batch, parameters, clock, acting, checkpoints. Beside it an
//! agent is a [`Rule`]: how its network's outputs become values, and what one update does.
use crate::{
    agent::{Agent, Explanation, Policy, Progress, Trace, Update},
    checkpoint::{Tensor, Tensors, misfit, taken},
    dqn::Config,
    error::{Error, Result, setting},
    network::Network,
    noise::{Noise, effective},
};
use envs::{Actions, Slot, Spec, Stage, Width};
use kernels::{
    AdamConfig, Backend, Batch, ChooseConfig, Element, Memory, Priority, Ramp, SampleConfig, TargetUpdate, Weights,
    clock,
};

mod anatomy;
mod greedy;

pub(crate) use greedy::Greedy;

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
    /// What the values of a row are of, and how many there are; by default those of the actions.
    fn names(&self, network: &Network) -> Vec<String> {
        (0..network.actions).map(|action| format!("action {action}")).collect()
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

/// What an update works on.
pub struct Parts<B: Backend> {
    /// The settings.
    pub config: Config,
    /// Where the parameters sit.
    pub network: Network,
    /// How transitions are drawn.
    pub sampling: SampleConfig,
    /// How parameters are moved.
    pub adam: AdamConfig,
    /// The parameters; twice the network's length when it is noisy.
    pub weights: Weights<B>,
    /// Its noise, when it is.
    pub noise: Option<Noise<B>>,
    /// The replay ring.
    pub memory: Memory<B>,
    /// What the update learns from.
    pub batch: Batch<B>,
    /// Updates and steps made.
    pub clock: B::Buf<u32>,
    /// \[loss, mean Q(s, a)\] of the last update.
    pub summary: B::Buf<f32>,
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
    steps: u64,
    updates: u64,
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
        if spec.rows != config.rows {
            return Err(setting("rows", config.rows, &format!("equal to the world's {} rows", spec.rows)));
        }
        let network = network.with_mask(spec, actions);
        let (rows, size) = (config.rows, config.batch);
        let slots = config.memory / rows;
        let (reals, spread) = rule.reals();
        let mut theta = network.initial(seed);
        if config.noisy {
            theta.extend(network.initial_noise(config.noise));
        }
        let importance = Ramp { from: config.importance, to: 1.0, over: config.importance_updates };
        let explore_over = config.vector_steps(config.explore_over);
        Ok(Learner {
            tape: B::Tape::default(),
            choosing: ChooseConfig {
                actions,
                epsilon: Ramp { from: config.explore_from, to: config.explore_to, over: explore_over },
                spread,
                seed,
            },
            observation: backend.zeros(rows * spec.observation)?,
            pass: rule.pass(&backend, &network, rows)?,
            choice: Choice::new(&backend, rows, reals)?,
            parts: Parts {
                sampling: SampleConfig {
                    n_step: config.n_step,
                    discount: config.discount.unwrap_or(spec.discount as f32),
                    seed,
                    priority: config.priority.then_some(Priority {
                        exponent: config.priority_exponent,
                        importance,
                        offset: config.priority_offset,
                    }),
                },
                adam: AdamConfig {
                    rate: Ramp {
                        from: config.learning_rate,
                        to: config.learning_rate_to.unwrap_or(config.learning_rate),
                        over: config.learning_rate_over,
                    },
                    beta: config.betas,
                    epsilon: config.epsilon,
                    clip: config.clip,
                    l2: config.l2,
                    decay: config.weight_decay,
                    target: if config.target_rate > 0.0 {
                        TargetUpdate::Soft(config.target_rate)
                    } else {
                        TargetUpdate::Hard(config.target_every)
                    },
                },
                weights: Weights::new(&backend, &theta)?,
                noise: config.noisy.then(|| Noise::new(&backend, &network, seed)).transpose()?,
                memory: Memory::new(&backend, slots, rows, spec.observation, config.priority)?
                    .with_reals(&backend, reals)?,
                batch: Batch::new(&backend, size, spec.observation)?.with_reals(&backend, reals)?,
                clock: clock(&backend)?,
                summary: backend.zeros(2)?,
                config,
                network,
            },
            rule,
            steps: 0,
            updates: 0,
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

    /// The slot of the ring that the world writes next.
    fn head(&self) -> usize {
        (self.steps % self.parts.memory.slots as u64) as usize
    }

    /// Vector steps before the first update: the warm-up, and at least one whole window.
    fn first_update(&self) -> u64 {
        let config = &self.parts.config;
        let warmup = config.warmup.div_ceil(config.rows as u64);
        let window = 2 * config.n_step as u64 + 8;
        if warmup > window { warmup } else { window }
    }
}

impl<B: Backend, R: Rule<B>> Policy for Learner<B, R> {
    fn slot(&mut self) -> Slot<'_> {
        let head = self.head();
        let (numbers, cells) = (self.parts.memory.numbers(head), self.parts.memory.cells(head));
        let Memory { observation, reward, stage, .. } = &mut self.parts.memory;
        Slot {
            observation: self.backend.stage(observation, numbers),
            reward: self.backend.stage(reward, cells.clone()),
            stage: self.backend.stage(stage, cells),
        }
    }

    fn act(&mut self, actions: &mut Actions) -> Result<()> {
        self.take_in()?;
        let Learner { backend: b, parts, rule, choosing, observation, pass, choice, .. } = self;
        let Parts { config, network, memory, weights, noise, clock, .. } = parts;
        b.newest(memory, clock, observation)?;
        if let Some(noise) = noise {
            noise.draw_for_acting(b, weights, clock)?;
        }
        let (theta, _) = effective(noise, &weights.theta, &weights.target);
        rule.look(b, network, config.rows, theta, observation, pass)?;
        rule.choose(b, choosing, config.rows, pass, clock, choice)?;
        choice.download(b, actions)?;
        self.note(actions)
    }
}

impl<B: Backend, R: Rule<B>> Learner<B, R> {
    /// What the world wrote into the slot belongs to the ring from now on.
    fn take_in(&mut self) -> Result<()> {
        let head = self.head();
        let (b, Parts { config, memory, clock, sampling, .. }) = (&self.backend, &mut self.parts);
        let (numbers, cells) = (memory.numbers(head), memory.cells(head));
        if config.reward_scale != 1.0 {
            b.stage(&mut memory.reward, cells.clone()).iter_mut().for_each(|reward| *reward *= config.reward_scale);
        }
        b.commit(&mut memory.observation, numbers)?;
        b.commit(&mut memory.reward, cells.clone())?;
        b.commit(&mut memory.stage, cells)?;
        Ok(b.advance(sampling, memory, clock)?)
    }

    /// What was done there, by whomever.
    fn note(&mut self, actions: &Actions) -> Result<()> {
        let head = self.head();
        let (b, memory) = (&self.backend, &mut self.parts.memory);
        let (cells, reals) = (memory.cells(head), memory.real_numbers(head));
        if !actions.items.is_empty() {
            b.stage(&mut memory.action, cells.clone()).copy_from_slice(&actions.items);
            b.commit(&mut memory.action, cells)?;
        }
        if !actions.reals.is_empty() {
            b.stage(&mut memory.real, reals.clone()).copy_from_slice(&actions.reals);
            b.commit(&mut memory.real, reals)?;
        }
        self.steps += 1;
        Ok(())
    }
}

impl<B: Backend, R: Rule<B>> Agent for Learner<B, R> {
    fn learn(&mut self) -> Result<()> {
        let every = u64::from(self.parts.config.update_every);
        if self.steps < self.first_update() || !self.steps.is_multiple_of(every) {
            return Ok(());
        }
        self.study()
    }

    fn watch(&mut self, actions: &Actions) -> Result<()> {
        self.take_in()?;
        self.note(actions)
    }

    fn study(&mut self) -> Result<()> {
        let updates = self.parts.config.updates;
        let Learner { tape, backend, parts, rule, .. } = self;
        backend.run(tape, |b| (0..updates).try_for_each(|_| rule.update(b, parts)))?;
        self.updates += u64::from(updates);
        Ok(())
    }

    fn greedy(&self, rows: usize) -> Result<Box<dyn Policy + '_>> {
        Ok(Box::new(self.player(rows)?))
    }

    fn progress(&self) -> Result<Progress> {
        let epsilon = self.choosing.epsilon.at(u32::try_from(self.steps).unwrap_or(u32::MAX));
        let multiplier = self.rule.multiplier().map(|multiplier| host(&self.backend, multiplier, 1)).transpose()?;
        let multiplier = multiplier.map(|multiplier| multiplier[0]);
        if self.updates == 0 {
            return Ok(Progress { updates: 0, loss: None, mean_q: None, epsilon, multiplier });
        }
        let mut summary = [0.0; 2];
        self.backend.download(&self.parts.summary, 0..2, &mut summary)?;
        for (what, value) in [("the loss", summary[0]), ("the mean Q", summary[1])] {
            if !value.is_finite() {
                return Err(Error::Diverged { what, value, updates: self.updates });
            }
        }
        let theta = host(&self.backend, &self.parts.weights.theta, self.parts.weights.len)?;
        if let Some(value) = theta.into_iter().find(|value| !value.is_finite()) {
            return Err(Error::Diverged { what: "a weight", value, updates: self.updates });
        }
        Ok(Progress { updates: self.updates, loss: Some(summary[0]), mean_q: Some(summary[1]), epsilon, multiplier })
    }

    fn update(&self) -> Result<Update> {
        if self.updates == 0 {
            return Ok(Update { updates: 0, picks: Vec::new(), loss: None });
        }
        let picks = host(&self.backend, &self.parts.batch.pick, self.parts.batch.size)?;
        let loss = host(&self.backend, &self.parts.summary, 1)?[0];
        Ok(Update { updates: self.updates, picks, loss: Some(loss) })
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
        let theta = host(&self.backend, &self.parts.weights.theta, self.parts.weights.len)?;
        Ok(Tensors::from([("theta".to_string(), Tensor::F32(theta))]))
    }

    fn save(&self) -> Result<Tensors> {
        let (b, w, m) = (&self.backend, &self.parts.weights, &self.parts.memory);
        let cells = m.slots * m.rows;
        let stage: Vec<Stage> = host(b, &m.stage, cells)?;
        let mut saved = self.weights()?;
        let mut put = |name: &str, tensor| saved.insert(name.to_string(), tensor);
        put("target", Tensor::F32(host(b, &w.target, w.len)?));
        put("first", Tensor::F32(host(b, &w.first, w.len)?));
        put("second", Tensor::F32(host(b, &w.second, w.len)?));
        put("powers", Tensor::F64(host(b, &w.powers, 2)?));
        put("clock", Tensor::U32(host(b, &self.parts.clock, 2)?));
        put("counts", Tensor::U64(vec![self.steps, self.updates]));
        put("summary", Tensor::F32(host(b, &self.parts.summary, 2)?));
        put("memory.observation", Tensor::F32(host(b, &m.observation, cells * m.width)?));
        put("memory.action", Tensor::U32(host(b, &m.action, cells)?));
        if m.reals > 0 {
            put("memory.real", Tensor::F32(host(b, &m.real, cells * m.reals)?));
        }
        put("memory.reward", Tensor::F32(host(b, &m.reward, cells)?));
        put("memory.stage", Tensor::U8(stage.into_iter().map(|stage| stage as u8).collect()));
        if let Some(multiplier) = self.rule.multiplier() {
            put("multiplier", Tensor::F32(host(b, multiplier, 1)?));
        }
        if let Some(tree) = &m.tree {
            put("memory.tree", Tensor::U64(host(b, &tree.nodes, 2 * tree.leaves)?));
        }
        Ok(saved)
    }

    fn restore(&mut self, saved: &Tensors) -> Result<()> {
        let (b, w, m) = (&self.backend, &mut self.parts.weights, &mut self.parts.memory);
        self.tape = B::Tape::default();
        w.theta = b.upload(taken!(saved, F32, "theta", w.len)?)?;
        if !saved.contains_key("counts") {
            w.target = b.upload(taken!(saved, F32, "theta", w.len)?)?;
            return Ok(());
        }
        let cells = m.slots * m.rows;
        w.target = b.upload(taken!(saved, F32, "target", w.len)?)?;
        w.first = b.upload(taken!(saved, F32, "first", w.len)?)?;
        w.second = b.upload(taken!(saved, F32, "second", w.len)?)?;
        w.powers = b.upload(taken!(saved, F64, "powers", 2)?)?;
        self.parts.clock = b.upload(taken!(saved, U32, "clock", 2)?)?;
        self.parts.summary = b.upload(taken!(saved, F32, "summary", 2)?)?;
        let observation = taken!(saved, F32, "memory.observation", cells * m.width)?;
        let reward = taken!(saved, F32, "memory.reward", cells)?;
        m.observation = b.upload(observation)?;
        m.action = b.upload(taken!(saved, U32, "memory.action", cells)?)?;
        if m.reals > 0 {
            m.real = b.upload(taken!(saved, F32, "memory.real", cells * m.reals)?)?;
        }
        m.reward = b.upload(reward)?;
        let stage: Vec<Stage> = (taken!(saved, U8, "memory.stage", cells)?.iter())
            .map(|byte| STAGES.get(usize::from(*byte)).copied())
            .collect::<Option<_>>()
            .ok_or_else(|| misfit("memory.stage", "holds a number that is no stage"))?;
        m.stage = b.upload(&stage)?;
        if let Some(tree) = &mut m.tree {
            tree.nodes = b.upload(taken!(saved, U64, "memory.tree", 2 * tree.leaves)?)?;
        }
        m.reserve(b)?;
        if let Some(multiplier) = self.rule.multiplier_mut() {
            *multiplier = b.upload(taken!(saved, F32, "multiplier", 1)?)?;
        }
        let counts = taken!(saved, U64, "counts", 2)?;
        (self.steps, self.updates) = (counts[0], counts[1]);
        // The world wrote the head slot, and nobody has committed it: `act` does, from what is staged.
        let head = self.head();
        let (b, m) = (&self.backend, &mut self.parts.memory);
        let (numbers, cells) = (m.numbers(head), m.cells(head));
        b.stage(&mut m.observation, numbers.clone()).copy_from_slice(&observation[numbers]);
        b.stage(&mut m.reward, cells.clone()).copy_from_slice(&reward[cells.clone()]);
        b.stage(&mut m.stage, cells.clone()).copy_from_slice(&stage[cells]);
        Ok(())
    }
}

/// Every stage at the index of its byte.
const STAGES: [Stage; 4] = [Stage::First, Stage::Mid, Stage::Terminated, Stage::Truncated];

fn host<B: Backend, T: Element>(backend: &B, buffer: &B::Buf<T>, len: usize) -> Result<Vec<T>> {
    let mut numbers = vec![T::default(); len];
    backend.download(buffer, 0..len, &mut numbers)?;
    Ok(numbers)
}
