//! # RecSim's interest evolution, as it is: who clicks what they like, and who stays for what is good
//!
//! A port of `recsim.environments.interest_evolution` (RecSim 0.2). A user has an interest u_c in [−1, 1] in each of 20
//! topics and a time budget B of 200 minutes. Documents have a topic c and a quality q. Liked topics are clicked; good
//! documents leave the user more time. Topics that are liked are no better than others, so that a session is as long as
//! the documents are good, and a recommender that only chases clicks ends it early.
//!
//! - Documents: c uniform, q normal with standard deviation 0.1 and a mean that rises evenly from −3 to 0 over the topics
//!   0 to 13 and from 0 to 3 over 14 to 19; all are 4 minutes long.
//! - Choice, at most one click: `proportional` clicks a place in proportion to 1 + u_c, nothing in proportion to 2; `mnl`
//!   in proportion to e^u_c and to e.
//! - A click watches w = min(B, 4) minutes, and B falls by w (1 − κq), κ = 0.9/3.4. Without a click B falls by 1/2.
//! - A click moves the interest in its topic by Δ = 0.3 (1 − |u|)(1 − u), upwards with probability (1 + u)/2, else
//!   downwards; u is then clipped to [−1, 1].
//!
//! Kept from the original: a document that is liked perfectly is clicked as readily as nothing; `liked` is never set; what
//! its source calls the variance of the quality is the standard deviation. Not kept: the original draws users and
//! documents from generators of the same seed; here all draws are independent, and duplicates in a slate are refused.
//! Every episode draws its own documents.
//!
//! | | |
//! |---|---|
//! | Action | `Slate`: `slate_size` distinct candidates in order |
//! | Observation | `interests`: u (20 numbers in [−1, 1]); `topics`: one-hot topic of each candidate (20 `num_candidates` in [0, 1]); of the last response, for each place (`slate_size` numbers each): `clicked` (in [0, 1]), `watch_time` (minutes in [0, 4]), `liked` (0), `quality` (in [−4, 4]), `cluster_id` (topic in [0, 19]). Quality is hidden before a document is shown |
//! | Reward | minutes watched |
//! | Start | u uniform; no response yet, zeros |
//! | End | terminated when B is spent; truncated after 4000 steps, which has not been seen |
//! | Discount | 1 |
//! | Parameters | `num_candidates` (1 to 1000, default 10), `slate_size` (1 to 8, at most `num_candidates`, default 2), `resample` (whether each step has new candidates, default true), `choice` (`proportional` or `mnl`, default proportional) |
//! | Metrics | `clicks`; `ctr`: clicks per step; `mean_clicked_quality`: 0 without clicks; `distinct_clusters_clicked`; `interest_sq_start`, `interest_sq_end`: mean of u² over the topics; `final_time_budget`; `click_share_position_0`, `click_share_position_1` and so on: share of the clicks |
//! | Reference policies | `random`; `greedy-quality`, `worst-quality`: by the true quality; `greedy-affinity`: by u; `greedy-topic`: by the mean quality of the topic, which an agent can know; ties to the lowest index |
//! | Optimum | unknown; bounds. Lower: `greedy-topic`, simulated, 281 by default. Upper: a user who likes everything perfectly, and every place as good as the best candidate: with V(B) ≤ c·B + const, c the root of the expected change of minutes + c·B over the law of the best quality; the last minutes overshoot by at most 3.9; 578 by default. Random by simulation, 155. `tolerance` is four standard errors |
//! | Learning | telling, and hard: chasing clicks earns 166 minutes, hardly more than chance, quality 282, in sessions two and a half times as long; but the time left is hidden, so that quality is worth nothing until a session ends, and SlateQ finds clicks alone, even in 3 million steps |
//! | Source | Ie et al. 2019, "RecSim: a configurable simulation platform for recommender systems", and "SlateQ"; the equations are those of its code |
//!
//! History: v0, a port of RecSim 0.2; versions of `compat/` follow the original.
use super::candidates::{MOST_CANDIDATES, best_first, share};
use crate::{
    choice::{self, LONGEST_SLATE},
    env::{Elem, Env, Field, Optimum, Outcome, Reference},
    error::{Result, between},
    math::{exp, exp64, normal_cdf64, powi64},
    oracle::{Memo, simulated::simulated},
    rng::{Purpose, Rng, Stream},
    space::{RowMut, Slate, clip},
};
use serde::{Deserialize, Serialize};

