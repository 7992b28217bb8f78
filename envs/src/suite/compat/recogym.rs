//! # RecoGym's reco-gym-v1, as it is: browsing users are shown advertisements
//!
//! A port of `reco-gym-v1` (RecoGym 0.1.3). A user moves between *organic* sessions, in which they view products of their
//! own choice, and *bandit* steps, in which you recommend one. What is viewed tells the taste, a vector ω of 5 numbers,
//! and the taste decides what is clicked.
//!
//! - Catalogue: Γ normal (0, 1), `num_products` × 5; μ normal (0, `sigma_mu`). Clicks go by β and μ_b, which are Γ and μ
//!   with `num_flips` pairs of products exchanged: the pairs by falling inner product, each product once; a product can be
//!   paired with itself at 0, as in the original. `normalize_beta` gives every row of β the length 1.
//! - User: ω normal (0, 1). They start organic; view: one product by softmax(Γω + μ), then a transition.
//! - Transition: organic to organic 0.74, bandit 0.25, stop 0.01; bandit to organic 0.05, bandit 0.94, stop 0.01. Where
//!   it leads to organic (anywhere, with `change_omega_for_bandits`), ω becomes normal (ω, `sigma_omega`).
//! - Recommendation a: clicked with probability f((βω + μ_b)_a), f(x) = σ(5 σ(2 σ(0.3x) − 2) − 6), σ the logistic
//!   function: between 0.45 % and 2.93 %. Then a transition; a click leads to organic, even out of stop, and without
//!   another drift of ω. An organic session is viewed to its end within the step.
//!
//! Kept from the original: `prob_leave_bandit` is ignored (both ways of leaving are 0.01, so that nothing shows); a click
//! saves a user from stopping; what was clicked does not matter to what is viewed next. Not kept: the original draws the
//! catalogue and the users from the same numbers, so that the first user's taste is the first product's vector; here all
//! draws are independent. Every episode draws its own catalogue. 3.85 % of the users stop before any recommendation: their
//! episode is one step, whose action counts for nothing.
//!
//! | | |
//! |---|---|
//! | Action | `Discrete(num_products)`: the product recommended |
//! | Observation | for each product: `session`, its views in the organic session that just ended, zeros if none did (in [0, 1000]); `last_view`: one-hot, the last product viewed (in [0, 1]); `views`: its views so far (in [0, 1000000]); then `clicked`: whether the last recommendation was (1 in [0, 1]) |
//! | Reward | 1 for a click, else 0 |
//! | Start | after the first organic session |
//! | End | terminated when the user stops; truncated after 4096 steps, of which the probability is below 10^−17 |
//! | Discount | 1 |
//! | Parameters | `num_products` (2 to 10000, default 10), `num_flips` (0 to half of `num_products`, which is then at most 1000; default 0), `sigma_omega` (0 to 10, default 0.1), `sigma_mu` (0 to 10, default 3), `change_omega_for_bandits` (default false), `normalize_beta` (default false) |
//! | Metrics | `ctr` and `true_ctr`: clicks, and true click probabilities of what was recommended, over all users by the recommendations to all users; `bandit_steps`: recommendations; `organic_events`: views; `organic_sessions`; `first_session_length`; `no_bandit_step`: 1 if there was none; `distinct_products_viewed` |
//! | Reference policies | `random`; `fixed-N`: product N; `last-view`; `most-viewed`: by this user; `most-popular`: the largest true μ; `oracle`: the largest true click probability; ties to the lowest index |
//! | Optimum | bounds, clicks per user. Lower: the better of `last-view` and `most-viewed`, which see what an agent sees, simulated, 1.53. Upper: 2.22, a user who clicks everything with the largest probability that f has: q L p/(1 − p_o q) with L = 1/(1 − 0.94 (1 − p)), p_o = (p + 0.05 (1 − p)) L, q = 0.25/0.26. Random by simulation, 0.86. Simulated is a ratio: what is clicked, by how often users were to be expected to stop, which is once in the mean and takes two thirds of the noise. `tolerance` is four standard errors |
//! | Learning | easy for who compares products by their views: `lin_ucb_shared` needs tens of thousands of steps; slow with a model for each product: clicks are rare, and what LinUCB knows of each is noisy after four million |
//! | Source | Rohde et al. 2018, "RecoGym: a reinforcement learning environment for the problem of product recommendation in online advertising"; the equations are those of its code |
//!
//! History: v1, a port of RecoGym 0.1.3, numbered as there; versions of `compat/` follow the original.
use super::candidates::share;
use crate::{
    env::{Elem, Env, Field, Optimum, Outcome, Reference},
    error::{Result, between, parameter},
    math::{exp, exp64, sigmoid},
    oracle::{Memo, simulated::simulated_by},
    rng::{Purpose, Rng, Stream},
    space::{Discrete, RowMut},
};
use serde::{Deserialize, Serialize};

