//! # A hundred thousand items without any structure: maximum inner product search as a bandit
//!
//! The world of [`rec/huge-factored-v1`](super::huge_factored) with items that are hashes of their number: eight numbers
//! uniform on [−1, 1), and nothing but a search through all of them finds the best one. The observation is the query,
//! not the catalogue, which is computed where it is needed (`catalogue::hashed`).
//!
//! - Item i: e_i\[j\] = 2 · (mix(`seed` · 2^40 + 8 i + j) >> 11) · 2^−53 − 1, j in 0..8, mix the hash of SplitMix64.
//! - User u: q\[j\] = cos(0.5 + 1.3 j + 0.9 u (j + 1)).
//! - Score: q · e_i. Click: probability σ(`scale` · (score − `offset`)), σ the logistic function.
//!
//! Memory: 8 numbers per user; nothing per item and nothing per row. A step costs eight hashes, whatever the number of
//! items: 0.21 µs of one core at 10^4 and at 10^7, the random choice and its evaluation included (`mercato rollout
//! rec/huge-hashed-v1 --set items=10000000 --set horizon=1000 --episodes 2000`). Reference policies and the optimum ask for the best items once per world: a tree of boxes
//! (`catalogue::index`) holds 36 bytes per item while it is searched and as much again while it is built (ten million
//! items: 0.7 GB, and 42 s of one core for the best hundred of 16 users and of their mean: `mercato rollout
//! rec/huge-hashed-v1 --set items=10000000 --policy oracle --episodes 16`; a million: 75 MB and 2 s), and the random value
//! looks at every item once per user.
//!
//! | | |
//! |---|---|
//! | Action | `Discrete(items)`: the item shown |
//! | Observation | `query`: the user's query (8 numbers in [−1, 1]) |
//! | Reward | 1 for a click, else 0; with `reward = "score"` the score, without noise |
//! | Start | a user, uniformly drawn |
//! | End | truncated after `horizon` steps |
//! | Discount | 0: what is shown does not change who comes |
//! | Parameters | as `rec/huge-factored-v1`, with the defaults `catalogue` hashed, `items` 100000 (10^4 to 10^7), `users` 16, `reward` click, `scale` 1, `offset` 3, `seed` 7, `horizon` 100 |
//! | Metrics | `click_rate`: clicks per step, 0 if the reward is the score; `mean_score`: mean score of the items shown |
//! | Reference policies | `random`, `rank-N`, `popular`, `myopic`, `oracle`: as `rec/huge-factored-v1` |
//! | Optimum | exact, 0.736 per step: the best item of every user; random 0.075, exact, over all items; popular 0.211 |
//! | Learning | a test of search rather than of learning: two towers that know the items' numbers, and an index |
//! | Source | own design: maximum inner product search in its hardest form (Shrivastava, Li 2014, "Asymmetric LSH (ALSH) for sublinear time maximum inner product search") |
//!
//! History: v1, first version.
use super::huge_factored::{Catalogue, Huge};
use crate::registry::Variant;

/// The defaults of `rec/huge-hashed-v1`.
pub struct HugeHashed;

impl Variant for HugeHashed {
    type World = Huge;
    fn defaults() -> Huge {
        Huge { catalogue: Catalogue::Hashed, items: 100_000, users: 16, scale: 1.0, offset: 3.0, ..Huge::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalogue::hashed,
        env::Env,
        math::{cos64, sigmoid64},
        suite::played::play,
    };

    #[test]
    fn optimum_is_the_published_one() {
        let optimum = HugeHashed::defaults().optimum();
        let digits = |value: f64| (value * 1000.0).round() / 1000.0;
        assert_eq!([optimum.lower, optimum.random, optimum.others[0].1].map(digits), [0.736, 0.075, 0.211]);
    }

    /// One user and ten thousand items in double precision, one by one.
    #[test]
    fn optimum_and_random_agree_with_every_item() {
        let env = Huge { items: 10_000, users: 1, ..HugeHashed::defaults() };
        let query: Vec<f64> = (0..8).map(|j| cos64(0.5 + 1.3 * f64::from(j))).collect();
        let clicks: Vec<f64> = (0..env.items)
            .map(|item| {
                let score: f64 = hashed::embedding(7, item).iter().zip(&query).map(|(&e, q)| f64::from(e) * q).sum();
                sigmoid64(score - 3.0)
            })
            .collect();
        let optimum = env.optimum();
        let best = clicks.iter().copied().max_by(f64::total_cmp).expect("items");
        assert!((optimum.lower - best).abs() < 1e-6, "{optimum:?} {best}");
        let mean = clicks.iter().sum::<f64>() / 1e4;
        assert!((optimum.random - mean).abs() < 1e-6, "{optimum:?} {mean}");
    }

    #[test]
    fn episodes_are_worth_what_the_equations_say() {
        let env = Huge { items: 20_000, ..HugeHashed::defaults() };
        let optimum = env.optimum();
        let anchors = [("oracle", optimum.lower), ("random", optimum.random)];
        for (policy, value) in optimum.others.iter().copied().chain(anchors) {
            play(&env, policy, 200).agrees_with(value, optimum.tolerance);
        }
    }
}