const TOPICS: usize = 20;
const BUDGET: f32 = 200.0;
const MINUTES: f32 = 4.0;
const STEP_PENALTY: f32 = 0.5;
const EXTENSION: f32 = 0.9 / 3.4;
const QUALITY_SD: f32 = 0.1;
/// Beyond all qualities: a normal draw is within ±6.4.
const BEST_QUALITY: f64 = 3.65;
const HORIZON: u32 = 4000;
const EPISODES: u32 = 1000;

/// How the user chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// In proportion to liking.
    Proportional,
    /// In proportion to its exponential.
    Mnl,
}

/// Parameters of the world.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InterestEvolution {
    /// Documents to choose from.
    pub num_candidates: u32,
    /// Documents shown.
    pub slate_size: u32,
    /// Whether each step has new candidates.
    pub resample: bool,
    /// How the user chooses.
    pub choice: Choice,
    #[serde(skip)]
    optimum: Memo<Optimum>,
}

impl Default for InterestEvolution {
    fn default() -> Self {
        InterestEvolution {
            num_candidates: 10,
            slate_size: 2,
            resample: true,
            choice: Choice::Proportional,
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
    interests: [f32; TOPICS],
    budget: f32,
    candidates: Vec<Document>,
    shown: [Document; LONGEST_SLATE],
    clicked: Option<u8>,
    watched: f32,
    steps: u32,
    clicks: [u32; LONGEST_SLATE],
    quality: f64,
    clusters: u32,
    start: f64,
}

impl Env for InterestEvolution {
    type State = State;
    type Action = Slate;
    const METRICS: &'static [&'static str] = &[
        "clicks",
        "ctr",
        "mean_clicked_quality",
        "distinct_clusters_clicked",
        "interest_sq_start",
        "interest_sq_end",
        "final_time_budget",
        "click_share_position_0",
        "click_share_position_1",
        "click_share_position_2",
        "click_share_position_3",
        "click_share_position_4",
        "click_share_position_5",
        "click_share_position_6",
        "click_share_position_7",
    ];
    const POLICIES: &'static [&'static str] = &["greedy-quality", "worst-quality", "greedy-affinity", "greedy-topic"];

    fn validate(&self) -> Result<()> {
        between("num_candidates", self.num_candidates, 1, MOST_CANDIDATES)?;
        between("slate_size", self.slate_size, 1, self.num_candidates.min(LONGEST_SLATE as u32))
    }

    fn action_space(&self) -> Slate {
        Slate { candidates: self.num_candidates, slots: self.slate_size as usize }
    }

    fn observation(&self) -> Vec<Field> {
        let places = self.slate_size as usize;
        let field = |name, len, low, high| Field { name, len, low, high };
        vec![
            field("interests", TOPICS, -1.0, 1.0),
            field("topics", TOPICS * self.num_candidates as usize, 0.0, 1.0),
            field("clicked", places, 0.0, 1.0),
            field("watch_time", places, 0.0, MINUTES),
            field("liked", places, 0.0, 1.0),
            field("quality", places, -4.0, 4.0),
            field("cluster_id", places, 0.0, TOPICS as f32 - 1.0),
        ]
    }

    fn horizon(&self) -> u32 {
        HORIZON
    }

    fn discount(&self) -> f64 {
        1.0
    }

