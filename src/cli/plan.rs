//! `mercato plan`: how many runs a claim needs, before they are spent.
use super::{Format, Output, print, print_json, stats::positive, table::Table};
use anyhow::Result;
use clap::Args;
use mercato::reports::stats;
use serde_json::json;
use std::process::ExitCode;

/// Options of `mercato plan`.
#[derive(Args)]
pub struct Plan {
    /// The difference to be found, in standard deviations over runs
    #[arg(long, default_value_t = 1.0, value_parser = positive)]
    effect: f64,
    /// Probability of finding it
    #[arg(long, default_value_t = 0.8, value_parser = within)]
    power: f64,
    /// Comparisons that the claim is one of
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    family: u32,
    /// Largest probability of claiming a difference that is not there, over the family
    #[arg(long, default_value_t = 0.05, value_parser = within)]
    alpha: f64,
    #[command(flatten)]
    output: Output,
}

fn within(text: &str) -> Result<f64, String> {
    let value: Option<f64> = text.parse().ok().filter(|value: &f64| *value > 0.0 && *value < 1.0);
    value.ok_or_else(|| "it must be between 0 and 1, without the ends".into())
}

/// Numbers of runs for which the detectable effect is shown.
const SHOWN: [u32; 7] = [3, 5, 10, 15, 20, 30, 50];

/// Measured coverage of the bootstrap with so many runs, on one task and over six.
fn coverage(runs: u32) -> [Option<f64>; 2] {
    [1, 6].map(|tasks| stats::coverage(runs as usize, tasks).map(|coverage| coverage.share))
}

/// Computes and prints.
pub fn run(command: &Plan) -> Result<ExitCode> {
    // The smallest p of a family must pass the level divided by its size: the test that Holm begins with.
    let alpha = command.alpha / f64::from(command.family);
    let runs = stats::runs_for(command.effect, command.power, alpha);
    let ranks = (2..=10_000usize).find(|n| stats::smallest_p(*n, *n) <= alpha);
    let detectable = SHOWN.map(|n| {
        (n, stats::detectable_effect([n, n], command.power, alpha), stats::smallest_p(n as usize, n as usize))
    });
    if command.output.format == Format::Json {
        let detectable: Vec<_> = (detectable.iter())
            .map(|(n, effect, floor)| {
                let [one_task, six_tasks] = coverage(*n);
                json!({
                    "runs": n,
                    "effect": effect.map(stats::rounded),
                    "smallest_rank_p": floor,
                    "coverage": six_tasks,
                    "coverage_one_task": one_task,
                })
            })
            .collect();
        return print_json(&json!({
            "schema": 1,
            "effect": command.effect,
            "power": command.power,
            "family": command.family,
            "alpha": command.alpha,
            "runs": runs,
            "runs_for_rank_tests": ranks,
            "detectable": detectable,
        }));
    }
    let count = |runs: Option<String>| runs.unwrap_or("more than can be planned for".into());
    let mut text = format!(
        "runs for each algorithm: {} (two-sided Welch test, effect {} sd, power {}, level {} over {} comparisons)\n",
        count(runs.map(|runs| runs.to_string())),
        command.effect,
        command.power,
        command.alpha,
        command.family
    );
    text += &format!(
        "a test by ranks or permutation can pass that level with {} or more\n\n",
        count(ranks.map(|runs| runs.to_string()))
    );
    let mut table = Table::new(&[
        "runs",
        "detectable effect, sd",
        "smallest p by ranks",
        "coverage of 95 % bootstrap: 1 task",
        "6 tasks",
    ]);
    for (n, effect, floor) in detectable {
        let [one_task, six_tasks] =
            coverage(n).map(|share| share.map_or("–".into(), |share| format!("{:.0} %", 100.0 * share)));
        table.row([
            n.to_string(),
            effect.map_or("–".into(), |effect| format!("{effect:.2}")),
            format!("{floor:.2e}"),
            one_task,
            six_tasks,
        ]);
    }
    text += &table.text(&[0, 1, 2, 3, 4]);
    text += "\nA pilot's standard deviation is itself uncertain: plan with the upper end of its interval. Settings are \
             tuned on other seeds than those that are reported.\n";
    print(&text)
}
