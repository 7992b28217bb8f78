//! The reader of `rec/markov-interest-v1` and of its matrix view: the law of motion, and what is known about the best
//! ways to treat such readers. The equations are on the page of `rec/markov-interest-v1`.
use crate::{
    error::{Result, between, parameter},
    oracle::{
        Memo,
        finite::{Finite, Solution},
        partial::{Bounds, Partial},
    },
    rng::Stream,
};
use serde::{Deserialize, Serialize};

/// Number of items: one bait and one wholesome on each topic.
pub const ITEMS: usize = 2 * TOPICS;
/// Number of topics.
pub const TOPICS: usize = 5;
/// Number of levels of boredom.
pub const LEVELS: usize = 4;
/// Effort of the search for hidden bounds: ten times as much moves them by less than 0.02.
const IMPROVEMENTS: usize = 200;
const REHEARSALS: usize = 16;
/// Longest cycle of items that is searched.
const LONGEST_CYCLE: usize = 4;

/// How readers react: numbers in [0, 1].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reader {
    /// Click factor of bait and of wholesome items.
    pub quality: [f32; 2],
    /// Probability that an item on the topic of interest bores, bait and wholesome.
    pub satiation: [f32; 2],
    /// Click factor of each topic.
    pub topics: [f32; TOPICS],
    /// Click factor of each level of boredom.
    pub boredom: [f32; LEVELS],
    /// Probability of leaving at each level of boredom.
    pub departure: [f32; LEVELS],
    /// Click factor of items beside the interest.
    pub off_topic: f32,
    /// Probability that an item beside the interest becomes the interest.
    pub switch: f32,
    /// Probability that one that does not lowers the boredom.
    pub recovery: f32,
}

impl Default for Reader {
    fn default() -> Self {
        Reader {
            quality: [1.0, 0.7],
            satiation: [0.9, 0.3],
            topics: [1.0, 0.9, 0.8, 0.7, 0.6],
            boredom: [0.9, 0.6, 0.3, 0.1],
            departure: [0.01, 0.03, 0.08, 0.2],
            off_topic: 0.15,
            switch: 0.2,
            recovery: 0.8,
        }
    }
}

/// What goes on in the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mind {
    /// The topic of interest.
    pub interest: u8,
    /// The level of boredom.
    pub boredom: u8,
}

impl Mind {
    /// The index of this state in the reader's decision problem.
    pub fn index(self) -> usize {
        LEVELS * usize::from(self.interest) + usize::from(self.boredom)
    }

    /// All twenty, in the order of their index.
    pub fn every() -> impl Iterator<Item = Mind> {
        (0..TOPICS as u8).flat_map(|interest| (0..LEVELS as u8).map(move |boredom| Mind { interest, boredom }))
    }
}

/// What a reader did with an item.
#[derive(Clone, Copy, Debug)]
pub struct Reaction {
    /// Clicked it.
    pub clicked: bool,
    /// Left for good afterwards.
    pub left: bool,
}

/// What happened in an episode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Interactions.
    pub steps: u32,
    clicks: u32,
    bait: u32,
    left: bool,
}

impl Tally {
    /// `click_rate`, `bait_rate` and `left`.
    pub const METRICS: &'static [&'static str] = &["click_rate", "bait_rate", "left"];

    /// Counts the reaction to `item`.
    #[inline]
    pub fn count(&mut self, item: u32, reaction: Reaction) {
        self.steps += 1;
        self.clicks += u32::from(reaction.clicked);
        self.bait += u32::from(kind(item) == 0);
        self.left = reaction.left;
    }

    /// Steps that showed bait.
    pub fn bait(&self) -> u32 {
        self.bait
    }

    /// Writes the metrics.
    pub fn write(&self, out: &mut [f64]) {
        let steps = f64::from(self.steps);
        out[0] = f64::from(self.clicks) / steps;
        out[1] = f64::from(self.bait) / steps;
        out[2] = f64::from(u8::from(self.left));
    }
}

/// Checks the parameters that the worlds of the reader share; an episode may take up to `longest` steps.
///
/// # Errors
/// Names the parameter, its value and the admissible range.
pub fn validate(reader: &Reader, discount: f64, horizon: u32, longest: u32) -> Result<()> {
    if !(discount > 0.0 && discount <= 0.999) {
        return Err(parameter("discount", discount, "above 0 and at most 0.999"));
    }
    between("horizon", horizon, 1, longest)?;
    reader.validate()
}

