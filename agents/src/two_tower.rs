//! Two towers (Yi et al. 2019, "Sampling-bias-corrected neural modeling for large corpus item recommendations"; as a
//! Q-function Dulac-Arnold et al. 2015, "Deep reinforcement learning in large discrete action spaces"): for catalogues of
//! millions. The network says a vector of the state, the world gives one for each item, and an item's value is their inner
//! product plus a number of the state alone. Everything else is [`crate::dqn`]'s.
//!
//! **In play** the best item is retrieved from a tree of boxes over the catalogue (`envs::catalogue::index`), exactly when
//! `leaves` suffice and else as well as they do. **In the target** the best of the next state is looked for among
//! `candidates` items, drawn anew in each update: biased low, the best of m drawn being about the n/(m + 1)-th of n items on
//! average. Where there are no more items than candidates, all are looked at and nothing is biased; where the discount is 0
//! the target has no such term. Items without vectors are one-hot, up to 1024 of them.
use crate::{
    dqn,
    error::{Error, Result, between, setting},
    learner::{Choice, Learner, Parts, Rule},
    network::{Head, Network},
    online::actions,
};
use envs::{
    Spec,
    catalogue::{
        ItemVectors,
        index::{Index, Search},
    },
};
use kernels::{Backend, ChooseConfig, TdConfig, TowersShape};
use serde::{Deserialize, Serialize};

/// Settings: the search and the candidates, then those of [`dqn::Config`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Leaves of 32 items that a search for the best looks into at most, 1 to 1000000; how many boxes it passes on the way
    /// depends on the vectors.
    pub leaves: usize,
    /// Items among which a target looks for the best, 1 to 65536.
    pub candidates: usize,
    /// How values are learnt.
    #[serde(flatten)]
    pub dqn: dqn::Config,
}

impl Default for Config {
    fn default() -> Self {
        Config { leaves: 256, candidates: 256, dqn: dqn::Config::default() }
    }
}

impl Config {
    /// Checks the settings.
    ///
    /// # Errors
    /// Names the setting, its value and the admissible range.
    pub fn validate(&self) -> Result<()> {
        between("leaves", self.leaves, 1, 1_000_000)?;
        between("candidates", self.candidates, 1, 65_536)?;
        self.dqn.validate()?;
        if self.dqn.head != Head::Plain {
            let head = format!("{:?}", self.dqn.head).to_lowercase();
            return Err(setting("head", head, "plain: a number of the state alone is there already"));
        }
        self.dqn.validate_for_distributions()?;
        if self.dqn.noisy {
            return Err(setting("noisy", true, "false: a search looks at one network"));
        }
        Ok(())
    }
}

/// Items that may be one-hot, at most.
const MOST_ONE_HOT: usize = 1024;

/// The number of items of a world and their vectors.
///
/// # Errors
/// When actions are not discrete, or are many without vectors.
pub fn catalogue(spec: &Spec) -> Result<(usize, ItemVectors)> {
    let items = actions("two_tower", spec)?;
    match &spec.items {
        Some(vectors) => Ok((items, vectors.clone())),
        None if items <= MOST_ONE_HOT => Ok((items, ItemVectors::one_hot(items))),
        None => {
            let needs = "item vectors (`Env::items`) where there are more than 1024 items";
            let has = format!("{items} items without vectors");
            Err(Error::Space { agent: "two_tower", needs, env: spec.id, has })
        }
    }
}

/// The agent.
pub type TwoTower<B> = Learner<B, Towers<B>>;

impl<B: Backend> TwoTower<B> {
    /// An agent for a world with discrete actions.
    ///
    /// # Errors
    /// When it cannot act there or a setting is not admissible.
    pub fn towers(backend: B, config: Config, spec: &Spec, seed: u64) -> Result<Self> {
        config.validate()?;
        let (items, vectors) = catalogue(spec)?;
        let Config { leaves, candidates: count, dqn: config } = config;
        let shape = TowersShape { items, dims: vectors.dims, count, seed };
        let network = Network::new(spec.observation, &config.hidden, shape.length(), 1, config.head);
        let size = config.batch;
        let outputs = || network.outputs(&backend, size, false);
        let mut table = vec![0.0; items * shape.dims];
        table.chunks_exact_mut(shape.dims).enumerate().for_each(|(item, row)| vectors.write(item as u32, row));
        let rule = Towers {
            td: TdConfig { actions: 1, huber: config.huber, chosen: true },
            shape,
            leaves,
            index: Index::new(items, shape.dims, |item, row| vectors.write(item, row)),
            items: backend.upload(&table)?,
            drawn: backend.zeros(shape.dims * shape.candidates())?,
            online: outputs()?,
            online_next: config.double.then(outputs).transpose()?,
            target_next: outputs()?,
            deltas: outputs()?,
            q: backend.zeros(size)?,
            dq: backend.zeros(size)?,
            best: backend.zeros(size)?,
        };
        Learner::build(backend, config, network, spec, items, seed, rule)
    }
}

