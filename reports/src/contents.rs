//! What a report says, in which order: the verdict first, then all that it rests on.

use std::collections::BTreeMap;

use crate::charts::{self, ChartError};
use crate::document::{Block, Entry, Table, code};
use crate::number::{count, decimals, fixed, plain, short};
use crate::record::Status;
use crate::stats::{Estimate, Interval, coverage, detectable_effect, rounded};
use crate::summarise::RESAMPLES;
use crate::summary::{Cell, Confidence, PROFILE, Run, Summary, World};
use crate::{ReportContext, WorldText};

/// Names the sections of a whole report.
pub fn contents(summary: &Summary, context: &ReportContext) -> Result<Vec<Block>, ChartError> {
    let mut blocks = vec![heading(1, &summary.title)];
    blocks.push(Block::List(summary.verdicts.clone()));
    blocks.push(Block::Ticks(summary.ticks.clone()));
    blocks.extend(scores(summary)?);
    blocks.push(heading(2, "Worlds"));
    for world in &summary.worlds {
        let text = context.worlds.iter().find(|text| text.id == world.env);
        blocks.extend(world_section(summary, world, text)?);
    }
    blocks.extend(tests(summary));
    blocks.extend(negative(summary));
    blocks.extend(ended_early(summary));
    blocks.extend(protocol(summary));
    blocks.extend(provenance(summary));
    blocks.push(heading(2, "How to reproduce"));
    blocks.push(Block::Text("This command makes the records and this report again:".into()));
    blocks.push(Block::Code(summary.command.clone()));
    blocks.push(Block::Text("This one runs the trials of a folder again and compares every bit:".into()));
    blocks.push(Block::Code("mercato verify DIR".into()));
    blocks.push(Block::Text(format!(
        "The report is a function of the records alone; its id, {}, is the SHA-256 of `report.json` without its \
         clock readings. In exact arithmetic the hashes of curve, weights and evaluation, listed for each run, must \
         come out the same on any machine.",
        code(&summary.id)
    )));
    blocks.extend(limits(summary));
    Ok(blocks)
}

fn scores(summary: &Summary) -> Result<Vec<Block>, ChartError> {
    let mut blocks = vec![
        heading(2, "Scores"),
        Block::Text(
            "The score is (mean \u{2212} random) / (optimum \u{2212} random): 0 is the uniformly random policy, 1 the \
             optimum. Brackets hold 95 % intervals of the mean over seeds (Student\u{2019}s t). Regret is the optimum \
             minus the mean, in units of the world\u{2019}s objective."
                .into(),
        ),
    ];
    if summary.worlds.iter().any(|world| !world.reference.is_exact()) {
        blocks.push(Block::Text(
            "Where the optimum is known only between two bounds, the score is against the lower bound and may pass 1, \
             \u{201c}at least\u{201d} is the score against the upper bound, and the regret is an upper limit."
                .into(),
        ));
    }
    blocks.push(Block::Table(headline(summary)));
    let chart = charts::scores(summary)?;
    let caption = "Normalised score of every learned agent in every world: mean over seeds and 95 % interval. \
                   Vertical grey marks are reference policies. A thin mark joined by dots is the least that the \
                   score can be where the optimum is only bounded.";
    blocks.push(Block::Figure { chart, caption: caption.into(), data: score_table(summary) });
    if !summary.overall.is_empty() {
        blocks.push(heading(3, "Over all worlds"));
        blocks.push(Block::Text(
            format!(
                "Interquartile mean of the scores of all runs, mean and median of the worlds\u{2019} mean scores, and \
                 the optimality gap (how far scores fall short of 1 on average), each with its 95 % percentile interval \
                 by the stratified bootstrap ({} replicates, runs drawn anew within each world). Rows compare agents \
                 only where they ran in the same worlds.",
                count(RESAMPLES.into())
            ),
        ));
        let mut table =
            Table::new(&["agent", "#worlds", "#runs", "#interquartile mean", "#mean", "#median", "#optimality gap"]);
        for agent in &summary.overall {
            table.push([
                code(&agent.agent).into(),
                agent.worlds.len().to_string().into(),
                agent.runs.to_string().into(),
                estimate(&agent.iqm),
                estimate(&agent.mean),
                estimate(&agent.median),
                estimate(&agent.optimality_gap),
            ]);
        }
        blocks.push(Block::Table(table));
        blocks.extend(profiles(summary));
    }
    Ok(blocks)
}

