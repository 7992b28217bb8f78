//! Agents by name: presets, settings on top of them, and construction.
use crate::{
    agent::Agent,
    bandits::{
        cascade_ucb::{self, CascadeUcb, List},
        epsilon_greedy::{self, EpsilonGreedy},
        explore_then_commit::{self, ExploreThenCommit},
        lin_ucb::{self, LinUcb},
        logistic_thompson::{self, LogisticThompson},
        mnl_thompson::{self, MnlThompson},
        most_popular::{self, MostPopular},
        thompson_beta::{self, ThompsonBeta},
        thompson_gaussian::{self, ThompsonGaussian},
        thompson_pricing::{self, ThompsonPricing},
        ucb1::{self, Ucb1},
    },
    bcq::{self, Bcq},
    c51::{self, C51},
    cql::{self, Cql},
    dqn::{self, Dqn},
    error::{Error, Result, setting},
    iqn::{self, Iqn},
    lagrangian::{self, Lagrangian},
    naf::{self, Naf},
    online,
    pdqn::{self, Pdqn},
    price_grid::{self, PriceGrid},
    processor::Processor,
    qr_dqn::{self, QrDqn},
    qt_opt::{self, QtOpt},
    slateq::{self, SlateQ},
    tabular_q::{self, TabularQ},
    translated::Intervals,
    two_tower::{self, TwoTower},
};
use envs::{Spec, error::nearest, registry::to_json};
use kernels::Backend;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

mod presets;

pub use presets::{PRESETS, Preset};

/// An agent with all its settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AgentSpec {
    /// Deep Q-learning over discrete actions.
    Dqn(dqn::Config),
    /// Distributions of returns over atoms.
    C51(c51::Config),
    /// Distributions of returns by quantiles.
    QrDqn(qr_dqn::Config),
    /// Quantiles of returns at drawn fractions.
    Iqn(iqn::Config),
    /// What a log shows is believed.
    Cql(cql::Config),
    /// What a log shows is done.
    Bcq(bcq::Config),
    /// The best within a limit on a cost.
    Lagrangian(lagrangian::Config),
    /// Items of large catalogues by inner products.
    TwoTower(two_tower::Config),
    /// Slates by the values of their items.
    Slateq(slateq::Config),
    /// Deep Q-learning over a grid of prices.
    PriceGrid(price_grid::Config),
    /// Parabolas over real numbers.
    Naf(naf::Config),
    /// Searches among real numbers.
    QtOpt(qt_opt::Config),
    /// Real numbers of an index.
    Pdqn(pdqn::Config),
    /// What has earned most.
    MostPopular(most_popular::Config),
    /// The best promise, sometimes anything.
    EpsilonGreedy(epsilon_greedy::Config),
    /// Upper confidence bounds of means.
    Ucb1(ucb1::Config),
    /// Thompson sampling of successes.
    ThompsonBeta(thompson_beta::Config),
    /// Thompson sampling of means.
    ThompsonGaussian(thompson_gaussian::Config),
    /// Upper confidence bounds of ridge regressions.
    LinUcb(lin_ucb::Config),
    /// Thompson sampling of logistic regressions.
    LogisticThompson(logistic_thompson::Config),
    /// Upper confidence bounds of what a list's items attract.
    CascadeUcb(cascade_ucb::Config),
    /// Thompson sampling of a multinomial logit of products and prices.
    MnlThompson(mnl_thompson::Config),
    /// Q-learning with a table.
    TabularQ(tabular_q::Config),
    /// Trials of every price, then the best.
    ExploreThenCommit(explore_then_commit::Config),
    /// Thompson sampling of prices.
    ThompsonPricing(thompson_pricing::Config),
}

