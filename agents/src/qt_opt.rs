//! QT-Opt (Kalashnikov et al. 2018): real numbers are inputs of the network beside the observation, and the best ones are
//! found by the cross-entropy method. Everything beside the targets is [`dqn`]'s.
//!
//! Real numbers are learnt in \[−1, 1\]. The first round of a search is uniform; its draws are made once, the same for every
//! state, so that greedy play is a function of the state. Exploring is [`naf`](crate::naf)'s.
use crate::{
    dqn,
    error::{Result, between, setting},
    learner::{Choice, Learner, Parts, Rule},
    naf::{validate_for_reals, validate_spread},
    network::Network,
    translated::{Intervals, Translated},
};
use envs::{Domain, Purpose, Rng, Spec};
use kernels::{Backend, ChooseConfig, Found, SearchShape, TdConfig};
use serde::{Deserialize, Serialize};

/// Settings: the search and the noise, then those of [`dqn::Config`]; with `double` the online network chooses the numbers
/// that the target network values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Candidates of a round, 2 to 1024 (64 in the paper).
    pub candidates: usize,
    /// How many of them give the next round's mean and deviation, 1 to `candidates` (6 in the paper).
    pub elite: usize,
    /// Rounds of a search, 1 to 16 (2 in the paper).
    pub rounds: usize,
    /// Standard deviation of the noise on actions, in halves of their interval, 0 to 2.
    pub spread: f32,
    /// How the values are learnt.
    #[serde(flatten)]
    pub dqn: dqn::Config,
}

impl Default for Config {
    fn default() -> Self {
        Config { candidates: 64, elite: 6, rounds: 2, spread: 0.2, dqn: dqn::Config::default() }
    }
}

impl Config {
    /// Checks the settings.
    ///
    /// # Errors
    /// Names the setting, its value and the admissible range.
    pub fn validate(&self) -> Result<()> {
        between("candidates", self.candidates, 2, 1024)?;
        between("elite", self.elite, 1, self.candidates)?;
        between("rounds", self.rounds, 1, 16)?;
        validate_spread(self.spread)?;
        if self.dqn.noisy {
            return Err(setting("noisy", true, "false: a search looks at one network"));
        }
        validate_for_reals(&self.dqn)
    }
}

/// The agent.
pub type QtOpt<B> = Translated<B, Searches<B>, Intervals>;

impl<B: Backend> QtOpt<B> {
    /// An agent for a world with continuous actions.
    ///
    /// # Errors
    /// When the actions are anything else or a setting is not admissible.
    pub fn searching(backend: B, config: Config, spec: &Spec, seed: u64) -> Result<Self> {
        config.validate()?;
        let intervals = Intervals::of("qt_opt", spec)?;
        let Config { candidates: count, elite, rounds, spread, dqn: config } = config;
        let (size, reals, width) = (config.batch, intervals.0.len(), spec.observation);
        let network = Network::new(width + reals, &config.hidden, 1, 1, config.head);
        let search = SearchShape { rows: 0, count, width, reals, elite };
        let taken = SearchShape { rows: size, count: 1, ..search };
        let rule = Searches {
            td: TdConfig { actions: 1, huber: config.huber, chosen: true },
            search,
            spread,
            draws: draws(seed, rounds, count * reals)
                .iter()
                .map(|draws| backend.upload(draws))
                .collect::<kernels::Result<_>>()?,
            next: Pass::new(&backend, &network, &SearchShape { rows: size, ..search })?,
            x: backend.zeros(size * taken.length())?,
            x_next: config.double.then(|| backend.zeros(size * taken.length())).transpose()?,
            online: network.outputs(&backend, size, false)?,
            target_next: config.double.then(|| network.outputs(&backend, size, false)).transpose()?,
            deltas: network.outputs(&backend, size, false)?,
        };
        let learner = Learner::build(backend, config, network, spec, 1, seed, rule)?;
        Ok(Translated::new(learner, intervals, spec.rows))
    }
}

/// The draws of each round: uniform on \[−1, 1) in the first, standard normal in the others.
fn draws(seed: u64, rounds: usize, count: usize) -> Vec<Vec<f32>> {
    let address = Rng::new(seed, Domain::Initialisation);
    let round = |round: usize| {
        let mut stream = address.at(round as u32, 0, 0).stream(Purpose::EXPLORE);
        let draw = |_| if round == 0 { 2.0 * stream.uniform() - 1.0 } else { stream.normal() };
        (0..count).map(draw).collect()
    };
    (0..rounds).map(round).collect()
}