/// Shares of runs above thresholds, and who beats whom.
fn profiles(summary: &Summary) -> Vec<Block> {
    let columns: Vec<String> = PROFILE.iter().map(|threshold| format!("#above {threshold}")).collect();
    let mut names = vec!["agent"];
    names.extend(columns.iter().map(String::as_str));
    let mut table = Table::new(&names);
    for agent in &summary.overall {
        let mut row = vec![Entry::from(code(&agent.agent))];
        row.extend(agent.profile.iter().map(|share| Entry { text: fixed(share.point, 2), ..estimate(share) }));
        table.rows.push(row);
    }
    let text = "Performance profiles: the share of an agent\u{2019}s runs with a score strictly above each threshold, \
                worlds weighing equally, with 95 % intervals at each threshold by itself.";
    let mut inside = vec![Block::Text(text.into()), Block::Table(table)];
    if !summary.improvement.is_empty() {
        let mut table = Table::new(&["agent", "against", "#probability of improvement", "#runs"]);
        for pair in &summary.improvement {
            table.push([
                code(&pair.x).into(),
                code(&pair.y).into(),
                estimate(&pair.estimate),
                Entry::from(pair.estimate.n.to_string()),
            ]);
        }
        let text = "Probability that a run of one agent scores higher than a run of another, averaged over worlds; a \
                    tie counts half.";
        inside.extend([Block::Text(text.into()), Block::Table(table)]);
    }
    vec![Block::Details { summary: "Performance profiles and probability of improvement".into(), blocks: inside }]
}

/// Every pair of learned agents in every world.
fn tests(summary: &Summary) -> Vec<Block> {
    let mut blocks = vec![heading(2, "Tests")];
    if summary.tests.is_empty() {
        blocks.push(Block::Text("No world has two learned agents.".into()));
        return blocks;
    }
    let family = summary.tests.len();
    blocks.push(Block::Text(format!(
        "Every pair of learned agents in every world, on normalised scores, two-sided. The difference and its 95 % \
         interval are Welch\u{2019}s; p values are adjusted by Holm\u{2019}s method over the {family} pairs of this \
         report, with the raw ones below. Rank tests are exact where it can be computed; permutation tests enumerate \
         all arrangements where they are few, and draw 10,000 otherwise. Runs of the same seed met the same evaluation \
         episodes; the paired test uses that.",
    )));
    let mut table = Table::new(&[
        "world",
        "pair",
        "#runs",
        "#difference",
        "#p, Welch",
        "#p, paired t",
        "#p, ranks",
        "#p, permutation",
        "#Hedges\u{2019} g",
        "#Cliff\u{2019}s delta",
    ]);
    let p = |pair: Option<(f64, f64)>| match pair {
        None => dash(),
        Some((adjusted, raw)) => Entry { text: short(adjusted), notes: vec![short(raw)], strong: adjusted < 0.05 },
    };
    let ends = |ends: &Interval, digits| format!("[{}, {}]", fixed(ends.low, digits), fixed(ends.high, digits));
    for found in &summary.tests {
        let welch = found.welch.as_ref();
        let difference = welch.map_or(dash(), |welch| Entry {
            text: fixed(welch.test.difference, 3),
            notes: vec![ends(&welch.test.interval, 3)],
            strong: false,
        });
        let g = found.hedges_g.map_or(dash(), |g| Entry {
            text: fixed(g, 2),
            notes: found.hedges_g_interval.iter().map(|interval| ends(interval, 2)).collect(),
            strong: false,
        });
        table.rows.push(vec![
            code(&found.task).into(),
            Entry { text: code(&found.x), notes: vec![format!("against {}", code(&found.y))], strong: false },
            format!("{}, {}", found.n[0], found.n[1]).into(),
            difference,
            p(welch.map(|test| (test.p_holm, test.test.p))),
            p(found.paired_t.as_ref().map(|test| (test.p_holm, test.test.p))),
            p(found.mann_whitney.as_ref().map(|test| (test.p_holm, test.test.p))),
            p(found.permutation.as_ref().map(|test| (test.p_holm, test.test.p))),
            g,
            found.cliffs_delta.map_or(dash(), |delta| fixed(delta, 2).into()),
        ]);
    }
    blocks.push(Block::Table(table));
    let fewest = summary.tests.iter().flat_map(|tests| tests.n).min().unwrap_or(0);
    if let Some(effect) = detectable_effect(fewest as u32, 0.8, 0.05 / family as f64) {
        blocks.push(Block::Text(format!(
            "With {fewest} runs a side, a difference must be {} standard deviations over runs to pass the first of these \
             tests with a probability of 80 %.",
            fixed(rounded(effect), 2)
        )));
    }
    blocks
}

