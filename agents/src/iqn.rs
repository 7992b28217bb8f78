//! Implicit quantile networks (Dabney, Ostrovski, Silver and Munos 2018): learns the quantile of the return at any fraction
//! τ, which the network takes as an input. Everything beside the targets is [`dqn`]'s.
//!
//! Acting takes the mean at the midpoints of `acting_quantiles` equal parts of \[0, 1\] where the paper draws as many
//! fractions: greedy play is then a function of the state.
use crate::{
    dqn,
    error::{Result, setting},
    learner::{Learner, Parts, Rule},
    network::{Head, Network},
};
use envs::Spec;
use kernels::{Backend, FractionAddress, QuantileConfig};
use serde::{Deserialize, Serialize};

/// Settings: the fractions, then those of [`dqn::Config`]; `huber` is the paper's κ. The embedding of the fraction comes
/// before the last hidden layer, or after the only one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Fractions per transition here, the paper's N, 1 to 256.
    pub quantiles: usize,
    /// Fractions per transition there, the paper's N'.
    pub next_quantiles: usize,
    /// Midpoints that actions are chosen by, the paper's K.
    pub acting_quantiles: usize,
    /// Cosine features of a fraction, 1 to 1024.
    pub features: usize,
    /// How the quantiles are learnt.
    #[serde(flatten)]
    pub dqn: dqn::Config,
}

impl Default for Config {
    fn default() -> Self {
        let dqn = dqn::Config::default();
        Config { quantiles: 8, next_quantiles: 8, acting_quantiles: 32, features: 64, dqn }
    }
}

impl Config {
    /// Checks the settings.
    ///
    /// # Errors
    /// Names the setting, its value and the admissible range.
    pub fn validate(&self) -> Result<()> {
        let counts = [
            ("quantiles", self.quantiles, 256),
            ("next_quantiles", self.next_quantiles, 256),
            ("acting_quantiles", self.acting_quantiles, 256),
            ("features", self.features, 1024),
        ];
        for (name, count, most) in counts {
            if !(1..=most).contains(&count) {
                return Err(setting(name, count, &format!("between 1 and {most}")));
            }
        }
        self.dqn.validate()?;
        self.dqn.validate_for_distributions()?;
        if !self.dqn.huber.is_finite() {
            return Err(setting("huber", self.dqn.huber, "finite: quantiles are found by absolute errors"));
        }
        if self.dqn.hidden.is_empty() {
            return Err(setting("hidden", "[]", "at least one width, for fractions to be multiplied with"));
        }
        if self.dqn.head != Head::Plain {
            return Err(setting("head", format!("{:?}", self.dqn.head).to_lowercase(), "plain"));
        }
        if self.dqn.noisy {
            return Err(setting("noisy", true, "false: the embedding of fractions has no noise"));
        }
        Ok(())
    }
}

/// The agent.
pub type Iqn<B> = Learner<B, Fractions<B>>;

impl<B: Backend> Iqn<B> {
    /// An agent for a world with discrete actions.
    ///
    /// # Errors
    /// When the actions are not discrete or a setting is not admissible.
    pub fn implicit(backend: B, config: Config, spec: &Spec, seed: u64) -> Result<Self> {
        config.validate()?;
        let actions = dqn::actions(spec)?;
        let Config { quantiles, next_quantiles, acting_quantiles, features, dqn: config } = config;
        let network = Network::new(spec.observation, &config.hidden, actions, 1, config.head);
        let trunk = trunk(&network);
        let network = network.with_embedding(features, trunk - 1);
        let size = config.batch;
        let rule = Fractions {
            quantiles: QuantileConfig { actions, quantiles, next_quantiles, huber: config.huber },
            acting: acting_quantiles,
            seed,
            double: config.double,
            online: Pass::new(&backend, &network, size, quantiles)?,
            next: Pass::new(&backend, &network, size, next_quantiles)?,
            chooser: Pass::at_midpoints(&backend, &network, size, acting_quantiles)?,
            next_q: backend.zeros(size * actions)?,
            deltas: Pass::new(&backend, &network, size, quantiles)?,
        };
        Learner::build(backend, config, network, spec, actions, seed, rule)
    }
}

/// How many layers come before the product with the embedding.
fn trunk(network: &Network) -> usize {
    let hidden = network.layers.len() - 1;
    if hidden > 1 { hidden - 1 } else { 1 }
}

/// What learning works on: passes of the online network here, of the target network there, of the one that chooses among
/// its actions; gradients.
pub struct Fractions<B: Backend> {
    quantiles: QuantileConfig,
    acting: usize,
    seed: u64,
    double: bool,
    online: Pass<B>,
    next: Pass<B>,
    chooser: Pass<B>,
    next_q: B::Buf<f32>,
    deltas: Pass<B>,
}