const DIMS: usize = 5;
const ORGANIC_TO_BANDIT: f32 = 0.25;
const BANDIT_TO_ORGANIC: f32 = 0.05;
const LEAVE: f32 = 0.01;
/// Sessions are cut at this length, of which the probability is 0.74^999.
const LONGEST_SESSION: u32 = 1000;
const HORIZON: u32 = 4096;
const EPISODES: u32 = 32_000;

/// Parameters of the world.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecoGym {
    /// Number of products.
    pub num_products: u32,
    /// Pairs of products whose clicks are exchanged.
    pub num_flips: u32,
    /// Standard deviation of a change of taste.
    pub sigma_omega: f32,
    /// Standard deviation of popularity.
    pub sigma_mu: f32,
    /// Whether the taste changes between recommendations too.
    pub change_omega_for_bandits: bool,
    /// Whether all products have vectors of the same length where clicks are decided.
    pub normalize_beta: bool,
    #[serde(skip)]
    optimum: Memo<Optimum>,
}

impl Default for RecoGym {
    fn default() -> Self {
        RecoGym {
            num_products: 10,
            num_flips: 0,
            sigma_omega: 0.1,
            sigma_mu: 3.0,
            change_omega_for_bandits: false,
            normalize_beta: false,
            optimum: Memo::default(),
        }
    }
}

/// A product: its vector and its popularity, by which it is viewed or clicked.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Product {
    vector: [f32; DIMS],
    popularity: f32,
}

impl Product {
    #[inline]
    fn appeal(&self, taste: &[f32; DIMS]) -> f32 {
        self.vector.iter().zip(taste).fold(0.0, |sum, (v, w)| sum + v * w) + self.popularity
    }
}

/// Where a user is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Place {
    Organic,
    Bandit,
    Stop,
}

/// An episode: the catalogue, the user, and what they did.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    viewed: Vec<Product>,
    clicked: Vec<Product>,
    taste: [f32; DIMS],
    place: Place,
    appeals: Vec<f32>,
    session: Vec<u32>,
    views: Vec<u32>,
    last_view: u32,
    last_click: bool,
    steps: u32,
    clicks: u32,
    click_probability: f64,
    sessions: u32,
    first_session: u32,
}

