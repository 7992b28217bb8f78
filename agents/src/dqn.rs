//! Deep Q-learning (Mnih et al. 2015) with double targets, dueling heads, n-step windows, prioritised replay, noisy
//! layers, Munchausen targets and the article's factored head as options: the one to read first.
use crate::{
    error::{Error, Result, setting},
    learner::{Learner, Parts, Rule},
    network::{Head, Network},
    noise::effective,
};
use envs::{Shape, Spec};
use kernels::{Backend, MunchausenConfig, TdConfig};
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
    /// Whether targets are those of Munchausen DQN (Vieillard et al. 2020), without `double`.
    pub munchausen: bool,
    /// Temperature τ of Munchausen's policy.
    pub temperature: f32,
    /// Share α of its log-probability that is added to the reward.
    pub bonus: f32,
    /// What τ ln π is at least taken for.
    pub bonus_floor: f32,
    /// Whether dense layers are noisy (Fortunato et al. 2018); goes with `explore_from = explore_to = 0`.
    pub noisy: bool,
    /// Initial scale σ₀ of the noise.
    pub noise: f32,
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
            munchausen: false,
            temperature: 0.03,
            bonus: 0.9,
            bonus_floor: -1.0,
            noisy: false,
            noise: 0.5,
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
        if self.munchausen && self.double {
            return Err(setting("munchausen", true, "false with `double`: it has no best action to choose"));
        }
        within("temperature", self.temperature, 1e-6..=1e6)?;
        within("bonus", self.bonus, 0.0..=1.0)?;
        within("bonus_floor", self.bonus_floor, -1e6..=0.0)?;
        within("noise", self.noise, 0.0..=10.0)?;
        within("explore_from", self.explore_from, 0.0..=1.0)?;
        within("explore_to", self.explore_to, 0.0..=1.0)
    }

    /// Checks that no setting is on that distributions of returns do not go with.
    ///
    /// # Errors
    /// Names the setting.
    pub fn validate_for_distributions(&self) -> Result<()> {
        if self.head == Head::Factored {
            return Err(setting("head", "factored", "plain or dueling, for distributions of returns"));
        }
        if self.munchausen {
            return Err(setting("munchausen", true, "false, for distributions of returns"));
        }
        Ok(())
    }

    /// The smallest ring that always offers a transition.
    pub fn least_memory(&self) -> usize {
        self.rows * (2 * self.n_step + 14)
    }

    /// A number of transitions as vector steps, rounded up.
    pub(crate) fn vector_steps(&self, transitions: u64) -> u32 {
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
pub type Dqn<B> = Learner<B, Values<B>>;

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
        let network = Network::new(spec.observation, &config.hidden, actions, 1, config.head);
        let (size, chosen) = (config.batch, network.can_choose());
        let td = TdConfig { actions, huber: config.huber, chosen };
        let Config { temperature, bonus: share, bonus_floor: floor, .. } = config;
        let rule = Values {
            td,
            munchausen: MunchausenConfig { td, temperature, share, floor },
            target: config.munchausen.then(|| network.outputs(&backend, size, false)).transpose()?,
            online: network.outputs(&backend, size, chosen)?,
            online_next: config.double.then(|| network.outputs(&backend, size, false)).transpose()?,
            target_next: network.outputs(&backend, size, false)?,
            deltas: network.outputs(&backend, size, chosen)?,
        };
        Learner::build(backend, config, network, spec, actions, seed, rule)
    }
}

/// What learning works on: outputs of the online network here and there, of the target network here and there, their
/// gradients.
pub struct Values<B: Backend> {
    td: TdConfig,
    munchausen: MunchausenConfig,
    target: Option<Vec<B::Buf<f32>>>,
    online: Vec<B::Buf<f32>>,
    online_next: Option<Vec<B::Buf<f32>>>,
    target_next: Vec<B::Buf<f32>>,
    deltas: Vec<B::Buf<f32>>,
}

impl<B: Backend> Rule<B> for Values<B> {
    type Pass = Vec<B::Buf<f32>>;

    fn pass(&self, b: &B, network: &Network, rows: usize) -> kernels::Result<Self::Pass> {
        network.outputs(b, rows, false)
    }

    fn look(
        &self,
        b: &B,
        network: &Network,
        rows: usize,
        theta: &B::Buf<f32>,
        observation: &B::Buf<f32>,
        outputs: &mut Self::Pass,
    ) -> kernels::Result<()> {
        network.forward(b, rows, theta, observation, None, outputs)?;
        let last = outputs.len() - 1;
        network.close(b, rows, observation, &mut outputs[last])
    }

    fn values<'a>(&self, outputs: &'a Self::Pass) -> &'a B::Buf<f32> {
        &outputs[outputs.len() - 1]
    }

    /// One update, in the order of the paper's algorithm 1.
    fn update(&mut self, b: &B, parts: &mut Parts<B>) -> kernels::Result<()> {
        let Parts { network, sampling, adam, weights, memory, batch, clock, summary, noise, .. } = parts;
        let Values { td, munchausen, online, online_next, target, target_next, deltas } = self;
        let (size, last) = (batch.size, online.len() - 1);
        b.sample(sampling, memory, clock, batch)?;
        if let Some(noise) = noise {
            noise.draw_for_learning(b, weights, clock)?;
        }
        let (theta, behind) = effective(noise, &weights.theta, &weights.target);
        let chosen = td.chosen.then_some(&batch.action);
        network.forward(b, size, theta, &batch.observation, chosen, online)?;
        network.forward(b, size, behind, &batch.next, None, target_next)?;
        if let Some(target) = target {
            network.forward(b, size, behind, &batch.observation, None, target)?;
            network.close(b, size, &batch.observation, &mut target[last])?;
            network.close(b, size, &batch.next, &mut target_next[last])?;
            b.munchausen(
                munchausen,
                batch,
                &online[last],
                &target[last],
                &target_next[last],
                &mut deltas[last],
                summary,
            )?;
        } else {
            if let Some(online_next) = online_next {
                network.forward(b, size, theta, &batch.next, None, online_next)?;
            }
            let chooser = online_next.as_mut().unwrap_or(target_next);
            network.close(b, size, &batch.next, &mut chooser[last])?;
            let doubled = online_next.as_ref().map(|outputs| &outputs[last]);
            b.td(td, batch, &online[last], &target_next[last], doubled, &mut deltas[last], summary)?;
        }
        let chosen = td.chosen.then_some(&batch.action);
        let gradient = &mut weights.gradient;
        network.backward(b, size, theta, &batch.observation, chosen, online, deltas, gradient)?;
        if let Some(noise) = noise {
            noise.back(b, gradient)?;
        }
        b.adam(adam, clock, weights)?;
        b.prioritise(sampling, memory, batch)
    }
}
