//! # Ten units, a hundred periods: the larger stock to be sold before a deadline
//!
//! [`pricing/inventory-v1`](super::inventory) with more of everything: the equations, actions and policies are those of
//! its page, and every parameter can be set as there. The myopic price, 1, sells ten units for ten; who waits for those
//! that pay more gets nearly twice as much.
//!
//! | | |
//! |---|---|
//! | Action, `actions = "continuous"` | `Continuous(1)`: the price, in [`low`, `high`], in units of the mean valuation |
//! | Action, `actions = "grid"` | `Discrete(levels)`: one of equally spaced prices, both ends among them: 0, 0.25 … 5 |
//! | Observation | `time_left`: share of the periods that are left (1 number in [0, 1]); `stock`: share of the stock that is left (1 in [0, 1]) |
//! | Reward | the price of every unit sold |
//! | Start | all periods and all units left |
//! | End | terminated after the last period or the last unit |
//! | Discount | 1 |
//! | Parameters | as `pricing/inventory-v1`, with the defaults `periods` 100, `stock` 10, `arrival` 0.8, `customers` single, `actions` continuous, `levels` 21, `low` 0, `high` 5 |
//! | Metrics | `sold`: units sold; `mean_price`: mean of the posted prices; `sale_price`: mean price of the units sold, 0 if none was |
//! | Reference policies | `random`, `myopic`, `fixed-P`, `best-fixed`, `oracle`: as `pricing/inventory-v1` |
//! | Optimum | exact, 19.3: backwards over time and stock. Random 9.59 on the interval, myopic 10.0, best fixed price 18.3. On the grid 19.2, random 8.50 |
//! | Learning | moderate: a single well-chosen price comes within 4.8 % of the optimum |
//! | Source | Gallego, van Ryzin 1994, in discrete periods |
//!
//! History: v1, first version.
use super::inventory::Inventory;
use crate::registry::Variant;

/// The defaults of `pricing/inventory-large-v1`.
pub struct InventoryLarge;

impl Variant for InventoryLarge {
    type World = Inventory;
    fn defaults() -> Inventory {
        Inventory { periods: 100, stock: 10, low: 0.0, high: 5.0, levels: 21, ..Inventory::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{env::Env, math::ln64, space::Form};

    #[test]
    fn optimum_is_the_published_one() {
        let digits = |value: f64| (value * 10.0).round() / 10.0;
        let optimum = InventoryLarge::defaults().optimum();
        assert_eq!([optimum.lower, optimum.random].map(digits), [19.3, 9.6]);
        assert_eq!(optimum.others.iter().map(|(_, value)| digits(*value)).collect::<Vec<_>>(), [10.0, 18.3]);
        let menu = Inventory { actions: Form::Grid, ..InventoryLarge::defaults() }.optimum();
        assert_eq!([menu.lower, menu.random].map(digits), [19.2, 8.5]);
    }

    /// The fluid bound: as if exactly the expected number of customers came.
    #[test]
    fn no_more_than_the_fluid_bound() {
        let best = InventoryLarge::defaults().optimum().upper;
        let bound = 10.0 * ln64(0.8 * 100.0 / 10.0);
        assert!(best < bound && best > 0.9 * bound, "{best} {bound}");
    }
}