    fn metric_names(&self) -> &'static [&'static str] {
        &Self::METRICS[..7 + self.slate_size as usize]
    }

    fn reset(&self, rng: &Rng) -> State {
        let mut state = State {
            interests: [0.0; TOPICS],
            budget: BUDGET,
            candidates: vec![Document::default(); self.num_candidates as usize],
            shown: [Document::default(); LONGEST_SLATE],
            clicked: None,
            watched: 0.0,
            steps: 0,
            clicks: [0; LONGEST_SLATE],
            quality: 0.0,
            clusters: 0,
            start: 0.0,
        };
        self.restart(&mut state, rng);
        state
    }

    fn restart(&self, state: &mut State, rng: &Rng) {
        let mut draws = rng.stream(Purpose::RESET);
        draws.fill_uniform(-1.0, 1.0, &mut state.interests);
        draw_documents(&mut state.candidates, &mut draws);
        (state.budget, state.steps, state.clicked, state.watched) = (BUDGET, 0, None, 0.0);
        (state.clicks, state.quality, state.clusters) = ([0; LONGEST_SLATE], 0.0, 0);
        state.start = mean_square(&state.interests);
    }

    #[inline]
    fn step(&self, state: &mut State, action: Elem<'_, Self>, rng: &Rng) -> Outcome {
        let mut draws = rng.stream(Purpose::STEP);
        for (shown, &item) in state.shown.iter_mut().zip(action) {
            *shown = state.candidates[item as usize];
        }
        let weights = state.shown[..action.len()].iter().map(|document| self.weight(state, *document));
        let clicked = choice::logit(weights, self.nothing(), &mut draws);
        state.steps += 1;
        state.clicked = clicked.map(|place| place as u8);
        state.watched = 0.0;
        if let Some(place) = clicked {
            let Document { topic, quality } = state.shown[place];
            state.watched = if state.budget < MINUTES { state.budget } else { MINUTES };
            let interest = &mut state.interests[usize::from(topic)];
            let change = 0.3 * (1.0 - interest.abs()) * (1.0 - *interest);
            let upwards = draws.bernoulli((*interest + 1.0) / 2.0);
            *interest = clipped(if upwards { *interest + change } else { *interest - change });
            state.budget -= state.watched;
            state.budget += EXTENSION * state.watched * quality;
            state.clicks[place] += 1;
            state.quality += f64::from(quality);
            state.clusters |= 1 << topic;
        } else {
            state.budget -= STEP_PENALTY;
        }
        if self.resample {
            draw_documents(&mut state.candidates, &mut draws);
        }
        Outcome { reward: state.watched, terminated: state.budget <= 0.0 }
    }

    #[inline]
    fn observe(&self, state: &State, row: &mut [f32]) {
        let places = self.slate_size as usize;
        let (interests, row) = row.split_at_mut(TOPICS);
        let (topics, response) = row.split_at_mut(TOPICS * state.candidates.len());
        interests.copy_from_slice(&state.interests);
        topics.fill(0.0);
        for (one_hot, document) in topics.chunks_exact_mut(TOPICS).zip(&state.candidates) {
            one_hot[usize::from(document.topic)] = 1.0;
        }
        response.fill(0.0);
        if let Some(place) = state.clicked {
            response[usize::from(place)] = 1.0;
            response[places + usize::from(place)] = state.watched;
        }
        if state.steps > 0 {
            for (place, document) in state.shown[..places].iter().enumerate() {
                response[3 * places + place] = document.quality;
                response[4 * places + place] = f32::from(document.topic);
            }
        }
    }

    fn metrics(&self, state: &State, out: &mut [f64]) {
        let clicks = f64::from(state.clicks.iter().sum::<u32>());
        out[0] = clicks;
        out[1] = clicks / f64::from(state.steps);
        out[2] = share(state.quality, clicks);
        out[3] = f64::from(state.clusters.count_ones());
        out[4] = state.start;
        out[5] = mean_square(&state.interests);
        out[6] = f64::from(state.budget);
        for (out, &at) in out[7..].iter_mut().zip(&state.clicks) {
            *out = share(f64::from(at), clicks);
        }
    }

    fn expected_reward(&self, state: &State, action: Elem<'_, Self>) -> f64 {
        let weights = action.iter().map(|&item| f64::from(self.weight(state, state.candidates[item as usize])));
        let clicked = choice::logit_shares(weights, f64::from(self.nothing())).fold(0.0, |sum, share| sum + share);
        clicked * f64::from(if state.budget < MINUTES { state.budget } else { MINUTES })
    }

    fn reference(&self, policy: &Reference, state: &State, action: RowMut<'_>) {
        let documents = &state.candidates;
        let score = |i: usize| match policy.name {
            "greedy-quality" => documents[i].quality,
            "worst-quality" => -documents[i].quality,
            "greedy-affinity" => state.interests[usize::from(documents[i].topic)],
            _ => topic_quality(documents[i].topic),
        };
        best_first(action.items, documents.len(), score);
    }

    fn optimum(&self) -> Optimum {
        self.optimum.get(|| self.compute_optimum()).clone()
    }
}

