//! # RecSim's long-term satisfaction, as it is: chocolate or kale, with chocolate always best
//!
//! A port of `recsim.environments.long_term_satisfaction` (RecSim 0.2), one user, one click per step. Documents have a
//! clickbait score b: 1 is *choc*, read with relish, 0 is *kale*. What is read moves the user's net positive exposure x,
//! and with it how much the next document is enjoyed.
//!
//! With γ = `sensitivity`, β = `memory_discount`, ς = `innovation_sd` and satisfaction z = 1/(1 + e^(−γx)):
//!
//! - The user always clicks the first document of the slate.
//! - Engagement: ln E is normal with mean z (5b + 4(1 − b)) and standard deviation 1, z of before the step.
//! - Then x becomes βx − 2(b − 1/2) + normal(0, ς).
//!
//! Kept from the original: places after the first are never looked at; the comment in its source has the sign of b the
//! other way round; and with the default sensitivity z stays within [0.49, 0.51], so that *choc is always best* and the
//! world tells a patient agent from a greedy one by nothing. `rec/long-term-satisfaction-v1` is the same user with a
//! sensitivity at which the best policy shows both in turn, `rec/choc-kale-hard-v1` the same idea with other numbers. Not kept: the original draws users and documents from generators of the
//! same seed; here all draws are independent. Every episode draws its own documents.
//!
//! | | |
//! |---|---|
//! | Action | `Slate`: `slate_size` distinct candidates in order |
//! | Observation | `clickbait`: b of the candidates (`num_candidates` numbers in [0, 1]); of the last response, for each place: `clicked` (`slate_size` in [0, 1]) and `engagement`, clipped (as many in [0, 100]). The user is hidden |
//! | Reward | the engagement E, not clipped |
//! | Start | x uniform on ±1/2 · 1/(1 − β); no response yet, zeros |
//! | End | terminated after 60 steps |
//! | Discount | 1 |
//! | Parameters | `num_candidates` (1 to 1000, default 10), `slate_size` (1 to 8, at most `num_candidates`, default 1), `sensitivity` (0 to 10, default 0.01), `memory_discount` (0 to 0.99, default 0.7), `innovation_sd` (0 to 1, default 0.05), `resample` (whether each step has new candidates, default true), `fixed_clickbait` (a number in [0, 1] that every document gets, or `absent`, the default) |
//! | Metrics | `clicks`; `ctr`: clicks per step, always 1; `npe_start`: the first x; `mean_npe` and `mean_satisfaction`: x and z after a step, mean over the steps; `final_npe`, `final_satisfaction`: after the last step; `mean_log_observed_engagement`: mean of ln E, E clipped to [0, 100] |
//! | Reference policies | `random`; `choc`: the largest clickbait first; `kale`: the smallest first; `oracle`: the best first document for one who sees x |
//! | Optimum | backwards over the 60 steps on a grid of x. With new candidates the lower bound is the better of choc and kale, the upper what the oracle earns, who sees x. By default they are the same to rounding: choc, 1117; random 948, kale 786. With lasting candidates the lower bound is the better of choc and kale with one document throughout, the upper that of one who finds any b among the candidates; random by simulation |
//! | Learning | easy and telling nothing: greed is best |
//! | Source | Ie et al. 2019, "RecSim: a configurable simulation platform for recommender systems"; the equations are those of its code |
//!
//! History: v0, a port of RecSim 0.2; versions of `compat/` follow the original.
use super::candidates::{MOST_CANDIDATES, best_first};
use crate::{
    choice::LONGEST_SLATE,
    env::{Elem, Env, Field, Optimum, Outcome, Reference},
    error::{Result, between},
    math::{each, exp, exp64, ln64, powi64, sigmoid, sigmoid64},
    oracle::{Memo, cubic::Cubic, simulated::simulated},
    rng::{LANES, Purpose, Rng, Stream, Streams},
    space::{RowMut, Slate},
};
use serde::{Deserialize, Serialize};
use std::array::from_fn;

