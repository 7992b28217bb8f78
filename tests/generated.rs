//! The README's tables, the kernels' and the worlds' pages say what the program says. `UPDATE=1 cargo test generated` rewrites them.
use mercato::{
    agents::spec::PRESETS,
    envs::{Actions, ENVS, Entry, Optimum, Params, Slot, Stage, Start, VectorEnv},
    kernels::{
        counts::{Table, least},
        statics::{self, ARCHITECTURES, Occupancy},
    },
    proofs::{self, Proof},
    reports::{Line, Record, Summary, episode_chart, read_records, stats, summarise, summary::Cell},
    resampling,
};
use std::{
    path::{Path, PathBuf},
    sync::LazyLock,
};

/// Replaces what stands between `<!-- name: … -->` and `<!-- end -->` of a file when UPDATE is set, and compares it otherwise.
pub fn between_marks(file: &str, name: &str, table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
    let start = text.find(&format!("<!-- {name}:")).expect("the mark is there");
    let start = start + text[start..].find('\n').expect("a line") + 1;
    let end = start + text[start..].find("<!-- end -->").expect("the mark is there");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, format!("{}{table}{}", &text[..start], &text[end..])).expect("written");
    } else {
        assert_eq!(&text[start..end], table, "{file}: `UPDATE=1 cargo test generated` rewrites the {name}");
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
    between_marks("README.md", "worlds", &worlds);

    let mut agents = String::from("| preset | | actions |\n|---|---|---|\n");
    for preset in PRESETS {
        agents += &format!("| `{}` | {} | {} |\n", preset.name, preset.about, preset.space);
    }
    between_marks("README.md", "agents", &agents);

    let summary = full_suite();
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
    between_marks("README.md", "results", &results);
}

/// One test, because the parts rewrite one file.
#[test]
fn the_tables_of_the_kernels_are_fresh() {
    let counts = Table::parse(include_str!("../kernels/counts.txt")).expect("the committed counts");
    let mut sectors =
        String::from("| kernel | case | read / least | | written / least | |\n|---|---|---:|---:|---:|---:|\n");
    let mut all = String::from(
        "| case | kernel | warp instructions | sectors a load | sectors a store | wavefronts a request | \
         divergent branches | barriers | atomics |\n|---|---|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    let mut products =
        String::from("| case | kernel | warp instructions | fused | a fused one |\n|---|---|---:|---:|---:|\n");
    for (case, kernel) in counts.rows.keys() {
        let of = |metric| counts.count(case, kernel, metric).expect("a column");
        let per = |count, requests| match of(requests) {
            0 => String::new(),
            requests => format!("{:.2}", of(count) as f64 / requests as f64),
        };
        if let Some([read, written]) = least(case, kernel) {
            let (loads, stores) = (of("global_load_sectors"), of("global_store_sectors"));
            let ratio = |sectors: u64, least: u64| format!("{:.3}", sectors as f64 / least as f64);
            let (in_, out) = (ratio(loads, read), ratio(stores, written));
            sectors += &format!("| `{kernel}` | {case} | {loads} / {read} | {in_} | {stores} / {written} | {out} |\n");
        }
        if kernel.starts_with("gemm_") {
            let (instructions, fused) = (of("warp_instructions"), of("fma_instructions"));
            let ratio = instructions as f64 / fused as f64;
            products += &format!("| {case} | `{kernel}` | {instructions} | {fused} | {ratio:.3} |\n");
        }
        all += &format!(
            "| {case} | `{kernel}` | {} | {} | {} | {} | {} | {} | {} |\n",
            of("warp_instructions"),
            per("global_load_sectors", "global_load_requests"),
            per("global_store_sectors", "global_store_requests"),
            per("shared_wavefronts", "shared_requests"),
            of("divergent_branches"),
            of("barriers"),
            of("atomics")
        );
    }
    let assembled = statics::committed().expect("the committed registers");
    let mut occupancy =
        format!("| kernel | threads a block | {} |\n|---|---:|---|---|---|\n", ARCHITECTURES.join(" | "));
    for kernel in assembled.iter().filter(|row| row.architecture == ARCHITECTURES[0]).map(|row| &row.kernel) {
        let warps = counts.warps_a_block(kernel).expect("a case of every kernel");
        occupancy += &format!("| `{kernel}` | {} |", 32 * warps);
        for row in assembled.iter().filter(|row| row.kernel == *kernel) {
            let Occupancy { warps, of, limit } = Occupancy::of(row, warps).expect("it can be launched");
            occupancy += &format!(" {}; {warps} of {of}, {limit} |", row.registers);
        }
        occupancy += "\n";
    }
    between_marks("docs/kernels.md", "occupancy", &occupancy);
    between_marks("docs/kernels.md", "products", &products);
    between_marks("docs/kernels.md", "sectors", &sectors);
    between_marks("docs/kernels.md", "counts", &all);
}

/// Records of a publication, in the order of their files.
pub fn published(name: &str) -> Vec<Record> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/published").join(name).join("records");
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(&folder).expect("published records").map(|entry| entry.expect("a file").path()).collect();
    paths.sort();
    paths.iter().flat_map(|path| read_records(path).expect("records")).collect()
}

