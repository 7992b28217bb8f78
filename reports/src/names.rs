//! Names by numbers: what a long table repeats in every line is kept once.

use std::collections::BTreeMap;

/// Names and their numbers, in order of first appearance.
#[derive(Debug, Default)]
pub(crate) struct Names(BTreeMap<String, u32>);

impl Names {
    /// The number of a name, a new one at its first appearance.
    pub(crate) fn number(&mut self, name: &str) -> u32 {
        // Looked up first: `entry` would copy the name of every line.
        if let Some(number) = self.0.get(name) {
            return *number;
        }
        let number = self.0.len() as u32;
        self.0.insert(name.to_owned(), number);
        number
    }

    /// The names by their numbers.
    pub(crate) fn list(self) -> Vec<String> {
        let mut list = vec![String::new(); self.0.len()];
        self.0.into_iter().for_each(|(name, number)| list[number as usize] = name);
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name has one number, and the list has it at that place.
    #[test]
    fn names_keep_their_numbers() {
        let mut names = Names::default();
        assert_eq!(["dqn", "c51", "dqn", ""].map(|name| names.number(name)), [0, 1, 0, 2]);
        assert_eq!(names.list(), ["dqn", "c51", ""]);
    }
}