impl Env for RecoGym {
    type State = State;
    type Action = Discrete;
    const METRICS: &'static [&'static str] = &[
        "ctr",
        "true_ctr",
        "bandit_steps",
        "organic_events",
        "organic_sessions",
        "first_session_length",
        "no_bandit_step",
        "distinct_products_viewed",
    ];
    const POLICIES: &'static [&'static str] = &["fixed-N", "last-view", "most-viewed", "most-popular", "oracle"];
    const WEIGHTS: &'static [(&'static str, &'static str)] = &[("ctr", "bandit_steps"), ("true_ctr", "bandit_steps")];

    fn validate(&self) -> Result<()> {
        between("num_products", self.num_products, 2, 10_000)?;
        between("num_flips", self.num_flips, 0, self.num_products / 2)?;
        if self.num_flips > 0 && self.num_products > 1000 {
            return Err(parameter("num_products", self.num_products, "at most 1000 with `num_flips` above 0"));
        }
        between("sigma_omega", self.sigma_omega, 0.0, 10.0)?;
        between("sigma_mu", self.sigma_mu, 0.0, 10.0)
    }

    fn action_space(&self) -> Discrete {
        Discrete(self.num_products)
    }

    fn observation(&self) -> Vec<Field> {
        let field = |name, len: u32, high| Field { name, len: len as usize, low: 0.0, high };
        vec![
            field("session", self.num_products, LONGEST_SESSION as f32),
            field("last_view", self.num_products, 1.0),
            field("views", self.num_products, 1e6),
            field("clicked", 1, 1.0),
        ]
    }

    fn horizon(&self) -> u32 {
        HORIZON
    }

    fn discount(&self) -> f64 {
        1.0
    }

    fn reset(&self, rng: &Rng) -> State {
        let products = self.num_products as usize;
        let mut state = State {
            viewed: vec![Product::default(); products],
            clicked: vec![Product::default(); products],
            taste: [0.0; DIMS],
            place: Place::Organic,
            appeals: vec![0.0; products],
            session: vec![0; products],
            views: vec![0; products],
            last_view: 0,
            last_click: false,
            steps: 0,
            clicks: 0,
            click_probability: 0.0,
            sessions: 0,
            first_session: 0,
        };
        self.restart(&mut state, rng);
        state
    }

    fn restart(&self, state: &mut State, rng: &Rng) {
        let mut draws = rng.stream(Purpose::RESET);
        for product in &mut state.viewed {
            product.vector = std::array::from_fn(|_| draws.normal());
            product.popularity = self.sigma_mu * draws.normal();
        }
        state.clicked.copy_from_slice(&state.viewed);
        if self.num_flips > 0 {
            flip(&state.viewed, &mut state.clicked, self.num_flips);
        }
        if self.normalize_beta {
            for Product { vector, .. } in &mut state.clicked {
                let length = vector.iter().fold(0.0, |sum, v| sum + v * v).sqrt();
                *vector = vector.map(|v| v / length);
            }
        }
        state.taste = std::array::from_fn(|_| draws.normal());
        state.views.fill(0);
        (state.last_click, state.steps, state.clicks, state.click_probability) = (false, 0, 0, 0.0);
        (state.place, state.sessions) = (Place::Organic, 0);
        self.browse(state, &mut draws);
        state.first_session = state.session.iter().sum();
    }

    #[inline]
    fn step(&self, state: &mut State, action: Elem<'_, Self>, rng: &Rng) -> Outcome {
        if state.place == Place::Stop {
            return Outcome { reward: 0.0, terminated: true };
        }
        let mut draws = rng.stream(Purpose::STEP);
        let probability = click_probability(state, action);
        state.last_click = draws.bernoulli(probability);
        state.steps += 1;
        state.clicks += u32::from(state.last_click);
        state.click_probability += f64::from(probability);
        self.transition(state, &mut draws);
        if state.last_click {
            state.place = Place::Organic;
        }
        if state.place == Place::Organic {
            self.browse(state, &mut draws);
        } else {
            state.session.fill(0);
        }
        Outcome { reward: f32::from(u8::from(state.last_click)), terminated: state.place == Place::Stop }
    }

    #[inline]
    fn observe(&self, state: &State, row: &mut [f32]) {
        let products = state.views.len();
        for (i, (&session, &views)) in state.session.iter().zip(&state.views).enumerate() {
            row[i] = session as f32;
            row[products + i] = 0.0;
            row[2 * products + i] = views as f32;
        }
        row[products + state.last_view as usize] = 1.0;
        row[3 * products] = f32::from(u8::from(state.last_click));
    }

    fn metrics(&self, state: &State, out: &mut [f64]) {
        let steps = f64::from(state.steps);
        out[0] = share(f64::from(state.clicks), steps);
        out[1] = share(state.click_probability, steps);
        out[2] = steps;
        out[3] = state.views.iter().fold(0.0, |sum, &views| sum + f64::from(views));
        out[4] = f64::from(state.sessions);
        out[5] = f64::from(state.first_session);
        out[6] = f64::from(u8::from(state.steps == 0));
        out[7] = state.views.iter().filter(|&&views| views > 0).count() as f64;
    }

    fn expected_reward(&self, state: &State, action: Elem<'_, Self>) -> f64 {
        if state.place == Place::Stop { 0.0 } else { f64::from(click_probability(state, action)) }
    }

    fn reference(&self, policy: &Reference, state: &State, action: RowMut<'_>) {
        let products = self.num_products;
        action.items[0] = match policy.name {
            "fixed-N" => {
                let number = policy.value.unwrap_or(0.0);
                (number as u32).min(products - 1)
            }
            "last-view" => state.last_view,
            "most-viewed" => first_largest(products, |i| state.views[i] as f32),
            "most-popular" => first_largest(products, |i| state.viewed[i].popularity),
            // f rises, so that the largest argument has the largest click probability.
            _ => first_largest(products, |i| state.clicked[i].appeal(&state.taste)),
        };
    }

    fn optimum(&self) -> Optimum {
        let compute = || {
            let value = |name| simulated_by(self, &Reference { name, value: None }, EPISODES, stops);
            let (random, last, most) = (value(Reference::RANDOM), value("last-view"), value("most-viewed"));
            let lower = if last.mean > most.mean { last } else { most };
            Optimum {
                lower: lower.mean,
                upper: clicks(1.0 / (1.0 + exp64(3.5))),
                tolerance: 4.0 * lower.se,
                method: "lower by simulation, upper by the largest click probability",
                random: random.mean,
                random_se: random.se,
                others: Vec::new(),
            }
        };
        self.optimum.get(compute).clone()
    }
}

