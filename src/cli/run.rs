//! `mercato run SPEC`, and what `mercato` alone does.
use super::{DeviceName, Format, KernelsName, MathName, Output, print, print_json, progress::Bars, table::Table};
use anyhow::{Context, Result};
use clap::Args;
use mercato::{
    Experiment, Trial,
    experiment::{Seeds, shortfalls},
    kernels::Math,
    reports::{Record, Summary, record::Status},
    runner::Runner,
    trial::Device,
};
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
};

/// Options of `mercato run`.
#[derive(Args)]
pub struct Run {
    /// A TOML file, or `quick` or `full`
    spec: String,
    /// Change the experiment, KEY=VALUE: evaluation.episodes=100, worlds.*.steps=1000
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Seeds instead of the experiment's: 0..10, or one number
    #[arg(long)]
    seeds: Option<String>,
    /// Print what would be run, and a hash of it, and run nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    output: Output,
}

/// Where and how trials are run.
#[derive(Args)]
pub struct Place {
    /// Trials side by side [default: one per core]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1024))]
    jobs: Option<u32>,
    /// Where to compute
    #[arg(long, value_enum, default_value = "cpu")]
    device: DeviceName,
    /// How products are computed [default: the experiment's; else exact on the processor, fast on a GPU]
    #[arg(long, value_enum)]
    math: Option<MathName>,
    /// Where the kernels of a GPU come from
    #[arg(long, value_enum, default_value = "shipped")]
    kernels: KernelsName,
    /// Folder of the results [default: runs/NAME]
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Write event files for TensorBoard
    #[arg(long)]
    tensorboard: bool,
    /// Write what every update looked like to trace/TRIAL.csv in the folder
    #[arg(long)]
    trace: bool,
    /// Remove the folder's records and half-finished trials first, and repeat every trial
    #[arg(long)]
    fresh: bool,
}

impl Run {
    /// `mercato run quick`.
    pub fn quick() -> Self {
        let place = Place {
            jobs: None,
            device: DeviceName::Cpu,
            math: None,
            kernels: KernelsName::Shipped,
            out: None,
            tensorboard: false,
            trace: false,
            fresh: false,
        };
        let output = Output { format: Format::Text };
        Run { spec: "quick".into(), set: Vec::new(), seeds: None, dry_run: false, place, output }
    }

    /// The command that makes the same records.
    fn command(&self) -> String {
        let mut command = format!("mercato run {}", quoted(&self.spec));
        self.set.iter().for_each(|assignment| command += &format!(" --set {}", quoted(assignment)));
        self.seeds.iter().for_each(|seeds| command += &format!(" --seeds {}", quoted(seeds)));
        command
    }
}

/// Runs the experiment, writes its report and prints its table.
pub fn run(command: &Run) -> Result<ExitCode> {
    let mut experiment = Experiment::load(&command.spec, &command.set)?;
    if let Some(seeds) = &command.seeds {
        experiment.seeds = Seeds::Range(seeds.clone());
    }
    let math = command.place.math(experiment.math)?;
    experiment.math = Some(math);
    let trials = experiment.trials()?;
    if command.dry_run {
        return dry_run(&experiment, &trials, command.output.format);
    }
    let folder = folder(&command.place, &experiment.name);
    let records = execute(&experiment.name, &trials, math, &command.place, &folder)?;
    let again = command.command() + &with_math(math);
    let summary = mercato::report::write(&folder, &records, &experiment.title, &again)?;
    let shown = show(&summary, &records, &folder, command.output.format)?;
    let shortfalls = shortfalls(&trials, &records);
    shortfalls.iter().for_each(|shortfall| eprintln!("{shortfall}"));
    Ok(if shortfalls.is_empty() || shown != ExitCode::SUCCESS { shown } else { ExitCode::from(3) })
}

/// `argument` as a shell reads it back.
pub fn quoted(argument: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._/=-,:+".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) {
        argument.into()
    } else {
        format!("'{}'", argument.replace('\'', r"'\''"))
    }
}

impl Place {
    /// Where that is.
    fn device(&self) -> Device {
        match self.device {
            DeviceName::Cpu => Device::Cpu,
            DeviceName::Cuda => Device::Cuda { kernels: self.kernels.into() },
        }
    }

    /// The arithmetic, where an experiment wants `usual`.
    pub fn math(&self, usual: Option<Math>) -> Result<Math> {
        Ok(self.device().math(self.math.map(Math::from).or(usual))?)
    }
}

