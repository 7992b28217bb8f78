//! Parametrised deep Q-learning (Xiong et al. 2018) for an index with real numbers, such as a product and its price: one
//! network says the best real numbers of every index, another values the indices with them. Everything beside the targets
//! is [`dqn`]'s.
//!
//! The first network climbs the sum of all values; with `multi_pass` (Bester, James, Konidaris 2019) the value of an index
//! sees its own numbers only, so that nothing climbs where it has no say. Both live in one buffer: the way up through the
//! values leaves a gradient of theirs that the temporal difference then overwrites. Real numbers are learnt in \[−1, 1\];
//! index and numbers are explored apart.
use crate::{
    dqn,
    error::{Error, Result, setting},
    learner::{Choice, Learner, Parts, Rule},
    naf::{validate_for_reals, validate_spread},
    network::{Head, Network},
    translated::{Intervals, Meaning, Translated},
};
use envs::{Actions, Shape, Spec, Width};
use kernels::{Backend, ChooseConfig, ParametersShape, TdConfig};
use serde::{Deserialize, Serialize};

/// Settings: the numbers, then those of [`dqn::Config`]; both networks have its hidden layers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Whether each index is valued in a pass of its own, with its own numbers only.
    pub multi_pass: bool,
    /// Standard deviation of the noise on real numbers, in halves of their interval, 0 to 2.
    pub spread: f32,
    /// How the values are learnt.
    #[serde(flatten)]
    pub dqn: dqn::Config,
}

impl Default for Config {
    fn default() -> Self {
        Config { multi_pass: false, spread: 0.2, dqn: dqn::Config::default() }
    }
}

impl Config {
    /// Checks the settings.
    ///
    /// # Errors
    /// Names the setting, its value and the admissible range.
    pub fn validate(&self) -> Result<()> {
        validate_spread(self.spread)?;
        if self.dqn.noisy {
            return Err(setting("noisy", true, "false: noise on values is none on numbers"));
        }
        validate_for_reals(&self.dqn)
    }
}

/// Which index, and its numbers out of those of all indices.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    indices: usize,
    numbers: Intervals,
}

impl Offer {
    /// That of a world whose actions are pairs of an index and real numbers.
    ///
    /// # Errors
    /// When they are anything else.
    pub fn of(spec: &Spec) -> Result<Self> {
        if let Shape::Product(parts) = &spec.shape
            && let [Shape::Discrete(indices), Shape::Continuous(bounds)] = &parts[..]
        {
            return Ok(Offer { indices: *indices as usize, numbers: Intervals(bounds.clone()) });
        }
        let needs = "a discrete choice with continuous numbers";
        Err(Error::Space { agent: "pdqn", needs, env: spec.id, has: spec.shape.to_string() })
    }

    /// Numbers of all indices together.
    fn total(&self) -> usize {
        self.indices * self.numbers.0.len()
    }
}

impl Meaning for Offer {
    fn width(&self) -> Width {
        Width { items: 1, reals: self.total() }
    }

    fn write(&self, own: &Actions, world: &mut Actions) {
        world.items.copy_from_slice(&own.items);
        let each = self.numbers.0.len();
        for (row, index) in own.items.iter().enumerate() {
            for at in 0..each {
                let number = own.reals[row * self.total() + *index as usize * each + at];
                world.reals[row * each + at] = self.numbers.number(at, number);
            }
        }
    }
}

/// The agent.
pub type Pdqn<B> = Translated<B, Offers<B>, Offer>;

impl<B: Backend> Pdqn<B> {
    /// An agent for a world with a discrete choice and continuous numbers.
    ///
    /// # Errors
    /// When the actions are anything else or a setting is not admissible.
    pub fn parametrised(backend: B, config: Config, spec: &Spec, seed: u64) -> Result<Self> {
        config.validate()?;
        let offer = Offer::of(spec)?;
        let Config { multi_pass, spread, dqn: config } = config;
        let (size, actions, total) = (config.batch, offer.indices, offer.total());
        let values = Network::new(spec.observation + total, &config.hidden, actions, 1, config.head);
        let numbers = Network::new(spec.observation, &config.hidden, total, 1, Head::Plain);
        let (network, numbers) = values.beside(numbers);
        let passes = if multi_pass { actions } else { 1 };
        let shape = ParametersShape { rows: 0, passes, width: spec.observation, total };
        let pass = || Pass::new(&backend, &network, &numbers, &ParametersShape { rows: size, ..shape });
        let rule = Offers {
            td: TdConfig { actions, huber: config.huber, chosen: false },
            shape,
            spread,
            online: pass()?,
            online_next: config.double.then(pass).transpose()?,
            target_next: pass()?,
            deltas: network.outputs(&backend, size * passes, multi_pass)?,
            up: backend.upload(&vec![-1.0 / size as f32; size * actions])?,
            dx: backend.zeros(size * passes * shape.length())?,
            dnumbers: numbers.outputs(&backend, size, false)?,
            numbers,
        };
        let learner = Learner::build(backend, config, network, spec, actions, seed, rule)?;
        Ok(Translated::new(learner, offer, spec.rows))
    }
}

/// What learning works on: passes of the online network here and there, of the target network there; gradients of the
/// values, of what goes into them and of the numbers.
pub struct Offers<B: Backend> {
    td: TdConfig,
    shape: ParametersShape,
    spread: f32,
    numbers: Network,
    online: Pass<B>,
    online_next: Option<Pass<B>>,
    target_next: Pass<B>,
    deltas: Vec<B::Buf<f32>>,
    /// The gradient that climbs the values of all indices alike.
    up: B::Buf<f32>,
    dx: B::Buf<f32>,
    dnumbers: Vec<B::Buf<f32>>,
}

