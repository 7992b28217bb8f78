//! # A tutor who cannot see what the pupil knows: teach, ask, or certify
//!
//! The pupil has mastered the subject or not; nobody sees which. A lesson may teach it, a quiz tells something about it
//! (and may teach it too), and a certificate ends the course: worth 1 if the pupil has mastered the subject, −1 if not.
//! Questions and lessons cost time, so the tutor has to decide when to know enough.
//!
//! With m whether the subject is mastered and b the probability of it given everything seen:
//!
//! - Lesson: costs `lesson_cost`; if not mastered, it is with probability `lesson_teaches`. b becomes
//!   b + (1 − b) `lesson_teaches`.
//! - Quiz: costs `quiz_cost`; the answer is right with probability `knows` if mastered, `guesses` if not; then, if not
//!   mastered, it is with probability `quiz_teaches`. b follows Bayes' rule, then b + (1 − b) `quiz_teaches`.
//! - Certificate: 1 if mastered, else −1; the course ends.
//! - Nothing is forgotten. A course of `lessons` steps without a certificate ends with nothing.
//!
//! | | |
//! |---|---|
//! | Action | `Discrete(3)`: 0 lesson, 1 quiz, 2 certificate |
//! | Observation | `belief`: 2b − 1 (1 number in [−1, 1]); `time_left`: share of the steps that are left (1 in [0, 1]) |
//! | Reward | see above |
//! | Start | mastered with probability `prior` |
//! | End | terminated by the certificate or after `lessons` steps |
//! | Discount | 1 |
//! | Parameters | `lessons` (1 to 100, default 20), `prior` (0 to 1, default 0.2), `lesson_cost` (0 to 1, default 0.06), `lesson_teaches` (0 to 1, default 0.25), `quiz_cost` (0 to 1, default 0.03), `knows` (0 to 1, default 0.9), `guesses` (0 to 1, default 0.25), `quiz_teaches` (0 to 1, default 0.1) |
//! | Metrics | `certified`: 1 if there was a certificate; `mastered`: 1 if the subject was mastered at the end; `quizzes`: number of quizzes |
//! | Reference policies | `random`; `myopic`: the largest expected reward now: quizzes until b is near a half, then the certificate; `oracle`: optimal for who knows b |
//! | Optimum | exact, 0.600: the value is the highest of finitely many lines in b, backwards over time without approximation. Random −0.275, exact; myopic 0.108, exact by the tree of all answers, given for up to 20 steps |
//! | Learning | moderate: b and the time are seen, so it is a matter of two thresholds that move with the time |
//! | Source | Corbett, Anderson 1994, "Knowledge tracing: modeling the acquisition of procedural knowledge"; Smallwood, Sondik 1973 for the optimum |
//!
//! History: v1, first version.
use crate::{
    env::{Elem, Env, Field, Optimum, Outcome, Reference},
    error::{Result, between},
    oracle::{
        Memo,
        envelope::{Envelope, Line},
    },
    rng::{Purpose, Rng},
    space::{Discrete, RowMut},
};
use serde::{Deserialize, Serialize};

const LESSON: u32 = 0;
const QUIZ: u32 = 1;
const CERTIFICATE: u32 = 2;
/// Worth of the certificate, not mastered and mastered.
const WORTH: [f64; 2] = [-1.0, 1.0];
/// Longer courses have too many sequences of answers to go through.
const LONGEST_TREE: u32 = 20;

/// Parameters of the world.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tutor {
    /// The longest course.
    pub lessons: u32,
    /// Probability that the subject is mastered from the start.
    pub prior: f32,
    /// Cost of a lesson.
    pub lesson_cost: f32,
    /// Probability that a lesson teaches the subject.
    pub lesson_teaches: f32,
    /// Cost of a quiz.
    pub quiz_cost: f32,
    /// Probability of a right answer if the subject is mastered.
    pub knows: f32,
    /// Probability of a right answer if not.
    pub guesses: f32,
    /// Probability that a quiz teaches the subject.
    pub quiz_teaches: f32,
    #[serde(skip)]
    values: Memo<Vec<Envelope>>,
}

impl Default for Tutor {
    fn default() -> Self {
        Tutor {
            lessons: 20,
            prior: 0.2,
            lesson_cost: 0.06,
            lesson_teaches: 0.25,
            quiz_cost: 0.03,
            knows: 0.9,
            guesses: 0.25,
            quiz_teaches: 0.1,
            values: Memo::default(),
        }
    }
}

/// An episode: the pupil, and what the tutor believes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    mastered: bool,
    belief: f32,
    steps: u32,
    quizzes: u32,
    certified: bool,
}

