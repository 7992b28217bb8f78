//! Deep Q-learning (Mnih et al. 2015) with double targets, dueling heads, n-step windows, prioritised replay and the
//! article's factored head as options: the one to read first.
use crate::{
    agent::{Agent, Policy, Progress},
    checkpoint::{Tensor, Tensors, misfit, taken},
    error::{Error, Result, setting},
    network::{Head, Network},
};
use envs::{Actions, Shape, Slot, Spec, Stage};
use kernels::{
    AdamConfig, Backend, Batch, ChooseConfig, Element, Memory, Priority, Ramp, SampleConfig, Span, TargetUpdate,
    TdConfig, Weights, clock,
};
use serde::{Deserialize, Serialize};

/// Settings; a *transition* is one step of one row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Widths of the hidden layers, each followed by a ReLU.
    pub hidden: Vec<usize>,
    /// What turns the last hidden layer into values: `plain`, `dueling` or `factored`.
    pub head: Head,
    /// Whether the online network chooses the action that the target network values (van Hasselt et al. 2016).
    pub double: bool,
    /// Length of the return's window in steps, 1 to 64 (Sutton 1988; 3 in Hessel et al. 2018).
    pub n_step: usize,
    /// Whether draws are prioritised (Schaul et al. 2016).
    pub priority: bool,
    /// Exponent α of the priorities, 0 to 1.
    pub priority_exponent: f32,
    /// Exponent β of the importance weights at the start, 0 to 1; it rises to 1 over `importance_updates`.
    pub importance: f32,
    /// Updates over which β rises to 1.
    pub importance_updates: u32,
    /// Added to |TD error| to form a priority.
    pub priority_offset: f32,
    /// Episodes played at once, 1 to 65536.
    pub rows: usize,
    /// Transitions that the replay ring holds: at least `rows · (2 · n_step + 14)`, at most 2³¹, with prioritised draws
    /// 2²³.
    pub memory: usize,
    /// Transitions before the first update.
    pub warmup: u64,
    /// Vector steps (of `rows` transitions each) from one round of learning to the next.
    pub update_every: u32,
    /// Updates in each round.
    pub updates: u32,
    /// Transitions per update.
    pub batch: usize,
    /// Discount γ; the world's own when it is not given.
    pub discount: Option<f32>,
    /// What rewards are multiplied by for learning, never for reporting.
    pub reward_scale: f32,
    /// Where the Huber loss turns linear; `inf` for half the squared error.
    #[serde(with = "extended")]
    pub huber: f32,
    /// Learning rate of Adam at the start.
    pub learning_rate: f32,
    /// Learning rate at the end; as at the start when it is not given.
    pub learning_rate_to: Option<f32>,
    /// Updates over which it goes there linearly.
    pub learning_rate_over: u32,
    /// Decay rates of Adam's moments.
    pub betas: [f32; 2],
    /// Adam's ε.
    pub epsilon: f32,
    /// Largest norm of the gradient; `inf` does not clip.
    #[serde(with = "extended")]
    pub clip: f32,
    /// L2 penalty.
    pub l2: f32,
    /// Decoupled weight decay.
    pub weight_decay: f32,
    /// Updates between two copies to the target network, when `target_rate` is 0.
    pub target_every: u32,
    /// Share of the way that the target network takes to the online one after every update; 0 copies instead.
    pub target_rate: f32,
    /// Probability of a random action at the start.
    pub explore_from: f32,
    /// Probability of a random action at the end.
    pub explore_to: f32,
    /// Transitions over which it falls.
    pub explore_over: u64,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            hidden: vec![64, 64],
            head: Head::Plain,
            double: false,
            n_step: 1,
            priority: false,
            priority_exponent: 0.6,
            importance: 0.4,
            importance_updates: 10_000,
            priority_offset: 0.01,
            rows: 8,
            memory: 100_000,
            warmup: 1_000,
            update_every: 1,
            updates: 1,
            batch: 64,
            discount: None,
            reward_scale: 1.0,
            huber: 1.0,
            learning_rate: 1e-3,
            learning_rate_to: None,
            learning_rate_over: 10_000,
            betas: [0.9, 0.999],
            epsilon: 1e-8,
            clip: 10.0,
            l2: 0.0,
            weight_decay: 0.0,
            target_every: 200,
            target_rate: 0.0,
            explore_from: 1.0,
            explore_to: 0.05,
            explore_over: 20_000,
        }
    }
}