/// Mean of `value` over `records`, and half of its 95 % interval by Student's t.
fn over_seeds(records: &[&Record], value: impl Fn(&Record) -> f64) -> String {
    let values: Vec<f64> = records.iter().map(|record| value(record)).collect();
    let mean = stats::mean(&values).expect("there are seeds");
    match stats::t_interval(&values) {
        Some(interval) => format!("{mean:.3} ± {:.3}", 0.5 * (interval.high - interval.low)),
        None => format!("{mean:.3}"),
    }
}

/// What a learnt price reaches beside the exact program, and the price itself.
#[test]
fn the_table_of_constraints_is_fresh() {
    let records = published("constraints");
    let mut table = String::from("| | seeds | clicks | share of exposure | multiplier |\n|---|---:|---:|---:|---:|\n");
    for agent in ["lagrangian", "oracle", "unconstrained", "random"] {
        let own: Vec<&Record> = records.iter().filter(|record| record.agent == agent).collect();
        let mean = |record: &Record, name: &str| record.outcome.metrics[name].mean.expect("finite");
        let clicks = over_seeds(&own, |record| mean(record, "clicks"));
        let share = over_seeds(&own, |record| mean(record, "provider_exposure") / mean(record, "exposure"));
        let price = match agent {
            "lagrangian" => over_seeds(&own, |record| {
                record.training.last().and_then(|point| point.multiplier).expect("it learns one")
            }),
            "oracle" => "0.126, exact".into(),
            _ => "–".into(),
        };
        table += &format!("| `{agent}` | {} | {clicks} | {share} | {price} |\n", own.len());
    }
    between_marks("docs/constraints.md", "constraints", &table);
}

/// Scores by catalogue and number of items.
#[test]
fn the_table_of_catalogues_is_fresh() {
    let records = published("catalogues");
    let mut table = String::from(
        "| world | items | agent | seeds | score, 95 % interval | seconds of training |\n|---|---:|---|---:|---:|---:|\n",
    );
    let mut cells: Vec<(&str, u64, &str)> = (records.iter())
        .filter(|record| record.agent != "random")
        .map(|record| {
            (record.env.as_str(), record.env_params["items"].as_u64().expect("a number"), record.agent.as_str())
        })
        .collect();
    cells.sort();
    cells.dedup();
    for (env, items, agent) in cells {
        let own: Vec<&Record> = (records.iter())
            .filter(|record| (record.env.as_str(), record.agent.as_str()) == (env, agent))
            .filter(|record| record.env_params["items"].as_u64() == Some(items))
            .collect();
        let score = over_seeds(&own, |record| {
            let mean = record.outcome.metrics[&record.objective].mean.expect("finite");
            record.reference.score(mean).expect("the optimum is better than random")
        });
        let seconds = match own[0].learned {
            true => format!("{:.0}", own.iter().map(|record| record.time.train_s).sum::<f64>() / own.len() as f64),
            false => "–".into(),
        };
        table += &format!("| `{env}` | {items} | `{agent}` | {} | {score} | {seconds} |\n", own.len());
    }
    between_marks("docs/catalogues.md", "catalogues", &table);
}