impl Env for Tutor {
    type State = State;
    type Action = Discrete;
    const METRICS: &'static [&'static str] = &["certified", "mastered", "quizzes"];
    const POLICIES: &'static [&'static str] = &["myopic", "oracle"];

    fn validate(&self) -> Result<()> {
        between("lessons", self.lessons, 1, 100)?;
        let shares = [
            ("prior", self.prior),
            ("lesson_cost", self.lesson_cost),
            ("lesson_teaches", self.lesson_teaches),
            ("quiz_cost", self.quiz_cost),
            ("knows", self.knows),
            ("guesses", self.guesses),
            ("quiz_teaches", self.quiz_teaches),
        ];
        shares.into_iter().try_for_each(|(name, value)| between(name, value, 0.0, 1.0))
    }

    fn action_space(&self) -> Discrete {
        Discrete(3)
    }

    fn observation(&self) -> Vec<Field> {
        vec![
            Field { name: "belief", len: 1, low: -1.0, high: 1.0 },
            Field { name: "time_left", len: 1, low: 0.0, high: 1.0 },
        ]
    }

    fn horizon(&self) -> u32 {
        self.lessons
    }

    fn discount(&self) -> f64 {
        1.0
    }

    fn reset(&self, rng: &Rng) -> State {
        let mastered = rng.stream(Purpose::RESET).bernoulli(self.prior);
        State { mastered, belief: self.prior, steps: 0, quizzes: 0, certified: false }
    }

    #[inline]
    fn step(&self, state: &mut State, action: Elem<'_, Self>, rng: &Rng) -> Outcome {
        let mut draws = rng.stream(Purpose::STEP);
        let reward = self.expected_reward(state, action) as f32;
        state.steps += 1;
        match action {
            LESSON => {
                state.belief = learnt(state.belief, self.lesson_teaches);
                state.mastered |= draws.bernoulli(self.lesson_teaches);
            }
            QUIZ => {
                let right = draws.bernoulli(if state.mastered { self.knows } else { self.guesses });
                let [knows, guesses] = self.answer(right);
                let (yes, no) = (state.belief * knows, (1.0 - state.belief) * guesses);
                // A belief rounded to certainty can meet an answer that it rules out.
                let belief = if yes + no > 0.0 { yes / (yes + no) } else { state.belief };
                state.belief = learnt(belief, self.quiz_teaches);
                state.mastered |= draws.bernoulli(self.quiz_teaches);
                state.quizzes += 1;
            }
            _ => state.certified = true,
        }
        Outcome { reward, terminated: state.certified || state.steps == self.lessons }
    }

    #[inline]
    fn observe(&self, state: &State, row: &mut [f32]) {
        row[0] = 2.0 * state.belief - 1.0;
        row[1] = (self.lessons - state.steps) as f32 / self.lessons as f32;
    }

    fn metrics(&self, state: &State, out: &mut [f64]) {
        out[0] = f64::from(u8::from(state.certified));
        out[1] = f64::from(u8::from(state.mastered));
        out[2] = f64::from(state.quizzes);
    }

    /// Given the hidden state: for the evaluator only, since it tells more than an agent can know.
    fn expected_reward(&self, state: &State, action: Elem<'_, Self>) -> f64 {
        match action {
            LESSON => -f64::from(self.lesson_cost),
            QUIZ => -f64::from(self.quiz_cost),
            _ => WORTH[usize::from(state.mastered)],
        }
    }

    fn reference(&self, policy: &Reference, state: &State, action: RowMut<'_>) {
        let belief = f64::from(state.belief);
        action.items[0] = match policy.name {
            "oracle" => self.values()[(self.lessons - state.steps) as usize].at(belief).action,
            _ => self.myopic(belief),
        };
    }

    fn optimum(&self) -> Optimum {
        let prior = f64::from(self.prior);
        let best = self.values()[self.lessons as usize].value(prior);
        // A random tutor does not listen: the value is linear in what is hidden.
        let (lesson, quiz) = (self.lesson(), self.quiz());
        let random = (0..self.lessons).fold([0.0; 2], |later, _| {
            [0, 1].map(|state: usize| {
                let after = |joint: [[f64; 2]; 2]| joint[state][0] * later[0] + joint[state][1] * later[1];
                let costs = f64::from(self.lesson_cost) + f64::from(self.quiz_cost);
                (WORTH[state] - costs + after(lesson) + after(quiz[0]) + after(quiz[1])) / 3.0
            })
        });
        let listening = self.lessons <= LONGEST_TREE;
        Optimum {
            lower: best,
            upper: best,
            // The world carries the belief in f32.
            tolerance: 1e-6,
            method: "convex functions of the belief, backwards over time",
            random: (1.0 - prior) * random[0] + prior * random[1],
            random_se: 0.0,
            others: listening.then(|| ("myopic", self.myopic_value(prior, self.lessons))).into_iter().collect(),
        }
    }
}

/// The belief after a chance to learn.
#[inline]
fn learnt(belief: f32, teaches: f32) -> f32 {
    belief + (1.0 - belief) * teaches
}

impl Tutor {
    /// Probability of an answer that is right or wrong, if mastered and if not.
    #[inline]
    fn answer(&self, right: bool) -> [f32; 2] {
        if right { [self.knows, self.guesses] } else { [1.0 - self.knows, 1.0 - self.guesses] }
    }

    /// P(mastered after | mastered before) for a lesson.
    fn lesson(&self) -> [[f64; 2]; 2] {
        let teaches = f64::from(self.lesson_teaches);
        [[1.0 - teaches, teaches], [0.0, 1.0]]
    }

