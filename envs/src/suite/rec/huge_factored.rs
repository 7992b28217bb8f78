//! # Ten million items and the best one is known: a catalogue built from codewords
//!
//! At each step a user arrives with a query; you show one of the `items`. The observation is the query, not the
//! catalogue: what an item is like follows from its number. Item I = Σ_j k_j 10^j is the concatenation of one codeword of
//! four numbers per decimal digit, so every part of the score belongs to one digit, and the best of ten million is found
//! by seven comparisons of ten.
//!
//! - Item: number l of the codeword for digit j with value k is sin(1.3 (j + 1) + 0.7 (k + 1)(l + 1)), l in 0..4.
//! - User u: number l of the query for digit j is cos(0.37 (u + 1)(j + 1) + 1.1 l).
//! - Score: the inner product of both. Click: probability σ(`scale` · (score − `offset`)), σ the logistic function.
//! - Then the next user comes, uniformly drawn from all.
//!
//! Memory: 14 numbers per user and digit, nothing per item and nothing per row. A step costs one sum over the digits, so
//! that 10^4 and 10^7 items take the same time: 0.19 µs of one core each, the random choice and its evaluation included
//! (`mercato rollout rec/huge-factored-v1 --set items=10000 --set horizon=1000 --episodes 2000`, and the same with
//! `items=10000000`). (`catalogue = "hashed"` is `rec/huge-hashed-v1`.)
//!
//! | | |
//! |---|---|
//! | Action | `Discrete(items)`: the item shown |
//! | Observation | `query`: the user's query (4 numbers in [−1, 1] per digit: 28 for ten million items) |
//! | Reward, `reward = "click"` | 1 for a click, else 0 |
//! | Reward, `reward = "score"` | the score, without noise |
//! | Start | a user, uniformly drawn |
//! | End | truncated after `horizon` steps |
//! | Discount | 0: what is shown does not change who comes |
//! | Parameters | `catalogue` (`factored` or `hashed`, default factored), `items` (10^4, 10^5, 10^6 or 10^7, default 10^7; if hashed any number from 10^4 to 10^7), `users` (1 to 1000, default 100), `reward` (`click` or `score`, default click), `scale` (0.01 to 1, default 0.25), `offset` (−20 to 20, default 0), `seed` (0 to 2^24 − 1, default 7; of no effect if factored), `horizon` (1 to 100000, default 100) |
//! | Metrics | `click_rate`: clicks per step, 0 if the reward is the score; `mean_score`: mean score of the items shown |
//! | Reference policies | `random`; `rank-N`: the N-th best item for this user (rounded, 1 to 100), what an index loses that misses the better ones; `popular`: the best item for the mean of all queries; `myopic` and `oracle`, the same here: the best item for this user |
//! | Optimum | exact, 0.943 per step: d comparisons for d digits. Random 0.500, exact too: the mean score is a sum of means, the mean of σ over all items one integral over a product of d sums (`catalogue::factored`); popular 0.521 |
//! | Learning | no network with an output per item fits; embeddings with a search do (`two_tower`, docs/catalogues.md), and so do digits chosen one by one |
//! | Source | own design, after product quantisation (Jégou, Douze, Schmid 2011, "Product quantization for nearest neighbor search") |
//!
//! History: v1, first version.
use crate::{
    catalogue::{ItemVectors, factored, hashed, index::Index},
    env::{Elem, Env, Field, Optimum, Outcome, Reference},
    error::{Result, between, parameter},
    math::{cos64, sigmoid},
    oracle::{Memo, parts::in_parts},
    rng::{Purpose, Rng},
    space::{Discrete, RowMut},
};
use serde::{Deserialize, Serialize};

/// Items per user whose rank is known.
const RANKS: usize = 100;
/// Items that are summed before the sums of all are, in order.
const CHUNK: u32 = 4096;

/// Where items come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Catalogue {
    /// Codewords for digits.
    Factored,
    /// Hashes of the item's number.
    Hashed,
}

/// What the agent earns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reward {
    /// Clicks.
    Click,
    /// Scores.
    Score,
}

