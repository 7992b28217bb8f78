//! The command line: parse, match, call.
mod cli;

use clap::Parser;
use cli::{Cli, Command};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command.unwrap_or_else(Command::main_job) {
        Command::Envs(command) => cli::envs::run(&command),
        Command::Rollout(command) => cli::rollout::run(&command),
        Command::Train(command) => cli::train::run(&command),
        Command::Run(command) => cli::run::run(&command),
        Command::Eval(command) => cli::eval::run(&command),
        Command::Explain(command) => cli::explain::run(&command),
        Command::Report(command) => cli::report::run(&command),
        Command::Verify(command) => cli::verify::run(&command),
        Command::Diff(command) => cli::diff::run(&command),
        Command::Stats(command) => cli::stats::run(&command),
        Command::Plan(command) => cli::plan::run(&command),
        Command::Ope(command) => cli::ope::run(&command),
        Command::Fit(command) => cli::fit::run(&command),
        Command::Kernels(command) => cli::kernels::run(&command),
        Command::Bench(command) => cli::bench::run(&command),
        Command::Schema(command) => cli::schema::run(&command),
        Command::NewEnv(command) => cli::new_env::run(&command),
        Command::Doctor(command) => cli::doctor::run(&command),
        Command::Completions { shell } => cli::completions(shell),
    };
    result.unwrap_or_else(|error| {
        eprintln!("mercato: {error:#}");
        cli::exit_code(&error)
    })
}
