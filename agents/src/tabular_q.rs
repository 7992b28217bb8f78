//! Q-learning with a table (Watkins and Dayan 1992), as in the study of pricing algorithms that learn to collude (Calvano,
//! Calzolari, Denicolò and Pastorello 2020: "Artificial intelligence, algorithmic pricing, and collusion"):
//!
//! Q(s, a) ← (1 − α) Q(s, a) + α (r + γ max Q(s', ·)), and a random action with probability ε_t = ε₀ e^−βt in period t.
//!
//! The study has α = 0.15, β = 4·10⁻⁶, and for `initial` the discounted profit of every price against a random rival.
use crate::{
    checkpoint::{Tensor, Tensors, taken},
    error::{Result, between, setting},
    online::{Here, Lesson, Method, Offered, Online, Transition, actions},
    states::States,
};
use envs::{Spec, Stage, math::exp64, space::RowMut};
use serde::{Deserialize, Serialize};

/// Most values that the table may have: 2 GiB.
const MOST_VALUES: usize = 1 << 28;

/// Settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Episodes played at once, 1 to 65536.
    pub rows: usize,
    /// Cases told apart of every number of the observation that is not one-hot, from its least to its greatest value.
    pub levels: Vec<usize>,
    /// Learning rate α, 0 to 1.
    pub learning_rate: f64,
    /// Discount γ, 0 to 1; the world's own when it is not given.
    pub discount: Option<f64>,
    /// Values before anything is learnt: one for all, or one for each action; high ones make it try everything.
    pub initial: Vec<f64>,
    /// Probability of a random action at the start, ε₀, 0 to 1.
    pub explore_from: f64,
    /// β, the rate at which it falls with every vector step, 0 to 1.
    pub explore_decay: f64,
    /// The probability below which it does not fall, 0 to 1.
    pub explore_to: f64,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            rows: 1,
            levels: Vec::new(),
            learning_rate: 0.15,
            discount: None,
            initial: vec![0.0],
            explore_from: 1.0,
            explore_decay: 4e-6,
            explore_to: 0.0,
        }
    }
}

impl Config {
    /// Checks the settings.
    ///
    /// # Errors
    /// Names the setting, its value and the admissible range.
    pub fn validate(&self) -> Result<()> {
        between("rows", self.rows, 1, 65_536)?;
        between("learning_rate", self.learning_rate, 0.0, 1.0)?;
        between("discount", self.discount.unwrap_or(1.0), 0.0, 1.0)?;
        if self.initial.is_empty() {
            return Err(setting("initial", "[]", "one number, or one for each action"));
        }
        for initial in &self.initial {
            between("initial", *initial, -1e9, 1e9)?;
        }
        between("explore_from", self.explore_from, 0.0, 1.0)?;
        between("explore_decay", self.explore_decay, 0.0, 1.0)?;
        between("explore_to", self.explore_to, 0.0, 1.0)
    }

    /// Whether the actions are discrete and the states of the world are told apart.
    ///
    /// # Errors
    /// Names what is missing.
    pub fn fits(&self, spec: &Spec) -> Result<()> {
        actions("tabular_q", spec)?;
        States::new("tabular_q", spec, &self.levels).map(|_| ())
    }
}

/// The agent.
pub type TabularQ = Online<Table>;

impl TabularQ {
    /// An agent for a world with discrete actions and finitely many states.
    ///
    /// # Errors
    /// When the actions are not discrete, the table would be too large, or a setting is not admissible.
    pub fn new(config: Config, spec: &Spec, seed: u64) -> Result<Self> {
        config.validate()?;
        let actions = actions("tabular_q", spec)?;
        let states = States::new("tabular_q", spec, &config.levels)?;
        let initial = &config.initial;
        if initial.len() != 1 && initial.len() != actions {
            let found = format!("{} numbers", initial.len());
            return Err(setting("initial", found, &format!("one number, or one for each of the {actions} actions")));
        }
        let values = states.count().checked_mul(actions).filter(|values| *values <= MOST_VALUES);
        let Some(values) = values else {
            let found = format!("{} × {actions}", states.count());
            return Err(setting("states × actions", found, &format!("at most {MOST_VALUES}")));
        };
        let q = (0..values).map(|place| initial[place % initial.len()]).collect();
        let discount = config.discount.unwrap_or(spec.discount);
        let rows = config.rows;
        Online::build(Table { config, discount, actions, states, q }, rows, spec, seed)
    }
}

/// The value of every action in every state.
pub struct Table {
    config: Config,
    discount: f64,
    actions: usize,
    states: States,
    /// states × actions.
    q: Vec<f64>,
}

impl Table {
    fn values(&self, observation: &[f32]) -> Result<&[f64]> {
        Ok(&self.q[self.states.index(observation)? * self.actions..][..self.actions])
    }

    fn best(&self, observation: &[f32], offer: Offered<'_>) -> Result<usize> {
        let values = self.values(observation)?;
        Ok(offer.highest(values.len(), |action| values[action]))
    }
}

impl Method for Table {
    fn explore(&mut self, mut here: Here<'_>, action: RowMut<'_>) -> Result<()> {
        action.items[0] = match here.draws.uniform64() < self.epsilon(here.step) {
            true => here.offer.any(self.actions, &mut here.draws) as u32,
            false => self.best(here.observation, here.offer)? as u32,
        };
        Ok(())
    }