/// Parameters of the world.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Huge {
    /// Where items come from.
    pub catalogue: Catalogue,
    /// Number of items.
    pub items: u32,
    /// Number of users.
    pub users: u32,
    /// What the agent earns.
    pub reward: Reward,
    /// How much the score matters for a click.
    pub scale: f32,
    /// The score at which every second user clicks.
    pub offset: f32,
    /// The seed of hashed items.
    pub seed: u64,
    /// The step limit.
    pub horizon: u32,
    #[serde(skip)]
    pub(super) tables: Memo<Tables>,
    #[serde(skip)]
    pub(super) ranks: Memo<Vec<Vec<u32>>>,
}

impl Default for Huge {
    fn default() -> Self {
        Huge {
            catalogue: Catalogue::Factored,
            items: 10_000_000,
            users: 100,
            reward: Reward::Click,
            scale: 0.25,
            offset: 0.0,
            seed: 7,
            horizon: 100,
            tables: Memo::default(),
            ranks: Memo::default(),
        }
    }
}

/// What the parameters say about users.
#[derive(Debug)]
pub(super) struct Tables {
    /// users × length of a query.
    queries: Vec<f32>,
    /// What each codeword adds to the score, users × digits × codewords; empty if hashed.
    parts: Vec<f32>,
}

/// An episode: who is there, and what happened.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    user: u32,
    steps: u32,
    clicks: u32,
    score: f64,
}

impl Env for Huge {
    type State = State;
    type Action = Discrete;
    const METRICS: &'static [&'static str] = &["click_rate", "mean_score"];
    const POLICIES: &'static [&'static str] = &["rank-N", "popular", "myopic", "oracle"];

    fn validate(&self) -> Result<()> {
        between("items", self.items, 10_000, 10_000_000)?;
        if self.catalogue == Catalogue::Factored && self.items != 10u32.pow(self.digits() as u32) {
            return Err(parameter("items", self.items, "a power of ten where the catalogue is factored"));
        }
        between("users", self.users, 1, 1000)?;
        between("scale", self.scale, 0.01, 1.0)?;
        between("offset", self.offset, -20.0, 20.0)?;
        between("seed", self.seed, 0, (1 << 24) - 1)?;
        between("horizon", self.horizon, 1, 100_000)
    }

    fn action_space(&self) -> Discrete {
        Discrete(self.items)
    }

    fn observation(&self) -> Vec<Field> {
        vec![Field { name: "query", len: self.dims(), low: -1.0, high: 1.0 }]
    }

    fn horizon(&self) -> u32 {
        self.horizon
    }

    fn discount(&self) -> f64 {
        0.0
    }

    fn reset(&self, rng: &Rng) -> State {
        State { user: rng.stream(Purpose::RESET).below(self.users), steps: 0, clicks: 0, score: 0.0 }
    }

    #[inline]
    fn step(&self, state: &mut State, action: Elem<'_, Self>, rng: &Rng) -> Outcome {
        let mut draws = rng.stream(Purpose::STEP);
        let score = self.score(state.user, action);
        let reward = match self.reward {
            Reward::Score => score,
            Reward::Click => f32::from(u8::from(draws.bernoulli(self.click(score)))),
        };
        state.steps += 1;
        state.clicks += u32::from(self.reward == Reward::Click && reward > 0.0);
        state.score += f64::from(score);
        state.user = draws.below(self.users);
        Outcome { reward, terminated: false }
    }

    #[inline]
    fn observe(&self, state: &State, row: &mut [f32]) {
        row.copy_from_slice(self.query(state.user));
    }

    fn metrics(&self, state: &State, out: &mut [f64]) {
        let steps = f64::from(state.steps);
        out[0] = f64::from(state.clicks) / steps;
        out[1] = state.score / steps;
    }

    fn items(&self) -> Option<ItemVectors> {
        let seed = self.seed;
        Some(match self.catalogue {
            Catalogue::Factored => ItemVectors::new(self.dims(), factored::embedding),
            Catalogue::Hashed => ItemVectors::new(self.dims(), move |item, vector| {
                vector.copy_from_slice(&hashed::embedding(seed, item));
            }),
        })
    }

    fn expected_reward(&self, state: &State, action: Elem<'_, Self>) -> f64 {
        self.worth(state.user, action)
    }

    fn reference(&self, policy: &Reference, state: &State, action: RowMut<'_>) {
        let ranked = |rank: usize| self.ranks()[state.user as usize][rank];
        action.items[0] = match policy.name {
            "popular" => self.popular(),
            // The conversion takes what is below 0 to 0.
            "rank-N" => ranked(((policy.value.expect("the pattern has a number") - 0.5) as usize).min(RANKS - 1)),
            _ => ranked(0),
        };
    }

    fn optimum(&self) -> Optimum {
        let ranks = self.ranks();
        let popular = self.popular();
        let best = self.mean(|user| self.worth(user, ranks[user as usize][0]));
        Optimum {
            lower: best,
            upper: best,
            // The world adds scores in f32, in which near equals can change places.
            tolerance: 1e-5,
            method: match self.catalogue {
                Catalogue::Factored => "the best codeword of every digit",
                Catalogue::Hashed => "search in a tree of boxes",
            },
            random: match self.catalogue {
                Catalogue::Factored => self.mean(|user| match self.reward {
                    Reward::Score => factored::mean_score(self.parts(user)),
                    Reward::Click => factored::mean_logistic(self.parts(user), self.scale.into(), self.offset.into()),
                }),
                Catalogue::Hashed => self.mean_of_all(),
            },
            random_se: 0.0,
            others: vec![("popular", self.mean(|user| self.worth(user, popular))), ("myopic", best)],
        }
    }
}