/// Infinity as the string `inf`, because JSON does not have it as a number: there it reads as null.
mod extended {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(value: &f32, serializer: S) -> Result<S::Ok, S::Error> {
        if value.is_finite() { serializer.serialize_f32(*value) } else { serializer.serialize_str("inf") }
    }
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Extended {
            Number(f32),
            Text(String),
            Null(()),
        }
        match Extended::deserialize(deserializer)? {
            Extended::Number(value) => Ok(value),
            Extended::Null(()) => Ok(f32::INFINITY),
            Extended::Text(text) if text == "inf" => Ok(f32::INFINITY),
            Extended::Text(text) => Err(D::Error::custom(format!("`{text}` is neither a number nor `inf`"))),
        }
    }
}

impl Config {
    /// Checks the settings.
    ///
    /// # Errors
    /// Names the setting, its value and the admissible range.
    pub fn validate(&self) -> Result<()> {
        let within = |name, value: f32, range: std::ops::RangeInclusive<f32>| {
            let words = format!("between {} and {}", range.start(), range.end());
            if range.contains(&value) { Ok(()) } else { Err(setting(name, value, &words)) }
        };
        let least = |name, value: u64, least: u64| {
            if value >= least { Ok(()) } else { Err(setting(name, value, &format!("at least {least}"))) }
        };
        if self.hidden.len() > 8 || self.hidden.iter().any(|width| !(1..=8192).contains(width)) {
            return Err(setting("hidden", format!("{:?}", self.hidden), "at most 8 widths between 1 and 8192"));
        }
        if !(1..=64).contains(&self.n_step) {
            return Err(setting("n_step", self.n_step, "between 1 and 64"));
        }
        if !(1..=65_536).contains(&self.rows) {
            return Err(setting("rows", self.rows, "between 1 and 65536"));
        }
        if !(1..=65_536).contains(&self.batch) {
            return Err(setting("batch", self.batch, "between 1 and 65536"));
        }
        let most = 1 << if self.priority { 23 } else { 31 };
        if self.memory > most {
            return Err(setting("memory", self.memory, &format!("at most {most}")));
        }
        least("memory", self.memory as u64, self.least_memory() as u64)?;
        least("updates", self.updates.into(), 1)?;
        least("update_every", self.update_every.into(), 1)?;
        least("target_every", self.target_every.into(), 1)?;
        within("priority_exponent", self.priority_exponent, 0.0..=1.0)?;
        within("importance", self.importance, 0.0..=1.0)?;
        within("priority_offset", self.priority_offset, 1e-6..=1.0)?;
        within("discount", self.discount.unwrap_or(1.0), 0.0..=1.0)?;
        within("reward_scale", self.reward_scale, 1e-9..=1e9)?;
        within("huber", self.huber, 1e-9..=f32::INFINITY)?;
        within("learning_rate", self.learning_rate, 0.0..=1e6)?;
        within("learning_rate_to", self.learning_rate_to.unwrap_or(0.0), 0.0..=1e6)?;
        within("betas", self.betas[0], 0.0..=0.9999)?;
        within("betas", self.betas[1], 0.0..=0.999_999)?;
        within("epsilon", self.epsilon, 0.0..=1.0)?;
        within("clip", self.clip, 1e-9..=f32::INFINITY)?;
        within("l2", self.l2, 0.0..=1.0)?;
        within("weight_decay", self.weight_decay, 0.0..=1.0)?;
        within("target_rate", self.target_rate, 0.0..=1.0)?;
        within("explore_from", self.explore_from, 0.0..=1.0)?;
        within("explore_to", self.explore_to, 0.0..=1.0)
    }

    /// The smallest ring that always offers a transition.
    pub fn least_memory(&self) -> usize {
        self.rows * (2 * self.n_step + 14)
    }

    /// A number of transitions as vector steps, rounded up.
    fn vector_steps(&self, transitions: u64) -> u32 {
        u32::try_from(transitions.div_ceil(self.rows as u64)).unwrap_or(u32::MAX)
    }
}

/// The number of actions of a world that this agent can act in.
///
/// # Errors
/// When the actions are not discrete.
pub fn actions(spec: &Spec) -> Result<usize> {
    match spec.shape {
        Shape::Discrete(actions) => Ok(actions as usize),
        ref shape => {
            let has = shape.to_string();
            Err(Error::Space { agent: "dqn", needs: "a discrete action space", env: spec.id, has })
        }
    }
}