impl Reader {
    /// Checks that every number is in [0, 1].
    ///
    /// # Errors
    /// Names the number.
    fn validate(&self) -> Result<()> {
        let groups: [(&str, &[f32]); 8] = [
            ("reader.quality", &self.quality),
            ("reader.satiation", &self.satiation),
            ("reader.topics", &self.topics),
            ("reader.boredom", &self.boredom),
            ("reader.departure", &self.departure),
            ("reader.off_topic", &[self.off_topic]),
            ("reader.switch", &[self.switch]),
            ("reader.recovery", &[self.recovery]),
        ];
        for (name, values) in groups {
            if let Some(value) = values.iter().find(|value| !(0.0..=1.0).contains(*value)) {
                return Err(parameter(name, value, "between 0 and 1"));
            }
        }
        Ok(())
    }

    /// A reader who has just come.
    pub fn arrive(&self, draws: &mut Stream) -> Mind {
        Mind { interest: draws.below(TOPICS as u32) as u8, boredom: 0 }
    }

    /// Probability that `item` is clicked.
    #[inline]
    pub fn click(&self, mind: Mind, item: u32) -> f32 {
        let topic = item as usize % TOPICS;
        let quality = self.quality[kind(item)];
        if topic == usize::from(mind.interest) {
            quality * self.topics[topic] * self.boredom[usize::from(mind.boredom)]
        } else {
            quality * self.topics[topic] * self.off_topic
        }
    }

    /// Shows `item`.
    #[inline]
    pub fn show(&self, mind: &mut Mind, item: u32, draws: &mut Stream) -> Reaction {
        let clicked = draws.bernoulli(self.click(*mind, item));
        let topic = (item as usize % TOPICS) as u8;
        if topic == mind.interest {
            let bored = draws.bernoulli(self.satiation[kind(item)]);
            mind.boredom += u8::from(bored && mind.boredom + 1 < LEVELS as u8);
        } else if draws.bernoulli(self.switch) {
            *mind = Mind { interest: topic, boredom: 0 };
        } else if draws.bernoulli(self.recovery) {
            mind.boredom = mind.boredom.saturating_sub(1);
        }
        Reaction { clicked, left: draws.bernoulli(self.departure[usize::from(mind.boredom)]) }
    }

    /// The item that the reader is likeliest to click.
    pub fn likeliest(&self, mind: Mind) -> usize {
        (1..ITEMS).fold(
            0,
            |best, item| {
                if self.click(mind, item as u32) > self.click(mind, best as u32) { item } else { best }
            },
        )
    }

    /// The decision problem of who sees the reader's mind.
    pub fn seen(&self, discount: f64) -> Finite {
        let (mut reward, mut next) = (Vec::new(), Vec::new());
        for mind in Mind::every() {
            for item in 0..ITEMS as u32 {
                reward.push(f64::from(self.click(mind, item)));
                let stays = |mind: Mind| 1.0 - f64::from(self.departure[usize::from(mind.boredom)]);
                let moves = self.moves(mind, item);
                next.push(moves.map(|(mind, p)| (mind.index(), p * stays(mind))).to_vec());
            }
        }
        Finite { actions: ITEMS, discount, reward, next }
    }

    /// The decision problem of who sees only the clicks: observation 1 is a click.
    pub fn hidden(&self, discount: f64) -> Partial {
        let hidden = self.seen(discount);
        let seen = hidden.reward.iter().flat_map(|click| [1.0 - click, *click]).collect();
        Partial { seen, hidden, observations: 2, start: Self::start() }
    }

    /// Probability of each state at the start.
    pub fn start() -> Vec<f64> {
        Mind::every().map(|mind| if mind.boredom == 0 { 1.0 / TOPICS as f64 } else { 0.0 }).collect()
    }