fn negative(summary: &Summary) -> Vec<Block> {
    let none = || Block::Text("None.".into());
    let list = if summary.negative.is_empty() { none() } else { Block::List(summary.negative.clone()) };
    vec![heading(2, "Negative results"), list]
}

/// Worlds by agents: score, interval, regret.
fn headline(summary: &Summary) -> Table {
    let agents = summary.learned_agents();
    let columns: Vec<String> = agents.iter().map(|agent| format!("#{agent}")).collect();
    let mut names = vec!["world"];
    names.extend(columns.iter().map(String::as_str));
    names.push("#myopic");
    let mut table = Table::new(&names);
    for world in &summary.worlds {
        let cells: BTreeMap<&str, &Cell> = summary.cells(world).map(|cell| (cell.agent.as_str(), cell)).collect();
        let learned = agents.iter().filter_map(|agent| cells.get(agent)).filter_map(|cell| cell.score);
        let best = learned.max_by(f64::total_cmp);
        let entry = |agent: &&str| {
            cells.get(agent).filter(|cell| cell.learned).map_or(dash(), |cell| scored(cell, world, best))
        };
        let myopic = world.reference.myopic.and_then(|value| world.reference.score(value));
        let mut row = vec![Entry::from(code(&world.label))];
        row.extend(agents.iter().map(entry));
        row.push(myopic.map_or(dash(), |score| fixed(score, 3).into()));
        table.rows.push(row);
    }
    table
}

fn scored(cell: &Cell, world: &World, best: Option<f64>) -> Entry {
    let mut notes: Vec<String> = cell.score_ci.iter().map(|ci| interval(Some(ci), 3)).collect();
    notes.extend(cell.score_upper.map(|least| format!("at least {}", fixed(least, 3))));
    let most = if cell.score_upper.is_some() { "\u{2264} " } else { "" };
    notes.push(format!("regret {most}{}", fixed(cell.regret, digits(world))));
    notes.extend(ended(cell));
    let text = cell.score.map_or("\u{2013}".into(), |score| fixed(score, 3));
    Entry { text, notes, strong: cell.score.is_some() && cell.score == best }
}

fn score_table(summary: &Summary) -> Table {
    let mut table = Table::new(&["world", "agent", "#runs", "#score", "#95 % interval", "#at least"]);
    for cell in summary.results.iter().filter(|cell| cell.learned) {
        table.push([
            code(&cell.world),
            code(&cell.agent),
            cell.n.to_string(),
            cell.score.map_or("\u{2013}".into(), |score| fixed(score, 3)),
            interval(cell.score_ci.as_ref(), 3),
            cell.score_upper.or(cell.score).map_or("\u{2013}".into(), |score| fixed(score, 3)),
        ]);
    }
    table
}

