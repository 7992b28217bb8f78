//! # Chocolate and kale in turn: RecSim's long-term satisfaction, where neither extreme beats chance
//!
//! The user of `compat/recsim-long-term-v0`, whose equations it shares. Documents have a clickbait score b: 1 is *choc*,
//! read with relish, 0 is *kale*. With satisfaction z = 1/(1 + e^(−γx)), γ = `sensitivity`, β = `memory_discount`,
//! ς = `innovation_sd`: engagement has ln E normal with mean z (5b + 4(1 − b)) and standard deviation 1, z of before the
//! step; then the net positive exposure x becomes βx − 2(b − 1/2) + normal(0, ς).
//!
//! Why there is a `v1` of its own: the original is degenerate. With its sensitivity of 0.01 choc is best in every state,
//! and at 0.3 kale alone is within 1.4 % of the best; neither asks for more than one habit. At 0.08, the default here, always choc
//! and always kale both earn less than drawing lots, and the best policy mixes: kale until the user is content, choc when
//! it pays, choc at the end. Also mended: the action is one document, because places after the first were never looked at;
//! the exposure and the time are observed, so that the optimum is that of a decision problem in view, and exact.
//!
//! | | |
//! |---|---|
//! | Action | `Discrete(num_candidates)`: the document shown |
//! | Observation | `exposure`: x (1 − β) (1 number within ±(1 + 13 ς), far within for most); `time_left`: share of the steps (1 number in [0, 1]); `clickbait`: b of the candidates (`num_candidates` numbers in [0, 1]) |
//! | Reward | the engagement E |
//! | Start | x uniform on ±1/2 · 1/(1 − β) |
//! | End | terminated after 60 steps |
//! | Discount | 1 |
//! | Parameters | `num_candidates` (2 to 1000, default 10), `sensitivity` (0 to 10, default 0.08), `memory_discount` (0 to 0.99, default 0.7), `innovation_sd` (0 to 1, default 0.05) |
//! | Metrics | `mean_clickbait`: mean b of what was shown; `mean_satisfaction`: z after a step, mean over the steps; `final_satisfaction`: after the last one |
//! | Reference policies | `random`; `choc`: the largest clickbait, which is also what engages most now; `kale`: the smallest; `oracle`: optimal |
//! | Optimum | exact to 0.01 %, 990.7: backwards over the 60 steps on a grid of x, the best of new candidates in the mean. Kale 945.5, choc 897.2, random 951.0 |
//! | Learning | hard: what a step earns varies by 21, what all depends on is differences of about 1 between candidates that are new in each step, and no shorter horizon shows them; divide rewards by about 20 |
//! | Source | Ie et al. 2019, "RecSim: a configurable simulation platform for recommender systems"; that its default has no long-term problem follows from the code's own equations |
//!
//! History: v1, first version.
use crate::{
    env::{Elem, Env, Field, Optimum, Outcome, Reference},
    error::{Result, between},
    oracle::Memo,
    rng::{LANES, Rng},
    space::{Discrete, RowMut},
    suite::compat::recsim_long_term::{LongTerm, State as User},
};
use serde::{Deserialize, Serialize};

/// Parameters of the world.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LongTermSatisfaction {
    /// Documents to choose from, new ones in every step.
    pub num_candidates: u32,
    /// How strongly exposure moves satisfaction.
    pub sensitivity: f32,
    /// How much exposure remains after a step.
    pub memory_discount: f32,
    /// Standard deviation of what moves exposure besides.
    pub innovation_sd: f32,
    #[serde(skip)]
    model: Memo<LongTerm>,
}

impl Default for LongTermSatisfaction {
    fn default() -> Self {
        LongTermSatisfaction {
            num_candidates: 10,
            sensitivity: 0.08,
            memory_discount: 0.7,
            innovation_sd: 0.05,
            model: Memo::default(),
        }
    }
}

/// An episode: the user, and what was shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    user: User,
    clickbait: f64,
}