/// The published report of the full suite.
fn full_suite() -> Summary {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/published/full/report.json");
    let text = std::fs::read_to_string(path).expect("the published report");
    serde_json::from_str(&text).expect("a report of this schema")
}

/// What agents have reached, from the committed records: those of the proofs, then those of the full suite for agents
/// that have no proof of their own.
static PROOFS: LazyLock<String> = LazyLock::new(|| {
    let proved = summarise("proofs", "", &published("proofs"), &resampling::draw(0)).expect("a summary");
    let mut cells: Vec<Cell> = proved.results;
    cells.extend(full_suite().results.into_iter().filter(|cell| cell.learned));
    let mut found: Vec<Proof> = Vec::new();
    for cell in &cells {
        let (world, agent) = (cell.env.clone(), cell.agent.clone());
        if found.iter().any(|proof| (&proof.world, &proof.agent) == (&world, &agent)) {
            continue;
        }
        assert_eq!((cell.diverged, cell.failed), (0, 0), "{agent} in {world}");
        let interval = cell.score_ci.as_ref().expect("the optimum is better than random, and seeds are many");
        found.push(Proof {
            world,
            agent,
            learned: cell.learned,
            transitions: cell.budget,
            seeds: cell.n,
            mean: cell.mean,
            score: cell.score.expect("the optimum is better than random"),
            interval: [interval.low, interval.high],
        });
    }
    let lines = ENVS.iter().flat_map(|entry| found.iter().filter(|proof| proof.world == entry.id)).map(Proof::line);
    format!("{}\n{}", proofs::HEAD, lines.collect::<String>())
});

/// Every world says what an agent reaches there, or what the heuristic does beyond which nothing is to be learnt.
#[test]
fn the_table_of_proofs_is_fresh_and_has_every_world() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/published/proofs/table.tsv");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &*PROOFS).expect("written");
    } else {
        assert!(*PROOFS == proofs::TABLE, "reports/published/proofs/table.tsv is not fresh; {REWRITES}");
    }
    for entry in ENVS {
        assert!(!proofs::of(&PROOFS, entry.id).is_empty(), "{}: nobody has shown what can be learnt there", entry.id);
    }
}

const REWRITES: &str = "`UPDATE=1 cargo test generated` rewrites the pages of the worlds";

/// Compares `text` with the file `name` under docs/envs, or writes it when UPDATE is set.
fn page(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/envs").join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("docs/envs is writable");
        std::fs::write(&path, text).expect("written");
    } else {
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == text, "docs/envs/{name} is not fresh; {REWRITES}");
    }
}

/// A page is a world's own text, what its defaults are worth, and a picture of an episode.
#[test]
fn the_pages_of_the_worlds_are_fresh() {
    let mut index = String::from("# The worlds\n\nMade from the sources by `UPDATE=1 cargo test generated`.\n\n");
    index += "| world | | optimum | kind | best agent | score |\n|---|---|---|---|---|---|\n";
    let mut names = vec!["README.md".to_string()];
    for entry in ENVS {
        let world = entry.one(&Params::new()).expect("the defaults are admissible");
        let (name, optimum) = (entry.id.replace('/', "-"), world.optimum());
        let kind = format!("{:?}", optimum.kind()).to_lowercase();
        let proofs = proofs::of(&PROOFS, entry.id);
        let learned = proofs.iter().filter(|proof| proof.learned);
        let best = learned.max_by(|a, b| a.score.total_cmp(&b.score));
        let best = best.map_or("– | –".into(), |best| format!("`{}` | {:.3}", best.agent, best.score));
        let known = format!("{} | {kind} | {best}", value(&optimum));
        index += &format!("| [`{}`]({name}.md) | {} | {known} |\n", entry.id, entry.about());
        page(&format!("{name}.md"), &text(entry, world.as_ref(), &optimum, &name));
        page(&format!("{name}.svg"), &picture(entry, &name));
        names.extend([format!("{name}.md"), format!("{name}.svg")]);
    }
    index += "\nAny of them can be [modified](../modifiers.md): noisy, late or lost rewards, sticky actions, drift, masks, costs.\n";
    page("README.md", &index);
    page("../modifiers.md", &mercato::envs::modifiers::page());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/envs");
    for found in std::fs::read_dir(folder).expect("docs/envs") {
        let found = found.expect("a readable entry").file_name().into_string().expect("a name in Unicode");
        assert!(names.contains(&found), "docs/envs/{found} belongs to no world");
    }
}