impl InterestEvolution {
    /// Weight of a click on `document`.
    #[inline]
    fn weight(&self, state: &State, document: Document) -> f32 {
        let interest = state.interests[usize::from(document.topic)];
        match self.choice {
            Choice::Proportional => interest + 1.0,
            Choice::Mnl => exp(interest),
        }
    }

    /// Weight of no click.
    #[inline]
    fn nothing(&self) -> f32 {
        match self.choice {
            Choice::Proportional => 2.0,
            Choice::Mnl => exp(1.0),
        }
    }

    fn compute_optimum(&self) -> Optimum {
        let value = |name| simulated(self, &Reference { name, value: None }, EPISODES);
        let (random, lower) = (value(Reference::RANDOM), value("greedy-topic"));
        Optimum {
            lower: lower.mean,
            upper: self.most_minutes(),
            tolerance: 4.0 * lower.se,
            method: "lower by simulation, upper by a user who likes everything",
            random: random.mean,
            random_se: random.se,
            others: Vec::new(),
        }
    }

    /// The bound of the page. With c minutes for a minute of budget, a step changes minutes + c·B by at most
    /// (W (4 − 4c (1 − κq))⁺ − 1/2 c N)/(W + N) on average, W the weight of the slate if all is liked perfectly, N that of
    /// nothing, q the best quality; with lasting candidates c is what makes it 0 for their best quality.
    fn most_minutes(&self) -> f64 {
        let best: f64 = match self.choice {
            Choice::Proportional => 2.0,
            Choice::Mnl => exp64(1.0),
        };
        let (slate, nothing) = (best * f64::from(self.slate_size), best);
        let (minutes, penalty, extension) = (f64::from(MINUTES), f64::from(STEP_PENALTY), f64::from(EXTENSION));
        let law = self.best_quality();
        let mean = |f: &dyn Fn(f64) -> f64| law.iter().fold(0.0, |sum, (quality, p)| sum + p * f(*quality));
        let worth = if self.resample {
            let change = |c: f64| {
                mean(&|quality| {
                    let click = minutes * (1.0 - c * (1.0 - extension * quality));
                    slate * if click > 0.0 { click } else { 0.0 } - penalty * c * nothing
                })
            };
            let (mut low, mut high) = (0.0, 100.0);
            for _ in 0..60 {
                let middle = 0.5 * (low + high);
                if change(middle) > 0.0 { low = middle } else { high = middle }
            }
            high
        } else {
            mean(&|quality| slate * minutes / (slate * minutes * (1.0 - extension * quality) + penalty * nothing))
        };
        worth * (f64::from(BUDGET) + minutes * extension * BEST_QUALITY)
    }

    /// Qualities and the probability that the best candidate has them, rounded upwards.
    fn best_quality(&self) -> Vec<(f64, f64)> {
        let steps = 1000;
        let at = |i: i32| BEST_QUALITY * (2.0 * f64::from(i) / f64::from(steps) - 1.0);
        let below = |quality: f64| {
            let one = |topic| normal_cdf64((quality - f64::from(topic_quality(topic))) / f64::from(QUALITY_SD));
            let share = (0..TOPICS as u8).map(one).fold(0.0, |sum, p| sum + p) / TOPICS as f64;
            powi64(share, self.num_candidates)
        };
        (1..=steps).map(|i| (at(i), below(at(i)) - below(at(i - 1)))).collect()
    }
}

#[inline]
fn draw_documents(candidates: &mut [Document], draws: &mut Stream) {
    for document in candidates {
        let topic = draws.below(TOPICS as u32) as u8;
        *document = Document { topic, quality: topic_quality(topic) + QUALITY_SD * draws.normal() };
    }
}