/// The outputs of one pass, or their gradients.
pub struct Pass<B: Backend> {
    count: usize,
    tau: B::Buf<f32>,
    trunk: Vec<B::Buf<f32>>,
    cosines: B::Buf<f32>,
    embedded: B::Buf<f32>,
    product: B::Buf<f32>,
    head: Vec<B::Buf<f32>>,
}

impl<B: Backend> Pass<B> {
    /// `count` fractions for each of `rows` observations.
    fn new(b: &B, network: &Network, rows: usize, count: usize) -> kernels::Result<Self> {
        let (before, after) = network.layers.split_at(trunk(network));
        let (features, width) = network.embedding.map_or((0, 0), |layer| (layer.inputs, layer.outputs));
        Ok(Pass {
            count,
            tau: b.zeros(rows * count)?,
            trunk: before.iter().map(|layer| b.zeros(rows * layer.outputs)).collect::<kernels::Result<_>>()?,
            cosines: b.zeros(rows * count * features)?,
            embedded: b.zeros(rows * count * width)?,
            product: b.zeros(rows * count * width)?,
            head: after.iter().map(|layer| b.zeros(rows * count * layer.outputs)).collect::<kernels::Result<_>>()?,
        })
    }

    /// The same at the midpoints of `count` equal parts.
    fn at_midpoints(b: &B, network: &Network, rows: usize, count: usize) -> kernels::Result<Self> {
        let midpoints: Vec<f32> = (0..rows * count).map(|i| ((i % count) as f32 + 0.5) / count as f32).collect();
        Ok(Pass { tau: b.upload(&midpoints)?, ..Self::new(b, network, rows, count)? })
    }

    /// From observations to quantiles\[rows × count × actions\].
    fn forward(
        &mut self,
        b: &B,
        network: &Network,
        rows: usize,
        theta: &B::Buf<f32>,
        observation: &B::Buf<f32>,
    ) -> kernels::Result<&B::Buf<f32>> {
        let Pass { count, tau, trunk, cosines, embedded, product, head } = self;
        let Some(embedding) = &network.embedding else { unreachable!("the agent made it") };
        let (before, after) = network.layers.split_at(trunk.len());
        for (i, layer) in before.iter().enumerate() {
            let (done, from) = trunk.split_at_mut(i);
            b.linear(layer, rows, theta, done.last().unwrap_or(observation), &mut from[0])?;
        }
        b.cosines(rows * *count, embedding.inputs, tau, cosines)?;
        b.linear(embedding, rows * *count, theta, cosines, embedded)?;
        b.modulate([rows, *count, embedding.outputs], &trunk[trunk.len() - 1], embedded, product)?;
        for (i, layer) in after.iter().enumerate() {
            let (done, from) = head.split_at_mut(i);
            b.linear(layer, rows * *count, theta, done.last().unwrap_or(product), &mut from[0])?;
        }
        Ok(&head[head.len() - 1])
    }

    /// From the gradient of the quantiles, the last of the `deltas`, down to `gradient`.
    #[expect(clippy::too_many_arguments, reason = "the operands of a backward pass, each a buffer of its own")]
    fn backward(
        &self,
        b: &B,
        network: &Network,
        rows: usize,
        theta: &B::Buf<f32>,
        observation: &B::Buf<f32>,
        deltas: &mut Pass<B>,
        gradient: &mut B::Buf<f32>,
    ) -> kernels::Result<()> {
        let Some(embedding) = &network.embedding else { unreachable!("the agent made it") };
        let (before, after) = network.layers.split_at(self.trunk.len());
        let many = rows * self.count;
        for (i, layer) in after.iter().enumerate().rev() {
            let (below, from) = deltas.head.split_at_mut(i);
            let (x, dx) = (self.head[..i].last(), below.last_mut());
            let (x, dx) = (x.unwrap_or(&self.product), dx.unwrap_or(&mut deltas.product));
            b.linear_back(layer, many, theta, x, &self.head[i], &mut from[0], Some(dx), gradient)?;
        }
        let last = before.len() - 1;
        let shape = [rows, self.count, embedding.outputs];
        let (dstate, dembedded) = (&mut deltas.trunk[last], &mut deltas.embedded);
        b.modulate_back(shape, &self.trunk[last], &self.embedded, &deltas.product, dstate, dembedded)?;
        b.linear_back(embedding, many, theta, &self.cosines, &self.embedded, dembedded, None, gradient)?;
        for (i, layer) in before.iter().enumerate().rev() {
            let (below, from) = deltas.trunk.split_at_mut(i);
            let x = self.trunk[..i].last().unwrap_or(observation);
            b.linear_back(layer, rows, theta, x, &self.trunk[i], &mut from[0], below.last_mut(), gradient)?;
        }
        Ok(())
    }
}

impl<B: Backend> Rule<B> for Fractions<B> {
    type Pass = (Pass<B>, B::Buf<f32>);

