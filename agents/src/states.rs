//! Which state a row of an observation means, where there are finitely many: the index that tables are read by.
//!
//! A part of several numbers between 0 and 1 is one-hot: it tells as many cases as it has numbers, and one more for all
//! zeros. Any other number tells `levels` cases, evenly from its least to its greatest value; it is read as the nearest.
//! The first part counts most. Which items are on offer (`action_mask`) is no part of a state.
use crate::error::{Error, Result, setting};
use envs::Spec;

/// Most states that a table may have.
const MOST_STATES: usize = 1 << 26;

/// The states of a world.
#[derive(Clone, Debug)]
pub struct States {
    agent: &'static str,
    digits: Vec<Digit>,
    count: usize,
}

/// What one number or one one-hot part of the row tells.
#[derive(Clone, Debug)]
struct Digit {
    field: &'static str,
    at: usize,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    OneHot { len: usize },
    Levels { low: f32, high: f32, levels: usize },
}

impl States {
    /// The states that `spec` describes, with the levels of its numbers in order.
    ///
    /// # Errors
    /// When there are more or fewer `levels` than numbers, a number of levels is below 2, or the states are too many.
    pub fn new(agent: &'static str, spec: &Spec, levels: &[usize]) -> Result<Self> {
        let (mut digits, mut at, mut numbers) = (Vec::new(), 0, Vec::new());
        for field in &spec.fields {
            // What is on offer is drawn anew in each step: it bounds the choice and tells nothing of what comes.
            if field.name == "action_mask" {
                at += field.len;
                continue;
            }
            if field.len > 1 && field.low == 0.0 && field.high == 1.0 {
                digits.push(Digit { field: field.name, at, kind: Kind::OneHot { len: field.len } });
            } else {
                for place in at..at + field.len {
                    let levels = levels.get(numbers.len()).copied().unwrap_or(0);
                    let kind = Kind::Levels { low: field.low, high: field.high, levels };
                    digits.push(Digit { field: field.name, at: place, kind });
                    numbers.push(field.name);
                }
            }
            at += field.len;
        }
        if levels.len() != numbers.len() || levels.iter().any(|levels| *levels < 2) {
            let range = format!("a number from 2 on for each of [{}]", numbers.join(", "));
            return Err(setting("levels", format!("{levels:?}"), &range));
        }
        let count = digits.iter().try_fold(1usize, |count, digit| count.checked_mul(digit.cases()));
        match count.filter(|count| *count <= MOST_STATES) {
            Some(count) => Ok(States { agent, digits, count }),
            None => Err(setting(
                "levels",
                format!("{levels:?}"),
                &format!("such that there are at most {MOST_STATES} states"),
            )),
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The index of an observation.
    ///
    /// # Errors
    /// When a part of several numbers between 0 and 1 is not one-hot, or a number is not finite.
    pub fn index(&self, observation: &[f32]) -> Result<usize> {
        self.digits.iter().try_fold(0, |index, digit| Ok(index * digit.cases() + self.case(digit, observation)?))
    }

    fn case(&self, digit: &Digit, observation: &[f32]) -> Result<usize> {
        let unreadable = |problem| Error::Observation { agent: self.agent, field: digit.field, problem };
        match digit.kind {
            Kind::OneHot { len } => {
                let mut case = 0;
                for (place, number) in observation[digit.at..][..len].iter().enumerate() {
                    match *number {
                        0.0 => {}
                        1.0 if case == 0 => case = place + 1,
                        _ => return Err(unreadable("it is not one-hot")),
                    }
                }
                Ok(case)
            }
            Kind::Levels { low, high, levels } => {
                let place = (observation[digit.at] - low) / (high - low) * (levels - 1) as f32;
                if !place.is_finite() {
                    return Err(unreadable("it is not finite, or has no range"));
                }
                // The conversion takes what is below 0 as 0.
                let case = (place + 0.5) as usize;
                Ok(if case < levels { case } else { levels - 1 })
            }
        }
    }
}

impl Digit {
    fn cases(&self) -> usize {
        match self.kind {
            Kind::OneHot { len } => len + 1,
            Kind::Levels { levels, .. } => levels,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use envs::{Params, make};

    /// Every state of the inventory, 31 times and 5 stocks, has an index of its own; of the reader, 5 topics and 4
    /// boredoms with their case of none.
    #[test]
    fn every_state_has_an_index_of_its_own() {
        let spec = make("pricing/inventory-v1", &Params::new(), 1).expect("world").spec().clone();
        let states = States::new("table", &spec, &[31, 5]).expect("levels");
        let row = |t: usize, n: usize| states.index(&[t as f32 / 30.0, n as f32 / 4.0]).expect("numbers");
        let all: Vec<usize> = (0..31).flat_map(|t| (0..5).map(move |n| (t, n))).map(|(t, n)| row(t, n)).collect();
        assert_eq!(all, (0..155).collect::<Vec<_>>());
        assert_eq!((states.index(&[-1.0, 2.0]).expect("clipped"), states.count()), (4, 155));

        let spec = make("rec/markov-interest-v1", &Params::new(), 1).expect("world").spec().clone();
        let states = States::new("table", &spec, &[]).expect("one-hot");
        assert_eq!(states.count(), 6 * 5);
        assert_eq!(states.index(&[0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0]).expect("one-hot"), 3 * 5 + 2);
        assert_eq!(states.index(&[0.0; 9]).expect("none"), 0);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let spec = make("pricing/inventory-v1", &Params::new(), 1).expect("world").spec().clone();
        for wrong in [vec![], vec![31], vec![31, 1], vec![31, 5, 5]] {
            let message = States::new("table", &spec, &wrong).expect_err("levels").to_string();
            assert!(message.contains("[time_left, stock]"), "{message}");
        }
        assert!(States::new("table", &spec, &[1 << 20, 1 << 20]).is_err());
        let states = States::new("table", &spec, &[31, 5]).expect("levels");
        assert!(states.index(&[f32::NAN, 0.5]).expect_err("nan").to_string().contains("`time_left`"));
        let spec = make("classic/chain-v1", &Params::new(), 1).expect("world").spec().clone();
        let states = States::new("table", &spec, &[]).expect("one-hot");
        for wrong in [[0.5; 8], [1.0; 8]] {
            let message = states.index(&wrong).expect_err("not one-hot").to_string();
            assert!(message.contains("`table` cannot read `cell`"), "{message}");
        }
    }
}