    fn exploit(&self, observation: &[f32], offer: Offered<'_>, action: RowMut<'_>) -> Result<()> {
        action.items[0] = self.best(observation, offer)? as u32;
        Ok(())
    }

    fn learn(&mut self, transition: Transition<'_>) -> Result<Lesson> {
        let next = match transition.stage {
            Stage::Terminated => 0.0,
            _ => {
                let values = self.values(transition.next)?;
                self.discount * values[transition.next_offer.highest(values.len(), |action| values[action])]
            }
        };
        let state = self.states.index(transition.observation)?;
        let q = &mut self.q[state * self.actions + transition.action.items[0] as usize];
        let (value, target) = (*q, f64::from(transition.reward) + next);
        *q = (1.0 - self.config.learning_rate) * value + self.config.learning_rate * target;
        Ok(Lesson { value, error: target - value })
    }

    fn epsilon(&self, step: u64) -> f64 {
        let epsilon = self.config.explore_from * exp64(-self.config.explore_decay * step as f64);
        if epsilon > self.config.explore_to { epsilon } else { self.config.explore_to }
    }

    fn tensors(&self) -> Tensors {
        Tensors::from([("q".to_string(), Tensor::F64(self.q.clone()))])
    }

    fn restore(&mut self, saved: &Tensors) -> Result<()> {
        self.q = taken!(saved, F64, "q", self.q.len())?.to_vec();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use envs::{Params, Stage, make, space::Row};

    /// 2 + 0.1 (1 + 0.9 · 3 − 2) = 2.17; at the end 2 + 0.1 (1 − 2) = 1.9; a cut episode goes on.
    #[test]
    fn one_update_is_the_textbooks() {
        let world = make("classic/chain-v1", &Params::new(), 1).expect("world");
        let states = States::new("tabular_q", world.spec(), &[]).expect("one-hot");
        let config = Config { learning_rate: 0.1, ..Default::default() };
        let mut table = Table { config, discount: 0.9, actions: 2, q: vec![0.0; states.count() * 2], states };
        let cell = |at: usize| std::array::from_fn::<f32, 8, _>(|place| if place == at { 1.0 } else { 0.0 });
        let (here, next) = (cell(0), cell(4));
        table.q[5 * 2..][..2].copy_from_slice(&[3.0, -1.0]);
        for (stage, expected) in [(Stage::Mid, 2.17), (Stage::Truncated, 2.17), (Stage::Terminated, 1.9)] {
            table.q[2 + 1] = 2.0;
            let action = Row { items: &[1], reals: &[] };
            let transition = Transition {
                row: 0,
                observation: &here,
                action,
                reward: 1.0,
                next: &next,
                next_offer: Offered::ALL,
                stage,
            };
            table.learn(transition).expect("one-hot");
            assert!((table.q[2 + 1] - expected).abs() < 1e-15, "{stage:?}: {}", table.q[3]);
        }
    }

    /// Of 3 and −1 there only the −1 is on offer: 2 + 0.1 (1 + 0.9 · (−1) − 2) = 1.81.
    #[test]
    fn what_is_not_on_offer_is_not_looked_ahead_to() {
        let world =
            make("rec/markov-interest-v1", &Params::from_iter([("mask_rate".into(), 0.5.into())]), 1).expect("world");
        let spec = world.spec();
        let states = States::new("tabular_q", spec, &[]).expect("one-hot");
        let plain = make("rec/markov-interest-v1", &Params::new(), 1).expect("world");
        let without = States::new("tabular_q", plain.spec(), &[]).expect("one-hot");
        assert_eq!(states.count(), without.count(), "the mask is no part of a state");
        let config = Config { learning_rate: 0.1, ..Default::default() };
        let mut table = Table { config, discount: 0.9, actions: 2, q: vec![0.0; states.count() * 2], states };
        let (here, mut next) = (vec![0.0; spec.observation], vec![0.0; spec.observation]);
        next[0] = 1.0;
        let (from, to) = (table.states.index(&here).expect("zeros"), table.states.index(&next).expect("one-hot"));
        table.q[to * 2..][..2].copy_from_slice(&[3.0, -1.0]);
        table.q[from * 2] = 2.0;
        let (action, next_offer) = (Row { items: &[0], reals: &[] }, Offered::seen(&[0.0, 1.0], Some(&(0..2))));
        let stage = Stage::Mid;
        let transition = Transition { row: 0, observation: &here, action, reward: 1.0, next: &next, next_offer, stage };
        table.learn(transition).expect("one-hot");
        assert!((table.q[from * 2] - 1.81).abs() < 1e-15, "{}", table.q[from * 2]);
    }

    #[test]
    fn exploration_falls_as_in_the_study() {
        let world = make("classic/chain-v1", &Params::new(), 1).expect("world");
        let states = States::new("tabular_q", world.spec(), &[]).expect("one-hot");
        let table = Table { config: Config::default(), discount: 0.9, actions: 2, q: Vec::new(), states };
        assert_eq!(table.epsilon(0), 1.0);
        assert!((table.epsilon(250_000) - 0.367_879_441_171_442_3).abs() < 1e-15);
    }
}