impl AgentSpec {
    /// The preset called `name` with `settings` on top.
    ///
    /// # Errors
    /// When the name or a setting is unknown, or a value does not fit.
    pub fn preset(name: &str, settings: &Map<String, Value>) -> Result<Self> {
        let preset = PRESETS.iter().find(|preset| preset.name == name).ok_or_else(|| {
            let near = nearest(name, PRESETS.iter().map(|preset| preset.name));
            let all = PRESETS.iter().map(|preset| preset.name).collect::<Vec<_>>().join(", ");
            let nearest = if near.is_empty() { format!("none (there are: {all})") } else { near.join(", ") };
            Error::UnknownAgent { name: name.into(), nearest }
        })?;
        let defaults = (preset.spec)();
        let Ok(Value::Object(mut all)) = to_json(&defaults) else {
            return Ok(defaults);
        };
        for (key, value) in settings {
            let known = key != "kind" && all.contains_key(key);
            let Some(slot) = all.get_mut(key).filter(|_| known) else {
                let near = nearest(key, all.keys().map(String::as_str).filter(|key| *key != "kind"));
                let nearest = if near.is_empty() { "none".into() } else { near.join(", ") };
                return Err(Error::UnknownSetting { agent: name.into(), key: key.clone(), nearest });
            };
            let before = std::mem::replace(slot, value.clone());
            // One key at a time, so that the message can name the one that does not fit.
            if let Err(error) = serde_json::from_value::<AgentSpec>(Value::Object(all.clone())) {
                let range = format!("of the type of its default, {before} ({error})");
                return Err(Error::Setting { name: key.clone(), value: value.to_string(), range });
            }
        }
        let spec: AgentSpec = serde_json::from_value(Value::Object(all))
            .map_err(|error| crate::error::setting("agent", name, &error.to_string()))?;
        spec.validate()?;
        Ok(spec)
    }

    fn validate(&self) -> Result<()> {
        match self {
            AgentSpec::Dqn(config) => config.validate(),
            AgentSpec::C51(config) => config.validate(),
            AgentSpec::QrDqn(config) => config.validate(),
            AgentSpec::Iqn(config) => config.validate(),
            AgentSpec::Cql(config) => config.validate(),
            AgentSpec::Bcq(config) => config.validate(),
            AgentSpec::Lagrangian(config) => config.validate(),
            AgentSpec::TwoTower(config) => config.validate(),
            AgentSpec::Slateq(config) => config.validate(),
            AgentSpec::PriceGrid(config) => config.validate(),
            AgentSpec::Naf(config) => config.validate(),
            AgentSpec::QtOpt(config) => config.validate(),
            AgentSpec::Pdqn(config) => config.validate(),
            AgentSpec::MostPopular(config) => config.validate(),
            AgentSpec::EpsilonGreedy(config) => config.validate(),
            AgentSpec::Ucb1(config) => config.validate(),
            AgentSpec::ThompsonBeta(config) => config.validate(),
            AgentSpec::ThompsonGaussian(config) => config.validate(),
            AgentSpec::LinUcb(config) => config.validate(),
            AgentSpec::LogisticThompson(config) => config.validate(),
            AgentSpec::CascadeUcb(config) => config.validate(),
            AgentSpec::MnlThompson(config) => config.validate(),
            AgentSpec::TabularQ(config) => config.validate(),
            AgentSpec::ExploreThenCommit(config) => config.validate(),
            AgentSpec::ThompsonPricing(config) => config.validate(),
        }
    }

    /// Rows of the world that it learns in.
    pub fn rows(&self) -> usize {
        match self {
            AgentSpec::Dqn(config) => config.rows,
            AgentSpec::C51(config) => config.dqn.rows,
            AgentSpec::QrDqn(config) => config.dqn.rows,
            AgentSpec::Iqn(config) => config.dqn.rows,
            AgentSpec::Cql(config) => config.dqn.rows,
            AgentSpec::Bcq(config) => config.dqn.rows,
            AgentSpec::Lagrangian(config) => config.dqn.rows,
            AgentSpec::TwoTower(config) => config.dqn.rows,
            AgentSpec::Slateq(config) => config.dqn.rows,
            AgentSpec::PriceGrid(config) => config.dqn.rows,
            AgentSpec::Naf(config) => config.dqn.rows,
            AgentSpec::QtOpt(config) => config.dqn.rows,
            AgentSpec::Pdqn(config) => config.dqn.rows,
            AgentSpec::MostPopular(config) => config.rows,
            AgentSpec::EpsilonGreedy(config) => config.rows,
            AgentSpec::Ucb1(config) => config.rows,
            AgentSpec::ThompsonBeta(config) => config.rows,
            AgentSpec::ThompsonGaussian(config) => config.rows,
            AgentSpec::LinUcb(config) => config.rows,
            AgentSpec::LogisticThompson(config) => config.rows,
            AgentSpec::CascadeUcb(config) => config.rows,
            AgentSpec::MnlThompson(config) => config.rows,
            AgentSpec::TabularQ(config) => config.rows,
            AgentSpec::ExploreThenCommit(config) => config.rows,
            AgentSpec::ThompsonPricing(config) => config.rows,
        }
    }

