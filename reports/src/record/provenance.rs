//! Which code and machine ran a trial, and how long it took.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which code ran a trial, on which kind of processor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Code {
    /// Version of the program.
    pub version: String,
    /// Hash of the sources that the program was built from; records of another fingerprint are not resumed.
    pub fingerprint: String,
    /// Git commit, where the sources lay in a repository.
    pub commit: Option<String>,
    /// Whether the working tree differed from that commit.
    pub dirty: bool,
    /// SHA-256 of the lock file of the dependencies.
    pub lockfile: String,
    /// Version of the compiler.
    pub rustc: String,
    /// Build profile, such as `release`.
    pub profile: String,
    /// Level of optimisation, features of the target, and RUSTFLAGS, which records of earlier versions do not have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flags: Option<String>,
    /// Target triple.
    pub target: String,
    /// Instruction sets.
    pub isa: Isa,
}

/// Instruction sets of the machine. In exact arithmetic they change the speed and no bit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Isa {
    /// Those detected that matter to the kernels, such as `avx2`.
    pub detected: Vec<String>,
    /// The one whose kernels ran.
    pub used: String,
}

/// What kind of machine ran a trial. In exact arithmetic it changes the speed and no bit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Machine {
    /// Model of the processor, where the system tells it.
    pub processor: Option<String>,
    /// Threads that the system lets run at once.
    pub cores: u32,
    /// Memory, GiB, rounded.
    pub memory_gb: Option<u32>,
    /// Operating system.
    pub os: String,
    /// C library, with its version where the library itself tells it; records of earlier versions do not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub libc: Option<String>,
}

/// Clock and memory of one trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Time {
    /// Seconds for the whole trial.
    pub wall_s: f64,
    /// Seconds spent training, evaluations left out.
    pub train_s: f64,
    /// Updates in a second of training.
    pub updates_per_s: Option<f64>,
    /// Largest resident memory of the process, MiB.
    pub peak_memory_mb: Option<f64>,
    /// Trials that ran side by side.
    pub jobs: u32,
}
