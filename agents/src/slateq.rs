//! SlateQ (Ie et al. 2019): slates by the values of their items. Everything beside the targets is [`crate::dqn`]'s.
//!
//! The network gives a value and a utility to every item and to taking nothing; utilities are learnt from what is taken,
//! values by temporal differences of what is taken towards the best slate of the next state. The world must show what was
//! taken: an observation field `taken`, one-hot over the places of the slate, then nothing, or `clicked`, one-hot over the
//! places.
//!
//! The paper's choice knows no order. Where users read from the top, `cascade` learns how likely an item is taken once it is
//! looked at and how likely they look on, and its best slate is a list in the order that earns most.
//!
//! Two faults of the reference implementation (RecSim's, 2020) are not repeated: the next values are those of the next
//! state, and taking nothing has a value of its own.
use crate::{
    dqn,
    error::{Error, Result, setting},
    learner::{Choice, Learner, Parts, Rule},
    network::{Head, Network},
    noise::effective,
    translated::{Meaning, Translated},
};
use envs::{Actions, Shape, Spec, Width};
use kernels::{Backend, BestSlate, ChooseConfig, MOST_CANDIDATES, MOST_SLOTS, SlateConfig};
use serde::{Deserialize, Serialize};

/// How the best slate is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    /// The slate with the largest value under the learnt choice.
    #[default]
    Exact,
    /// The items with the largest products of choice weight and value.
    TopK,
    /// The items with the largest values, each an action of its own, whatever is chosen: top-k DQN.
    Items,
    /// The list with the largest value for a user who reads from the top, by the learnt chances that an item is taken and
    /// that the user looks on.
    Cascade,
}

impl From<Selection> for BestSlate {
    fn from(selection: Selection) -> Self {
        match selection {
            Selection::Exact => BestSlate::Exact,
            Selection::TopK => BestSlate::TopK,
            Selection::Items => BestSlate::Items,
            Selection::Cascade => BestSlate::Cascade,
        }
    }
}

/// Settings: the slate, then those of [`dqn::Config`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// How the best slate is found: `exact`, `top_k`, `items` or `cascade`.
    pub selection: Selection,
    /// Weight of the choice model's loss beside that of the values, 0 to 1000.
    pub choice: f32,
    /// How values are learnt.
    #[serde(flatten)]
    pub dqn: dqn::Config,
}

impl Default for Config {
    fn default() -> Self {
        Config { selection: Selection::Exact, choice: 1.0, dqn: dqn::Config::default() }
    }
}

impl Config {
    /// Checks the settings.
    ///
    /// # Errors
    /// Names the setting, its value and the admissible range.
    pub fn validate(&self) -> Result<()> {
        if !(0.0..=1000.0).contains(&self.choice) {
            return Err(setting("choice", self.choice, "between 0 and 1000"));
        }
        self.dqn.validate()?;
        self.dqn.validate_for_distributions()?;
        if self.dqn.n_step != 1 {
            return Err(setting("n_step", self.dqn.n_step, "1: what is taken later is not the slate's doing"));
        }
        if self.dqn.head != Head::Plain {
            return Err(setting("head", "dueling", "plain: items and nothing have values of their own"));
        }
        Ok(())
    }
}

/// Candidates, places, and where an observation says what was taken.
struct Menu {
    candidates: usize,
    slots: usize,
    taken: usize,
}

/// Whether the agent can act in a world, whatever its rows.
///
/// # Errors
/// When the actions are no slates, slates have too many candidates or places, or observations do not say what was taken.
pub fn fits(spec: &Spec) -> Result<()> {
    menu(spec).map(|_| ())
}

fn menu(spec: &Spec) -> Result<Menu> {
    let refuse = |needs, has| Err(Error::Space { agent: "slateq", needs, env: spec.id, has });
    let Shape::Slate { candidates, slots } = spec.shape else {
        return refuse("slates", spec.shape.to_string());
    };
    let codes = u64::from(candidates).checked_pow(slots as u32).filter(|&codes| codes < 1 << 32);
    if candidates as usize > MOST_CANDIDATES || slots > MOST_SLOTS || codes.is_none() {
        return refuse("at most 1024 candidates, 16 places and 2^32 slates", spec.shape.to_string());
    }
    let field = |name, len| spec.field(name).filter(|field| field.len() == len);
    if let Some(taken) = field("taken", slots + 1).or_else(|| field("clicked", slots)) {
        return Ok(Menu { candidates: candidates as usize, slots, taken: taken.start });
    }
    refuse(
        "an observation field `taken`, one-hot over the places and nothing, or `clicked`, over the places",
        spec.fields_told(),
    )
}

/// The agent.
pub type SlateQ<B> = Translated<B, Slates<B>, SlateConfig>;

impl<B: Backend> SlateQ<B> {
    /// An agent for a world with slates.
    ///
    /// # Errors
    /// When it cannot act there or a setting is not admissible.
    pub fn slates(backend: B, config: Config, spec: &Spec, seed: u64) -> Result<Self> {
        config.validate()?;
        let Menu { candidates, slots, taken } = menu(spec)?;
        let Config { selection, choice, dqn: config } = config;
        let slate = SlateConfig { candidates, slots, best: selection.into(), taken, huber: config.huber, choice };
        let network = Network::new(spec.observation, &config.hidden, slate.outputs(), 1, config.head);
        let size = config.batch;
        let outputs = || network.outputs(&backend, size, false);
        let rule = Slates {
            slate,
            online: outputs()?,
            online_next: config.double.then(outputs).transpose()?,
            target_next: outputs()?,
            deltas: outputs()?,
        };
        let learner = Learner::build(backend, config, network, spec, candidates, seed, rule)?;
        Ok(Translated::new(learner, slate, spec.rows))
    }
}

