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
         episodes; the paired test uses that.",
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

pub fn negative(summary: &Summary) -> Vec<Block> {
    let none = || Block::Text("None.".into());
    let list = if summary.negative.is_empty() { none() } else { Block::List(summary.negative.clone()) };
    vec![heading(2, "Negative results"), list]
}
