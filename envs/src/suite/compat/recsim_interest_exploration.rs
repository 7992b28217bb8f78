//! # RecSim's interest exploration, as it is: most documents are dull, and most users like the dull topic
//!
//! A port of `recsim.environments.interest_exploration` (RecSim 0.2). Documents are of topic 0, rare and good, or of topic
//! 1, common and poor. Most users like topic 1 better, which only their clicks tell. Who goes by quality alone never finds
//! out.
//!
//! - Documents: topic 0 with probability 0.2, else 1; ln q normal with mean 0.8 or 0.2 and standard deviation 0.1.
//! - Users: type 0 with probability 0.3, else 1; ln a_c normal with mean 0.1 for the user's own number's topic and 0.7 for
//!   the other, and standard deviation 0.1; constant over the episode.
//! - Choice, at most one click: a place in proportion to e^(a_c + q), nothing in proportion to e^5.
//!
//! Kept from the original: nothing changes the user, so that within a session each step is a problem of its own for who
//! knows the user. The original never ends; here an episode has `horizon` steps. Not kept: the original draws users and
//! documents from generators of the same seed; here all draws are independent. Every episode draws its own documents.
//!
//! | | |
//! |---|---|
//! | Action | `Slate`: `slate_size` distinct candidates in order |
//! | Observation | of each candidate (`num_candidates` numbers each): `quality` (in [0, 6]), `topic` (in [0, 1]); of the last response, for each place (`slate_size` numbers each): `clicked` (in [0, 1]), `shown_quality` (in [0, 6]), `shown_topic` (in [0, 1]). The user is hidden |
//! | Reward | 1 for a click, else 0 |
//! | Start | a user by their prior; no response yet, zeros |
//! | End | truncated after `horizon` steps |
//! | Discount | 0: no step changes the next |
//! | Parameters | `num_candidates` (1 to 1000, default 10), `slate_size` (1 to 8, at most `num_candidates`, default 2), `resample` (whether each step has new candidates, default true), `horizon` (1 to 100000, default 100) |
//! | Metrics | `clicks`; `ctr`: clicks per step; `mean_clicked_quality`: 0 without clicks; `share_clicks_topic_1`: share of the clicks on topic 1 |
//! | Reference policies | `random`; `greedy-quality`: by q; `greedy-affinity`: by a_c + q, the user's own score; `oracle`: the same, which is optimal for who knows the user; ties to the lowest index |
//! | Optimum | bounds, per step, by simulation. Upper: `oracle`, 0.395 by default: the click probability grows with every weight, so that the largest weights are best. Lower: `greedy-quality`, which needs not know the user, 0.390. Random 0.230. `tolerance` is four standard errors |
//! | Learning | easy but for the gap between the bounds, 1.4 % of the value, which is all that learning about one user within a session can bring; by SlateQ, because what is clicked depends on the place beside it |
//! | Source | Ie et al. 2019, "RecSim: a configurable simulation platform for recommender systems"; the equations are those of its code |
//!
//! History: v0, a port of RecSim 0.2; versions of `compat/` follow the original.
use super::candidates::{MOST_CANDIDATES, best_first, share};
use crate::{
    choice::{self, LONGEST_SLATE},
    env::{Elem, Env, Field, Optimum, Outcome, Reference},
    error::{Result, between},
    math::exp,
    oracle::{Memo, simulated::simulated},
    rng::{Purpose, Rng, Stream},
    space::{RowMut, Slate},
};
use serde::{Deserialize, Serialize};

const RARE_TOPIC: f32 = 0.2;
const QUALITY: [f32; 2] = [0.8, 0.2];
const FIRST_TYPE: f32 = 0.3;
const AFFINITY: [[f32; 2]; 2] = [[0.1, 0.7], [0.7, 0.1]];
const SD: f32 = 0.1;
const NOTHING: f32 = 5.0;
/// Above all qualities: e^(0.8 + 0.1 · 6.4).
const MOST_QUALITY: f32 = 6.0;
const EPISODES: u32 = 4000;
const STEPS: u32 = 5;

/// Parameters of the world.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InterestExploration {
    /// Documents to choose from.
    pub num_candidates: u32,
    /// Documents shown.
    pub slate_size: u32,
    /// Whether each step has new candidates.
    pub resample: bool,
    /// The step limit.
    pub horizon: u32,
    #[serde(skip)]
    optimum: Memo<Optimum>,
}