impl Huge {
    /// Number of decimal digits of an item.
    fn digits(&self) -> usize {
        (self.items - 1).ilog10() as usize + 1
    }

    /// Length of a query.
    fn dims(&self) -> usize {
        match self.catalogue {
            Catalogue::Factored => factored::DIMS * self.digits(),
            Catalogue::Hashed => hashed::DIMS,
        }
    }

    fn tables(&self) -> &Tables {
        self.tables.get(|| {
            let entry = |user: u32, at: usize| match self.catalogue {
                Catalogue::Factored => {
                    let (j, l) = (at / factored::DIMS, at % factored::DIMS);
                    cos64(0.37 * f64::from(user + 1) * (j + 1) as f64 + 1.1 * l as f64)
                }
                Catalogue::Hashed => cos64(0.5 + 1.3 * at as f64 + 0.9 * f64::from(user) * (at + 1) as f64),
            };
            let queries: Vec<f32> =
                (0..self.users).flat_map(|user| (0..self.dims()).map(move |at| entry(user, at) as f32)).collect();
            let parts = match self.catalogue {
                Catalogue::Factored => queries.chunks(self.dims()).flat_map(factored::parts).collect(),
                Catalogue::Hashed => Vec::new(),
            };
            Tables { queries, parts }
        })
    }

    #[inline]
    fn query(&self, user: u32) -> &[f32] {
        let dims = self.dims();
        &self.tables().queries[user as usize * dims..][..dims]
    }

    #[inline]
    fn parts(&self, user: u32) -> &[f32] {
        let len = self.digits() * factored::CODES;
        &self.tables().parts[user as usize * len..][..len]
    }

    #[inline]
    fn score(&self, user: u32, item: u32) -> f32 {
        match self.catalogue {
            Catalogue::Factored => factored::score(self.parts(user), item),
            Catalogue::Hashed => hashed::score(self.seed, self.query(user), item),
        }
    }

    /// Probability of a click.
    #[inline]
    fn click(&self, score: f32) -> f32 {
        sigmoid(self.scale * (score - self.offset))
    }

    /// Expected reward.
    fn worth(&self, user: u32, item: u32) -> f64 {
        let score = self.score(user, item);
        f64::from(match self.reward {
            Reward::Score => score,
            Reward::Click => self.click(score),
        })
    }

