//! The README's tables say what the program says. `UPDATE=1 cargo test generated` rewrites them.
use mercato::{agents::spec::PRESETS, envs::ENVS, reports::Summary};
use std::path::Path;

/// Replaces what stands between `<!-- name: … -->` and `<!-- end -->` when UPDATE is set, and compares it otherwise.
fn between_marks(name: &str, table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = std::fs::read_to_string(&path).expect("README.md");
    let start = text.find(&format!("<!-- {name}:")).expect("the mark is there");
    let start = start + text[start..].find('\n').expect("a line") + 1;
    let end = start + text[start..].find("<!-- end -->").expect("the mark is there");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, format!("{}{table}{}", &text[..start], &text[end..])).expect("written");
    } else {
        assert_eq!(&text[start..end], table, "README.md: `UPDATE=1 cargo test generated` rewrites the {name}");
    }
}

/// One test, because the parts rewrite one file.
#[test]
fn the_tables_of_the_readme_are_fresh() {
    let mut worlds = String::from("| world | | action | observation | optimum | random |\n|---|---|---|---|---|---|\n");
    for entry in ENVS {
        let env = entry.one(&Default::default()).expect("the defaults are admissible");
        let (spec, optimum) = (env.spec(), env.optimum());
        let value = match optimum.is_exact() {
            true => format!("{:.3}", optimum.upper),
            false => format!("{:.3} to {:.3}", optimum.lower, optimum.upper),
        };
        worlds += &format!(
            "| `{}` | {} | {} | {} numbers | {value} | {:.3} |\n",
            entry.id,
            entry.about(),
            spec.shape,
            spec.observation,
            optimum.random
        );
    }
    between_marks("worlds", &worlds);

    let mut agents = String::from("| preset | | actions |\n|---|---|---|\n");
    for preset in PRESETS {
        agents += &format!("| `{}` | {} | {} |\n", preset.name, preset.about, preset.space);
    }
    between_marks("agents", &agents);

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/published/full/report.json");
    let text = std::fs::read_to_string(path).expect("the published report");
    let summary: Summary = serde_json::from_str(&text).expect("a report of this schema");
    let mut results =
        String::from("| world | agent | mean return | optimum | score, 95 % interval |\n|---|---|---|---|---|\n");
    for world in &summary.worlds {
        let reference = &world.reference;
        let optimum = match reference.is_exact() {
            true => format!("{:.3}", reference.optimum_upper),
            false => format!("{:.3} to {:.3}", reference.optimum_lower, reference.optimum_upper),
        };
        for cell in summary.cells(world).filter(|cell| cell.learned) {
            let score = cell.score.expect("the optimum is better than random");
            let interval = cell.score_ci.as_ref().expect("ten seeds");
            let score = format!("{score:.3} [{:.3}, {:.3}]", interval.low, interval.high);
            results += &format!("| `{}` | `{}` | {:.3} | {optimum} | {score} |\n", world.env, cell.agent, cell.mean);
        }
    }
    between_marks("results", &results);
}
