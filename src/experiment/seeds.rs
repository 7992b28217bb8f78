//! The seeds of an experiment.
use serde::{Deserialize, Serialize};

/// Seeds as a range in text or as a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Seeds {
    /// `"0..5"`: 0, 1, 2, 3, 4; or a single number.
    Range(String),
    /// A list.
    List(Vec<u64>),
    /// One seed.
    One(u64),
}

impl Seeds {
    /// The seeds.
    ///
    /// # Errors
    /// When the range is none, is empty, or holds more than 10,000 seeds.
    pub fn list(&self) -> std::result::Result<Vec<u64>, String> {
        let list = match self {
            Seeds::List(list) => list.clone(),
            Seeds::One(seed) => vec![*seed],
            Seeds::Range(text) => {
                let wrong = || format!("seeds are `{text}`; they must be like 0..5, or one number");
                let number = |text: &str| text.trim().parse::<u64>().map_err(|_| wrong());
                match text.split_once("..") {
                    None => vec![number(text)?],
                    Some((from, to)) => {
                        let (from, to) = (number(from)?, number(to)?);
                        if to.saturating_sub(from) > 10_000 {
                            return Err(format!("seeds are `{text}`; at most 10,000 are run at once"));
                        }
                        (from..to).collect()
                    }
                }
            }
        };
        let twice = list.iter().enumerate().find(|(at, seed)| list[..*at].contains(seed));
        match list.iter().find(|seed| **seed >= 1 << 55) {
            Some(seed) => Err(format!("seed {seed} is too large; it must be below 2^55")),
            None if twice.is_some() => Err("a seed stands twice".into()),
            None if list.is_empty() => Err("there are no seeds; give a range like 0..5".into()),
            None => Ok(list),
        }
    }
}