    fn pass(&self, b: &B, network: &Network, rows: usize) -> kernels::Result<Self::Pass> {
        Ok((Pass::at_midpoints(b, network, rows, self.acting)?, b.zeros(rows * network.actions)?))
    }

    fn look(
        &self,
        b: &B,
        network: &Network,
        rows: usize,
        theta: &B::Buf<f32>,
        observation: &B::Buf<f32>,
        (pass, values): &mut Self::Pass,
    ) -> kernels::Result<()> {
        let quantiles = pass.forward(b, network, rows, theta, observation)?;
        b.quantile_mean(&self.quantiles, rows, self.acting, quantiles, values)?;
        network.close(b, rows, observation, values)
    }

    fn values<'a>(&self, (_, values): &'a Self::Pass) -> &'a B::Buf<f32> {
        values
    }

    /// One update, in the order of the paper's algorithm 1.
    fn update(&mut self, b: &B, parts: &mut Parts<B>) -> kernels::Result<()> {
        let Parts { network, sampling, adam, weights, memory, batch, clock, summary, .. } = parts;
        let Fractions { quantiles, acting, seed, double, online, next, chooser, next_q, deltas } = self;
        let size = batch.size;
        b.sample(sampling, memory, clock, batch)?;
        for (copy, pass) in [(0, &mut *online), (1, &mut *next)] {
            b.fractions(&FractionAddress { seed: *seed, copy }, size, pass.count, clock, &mut pass.tau)?;
        }
        online.forward(b, network, size, &weights.theta, &batch.observation)?;
        next.forward(b, network, size, &weights.target, &batch.next)?;
        let chooses = if *double { &weights.theta } else { &weights.target };
        let candidates = chooser.forward(b, network, size, chooses, &batch.next)?;
        b.quantile_mean(quantiles, size, *acting, candidates, next_q)?;
        network.close(b, size, &batch.next, next_q)?;
        let last = online.head.len() - 1;
        let (theta, next_theta, dtheta) = (&online.head[last], &next.head[last], &mut deltas.head[last]);
        b.quantile(quantiles, batch, theta, Some(&online.tau), next_theta, next_q, dtheta, summary)?;
        let gradient = &mut weights.gradient;
        online.backward(b, network, size, &weights.theta, &batch.observation, deltas, gradient)?;
        b.adam(adam, clock, weights)?;
        b.prioritise(sampling, memory, batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernels::{Cpu, Device, Isa};

    /// Every parameter's gradient of Σ weight · quantile against central differences; the ReLUs' kinks lie elsewhere, so
    /// what remains is curvature (step 2⁻⁸) and rounding.
    #[test]
    fn gradient_is_the_slope() {
        let cpu = Cpu::with(Isa::Scalar).expect("every machine has it");
        for hidden in [&[5][..], &[5, 4]] {
            let network = Network::new(3, hidden, 2, 1, Head::Plain);
            let at = trunk(&network) - 1;
            let network = network.with_embedding(6, at);
            let (rows, count) = (2, 3);
            let mut pass = Pass::<Cpu>::at_midpoints(&cpu, &network, rows, count).expect("room");
            let mut deltas = Pass::<Cpu>::new(&cpu, &network, rows, count).expect("room");
            let theta = network.initial(4);
            let x = vec![0.3, -0.8, 0.5, 0.9, 0.1, -0.4];
            let weights: Vec<f32> = (0..rows * count * 2).map(|i| 0.25 * (i as f32 - 5.0)).collect();
            let mut value = |theta: &Vec<f32>| {
                let quantiles = pass.forward(&cpu, &network, rows, theta, &x).expect("the CPU does not fail");
                quantiles.iter().zip(&weights).map(|(q, w)| f64::from(*q) * f64::from(*w)).sum::<f64>()
            };
            let step = 1.0 / 256.0;
            let slopes: Vec<f64> = (0..network.len)
                .map(|at| {
                    let moved = |by: f32| {
                        let mut theta = theta.clone();
                        theta[at] += by;
                        theta
                    };
                    (value(&moved(step)) - value(&moved(-step))) / f64::from(2.0 * step)
                })
                .collect();
            value(&theta);
            let last = deltas.head.len() - 1;
            deltas.head[last].copy_from_slice(&weights);
            let mut gradient: Vec<f32> = cpu.zeros(network.len).expect("room");
            pass.backward(&cpu, &network, rows, &theta, &x, &mut deltas, &mut gradient).expect("the CPU does not fail");
            for (at, (slope, found)) in slopes.iter().zip(&gradient).enumerate() {
                assert!((slope - f64::from(*found)).abs() < 2e-3, "{hidden:?} {at}: {slope} {found}");
            }
            assert!(gradient.iter().filter(|number| **number != 0.0).count() > network.len / 4, "some ReLUs are on");
        }
    }
}