/// What a command needs so that it computes like this: nothing, where every device can.
pub fn with_math(math: Math) -> String {
    if math == Math::Exact { String::new() } else { format!(" --device cuda --math {}", math.name()) }
}

/// The folder of the results.
pub fn folder(place: &Place, name: &str) -> PathBuf {
    place.out.clone().unwrap_or_else(|| Path::new("runs").join(name))
}

/// Trials side by side: so many, or one per core.
pub fn jobs(asked: Option<u32>) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    asked.map_or_else(cores, |jobs| jobs as usize)
}

/// Set by the first Ctrl-C; the second one ends the program at once.
pub fn stop_on_ctrl_c() -> Result<&'static AtomicBool> {
    static STOP: AtomicBool = AtomicBool::new(false);
    ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    })
    .context("cannot listen for Ctrl-C")?;
    Ok(&STOP)
}

/// Runs `trials` under progress bars; Ctrl-C stops where everything can go on.
pub fn execute(name: &str, trials: &[Trial], math: Math, place: &Place, folder: &Path) -> Result<Vec<Record>> {
    let device = place.device();
    device.check(math)?;
    let (jobs, stop) = (jobs(place.jobs), stop_on_ctrl_c()?);
    let bars = Bars::new(jobs, trials.iter().map(|trial| trial.steps).sum());
    let Place { tensorboard, trace, .. } = *place;
    let runner = Runner { folder, experiment: name, jobs, tensorboard, trace, device, stop, observer: &bars };
    if place.fresh {
        for path in [runner.records_path(), folder.join("resume")].iter().filter(|path| path.exists()) {
            let removed = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
            removed.with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    let records = runner.run(trials);
    bars.clear();
    Ok(records?)
}

/// Prints the table of results and where the report is; trials that failed or diverged make the exit code 1.
pub fn show(summary: &Summary, records: &[Record], folder: &Path, format: Format) -> Result<ExitCode> {
    if format == Format::Json {
        print(&summary.to_json())?;
    } else {
        let heading = format!("{}\n\n", summary.title);
        let report = folder.join("report.html");
        print(&format!("{heading}{}\nreport: {}\n", results(summary), report.display()))?;
    }
    let bad = records.iter().filter(|record| record.status != Status::Ok).count();
    if bad > 0 {
        eprintln!("{bad} of {} trials did not end well; the report shows them", records.len());
        return Ok(ExitCode::from(1));
    }
    Ok(ExitCode::SUCCESS)
}

/// World, agent, mean, score and regret, a line each.
fn results(summary: &Summary) -> String {
    let mut table = Table::new(&["world", "agent", "n", "mean", "score", "95 % interval", "regret", "status"]);
    let number =
        |value: Option<f64>, decimals: usize| value.map_or("–".into(), |value| format!("{value:.decimals$}"));
    for cell in &summary.results {
        let interval = cell.score_ci.as_ref().map(|ci| format!("{:.3} to {:.3}", ci.low, ci.high));
        let bad = match (cell.diverged, cell.failed) {
            (0, 0) => "ok".into(),
            (diverged, failed) => format!("{diverged} diverged, {failed} failed"),
        };
        table.row([
            cell.world.clone(),
            cell.agent.clone(),
            cell.n.to_string(),
            number(Some(cell.mean), 4),
            number(cell.score, 3),
            interval.unwrap_or("–".into()),
            number(Some(cell.regret), 4),
            bad,
        ]);
    }
    table.text(&[2, 3, 4, 5, 6])
}

fn dry_run(experiment: &Experiment, trials: &[Trial], format: Format) -> Result<ExitCode> {
    let ids: Vec<String> = trials.iter().map(Trial::id).collect();
    let hash = Trial::hash_of(&ids);
    if format == Format::Json {
        let trials: Vec<_> = trials.iter().map(|trial| json!({ "id": trial.id(), "config": trial.config() })).collect();
        return print_json(&json!({ "schema": 1, "name": experiment.name, "config_hash": hash, "trials": trials }));
    }
    let mut table = Table::new(&["trial", "world", "agent", "seed", "transitions"]);
    for (id, trial) in ids.into_iter().zip(trials) {
        table.row([id, trial.env.clone(), trial.agent.clone(), trial.seed.to_string(), trial.steps.to_string()]);
    }
    print(&format!("{}\n{} trials, config hash {hash}; nothing was run\n", table.text(&[3, 4]), trials.len()))
}
