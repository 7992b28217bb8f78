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

    fn world_width(&self) -> Width {
        Width { items: 1, reals: self.numbers.0.len() }
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
        let (actions, total) = (offer.indices, offer.total());
        let values = Network::new(spec.observation + total, &config.hidden, actions, 1, config.head);
        let numbers = Network::new(spec.observation, &config.hidden, total, 1, Head::Plain);
        let (network, numbers) = values.beside(numbers);
        let rule = Offers::new(&backend, &config, [&network, &numbers], actions, multi_pass, spread)?;
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

impl<B: Backend> Offers<B> {
    /// For the networks of values and of numbers.
    fn new(
        b: &B,
        config: &dqn::Config,
        [values, numbers]: [&Network; 2],
        actions: usize,
        multi_pass: bool,
        spread: f32,
    ) -> kernels::Result<Self> {
        let size = config.batch;
        let total = numbers.actions;
        let passes = if multi_pass { actions } else { 1 };
        let shape = ParametersShape { rows: size, passes, width: values.layers[0].inputs - total, total };
        let pass = || Pass::new(b, values, numbers, &shape);
        Ok(Offers {
            td: TdConfig { actions, huber: config.huber, chosen: false },
            shape,
            spread,
            online: pass()?,
            online_next: config.double.then(pass).transpose()?,
            target_next: pass()?,
            deltas: values.outputs(b, size * passes, multi_pass)?,
            up: b.upload(&vec![-1.0 / size as f32; size * actions])?,
            dx: b.zeros(size * passes * shape.length())?,
            dnumbers: numbers.outputs(b, size, false)?,
            numbers: numbers.clone(),
        })
    }

    /// The gradient by which the numbers climb the sum of all values, −Σ Q/size; that of the values is left over.
    fn climb(
        &mut self,
        b: &B,
        values: &Network,
        theta: &B::Buf<f32>,
        observation: &B::Buf<f32>,
        gradient: &mut B::Buf<f32>,
    ) -> kernels::Result<()> {
        let Offers { shape, numbers, online, deltas, up, dx, dnumbers, .. } = self;
        let (last, top) = (deltas.len() - 1, dnumbers.len() - 1);
        online.say(b, numbers, theta, observation)?;
        online.value(b, values, theta, observation, None)?;
        std::mem::swap(up, &mut deltas[last]);
        let (rows, index) = (shape.rows * shape.passes, online.index.as_ref());
        values.backward_to_input(b, rows, theta, &online.x, index, &online.values, deltas, Some(dx), gradient)?;
        std::mem::swap(up, &mut deltas[last]);
        b.detach(shape, dx, &online.parameters, &mut dnumbers[top])?;
        numbers.backward(b, shape.rows, theta, observation, None, &online.numbers, dnumbers, gradient)
    }
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

    fn last_mut(&mut self) -> &mut B::Buf<f32> {
        let last = self.values.len() - 1;
        &mut self.values[last]
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
        pass.value(b, network, theta, observation, None)?;
        network.close(b, pass.shape.rows, observation, pass.last_mut())
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
        let (theta, gradient) = (&weights.theta, &mut weights.gradient);
        b.sample(sampling, memory, clock, batch)?;
        self.climb(b, network, theta, &batch.observation, gradient)?;

        let Offers { td, shape, numbers, online, online_next, target_next, deltas, .. } = self;
        let (rows, last) = (shape.rows * shape.passes, deltas.len() - 1);
        online.value(b, network, theta, &batch.observation, Some(&batch.real))?;
        target_next.say(b, numbers, &weights.target, &batch.next)?;
        if let Some(online_next) = online_next {
            online_next.value(b, network, theta, &batch.next, Some(&target_next.parameters))?;
        }
        target_next.value(b, network, &weights.target, &batch.next, None)?;
        let choosing = online_next.as_mut().unwrap_or(target_next);
        network.close(b, batch.size, &batch.next, choosing.last_mut())?;
        let chooser = online_next.as_ref().map(Pass::last);
        b.td(td, batch, online.last(), target_next.last(), chooser, &mut deltas[last], summary)?;
        let (index, values) = (online.index.as_ref(), &online.values);
        network.backward(b, rows, theta, &online.x, index, values, deltas, gradient)?;
        b.adam(adam, clock, weights)?;
        b.prioritise(sampling, memory, batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernels::{Cpu, Device, Isa};

    /// Every parameter of the numbers' network: the gradient of −Σ Q/size through both networks against central
    /// differences in steps of 2⁻⁸; curvature and rounding remain. That of the values is overwritten later.
    #[test]
    fn the_numbers_climb_the_values() {
        let cpu = Cpu::with(Isa::Scalar).expect("every machine has it");
        let (width, actions, size) = (2, 3, 2);
        for (multi_pass, each) in [(false, 1), (true, 1), (true, 2)] {
            let total = actions * each;
            let config = dqn::Config { batch: size, ..Default::default() };
            let values = Network::new(width + total, &[7, 5], actions, 1, Head::Plain);
            let first = values.len;
            let numbers = Network::new(width, &[6], total, 1, Head::Plain);
            let (values, numbers) = values.beside(numbers);
            let mut rule = Offers::new(&cpu, &config, [&values, &numbers], actions, multi_pass, 0.0).expect("room");
            let theta = values.initial(4);
            let x = vec![0.3, -0.8, 0.5, 0.9];
            let mut loss = |theta: &Vec<f32>| -> f64 {
                rule.online.say(&cpu, &numbers, theta, &x).expect("the CPU does not fail");
                rule.online.value(&cpu, &values, theta, &x, None).expect("the CPU does not fail");
                -rule.online.last()[..size * actions].iter().map(|q| f64::from(*q)).sum::<f64>() / size as f64
            };
            let step = 1.0 / 256.0;
            let slopes: Vec<f64> = (first..values.len)
                .map(|at| {
                    let moved = |by: f32| {
                        let mut theta = theta.clone();
                        theta[at] += by;
                        theta
                    };
                    (loss(&moved(step)) - loss(&moved(-step))) / f64::from(2.0 * step)
                })
                .collect();
            let mut gradient: Vec<f32> = cpu.zeros(values.len).expect("room");
            rule.climb(&cpu, &values, &theta, &x, &mut gradient).expect("the CPU does not fail");
            for (at, (slope, found)) in slopes.iter().zip(&gradient[first..]).enumerate() {
                assert!((slope - f64::from(*found)).abs() < 2e-3, "{multi_pass} {each} {at}: {slope} {found}");
            }
            assert!(slopes.iter().filter(|slope| slope.abs() > 1e-3).count() > slopes.len() / 4, "something climbs");
        }
    }

    /// Each index plays its own numbers, in the intervals of the world.
    #[test]
    fn an_offer_is_an_index_with_its_own_numbers() {
        let offer = Offer { indices: 3, numbers: Intervals(vec![[0.0, 4.0]]) };
        let mut own = Actions::new(2, offer.width());
        own.items = vec![2, 0];
        own.reals = vec![0.1, 0.2, 0.5, -1.0, 0.3, 0.4];
        let mut world = Actions::new(2, offer.world_width());
        offer.write(&own, &mut world);
        assert_eq!((world.items, world.reals), (vec![2, 0], vec![3.0, 0.0]));
    }
}