    /// The same agent with the smallest memory, for one that only plays.
    pub fn playing(mut self) -> Self {
        if let Some(config) = self.network_mut() {
            config.memory = config.least_memory();
        }
        self
    }

    /// Whether it can [`watch`](Agent::watch) a log: its network has a value for every action, and what it needs stands in a log.
    pub fn learns_from_logs(&self) -> bool {
        matches!(self, Self::Dqn(_) | Self::C51(_) | Self::QrDqn(_) | Self::Iqn(_) | Self::Cql(_) | Self::Bcq(_))
    }

    /// The same agent with one row, and a memory of `cells` transitions and ends: for learning from a log of so many.
    pub fn from_log(mut self, cells: usize) -> Self {
        if let Some(config) = self.network_mut() {
            config.rows = 1;
            let least = config.least_memory();
            config.memory = if cells > least { cells } else { least };
        }
        self
    }

    /// The same agent with a learning rate of 0, whose updates only measure their loss.
    pub fn measuring(mut self) -> Self {
        if let Some(config) = self.network_mut() {
            (config.learning_rate, config.learning_rate_to) = (0.0, None);
            (config.l2, config.weight_decay, config.priority, config.updates) = (0.0, 0.0, false, 1);
        }
        self
    }

    /// What rewards are multiplied by for learning.
    pub fn reward_scale(&self) -> f32 {
        self.clone().network_mut().map_or(1.0, |config| config.reward_scale)
    }

    /// The settings of a network, where the agent has one.
    pub(crate) fn network_mut(&mut self) -> Option<&mut dqn::Config> {
        match self {
            AgentSpec::Dqn(config) => Some(config),
            AgentSpec::C51(config) => Some(&mut config.dqn),
            AgentSpec::QrDqn(config) => Some(&mut config.dqn),
            AgentSpec::Iqn(config) => Some(&mut config.dqn),
            AgentSpec::Cql(config) => Some(&mut config.dqn),
            AgentSpec::Bcq(config) => Some(&mut config.dqn),
            AgentSpec::Lagrangian(config) => Some(&mut config.dqn),
            AgentSpec::TwoTower(config) => Some(&mut config.dqn),
            AgentSpec::Slateq(config) => Some(&mut config.dqn),
            AgentSpec::PriceGrid(config) => Some(&mut config.dqn),
            AgentSpec::Naf(config) => Some(&mut config.dqn),
            AgentSpec::QtOpt(config) => Some(&mut config.dqn),
            AgentSpec::Pdqn(config) => Some(&mut config.dqn),
            _ => None,
        }
    }

    /// Whether the agent can act in a world of this `spec`; its rows must be whole worlds.
    ///
    /// # Errors
    /// Names the action space that the agent needs, or the rows.
    pub fn fits(&self, spec: &Spec) -> Result<()> {
        if !self.rows().is_multiple_of(spec.agents) {
            let range = format!("a multiple of {}, the agents of a world of {}", spec.agents, spec.id);
            return Err(setting("rows", self.rows(), &range));
        }
        match self {
            AgentSpec::Dqn(_) | AgentSpec::C51(_) | AgentSpec::QrDqn(_) | AgentSpec::Iqn(_) => {
                dqn::actions(spec).map(|_| ())
            }
            AgentSpec::Cql(_) | AgentSpec::Bcq(_) => dqn::actions(spec).map(|_| ()),
            AgentSpec::Lagrangian(_) => lagrangian::cost(spec).map(|_| ()),
            AgentSpec::TwoTower(_) => two_tower::catalogue(spec).map(|_| ()),
            AgentSpec::Slateq(_) => slateq::fits(spec),
            AgentSpec::PriceGrid(_) => price_grid::bounds("price_grid", spec).map(|_| ()),
            AgentSpec::Naf(_) => Intervals::of("naf", spec).map(|_| ()),
            AgentSpec::QtOpt(_) => Intervals::of("qt_opt", spec).map(|_| ()),
            AgentSpec::Pdqn(_) => pdqn::Offer::of(spec).map(|_| ()),
            AgentSpec::MostPopular(_) => online::actions("most_popular", spec).map(|_| ()),
            AgentSpec::EpsilonGreedy(_) => online::actions("epsilon_greedy", spec).map(|_| ()),
            AgentSpec::Ucb1(_) => online::actions("ucb1", spec).map(|_| ()),
            AgentSpec::ThompsonBeta(_) => online::actions("thompson_beta", spec).map(|_| ()),
            AgentSpec::ThompsonGaussian(_) => online::actions("thompson_gaussian", spec).map(|_| ()),
            AgentSpec::LinUcb(config) => config.fits(spec),
            AgentSpec::LogisticThompson(_) => online::actions("logistic_thompson", spec).map(|_| ()),
            AgentSpec::CascadeUcb(_) => List::of(spec).map(|_| ()),
            AgentSpec::MnlThompson(_) => mnl_thompson::Offer::of(spec).map(|_| ()),
            AgentSpec::TabularQ(config) => config.fits(spec),
            AgentSpec::ExploreThenCommit(_) => price_grid::bounds("explore_then_commit", spec).map(|_| ()),
            AgentSpec::ThompsonPricing(_) => price_grid::bounds("thompson_pricing", spec).map(|_| ()),
        }
    }