impl Default for InterestExploration {
    fn default() -> Self {
        InterestExploration {
            num_candidates: 10,
            slate_size: 2,
            resample: true,
            horizon: 100,
            optimum: Memo::default(),
        }
    }
}

/// A document.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Document {
    topic: u8,
    quality: f32,
}

/// An episode: the user, the candidates, and the last response.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    affinity: [f32; 2],
    candidates: Vec<Document>,
    shown: [Document; LONGEST_SLATE],
    clicked: Option<u8>,
    steps: u32,
    clicks: [u32; 2],
    quality: f64,
}

impl Env for InterestExploration {
    type State = State;
    type Action = Slate;
    const METRICS: &'static [&'static str] = &["clicks", "ctr", "mean_clicked_quality", "share_clicks_topic_1"];
    const POLICIES: &'static [&'static str] = &["greedy-quality", "greedy-affinity", "oracle"];

    fn validate(&self) -> Result<()> {
        between("num_candidates", self.num_candidates, 1, MOST_CANDIDATES)?;
        between("slate_size", self.slate_size, 1, self.num_candidates.min(LONGEST_SLATE as u32))?;
        between("horizon", self.horizon, 1, 100_000)
    }

    fn action_space(&self) -> Slate {
        Slate { candidates: self.num_candidates, slots: self.slate_size as usize }
    }

    fn observation(&self) -> Vec<Field> {
        let field = |name, len: u32, high| Field { name, len: len as usize, low: 0.0, high };
        vec![
            field("quality", self.num_candidates, MOST_QUALITY),
            field("topic", self.num_candidates, 1.0),
            field("clicked", self.slate_size, 1.0),
            field("shown_quality", self.slate_size, MOST_QUALITY),
            field("shown_topic", self.slate_size, 1.0),
        ]
    }

    fn horizon(&self) -> u32 {
        self.horizon
    }

    fn discount(&self) -> f64 {
        0.0
    }

    fn reset(&self, rng: &Rng) -> State {
        let mut state = State {
            affinity: [0.0; 2],
            candidates: vec![Document::default(); self.num_candidates as usize],
            shown: [Document::default(); LONGEST_SLATE],
            clicked: None,
            steps: 0,
            clicks: [0; 2],
            quality: 0.0,
        };
        self.restart(&mut state, rng);
        state
    }

    fn restart(&self, state: &mut State, rng: &Rng) {
        let mut draws = rng.stream(Purpose::RESET);
        let kind = usize::from(!draws.bernoulli(FIRST_TYPE));
        state.affinity = AFFINITY[kind].map(|mean| draws.log_normal(mean, SD));
        draw_documents(&mut state.candidates, &mut draws);
        (state.clicked, state.steps, state.clicks, state.quality) = (None, 0, [0; 2], 0.0);
    }

    #[inline]
    fn step(&self, state: &mut State, action: Elem<'_, Self>, rng: &Rng) -> Outcome {
        let mut draws = rng.stream(Purpose::STEP);
        for (shown, &item) in state.shown.iter_mut().zip(action) {
            *shown = state.candidates[item as usize];
        }
        let weights = state.shown[..action.len()].iter().map(|document| exp(score(state, *document)));
        let clicked = choice::logit(weights, exp(NOTHING), &mut draws);
        state.steps += 1;
        state.clicked = clicked.map(|place| place as u8);
        if let Some(place) = clicked {
            let Document { topic, quality } = state.shown[place];
            state.clicks[usize::from(topic)] += 1;
            state.quality += f64::from(quality);
        }
        if self.resample {
            draw_documents(&mut state.candidates, &mut draws);
        }
        Outcome { reward: f32::from(u8::from(clicked.is_some())), terminated: false }
    }

    #[inline]
    fn observe(&self, state: &State, row: &mut [f32]) {
        let (count, places) = (state.candidates.len(), self.slate_size as usize);
        let (documents, response) = row.split_at_mut(2 * count);
        for (i, document) in state.candidates.iter().enumerate() {
            (documents[i], documents[count + i]) = (document.quality, f32::from(document.topic));
        }
        response.fill(0.0);
        if let Some(place) = state.clicked {
            response[usize::from(place)] = 1.0;
        }
        if state.steps > 0 {
            for (i, document) in state.shown[..places].iter().enumerate() {
                (response[places + i], response[2 * places + i]) = (document.quality, f32::from(document.topic));
            }
        }
    }

    fn metrics(&self, state: &State, out: &mut [f64]) {
        let clicks = f64::from(state.clicks[0] + state.clicks[1]);
        out[0] = clicks;
        out[1] = clicks / f64::from(state.steps);
        out[2] = share(state.quality, clicks);
        out[3] = share(f64::from(state.clicks[1]), clicks);
    }

    fn expected_reward(&self, state: &State, action: Elem<'_, Self>) -> f64 {
        let weights = action.iter().map(|&item| f64::from(exp(score(state, state.candidates[item as usize]))));
        choice::logit_shares(weights, f64::from(exp(NOTHING))).fold(0.0, |sum, share| sum + share)
    }

    fn reference(&self, policy: &Reference, state: &State, action: RowMut<'_>) {
        let documents = &state.candidates;
        let by = |i: usize| match policy.name {
            "greedy-quality" => documents[i].quality,
            _ => score(state, documents[i]),
        };
        best_first(action.items, documents.len(), by);
    }

    fn optimum(&self) -> Optimum {
        let compute = || {
            // Steps are alike, so that many users for a few steps tell more than few for many.
            let brief = InterestExploration { horizon: STEPS, ..self.clone() };
            let value = |name| simulated(&brief, &Reference { name, value: None }, EPISODES);
            let (random, lower, upper) = (value(Reference::RANDOM), value("greedy-quality"), value("oracle"));
            let se = if upper.se > lower.se { upper.se } else { lower.se };
            Optimum {
                lower: lower.mean,
                upper: upper.mean,
                tolerance: 4.0 * se,
                method: "simulated: by quality, and by one who knows the user",
                random: random.mean,
                random_se: random.se,
                others: Vec::new(),
            }
        };
        self.optimum.get(compute).clone()
    }
}

