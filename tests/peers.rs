//! What others published or measured, beside what mercato reaches with the same settings or the same budget: the tables of
//! `docs/performance.md`, made of committed records. `UPDATE=1 cargo test peers` rewrites them.
use crate::generated::{between_marks, published};
use mercato::{
    Experiment, Trial,
    reports::{Record, stats},
};

/// What a plain double DQN written with NumPy scored in two trainings of 20,000 updates with 128 transitions each, out of
/// 320,000; two layers of 64.
const NUMPY: [(&str, &[f64]); 11] = [
    ("rec/markov-interest-v1", &[0.95, 0.99]),
    ("rec/choc-kale-hard-v1", &[0.99, 0.90]),
    ("pricing/inventory-v1", &[0.93, 0.94]),
    ("pricing/yogurt-v1", &[0.82, 0.80]),
    ("pricing/linear-demand-learning-v1", &[0.89, 0.94]),
    ("pricing/reference-price-v1", &[1.00]),
    ("pricing/bertrand-tft-v1", &[1.00]),
    ("ads/budget-pacing-v1", &[0.96, 0.90]),
    ("news/fresh-v1", &[0.98, 1.00]),
    ("education/tutor-v1", &[0.97, 1.01]),
    ("finance/execution-v1", &[1.00]),
];

/// Returns on CartPole-v1 that CleanRL publishes for its `dqn.py` and `c51.py`: the mean and the standard deviation of its
/// seeds, at the end of 500,000 steps, exploration included.
const CLEANRL: [(&str, f64, f64); 2] = [("dqn", 488.69, 16.11), ("c51", 498.51, 1.77)];

/// The records of `name`, which are those that its specification asks for.
fn records(name: &str, spec: &str) -> Vec<Record> {
    let experiment = Experiment::parse(name, spec, &[]).expect("an experiment");
    let mut asked: Vec<String> = experiment.trials().expect("trials").iter().map(Trial::id).collect();
    let records = published(name);
    let mut kept: Vec<String> = records.iter().map(|record| record.trial.clone()).collect();
    asked.sort();
    kept.sort();
    assert!(asked == kept, "{name}: {} trials are asked for, {} are published", asked.len(), kept.len());
    records
}

fn scores(records: &[Record], world: &str) -> Vec<f64> {
    let score = |record: &Record| record.reference.score(record.result().expect("it ended well"));
    records.iter().filter(|record| record.env == world).map(|record| score(record).expect("an optimum")).collect()
}

/// `values` in decimals, with commas.
fn listed(values: &[f64], decimals: usize) -> String {
    values.iter().map(|value| format!("{value:.decimals$}")).collect::<Vec<_>>().join(", ")
}

/// Means, spreads and extremes of ten seeds at the budget of the NumPy program.
#[test]
fn scores_at_the_budget_of_a_plain_dqn() {
    let records = records("same-budget", include_str!("../reports/specs/same-budget.toml"));
    let mut table = String::from(
        "| world | agent | mean (sd) of ten seeds | least, greatest | NumPy |\n|---|---|---:|---:|---:|\n",
    );
    for (world, theirs) in NUMPY {
        let ours = scores(&records, world);
        let agent = &records.iter().find(|record| record.env == world).expect("a record").agent;
        let (mean, sd) = (stats::mean(&ours).expect("seeds"), stats::sd(&ours).expect("seeds"));
        let mut sorted = ours.clone();
        sorted.sort_by(f64::total_cmp);
        let (least, greatest) = (sorted[0], sorted[sorted.len() - 1]);
        let ahead = mean - stats::mean(theirs).expect("a training");
        assert!(ahead > -0.02, "{world}: {ahead:+.3}");
        table += &format!(
            "| `{world}` | `{agent}` | {mean:.3} ({sd:.3}) | {} | {} |\n",
            listed(&[least, greatest], 3),
            listed(theirs, 2)
        );
    }
    between_marks("docs/performance.md", "same-budget", &table);
}

/// Returns of training episodes along the way, with the settings of CleanRL.
#[test]
fn returns_with_the_settings_of_cleanrl() {
    let records = records("cleanrl", include_str!("../reports/specs/cleanrl.toml"));
    let ends = [100_000, 200_000, 300_000, 400_000, 500_000];
    let mut table = String::from("| | transitions to |");
    ends.iter().for_each(|end| table += &format!(" {end} |"));
    table += " published at 500000 |\n|---|---|";
    table += &format!("{}---:|\n", "---:|".repeat(ends.len()));
    for (agent, theirs, spread) in CLEANRL {
        let runs: Vec<&Record> = records.iter().filter(|record| record.agent == agent).collect();
        // The mean return of the training episodes since the point before, exploration included.
        let returns = |end: u64| -> Vec<f64> {
            runs.iter()
                .map(|run| run.training.iter().find(|point| point.step == end).and_then(|point| point.total_reward))
                .map(|value| value.expect("a point of training with episodes"))
                .collect()
        };
        table += &format!("| `{agent}` | mean (sd) of {} seeds |", runs.len());
        for end in ends {
            let values = returns(end);
            let (mean, sd) = (stats::mean(&values).expect("seeds"), stats::sd(&values).expect("seeds"));
            table += &format!(" {mean:.1} ({sd:.1}) |");
        }
        let last = stats::mean(&returns(500_000)).expect("seeds");
        assert!(last >= theirs - spread, "{agent}: {last:.1}");
        table += &format!(" {theirs} ± {spread} |\n");
    }
    between_marks("docs/performance.md", "cleanrl", &table);
}