fn world_section(summary: &Summary, world: &World, text: Option<&WorldText>) -> Result<Vec<Block>, ChartError> {
    let mut blocks = vec![heading(3, &code(&world.label))];
    blocks.extend(text.map(|text| Block::Markdown(text.about.clone())));
    blocks.push(Block::Text(reference_text(world)));
    if let Some(parameters) = parameters(world) {
        blocks.push(Block::Text(parameters));
    }
    let learned: Vec<&Cell> = summary.cells(world).filter(|cell| cell.learned).collect();
    if !learned.is_empty() {
        let ended = || learned.iter().flat_map(|cell| &cell.runs).filter(|run| run.status != Status::Ok);
        let broken = match (ended().count(), ended().any(|run| !run.curve.is_empty())) {
            (0, _) => "",
            (_, true) => {
                " A cross marks where a run broke off; from there on it counts with the random policy\u{2019}s value."
            }
            (_, false) => {
                " A run that failed before its first evaluation counts with the random policy\u{2019}s value."
            }
        };
        let caption = format!(
            "Learning curves: mean over seeds (thick, with markers), its 95 % interval at each point by itself \
             (band), and every run (thin).{broken}"
        );
        let chart = charts::learning_curves(summary, world)?;
        blocks.push(Block::Figure { chart, caption, data: curve_table(&learned, digits(world)) });
    }
    blocks.push(Block::Table(agent_table(summary, world)));
    if summary.cells(world).any(|cell| cell.ci.as_ref().is_some_and(|ci| ci.method == "episodes")) {
        blocks.push(Block::Text(
            "\u{2020} Nothing was learned, and all runs have the same return: the interval is over the evaluation \
             episodes (1.96 standard errors), not over seeds."
                .into(),
        ));
    }
    blocks.push(Block::Table(published_table(world)));
    if let Some(table) = metric_table(summary, world) {
        blocks.push(Block::Text("Further metrics of the last evaluation, mean over the runs that finished:".into()));
        blocks.push(Block::Table(table));
    }
    blocks.push(Block::Details { summary: "Every run".into(), blocks: vec![Block::Table(run_table(summary, world))] });
    if let Some(text) = text.filter(|text| !text.page_markdown.trim().is_empty()) {
        let page = crate::document::demoted(&text.page_markdown, 3);
        blocks.push(Block::Details { summary: "The world\u{2019}s page".into(), blocks: vec![Block::Markdown(page)] });
    }
    Ok(blocks)
}

fn reference_text(world: &World) -> String {
    let reference = &world.reference;
    let digits = digits(world);
    let optimum = if reference.is_exact() {
        format!("Its optimum is {}", fixed(reference.optimum_upper, digits))
    } else {
        format!(
            "Its optimum lies between {} and {}",
            fixed(reference.optimum_lower, digits),
            fixed(reference.optimum_upper, digits)
        )
    };
    let random_error = if reference.random_se > 0.0 {
        format!(" (standard error {})", short(reference.random_se))
    } else {
        String::new()
    };
    format!(
        "The objective is {}, larger is better. {optimum} ({}, tolerance {}); the uniformly random policy reaches {}{random_error}.",
        code(&world.objective),
        reference.optimum_method,
        short(reference.tolerance),
        fixed(reference.random, digits)
    )
}

fn parameters(world: &World) -> Option<String> {
    let parameters = world.params.as_object().filter(|parameters| !parameters.is_empty())?;
    let list: Vec<String> =
        parameters.iter().map(|(name, value)| code(&format!("{name} = {}", plain(value)))).collect();
    Some(format!("Parameters: {}.", list.join(", ")))
}

fn curve_table(cells: &[&Cell], digits: usize) -> Table {
    let mut table = Table::new(&["agent", "#transitions", "#runs", "#mean", "#95 % interval"]);
    for cell in cells {
        for point in &cell.curve {
            let ci = point.ci.map(|ci| format!("[{}, {}]", fixed(ci.low, digits), fixed(ci.high, digits)));
            table.push([
                code(&cell.agent),
                count(point.step),
                point.n.to_string(),
                fixed(point.mean, digits),
                ci.unwrap_or("\u{2013}".into()),
            ]);
        }
    }
    table
}

