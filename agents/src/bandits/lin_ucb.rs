//! LinUCB (Li, Chu, Langford and Schapire 2010: "A contextual-bandit approach to personalized news article recommendation"):
//! takes the action whose reward could be highest, m·x + α √(xᵀSx), by ridge regressions.
//!
//! With a model per action (algorithm 1) x is the observation. With a `shared` model (what algorithm 2 has beside those) x is
//! what the observation says of the action: its number in each field that has one for every action, such as how often each
//! product was viewed, as ± ln (1 + |number|), because counts tell the less the larger they are. One regression then learns
//! from all actions, as long as what attracts is the same for all.
use super::linear::Regressions;
use crate::{
    checkpoint::Tensors,
    error::{Error, Result, between},
    online::{Here, Lesson, Method, Offered, Online, Transition, actions},
};
use envs::{Spec, math::log1p, space::RowMut};
use serde::{Deserialize, Serialize};

/// Settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Episodes played at once, 1 to 65536.
    pub rows: usize,
    /// α, how much uncertainty counts, 0 to 10⁹.
    pub alpha: f64,
    /// λ of the ridge regression, 10⁻⁹ to 10⁹.
    pub ridge: f64,
    /// Whether all actions share one regression, on their own numbers of the observation.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub shared: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config { rows: 1, alpha: 1.0, ridge: 1.0, shared: false }
    }
}

impl Config {
    /// Checks the settings.
    ///
    /// # Errors
    /// Names the setting, its value and the admissible range.
    pub fn validate(&self) -> Result<()> {
        between("rows", self.rows, 1, 65_536)?;
        between("alpha", self.alpha, 0.0, 1e9)?;
        between("ridge", self.ridge, 1e-9, 1e9)
    }

    /// Whether an agent with these settings can act in a world of this `spec`.
    ///
    /// # Errors
    /// When the actions are not discrete, or share a regression and have no numbers of their own.
    pub fn fits(&self, spec: &Spec) -> Result<()> {
        let actions = actions("lin_ucb", spec)?;
        if self.shared { own_numbers(spec, actions).map(|_| ()) } else { Ok(()) }
    }
}

/// The agent.
pub type LinUcb = Online<Bounds>;

impl LinUcb {
    /// An agent for a world with discrete actions.
    ///
    /// # Errors
    /// When the actions are not discrete, too many, a setting is not admissible, or actions that share a regression have no
    /// numbers of their own.
    pub fn new(config: Config, spec: &Spec, seed: u64) -> Result<Self> {
        config.validate()?;
        let actions = actions("lin_ucb", spec)?;
        let own = if config.shared { Some(own_numbers(spec, actions)?) } else { None };
        let (models, features) = own.as_ref().map_or((actions, spec.observation), |own| (1, own.len()));
        let regressions = Regressions::new(models, features, 1.0 / config.ridge)?;
        Online::build(Bounds { alpha: config.alpha, actions, own, regressions }, config.rows, spec, seed)
    }
}

/// Most fields with a number for every action.
const MOST_FIELDS: usize = 32;

/// Where the fields with a number for every action begin, but for the one that says which are on offer.
fn own_numbers(spec: &Spec, actions: usize) -> Result<Vec<usize>> {
    let mut first = 0;
    let mut own = Vec::new();
    for field in &spec.fields {
        if field.len == actions && field.name != "action_mask" {
            own.push(first);
        }
        first += field.len;
    }
    if (1..=MOST_FIELDS).contains(&own.len()) {
        return Ok(own);
    }
    let needs = "1 to 32 observation fields with a number for every action";
    Err(Error::Space { agent: "lin_ucb_shared", needs, env: spec.id, has: spec.fields_told() })
}

/// What every action could bring.
pub struct Bounds {
    alpha: f64,
    actions: usize,
    /// Where an action's numbers are if all share a regression.
    own: Option<Vec<usize>>,
    regressions: Regressions,
}