const STEPS: u32 = 60;
const CHOC: f32 = 5.0;
const KALE: f32 = 4.0;
const MOST_ENGAGEMENT: f32 = 100.0;
/// Nodes of x and of b: twice as many move no published value by a millionth of it.
const EXPOSURES: usize = 101;
const SCORES: usize = 200;
const EPISODES: u32 = 2000;

/// The clickbait score of all documents, when it is not drawn.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Clickbait {
    /// Every document has this score.
    Fixed(f32),
    /// Every document has its own.
    Drawn(Absent),
}

/// The word for no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Absent {
    /// No value.
    Absent,
}

/// Parameters of the world.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LongTerm {
    /// Documents to choose from.
    pub num_candidates: u32,
    /// Documents shown.
    pub slate_size: u32,
    /// How strongly exposure moves satisfaction.
    pub sensitivity: f32,
    /// How much exposure remains after a step.
    pub memory_discount: f32,
    /// Standard deviation of what moves exposure besides.
    pub innovation_sd: f32,
    /// Whether each step has new candidates.
    pub resample: bool,
    /// The clickbait score of all documents, if it is fixed.
    pub fixed_clickbait: Clickbait,
    #[serde(skip)]
    pub(crate) best: Memo<Values>,
    #[serde(skip)]
    pub(crate) optimum: Memo<Optimum>,
}

impl Default for LongTerm {
    fn default() -> Self {
        LongTerm {
            num_candidates: 10,
            slate_size: 1,
            sensitivity: 0.01,
            memory_discount: 0.7,
            innovation_sd: 0.05,
            resample: true,
            fixed_clickbait: Clickbait::Drawn(Absent::Absent),
            best: Memo::default(),
            optimum: Memo::default(),
        }
    }
}

/// An episode: the user, the candidates, and the last response.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    exposure: f32,
    /// What follows from the exposure.
    satisfaction: f32,
    candidates: Vec<f32>,
    steps: u32,
    engagement: f32,
    start: f32,
    exposures: f64,
    satisfactions: f64,
    log_engagements: f64,
}

impl State {
    /// The user's net positive exposure.
    #[inline]
    pub fn exposure(&self) -> f32 {
        self.exposure
    }
    /// The clickbait scores to choose from.
    #[inline]
    pub fn candidates(&self) -> &[f32] {
        &self.candidates
    }
    /// Steps so far.
    #[inline]
    pub fn steps(&self) -> u32 {
        self.steps
    }

    /// Takes in what a step brought.
    #[inline]
    fn respond(&mut self, log_engagement: f32, reward: f32, exposure: f32, satisfaction: f32) -> Outcome {
        (self.exposure, self.satisfaction) = (exposure, satisfaction);
        self.steps += 1;
        self.engagement = if reward > MOST_ENGAGEMENT { MOST_ENGAGEMENT } else { reward };
        self.exposures += f64::from(exposure);
        self.satisfactions += f64::from(satisfaction);
        self.log_engagements +=
            if reward > MOST_ENGAGEMENT { ln64(f64::from(MOST_ENGAGEMENT)) } else { f64::from(log_engagement) };
        Outcome { reward, terminated: self.steps == STEPS }
    }
}

/// What comes after each step, by exposure before the noise of the next.
type Values = Vec<Cubic>;

/// Which of the candidates is shown first.
#[derive(Clone, Copy)]
enum Pick {
    /// The best of so many new ones.
    Best(u32),
    /// The best of all scores there are.
    BestOfAll,
    /// The one with the largest score of so many.
    Choc(u32),
    /// The one with the smallest score of so many.
    Kale(u32),
    /// Any.
    Any,
    /// This one.
    Only(f64),
}