    /// The [`RANKS`] best items, the best first, of each user and, last, of the mean of all queries.
    fn ranks(&self) -> &[Vec<u32>] {
        self.ranks.get(|| {
            // Scores are linear in the query: the mean of all is that of the average user.
            let mean = |at: usize| self.mean(|user| f64::from(self.query(user)[at])) as f32;
            let average: Vec<f32> = (0..self.dims()).map(mean).collect();
            let queries = (0..self.users).map(|user| self.query(user)).chain([&average[..]]);
            match self.catalogue {
                Catalogue::Factored => queries.map(|query| factored::top(&factored::parts(query), RANKS)).collect(),
                Catalogue::Hashed => {
                    let write = |item, row: &mut [f32]| row.copy_from_slice(&hashed::embedding(self.seed, item));
                    let index = Index::new(self.items as usize, hashed::DIMS, write);
                    let top = |query| index.top(query, RANKS, usize::MAX);
                    queries.map(|query| top(query).into_iter().map(|(item, _)| item).collect()).collect()
                }
            }
        })
    }

    /// The best item for the average user.
    fn popular(&self) -> u32 {
        self.ranks()[self.users as usize][0]
    }

    /// Mean over users.
    fn mean(&self, value: impl Fn(u32) -> f64) -> f64 {
        (0..self.users).fold(0.0, |sum, user| sum + value(user)) / f64::from(self.users)
    }

    /// Mean expected reward over users and items, one by one; chunks in parallel, their sums in order.
    fn mean_of_all(&self) -> f64 {
        let chunk = |first: u32| {
            let items = first * CHUNK..((first + 1) * CHUNK).min(self.items);
            items.fold(0.0, |sum, item| sum + self.mean(|user| self.worth(user, item)))
        };
        let sums: Vec<f64> = in_parts(self.items.div_ceil(CHUNK), |chunks| chunks.map(chunk).collect());
        sums.iter().fold(0.0, |sum, chunk| sum + chunk) / f64::from(self.items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::played::play;

    #[test]
    fn optimum_is_the_published_one() {
        let optimum = Huge::default().optimum();
        let digits = |value: f64| (value * 1000.0).round() / 1000.0;
        assert_eq!([optimum.lower, optimum.random, optimum.others[0].1].map(digits), [0.943, 0.5, 0.521]);
    }

    /// Ten thousand items and five users, one by one.
    #[test]
    fn optimum_and_random_agree_with_every_item() {
        for reward in [Reward::Click, Reward::Score] {
            let env = Huge { items: 10_000, users: 5, reward, offset: 1.0, ..Huge::default() };
            let optimum = env.optimum();
            let most = |user| (0..env.items).map(|item| env.worth(user, item)).max_by(f64::total_cmp).expect("items");
            assert!((optimum.lower - env.mean(most)).abs() < 1e-6, "{optimum:?}");
            assert!((optimum.random - env.mean_of_all()).abs() < 1e-6, "{optimum:?} {}", env.mean_of_all());
        }
    }

    #[test]
    fn episodes_are_worth_what_the_equations_say() {
        for reward in [Reward::Click, Reward::Score] {
            let env = Huge { reward, ..Huge::default() };
            let optimum = env.optimum();
            let anchors = [("oracle", optimum.lower), ("random", optimum.random)];
            for (policy, value) in optimum.others.iter().copied().chain(anchors) {
                play(&env, policy, 200).agrees_with(value, optimum.tolerance);
            }
            let ranked = env.mean(|user| env.worth(user, env.ranks()[user as usize][99]));
            play(&env, "rank-100", 200).agrees_with(ranked, optimum.tolerance);
        }
    }

    #[test]
    fn parameters_outside_are_named() {
        let named = |env: Huge| env.validate().expect_err("not admissible").to_string();
        assert!(named(Huge { items: 20_000, ..Default::default() }).contains("power of ten"));
        assert!(named(Huge { items: 100_000_000, ..Default::default() }).contains("items"));
        assert!(named(Huge { users: 0, ..Default::default() }).contains("users"));
        assert!(named(Huge { scale: f32::NAN, ..Default::default() }).contains("scale"));
        assert!(named(Huge { offset: 21.0, ..Default::default() }).contains("offset"));
        assert!(named(Huge { seed: 1 << 24, ..Default::default() }).contains("seed"));
        assert!(named(Huge { horizon: 0, ..Default::default() }).contains("horizon"));
    }
}
