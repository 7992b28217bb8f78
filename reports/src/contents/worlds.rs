//! A section for each world: its optimum, curves, agents, metrics, every run.

use super::*;
use crate::summary::REACHED;

pub fn world_section(summary: &Summary, world: &World, text: Option<&WorldText>) -> Result<Vec<Block>, ChartError> {
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
    if let Some(table) = efficiency_table(&learned) {
        blocks.push(Block::Text(format!(
            "Sample efficiency: the mean score along the curve, and the transitions after which a run first reached a \
             score of {REACHED}. Runs that never did count as later than all others, so the median over all runs may not \
             exist."
        )));
        blocks.push(Block::Table(table));
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
        ["agent", "#runs", "#mean", "#95 % interval", "#sd", "#median, range", "#score", "#95 % interval", "#regret"];
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
        let range = cell.range.filter(|[least, most]| least != most);
        let most = if cell.score_upper.is_some() { "\u{2264} " } else { "" };
        table.rows.push(vec![
            code(&cell.agent).into(),
            runs,
            fixed(cell.mean, digits).into(),
            format!("{}{mark}", interval(cell.ci.as_ref(), digits)).into(),
            cell.sd.map_or("\u{2013}".into(), |sd| fixed(sd, digits)).into(),
            Entry {
                text: fixed(cell.median, digits),
                notes: range
                    .map(|[least, most]| format!("{} to {}", fixed(least, digits), fixed(most, digits)))
                    .into_iter()
                    .collect(),
                strong: false,
            },
            score,
            format!("{}{mark}", interval(cell.score_ci.as_ref(), 3)).into(),
            format!("{most}{}", fixed(cell.regret, digits)).into(),
        ]);
    }
    table
}

fn efficiency_table(cells: &[&Cell]) -> Option<Table> {
    let mut table =
        Table::new(&["agent", "#runs", "#mean score along the curve", "#runs that reached it", "#median transitions"]);
    for cell in cells {
        let Some(efficiency) = &cell.efficiency else { continue };
        table.push([
            code(&cell.agent).into(),
            cell.n.to_string().into(),
            estimate(&efficiency.area),
            format!("{} of {}", efficiency.reached, cell.n).into(),
            Entry::from(efficiency.median_steps.map_or("\u{2013}".into(), count)),
        ]);
    }
    (!table.rows.is_empty()).then_some(table)
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
        "#seconds",
    ];
    let mut table = Table::new(&columns);
    let digits = digits(world);
    for cell in summary.cells(world) {
        let time = summary.time.iter().find(|time| (&time.world, &time.agent) == (&cell.world, &cell.agent));
        for (place, run) in cell.runs.iter().enumerate() {
            let seconds = time.and_then(|time| time.runs_wall_s.get(place));
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
                seconds.map_or("\u{2013}".into(), |seconds| short(*seconds)),
            ]);
        }
    }
    table
}