impl Env for LongTerm {
    type State = State;
    type Action = Slate;
    const METRICS: &'static [&'static str] = &[
        "clicks",
        "ctr",
        "npe_start",
        "mean_npe",
        "final_npe",
        "mean_satisfaction",
        "final_satisfaction",
        "mean_log_observed_engagement",
    ];
    const POLICIES: &'static [&'static str] = &["choc", "kale", "oracle"];
    const SIDE_BY_SIDE: bool = true;

    fn validate(&self) -> Result<()> {
        between("num_candidates", self.num_candidates, 1, MOST_CANDIDATES)?;
        between("slate_size", self.slate_size, 1, self.num_candidates.min(LONGEST_SLATE as u32))?;
        between("sensitivity", self.sensitivity, 0.0, 10.0)?;
        between("memory_discount", self.memory_discount, 0.0, 0.99)?;
        between("innovation_sd", self.innovation_sd, 0.0, 1.0)?;
        match self.fixed_clickbait {
            Clickbait::Fixed(score) => between("fixed_clickbait", score, 0.0, 1.0),
            Clickbait::Drawn(_) => Ok(()),
        }
    }

    fn action_space(&self) -> Slate {
        Slate { candidates: self.num_candidates, slots: self.slate_size as usize }
    }

    fn observation(&self) -> Vec<Field> {
        let field = |name, len: u32, high| Field { name, len: len as usize, low: 0.0, high };
        vec![
            field("clickbait", self.num_candidates, 1.0),
            field("clicked", self.slate_size, 1.0),
            field("engagement", self.slate_size, MOST_ENGAGEMENT),
        ]
    }

    fn horizon(&self) -> u32 {
        STEPS
    }

    fn discount(&self) -> f64 {
        1.0
    }

    fn reset(&self, rng: &Rng) -> State {
        let mut state = State {
            exposure: 0.0,
            satisfaction: 0.0,
            candidates: vec![0.0; self.num_candidates as usize],
            steps: 0,
            engagement: 0.0,
            start: 0.0,
            exposures: 0.0,
            satisfactions: 0.0,
            log_engagements: 0.0,
        };
        self.restart(&mut state, rng);
        state
    }

    fn restart(&self, state: &mut State, rng: &Rng) {
        let mut draws = rng.stream(Purpose::RESET);
        let exposure = (draws.uniform() - 0.5) / (1.0 - self.memory_discount);
        (state.exposure, state.start) = (exposure, exposure);
        state.satisfaction = self.satisfaction(exposure);
        (state.steps, state.engagement) = (0, 0.0);
        (state.exposures, state.satisfactions, state.log_engagements) = (0.0, 0.0, 0.0);
        self.draw_documents(&mut state.candidates, &mut draws);
    }

    #[inline]
    fn step(&self, state: &mut State, action: Elem<'_, Self>, rng: &Rng) -> Outcome {
        let mut draws = rng.stream(Purpose::STEP);
        let score = state.candidates[action[0] as usize];
        let log_engagement = log_engagement(state.satisfaction, score, draws.normal());
        let reward = exp(log_engagement);
        let exposure = self.exposure(state.exposure, score, draws.normal());
        let satisfaction = self.satisfaction(exposure);
        if self.resample {
            self.draw_documents(&mut state.candidates, &mut draws);
        }
        state.respond(log_engagement, reward, exposure, satisfaction)
    }

    #[inline]
    fn step_each(
        &self,
        mut states: [&mut State; LANES],
        actions: [Elem<'_, Self>; LANES],
        rngs: &[Rng; LANES],
    ) -> [Outcome; LANES] {
        let mut draws = Streams::new(rngs, Purpose::STEP);
        let scores: [f32; LANES] = from_fn(|lane| states[lane].candidates[actions[lane][0] as usize]);
        let noise = draws.normal();
        let log_engagements = from_fn(|lane| log_engagement(states[lane].satisfaction, scores[lane], noise[lane]));
        let rewards = each(exp, &log_engagements);
        let noise = draws.normal();
        let exposures = from_fn(|lane| self.exposure(states[lane].exposure, scores[lane], noise[lane]));
        let satisfactions = each(|exposure| self.satisfaction(exposure), &exposures);
        if self.resample {
            self.draw_documents_each(&mut states, &mut draws);
        }
        from_fn(|lane| states[lane].respond(log_engagements[lane], rewards[lane], exposures[lane], satisfactions[lane]))
    }

    #[inline]
    fn observe(&self, state: &State, row: &mut [f32]) {
        let (documents, response) = row.split_at_mut(state.candidates.len());
        documents.copy_from_slice(&state.candidates);
        response.fill(0.0);
        if state.steps > 0 {
            response[0] = 1.0;
            response[self.slate_size as usize] = state.engagement;
        }
    }

    fn metrics(&self, state: &State, out: &mut [f64]) {
        let steps = f64::from(state.steps);
        out[0] = steps;
        out[1] = 1.0;
        out[2] = f64::from(state.start);
        out[3] = state.exposures / steps;
        out[4] = f64::from(state.exposure);
        out[5] = state.satisfactions / steps;
        out[6] = f64::from(state.satisfaction);
        out[7] = state.log_engagements / steps;
    }

    fn expected_reward(&self, state: &State, action: Elem<'_, Self>) -> f64 {
        self.engagement(f64::from(state.exposure), f64::from(state.candidates[action[0] as usize]))
    }

    fn reference(&self, policy: &Reference, state: &State, action: RowMut<'_>) {
        let documents = &state.candidates;
        match policy.name {
            "choc" => best_first(action.items, documents.len(), |i| documents[i]),
            "kale" => best_first(action.items, documents.len(), |i| -documents[i]),
            _ => {
                let after = &self.best.get(|| self.values(Pick::Best(self.num_candidates)))[state.steps as usize];
                let worth = |i: usize| self.worth(after, f64::from(state.exposure), f64::from(documents[i])) as f32;
                best_first(action.items, documents.len(), worth);
            }
        }
    }

    fn optimum(&self) -> Optimum {
        self.optimum.get(|| self.compute_optimum()).clone()
    }
}

