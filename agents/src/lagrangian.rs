//! Deep Q-learning under a constraint (Tessler, Mankowitz and Mannor 2019, "Reward constrained policy optimization", with
//! values in the place of a policy): of all policies whose cost per step stays within a limit, the best. Everything beside
//! the price of the cost is [`crate::dqn`]'s.
//!
//! The observation shows what the last step cost (`cost_signal`, `cost_shown` of `envs::modifiers`). A multiplier λ rises
//! while what the agent does now costs more than the limit and falls while it costs less; values are learnt of
//! reward − λ (cost − limit), with the λ of the update, whatever it was when the transition was made. Of what is tried at
//! random the cost counts too, so let exploration end low. λ is in units of the reward per unit of cost; the policy that is
//! best at the right price may be on either side of the limit, for it does not draw lots.
use crate::{
    dqn,
    error::{Error, Result, setting},
    learner::{Learner, Parts, Rule},
    network::Network,
    noise::effective,
    online::actions,
};
use envs::Spec;
use kernels::{Backend, MultiplierConfig, TdConfig};
use serde::{Deserialize, Serialize};

/// Settings: the constraint, then those of [`dqn::Config`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// What a step may cost on average.
    pub limit: f32,
    /// The multiplier at the start, 0 to 1e6.
    pub multiplier: f32,
    /// How far an update moves it for a unit of cost above the limit, 0 to 1; slow beside the learning of values.
    pub multiplier_rate: f32,
    /// How values are learnt.
    #[serde(flatten)]
    pub dqn: dqn::Config,
}

impl Default for Config {
    fn default() -> Self {
        let dqn = dqn::Config { double: true, ..dqn::Config::default() };
        Config { limit: 0.5, multiplier: 0.0, multiplier_rate: 1e-4, dqn }
    }
}

impl Config {
    /// Checks the settings.
    ///
    /// # Errors
    /// Names the setting, its value and the admissible range.
    pub fn validate(&self) -> Result<()> {
        if !(0.0..=1e6).contains(&self.limit) {
            return Err(setting("limit", self.limit, "between 0 and 1000000"));
        }
        if !(0.0..=1e6).contains(&self.multiplier) {
            return Err(setting("multiplier", self.multiplier, "between 0 and 1000000"));
        }
        if !(0.0..=1.0).contains(&self.multiplier_rate) {
            return Err(setting("multiplier_rate", self.multiplier_rate, "between 0 and 1"));
        }
        self.dqn.validate()?;
        if self.dqn.n_step != 1 {
            return Err(setting("n_step", self.dqn.n_step, "1: the cost shown is that of one step"));
        }
        if self.dqn.munchausen {
            return Err(setting("munchausen", true, "false, beside a multiplier"));
        }
        Ok(())
    }
}

/// Where an observation shows the cost of the last step.
///
/// # Errors
/// When it does not, or actions are not discrete.
pub fn cost(spec: &Spec) -> Result<usize> {
    actions("lagrangian", spec)?;
    let field = spec.field("cost").filter(|field| field.len() == 1);
    field.map(|field| field.start).ok_or_else(|| {
        let has = if spec.costs.is_empty() { "no costs".into() } else { format!("costs: {}", spec.costs.join(", ")) };
        let needs = "an observation field `cost` (--set env.cost_signal=NAME --set env.cost_shown=true)";
        Error::Space { agent: "lagrangian", needs, env: spec.id, has }
    })
}

/// The agent.
pub type Lagrangian<B> = Learner<B, Priced<B>>;

impl<B: Backend> Lagrangian<B> {
    /// An agent for a world with discrete actions whose observation shows a cost.
    ///
    /// # Errors
    /// When the actions are not discrete, no cost is shown, or a setting is not admissible.
    pub fn priced(backend: B, config: Config, spec: &Spec, seed: u64) -> Result<Self> {
        config.validate()?;
        let (actions, first) = (dqn::actions(spec)?, cost(spec)?);
        let Config { limit, multiplier, multiplier_rate: rate, dqn: config } = config;
        let network = Network::new(spec.observation, &config.hidden, actions, 1, config.head);
        let (size, chosen) = (config.batch, network.can_choose());
        let rule = Priced {
            td: TdConfig { actions, huber: config.huber, chosen },
            price: MultiplierConfig { width: spec.observation, first, limit, rate, scale: config.reward_scale },
            multiplier: backend.upload(&[multiplier])?,
            online: network.outputs(&backend, size, chosen)?,
            online_next: config.double.then(|| network.outputs(&backend, size, false)).transpose()?,
            target_next: network.outputs(&backend, size, false)?,
            deltas: network.outputs(&backend, size, chosen)?,
        };
        Learner::build(backend, config, network, spec, actions, seed, rule)
    }
}

/// What learning works on: the multiplier, outputs of the online network here and there, of the target network there,
/// their gradients.
pub struct Priced<B: Backend> {
    td: TdConfig,
    price: MultiplierConfig,
    multiplier: B::Buf<f32>,
    online: Vec<B::Buf<f32>>,
    online_next: Option<Vec<B::Buf<f32>>>,
    target_next: Vec<B::Buf<f32>>,
    deltas: Vec<B::Buf<f32>>,
}

impl<B: Backend> Rule<B> for Priced<B> {
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

    fn multiplier(&self) -> Option<&B::Buf<f32>> {
        Some(&self.multiplier)
    }

    fn multiplier_mut(&mut self) -> Option<&mut B::Buf<f32>> {
        Some(&mut self.multiplier)
    }

    /// One update: the price first, then values of what is left.
    fn update(&mut self, b: &B, parts: &mut Parts<B>) -> kernels::Result<()> {
        let Parts { network, sampling, adam, weights, memory, batch, clock, summary, noise, .. } = parts;
        let Priced { td, price, multiplier, online, online_next, target_next, deltas } = self;
        let (size, last) = (batch.size, online.len() - 1);
        b.sample(sampling, memory, clock, batch)?;
        b.price(price, memory, clock, multiplier, batch)?;
        if let Some(noise) = noise {
            noise.draw_for_learning(b, weights, clock)?;
        }
        let (theta, behind) = effective(noise, &weights.theta, &weights.target);
        let chosen = td.chosen.then_some(&batch.action);
        network.forward(b, size, theta, &batch.observation, chosen, online)?;
        network.forward(b, size, behind, &batch.next, None, target_next)?;
        if let Some(online_next) = online_next {
            network.forward(b, size, theta, &batch.next, None, online_next)?;
        }
        let chooser = online_next.as_mut().unwrap_or(target_next);
        network.close(b, size, &batch.next, &mut chooser[last])?;
        let doubled = online_next.as_ref().map(|outputs| &outputs[last]);
        b.td(td, batch, &online[last], &target_next[last], doubled, &mut deltas[last], summary)?;
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
