//! Convex functions of a belief over two hidden states, as the highest of finitely many lines.
//!
//! Where one of two states is hidden and time is finite, the value of the best policy is such a function of the belief b
//! that the second state is the true one (Smallwood, Sondik 1973). With one number as belief its parts can be walked
//! from left to right, so a backup needs no approximation: the sum of two functions has the breakpoints of both, the
//! higher of two is found by one walk along the slopes. Lines that rise above the others by less than 10^−14 are left out.

/// A line over beliefs and the action that it stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Its values in the first state (b = 0) and in the second (b = 1).
    pub ends: [f64; 2],
    /// The first action of the policy whose value it is.
    pub action: u32,
}

impl Line {
    /// Its value at `belief`.
    pub fn value(&self, belief: f64) -> f64 {
        self.ends[0] * (1.0 - belief) + self.ends[1] * belief
    }

    fn slope(&self) -> f64 {
        self.ends[1] - self.ends[0]
    }

    /// Where `steeper` comes to lie above `self`.
    fn crossing(&self, steeper: &Line) -> f64 {
        let (lead, gain) = (self.ends[0] - steeper.ends[0], steeper.ends[1] - self.ends[1]);
        lead / (lead + gain)
    }
}

/// The highest of finitely many lines on [0, 1]: the lines that are highest somewhere, from left to right.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    lines: Vec<Line>,
}

/// A line that rises above all others by less than this is left out.
const LEAST: f64 = 1e-14;

impl Envelope {
    /// The highest of `lines`, at least one; of equal lines the first counts.
    pub fn highest(mut lines: Vec<Line>) -> Self {
        assert!(!lines.is_empty(), "an envelope of no lines");
        lines.sort_by(|a, b| a.slope().total_cmp(&b.slope()));
        let mut kept: Vec<Line> = Vec::new();
        for line in lines {
            loop {
                let Some(last) = kept.last() else {
                    kept.push(line);
                    break;
                };
                if line.ends[1] - last.ends[1] <= LEAST {
                    // It is no higher at the right end, nor anywhere, for it is steeper.
                    break;
                }
                let hidden = last.ends[0] - line.ends[0] <= LEAST
                    || kept.len() > 1 && {
                        let before = &kept[kept.len() - 2];
                        let meet = before.crossing(&line);
                        last.value(meet) - line.value(meet) <= LEAST
                    };
                if !hidden {
                    kept.push(line);
                    break;
                }
                kept.pop();
            }
        }
        Envelope { lines: kept }
    }

    /// The lines, from left to right.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The line that is highest at `belief`; the left one of two that meet there.
    pub fn at(&self, belief: f64) -> &Line {
        let (mut first, mut last) = (0, self.lines.len() - 1);
        while first < last {
            let middle = (first + last) / 2;
            if self.lines[middle + 1].value(belief) > self.lines[middle].value(belief) {
                first = middle + 1;
            } else {
                last = middle;
            }
        }
        &self.lines[first]
    }

    /// The function's value at `belief`.
    pub fn value(&self, belief: f64) -> f64 {
        self.at(belief).value(belief)
    }

    /// What the function is worth before an observation that comes in state s with next state s' at probability
    /// `joint[s][s']`: its value at the belief after the observation, times the probability of the observation.
    pub fn before(&self, joint: [[f64; 2]; 2]) -> Self {
        let ends = |ends: [f64; 2]| joint.map(|to| to[0] * ends[0] + to[1] * ends[1]);
        Self::highest(self.lines.iter().map(|line| Line { ends: ends(line.ends), ..*line }).collect())
    }

    /// The lines of the sum of two functions, from left to right, for the reward `reward` in either state and for
    /// `action`.
    pub fn sum<'a>(&'a self, other: &'a Envelope, reward: [f64; 2], action: u32) -> impl Iterator<Item = Line> + 'a {
        let mut at = Some((0, 0));
        std::iter::from_fn(move || {
            let (i, j) = at?;
            let (one, two) = (self.lines[i].ends, other.lines[j].ends);
            let until = |lines: &[Line], k: usize| lines.get(k + 1).map_or(2.0, |next| lines[k].crossing(next));
            let (first, second) = (until(&self.lines, i), until(&other.lines, j));
            at = match first.total_cmp(&second) {
                _ if first == 2.0 && second == 2.0 => None,
                std::cmp::Ordering::Less => Some((i + 1, j)),
                std::cmp::Ordering::Greater => Some((i, j + 1)),
                std::cmp::Ordering::Equal => Some((i + 1, j + 1)),
            };
            Some(Line { ends: [0, 1].map(|state| reward[state] + one[state] + two[state]), action })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Domain, Purpose, Rng};

    fn lines(seed: u64, count: u32) -> Vec<Line> {
        let mut stream = Rng::new(seed, Domain::Statistics).stream(Purpose::BOOTSTRAP);
        (0..count).map(|action| Line { ends: [stream.uniform64(), stream.uniform64()], action }).collect()
    }

    fn beliefs() -> impl Iterator<Item = f64> {
        (0..=200).map(|i| f64::from(i) / 200.0)
    }

    fn by_scan(lines: &[Line], belief: f64) -> f64 {
        lines.iter().map(|line| line.value(belief)).max_by(f64::total_cmp).expect("lines")
    }

    /// Against a scan of all lines; and no line is kept that is highest nowhere.
    #[test]
    fn the_envelope_is_the_highest_line_everywhere() {
        for seed in 0..20 {
            let all = lines(seed, 60);
            let envelope = Envelope::highest(all.clone());
            for belief in beliefs() {
                assert!((envelope.value(belief) - by_scan(&all, belief)).abs() < 1e-12);
            }
            for (i, line) in envelope.lines().iter().enumerate() {
                let left = if i == 0 { 0.0 } else { envelope.lines()[i - 1].crossing(line) };
                let right = envelope.lines().get(i + 1).map_or(1.0, |next| line.crossing(next));
                assert!(left < right, "line {i} is highest nowhere");
            }
        }
    }

    /// Against the two functions, added and conditioned at each belief by Bayes' rule.
    #[test]
    fn sums_and_observations_are_those_of_the_functions() {
        let (one, two) = (Envelope::highest(lines(1, 40)), Envelope::highest(lines(2, 30)));
        let sum = Envelope::highest(one.sum(&two, [0.5, -0.25], 7).collect());
        assert!(sum.lines().iter().all(|line| line.action == 7));
        let joint = [[0.3, 0.2], [0.05, 0.6]];
        let before = one.before(joint);
        for b in beliefs() {
            let expected = one.value(b) + two.value(b) + 0.5 * (1.0 - b) - 0.25 * b;
            assert!((sum.value(b) - expected).abs() < 1e-12);
            let first = (1.0 - b) * joint[0][0] + b * joint[1][0];
            let second = (1.0 - b) * joint[0][1] + b * joint[1][1];
            let expected = (first + second) * one.value(second / (first + second));
            assert!((before.value(b) - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn of_equal_lines_the_first_counts() {
        let line = |action| Line { ends: [1.0, 2.0], action };
        assert_eq!(Envelope::highest(vec![line(3), line(5)]).lines(), [line(3)]);
    }
}