/// The agent.
pub struct Dqn<B: Backend> {
    tape: B::Tape, // first, so that a captured graph goes before the buffers it speaks of
    backend: B,
    config: Config,
    network: Network,
    sampling: SampleConfig,
    choosing: ChooseConfig,
    td: TdConfig,
    adam: AdamConfig,
    weights: Weights<B>,
    memory: Memory<B>,
    batch: Batch<B>,
    clock: B::Buf<u32>,
    acting: Acting<B>,
    learning: Learning<B>,
    steps: u64,
    updates: u64,
}

/// What acting works on.
struct Acting<B: Backend> {
    observation: B::Buf<f32>,
    outputs: Vec<B::Buf<f32>>,
    action: B::Buf<u32>,
}

/// What learning works on: outputs of the online network here and there, of the target network there, their gradients.
struct Learning<B: Backend> {
    online: Vec<B::Buf<f32>>,
    online_next: Option<Vec<B::Buf<f32>>>,
    target_next: Vec<B::Buf<f32>>,
    deltas: Vec<B::Buf<f32>>,
    summary: B::Buf<f32>,
}

impl<B: Backend> Dqn<B> {
    /// An agent for a world with discrete actions.
    ///
    /// # Errors
    /// When the actions are not discrete or a setting is not admissible.
    pub fn new(backend: B, config: Config, spec: &Spec, seed: u64) -> Result<Self> {
        Self::with_actions(backend, config, spec, actions(spec)?, seed)
    }

    /// An agent for `actions` alternatives, whatever they stand for.
    pub(crate) fn with_actions(backend: B, config: Config, spec: &Spec, actions: usize, seed: u64) -> Result<Self> {
        config.validate()?;
        if spec.rows != config.rows {
            return Err(setting("rows", config.rows, &format!("equal to the world's {} rows", spec.rows)));
        }
        let network = Network::new(spec.observation, &config.hidden, actions, config.head);
        let (rows, size) = (config.rows, config.batch);
        let slots = config.memory / rows;
        let chosen = network.can_choose();
        let importance = Ramp { from: config.importance, to: 1.0, over: config.importance_updates };
        let explore_over = config.vector_steps(config.explore_over);
        Ok(Dqn {
            tape: B::Tape::default(),
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
            choosing: ChooseConfig {
                actions,
                epsilon: Ramp { from: config.explore_from, to: config.explore_to, over: explore_over },
                seed,
            },
            td: TdConfig { actions, huber: config.huber, chosen },
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
            weights: Weights::new(&backend, &network.initial(seed))?,
            memory: Memory::new(&backend, slots, rows, spec.observation, config.priority)?,
            batch: Batch::new(&backend, size, spec.observation)?,
            clock: clock(&backend)?,
            acting: Acting {
                observation: backend.zeros(rows * spec.observation)?,
                outputs: network.outputs(&backend, rows, false)?,
                action: backend.zeros(rows)?,
            },
            learning: Learning {
                online: network.outputs(&backend, size, chosen)?,
                online_next: config.double.then(|| network.outputs(&backend, size, false)).transpose()?,
                target_next: network.outputs(&backend, size, false)?,
                deltas: network.outputs(&backend, size, chosen)?,
                summary: backend.zeros(2)?,
            },
            steps: 0,
            updates: 0,
            backend,
            config,
            network,
        })
    }

    /// A policy that only plays, over the same weights.
    pub(crate) fn player(&self, rows: usize) -> Result<Greedy<'_, B>> {
        Ok(Greedy {
            observation: self.backend.zeros(rows * self.memory.width)?,
            outputs: self.network.outputs(&self.backend, rows, false)?,
            action: self.backend.zeros(rows)?,
            reward: vec![0.0; rows],
            stage: vec![Stage::First; rows],
            dqn: self,
        })
    }

    /// The slot of the ring that the world writes next.
    fn head(&self) -> usize {
        (self.steps % self.memory.slots as u64) as usize
    }

    /// Vector steps before the first update: the warm-up, and at least one whole window.
    fn first_update(&self) -> u64 {
        let warmup = self.config.warmup.div_ceil(self.config.rows as u64);
        let window = 2 * self.config.n_step as u64 + 8;
        if warmup > window { warmup } else { window }
    }

    /// One round of learning, in the order of the paper's algorithm 1.
    fn round(&mut self) -> Result<()> {
        let Dqn { tape, backend, config, network, sampling, td, adam, weights, memory, batch, clock, .. } = self;
        let Learning { online, online_next, target_next, deltas, summary } = &mut self.learning;
        let (size, last) = (batch.size, online.len() - 1);
        backend.run(tape, |b| {
            for _ in 0..config.updates {
                b.sample(sampling, memory, clock, batch)?;
                let chosen = td.chosen.then_some(&batch.action);
                network.forward(b, size, &weights.theta, &batch.observation, chosen, online)?;
                network.forward(b, size, &weights.target, &batch.next, None, target_next)?;
                if let Some(online_next) = online_next {
                    network.forward(b, size, &weights.theta, &batch.next, None, online_next)?;
                }
                let doubled = online_next.as_ref().map(|outputs| &outputs[last]);
                b.td(td, batch, &online[last], &target_next[last], doubled, &mut deltas[last], summary)?;
                let chosen = td.chosen.then_some(&batch.action);
                let (theta, gradient) = (&weights.theta, &mut weights.gradient);
                network.backward(b, size, theta, &batch.observation, chosen, online, deltas, gradient)?;
                b.adam(adam, clock, weights)?;
                b.prioritise(sampling, memory, batch)?;
            }
            Ok(())
        })?;
        self.updates += u64::from(config.updates);
        Ok(())
    }
}

