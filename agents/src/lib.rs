//! The DQN family and its baselines, written once for every backend.
//!
//! | agent | spaces | source |
//! |---|---|---|
//! | [`dqn`] | discrete | Mnih et al. 2015; double, dueling, n-step, prioritised as options; the article's factored head |
//! | [`price_grid`] | one continuous number | the same over a grid of prices, refined between them |
//! | [`simple`] | any | constant actions; the worlds' reference policies |
pub mod agent;
pub mod checkpoint;
pub mod dqn;
pub mod error;
pub mod evaluate;
pub mod network;
pub mod price_grid;
pub mod simple;
pub mod spec;

pub use agent::{Agent, Policy, Progress};
pub use checkpoint::{Checkpoint, Tensor, Tensors};
pub use error::{Error, Result};
pub use evaluate::{Evaluation, Metric, Player, evaluate};
pub use spec::AgentSpec;