fn agent_table(summary: &Summary, world: &World) -> Table {
    let digits = digits(world);
    let columns =
        ["agent", "#runs", "#mean", "#95 % interval", "#sd", "#median", "#score", "#95 % interval", "#regret"];
    let mut table = Table::new(&columns);
    for cell in summary.cells(world) {
        let over_episodes = cell.ci.as_ref().is_some_and(|ci| ci.method == "episodes");
        let mark = if over_episodes { "\u{2020}" } else { "" };
        let runs = Entry { text: cell.n.to_string(), notes: ended(cell).into_iter().collect(), strong: false };
        let least = cell.score_upper.map(|least| format!("at least {}", fixed(least, 3)));
        let score = Entry {
            text: cell.score.map_or("\u{2013}".into(), |score| fixed(score, 3)),
            notes: least.into_iter().collect(),
            strong: false,
        };
        let most = if cell.score_upper.is_some() { "\u{2264} " } else { "" };
        table.rows.push(vec![
            code(&cell.agent).into(),
            runs,
            fixed(cell.mean, digits).into(),
            format!("{}{mark}", interval(cell.ci.as_ref(), digits)).into(),
            cell.sd.map_or("\u{2013}".into(), |sd| fixed(sd, digits)).into(),
            fixed(cell.median, digits).into(),
            score,
            format!("{}{mark}", interval(cell.score_ci.as_ref(), 3)).into(),
            format!("{most}{}", fixed(cell.regret, digits)).into(),
        ]);
    }
    table
}

/// What the world's page publishes, beside which the measured reference policies can be held.
fn published_table(world: &World) -> Table {
    let reference = &world.reference;
    let optimum = if reference.is_exact() {
        vec![("optimum", reference.optimum_upper)]
    } else {
        vec![("optimum (upper bound)", reference.optimum_upper), ("optimum (lower bound)", reference.optimum_lower)]
    };
    let policies = [("random", Some(reference.random)), ("myopic", reference.myopic)];
    let policies = policies.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let named = reference.named.iter().map(|(name, value)| (name.as_str(), *value));
    let mut table = Table::new(&["published value", "#value", "#score", "#regret"]);
    for (name, value) in optimum.into_iter().chain(policies).chain(named) {
        table.push([
            name.to_owned(),
            fixed(value, digits(world)),
            reference.score(value).map_or("\u{2013}".into(), |score| fixed(score, 3)),
            fixed(reference.optimum_upper - value, digits(world)),
        ]);
    }
    table
}

fn metric_table(summary: &Summary, world: &World) -> Option<Table> {
    let cells: Vec<&Cell> = summary.cells(world).collect();
    let mut names: Vec<&String> = cells.iter().flat_map(|cell| cell.metrics.keys()).collect();
    names.sort();
    names.dedup();
    names.retain(|name| **name != world.objective);
    if names.is_empty() {
        return None;
    }
    let mut columns = vec!["agent".to_owned()];
    columns.extend(names.iter().map(|name| format!("#{}", name.replace('_', " "))));
    let mut table = Table::new(&columns.iter().map(String::as_str).collect::<Vec<_>>());
    for cell in cells {
        let entry = |name: &&String| match cell.metrics.get(*name) {
            None => dash(),
            Some(spread) => Entry {
                text: short(spread.mean),
                notes: spread.sd.map(|sd| format!("sd {}", short(sd))).into_iter().collect(),
                strong: false,
            },
        };
        let mut row = vec![Entry::from(code(&cell.agent))];
        row.extend(names.iter().map(entry));
        table.rows.push(row);
    }
    Some(table)
}