/// ln E of a document of clickbait `score`.
#[inline]
fn log_engagement(satisfaction: f32, score: f32, noise: f32) -> f32 {
    satisfaction * (CHOC * score + KALE * (1.0 - score)) + noise
}

impl LongTerm {
    /// The exposure after a document of clickbait `score`.
    #[inline]
    fn exposure(&self, before: f32, score: f32, noise: f32) -> f32 {
        self.memory_discount * before - 2.0 * (score - 0.5) + self.innovation_sd * noise
    }

    #[inline]
    fn satisfaction(&self, exposure: f32) -> f32 {
        sigmoid(self.sensitivity * exposure)
    }

    #[inline]
    fn draw_documents(&self, candidates: &mut [f32], draws: &mut Stream) {
        match self.fixed_clickbait {
            Clickbait::Fixed(score) => candidates.fill(score),
            Clickbait::Drawn(_) => draws.fill_uniform(0.0, 1.0, candidates),
        }
    }

    /// As [`draw_documents`](Self::draw_documents), for several users.
    #[inline]
    fn draw_documents_each(&self, users: &mut [&mut State; LANES], draws: &mut Streams) {
        for document in 0..self.num_candidates as usize {
            let scores = match self.fixed_clickbait {
                Clickbait::Fixed(score) => [score; LANES],
                Clickbait::Drawn(_) => draws.uniform(),
            };
            for (user, score) in users.iter_mut().zip(scores) {
                user.candidates[document] = score;
            }
        }
    }

    /// Mean engagement with a document of clickbait `score`: that of a log-normal variable.
    fn engagement(&self, exposure: f64, score: f64) -> f64 {
        let satisfaction = sigmoid64(f64::from(self.sensitivity) * exposure);
        let mean = f64::from(CHOC) * score + f64::from(KALE) * (1.0 - score);
        exp64(satisfaction * mean + 0.5)
    }

    /// Engagement now and all that comes `after`.
    fn worth(&self, after: &Cubic, exposure: f64, score: f64) -> f64 {
        let next = f64::from(self.memory_discount) * exposure - 2.0 * (score - 0.5);
        self.engagement(exposure, score) + after.at(next)
    }

