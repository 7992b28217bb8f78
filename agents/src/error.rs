//! What can go wrong, with the remedy in the message.

/// Errors of agents.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No agent or preset has this name.
    #[error("unknown agent `{name}`; nearest: {nearest}")]
    UnknownAgent {
        /// The name asked for.
        name: String,
        /// The most similar names.
        nearest: String,
    },
    /// The agent has no such setting.
    #[error("agent `{agent}` has no setting `{key}`; nearest: {nearest}")]
    UnknownSetting {
        /// The agent.
        agent: String,
        /// The key given.
        key: String,
        /// The most similar keys.
        nearest: String,
    },
    /// A setting has a value that is not admissible.
    #[error("agent setting `{name}` is {value}; it must be {range}")]
    Setting {
        /// The setting.
        name: String,
        /// The value given.
        value: String,
        /// The admissible range, in words.
        range: String,
    },
    /// The agent cannot act in this world.
    #[error("`{agent}` needs {needs}; {env} has {has}")]
    Space {
        /// The agent.
        agent: &'static str,
        /// The action space it can handle.
        needs: &'static str,
        /// The world.
        env: &'static str,
        /// The world's action space.
        has: String,
    },
    /// An observation that the agent cannot read.
    #[error("`{agent}` cannot read `{field}`: {problem}")]
    Observation {
        /// The agent.
        agent: &'static str,
        /// The named part of the observation.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// An agent that cannot learn from a log.
    #[error(
        "this agent learns only from what it does itself; from a log learn those with a network over discrete actions, such \
         as dqn, cql and bcq"
    )]
    OwnSteps,
    /// An agent whose policy cannot be judged from a log.
    #[error(
        "the policy of this agent cannot be judged from a log; those of dqn, c51, qr_dqn, iqn, cql, bcq and lagrangian can"
    )]
    NotJudged,
    /// A loss or weight is no longer finite.
    #[error("diverged: {what} is {value} after {updates} updates")]
    Diverged {
        /// What was looked at.
        what: &'static str,
        /// Its value.
        value: f32,
        /// How many updates had been made.
        updates: u64,
    },
    /// A checkpoint that cannot be read or does not fit.
    #[error("checkpoint {path}: {problem}")]
    Checkpoint {
        /// The file.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A file that could not be read or written.
    #[error("{path}: {cause}")]
    File {
        /// The file.
        path: String,
        /// The operating system's error.
        cause: std::io::Error,
    },
    /// An evaluation was told to stop.
    #[error("interrupted")]
    Interrupted,
    /// An error of the world.
    #[error(transparent)]
    Env(#[from] envs::Error),
    /// An error of the device.
    #[error(transparent)]
    Kernel(#[from] kernels::Error),
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// A setting's error.
pub(crate) fn setting(name: &str, value: impl std::fmt::Display, range: &str) -> Error {
    Error::Setting { name: name.into(), value: value.to_string(), range: range.into() }
}

/// For `Config::validate`: that `value` lies in [`low`, `high`].
pub(crate) fn between<T: PartialOrd + std::fmt::Display>(name: &str, value: T, low: T, high: T) -> Result<()> {
    if value >= low && value <= high {
        return Ok(());
    }
    Err(setting(name, value, &format!("between {low} and {high}")))
}