    /// Where the mind goes from here, before the reader leaves or stays.
    fn moves(&self, mind: Mind, item: u32) -> [(Mind, f64); 3] {
        let topic = (item as usize % TOPICS) as u8;
        if topic == mind.interest {
            let bored = f64::from(self.satiation[kind(item)]);
            let more = if mind.boredom + 1 < LEVELS as u8 { mind.boredom + 1 } else { mind.boredom };
            return [(Mind { boredom: more, ..mind }, bored), (mind, 1.0 - bored), (mind, 0.0)];
        }
        let (switch, recovery) = (f64::from(self.switch), f64::from(self.recovery));
        let less = Mind { boredom: mind.boredom.saturating_sub(1), ..mind };
        let won = Mind { interest: topic, boredom: 0 };
        [(won, switch), (less, (1.0 - switch) * recovery), (mind, (1.0 - switch) * (1.0 - recovery))]
    }
}

/// 0 for bait, 1 for wholesome items.
pub fn kind(item: u32) -> usize {
    usize::from(item as usize >= TOPICS)
}

/// What is known about the best ways to treat a reader, each computed when first asked for.
#[derive(Clone, Debug, Default)]
pub struct Oracles {
    solution: Memo<Solution>,
    problem: Memo<Partial>,
    bounds: Memo<Bounds>,
    cycle: Memo<(Vec<usize>, f64)>,
}

impl Oracles {
    /// The optimum of who sees the mind.
    pub fn solution(&self, reader: &Reader, discount: f64) -> &Solution {
        self.solution.get(|| reader.seen(discount).solve())
    }
    /// The problem of who sees only the clicks.
    pub fn problem(&self, reader: &Reader, discount: f64) -> &Partial {
        self.problem.get(|| reader.hidden(discount))
    }
    /// Bounds on its optimum.
    pub fn bounds(&self, reader: &Reader, discount: f64) -> &Bounds {
        self.bounds.get(|| self.problem(reader, discount).bounds(IMPROVEMENTS, REHEARSALS))
    }
    /// The best short cycle of items and its value.
    pub fn cycle(&self, reader: &Reader, discount: f64) -> &(Vec<usize>, f64) {
        self.cycle.get(|| self.problem(reader, discount).best_cycle(LONGEST_CYCLE))
    }
}

/// The mean over the states in which an episode starts.
pub fn from_start(value: &[f64]) -> f64 {
    Reader::start().iter().zip(value).fold(0.0, |sum, (p, value)| sum + p * value)
}

/// The most that the step limit can take from the value of an endless episode.
pub fn beyond(value: &[f64], discount: f64, horizon: u32) -> f64 {
    let largest = value.iter().fold(0.0, |largest, &v| if v > largest { v } else { largest });
    crate::math::powi64(discount, horizon) * largest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Domain, Purpose, Rng};

    /// Bellman's equation holds at every state, for the best of the actions and no other.
    #[test]
    fn optimum_solves_bellmans_equation() {
        let seen = Reader::default().seen(0.95);
        let Solution { policy, value } = seen.solve();
        for state in 0..seen.states() {
            let best = (0..ITEMS).map(|item| seen.action_value(state, item, &value)).max_by(f64::total_cmp);
            let best = best.expect("ten items");
            assert!((value[state] - best).abs() < 1e-9, "state {state}: {} {best}", value[state]);
            assert!((seen.action_value(state, policy[state], &value) - best).abs() < 1e-9);
        }
    }

    /// The equations on the page, tabulated, against what `show` does.
    #[test]
    fn the_problem_is_the_one_that_is_played() {
        let reader = Reader::default();
        let seen = reader.seen(1.0);
        let n = 20_000;
        let rng = Rng::new(5, Domain::Evaluation);
        for (mind, item) in [(Mind { interest: 2, boredom: 3 }, 7), (Mind { interest: 2, boredom: 2 }, 3)] {
            let mut counts = vec![0u32; seen.states()];
            for row in 0..n {
                let mut after = mind;
                if !reader.show(&mut after, item, &mut rng.at(row, item, 0).stream(Purpose::STEP)).left {
                    counts[after.index()] += 1;
                }
            }
            for (state, &count) in counts.iter().enumerate() {
                let moves = &seen.next[mind.index() * ITEMS + item as usize];
                let p: f64 = moves.iter().filter(|(next, _)| *next == state).map(|(_, p)| p).sum();
                let se = (p * (1.0 - p) / f64::from(n)).sqrt();
                assert!((f64::from(count) / f64::from(n) - p).abs() <= 4.0 * se, "{mind:?} {item} to {state}: {count}");
            }
        }
    }
}