    /// P(answer, mastered after | mastered before) for a quiz, answers wrong and right.
    fn quiz(&self) -> [[[f64; 2]; 2]; 2] {
        let teaches = f64::from(self.quiz_teaches);
        [false, true].map(|right| {
            let [knows, guesses] = self.answer(right).map(f64::from);
            [[guesses * (1.0 - teaches), guesses * teaches], [0.0, knows]]
        })
    }

    /// The action with the largest expected reward now, the lowest of equals.
    fn myopic(&self, belief: f64) -> u32 {
        let worth = [-f64::from(self.lesson_cost), -f64::from(self.quiz_cost), 2.0 * belief - 1.0];
        (1..3).fold(0, |best, action| if worth[action as usize] > worth[best as usize] { action } else { best })
    }

    /// Value of [`myopic`](Self::myopic) with `left` steps left, over all sequences of answers.
    fn myopic_value(&self, belief: f64, left: u32) -> f64 {
        if left == 0 {
            return 0.0;
        }
        let after = |joint: [[f64; 2]; 2]| {
            let seen = [0, 1].map(|to| (1.0 - belief) * joint[0][to] + belief * joint[1][to]);
            let total = seen[0] + seen[1];
            if total > 0.0 { total * self.myopic_value(seen[1] / total, left - 1) } else { 0.0 }
        };
        match self.myopic(belief) {
            LESSON => after(self.lesson()) - f64::from(self.lesson_cost),
            QUIZ => self.quiz().map(after).iter().fold(-f64::from(self.quiz_cost), |sum, value| sum + value),
            _ => 2.0 * belief - 1.0,
        }
    }

    /// The optimal value with each number of steps left, as functions of the belief.
    fn values(&self) -> &[Envelope] {
        self.values.get(|| {
            let nothing = Envelope::highest(vec![Line { ends: [0.0; 2], action: CERTIFICATE }]);
            let (lesson, [wrong, right]) = (self.lesson(), self.quiz());
            let mut values = vec![nothing.clone()];
            for left in 0..self.lessons as usize {
                let later = &values[left];
                let (cost, price) = (-f64::from(self.lesson_cost), -f64::from(self.quiz_cost));
                let mut lines = vec![Line { ends: WORTH, action: CERTIFICATE }];
                lines.extend(later.before(lesson).sum(&nothing, [cost; 2], LESSON));
                lines.extend(later.before(wrong).sum(&later.before(right), [price; 2], QUIZ));
                values.push(Envelope::highest(lines));
            }
            values
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::played::play;

    #[test]
    fn optimum_is_the_published_one() {
        let optimum = Tutor::default().optimum();
        let digits = |value: f64| (value * 1000.0).round() / 1000.0;
        assert_eq!([optimum.lower, optimum.random, optimum.others[0].1].map(digits), [0.6, -0.275, 0.108]);
    }

    /// The value of every sequence of answers, without lines: the tree of all courses of eight steps.
    #[test]
    fn the_tree_of_all_courses_has_the_same_value() {
        fn best(env: &Tutor, belief: f64, left: u32) -> f64 {
            if left == 0 {
                return 0.0;
            }
            let learnt = |belief: f64, teaches: f32| belief + (1.0 - belief) * f64::from(teaches);
            let lesson = best(env, learnt(belief, env.lesson_teaches), left - 1) - f64::from(env.lesson_cost);
            let quiz = [true, false].map(|right| {
                let [knows, guesses] = env.answer(right).map(f64::from);
                let total = belief * knows + (1.0 - belief) * guesses;
                total * best(env, learnt(belief * knows / total, env.quiz_teaches), left - 1)
            });
            let quiz = quiz[0] + quiz[1] - f64::from(env.quiz_cost);
            [lesson, quiz, 2.0 * belief - 1.0].into_iter().max_by(f64::total_cmp).expect("three actions")
        }
        let env = Tutor { lessons: 8, ..Tutor::default() };
        let (tree, lines) = (best(&env, f64::from(env.prior), 8), env.optimum().lower);
        assert!((tree - lines).abs() < 1e-12, "{tree} {lines}");
    }

    #[test]
    fn episodes_are_worth_what_the_equations_say() {
        for env in [Tutor::default(), Tutor { lessons: 4, prior: 0.5, guesses: 0.0, ..Tutor::default() }] {
            let optimum = env.optimum();
            for (policy, value) in [("oracle", optimum.lower), ("random", optimum.random), optimum.others[0]] {
                play(&env, policy, 20_000).agrees_with(value, optimum.tolerance);
            }
        }
    }

    #[test]
    fn parameters_outside_are_named() {
        let named = |env: Tutor| env.validate().expect_err("not admissible").to_string();
        assert!(named(Tutor { lessons: 0, ..Default::default() }).contains("lessons"));
        assert!(named(Tutor { knows: 1.5, ..Default::default() }).contains("knows"));
        assert!(named(Tutor { quiz_cost: f32::NAN, ..Default::default() }).contains("quiz_cost"));
    }
}