impl RecoGym {
    /// One move of the Markov chain, and of the taste.
    #[inline]
    fn transition(&self, state: &mut State, draws: &mut Stream) {
        let u = draws.uniform();
        state.place = match state.place {
            _ if u < LEAVE => Place::Stop,
            Place::Organic if u < LEAVE + ORGANIC_TO_BANDIT => Place::Bandit,
            Place::Bandit if u < LEAVE + BANDIT_TO_ORGANIC => Place::Organic,
            same => same,
        };
        if self.change_omega_for_bandits || state.place == Place::Organic {
            for taste in &mut state.taste {
                *taste += self.sigma_omega * draws.normal();
            }
        }
    }

    /// An organic session, to its end.
    fn browse(&self, state: &mut State, draws: &mut Stream) {
        state.session.fill(0);
        state.sessions += 1;
        for _ in 0..LONGEST_SESSION {
            let mut largest = f32::NEG_INFINITY;
            for (appeal, product) in state.appeals.iter_mut().zip(&state.viewed) {
                *appeal = product.appeal(&state.taste);
                largest = if *appeal > largest { *appeal } else { largest };
            }
            state.appeals.iter_mut().for_each(|appeal| *appeal = exp(*appeal - largest));
            let view = draws.categorical(&state.appeals);
            state.session[view] += 1;
            state.views[view] += 1;
            state.last_view = view as u32;
            self.transition(state, draws);
            if state.place != Place::Organic {
                return;
            }
        }
        state.place = Place::Stop;
    }
}

/// f of the product's appeal.
#[inline]
fn click_probability(state: &State, product: u32) -> f32 {
    let appeal = state.clicked[product as usize].appeal(&state.taste);
    sigmoid(5.0 * sigmoid(2.0 * sigmoid(0.3 * appeal) - 2.0) - 6.0)
}

/// How often the user was to be expected to stop, at every step and in every session, given the steps and sessions that there
/// were: they stop once, so that the mean over users is 1.
fn stops(state: &State) -> f64 {
    let [to_bandit, leave] = [ORGANIC_TO_BANDIT, LEAVE].map(f64::from);
    leave * (f64::from(state.steps) - state.click_probability) + leave / (to_bandit + leave) * f64::from(state.sessions)
}

/// Expected clicks of a user who clicks everything with probability `p`.
fn clicks(p: f64) -> f64 {
    let [to_bandit, to_organic, leave] = [ORGANIC_TO_BANDIT, BANDIT_TO_ORGANIC, LEAVE].map(f64::from);
    let run = 1.0 / (1.0 - (1.0 - to_organic - leave) * (1.0 - p));
    let back = (p + to_organic * (1.0 - p)) * run;
    let again = to_bandit / (to_bandit + leave);
    p * again * run / (1.0 - back * again)
}

/// Exchanges `flips` pairs of products, by falling inner product of their vectors, each product once.
fn flip(viewed: &[Product], clicked: &mut [Product], flips: u32) {
    let products = viewed.len();
    let inner = |i: usize, j: usize| match i == j {
        true => 0.0,
        false => viewed[i].vector.iter().zip(&viewed[j].vector).fold(0.0, |sum, (a, b)| sum + a * b),
    };
    let mut pairs: Vec<(usize, usize)> = (0..products).flat_map(|i| (i..products).map(move |j| (i, j))).collect();
    pairs.sort_by(|&(a, b), &(c, d)| inner(c, d).total_cmp(&inner(a, b)));
    let mut used = vec![false; products];
    let mut left = flips;
    for (i, j) in pairs {
        if left > 0 && !used[i] && !used[j] {
            clicked.swap(i, j);
            (used[i], used[j], left) = (true, true, left - 1);
        }
    }
}

