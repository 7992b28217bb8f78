//! Quantile-regression DQN (Dabney, Rowland, Bellemare and Munos 2018): learns quantiles of the distribution of returns,
//! acts by their mean. Everything beside the targets is [`dqn`]'s.
use crate::{
    dqn,
    error::{Result, setting},
    learner::{Learner, Parts, Rule},
    network::Network,
    noise::effective,
};
use envs::Spec;
use kernels::{Backend, QuantileConfig};
use serde::{Deserialize, Serialize};

/// Settings: the quantiles, then those of [`dqn::Config`]; `huber` is the paper's κ.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Number of quantiles, 1 to 1024; 200 in the paper.
    pub quantiles: usize,
    /// How the quantiles are learnt.
    #[serde(flatten)]
    pub dqn: dqn::Config,
}

impl Default for Config {
    fn default() -> Self {
        Config { quantiles: 200, dqn: dqn::Config::default() }
    }
}

impl Config {
    /// Checks the settings.
    ///
    /// # Errors
    /// Names the setting, its value and the admissible range.
    pub fn validate(&self) -> Result<()> {
        if !(1..=1024).contains(&self.quantiles) {
            return Err(setting("quantiles", self.quantiles, "between 1 and 1024"));
        }
        self.dqn.validate()?;
        if !self.dqn.huber.is_finite() {
            return Err(setting("huber", self.dqn.huber, "finite: quantiles are found by absolute errors"));
        }
        self.dqn.validate_for_distributions()
    }
}

/// The agent.
pub type QrDqn<B> = Learner<B, Quantiles<B>>;

impl<B: Backend> QrDqn<B> {
    /// An agent for a world with discrete actions.
    ///
    /// # Errors
    /// When the actions are not discrete or a setting is not admissible.
    pub fn quantile(backend: B, config: Config, spec: &Spec, seed: u64) -> Result<Self> {
        config.validate()?;
        let actions = dqn::actions(spec)?;
        let Config { quantiles, dqn: config } = config;
        let network = Network::new(spec.observation, &config.hidden, actions, quantiles, config.head);
        let size = config.batch;
        let outputs = || network.outputs(&backend, size, false);
        let rule = Quantiles {
            quantiles: QuantileConfig { actions, quantiles, next_quantiles: quantiles, huber: config.huber },
            online: outputs()?,
            online_next: config.double.then(outputs).transpose()?,
            target_next: outputs()?,
            next_q: backend.zeros(size * actions)?,
            deltas: outputs()?,
        };
        Learner::build(backend, config, network, spec, actions, seed, rule)
    }
}

/// What learning works on: quantiles of the online network here and there, of the target network there, the values that
/// choose among them, their gradients.
pub struct Quantiles<B: Backend> {
    quantiles: QuantileConfig,
    online: Vec<B::Buf<f32>>,
    online_next: Option<Vec<B::Buf<f32>>>,
    target_next: Vec<B::Buf<f32>>,
    next_q: B::Buf<f32>,
    deltas: Vec<B::Buf<f32>>,
}

impl<B: Backend> Rule<B> for Quantiles<B> {
    type Pass = (Vec<B::Buf<f32>>, B::Buf<f32>);

    fn pass(&self, b: &B, network: &Network, rows: usize) -> kernels::Result<Self::Pass> {
        Ok((network.outputs(b, rows, false)?, b.zeros(rows * network.actions)?))
    }

    fn look(
        &self,
        b: &B,
        network: &Network,
        rows: usize,
        theta: &B::Buf<f32>,
        observation: &B::Buf<f32>,
        (outputs, values): &mut Self::Pass,
    ) -> kernels::Result<()> {
        network.forward(b, rows, theta, observation, None, outputs)?;
        b.quantile_mean(&self.quantiles, rows, network.atoms, &outputs[outputs.len() - 1], values)?;
        network.close(b, rows, observation, values)
    }

    fn values<'a>(&self, (_, values): &'a Self::Pass) -> &'a B::Buf<f32> {
        values
    }

    /// One update, in the order of the paper's algorithm 1.
    fn update(&mut self, b: &B, parts: &mut Parts<B>) -> kernels::Result<()> {
        let Parts { network, sampling, adam, weights, memory, batch, clock, summary, noise, .. } = parts;
        let Quantiles { quantiles, online, online_next, target_next, next_q, deltas } = self;
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
        let chooser = online_next.as_ref().unwrap_or(target_next);
        b.quantile_mean(quantiles, size, network.atoms, &chooser[last], next_q)?;
        network.close(b, size, &batch.next, next_q)?;
        b.quantile(quantiles, batch, &online[last], None, &target_next[last], next_q, &mut deltas[last], summary)?;
        let gradient = &mut weights.gradient;
        network.backward(b, size, theta, &batch.observation, None, online, deltas, gradient)?;
        if let Some(noise) = noise {
            noise.back(b, gradient)?;
        }
        b.adam(adam, clock, weights)?;
        b.prioritise(sampling, memory, batch)
    }
}