    /// For each step what comes after it, and last what comes from the start.
    fn values(&self, pick: Pick) -> Values {
        let (discount, sd) = (f64::from(self.memory_discount), f64::from(self.innovation_sd));
        let reach = (1.0 + 4.0 * sd) / (1.0 - discount);
        let grid = |f: &mut dyn FnMut(f64) -> f64| Cubic::new(-reach, reach, EXPOSURES, f);
        let scores: Vec<f64> = match (pick, self.fixed_clickbait) {
            (Pick::Only(score), _) => vec![score],
            (_, Clickbait::Fixed(score)) => vec![f64::from(score)],
            _ => (0..SCORES).map(|i| (i as f64 + 0.5) / SCORES as f64).collect(),
        };
        let engagements: Vec<Vec<f64>> = (0..EXPOSURES)
            .map(|i| -reach + 2.0 * reach * i as f64 / (EXPOSURES - 1) as f64)
            .map(|exposure| scores.iter().map(|&score| self.engagement(exposure, score)).collect())
            .collect();
        let weights = weights(pick, scores.len());
        let mut after = vec![grid(&mut |_| 0.0)];
        let mut worth = vec![0.0; scores.len()];
        for step in 0..STEPS as usize {
            let mut row = 0;
            let value = grid(&mut |exposure| {
                for ((worth, score), engagement) in worth.iter_mut().zip(&scores).zip(&engagements[row]) {
                    *worth = engagement + after[step].at(discount * exposure - 2.0 * (score - 0.5));
                }
                row += 1;
                if let Pick::Best(_) | Pick::BestOfAll = pick {
                    worth.sort_by(f64::total_cmp);
                }
                worth.iter().zip(&weights).fold(0.0, |sum, (worth, weight)| sum + worth * weight)
            });
            // Gauss and Hermite's three nodes for the innovation; the last value is the one at the start.
            let spread = if step + 1 < STEPS as usize { sd * 3f64.sqrt() } else { 0.0 };
            after.push(grid(&mut |x| (4.0 * value.at(x) + value.at(x - spread) + value.at(x + spread)) / 6.0));
        }
        after.reverse();
        // Now the first is the value at the start, the next what comes after step 0.
        after.rotate_left(1);
        after
    }

    /// The value at the start.
    fn value(&self, pick: Pick) -> f64 {
        let values = self.values(pick);
        let (start, nodes) = (&values[STEPS as usize], 64);
        let exposure =
            |i: i32| ((f64::from(i) + 0.5) / f64::from(nodes) - 0.5) / (1.0 - f64::from(self.memory_discount));
        (0..nodes).fold(0.0, |sum, i| sum + start.at(exposure(i))) / f64::from(nodes)
    }

    fn compute_optimum(&self) -> Optimum {
        let n = self.num_candidates;
        let names = ["choc", "kale"];
        let larger = |a: f64, b: f64| if a > b { a } else { b };
        let lasting = !self.resample && self.fixed_clickbait == Clickbait::Drawn(Absent::Absent);
        let (others, upper, random, random_se) = if lasting {
            // The score of choc is the largest of n and lasts; that of kale is as likely 1 minus it.
            let nodes = 100;
            let mean = |score: &dyn Fn(f64) -> f64| {
                let weights = weights(Pick::Choc(n), nodes);
                let scores = (0..nodes).map(|i| (i as f64 + 0.5) / nodes as f64);
                scores.zip(weights).fold(0.0, |sum, (b, weight)| sum + weight * self.value(Pick::Only(score(b))))
            };
            let random = simulated(self, &Reference { name: Reference::RANDOM, value: None }, EPISODES);
            let others = [mean(&|b| b), mean(&|b| 1.0 - b)];
            (others, self.value(Pick::BestOfAll), random.mean, random.se)
        } else {
            let others = [self.value(Pick::Choc(n)), self.value(Pick::Kale(n))];
            (others, self.value(Pick::Best(n)), self.value(Pick::Any), 0.0)
        };
        let lower = larger(others[0], others[1]);
        // Where they differ by rounding only, nothing is gained by seeing the user.
        let upper = if upper - lower < 1e-9 * upper { lower } else { upper };
        Optimum {
            lower,
            upper,
            // The grids, and the world computes in f32.
            tolerance: 1e-4 * upper,
            method: "backwards over time on a grid of exposures",
            random,
            random_se,
            others: names.into_iter().zip(others).collect(),
        }
    }
}

