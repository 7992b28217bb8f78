//! Every agent in every world: what is published is what the experiment asks for, and the tables in `docs/agents.md` are made
//! of it. `.ci/run` repeats a sample of the trials, in release.
use crate::generated::{between_marks, published};
use mercato::{
    Experiment, Trial,
    agents::spec::PRESETS,
    envs::ENVS,
    proofs::{self, Proof},
    reports::{Record, stats},
};
use std::{collections::BTreeMap, path::Path};

const SPEC: &str = include_str!("../reports/specs/everywhere.toml");

/// Headings and columns.
const TABLES: [(&str, &[&str]); 5] = [
    (
        "Networks over discrete actions",
        &["dqn", "rainbow-lite", "munchausen", "c51", "qr_dqn", "iqn", "rainbow", "article", "two_tower", "myopic"],
    ),
    (
        "Tables and bandits over discrete actions",
        &[
            "tabular_q",
            "most_popular",
            "epsilon_greedy",
            "ucb1",
            "thompson_beta",
            "thompson_gaussian",
            "lin_ucb",
            "lin_ucb_shared",
            "logistic_thompson",
            "myopic",
        ],
    ),
    ("Slates", &["slateq", "cascade_slateq", "top_k_dqn", "cascade_ucb", "myopic"]),
    ("Prices", &["price_grid", "naf", "qt_opt", "explore_then_commit", "thompson_pricing", "myopic"]),
    ("Items and their prices", &["pdqn", "mp_dqn", "mnl_thompson", "myopic"]),
];

#[test]
fn the_published_records_are_those_of_the_experiment() {
    let experiment = Experiment::parse("everywhere.toml", SPEC, &[]).expect("an experiment");
    let mut asked: Vec<String> = experiment.trials().expect("trials").iter().map(Trial::id).collect();
    let mut kept: Vec<String> = published("everywhere").into_iter().map(|record| record.trial).collect();
    asked.sort();
    kept.sort();
    assert!(asked == kept, "{} trials are asked for, {} are published", asked.len(), kept.len());
}

/// Every agent has two sentinels with demands, but those that need a log or a limit.
#[test]
fn every_agent_has_its_sentinels() {
    let text = include_str!("../reports/specs/sentinels.toml");
    let experiment = Experiment::parse("sentinels.toml", text, &[]).expect("an experiment");
    experiment.trials().expect("trials");
    let entries: Vec<_> = experiment.worlds.iter().flat_map(|world| &world.agents).collect();
    assert!(
        entries.iter().all(|entry| entry.at_least.is_some_and(|score| score > 0.0)),
        "each has a demand above chance"
    );
    for preset in PRESETS.iter().filter(|preset| !["cql", "bcq", "lagrangian"].contains(&preset.name)) {
        let worlds = entries.iter().filter(|entry| entry.preset == preset.name).count();
        assert!(worlds >= 2, "{} has {worlds} sentinels", preset.name);
    }
}

/// What came of every agent in every world: means over the seeds with Student's intervals, in the order of the columns. A run
/// that did not end well counts as the random policy.
fn found() -> Vec<Proof> {
    let records = published("everywhere");
    let mut seeds: BTreeMap<(&str, &str), Vec<&Record>> = BTreeMap::new();
    for record in &records {
        let agent = record.agent.as_str();
        assert!(TABLES.iter().any(|(_, agents)| agents.contains(&agent)), "{agent} is in no table");
        seeds.entry((&record.env, agent)).or_default().push(record);
    }
    let mut found: Vec<Proof> = Vec::new();
    let agents = TABLES.iter().flat_map(|(_, agents)| *agents);
    for (world, agent) in ENVS.iter().flat_map(|entry| agents.clone().map(|agent| (entry.id, *agent))) {
        let Some(records) = seeds.remove(&(world, agent)) else { continue };
        let reference = &records[0].reference;
        let values: Vec<f64> = records.iter().map(|record| record.result().unwrap_or(reference.random)).collect();
        let score = |value| reference.score(value).expect("the optimum is better than random");
        let interval = stats::t_interval(&values).expect("ten seeds");
        let mean = stats::mean(&values).expect("ten seeds");
        found.push(Proof {
            world: world.into(),
            agent: agent.into(),
            learned: records[0].learned,
            transitions: records[0].budget,
            seeds: records.len(),
            mean,
            score: score(mean),
            interval: [score(interval.low), score(interval.high)],
        });
    }
    found
}

/// The figures with their intervals beside the records, and mean scores in the document, the best of a line in bold.
#[test]
fn the_tables_of_agents_are_fresh() {
    let found = found();
    let lines = format!("{}\n{}", proofs::HEAD, found.iter().map(Proof::line).collect::<String>());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/published/everywhere/table.tsv");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &lines).expect("written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == lines, "reports/published/everywhere/table.tsv: `UPDATE=1 cargo test everywhere` rewrites it");
    let score = |world: &str, agent: &str| {
        found.iter().find(|found| found.world == world && found.agent == agent).map(|found| found.score)
    };
    let mut text = String::new();
    for (heading, agents) in TABLES {
        text += &format!("\n### {heading}\n\n| |");
        agents.iter().for_each(|agent| text += &format!(" `{agent}` |"));
        text += &format!("\n|---|{}\n", "---:|".repeat(agents.len()));
        let learns = |world: &&str| agents.iter().any(|agent| *agent != "myopic" && score(world, agent).is_some());
        for world in ENVS.iter().map(|entry| entry.id).filter(learns) {
            let scores: Vec<Option<f64>> = agents.iter().map(|agent| score(world, agent)).collect();
            let best = scores.iter().flatten().copied().reduce(|best, score| if score > best { score } else { best });
            let cells = scores.iter().map(|score| match score {
                Some(score) if Some(*score) == best => format!(" **{score:.2}** |"),
                Some(score) => format!(" {score:.2} |"),
                None => "  |".into(),
            });
            text += &format!("| `{world}` |{}\n", cells.collect::<String>());
        }
    }
    text += "\n";
    between_marks("docs/agents.md", "scores", &text);
}