fn first_largest(count: u32, value: impl Fn(usize) -> f32) -> u32 {
    (1..count).fold(0, |best, i| if value(i as usize) > value(best as usize) { i } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{oracle::simulated::simulated, suite::played::play};

    /// The closed forms of the Markov chain, without clicks: 80.65 recommendations, 19.35 views, 3.85 % of users without
    /// any recommendation, first sessions of 1/0.26 views.
    #[test]
    fn users_stay_as_long_as_the_chain_says() {
        assert!((clicks(1e-9) * 1e9 - 80.645).abs() < 1e-3, "{}", clicks(1e-9) * 1e9);
        let played = play(&RecoGym::default(), "random", 4000);
        let [ctr, .., steps, _, _, first, none, _] = played.metrics[..] else { panic!("eight metrics") };
        // Clicks of 1 to 1.5 % each shorten the stay by a few steps.
        assert!(steps > 72.0 && steps < 84.0, "{played:?}");
        assert!((first - 1.0 / 0.26).abs() < 0.25 && (none - 0.01 / 0.26).abs() < 0.013, "{played:?}");
        assert!(ctr > 0.008 && ctr < 0.02, "{played:?}");
    }

    #[test]
    fn who_knows_more_earns_more() {
        for env in
            [RecoGym::default(), RecoGym { change_omega_for_bandits: true, normalize_beta: true, ..RecoGym::default() }]
        {
            let optimum = env.optimum();
            assert!(optimum.random < optimum.lower && optimum.lower < optimum.upper, "{optimum:?}");
            // Click rates tell more than clicks, which depend on how long users stay.
            let [random, view, oracle] = ["random", "last-view", "oracle"].map(|policy| play(&env, policy, 500));
            let rate = |played: &crate::suite::played::Played| played.metrics[1];
            assert!(rate(&random) < rate(&view) && rate(&view) < rate(&oracle), "{random:?} {view:?} {oracle:?}");
            assert!(oracle.value < optimum.upper + 4.0 * oracle.se, "{optimum:?} {oracle:?}");
        }
    }

    /// Users who stay long click more; that they were lucky to stay is known.
    #[test]
    fn what_is_known_of_stops_takes_half_of_the_noise() {
        let (env, policy) = (RecoGym::default(), Reference { name: "most-viewed", value: None });
        let (plain, known) = (simulated(&env, &policy, 4000), simulated_by(&env, &policy, 4000, stops));
        assert!((plain.mean - known.mean).abs() < 4.0 * plain.se && known.se < plain.se / 2.0, "{plain:?} {known:?}");
    }

    /// Three products on a line: 0 and 1 are most alike, so that they are exchanged; 2 stays.
    #[test]
    fn the_most_alike_products_are_exchanged() {
        let product = |x: f32| Product { vector: [x, 0.0, 0.0, 0.0, 0.0], popularity: x };
        let viewed = [product(2.0), product(3.0), product(-1.0)];
        let mut clicked = viewed;
        flip(&viewed, &mut clicked, 1);
        assert_eq!(clicked.map(|product| product.popularity), [3.0, 2.0, -1.0]);
        assert_eq!(clicked.map(|product| product.vector[0]), [3.0, 2.0, -1.0]);
    }

    #[test]
    fn parameters_outside_are_named() {
        let named = |env: RecoGym| env.validate().expect_err("not admissible").to_string();
        assert!(named(RecoGym { num_products: 1, ..RecoGym::default() }).contains("num_products"));
        assert!(named(RecoGym { num_flips: 6, ..RecoGym::default() }).contains("num_flips"));
        assert!(named(RecoGym { num_flips: 1, num_products: 2000, ..RecoGym::default() }).contains("num_products"));
        assert!(named(RecoGym { sigma_mu: f32::NAN, ..RecoGym::default() }).contains("sigma_mu"));
    }
}