impl Env for LongTermSatisfaction {
    type State = State;
    type Action = Discrete;
    const METRICS: &'static [&'static str] = &["mean_clickbait", "mean_satisfaction", "final_satisfaction"];
    const POLICIES: &'static [&'static str] = &["choc", "kale", "oracle"];
    const SIDE_BY_SIDE: bool = true;

    fn validate(&self) -> Result<()> {
        between("num_candidates", self.num_candidates, 2, 1000)?;
        self.model().validate()
    }

    fn action_space(&self) -> Discrete {
        Discrete(self.num_candidates)
    }

    fn observation(&self) -> Vec<Field> {
        // No normal draw is beyond 6.4 standard deviations, and memory never adds to more than 1/(1 − memory).
        let most = 1.0 + 13.0 * self.innovation_sd;
        let field = |name, len| Field { name, len, low: 0.0, high: 1.0 };
        vec![
            Field { name: "exposure", len: 1, low: -most, high: most },
            field("time_left", 1),
            field("clickbait", self.num_candidates as usize),
        ]
    }

    fn horizon(&self) -> u32 {
        self.model().horizon()
    }

    fn discount(&self) -> f64 {
        1.0
    }

    fn reset(&self, rng: &Rng) -> State {
        State { user: self.model().reset(rng), clickbait: 0.0 }
    }

    fn restart(&self, state: &mut State, rng: &Rng) {
        self.model().restart(&mut state.user, rng);
        state.clickbait = 0.0;
    }

    #[inline]
    fn step(&self, state: &mut State, action: Elem<'_, Self>, rng: &Rng) -> Outcome {
        state.clickbait += f64::from(state.user.candidates()[action as usize]);
        self.model().step(&mut state.user, &[action], rng)
    }

    #[inline]
    fn step_each(
        &self,
        mut states: [&mut State; LANES],
        actions: [Elem<'_, Self>; LANES],
        rngs: &[Rng; LANES],
    ) -> [Outcome; LANES] {
        for (state, action) in states.iter_mut().zip(actions) {
            state.clickbait += f64::from(state.user.candidates()[action as usize]);
        }
        self.model().step_each(states.map(|state| &mut state.user), actions.each_ref().map(std::slice::from_ref), rngs)
    }

    #[inline]
    fn observe(&self, state: &State, row: &mut [f32]) {
        let horizon = self.horizon();
        row[0] = state.user.exposure() * (1.0 - self.memory_discount);
        row[1] = (horizon - state.user.steps()) as f32 / horizon as f32;
        row[2..].copy_from_slice(state.user.candidates());
    }

    fn metrics(&self, state: &State, out: &mut [f64]) {
        let mut of_the_original = [0.0; LongTerm::METRICS.len()];
        self.model().metrics(&state.user, &mut of_the_original);
        let [.., mean, last, _] = of_the_original;
        (out[0], out[1], out[2]) = (state.clickbait / f64::from(state.user.steps()), mean, last);
    }

    fn expected_reward(&self, state: &State, action: Elem<'_, Self>) -> f64 {
        self.model().expected_reward(&state.user, &[action])
    }

    fn reference(&self, policy: &Reference, state: &State, action: RowMut<'_>) {
        self.model().reference(policy, &state.user, action);
    }

    fn optimum(&self) -> Optimum {
        // What the one earns who sees the user: here everybody does.
        let seen = self.model().optimum();
        Optimum { lower: seen.upper, ..seen }
    }
}

impl LongTermSatisfaction {
    /// The original with these parameters.
    fn model(&self) -> &LongTerm {
        self.model.get(|| LongTerm {
            num_candidates: self.num_candidates,
            slate_size: 1,
            sensitivity: self.sensitivity,
            memory_discount: self.memory_discount,
            innovation_sd: self.innovation_sd,
            ..LongTerm::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::played::play;

    /// Figures of another implementation (NumPy, linear interpolation on 401 exposures, 100 scores).
    #[test]
    fn the_optimum_mixes_and_both_extremes_lose_to_chance() {
        let optimum = LongTermSatisfaction::default().optimum();
        let near = |value: f64, expected: f64| (value / expected - 1.0).abs() < 5e-4;
        assert!(near(optimum.upper, 990.7) && near(optimum.random, 951.0), "{optimum:?}");
        let [(_, choc), (_, kale)] = optimum.others[..] else { panic!("two policies") };
        assert!(near(choc, 897.2) && near(kale, 945.5), "{optimum:?}");
        assert!(choc < optimum.random && kale < optimum.random && optimum.lower == optimum.upper);
    }

    #[test]
    fn episodes_are_worth_what_the_equations_say() {
        let env = LongTermSatisfaction::default();
        let optimum = env.optimum();
        let anchors = [("oracle", optimum.upper), ("random", optimum.random)];
        for (policy, value) in optimum.others.iter().copied().chain(anchors) {
            play(&env, policy, 3000).agrees_with(value, optimum.tolerance);
        }
        // A true mixture: neither nearly all choc nor nearly all kale, which show 10/11 and 1/11 in the mean.
        let shown = play(&env, "oracle", 500).metrics[0];
        assert!((0.2..0.8).contains(&shown), "{shown}");
    }

    #[test]
    fn parameters_outside_are_named() {
        let named = |env: LongTermSatisfaction| env.validate().expect_err("not admissible").to_string();
        let default = LongTermSatisfaction::default;
        assert!(named(LongTermSatisfaction { num_candidates: 1, ..default() }).contains("num_candidates"));
        assert!(named(LongTermSatisfaction { sensitivity: 11.0, ..default() }).contains("sensitivity"));
    }
}