/// What the user thinks of a document.
#[inline]
fn score(state: &State, document: Document) -> f32 {
    state.affinity[usize::from(document.topic)] + document.quality
}

#[inline]
fn draw_documents(candidates: &mut [Document], draws: &mut Stream) {
    for document in candidates {
        let topic = u8::from(!draws.bernoulli(RARE_TOPIC));
        *document = Document { topic, quality: draws.log_normal(QUALITY[usize::from(topic)], SD) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::played::play;

    /// By hand, with logarithms at their means: a type-1 user, one good document of topic 0 shown.
    #[test]
    fn a_slate_is_clicked_as_the_logit_says() {
        let env = InterestExploration { slate_size: 1, ..InterestExploration::default() };
        let mut state = env.reset(&Rng::new(1, crate::rng::Domain::Evaluation));
        state.affinity = [2.0, 1.0];
        state.candidates[3] = Document { topic: 0, quality: 2.0 };
        let expected = 1.0 / (1.0 + crate::math::exp64(1.0));
        assert!((env.expected_reward(&state, &[3]) - expected).abs() < 1e-6);
    }

    /// What is clicked counts under its own topic and with its own quality.
    #[test]
    fn clicks_are_counted_under_what_was_shown() {
        let env = InterestExploration { slate_size: 1, resample: false, ..InterestExploration::default() };
        let rng = Rng::new(1, crate::rng::Domain::Evaluation);
        for topic in [0, 1] {
            let mut state = env.reset(&rng);
            state.candidates[2] = Document { topic, quality: 3.0 };
            for step in 0..20 {
                env.step(&mut state, &[2], &rng.at(0, 0, step));
            }
            let mut metrics = [0.0; 4];
            env.metrics(&state, &mut metrics);
            assert!(metrics[0] > 0.0 && metrics[1] == metrics[0] / 20.0, "{metrics:?}");
            assert_eq!(metrics[2..], [3.0, f64::from(topic)]);
        }
    }

    #[test]
    fn knowing_the_user_is_worth_something() {
        for resample in [true, false] {
            let env = InterestExploration { resample, ..InterestExploration::default() };
            let optimum = env.optimum();
            // The same users and documents for every policy, so that the order is sharper than the tolerance.
            assert!(optimum.random < optimum.lower && optimum.lower < optimum.upper, "{optimum:?}");
            play(&env, "greedy-affinity", 500).agrees_with(optimum.upper, optimum.tolerance);
        }
    }

    #[test]
    fn parameters_outside_are_named() {
        let named = |env: InterestExploration| env.validate().expect_err("not admissible").to_string();
        assert!(named(InterestExploration { num_candidates: 0, ..Default::default() }).contains("num_candidates"));
        assert!(named(InterestExploration { slate_size: 9, ..Default::default() }).contains("slate_size"));
        assert!(named(InterestExploration { horizon: 0, ..Default::default() }).contains("horizon"));
    }
}