impl<B: Backend> Policy for Dqn<B> {
    fn slot(&mut self) -> Slot<'_> {
        let (numbers, cells) = (self.memory.numbers(self.head()), self.memory.cells(self.head()));
        let Memory { observation, reward, stage, .. } = &mut self.memory;
        Slot {
            observation: self.backend.stage(observation, numbers),
            reward: self.backend.stage(reward, cells.clone()),
            stage: self.backend.stage(stage, cells),
        }
    }

    fn act(&mut self, actions: &mut Actions) -> Result<()> {
        let (numbers, cells) = (self.memory.numbers(self.head()), self.memory.cells(self.head()));
        let Dqn { backend: b, config, network, memory, acting, clock, .. } = self;
        if config.reward_scale != 1.0 {
            b.stage(&mut memory.reward, cells.clone()).iter_mut().for_each(|reward| *reward *= config.reward_scale);
        }
        b.commit(&mut memory.observation, numbers)?;
        b.commit(&mut memory.reward, cells.clone())?;
        b.commit(&mut memory.stage, cells.clone())?;
        b.advance(&self.sampling, memory, clock)?;
        b.newest(memory, clock, &mut acting.observation)?;
        network.forward(b, config.rows, &self.weights.theta, &acting.observation, None, &mut acting.outputs)?;
        let q = &acting.outputs[acting.outputs.len() - 1];
        b.choose(&self.choosing, config.rows, q, clock, &mut acting.action)?;
        b.download(&acting.action, 0..config.rows, &mut actions.items)?;
        b.stage(&mut memory.action, cells.clone()).copy_from_slice(&actions.items);
        b.commit(&mut memory.action, cells)?;
        self.steps += 1;
        Ok(())
    }
}

impl<B: Backend> Agent for Dqn<B> {
    fn learn(&mut self) -> Result<()> {
        if self.steps < self.first_update() || !self.steps.is_multiple_of(u64::from(self.config.update_every)) {
            return Ok(());
        }
        self.round()
    }

