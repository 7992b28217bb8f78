//! Categorical DQN (C51; Bellemare, Dabney and Munos 2017): learns the distribution of returns over fixed atoms, acts by
//! its mean. Everything beside the targets is [`dqn`]'s.
use crate::{
    dqn,
    error::{Result, setting},
    learner::{Learner, Parts, Rule},
    network::Network,
    noise::effective,
};
use envs::Spec;
use kernels::{Backend, CategoricalConfig, MOST_ATOMS};
use serde::{Deserialize, Serialize};

/// Settings: the atoms, then those of [`dqn::Config`]; `huber` has no meaning here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Number of atoms, 2 to 256.
    pub atoms: usize,
    /// The least return that is told apart, in rewards times `reward_scale`.
    pub low: f32,
    /// The greatest.
    pub high: f32,
    /// How the distribution is learnt.
    #[serde(flatten)]
    pub dqn: dqn::Config,
}

impl Default for Config {
    fn default() -> Self {
        Config { atoms: 51, low: -10.0, high: 10.0, dqn: dqn::Config::default() }
    }
}

impl Config {
    /// Checks the settings.
    ///
    /// # Errors
    /// Names the setting, its value and the admissible range.
    pub fn validate(&self) -> Result<()> {
        if !(2..=MOST_ATOMS).contains(&self.atoms) {
            return Err(setting("atoms", self.atoms, &format!("between 2 and {MOST_ATOMS}")));
        }
        if !(self.low.is_finite() && self.high.is_finite() && self.low < self.high) {
            return Err(setting("low", self.low, &format!("finite and below `high`, which is {}", self.high)));
        }
        self.dqn.validate()?;
        self.dqn.validate_for_distributions()
    }
}

/// The agent.
pub type C51<B> = Learner<B, Categories<B>>;

impl<B: Backend> C51<B> {
    /// An agent for a world with discrete actions.
    ///
    /// # Errors
    /// When the actions are not discrete or a setting is not admissible.
    pub fn categorical(backend: B, config: Config, spec: &Spec, seed: u64) -> Result<Self> {
        config.validate()?;
        let actions = dqn::actions(spec)?;
        let Config { atoms, low, high, dqn: config } = config;
        let network = Network::new(spec.observation, &config.hidden, actions, atoms, config.head);
        let size = config.batch;
        let outputs = || network.outputs(&backend, size, false);
        let rule = Categories {
            categories: CategoricalConfig { actions, atoms, low, high },
            online: outputs()?,
            online_next: config.double.then(outputs).transpose()?,
            target_next: outputs()?,
            next_q: backend.zeros(size * actions)?,
            deltas: outputs()?,
        };
        Learner::build(backend, config, network, spec, actions, seed, rule)
    }
}

/// What learning works on: logits of the online network here and there, of the target network there, the values that
/// choose among them, their gradients.
pub struct Categories<B: Backend> {
    categories: CategoricalConfig,
    online: Vec<B::Buf<f32>>,
    online_next: Option<Vec<B::Buf<f32>>>,
    target_next: Vec<B::Buf<f32>>,
    next_q: B::Buf<f32>,
    deltas: Vec<B::Buf<f32>>,
}

impl<B: Backend> Rule<B> for Categories<B> {
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
        b.expectation(&self.categories, rows, &outputs[outputs.len() - 1], values)?;
        network.close(b, rows, observation, values)
    }

    fn values<'a>(&self, (_, values): &'a Self::Pass) -> &'a B::Buf<f32> {
        values
    }

    /// One update, in the order of the paper's algorithm 1.
    fn update(&mut self, b: &B, parts: &mut Parts<B>) -> kernels::Result<()> {
        let Parts { network, sampling, adam, weights, memory, batch, clock, summary, noise, .. } = parts;
        let Categories { categories, online, online_next, target_next, next_q, deltas } = self;
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
        b.expectation(categories, size, &chooser[last], next_q)?;
        network.close(b, size, &batch.next, next_q)?;
        b.categorical(categories, batch, &online[last], &target_next[last], next_q, &mut deltas[last], summary)?;
        let gradient = &mut weights.gradient;
        network.backward(b, size, theta, &batch.observation, None, online, deltas, gradient)?;
        if let Some(noise) = noise {
            noise.back(b, gradient)?;
        }
        b.adam(adam, clock, weights)?;
        b.prioritise(sampling, memory, batch)
    }
}
