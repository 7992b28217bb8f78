//! # A price for each customer's taste and cost: the pricing bandit with two numbers to look at
//!
//! [`pricing/logit-monopoly-v1`](super::logit_monopoly) with customers who differ: equations, forms and policies are
//! those of its page, and every parameter can be set as there. The best single price earns nine tenths of what is
//! possible; the rest needs the context.
//!
//! | | |
//! |---|---|
//! | Action, `actions = "continuous"` | `Continuous(1)`: the price, in [`low`, `high`] |
//! | Action, `actions = "grid"` | `Discrete(levels)`: one of equally spaced prices, both ends among them |
//! | Observation | `taste`: twice the deviation of a from `quality` (1 in [−1, 1]); `burden`: twice that of c from `cost` (1 in [−1, 1]) |
//! | Reward | p − c if the customer buys, else 0; its expectation with `reward = "expected"` |
//! | Start | a customer |
//! | End | truncated after `horizon` steps |
//! | Discount | 0: no price changes who comes |
//! | Parameters | as `pricing/logit-monopoly-v1`, with the defaults `customers` contextual, `low` 0.5, `high` 3.5, `actions` continuous, `levels` 21, `reward` sampled, `quality` 2, `outside` 0, `cost` 1, `noise` 0.25, `horizon` 100 |
//! | Metrics | `sold`: purchases per step; `mean_price`: mean of the posted prices |
//! | Reference policies | `random`, `fixed-P`, `best-fixed`, `myopic`, `oracle`: as `pricing/logit-monopoly-v1` |
//! | Optimum | exact, 0.575 per step: closed form at each context, Simpson's rule over them (error below 10^-6); best fixed price 0.521, random 0.172 |
//! | Learning | easy for any method that generalises over two numbers |
//! | Source | own design, see `pricing/logit-monopoly-v1` |
//!
//! History: v1, first version.
use super::logit_monopoly::{Customers, LogitMonopoly};
use crate::registry::Variant;

/// The defaults of `pricing/logit-monopoly-contextual-v1`.
pub struct LogitMonopolyContextual;

impl Variant for LogitMonopolyContextual {
    type World = LogitMonopoly;
    fn defaults() -> LogitMonopoly {
        LogitMonopoly { customers: Customers::Contextual, low: 0.5, high: 3.5, ..LogitMonopoly::default() }
    }
}