    /// The agent, for a world of `rows()` rows.
    ///
    /// # Errors
    /// When the agent cannot act in this world or a setting is not admissible.
    pub fn build(&self, processor: impl Into<Processor>, spec: &Spec, seed: u64) -> Result<Box<dyn Agent>> {
        self.built(processor.into(), spec, seed)
    }

    fn built(&self, processor: Processor, spec: &Spec, seed: u64) -> Result<Box<dyn Agent>> {
        match processor {
            Processor::Cpu(cpu) => self.on(cpu, spec, seed),
            Processor::Cuda(cuda) => self.on(cuda, spec, seed),
        }
    }

    fn on<B: Backend>(&self, backend: B, spec: &Spec, seed: u64) -> Result<Box<dyn Agent>> {
        Ok(match self.clone() {
            AgentSpec::Dqn(config) => Box::new(Dqn::new(backend, config, spec, seed)?),
            AgentSpec::C51(config) => Box::new(C51::categorical(backend, config, spec, seed)?),
            AgentSpec::QrDqn(config) => Box::new(QrDqn::quantile(backend, config, spec, seed)?),
            AgentSpec::Iqn(config) => Box::new(Iqn::implicit(backend, config, spec, seed)?),
            AgentSpec::Cql(config) => Box::new(Cql::conservative(backend, config, spec, seed)?),
            AgentSpec::Bcq(config) => Box::new(Bcq::constrained(backend, config, spec, seed)?),
            AgentSpec::Lagrangian(config) => Box::new(Lagrangian::priced(backend, config, spec, seed)?),
            AgentSpec::TwoTower(config) => Box::new(TwoTower::towers(backend, config, spec, seed)?),
            AgentSpec::Slateq(config) => Box::new(SlateQ::slates(backend, config, spec, seed)?),
            AgentSpec::PriceGrid(config) => Box::new(PriceGrid::new(backend, config, spec, seed)?),
            AgentSpec::Naf(config) => Box::new(Naf::advantages(backend, config, spec, seed)?),
            AgentSpec::QtOpt(config) => Box::new(QtOpt::searching(backend, config, spec, seed)?),
            AgentSpec::Pdqn(config) => Box::new(Pdqn::parametrised(backend, config, spec, seed)?),
            AgentSpec::MostPopular(config) => Box::new(MostPopular::new(config, spec, seed)?),
            AgentSpec::EpsilonGreedy(config) => Box::new(EpsilonGreedy::new(config, spec, seed)?),
            AgentSpec::Ucb1(config) => Box::new(Ucb1::new(config, spec, seed)?),
            AgentSpec::ThompsonBeta(config) => Box::new(ThompsonBeta::new(config, spec, seed)?),
            AgentSpec::ThompsonGaussian(config) => Box::new(ThompsonGaussian::new(config, spec, seed)?),
            AgentSpec::LinUcb(config) => Box::new(LinUcb::new(config, spec, seed)?),
            AgentSpec::LogisticThompson(config) => Box::new(LogisticThompson::new(config, spec, seed)?),
            AgentSpec::CascadeUcb(config) => Box::new(CascadeUcb::new(config, spec, seed)?),
            AgentSpec::MnlThompson(config) => Box::new(MnlThompson::new(config, spec, seed)?),
            AgentSpec::TabularQ(config) => Box::new(TabularQ::new(config, spec, seed)?),
            AgentSpec::ExploreThenCommit(config) => Box::new(ExploreThenCommit::new(config, spec, seed)?),
            AgentSpec::ThompsonPricing(config) => Box::new(ThompsonPricing::new(config, spec, seed)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn settings(key: &str, value: Value) -> Map<String, Value> {
        Map::from_iter([(key.to_string(), value)])
    }

    #[test]
    fn settings_go_on_top_of_a_preset_and_survive_json() {
        for preset in PRESETS {
            let spec = AgentSpec::preset(preset.name, &settings("rows", json!(3))).expect(preset.name);
            let text = serde_json::to_string(&spec).expect("json");
            assert!(text.contains(r#""rows":3,"#), "{text}");
            assert_eq!(serde_json::from_str::<AgentSpec>(&text).expect("back"), spec);
        }
    }

    #[test]
    fn unknown_names_and_bad_values_are_named() {
        let message = |name, key, value| AgentSpec::preset(name, &settings(key, value)).expect_err(key).to_string();
        let infinite = AgentSpec::preset("dqn", &settings("huber", json!(f64::INFINITY))).expect("inf of TOML");
        assert!(matches!(infinite, AgentSpec::Dqn(config) if config.huber == f32::INFINITY));
        assert!(message("dqm", "batch", json!(1)).contains("nearest: dqn"));
        assert!(message("dqn", "learning_rat", json!(1)).contains("learning_rate"));
        assert!(message("dqn", "batch", json!("many")).contains("batch"));
        assert!(message("dqn", "n_step", json!(0)).contains("`n_step` is 0"));
        assert!(message("price_grid", "batch", json!(0)).contains("`batch` is 0"));
        assert!(message("naf", "spread", json!(3)).contains("`spread` is 3"));
        assert!(message("naf", "double", json!(true)).contains("`double` is true"));
        assert!(message("qt_opt", "elite", json!(65)).contains("between 1 and 64"));
        assert!(message("pdqn", "head", json!("dueling")).contains("`head` is dueling"));
        assert!(message("cql", "conservative", json!(-1)).contains("`conservative` is -1"));
        assert!(message("bcq", "threshold", json!(2)).contains("`threshold` is 2"));
        assert!(message("bcq", "double", json!(false)).contains("`double` is false"));
        assert!(message("lagrangian", "limit", json!(-1)).contains("`limit` is -1"));
        assert!(message("lagrangian", "n_step", json!(3)).contains("`n_step` is 3"));
        assert!(message("two_tower", "leaves", json!(0)).contains("`leaves` is 0"));
        assert!(message("two_tower", "noisy", json!(true)).contains("`noisy` is true"));
        assert!(message("most_popular", "rows", json!(0)).contains("`rows` is 0; it must be between 1 and 65536"));
        assert!(message("epsilon_greedy", "epsilon", json!(1.5)).contains("`epsilon` is 1.5"));
        assert!(message("ucb1", "exploration", json!(-1)).contains("`exploration` is -1"));
        assert!(message("thompson_beta", "prior", json!([1, 0])).contains("`prior` is 0"));
        assert!(message("thompson_beta", "low", json!(1)).contains("`low` is 1; it must be finite and below `high`"));
        assert!(message("thompson_gaussian", "noise", json!(0)).contains("`noise` is 0"));
        assert!(message("lin_ucb", "ridge", json!(0)).contains("`ridge` is 0"));
        assert!(message("cascade_ucb", "largest", json!(-1)).contains("`largest` is -1"));
        assert!(message("mnl_thompson", "variance", json!(0)).contains("`variance` is 0"));
        assert!(message("tabular_q", "learning_rate", json!(2)).contains("`learning_rate` is 2"));
        assert!(message("tabular_q", "initial", json!([])).contains("`initial` is []"));
        assert!(message("explore_then_commit", "prices", json!(2)).contains("`prices` is 2"));
        assert!(message("thompson_pricing", "length", json!(0)).contains("`length` is 0"));
        assert!(message("logistic_thompson", "variance", json!(0)).contains("`variance` is 0"));
    }
}