/// What learning works on: the search of the next state's best numbers, inputs and outputs for them and for what was
/// done, gradients.
pub struct Searches<B: Backend> {
    td: TdConfig,
    search: SearchShape,
    spread: f32,
    draws: Vec<B::Buf<f32>>,
    next: Pass<B>,
    x: B::Buf<f32>,
    x_next: Option<B::Buf<f32>>,
    online: Vec<B::Buf<f32>>,
    target_next: Option<Vec<B::Buf<f32>>>,
    deltas: Vec<B::Buf<f32>>,
}

/// A search: candidates beside observations, their values, and what is found.
pub struct Pass<B: Backend> {
    shape: SearchShape,
    x: B::Buf<f32>,
    outputs: Vec<B::Buf<f32>>,
    elite: B::Buf<u32>,
    start: [B::Buf<f32>; 2],
    mean: B::Buf<f32>,
    deviation: B::Buf<f32>,
    best: B::Buf<f32>,
    value: B::Buf<f32>,
}

impl<B: Backend> Pass<B> {
    fn new(b: &B, network: &Network, shape: &SearchShape) -> kernels::Result<Self> {
        let SearchShape { rows, count, reals, elite, .. } = *shape;
        let numbers = rows * reals;
        Ok(Pass {
            shape: *shape,
            x: b.zeros(rows * count * shape.length())?,
            outputs: network.outputs(b, rows * count, false)?,
            elite: b.zeros(rows * elite)?,
            start: [b.zeros(numbers)?, b.upload(&vec![1.0; numbers])?],
            mean: b.zeros(numbers)?,
            deviation: b.zeros(numbers)?,
            best: b.zeros(numbers)?,
            value: b.zeros(rows)?,
        })
    }

    /// The best numbers for each observation, and what they are worth.
    fn search(
        &mut self,
        b: &B,
        network: &Network,
        theta: &B::Buf<f32>,
        observation: &B::Buf<f32>,
        draws: &[B::Buf<f32>],
    ) -> kernels::Result<()> {
        let Pass { shape, x, outputs, elite, start, mean, deviation, best, value } = self;
        let (rows, last) = (shape.rows, outputs.len() - 1);
        for (round, draws) in draws.iter().enumerate() {
            let (middle, around) = if round == 0 { (&start[0], &start[1]) } else { (&*mean, &*deviation) };
            b.propose(shape, observation, middle, Some((around, draws)), x)?;
            network.forward(b, rows * shape.count, theta, x, None, outputs)?;
            b.top(rows, shape.count, shape.elite, &outputs[last], elite)?;
            b.refit(shape, elite, &outputs[last], x, Found { mean, deviation, best, value })?;
        }
        Ok(())
    }
}

impl<B: Backend> Rule<B> for Searches<B> {
    type Pass = Pass<B>;

    fn pass(&self, b: &B, network: &Network, rows: usize) -> kernels::Result<Pass<B>> {
        Pass::new(b, network, &SearchShape { rows, ..self.search })
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
        pass.search(b, network, theta, observation, &self.draws)
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
        (self.search.reals, self.spread)
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
        b.choose_reals(choosing, rows, self.search.reals, &pass.best, clock, &mut choice.real)
    }

    /// One update: the best numbers of the next state give the target of those that were chosen here.
    fn update(&mut self, b: &B, parts: &mut Parts<B>) -> kernels::Result<()> {
        let Parts { network, sampling, adam, weights, memory, batch, clock, summary, .. } = parts;
        let Searches { td, search, draws, next, x, x_next, online, target_next, deltas, .. } = self;
        let (size, last) = (batch.size, online.len() - 1);
        let taken = SearchShape { rows: size, count: 1, ..*search };
        b.sample(sampling, memory, clock, batch)?;
        b.propose(&taken, &batch.observation, &batch.real, None, x)?;
        network.forward(b, size, &weights.theta, x, None, online)?;
        if let (Some(x_next), Some(target_next)) = (x_next, target_next) {
            next.search(b, network, &weights.theta, &batch.next, draws)?;
            b.propose(&taken, &batch.next, &next.best, None, x_next)?;
            network.forward(b, size, &weights.target, x_next, None, target_next)?;
            b.td(td, batch, &online[last], &target_next[last], None, &mut deltas[last], summary)?;
        } else {
            next.search(b, network, &weights.target, &batch.next, draws)?;
            b.td(td, batch, &online[last], &next.value, None, &mut deltas[last], summary)?;
        }
        network.backward(b, size, &weights.theta, x, None, online, deltas, &mut weights.gradient)?;
        b.adam(adam, clock, weights)?;
        b.prioritise(sampling, memory, batch)
    }
}
