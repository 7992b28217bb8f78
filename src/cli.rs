//! Commands, their options, and what they exit with.
use anyhow::Result;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use mercato::{
    Error,
    kernels::{KernelSource, Math},
    reports::TableError,
};
use std::{
    io::{ErrorKind, Write},
    process::ExitCode,
};

pub mod bench;
pub mod diff;
pub mod doctor;
pub mod envs;
pub mod eval;
pub mod explain;
pub mod fit;
pub mod kernels;
pub mod new_env;
pub mod ope;
pub mod plan;
pub mod progress;
pub mod report;
pub mod rollout;
pub mod run;
pub mod schema;
pub mod stats;
pub mod table;
pub mod train;
pub mod verify;

/// Synthetic user-behaviour worlds with known optima, and a DQN family on hand-written kernels.
///
/// Without a command: the quick suite, as `mercato run quick`.
#[derive(Parser)]
#[command(version, propagate_version = true, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
}

const EXIT_CODES: &str = "Exit codes: 0 good; 1 failed; 2 usage or configuration; \
    3 not as recorded, bits of a world differ, a kernel got worse, or a demanded score was not reached; \
    4 ambiguous; 5 backend or tool missing; 6 incomplete; 130 interrupted.\n\
    stdout carries the result; progress and messages go to stderr.";

#[derive(Subcommand)]
pub enum Command {
    /// The table of worlds, or one world's page
    Envs(envs::Envs),
    /// Play a reference policy or a constant action, and say what it earns
    Rollout(rollout::Rollout),
    /// Train one agent in one world
    Train(train::Train),
    /// Run an experiment: a TOML file, or `quick` or `full`; goes on where it was stopped
    Run(run::Run),
    /// Evaluate a checkpoint
    Eval(eval::Eval),
    /// Why a checkpoint's agent does what it does: its action values, and by how much the best one is ahead
    Explain(explain::Explain),
    /// Make the report of a folder again, from all records in it
    Report(report::Report),
    /// Run the trials of a folder again and compare every bit
    Verify(verify::Verify),
    /// What changed from one folder of records to another
    Diff(diff::Diff),
    /// Compare anybody's scores: aggregates, profiles, tests, each with its interval
    Stats(stats::Stats),
    /// How many runs a claim needs, before they are spent
    Plan(plan::Plan),
    /// Off-policy evaluation: what a policy would have earned, from a log of another one
    Ope(ope::Ope),
    /// Estimate a model from data
    #[command(subcommand)]
    Fit(fit::Fit),
    /// The CUDA kernels, what they cost, and whether that got worse
    #[command(subcommand)]
    Kernels(kernels::Kernels),
    /// Times of two revisions, measured in turns
    #[command(subcommand)]
    Bench(bench::Bench),
    /// The JSON Schema of what the program writes
    Schema(schema::Schema),
    /// Write a crate with a world of your own that compiles, to be changed
    NewEnv(new_env::NewEnv),
    /// What this machine has
    Doctor(doctor::Doctor),
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

impl Command {
    /// What `mercato` alone does.
    pub fn main_job() -> Self {
        Command::Run(run::Run::quick())
    }
}

/// How a result is printed.
#[derive(Args, Clone, Copy)]
pub struct Output {
    /// How the result is printed
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// Forms of a result.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// For programs, with a schema number
    Json,
}

/// The device to compute on.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DeviceName {
    /// This machine's processor
    Cpu,
    /// An NVIDIA GPU
    Cuda,
}

/// How products are computed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MathName {
    /// By our own kernels, with the bits of the processor
    Exact,
    /// By cuBLAS, on a GPU
    Fast,
    /// By cuBLAS on tensor cores, with factors of 11 bits
    Tf32,
}

impl From<MathName> for Math {
    fn from(name: MathName) -> Self {
        match name {
            MathName::Exact => Math::Exact,
            MathName::Fast => Math::Fast,
            MathName::Tf32 => Math::Tf32,
        }
    }
}

/// Where the kernels of a GPU come from.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KernelsName {
    /// The PTX that is part of this program
    Shipped,
    /// Compiled now by NVRTC, for the GPU's own architecture
    Nvrtc,
}

impl From<KernelsName> for KernelSource {
    fn from(name: KernelsName) -> Self {
        match name {
            KernelsName::Shipped => KernelSource::Shipped,
            KernelsName::Nvrtc => KernelSource::Nvrtc,
        }
    }
}

/// Writes a result to stdout; a reader that went away is no error.
pub fn print(text: &str) -> Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Prints `value` as indented JSON.
pub fn print_json(value: &serde_json::Value) -> Result<ExitCode> {
    print(&format!("{value:#}\n"))
}

/// Prints completions for `shell`.
pub fn completions(shell: clap_complete::Shell) -> Result<ExitCode> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "mercato", &mut text);
    print(&String::from_utf8_lossy(&text))
}

/// The exit code that `error` is documented with.
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    let code = error.chain().find_map(|cause| {
        if cause.is::<kernels::Worse>() {
            return Some(3);
        }
        if cause.is::<kernels::MissingCounter>() {
            return Some(5);
        }
        if let Some(error) = cause.downcast_ref::<TableError>() {
            return Some(if matches!(error, TableError::Read(_)) { 1 } else { 2 });
        }
        if cause.is::<mercato::envs::fit::Error>() {
            return Some(2);
        }
        let cause = cause.downcast_ref::<Error>()?;
        Some(match cause {
            Error::Record(mercato::reports::RecordError::Truncated { .. }) => 6,
            Error::File { .. }
            | Error::Record(_)
            | Error::Report(_)
            | Error::Defect(_)
            | Error::Busy(_)
            | Error::Program { .. }
            | Error::Agent(mercato::agents::Error::File { .. }) => 1,
            Error::Spec { .. } | Error::PublishedOverRun(_) | Error::Env(_) | Error::Agent(_) => 2,
            Error::Kernel(_) | Error::Tool(_) => 5,
            Error::Interrupted => 130,
        })
    });
    ExitCode::from(code.unwrap_or(1))
}
