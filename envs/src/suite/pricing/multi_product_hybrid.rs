//! # One product and its price: a discrete and a continuous choice in one action
//!
//! [`pricing/multi-product-mnl-v1`](super::multi_product_mnl) with room for one product: equations and policies are those
//! of its page, and every parameter can be set as there. The product that attracts most is the trap; an agent has to
//! find the most profitable one together with its price.
//!
//! | | |
//! |---|---|
//! | Action | `Discrete(10)` and `Continuous(1)`: the product, and its markup in [0, `high`] |
//! | Observation | `attraction`: a_i / 3 (10 numbers in [0, 1]); `cost`: c_i / 3 (10 in [0, 1]); `last_bought`: one-hot (10 in [0, 1], zeros where nothing was bought) |
//! | Reward | the markup if the product is bought, else 0; its expectation with `reward = "expected"` |
//! | Start | nothing bought yet |
//! | End | truncated after `horizon` steps |
//! | Discount | 0: no offer changes who comes |
//! | Parameters | as `pricing/multi-product-mnl-v1`, with the defaults `places` 1, `prices` free, `reward` sampled, `noise` 0.25, `high` 1.5, `horizon` 100 |
//! | Metrics | `sold`: purchases per step; `mean_markup`: mean of the markups |
//! | Reference policies | `random`, `naive`, `myopic`, `oracle`: as `pricing/multi-product-mnl-v1` |
//! | Optimum | exact, 0.732 per step: closed form, the product with the largest a_i − c_i; random 0.404 |
//! | Learning | needs an agent for pairs of a discrete and a continuous choice |
//! | Source | own numbers, see `pricing/multi-product-mnl-v1` |
//!
//! History: v1, first version.
use super::multi_product_mnl::MultiProductMnl;
use crate::registry::Variant;

/// The defaults of `pricing/multi-product-hybrid-v1`.
pub struct MultiProductHybrid;

impl Variant for MultiProductHybrid {
    type World = MultiProductMnl;
    fn defaults() -> MultiProductMnl {
        MultiProductMnl { places: 1, ..MultiProductMnl::default() }
    }
}
