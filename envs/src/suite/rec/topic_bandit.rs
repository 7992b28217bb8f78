//! # Users with different tastes, one recommendation each: a contextual bandit with exact regret
//!
//! At each step a user arrives, described by eight numbers; you show one of the items, and the user clicks or not. Items
//! and users are unit vectors, and a click is the likelier the more they point the same way. No single item suits all:
//! the best one earns half of what is possible.
//!
//! - Users u_m and items θ_i: before they are normalised to length 1, θ_i(j) = sin(1.7 (i + 1)(j + 1)) and
//!   u_m(j) = cos(0.9 (m + 1)(j + 1) + j), with i, m and j from 0.
//! - Click: probability σ(`scale` · u·θ − `offset`), σ the logistic function.
//! - Then the next user comes, uniformly drawn from all.
//!
//! | | |
//! |---|---|
//! | Action | `Discrete(items)`: the item shown |
//! | Observation | `user`: the user's vector (8 numbers in [−1, 1]) |
//! | Reward | 1 for a click, else 0 |
//! | Start | a user, uniformly drawn |
//! | End | truncated after `horizon` steps |
//! | Discount | 0: what is shown does not change who comes |
//! | Parameters | `items` (2 to 1000, default 20), `users` (1 to 1000, default 100), `scale` (0 to 20, default 4), `offset` (−10 to 10, default 1), `horizon` (1 to 100000, default 1000) |
//! | Metrics | `click_rate`: clicks per step; `regret`: mean over the steps of the best click probability less that of the item shown |
//! | Reference policies | `random`; `best-fixed`: the item that the average user likes best; `myopic` and `oracle`, the same here: the item that this user likes best |
//! | Optimum | exact, 0.893 per step: the mean over the users of their highest click probability; random 0.300, best fixed item 0.430 |
//! | Learning | easy for any method that generalises over users; `regret` is exact for any policy |
//! | Source | own design, after the linear and logistic bandits of Li et al. 2010 ("A contextual-bandit approach to personalized news article recommendation") |
//!
//! History: v1, first version.
use crate::{
    catalogue::unit_vectors,
    env::{Elem, Env, Field, Optimum, Outcome, Reference},
    error::{Result, between},
    math::{cos64, sigmoid, sin64},
    oracle::Memo,
    rng::{Purpose, Rng},
    space::{Discrete, RowMut},
};
use serde::{Deserialize, Serialize};

/// Length of the vectors.
const DIMS: usize = 8;

/// Parameters of the world.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TopicBandit {
    /// Number of items.
    pub items: u32,
    /// Number of users.
    pub users: u32,
    /// How much likeness matters.
    pub scale: f32,
    /// How reluctant users are to click.
    pub offset: f32,
    /// The step limit.
    pub horizon: u32,
    #[serde(skip)]
    tables: Memo<Tables>,
}

impl Default for TopicBandit {
    fn default() -> Self {
        TopicBandit { items: 20, users: 100, scale: 4.0, offset: 1.0, horizon: 1000, tables: Memo::default() }
    }
}

/// What the parameters imply.
#[derive(Debug)]
struct Tables {
    /// users × [`DIMS`].
    users: Vec<f32>,
    /// Click probabilities, users × items.
    click: Vec<f32>,
    /// The best item of each user.
    best: Vec<u32>,
    /// The item with the highest mean over the users.
    best_fixed: u32,
}

/// An episode: who is there, and what happened.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    user: u32,
    steps: u32,
    clicks: u32,
    regret: f64,
}

impl Env for TopicBandit {
    type State = State;
    type Action = Discrete;
    const METRICS: &'static [&'static str] = &["click_rate", "regret"];
    const POLICIES: &'static [&'static str] = &["best-fixed", "myopic", "oracle"];

    fn validate(&self) -> Result<()> {
        between("items", self.items, 2, 1000)?;
        between("users", self.users, 1, 1000)?;
        between("scale", self.scale, 0.0, 20.0)?;
        between("offset", self.offset, -10.0, 10.0)?;
        between("horizon", self.horizon, 1, 100_000)
    }

    fn action_space(&self) -> Discrete {
        Discrete(self.items)
    }

    fn observation(&self) -> Vec<Field> {
        vec![Field { name: "user", len: DIMS, low: -1.0, high: 1.0 }]
    }

    fn horizon(&self) -> u32 {
        self.horizon
    }

    fn discount(&self) -> f64 {
        0.0
    }

    fn reset(&self, rng: &Rng) -> State {
        State { user: rng.stream(Purpose::RESET).below(self.users), steps: 0, clicks: 0, regret: 0.0 }
    }

    #[inline]
    fn step(&self, state: &mut State, action: Elem<'_, Self>, rng: &Rng) -> Outcome {
        let mut draws = rng.stream(Purpose::STEP);
        let click = self.click(state.user, action);
        let clicked = draws.bernoulli(click);
        let best = self.click(state.user, self.tables().best[state.user as usize]);
        state.regret += f64::from(best) - f64::from(click);
        state.steps += 1;
        state.clicks += u32::from(clicked);
        state.user = draws.below(self.users);
        Outcome { reward: f32::from(u8::from(clicked)), terminated: false }
    }

    #[inline]
    fn observe(&self, state: &State, row: &mut [f32]) {
        row.copy_from_slice(&self.tables().users[state.user as usize * DIMS..][..DIMS]);
    }

    fn metrics(&self, state: &State, out: &mut [f64]) {
        let steps = f64::from(state.steps);
        out[0] = f64::from(state.clicks) / steps;
        out[1] = state.regret / steps;
    }

    fn expected_reward(&self, state: &State, action: Elem<'_, Self>) -> f64 {
        f64::from(self.click(state.user, action))
    }

    fn reference(&self, policy: &Reference, state: &State, action: RowMut<'_>) {
        action.items[0] = match policy.name {
            "best-fixed" => self.tables().best_fixed,
            _ => self.tables().best[state.user as usize],
        };
    }

    fn optimum(&self) -> Optimum {
        let Tables { best, best_fixed, .. } = self.tables();
        let best = self.mean(|user| f64::from(self.click(user, best[user as usize])));
        let all = |user| (0..self.items).fold(0.0, |sum, item| sum + f64::from(self.click(user, item)));
        Optimum {
            lower: best,
            upper: best,
            tolerance: 0.0,
            method: "the best item of every user",
            random: self.mean(all) / f64::from(self.items),
            random_se: 0.0,
            others: vec![("best-fixed", self.mean(|user| f64::from(self.click(user, *best_fixed)))), ("myopic", best)],
        }
    }
}

