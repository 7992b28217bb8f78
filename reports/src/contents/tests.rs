//! Tests of every pair, and what did not work.

use super::*;

/// Every pair of learned agents in every world.
pub fn tests(summary: &Summary) -> Vec<Block> {
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
         episodes; the paired test uses that. The achieved power is post hoc: the probability that as many runs pass the \
         first of these tests if the true difference were exactly the one found. It follows from p and adds no evidence: \
         where it is low, nothing is shown about a difference, least of all that there is none. Below it stands the \
         difference, in standard deviations over runs, that as many runs find with a probability of {} %, whatever was \
         found.",
        fixed(100.0 * Power::WANTED, 0)
    )));
    let mut table = Table::new(&[
        "world",
        "pair",
        "#runs",
        "#difference",
        "#t, Welch",
        "#p, Welch",
        "#p, paired t",
        "#p, ranks",
        "#p, permutation",
        "#Hedges\u{2019} g",
        "#Cliff\u{2019}s delta",
        "#achieved power, detectable",
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
        let t = welch.map_or(dash(), |welch| Entry {
            text: fixed(welch.test.t, 2),
            notes: vec![format!("{} d. f.", fixed(welch.test.freedom, 1))],
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
            t,
            p(welch.map(|test| (test.p_holm, test.test.p))),
            p(found.paired_t.as_ref().map(|test| (test.p_holm, test.test.p))),
            p(found.mann_whitney.as_ref().map(|test| (test.p_holm, test.test.p))),
            p(found.permutation.as_ref().map(|test| (test.p_holm, test.test.p))),
            g,
            found.cliffs_delta.map_or(dash(), |delta| fixed(delta, 2).into()),
            found.power.map_or(dash(), |power| Entry {
                text: power.achieved.map_or("\u{2013}".into(), |achieved| fixed(achieved, 2)),
                notes: vec![format!("{} s. d.", fixed(power.detectable, 2))],
                strong: false,
            }),
        ]);
    }
    blocks.push(Block::Table(table));
    let hardest = summary.tests.iter().filter_map(|tests| Some((tests.n, tests.power?.detectable)));
    if let Some(([one, other], effect)) = hardest.max_by(|a, b| a.1.total_cmp(&b.1)) {
        let runs = if one == other { format!("{one} runs a side") } else { format!("{one} runs against {other}") };
        blocks.push(Block::Text(format!(
            "With {runs}, a difference must be {} standard deviations over runs to pass the first of these \
             tests with a probability of {} %.",
            fixed(effect, 2),
            fixed(100.0 * Power::WANTED, 0)
        )));
    }
    blocks
}

pub fn negative(summary: &Summary) -> Vec<Block> {
    let none = || Block::Text("None.".into());
    let list = if summary.negative.is_empty() { none() } else { Block::List(summary.negative.clone()) };
    vec![heading(2, "Negative results"), list]
}
