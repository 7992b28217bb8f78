//! How often do nominal 95 % intervals from few runs, and from tables fitted to short logs, hold the truth? Tables in
//! Markdown, by seeded simulation.
//!
//! `cargo run --release --example coverage` prints them, `-- --write` writes them to `docs/statistics.md`, `-- --check` fails
//! when the document says otherwise.
//!
//! Scores are normal, or log-normal with σ = 1 and mean 0; tasks differ in nothing. The truth of mean and interquartile
//! mean is 0 for the first, and 0 and that of a million draws for the second.
mod fitted;

use mercato::{
    envs::{Domain, Purpose, Rng},
    reports::stats::{self, Interval},
    resampling,
};

const SIMULATIONS: u32 = 1_000;
const RESAMPLES: u32 = 500;
const RUNS: [usize; 6] = [2, 3, 5, 10, 20, 50];
const TASKS: usize = 6;

/// A score; its mean is 0.
fn score(stream: &mut mercato::envs::rng::Stream, skewed: bool) -> f64 {
    // E exp Z = exp(1/2).
    const MEAN: f64 = 1.648_721_270_700_128_2;
    if skewed { f64::from(stream.log_normal(0.0, 1.0)) - MEAN } else { stream.normal64() }
}

fn main() {
    let mut stream = Rng::new(1, Domain::Statistics).stream(Purpose::STEP);
    let many: Vec<f64> = (0..1_000_000).map(|_| score(&mut stream, true)).collect();
    let skewed_iqm = stats::interquartile_mean(&[many]).unwrap_or(0.0);
    let mut table = String::from(
        "| runs a task | t, 1 task, mean | bootstrap, 1 task, mean | bootstrap, 6 tasks, interquartile mean | t, skewed | bootstrap, skewed, 6 tasks, interquartile mean |\n\
         |--:|--:|--:|--:|--:|--:|\n",
    );
    let mut wrong = String::new();
    for runs in RUNS {
        let mut held = [0u32; 5];
        for simulation in 0..SIMULATIONS {
            let address = Rng::new(2, Domain::Statistics).at(runs as u32, simulation, 0);
            let mut stream = address.stream(Purpose::STEP);
            let mut tasks = |skewed| -> Vec<Vec<f64>> {
                (0..TASKS).map(|_| (0..runs).map(|_| score(&mut stream, skewed)).collect()).collect()
            };
            let (normal, skewed) = (tasks(false), tasks(true));
            let draw = resampling::draw(u64::from(simulation) << 8 | runs as u64);
            let bootstrap = |tasks: &[Vec<f64>], statistic: usize| -> Option<Interval> {
                stats::aggregates(tasks, 0, RESAMPLES, &draw)?[statistic].1
            };
            let intervals = [
                (stats::t_interval(&normal[0]), 0.0),
                (bootstrap(&normal[..1], 1), 0.0),
                (bootstrap(&normal, 0), 0.0),
                (stats::t_interval(&skewed[0]), 0.0),
                (bootstrap(&skewed, 0), skewed_iqm),
            ];
            for (held, (interval, truth)) in held.iter_mut().zip(intervals) {
                *held += u32::from(interval.is_some_and(|ends| ends.low <= truth && truth <= ends.high));
            }
        }
        let shares = held.map(|held| format!("{:.1} %", 100.0 * f64::from(held) / f64::from(SIMULATIONS)));
        table += &format!("| {runs} | {} |\n", shares.join(" | "));
        // What warnings say is what is measured here, in whole per cent.
        for (tasks, held) in [(1, held[1]), (TASKS, held[2])] {
            let told = stats::coverage(runs, tasks).expect("more than one run");
            let measured = f64::from(held) / f64::from(SIMULATIONS);
            if (told.share - measured).abs() > 0.005 || (told.runs, told.tasks) != (runs, tasks) {
                wrong += &format!("warnings say {told:?} for {runs} runs of {tasks} tasks, measured is {measured}\n");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    publish("coverage", &table);
    publish("fitted coverage", &fitted::table());
}

/// Prints the table, or writes it to or compares it with the document at the mark of this name.
fn publish(mark: &str, table: &str) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/statistics.md");
    let text = std::fs::read_to_string(path).expect("the document");
    let start = text.find(&format!("<!-- {mark}:")).expect("the mark is there");
    let start = start + text[start..].find('\n').expect("a line") + 1;
    let end = start + text[start..].find("<!-- end -->").expect("the mark is there");
    match std::env::args().nth(1).as_deref() {
        Some("--write") => {
            std::fs::write(path, format!("{}{table}{}", &text[..start], &text[end..])).expect("written");
        }
        Some("--check") => {
            assert!(text[start..end] == *table, "docs/statistics.md has another table; now it is\n{table}");
            println!("the table `{mark}` in docs/statistics.md is what the simulation gives");
        }
        _ => print!("{table}"),
    }
}