impl TopicBandit {
    fn tables(&self) -> &Tables {
        self.tables.get(|| {
            let (items, users) = (self.items as usize, self.users as usize);
            let themes = unit_vectors(items, DIMS, |i, j| sin64(1.7 * ((i + 1) * (j + 1)) as f64));
            let people = unit_vectors(users, DIMS, |m, j| cos64(0.9 * ((m + 1) * (j + 1)) as f64 + j as f64));
            let like = |user: &[f32], theme: &[f32]| user.iter().zip(theme).fold(0.0, |sum, (u, t)| sum + u * t);
            let mut click = Vec::with_capacity(users * items);
            for user in people.chunks(DIMS) {
                let clicks = themes.chunks(DIMS).map(|theme| sigmoid(self.scale * like(user, theme) - self.offset));
                click.extend(clicks);
            }
            let best = click.chunks(items).map(|clicks| highest(items, |item| f64::from(clicks[item]))).collect();
            let liked = |item: usize| click.chunks(items).fold(0.0, |sum, clicks| sum + f64::from(clicks[item]));
            Tables { users: people, best, best_fixed: highest(items, liked), click }
        })
    }

    /// Probability that `user` clicks `item`.
    #[inline]
    fn click(&self, user: u32, item: u32) -> f32 {
        self.tables().click[(user * self.items + item) as usize]
    }

    fn mean(&self, value: impl Fn(u32) -> f64) -> f64 {
        (0..self.users).fold(0.0, |sum, user| sum + value(user)) / f64::from(self.users)
    }
}

/// The item with the greatest value, the lowest of equals.
fn highest(items: usize, value: impl Fn(usize) -> f64) -> u32 {
    (1..items).fold(0, |best, item| if value(item) > value(best) { item } else { best }) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::played::play;

    #[test]
    fn optimum_is_the_published_one() {
        let optimum = TopicBandit::default().optimum();
        let digits = |value: f64| (value * 1000.0).round() / 1000.0;
        assert_eq!([optimum.lower, optimum.upper, optimum.random].map(digits), [0.893, 0.893, 0.3]);
        assert_eq!(optimum.others.iter().map(|(_, value)| digits(*value)).collect::<Vec<_>>(), [0.43, 0.893]);
    }

    /// The first user and item, in double precision with the standard library's functions.
    #[test]
    #[allow(clippy::disallowed_methods)]
    fn clicks_follow_the_equation() {
        let unit = |entry: &dyn Fn(f64) -> f64| {
            let v: Vec<f64> = (0..DIMS).map(|j| entry(j as f64)).collect();
            let length = v.iter().map(|x| x * x).sum::<f64>().sqrt();
            v.into_iter().map(|x| x / length).collect::<Vec<_>>()
        };
        let item = unit(&|j| (1.7 * 3.0 * (j + 1.0)).sin());
        let user = unit(&|j| (0.9 * 8.0 * (j + 1.0) + j).cos());
        let like: f64 = user.iter().zip(item).map(|(u, t)| u * t).sum();
        let click = 1.0 / (1.0 + (1.0 - 4.0 * like).exp());
        assert!((f64::from(TopicBandit::default().click(7, 2)) - click).abs() < 1e-6);
    }

    #[test]
    fn episodes_are_worth_what_the_equations_say() {
        for env in [TopicBandit::default(), TopicBandit { items: 3, users: 5, horizon: 100, ..Default::default() }] {
            let optimum = env.optimum();
            let anchors = [("oracle", optimum.lower), ("random", optimum.random)];
            for (policy, value) in optimum.others.iter().copied().chain(anchors) {
                let played = play(&env, policy, 100);
                played.agrees_with(value, 0.0);
                // The regret is exact for what was shown, up to which users came.
                assert!((played.metrics[1] - (optimum.lower - value)).abs() < 0.02, "{policy}: {played:?}");
            }
        }
    }

    #[test]
    fn parameters_outside_are_named() {
        let named = |env: TopicBandit| env.validate().expect_err("not admissible").to_string();
        assert!(named(TopicBandit { items: 1, ..Default::default() }).contains("items"));
        assert!(named(TopicBandit { users: 1001, ..Default::default() }).contains("users"));
        assert!(named(TopicBandit { scale: f32::NAN, ..Default::default() }).contains("scale"));
        assert!(named(TopicBandit { offset: 11.0, ..Default::default() }).contains("offset"));
        assert!(named(TopicBandit { horizon: 0, ..Default::default() }).contains("horizon"));
    }
}