fn run_table(summary: &Summary, world: &World) -> Table {
    let columns = [
        "agent",
        "#seed",
        "ended",
        "#result",
        "#s. e. over episodes",
        "#score",
        "trial",
        "curve",
        "weights",
        "evaluation",
    ];
    let mut table = Table::new(&columns);
    let digits = digits(world);
    for cell in summary.cells(world) {
        for run in &cell.runs {
            let start = |hash: &Option<String>| {
                hash.as_ref().map_or("\u{2013}".into(), |hash| code(&hash.chars().take(12).collect::<String>()))
            };
            table.push([
                code(&cell.agent),
                run.seed.to_string(),
                ending(run).0.into(),
                run.objective.map_or("\u{2013}".into(), |value| fixed(value, digits)),
                run.se.map_or("\u{2013}".into(), short),
                run.score.map_or("\u{2013}".into(), |score| fixed(score, 3)),
                code(&run.trial),
                start(&run.hashes.curve),
                start(&run.hashes.weights),
                start(&run.hashes.evaluation),
            ]);
        }
    }
    table
}

fn ended_early(summary: &Summary) -> Vec<Block> {
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

fn protocol(summary: &Summary) -> Vec<Block> {
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
    if !configs.is_empty() {
        blocks.push(Block::Details { summary: "Agents, with every setting".into(), blocks: configs });
    }
    blocks
}

fn provenance(summary: &Summary) -> Vec<Block> {
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
            ("device", code(&origin.device)),
            ("arithmetic", code(&origin.math)),
            ("instruction set", format!("{}, of {}", code(&build.isa.used), code(&build.isa.detected.join(" ")))),
        ] {
            table.push([name.to_owned(), value]);
        }
        blocks.push(Block::Table(table));
    }
    let mut table =
        Table::new(&["world", "agent", "#seconds, all runs", "#updates per second", "#peak memory, MiB", "#at a time"]);
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

fn limits(summary: &Summary) -> Vec<Block> {
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
        "How the settings of the agents were chosen, and on which seeds, is not in the records.".to_owned(),
    ];
    let fewest = summary.results.iter().filter(|cell| cell.learned).map(|cell| cell.n).min();
    if let Some(fewest) = fewest.filter(|_| !summary.overall.is_empty()) {
        let coverage = coverage(fewest).map_or(String::new(), |share| {
            format!(
                " (a nominal 95 % was measured to cover {} % with {fewest} runs in each of six worlds)",
                100.0 * share
            )
        });
        limits.push(format!(
            "The bootstrap interval over all worlds is too narrow when seeds are few{coverage}, and it speaks for these \
             worlds only."
        ));
    }
    vec![heading(2, "Limits"), Block::List(limits)]
}

fn ending(run: &Run) -> (&'static str, &str) {
    match &run.status {
        Status::Ok => ("finished", ""),
        Status::Diverged { message } => ("diverged", message),
        Status::Failed { message } => ("failed", message),
    }
}

fn ended(cell: &Cell) -> Option<String> {
    let parts = [(cell.diverged, "diverged"), (cell.failed, "failed")];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, how)| format!("{count} {how}")).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn interval(ci: Option<&Confidence>, digits: usize) -> String {
    ci.map_or("\u{2013}".into(), |ci| format!("[{}, {}]", fixed(ci.low, digits), fixed(ci.high, digits)))
}

/// A figure above its interval.
fn estimate(estimate: &Estimate) -> Entry {
    let interval = estimate.low.zip(estimate.high);
    let interval = interval.map(|(low, high)| format!("[{}, {}]", fixed(low, 3), fixed(high, 3)));
    Entry { text: fixed(estimate.point, 3), notes: interval.into_iter().collect(), strong: false }
}

/// Seeds in rising order, with neighbours joined: `0\u{2013}4, 7`.
fn ranges(seeds: &[u64]) -> String {
    let joined = seeds.chunk_by(|a, b| a + 1 == *b).map(|run| match run {
        [one] => one.to_string(),
        _ => format!("{}\u{2013}{}", run[0], run[run.len() - 1]),
    });
    joined.collect::<Vec<_>>().join(", ")
}

fn digits(world: &World) -> usize {
    decimals(world.reference.optimum_upper - world.reference.random)
}

fn dash() -> Entry {
    Entry::from(String::from("\u{2013}"))
}

fn heading(level: usize, text: &str) -> Block {
    Block::Heading { level, text: text.into() }
}
