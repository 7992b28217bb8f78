//! How it was run, by which code, and what it does not show.

use super::*;

pub fn ended_early(summary: &Summary) -> Vec<Block> {
    let mut table = Table::new(&["world", "agent", "#seed", "ended", "why", "trial"]);
    for cell in &summary.results {
        for run in cell.runs.iter().filter(|run| run.status != Status::Ok) {
            let (ending, message) = ending(run);
            table.push([
                code(&cell.world),
                code(&cell.agent),
                run.seed.to_string(),
                ending.into(),
                message.replace('\n', " "),
                code(&run.trial),
            ]);
        }
    }
    let mut blocks = vec![heading(2, "Trials that diverged or failed")];
    if table.rows.is_empty() {
        blocks.push(Block::Text("None.".into()));
    } else {
        blocks.push(Block::Text(
            "They stay in every mean, interval and count, with the value of the random policy, which is score 0; only \
             the further metrics are over the runs that finished."
                .into(),
        ));
        blocks.push(Block::Table(table));
    }
    blocks
}

pub fn protocol(summary: &Summary) -> Vec<Block> {
    let mut table =
        Table::new(&["world", "agent", "seeds", "#transitions", "#evaluated every", "#episodes", "#evaluation seed"]);
    let mut configs: BTreeMap<(&str, String), Vec<String>> = BTreeMap::new();
    for cell in &summary.results {
        let seeds: Vec<u64> = cell.runs.iter().map(|run| run.seed).collect();
        table.push([
            code(&cell.world),
            code(&cell.agent),
            ranges(&seeds),
            if cell.learned { count(cell.budget) } else { "\u{2013}".into() },
            match cell.evaluation.every {
                _ if !cell.learned => "\u{2013}".into(),
                0 => "at the end".into(),
                every => count(every),
            },
            count(cell.evaluation.episodes.into()),
            cell.evaluation.seed.to_string(),
        ]);
        if cell.learned {
            let config = serde_json::to_string_pretty(&cell.config).expect("JSON has string keys only");
            configs.entry((&cell.agent, config)).or_default().push(code(&cell.world));
        }
    }
    let configs = configs.into_iter().flat_map(|((agent, config), worlds)| {
        [Block::Text(format!("{} on {}", code(agent), worlds.join(", "))), Block::Code(config)]
    });
    let configs: Vec<Block> = configs.collect();
    let mut blocks = vec![
        heading(2, "Protocol"),
        Block::Text(
            "A run is one trial: one seed of one agent in one world, trained from its initial weights. Its result is \
             the last evaluation, never the best. Budgets and intervals are in training transitions; evaluation \
             episodes are apart from all training: the run of seed s plays those of the evaluation seed plus s, and so \
             does every other agent\u{2019}s run of seed s in that world."
                .into(),
        ),
        Block::Table(table),
    ];
    let tunings: BTreeSet<_> = summary.results.iter().filter_map(|cell| cell.tuning.as_ref()).collect();
    for tuning in tunings {
        let seeds = if tuning.seeds.is_empty() { "none".into() } else { ranges(&tuning.seeds) };
        blocks.push(Block::Text(format!("Settings were chosen thus: {} Seeds looked at: {seeds}.", tuning.how)));
    }
    if !configs.is_empty() {
        blocks.push(Block::Details { summary: "Agents, with every setting".into(), blocks: configs });
    }
    blocks
}

pub fn provenance(summary: &Summary) -> Vec<Block> {
    let mut blocks = vec![heading(2, "Provenance")];
    for origin in &summary.provenance {
        let build = &origin.code;
        let tree = if build.dirty { " with uncommitted changes" } else { "" };
        let mut table = Table::new(&["", &format!("{} trials", origin.trials)]);
        for (name, value) in [
            ("version", code(&build.version)),
            ("commit", build.commit.as_deref().map_or("not known".into(), |commit| format!("{}{tree}", code(commit)))),
            ("source fingerprint", code(&build.fingerprint)),
            ("lock file, SHA-256", code(&build.lockfile)),
            ("compiler", code(&build.rustc)),
            ("profile and target", format!("{}, {}", code(&build.profile), code(&build.target))),
            ("compiled with", build.flags.as_deref().map_or("not told".into(), code)),
            ("device", code(&origin.device)),
            ("arithmetic", code(&origin.math)),
            ("instruction set", format!("{}, of {}", code(&build.isa.used), code(&build.isa.detected.join(" ")))),
        ] {
            table.push([name.to_owned(), value]);
        }
        for machine in &origin.machines {
            let memory = machine.memory_gb.map_or(String::new(), |memory| format!(", {memory} GiB"));
            let processor = machine.processor.as_deref().unwrap_or("unknown processor");
            let libc = machine.libc.as_deref().unwrap_or("C library not told");
            let text = format!("{processor}, {} threads{memory}, {}, {libc}", machine.cores, machine.os);
            table.push(["machine".to_owned(), code(&text)]);
        }
        blocks.push(Block::Table(table));
    }
    let mut table = Table::new(&[
        "world",
        "agent",
        "#seconds, all runs",
        "#updates per second",
        "#peak memory of the process, MiB",
        "#at a time",
    ]);
    for time in &summary.time {
        table.push([
            code(&time.world),
            code(&time.agent),
            fixed(time.wall_s, 1),
            time.updates_per_s.map_or("\u{2013}".into(), |rate| fixed(rate, 0)),
            time.peak_memory_mb.map_or("\u{2013}".into(), |memory| fixed(memory, 0)),
            time.jobs.to_string(),
        ]);
    }
    let total: f64 = summary.time.iter().map(|time| time.wall_s).sum();
    blocks.push(Block::Details {
        summary: format!("Computing time: {} seconds over all trials", fixed(total, 0)),
        blocks: vec![Block::Table(table)],
    });
    blocks
}

