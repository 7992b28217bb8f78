//! Discrete batch-constrained Q-learning (Fujimoto, Conti, Ghavamzadeh and Pineau 2019, "Benchmarking batch deep
//! reinforcement learning algorithms", algorithm 1): for learning from a log. A second network learns by likelihood what
//! the behaviour policy does; the best action is looked for only among those that it would do, in the target and in
//! play. Everything else is [`crate::dqn`]'s, with double targets.
//!
//! An action is possible where its probability is at least `threshold` times the largest one. Both networks have the same
//! hidden layers and learn in the same update; the paper's penalty on the size of logits is left to `l2`.
use crate::{
    dqn,
    error::{Result, setting},
    learner::{Learner, Parts, Rule},
    network::{Head, Network},
};
use envs::{Spec, math::ln};
use kernels::{Backend, LikelihoodConfig, TdConfig};
use serde::{Deserialize, Serialize};

/// Settings: the constraint, then those of [`dqn::Config`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// The paper's τ: how likely an action must be, as a share of the likeliest, 0 to 1; 0 allows every action, 1 only
    /// the likeliest.
    pub threshold: f32,
    /// How values are learnt.
    #[serde(flatten)]
    pub dqn: dqn::Config,
}

impl Default for Config {
    fn default() -> Self {
        Config { threshold: 0.3, dqn: dqn::Config { double: true, ..dqn::Config::default() } }
    }
}

impl Config {
    /// Checks the settings.
    ///
    /// # Errors
    /// Names the setting, its value and the admissible range.
    pub fn validate(&self) -> Result<()> {
        if !(0.0..=1.0).contains(&self.threshold) {
            return Err(setting("threshold", self.threshold, "between 0 and 1"));
        }
        self.dqn.validate()?;
        let only = |name, holds: bool, found: &str, needed| {
            if holds { Ok(()) } else { Err(setting(name, found, needed)) }
        };
        only("munchausen", !self.dqn.munchausen, "true", "false, beside a behaviour policy")?;
        only("noisy", !self.dqn.noisy, "true", "false: a log needs no exploration")?;
        only("double", self.dqn.double, "false", "true: the online network chooses among what is possible")
    }
}

/// The agent.
pub type Bcq<B> = Learner<B, Constrained<B>>;

impl<B: Backend> Bcq<B> {
    /// An agent for a world with discrete actions.
    ///
    /// # Errors
    /// When the actions are not discrete or a setting is not admissible.
    pub fn constrained(backend: B, config: Config, spec: &Spec, seed: u64) -> Result<Self> {
        config.validate()?;
        let actions = dqn::actions(spec)?;
        let Config { threshold, dqn: config } = config;
        let values = Network::new(spec.observation, &config.hidden, actions, 1, config.head);
        let behaviour = Network::new(spec.observation, &config.hidden, actions, 1, Head::Plain);
        let (network, behaviour) = values.beside(behaviour);
        let (b, size) = (&backend, config.batch);
        let rule = Constrained {
            td: TdConfig { actions, huber: config.huber, chosen: false },
            imitation: LikelihoodConfig { actions, share: 1.0, adds: false },
            floor: ln(threshold),
            online: network.outputs(b, size, false)?,
            online_next: network.outputs(b, size, false)?,
            target_next: network.outputs(b, size, false)?,
            deltas: network.outputs(b, size, false)?,
            logits: behaviour.outputs(b, size, false)?,
            dlogits: behaviour.outputs(b, size, false)?,
            gap: b.zeros(size)?,
            behaviour,
        };
        Learner::build(backend, config, network, spec, actions, seed, rule)
    }
}

/// What learning works on: values of the online network here and there, of the target network there, logits of the
/// behaviour policy, their gradients, minus the log-likelihood of each action taken.
pub struct Constrained<B: Backend> {
    td: TdConfig,
    imitation: LikelihoodConfig,
    floor: f32,
    behaviour: Network,
    online: Vec<B::Buf<f32>>,
    online_next: Vec<B::Buf<f32>>,
    target_next: Vec<B::Buf<f32>>,
    deltas: Vec<B::Buf<f32>>,
    logits: Vec<B::Buf<f32>>,
    dlogits: Vec<B::Buf<f32>>,
    gap: B::Buf<f32>,
}

impl<B: Backend> Rule<B> for Constrained<B> {
    /// Values, and logits of the behaviour policy.
    type Pass = (Vec<B::Buf<f32>>, Vec<B::Buf<f32>>);

    fn pass(&self, b: &B, network: &Network, rows: usize) -> kernels::Result<Self::Pass> {
        Ok((network.outputs(b, rows, false)?, self.behaviour.outputs(b, rows, false)?))
    }

    fn look(
        &self,
        b: &B,
        network: &Network,
        rows: usize,
        theta: &B::Buf<f32>,
        observation: &B::Buf<f32>,
        (outputs, logits): &mut Self::Pass,
    ) -> kernels::Result<()> {
        network.forward(b, rows, theta, observation, None, outputs)?;
        self.behaviour.forward(b, rows, theta, observation, None, logits)?;
        let (values, top) = (outputs.len() - 1, logits.len() - 1);
        b.close_unlikely(self.td.actions, rows, self.floor, &logits[top], &mut outputs[values])?;
        network.close(b, rows, observation, &mut outputs[values])
    }

    fn values<'a>(&self, (outputs, _): &'a Self::Pass) -> &'a B::Buf<f32> {
        &outputs[outputs.len() - 1]
    }

    /// One update, in the order of the paper's algorithm 1.
    fn update(&mut self, b: &B, parts: &mut Parts<B>) -> kernels::Result<()> {
        let Parts { network, sampling, adam, weights, memory, batch, clock, summary, .. } = parts;
        let Constrained { td, imitation, floor, behaviour, online, online_next, target_next, deltas, .. } = self;
        let (logits, dlogits, gap) = (&mut self.logits, &mut self.dlogits, &mut self.gap);
        let (size, last, top) = (batch.size, online.len() - 1, logits.len() - 1);
        let theta = &weights.theta;
        b.sample(sampling, memory, clock, batch)?;
        network.forward(b, size, theta, &batch.observation, None, online)?;
        network.forward(b, size, theta, &batch.next, None, online_next)?;
        network.forward(b, size, &weights.target, &batch.next, None, target_next)?;
        behaviour.forward(b, size, theta, &batch.next, None, logits)?;
        b.close_unlikely(td.actions, size, *floor, &logits[top], &mut online_next[last])?;
        network.close(b, size, &batch.next, &mut online_next[last])?;
        let chooser = Some(&online_next[last]);
        b.td(td, batch, &online[last], &target_next[last], chooser, &mut deltas[last], summary)?;
        behaviour.forward(b, size, theta, &batch.observation, None, logits)?;
        b.likelihood(imitation, batch, &logits[top], &mut dlogits[top], gap, summary)?;
        let gradient = &mut weights.gradient;
        network.backward(b, size, theta, &batch.observation, None, online, deltas, gradient)?;
        behaviour.backward(b, size, theta, &batch.observation, None, logits, dlogits, gradient)?;
        b.adam(adam, clock, weights)?;
        b.prioritise(sampling, memory, batch)
    }
}