/// What learning works on: the catalogue, this update's candidates, what the online network says here and there and the
/// target network there, gradients, values.
pub struct Towers<B: Backend> {
    td: TdConfig,
    shape: TowersShape,
    leaves: usize,
    index: Index,
    items: B::Buf<f32>,
    drawn: B::Buf<f32>,
    online: Vec<B::Buf<f32>>,
    online_next: Option<Vec<B::Buf<f32>>>,
    target_next: Vec<B::Buf<f32>>,
    deltas: Vec<B::Buf<f32>>,
    q: B::Buf<f32>,
    dq: B::Buf<f32>,
    best: B::Buf<f32>,
}

/// A pass: what the network says of each state, on the device and here, and the item found with its value.
pub struct Pass<B: Backend> {
    outputs: Vec<B::Buf<f32>>,
    states: Vec<f32>,
    room: Search,
    found: B::Buf<u32>,
    value: B::Buf<f32>,
}

impl<B: Backend> Rule<B> for Towers<B> {
    type Pass = Pass<B>;

    fn pass(&self, b: &B, network: &Network, rows: usize) -> kernels::Result<Pass<B>> {
        let (mut found, mut value) = (b.zeros(rows)?, b.zeros(rows)?);
        b.reserve(&mut found, rows)?;
        b.reserve(&mut value, rows)?;
        Ok(Pass {
            outputs: network.outputs(b, rows, false)?,
            states: vec![0.0; rows * self.shape.length()],
            room: self.index.room(1),
            found,
            value,
        })
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
        let Pass { outputs, states, room, found, value } = pass;
        let (dims, last) = (self.shape.dims, outputs.len() - 1);
        network.forward(b, rows, theta, observation, None, outputs)?;
        b.download(&outputs[last], 0..states.len(), states)?;
        let (found_here, value_here) = (b.stage(found, 0..rows), b.stage(value, 0..rows));
        for (row, state) in states.chunks_exact(self.shape.length()).enumerate() {
            let best = self.index.search(&state[..dims], 1, self.leaves, room);
            (found_here[row], value_here[row]) = (best[0].0, state[dims] + best[0].1);
        }
        b.commit(found, 0..rows)?;
        b.commit(value, 0..rows)
    }

    fn values<'a>(&self, pass: &'a Pass<B>) -> &'a B::Buf<f32> {
        &pass.value
    }

    fn names(&self, _: &Network) -> Vec<String> {
        vec!["the best item".into()]
    }

    fn is_greedy_choice(&self) -> bool {
        false
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
        b.choose_found(choosing, rows, &pass.found, clock, &mut choice.action)
    }

    /// One update: the best of this update's candidates gives the target of the items that were chosen.
    fn update(&mut self, b: &B, parts: &mut Parts<B>) -> kernels::Result<()> {
        let Parts { network, sampling, adam, weights, memory, batch, clock, summary, .. } = parts;
        let Towers { td, shape, items, drawn, online, online_next, target_next, deltas, q, dq, best, .. } = self;
        let (size, last) = (batch.size, online.len() - 1);
        let (theta, behind) = (&weights.theta, &weights.target);
        b.sample(sampling, memory, clock, batch)?;
        network.forward(b, size, theta, &batch.observation, None, online)?;
        b.meet(shape, batch, items, &online[last], q)?;
        network.forward(b, size, behind, &batch.next, None, target_next)?;
        if let Some(online_next) = online_next {
            network.forward(b, size, theta, &batch.next, None, online_next)?;
        }
        b.draw_candidates(shape, items, clock, drawn)?;
        let chooser = online_next.as_ref().unwrap_or(target_next);
        b.best_candidate(shape, size, drawn, &chooser[last], &target_next[last], best)?;
        b.td(td, batch, q, best, None, dq, summary)?;
        b.meet_back(shape, batch, items, dq, &mut deltas[last])?;
        network.backward(b, size, theta, &batch.observation, None, online, deltas, &mut weights.gradient)?;
        b.adam(adam, clock, weights)?;
        b.prioritise(sampling, memory, batch)
    }
}
