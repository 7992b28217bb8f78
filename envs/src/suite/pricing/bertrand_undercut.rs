//! # A rival who always goes one step below you: how long to climb, when to let go
//!
//! [`pricing/bertrand-tft-v1`](super::bertrand_tft) with the other rival: equations and policies are those of its page,
//! and every parameter can be set as there. A high price is an offer that the rival takes up one step below.
//!
//! | | |
//! |---|---|
//! | Action | `Discrete(levels)`: a price of the grid |
//! | Observation | `rival_price`: one-hot s (`levels` numbers in [0, 1]) |
//! | Reward | your profit π(a, s) |
//! | Start | s = 1 |
//! | End | truncated after `horizon` steps |
//! | Discount | `discount` |
//! | Parameters | as `pricing/bertrand-tft-v1`, with the defaults `rival` undercut, `discount` 0.95, `horizon` 300, `market` the same |
//! | Metrics | `mean_price`: mean of your prices; `profit_gain`: Δ of your mean profit |
//! | Reference policies | `random`, `myopic`, `oracle`: as `pricing/bertrand-tft-v1` |
//! | Optimum | exact, 6.17: policy iteration over the `levels` states; random 5.19, myopic 4.10 |
//! | Learning | easy, a small table |
//! | Source | the market of Calvano, Calzolari, Denicolò, Pastorello 2020 |
//!
//! History: v1, first version.
use super::bertrand_tft::{BertrandTft, Rival};
use crate::registry::Variant;

/// The defaults of `pricing/bertrand-undercut-v1`.
pub struct BertrandUndercut;

impl Variant for BertrandUndercut {
    type World = BertrandTft;
    fn defaults() -> BertrandTft {
        BertrandTft { rival: Rival::Undercut, ..BertrandTft::default() }
    }
}
