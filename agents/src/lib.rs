//! The DQN family and its baselines, written once for every backend.
//!
//! | agent | spaces | source |
//! |---|---|---|
//! | [`dqn`] | discrete | Mnih et al. 2015; double, dueling, n-step, prioritised, noisy, Munchausen as options; the article's factored head |
//! | [`c51`] | discrete | distributions over atoms (Bellemare et al. 2017) |
//! | [`qr_dqn`] | discrete | distributions by quantiles (Dabney et al. 2018) |
//! | [`iqn`] | discrete | quantiles at drawn fractions (Dabney et al. 2018) |
//! | [`cql`] | discrete, from a log | conservative Q-learning (Kumar et al. 2020) |
//! | [`bcq`] | discrete, from a log | batch-constrained Q-learning (Fujimoto et al. 2019) |
//! | [`fqe`] | discrete, from a log | what a policy is worth (Le et al. 2019) |
//! | [`lagrangian`] | discrete, with a cost | the best within a limit, by a learnt multiplier (Tessler et al. 2019) |
//! | [`two_tower`] | discrete, also millions | a vector of the state times the items' own (Yi et al. 2019) |
//! | [`slateq`] | slates | values of items under a learnt choice (Ie et al. 2019) |
//! | [`price_grid`] | one continuous number | the same over a grid of prices, refined between them |
//! | [`naf`] | continuous numbers | a parabola of advantages (Gu et al. 2016) |
//! | [`qt_opt`] | continuous numbers | a search among inputs (Kalashnikov et al. 2018) |
//! | [`pdqn`] | discrete with continuous numbers | one network says the numbers, another values the indices (Xiong et al. 2018) |
//! | [`tabular_q`] | discrete | Q-learning with a table (Watkins, Dayan 1992) |
//! | [`bandits`] | discrete; one continuous number | UCB1, Thompson sampling, LinUCB and their like, each by its paper |
//! | [`simple`] | any | constant actions; the worlds' reference policies |
//!
//! Training in fifteen lines:
//!
//! ```
//! use mercato_agents::{Agent, AgentSpec, Player, Policy, evaluate};
//! use envs::{Actions, Params, Start, make};
//! use serde_json::json;
//!
//! # fn main() -> mercato_agents::Result<()> {
//! let settings = json!({ "hidden": [16], "warmup": 200, "target_every": 50, "explore_over": 8000 });
//! let spec = AgentSpec::preset("dqn", settings.as_object().expect("a table"))?;
//! let mut world = make("classic/chain-v1", &Params::new(), spec.rows())?;
//! let mut agent = spec.build(kernels::Cpu::new()?, world.spec(), 1)?;
//! let mut actions = Actions::new(world.spec().rows, world.spec().width);
//! world.reset(Start::training(1), agent.slot())?;
//! for _ in 0..2000 {
//!     agent.act(&mut actions)?;
//!     world.step(&actions, agent.slot())?;
//!     agent.learn()?;
//! }
//! let mut policy = agent.greedy(spec.rows())?;
//! let played = evaluate(world.as_mut(), Player::Policy(policy.as_mut()), 1, 10)?;
//! assert_eq!(played.metric("right").map(|metric| metric.mean), Some(1.0), "it walks to the far end");
//! # Ok(())
//! # }
//! ```
pub mod agent;
pub mod bandits;
pub mod bcq;
pub mod c51;
pub mod checkpoint;
pub mod cql;
pub mod dqn;
pub mod error;
pub mod evaluate;
pub mod fqe;
pub mod iqn;
pub mod lagrangian;
pub mod learner;
pub mod mixture;
pub mod naf;
pub mod network;
pub mod noise;
pub mod online;
pub mod pdqn;
pub mod price_grid;
pub mod processor;
pub mod qr_dqn;
pub mod qt_opt;
pub mod simple;
pub mod slateq;
pub mod spec;
pub mod states;
pub mod tabular_q;
pub mod translated;
pub mod two_tower;

pub use agent::{Agent, Appeal, Explanation, Policy, Progress, Trace, Update};
pub use checkpoint::{Checkpoint, Tensor, Tensors};
pub use error::{Error, Result};
pub use evaluate::{Evaluation, Metric, Player, evaluate, evaluate_until};
pub use mixture::Mixture;
pub use processor::Processor;
pub use spec::AgentSpec;