/// Commands for records, report, single trials and statistics, with what they need.
pub fn reproduce(summary: &Summary) -> Vec<Block> {
    let seconds: f64 = summary.time.iter().map(|time| time.wall_s).sum();
    let memory = summary.time.iter().filter_map(|time| time.peak_memory_mb).max_by(f64::total_cmp);
    let memory = memory.map_or(String::new(), |memory| format!(" and {} MiB of memory", fixed(memory, 0)));
    let parts = [
        ("The records, and from them every table and figure of this report", summary.command.as_str()),
        ("The trials again, compared with the records in every bit", "mercato verify DIR"),
        (
            "One trial again, by the id that it has in the table of its world\u{2019}s runs",
            "mercato verify DIR --trial ID",
        ),
        ("The report from its records", "mercato report DIR"),
        (
            "Aggregates, profiles and tests by themselves, of the agents and worlds that are named",
            "mercato stats DIR/runs.csv --floor 0 --algorithm AGENT --task WORLD",
        ),
    ];
    let mut blocks = vec![heading(2, "How to reproduce")];
    for (what, command) in parts {
        blocks.push(Block::Text(format!("{what}:")));
        blocks.push(Block::Code(command.into()));
    }
    blocks.push(Block::Text(format!(
        "All trials together took {} seconds of computing{memory}. The report is a function of the records alone; its \
         id, {}, is the SHA-256 of `report.json` without its clock readings. In exact arithmetic the hashes of curve, \
         weights and evaluation, listed for each run, must come out the same on any machine.",
        fixed(seconds, 0),
        code(&summary.id)
    )));
    blocks
}

pub fn limits(summary: &Summary) -> Vec<Block> {
    let mut limits = vec![
        "The worlds are synthetic. A score says how well an agent does in a world whose rules are written down, not \
         how it would do with people."
            .to_owned(),
        "Intervals are over seeds, each with evaluation episodes of its own, so they hold the error of a finite \
         evaluation too; the standard error of each run shows its size."
            .to_owned(),
        "Student\u{2019}s t assumes that results of seeds are roughly normal. With few seeds, or when single runs \
         collapse, its coverage is uncertain. Bands hold at each point by itself, not for a whole curve."
            .to_owned(),
        "Scores take the published values of optimum and random policy as exact; their tolerances stand with each \
         world."
            .to_owned(),
        "Intervals of scores are not corrected for the number of agents and worlds; the tests are. Overlapping intervals \
         separate nothing; intervals that do not overlap are no test."
            .to_owned(),
    ];
    if summary.results.iter().any(|cell| cell.learned && cell.tuning.is_none()) {
        limits.push("How settings were chosen, and on which seeds, is not in all of the records.".to_owned());
    }
    let fewest = summary.results.iter().filter(|cell| cell.learned).map(|cell| cell.n).min();
    if let Some(fewest) = fewest.filter(|_| !summary.overall.is_empty()) {
        let worlds = summary.overall.iter().map(|overall| overall.worlds.len()).min().unwrap_or(0);
        let coverage = coverage(fewest, worlds).map_or(String::new(), |coverage| {
            let worlds = if coverage.tasks == 1 { "one world" } else { "each of six worlds" };
            format!(
                " (a nominal 95 % was measured to cover {:.0} % with {} runs in {worlds})",
                100.0 * coverage.share,
                coverage.runs
            )
        });
        limits.push(format!(
            "The bootstrap interval over all worlds is too narrow when seeds are few{coverage}, and it speaks for these \
             worlds only."
        ));
    }
    vec![heading(2, "Limits"), Block::List(limits)]
}
