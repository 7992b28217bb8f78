//! What can go wrong between an experiment and its records, with the remedy in the message.

/// Errors of experiments and their runs.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An experiment file that cannot be understood.
    #[error("{path}: {problem}")]
    Spec {
        /// The file, or the name of an embedded suite.
        path: String,
        /// What is wrong with it, with line and column where they are known.
        problem: String,
    },
    /// A file that could not be read or written.
    #[error("{path}: {cause}")]
    File {
        /// The file.
        path: String,
        /// The operating system's error: told in the message, so not also as the error's `source`.
        cause: std::io::Error,
    },
    /// Another process writes to the folder.
    #[error("another mercato is writing to {0}; wait for it, or choose another folder with --out")]
    Busy(String),
    /// What is published would lie beside the records of a run.
    #[error("{0} is the folder of a run; publish to another one, since its records.jsonl would hide what is published")]
    PublishedOverRun(String),
    /// Stopped by Ctrl-C; what was running can be resumed.
    #[error("interrupted; the same command goes on from here")]
    Interrupted,
    /// A program that is needed is not here.
    #[error("{0}; check that it is installed and on the PATH")]
    Tool(String),
    /// A program that was started did not end well.
    #[error("{name} failed: {told}")]
    Program {
        /// The program.
        name: String,
        /// The end of what it said.
        told: String,
    },
    /// A panic that could not even become a record.
    #[error("{0}")]
    Defect(String),
    /// An error of a world.
    #[error(transparent)]
    Env(#[from] envs::Error),
    /// An error of an agent.
    #[error(transparent)]
    Agent(agents::Error),
    /// An error of a device.
    #[error(transparent)]
    Kernel(#[from] kernels::Error),
    /// An error of the records or the report.
    #[error(transparent)]
    Record(#[from] reports::record::RecordError),
    /// A report that could not be made.
    #[error(transparent)]
    Report(#[from] reports::ReportError),
}

impl From<agents::Error> for Error {
    /// Unwraps what an agent only passed on, so that a cause has one place in this list.
    fn from(error: agents::Error) -> Self {
        match error {
            agents::Error::Env(error) => Error::Env(error),
            agents::Error::Kernel(error) => Error::Kernel(error),
            error => Error::Agent(error),
        }
    }
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of the file system at `path`.
pub(crate) fn file(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.display().to_string();
    move |cause| Error::File { path, cause }
}