/// The numbers of all indices, beside observations, and the values of the indices.
pub struct Pass<B: Backend> {
    shape: ParametersShape,
    numbers: Vec<B::Buf<f32>>,
    parameters: B::Buf<f32>,
    x: B::Buf<f32>,
    /// The index that each pass values, when it has a pass of its own.
    index: Option<B::Buf<u32>>,
    values: Vec<B::Buf<f32>>,
}

impl<B: Backend> Pass<B> {
    fn new(b: &B, values: &Network, numbers: &Network, shape: &ParametersShape) -> kernels::Result<Self> {
        let ParametersShape { rows, passes, total, .. } = *shape;
        let own = passes > 1;
        let index: Vec<u32> = (0..rows * passes).map(|pass| (pass % passes) as u32).collect();
        Ok(Pass {
            shape: *shape,
            numbers: numbers.outputs(b, rows, false)?,
            parameters: b.zeros(rows * total)?,
            x: b.zeros(rows * passes * shape.length())?,
            index: own.then(|| b.upload(&index)).transpose()?,
            values: values.outputs(b, rows * passes, own)?,
        })
    }

    /// The best numbers for each observation.
    fn say(&mut self, b: &B, numbers: &Network, theta: &B::Buf<f32>, observation: &B::Buf<f32>) -> kernels::Result<()> {
        let (rows, last) = (self.shape.rows, self.numbers.len() - 1);
        numbers.forward(b, rows, theta, observation, None, &mut self.numbers)?;
        b.squash(rows * self.shape.total, &self.numbers[last], &mut self.parameters)
    }

    /// The values of the indices with `parameters`, or with the best numbers.
    fn value(
        &mut self,
        b: &B,
        values: &Network,
        theta: &B::Buf<f32>,
        observation: &B::Buf<f32>,
        parameters: Option<&B::Buf<f32>>,
    ) -> kernels::Result<()> {
        b.attach(&self.shape, observation, parameters.unwrap_or(&self.parameters), &mut self.x)?;
        let rows = self.shape.rows * self.shape.passes;
        values.forward(b, rows, theta, &self.x, self.index.as_ref(), &mut self.values)
    }

    fn last(&self) -> &B::Buf<f32> {
        &self.values[self.values.len() - 1]
    }
}

impl<B: Backend> Rule<B> for Offers<B> {
    type Pass = Pass<B>;

    fn pass(&self, b: &B, network: &Network, rows: usize) -> kernels::Result<Pass<B>> {
        Pass::new(b, network, &self.numbers, &ParametersShape { rows, ..self.shape })
    }

    fn look(
        &self,
        b: &B,
        network: &Network,
        _: usize,
        theta: &B::Buf<f32>,
        observation: &B::Buf<f32>,
        pass: &mut Pass<B>,
    ) -> kernels::Result<()> {
        pass.say(b, &self.numbers, theta, observation)?;
        pass.value(b, network, theta, observation, None)
    }

    fn values<'a>(&self, pass: &'a Pass<B>) -> &'a B::Buf<f32> {
        pass.last()
    }

    fn reals(&self) -> (usize, f32) {
        (self.shape.total, self.spread)
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
        b.choose(choosing, rows, pass.last(), clock, &mut choice.action)?;
        b.choose_reals(choosing, rows, self.shape.total, &pass.parameters, clock, &mut choice.real)
    }

    /// One update: the numbers climb the values, the values go towards the best of the next state.
    fn update(&mut self, b: &B, parts: &mut Parts<B>) -> kernels::Result<()> {
        let Parts { network, sampling, adam, weights, memory, batch, clock, summary, .. } = parts;
        let Offers { td, shape, numbers, online, online_next, target_next, deltas, up, dx, dnumbers, .. } = self;
        let (size, last) = (batch.size, deltas.len() - 1);
        let (theta, gradient) = (&weights.theta, &mut weights.gradient);
        let shape = ParametersShape { rows: size, ..*shape };
        let many = size * shape.passes;
        b.sample(sampling, memory, clock, batch)?;
        online.say(b, numbers, theta, &batch.observation)?;
        online.value(b, network, theta, &batch.observation, None)?;
        std::mem::swap(up, &mut deltas[last]);
        let (index, values) = (online.index.as_ref(), &online.values);
        network.backward_to_input(b, many, theta, &online.x, index, values, deltas, Some(dx), gradient)?;
        std::mem::swap(up, &mut deltas[last]);
        let top = dnumbers.len() - 1;
        b.detach(&shape, dx, &online.parameters, &mut dnumbers[top])?;
        numbers.backward(b, size, theta, &batch.observation, None, &online.numbers, dnumbers, gradient)?;

        online.value(b, network, theta, &batch.observation, Some(&batch.real))?;
        target_next.say(b, numbers, &weights.target, &batch.next)?;
        if let Some(online_next) = online_next {
            online_next.value(b, network, theta, &batch.next, Some(&target_next.parameters))?;
        }
        target_next.value(b, network, &weights.target, &batch.next, None)?;
        let chooser = online_next.as_ref().map(Pass::last);
        b.td(td, batch, online.last(), target_next.last(), chooser, &mut deltas[last], summary)?;
        let (index, values) = (online.index.as_ref(), &online.values);
        network.backward(b, many, theta, &online.x, index, values, deltas, gradient)?;
        b.adam(adam, clock, weights)?;
        b.prioritise(sampling, memory, batch)
    }
}