fn value(optimum: &Optimum) -> String {
    match optimum.is_exact() {
        true => format!("{:.4}", optimum.upper),
        false => format!("{:.4} to {:.4}", optimum.lower, optimum.upper),
    }
}

fn text(entry: &Entry, world: &dyn VectorEnv, optimum: &Optimum, name: &str) -> String {
    let spec = world.spec();
    let (title, rest) = entry.page().split_once('\n').map(|(a, b)| (a.to_string(), b.to_string())).expect("a title");
    let mut text = format!("{title}\n\n`{}`\n{rest}\n## With its defaults\n\n", entry.id);
    text += &format!("| | {} |\n|---|---|\n", spec.objective());
    text += &format!("| optimum | {} ({}) |\n", value(optimum), optimum.method);
    text += &format!("| `random` | {:.4} |\n", optimum.random);
    for (policy, value) in &optimum.others {
        text += &format!("| `{policy}` | {value:.4} |\n");
    }
    text += "\n## What is reached\n\n";
    text += "0 is the uniformly random policy, 1 the optimum, or its lower bound where it is only bounded.\n\n";
    let reached = proofs::markdown(&proofs::of(&PROOFS, entry.id));
    text += if reached.is_empty() { "Nobody has shown yet what can be learnt here.\n" } else { &reached };
    text += &format!("\n![Rewards of one episode under three policies]({name}.svg)\n\n");
    text + &format!("```sh\nmercato rollout {} --policy random\n```\n", entry.id)
}

/// One episode of at most 300 steps under the random policy, the oracle or the last policy, and the first other one.
fn picture(entry: &Entry, name: &str) -> String {
    let world = entry.one(&Params::new()).expect("the defaults are admissible");
    let named = world.spec().policies.iter().copied().filter(|policy| world.spec().policy(policy).is_ok());
    let named: Vec<&str> = named.collect();
    let best = named.iter().copied().find(|policy| *policy == "oracle").or(named.last().copied());
    let other = named.iter().copied().find(|policy| Some(*policy) != best);
    let policies = best.into_iter().chain(other).chain(["random"]);
    let lines: Vec<Line> =
        policies.map(|policy| Line { policy: policy.into(), rewards: rewards(entry, policy) }).collect();
    episode_chart(format!("{name}.svg"), entry.id, &lines).expect("the chart can be drawn").standalone()
}

fn rewards(entry: &Entry, policy: &str) -> Vec<f64> {
    let mut world = entry.one(&Params::new()).expect("the defaults are admissible");
    let policy = world.spec().policy(policy).expect("a policy of the world");
    let rows = world.spec().rows;
    let mut actions = Actions::new(rows, world.spec().width);
    let mut observation = vec![0.0; rows * world.spec().observation];
    let (mut reward, mut stage) = (vec![0.0; rows], vec![Stage::First; rows]);
    let slot = Slot { observation: &mut observation, reward: &mut reward, stage: &mut stage };
    world.reset(Start::evaluation(1, 0), slot).expect("the buffers fit");
    let mut rewards = Vec::new();
    while rewards.len() < 300 && !stage[0].is_last() {
        world.reference(&policy, &mut actions).expect("the widths fit");
        let slot = Slot { observation: &mut observation, reward: &mut reward, stage: &mut stage };
        world.step(&actions, slot).expect("reference actions are admissible");
        rewards.push(f64::from(reward[0]));
    }
    rewards
}