impl Bounds {
    /// The regression of `action`, and its features.
    fn model<'a>(&self, action: usize, observation: &'a [f32], room: &'a mut [f32; MOST_FIELDS]) -> (usize, &'a [f32]) {
        let Some(own) = &self.own else { return (action, observation) };
        for (feature, first) in room.iter_mut().zip(own) {
            let number = observation[first + action];
            *feature = log1p(number.abs()).copysign(number);
        }
        (0, &room[..own.len()])
    }

    fn best(&self, observation: &[f32], offer: Offered<'_>, alpha: f64) -> u32 {
        let mut room = [0.0; MOST_FIELDS];
        offer.highest(self.actions, |action| {
            let (model, features) = self.model(action, observation, &mut room);
            let reach = if alpha == 0.0 { 0.0 } else { self.regressions.variance(model, features).sqrt() };
            self.regressions.value(model, features) + alpha * reach
        }) as u32
    }
}

impl Method for Bounds {
    fn explore(&mut self, here: Here<'_>, action: RowMut<'_>) -> Result<()> {
        action.items[0] = self.best(here.observation, here.offer, self.alpha);
        Ok(())
    }

    fn exploit(&self, observation: &[f32], offer: Offered<'_>, action: RowMut<'_>) -> Result<()> {
        action.items[0] = self.best(observation, offer, 0.0);
        Ok(())
    }

    fn learn(&mut self, transition: Transition<'_>) -> Result<Lesson> {
        let mut room = [0.0; MOST_FIELDS];
        let (model, features) = self.model(transition.action.items[0] as usize, transition.observation, &mut room);
        let value = self.regressions.value(model, features);
        let error = f64::from(transition.reward) - value;
        self.regressions.update(model, features, 1.0, error);
        Ok(Lesson { value, error })
    }

    fn tensors(&self) -> Tensors {
        self.regressions.tensors()
    }

    fn restore(&mut self, saved: &Tensors) -> Result<()> {
        self.regressions.restore(saved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use envs::{Params, Stage, space::Row};

    fn spec(world: &str, params: &[(&str, f64)]) -> Spec {
        let params: Params = params.iter().map(|(key, value)| (key.to_string(), (*value).into())).collect();
        envs::make(world, &params, 1).expect("a world").spec().clone()
    }

    /// The session, the last view and all views of a product; what is on offer is not a number to learn from.
    #[test]
    fn the_numbers_of_an_action_are_found() {
        for params in [&[][..], &[("mask_rate", 0.5)]] {
            assert_eq!(own_numbers(&spec("compat/recogym-v1", params), 10).expect("three fields"), [0, 10, 20]);
        }
        let config = Config { shared: true, ..Config::default() };
        let error = LinUcb::new(config, &spec("rec/topic-bandit-v1", &[]), 0).err().expect("no such field").to_string();
        let needs = format!(
            "`lin_ucb_shared` needs 1 to {MOST_FIELDS} observation fields with a number for every action; rec/topic"
        );
        assert!(error.contains(&needs), "{error}");
    }

    /// What a click on product 3 says is expected of product 7, which was viewed as often, and not of the others.
    #[test]
    fn actions_share_what_is_learnt() {
        let (own, regressions) = (Some(vec![0, 10, 20]), Regressions::new(1, 3, 1.0).expect("small"));
        let mut bounds = Bounds { alpha: 0.0, actions: 10, own, regressions };
        let mut observation = [0.0; 31];
        (observation[23], observation[27]) = (2.0, 2.0);
        let transition = Transition {
            row: 0,
            observation: &observation,
            action: Row { items: &[3], reals: &[] },
            reward: 1.0,
            next: &observation,
            next_offer: Offered::ALL,
            stage: Stage::Mid,
        };
        bounds.learn(transition).expect("three numbers");
        let mut room = [0.0; MOST_FIELDS];
        let [value, same, other] = [3, 7, 0].map(|action| {
            let (model, features) = bounds.model(action, &observation, &mut room);
            bounds.regressions.value(model, features)
        });
        // Of the 1, and of ln 3 for two views: (1, ln 3)·S(1, ln 3) with S = (I + xxᵀ)⁻¹.
        let square = 1.0 + f64::from(log1p(2.0)) * f64::from(log1p(2.0));
        assert!(
            (value - square / (1.0 + square)).abs() < 1e-12 && value == same && other < value,
            "{value} {same} {other}"
        );
        assert_eq!(bounds.best(&observation, Offered::ALL, 0.0), 3);
    }
}