/// Mean quality of a topic's documents.
#[inline]
fn topic_quality(topic: u8) -> f32 {
    if topic < 14 { -3.0 + 3.0 * f32::from(topic) / 13.0 } else { 3.0 * f32::from(topic - 14) / 5.0 }
}

#[inline]
fn clipped(interest: f32) -> f32 {
    clip(interest, [-1.0, 1.0])
}

fn mean_square(interests: &[f32]) -> f64 {
    interests.iter().fold(0.0, |sum, &u| sum + f64::from(u) * f64::from(u)) / TOPICS as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::played::play;

    #[test]
    fn the_bounds_hold_and_quality_beats_liking() {
        let mut all = Vec::new();
        for choice in [Choice::Proportional, Choice::Mnl] {
            for resample in [true, false] {
                all.push(InterestEvolution { choice, resample, ..InterestEvolution::default() });
            }
        }
        all.push(InterestEvolution { slate_size: 5, num_candidates: 30, ..InterestEvolution::default() });
        for env in all {
            let optimum = env.optimum();
            let value = |policy| play(&env, policy, 200).value;
            assert!(value("greedy-quality") < optimum.upper, "{optimum:?}");
            assert!(value("greedy-affinity") < optimum.lower && optimum.random < optimum.lower, "{optimum:?}");
        }
    }

    /// One topic and no chance left: the minutes that a budget allows, by hand.
    #[test]
    fn a_click_costs_its_minutes_less_what_quality_gives_back() {
        let env = InterestEvolution { num_candidates: 1, slate_size: 1, ..InterestEvolution::default() };
        let rng = Rng::new(1, crate::rng::Domain::Evaluation);
        let mut state = env.reset(&rng);
        let mut clicks = 0;
        for step in 0..40 {
            let (budget, quality) = (state.budget, state.candidates[0].quality);
            let Outcome { reward, .. } = env.step(&mut state, &[0], &rng.at(0, 0, step));
            let cost = if reward > 0.0 { 4.0 * (1.0 - 0.9 / 3.4 * quality) } else { 0.5 };
            assert!((budget - state.budget - cost).abs() < 1e-4, "{budget} {}", state.budget);
            clicks += u32::from(reward > 0.0);
        }
        assert!(clicks > 5, "{clicks}");
    }

    /// What was clicked is liked more with probability (1 + interest)/2, else less: who likes it already likes it more.
    #[test]
    fn interests_go_on_in_their_direction() {
        let env = InterestEvolution { num_candidates: 1, slate_size: 1, ..InterestEvolution::default() };
        let rng = Rng::new(2, crate::rng::Domain::Evaluation);
        let (mut beyond, mut clicks) = (0.0, 0.0);
        for episode in 0..8000 {
            let mut state = env.reset(&rng.at(0, episode, 0));
            let topic = usize::from(state.candidates[0].topic);
            let before = state.interests[topic];
            if env.step(&mut state, &[0], &rng.at(0, episode, 1)).reward > 0.0 && before.abs() > 0.4 {
                let up = if state.interests[topic] > before { 1.0 } else { 0.0 };
                beyond += (up - f64::from((before + 1.0) / 2.0)) * f64::from(before.signum());
                clicks += 1.0;
            }
        }
        // At most 1/2 for each of them is a standard deviation.
        assert!(clicks > 500.0 && beyond.abs() < 4.0 * 0.5 * f64::sqrt(clicks), "{beyond} of {clicks}");
    }

    #[test]
    fn topics_have_the_means_of_the_original() {
        let means: Vec<f32> = (0..TOPICS as u8).map(topic_quality).collect();
        assert_eq!((means[0], means[13], means[14], means[19]), (-3.0, 0.0, 0.0, 3.0));
        assert!((means[1] + 36.0 / 13.0).abs() < 1e-6 && (means[15] - 0.6).abs() < 1e-6);
    }

    #[test]
    fn parameters_outside_are_named() {
        let named = |env: InterestEvolution| env.validate().expect_err("not admissible").to_string();
        assert!(named(InterestEvolution { num_candidates: 1001, ..Default::default() }).contains("num_candidates"));
        assert!(named(InterestEvolution { slate_size: 9, ..Default::default() }).contains("slate_size"));
    }
}