/// Codes of slates.
impl Meaning for SlateConfig {
    fn width(&self) -> Width {
        Width { items: 1, reals: 0 }
    }

    fn world_width(&self) -> Width {
        Width { items: self.slots, reals: 0 }
    }

    fn write(&self, own: &Actions, world: &mut Actions) {
        for (slate, code) in world.items.chunks_exact_mut(self.slots).zip(&own.items) {
            slate.iter_mut().zip(self.items(*code)).for_each(|(place, item)| *place = item);
        }
    }
}

/// What learning works on: outputs of the online network here and there, of the target network there, their gradients.
pub struct Slates<B: Backend> {
    slate: SlateConfig,
    online: Vec<B::Buf<f32>>,
    online_next: Option<Vec<B::Buf<f32>>>,
    target_next: Vec<B::Buf<f32>>,
    deltas: Vec<B::Buf<f32>>,
}

impl<B: Backend> Slates<B> {
    fn items_and(&self, last: &str) -> Vec<String> {
        (0..self.slate.candidates).map(|item| format!("item {item}")).chain([last.to_owned()]).collect()
    }
}

impl<B: Backend> Rule<B> for Slates<B> {
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

    fn names(&self, _: &Network) -> Vec<String> {
        self.items_and("nothing")
    }

    fn numbers(&self, _: &Network) -> usize {
        self.slate.outputs()
    }

    fn appeal(&self) -> Option<(&'static str, Vec<String>)> {
        match self.slate.best {
            BestSlate::Cascade => Some(("log-odds", self.items_and("looking on"))),
            BestSlate::Exact | BestSlate::TopK => Some(("utility", self.items_and("nothing"))),
            BestSlate::Items => None,
        }
    }

    fn is_greedy_choice(&self) -> bool {
        false
    }

    fn choose(
        &self,
        b: &B,
        choosing: &ChooseConfig,
        rows: usize,
        outputs: &Self::Pass,
        clock: &B::Buf<u32>,
        choice: &mut Choice<B>,
    ) -> kernels::Result<()> {
        let ChooseConfig { epsilon, seed, .. } = choosing;
        b.choose_slate(&self.slate, epsilon, *seed, rows, self.values(outputs), clock, &mut choice.action)
    }

    /// One update, in the order of the paper's algorithm 1.
    fn update(&mut self, b: &B, parts: &mut Parts<B>) -> kernels::Result<()> {
        let Parts { network, sampling, adam, weights, memory, batch, clock, summary, noise, .. } = parts;
        let Slates { slate, online, online_next, target_next, deltas } = self;
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
        network.close(b, size, &batch.next, &mut online_next.as_mut().unwrap_or(target_next)[last])?;
        let chooser = online_next.as_ref().map(|outputs| &outputs[last]);
        b.slate(slate, batch, &online[last], &target_next[last], chooser, &mut deltas[last], summary)?;
        let gradient = &mut weights.gradient;
        network.backward(b, size, theta, &batch.observation, None, online, deltas, gradient)?;
        if let Some(noise) = noise {
            noise.back(b, gradient)?;
        }
        b.adam(adam, clock, weights)?;
        b.prioritise(sampling, memory, batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::Agent;
    use envs::make;
    use kernels::Cpu;

    #[test]
    fn what_was_taken_is_found_where_the_world_says_it() {
        let taken = |id, set: &str| {
            let params = serde_json::from_str(set).expect("a table");
            let world = make(id, &params, 1).expect("a world");
            menu(world.spec()).map(|menu| menu.taken).map_err(|error| error.to_string())
        };
        assert_eq!(taken("rec/shopper-v1", "{}"), Ok(11));
        assert_eq!(taken("compat/recsim-interest-evolution-v0", "{}"), Ok(220));
        assert_eq!(taken("compat/recsim-interest-exploration-v0", "{}"), Ok(20));
        assert_eq!(taken("compat/recsim-long-term-v0", "{}"), Ok(10));
        // There several places can be clicked at once.
        let refused = taken("rec/slate-cascade-v1", r#"{"choice": "position"}"#).expect_err("several");
        assert!(refused.contains("constant (1), clicked (4)") && refused.contains("one-hot"), "{refused}");
    }

    /// Values of the items and of nothing, and what is behind them only where a choice is learnt.
    #[test]
    fn values_and_choice_are_explained_apart() {
        let config = Config::default();
        let world = make("rec/shopper-v1", &envs::Params::new(), config.dqn.rows).expect("a world");
        let explained = |selection| {
            let config = Config { selection, ..config.clone() };
            let agent = SlateQ::slates(Cpu::new().expect("a processor"), config, world.spec(), 0).expect("an agent");
            agent.explain(&[0.5; 15]).expect("values").expect("an explanation").remove(0)
        };
        for (selection, measure, last) in [
            (Selection::Exact, Some("utility"), "nothing"),
            (Selection::Cascade, Some("log-odds"), "looking on"),
            (Selection::Items, None, ""),
        ] {
            let found = explained(selection);
            let names: Vec<&str> = found.values.iter().map(|(name, _)| &name[..]).collect();
            assert_eq!((names.len(), names[3], names[20], found.items.len()), (21, "item 3", "nothing", 3));
            assert_eq!(found.appeal.as_ref().map(|appeal| appeal.measure), measure);
            if let Some(appeal) = found.appeal {
                assert_eq!((appeal.numbers.len(), &appeal.numbers[20].0[..]), (21, last));
                assert!(appeal.numbers.iter().zip(&found.values).all(|(number, value)| number.1 != value.1));
            }
        }
    }
}
