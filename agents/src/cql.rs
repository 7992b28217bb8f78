//! Conservative Q-learning (Kumar, Zhou, Tucker and Levine 2020, "Conservative Q-learning for offline reinforcement
//! learning"): for learning from a log, where nobody tries what looks good. Everything beside the loss is
//! [`crate::dqn`]'s.
//!
//! To the temporal-difference loss comes α times the mean of ln Σ_a exp Q(s, a) − Q(s, a taken), equation 4 without
//! importance weights: values of what the log does not show are pressed down, those of what it shows are held up.
use crate::{
    dqn,
    error::{Result, setting},
    learner::{Learner, Parts, Rule},
    network::Network,
    noise::effective,
};
use envs::Spec;
use kernels::{Backend, LikelihoodConfig, TdConfig};
use serde::{Deserialize, Serialize};

/// Settings: the penalty, then those of [`dqn::Config`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Weight α of the penalty, 0 to 1000; in units of the loss, so mind `reward_scale`.
    pub conservative: f32,
    /// How values are learnt.
    #[serde(flatten)]
    pub dqn: dqn::Config,
}

impl Default for Config {
    fn default() -> Self {
        Config { conservative: 1.0, dqn: dqn::Config { double: true, ..dqn::Config::default() } }
    }
}

impl Config {
    /// Checks the settings.
    ///
    /// # Errors
    /// Names the setting, its value and the admissible range.
    pub fn validate(&self) -> Result<()> {
        if !(0.0..=1000.0).contains(&self.conservative) {
            return Err(setting("conservative", self.conservative, "between 0 and 1000"));
        }
        self.dqn.validate()?;
        if self.dqn.munchausen {
            return Err(setting("munchausen", true, "false, beside a conservative penalty"));
        }
        Ok(())
    }
}

/// The agent.
pub type Cql<B> = Learner<B, Conservative<B>>;

impl<B: Backend> Cql<B> {
    /// An agent for a world with discrete actions.
    ///
    /// # Errors
    /// When the actions are not discrete or a setting is not admissible.
    pub fn conservative(backend: B, config: Config, spec: &Spec, seed: u64) -> Result<Self> {
        config.validate()?;
        let actions = dqn::actions(spec)?;
        let Config { conservative: share, dqn: config } = config;
        let network = Network::new(spec.observation, &config.hidden, actions, 1, config.head);
        let size = config.batch;
        let outputs = || network.outputs(&backend, size, false);
        let rule = Conservative {
            td: TdConfig { actions, huber: config.huber, chosen: false },
            penalty: LikelihoodConfig { actions, share, adds: true },
            online: outputs()?,
            online_next: config.double.then(outputs).transpose()?,
            target_next: outputs()?,
            deltas: outputs()?,
            gap: backend.zeros(size)?,
        };
        Learner::build(backend, config, network, spec, actions, seed, rule)
    }
}

/// What learning works on: outputs of the online network here and there, of the target network there, their gradients,
/// the penalty of each transition.
pub struct Conservative<B: Backend> {
    td: TdConfig,
    penalty: LikelihoodConfig,
    online: Vec<B::Buf<f32>>,
    online_next: Option<Vec<B::Buf<f32>>>,
    target_next: Vec<B::Buf<f32>>,
    deltas: Vec<B::Buf<f32>>,
    gap: B::Buf<f32>,
}

impl<B: Backend> Rule<B> for Conservative<B> {
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
        let Conservative { td, penalty, online, online_next, target_next, deltas, gap } = self;
        let (size, last) = (batch.size, online.len() - 1);
        b.sample(sampling, memory, clock, batch)?;
        if let Some(noise) = noise {
            noise.draw_for_learning(b, weights, clock)?;
        }
        let (theta, behind) = effective(noise, &weights.theta, &weights.target);
        network.forward(b, size, theta, &batch.observation, None, online)?;
        network.forward(b, size, behind, &batch.next, None, target_next)?;
        if let Some(online_next) = online_next {
            network.forward(b, size, theta, &batch.next, None, online_next)?;
        }
        let chooser = online_next.as_mut().unwrap_or(target_next);
        network.close(b, size, &batch.next, &mut chooser[last])?;
        let doubled = online_next.as_ref().map(|outputs| &outputs[last]);
        b.td(td, batch, &online[last], &target_next[last], doubled, &mut deltas[last], summary)?;
        b.likelihood(penalty, batch, &online[last], &mut deltas[last], gap, summary)?;
        let gradient = &mut weights.gradient;
        network.backward(b, size, theta, &batch.observation, None, online, deltas, gradient)?;
        if let Some(noise) = noise {
            noise.back(b, gradient)?;
        }
        b.adam(adam, clock, weights)?;
        b.prioritise(sampling, memory, batch)
    }
}
