//! Normalised advantage functions (Gu, Lillicrap, Sutskever and Levine 2016): the value of real numbers is a parabola whose
//! peak, height and curvature are outputs of the network, so that the best numbers need no search. Everything beside the
//! targets is [`dqn`]'s.
//!
//! Real numbers are learnt in \[−1, 1\]. Exploring draws all of them uniformly with the probability ε of [`dqn::Config`],
//! and else adds Gaussian noise.
use crate::{
    dqn,
    error::{Result, setting},
    learner::{Choice, Learner, Parts, Rule},
    network::{Head, Network},
    noise::effective,
    translated::{Intervals, Translated},
};
use envs::Spec;
use kernels::{Backend, ChooseConfig, TdConfig, naf_outputs};
use serde::{Deserialize, Serialize};

/// Settings: the noise, then those of [`dqn::Config`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Standard deviation of the noise on actions, in halves of their interval, 0 to 2.
    pub spread: f32,
    /// How the values are learnt.
    #[serde(flatten)]
    pub dqn: dqn::Config,
}

impl Default for Config {
    fn default() -> Self {
        Config { spread: 0.2, dqn: dqn::Config::default() }
    }
}

impl Config {
    /// Checks the settings.
    ///
    /// # Errors
    /// Names the setting, its value and the admissible range.
    pub fn validate(&self) -> Result<()> {
        validate_spread(self.spread)?;
        if self.dqn.double {
            return Err(setting("double", true, "false: the best numbers are an output, nothing chooses among them"));
        }
        validate_for_reals(&self.dqn)
    }
}

/// Checks the standard deviation of the noise on real numbers.
///
/// # Errors
/// Names the setting, its value and the admissible range.
pub fn validate_spread(spread: f32) -> Result<()> {
    if (0.0..=2.0).contains(&spread) { Ok(()) } else { Err(setting("spread", spread, "between 0 and 2")) }
}

/// Checks the settings of an agent with real numbers: what stands behind values of indices alone is off.
///
/// # Errors
/// Names the setting, its value and the admissible range.
pub fn validate_for_reals(config: &dqn::Config) -> Result<()> {
    config.validate()?;
    if config.head != Head::Plain {
        return Err(setting("head", format!("{:?}", config.head).to_lowercase(), "plain, for real numbers"));
    }
    if config.munchausen {
        return Err(setting("munchausen", true, "false, for real numbers"));
    }
    Ok(())
}

/// The agent.
pub type Naf<B> = Translated<B, Advantages<B>, Intervals>;

impl<B: Backend> Naf<B> {
    /// An agent for a world with continuous actions.
    ///
    /// # Errors
    /// When the actions are anything else or a setting is not admissible.
    pub fn advantages(backend: B, config: Config, spec: &Spec, seed: u64) -> Result<Self> {
        config.validate()?;
        let intervals = Intervals::of("naf", spec)?;
        let Config { spread, dqn: config } = config;
        let (size, reals) = (config.batch, intervals.0.len());
        let network = Network::new(spec.observation, &config.hidden, naf_outputs(reals), 1, config.head);
        let rule = Advantages {
            td: TdConfig { actions: 1, huber: config.huber, chosen: true },
            reals,
            spread,
            online: Pass::new(&backend, &network, size, reals)?,
            target_next: Pass::new(&backend, &network, size, reals)?,
            q: backend.zeros(size)?,
            dq: backend.zeros(size)?,
            deltas: network.outputs(&backend, size, false)?,
        };
        let learner = Learner::build(backend, config, network, spec, 1, seed, rule)?;
        Ok(Translated::new(learner, intervals, spec.rows))
    }
}

/// What learning works on: passes of the online network here and of the target network there, the values of what was done,
/// gradients.
pub struct Advantages<B: Backend> {
    td: TdConfig,
    reals: usize,
    spread: f32,
    online: Pass<B>,
    target_next: Pass<B>,
    q: B::Buf<f32>,
    dq: B::Buf<f32>,
    deltas: Vec<B::Buf<f32>>,
}

/// The outputs of one pass, the best numbers, and what they are worth.
pub struct Pass<B: Backend> {
    outputs: Vec<B::Buf<f32>>,
    best: B::Buf<f32>,
    value: B::Buf<f32>,
}

impl<B: Backend> Pass<B> {
    fn new(b: &B, network: &Network, rows: usize, reals: usize) -> kernels::Result<Self> {
        let outputs = network.outputs(b, rows, false)?;
        Ok(Pass { outputs, best: b.zeros(rows * reals)?, value: b.zeros(rows)? })
    }

    fn last(&self) -> &B::Buf<f32> {
        &self.outputs[self.outputs.len() - 1]
    }
}

impl<B: Backend> Rule<B> for Advantages<B> {
    type Pass = Pass<B>;

    fn pass(&self, b: &B, network: &Network, rows: usize) -> kernels::Result<Pass<B>> {
        Pass::new(b, network, rows, self.reals)
    }

    fn look(
        &self,
        b: &B,
        network: &Network,
        rows: usize,
        theta: &B::Buf<f32>,
        observation: &B::Buf<f32>,
        pass: &mut Pass<B>,
    ) -> kernels::Result<()> {
        let Pass { outputs, best, value } = pass;
        network.forward(b, rows, theta, observation, None, outputs)?;
        b.naf_best(rows, self.reals, &outputs[outputs.len() - 1], best, value)
    }

    fn values<'a>(&self, pass: &'a Pass<B>) -> &'a B::Buf<f32> {
        &pass.value
    }

    fn names(&self, _: &Network) -> Vec<String> {
        vec!["the best action".into()]
    }

    fn is_greedy_choice(&self) -> bool {
        false
    }

    fn reals(&self) -> (usize, f32) {
        (self.reals, self.spread)
    }

    fn choose(
        &self,
        b: &B,
        choosing: &ChooseConfig,
        rows: usize,
        pass: &Pass<B>,
        clock: &B::Buf<u32>,
        choice: &mut Choice<B>,
    ) -> kernels::Result<()> {
        b.choose_reals(choosing, rows, self.reals, &pass.best, clock, &mut choice.real)
    }

    /// One update, in the order of the paper's algorithm 1.
    fn update(&mut self, b: &B, parts: &mut Parts<B>) -> kernels::Result<()> {
        let Parts { network, sampling, adam, weights, memory, batch, clock, summary, noise, .. } = parts;
        let Advantages { td, reals, online, target_next, q, dq, deltas, .. } = self;
        let (size, last) = (batch.size, deltas.len() - 1);
        b.sample(sampling, memory, clock, batch)?;
        if let Some(noise) = noise {
            noise.draw_for_learning(b, weights, clock)?;
        }
        let (theta, behind) = effective(noise, &weights.theta, &weights.target);
        network.forward(b, size, theta, &batch.observation, None, &mut online.outputs)?;
        b.naf(size, *reals, online.last(), &batch.real, q)?;
        network.forward(b, size, behind, &batch.next, None, &mut target_next.outputs)?;
        let Pass { outputs, best, value } = target_next;
        b.naf_best(size, *reals, &outputs[last], best, value)?;
        b.td(td, batch, q, value, None, dq, summary)?;
        b.naf_back(size, *reals, online.last(), &batch.real, dq, &mut deltas[last])?;
        let gradient = &mut weights.gradient;
        network.backward(b, size, theta, &batch.observation, None, &online.outputs, deltas, gradient)?;
        if let Some(noise) = noise {
            noise.back(b, gradient)?;
        }
        b.adam(adam, clock, weights)?;
        b.prioritise(sampling, memory, batch)
    }
}
