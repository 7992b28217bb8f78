//! The headline: scores, regret, aggregates over worlds.

use super::*;

pub fn scores(summary: &Summary) -> Result<Vec<Block>, ChartError> {
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
    blocks.push(Block::Figure {
        chart: charts::regret(summary)?,
        caption: "Regret of every learned agent in every world, as a share of what the optimum has over the random \
                  policy, with 95 % intervals; the figures on the right are in units of the world. The pale part of a \
                  bar may be the looseness of the bound instead."
            .into(),
        data: regret_table(summary),
    });
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
        blocks.extend(profiles(summary)?);
    }
    Ok(blocks)
}

/// Shares of runs above thresholds, and who beats whom.
fn profiles(summary: &Summary) -> Result<Vec<Block>, ChartError> {
    let columns: Vec<String> = PROFILE.iter().map(|threshold| format!("#above {threshold}")).collect();
    let mut names = vec!["agent"];
    names.extend(columns.iter().map(String::as_str));
    let mut table = Table::new(&names);
    for agent in &summary.overall {
        let mut row = vec![Entry::from(code(&agent.agent))];
        row.extend(agent.profile.iter().map(|share| Entry { text: fixed(share.point, 2), ..estimate(share) }));
        table.rows.push(row);
    }
    let mut blocks = vec![Block::Figure {
        chart: charts::profiles(summary)?,
        caption:
            "Performance profiles: the share of an agent\u{2019}s runs with a score strictly above each threshold, \
                  worlds weighing equally, with 95 % intervals at each marked threshold by itself."
                .into(),
        data: table,
    }];
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
        blocks.push(Block::Figure {
            chart: charts::improvement(summary)?,
            caption:
                "Probability that a run of one agent scores higher than a run of another, averaged over worlds; a \
                      tie counts half. Only agents that ran in the same worlds are compared."
                    .into(),
            data: table,
        });
    }
    Ok(blocks)
}

fn regret_table(summary: &Summary) -> Table {
    let mut table = Table::new(&["world", "agent", "#runs", "#regret", "#95 % interval"]);
    for world in &summary.worlds {
        let digits = digits(world);
        for cell in summary.cells(world).filter(|cell| cell.learned) {
            let most = if cell.score_upper.is_some() { "\u{2264} " } else { "" };
            let upper = world.reference.optimum_upper;
            let ends = cell
                .ci
                .as_ref()
                .map(|ci| format!("[{}, {}]", fixed(upper - ci.high, digits), fixed(upper - ci.low, digits)));
            table.push([
                code(&cell.world),
                code(&cell.agent),
                cell.n.to_string(),
                format!("{most}{}", fixed(cell.regret, digits)),
                ends.unwrap_or("\u{2013}".into()),
            ]);
        }
    }
    table
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
