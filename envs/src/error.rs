//! What can go wrong, with the remedy in the message.
use crate::space::Fault;

/// Errors of worlds and their registry.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No world has this id.
    #[error("unknown environment `{id}`; nearest: {nearest} (`mercato envs` lists all)")]
    UnknownEnv {
        /// The id asked for.
        id: String,
        /// The most similar ids, separated by commas.
        nearest: String,
    },
    /// The world has no such parameter.
    #[error("`{env}` has no parameter `{key}`; nearest: {nearest}")]
    UnknownParameter {
        /// The world.
        env: String,
        /// The key given.
        key: String,
        /// The most similar keys, or a remark that there are none.
        nearest: String,
    },
    /// A parameter has a value that is not admissible.
    #[error("parameter `{name}` is {value}; it must be {range}")]
    Parameter {
        /// The parameter.
        name: String,
        /// The value given.
        value: String,
        /// The admissible range, in words.
        range: String,
    },
    /// A `key=value` pair that is none.
    #[error("`{0}` is not of the form key=value")]
    Assignment(String),
    /// The world has no such reference policy.
    #[error("`{env}` has no reference policy `{policy}`; it has: {policies}")]
    UnknownPolicy {
        /// The world.
        env: String,
        /// The policy asked for.
        policy: String,
        /// The ones it has.
        policies: String,
    },
    /// An action outside its space; nothing has been stepped.
    #[error("action of row {row}: {fault}; no row was stepped")]
    Action {
        /// The offending row.
        row: usize,
        /// What is wrong with it.
        fault: Fault,
    },
    /// A batch of the wrong shape.
    #[error("{what} has {found} entries, expected {expected}")]
    Length {
        /// Which buffer.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length that the specification asks for.
        expected: usize,
    },
    /// A world of one's own that failed, in its own words.
    #[error("{0}")]
    External(String),
    /// A saved state that does not belong to this vector.
    #[error("saved state does not fit: {0}")]
    Restore(String),
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// A parameter's error, for `Env::validate`.
pub fn parameter(name: &str, value: impl std::fmt::Display, range: &str) -> Error {
    Error::Parameter { name: name.into(), value: value.to_string(), range: range.into() }
}

/// For `Env::validate`: that `value` lies in [`low`, `high`].
///
/// # Errors
/// Names the parameter, its value and the ends.
pub fn between<T: PartialOrd + std::fmt::Display>(name: &str, value: T, low: T, high: T) -> Result<()> {
    if value >= low && value <= high {
        return Ok(());
    }
    Err(parameter(name, value, &format!("between {low} and {high}")))
}

/// The candidates most similar to `word`, best first, at most three; empty when none is near.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut scored: Vec<(f64, &str)> =
        candidates.into_iter().map(|candidate| (strsim::jaro_winkler(word, candidate), candidate)).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.into_iter().filter(|(score, _)| *score > 0.6).take(3).map(|(_, candidate)| candidate).collect()
}