/// The probability that each of `count` even scores is picked; for the best ones, by rank from below.
fn weights(pick: Pick, count: usize) -> Vec<f64> {
    let below = |i: usize, n: u32| powi64(i as f64 / count as f64, n);
    let largest = |n: u32| (0..count).map(|i| below(i + 1, n) - below(i, n)).collect::<Vec<f64>>();
    match pick {
        Pick::Best(n) | Pick::Choc(n) => largest(n),
        Pick::Kale(n) => largest(n).into_iter().rev().collect(),
        Pick::BestOfAll => (0..count).map(|i| f64::from(u8::from(i + 1 == count))).collect(),
        Pick::Any | Pick::Only(_) => vec![1.0 / count as f64; count],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::played::play;

    #[test]
    fn episodes_are_worth_what_the_equations_say() {
        for sensitivity in [0.01, 0.3] {
            let env = LongTerm { sensitivity, ..LongTerm::default() };
            let optimum = env.optimum();
            let anchors = [("oracle", optimum.upper), ("random", optimum.random)];
            for (policy, value) in optimum.others.iter().copied().chain(anchors) {
                play(&env, policy, 3000).agrees_with(value, optimum.tolerance);
            }
        }
    }

    /// The stationary constants of the closed form: x̄ = −2(b − 1/2)/(1 − β), reward e^(z(4 + b) + 1/2), 60 times.
    #[test]
    fn a_single_score_is_worth_its_closed_form() {
        for (score, sensitivity) in [(1.0, 0.01), (0.0, 0.01), (0.25, 0.3)] {
            let fixed_clickbait = Clickbait::Fixed(score);
            let env = LongTerm { fixed_clickbait, sensitivity, innovation_sd: 0.0, ..LongTerm::default() };
            let (b, gamma) = (f64::from(score), f64::from(sensitivity));
            let mut closed = 0.0;
            for i in 0..1000 {
                let mut x = ((f64::from(i) + 0.5) / 1000.0 - 0.5) / (1.0 - f64::from(0.7f32));
                for _ in 0..STEPS {
                    closed += exp64((4.0 + b) / (1.0 + exp64(-gamma * x)) + 0.5) / 1000.0;
                    x = f64::from(0.7f32) * x - 2.0 * (b - 0.5);
                }
            }
            let optimum = env.optimum();
            assert!((optimum.upper / closed - 1.0).abs() < 1e-5, "{score}: {} {closed}", optimum.upper);
            assert_eq!(optimum.lower, optimum.upper);
        }
    }

    /// The degenerate default: seeing the user is worth nothing, and no document beats the most clickbait.
    #[test]
    fn choc_is_optimal_by_default_and_no_longer_at_a_high_sensitivity() {
        let optimum = LongTerm::default().optimum();
        assert!(optimum.is_exact() && optimum.others[0].1 == optimum.upper, "{optimum:?}");
        let hard = LongTerm { sensitivity: 0.3, ..LongTerm::default() }.optimum();
        assert!(hard.others[1].1 > hard.others[0].1 && hard.upper > 1.001 * hard.others[1].1, "{hard:?}");
    }

    #[test]
    fn lasting_candidates_are_bounded() {
        let env = LongTerm { resample: false, sensitivity: 0.1, ..LongTerm::default() };
        let optimum = env.optimum();
        for (policy, value) in optimum.others.iter().copied() {
            // The score of the best document of ten varies, so that 3000 episodes leave some noise.
            play(&env, policy, 3000).agrees_with(value, 1e-3 * value);
        }
        assert!(optimum.lower < optimum.upper && play(&env, "oracle", 500).value < optimum.upper, "{optimum:?}");
    }

    #[test]
    fn parameters_outside_are_named() {
        let named = |env: LongTerm| env.validate().expect_err("not admissible").to_string();
        assert!(named(LongTerm { num_candidates: 0, ..LongTerm::default() }).contains("num_candidates"));
        assert!(named(LongTerm { slate_size: 11, ..LongTerm::default() }).contains("slate_size"));
        assert!(named(LongTerm { memory_discount: 1.0, ..LongTerm::default() }).contains("memory_discount"));
        let fixed_clickbait = Clickbait::Fixed(f32::NAN);
        assert!(named(LongTerm { fixed_clickbait, ..LongTerm::default() }).contains("fixed_clickbait"));
    }
}