    fn greedy(&self, rows: usize) -> Result<Box<dyn Policy + '_>> {
        Ok(Box::new(self.player(rows)?))
    }

    fn progress(&self) -> Result<Progress> {
        let epsilon = self.choosing.epsilon.at(u32::try_from(self.steps).unwrap_or(u32::MAX));
        if self.updates == 0 {
            return Ok(Progress { updates: 0, loss: None, mean_q: None, epsilon });
        }
        let mut summary = [0.0; 2];
        self.backend.download(&self.learning.summary, 0..2, &mut summary)?;
        for (what, value) in [("the loss", summary[0]), ("the mean Q", summary[1])] {
            if !value.is_finite() {
                return Err(Error::Diverged { what, value, updates: self.updates });
            }
        }
        let theta = host(&self.backend, &self.weights.theta, self.weights.len)?;
        if let Some(value) = theta.into_iter().find(|value| !value.is_finite()) {
            return Err(Error::Diverged { what: "a weight", value, updates: self.updates });
        }
        Ok(Progress { updates: self.updates, loss: Some(summary[0]), mean_q: Some(summary[1]), epsilon })
    }

    fn weights(&self) -> Result<Tensors> {
        let theta = host(&self.backend, &self.weights.theta, self.weights.len)?;
        Ok(Tensors::from([("theta".to_string(), Tensor::F32(theta))]))
    }

    fn save(&self) -> Result<Tensors> {
        let (b, w, m) = (&self.backend, &self.weights, &self.memory);
        let cells = m.slots * m.rows;
        let stage: Vec<Stage> = host(b, &m.stage, cells)?;
        let mut saved = self.weights()?;
        let mut put = |name: &str, tensor| saved.insert(name.to_string(), tensor);
        put("target", Tensor::F32(host(b, &w.target, w.len)?));
        put("first", Tensor::F32(host(b, &w.first, w.len)?));
        put("second", Tensor::F32(host(b, &w.second, w.len)?));
        put("powers", Tensor::F64(host(b, &w.powers, 2)?));
        put("clock", Tensor::U32(host(b, &self.clock, 2)?));
        put("counts", Tensor::U64(vec![self.steps, self.updates]));
        put("summary", Tensor::F32(host(b, &self.learning.summary, 2)?));
        put("memory.observation", Tensor::F32(host(b, &m.observation, cells * m.width)?));
        put("memory.action", Tensor::U32(host(b, &m.action, cells)?));
        put("memory.reward", Tensor::F32(host(b, &m.reward, cells)?));
        put("memory.stage", Tensor::U8(stage.into_iter().map(|stage| stage as u8).collect()));
        if let Some(tree) = &m.tree {
            put("memory.tree", Tensor::U64(host(b, &tree.nodes, 2 * tree.leaves)?));
        }
        Ok(saved)
    }

    fn restore(&mut self, saved: &Tensors) -> Result<()> {
        let (b, w, m) = (&self.backend, &mut self.weights, &mut self.memory);
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
        self.clock = b.upload(taken!(saved, U32, "clock", 2)?)?;
        self.learning.summary = b.upload(taken!(saved, F32, "summary", 2)?)?;
        m.observation = b.upload(taken!(saved, F32, "memory.observation", cells * m.width)?)?;
        m.action = b.upload(taken!(saved, U32, "memory.action", cells)?)?;
        m.reward = b.upload(taken!(saved, F32, "memory.reward", cells)?)?;
        let stage: Vec<Stage> = (taken!(saved, U8, "memory.stage", cells)?.iter())
            .map(|byte| STAGES.get(usize::from(*byte)).copied())
            .collect::<Option<_>>()
            .ok_or_else(|| misfit("memory.stage", "holds a number that is no stage"))?;
        m.stage = b.upload(&stage)?;
        if let Some(tree) = &mut m.tree {
            tree.nodes = b.upload(taken!(saved, U64, "memory.tree", 2 * tree.leaves)?)?;
        }
        let counts = taken!(saved, U64, "counts", 2)?;
        (self.steps, self.updates) = (counts[0], counts[1]);
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

/// A [`Dqn`] that only plays.
pub(crate) struct Greedy<'a, B: Backend> {
    dqn: &'a Dqn<B>,
    observation: B::Buf<f32>,
    outputs: Vec<B::Buf<f32>>,
    action: B::Buf<u32>,
    reward: Vec<f32>,
    stage: Vec<Stage>,
}

impl<B: Backend> Greedy<'_, B> {
    /// The values behind the last choice: rows × actions.
    pub(crate) fn values(&self, out: &mut [f32]) -> Result<()> {
        let q = &self.outputs[self.outputs.len() - 1];
        Ok(self.dqn.backend.download(q, 0..out.len(), out)?)
    }
}

impl<B: Backend> Policy for Greedy<'_, B> {
    fn slot(&mut self) -> Slot<'_> {
        let numbers: Span = 0..self.reward.len() * self.dqn.memory.width;
        Slot {
            observation: self.dqn.backend.stage(&mut self.observation, numbers),
            reward: &mut self.reward,
            stage: &mut self.stage,
        }
    }

    fn act(&mut self, actions: &mut Actions) -> Result<()> {
        let Dqn { backend: b, network, weights, choosing, clock, .. } = self.dqn;
        let rows = self.reward.len();
        b.commit(&mut self.observation, 0..rows * self.dqn.memory.width)?;
        network.forward(b, rows, &weights.theta, &self.observation, None, &mut self.outputs)?;
        let choosing = ChooseConfig { epsilon: Ramp::constant(0.0), ..*choosing };
        let q = &self.outputs[self.outputs.len() - 1];
        b.choose(&choosing, rows, q, clock, &mut self.action)?;
        b.download(&self.action, 0..rows, &mut actions.items)?;
        Ok(())
    }
}
