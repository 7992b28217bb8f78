//! What changed since the report that this one is held against.

use super::*;
use crate::changes::{Change, Verdict};
use crate::summary::Since;

pub fn changes(since: &Since) -> Vec<Block> {
    let mut blocks = vec![heading(2, "Changes")];
    let found = &since.changes;
    let same = found.cells.iter().filter(|cell| cell.verdict == Verdict::Identical).count();
    blocks.push(Block::Text(format!(
        "Against the report {} (\u{201c}{}\u{201d}): {same} of {} agents in worlds have the same bits. Differences are \
         Welch\u{2019}s, p values adjusted by Holm\u{2019}s method over all cells that are in both with other bits.",
        code(&since.id.chars().take(16).collect::<String>()),
        since.title,
        found.cells.len()
    )));
    if !found.code.is_empty() {
        let mut table = Table::new(&["code", "before", "after"]);
        found.code.iter().for_each(|change| table.push(row(change)));
        blocks.push(Block::Table(table));
    }
    let mut table = Table::new(&[
        "world",
        "agent",
        "#runs",
        "#before",
        "#after",
        "#95 % interval of the difference",
        "#p",
        "verdict",
    ]);
    let number = |value: Option<f64>| value.map_or("\u{2013}".into(), short);
    for cell in &found.cells {
        let verdict = match cell.verdict {
            Verdict::Identical => "identical",
            Verdict::NotSeparated => "not separated",
            Verdict::Better => "better",
            Verdict::Worse => "worse",
            Verdict::New => "new",
            Verdict::Gone => "gone",
        };
        table.push([
            code(&cell.world),
            code(&cell.agent),
            format!("{}, {}", cell.n[0], cell.n[1]),
            number(cell.means[0]),
            number(cell.means[1]),
            cell.difference.map_or("\u{2013}".into(), |ends| format!("[{}, {}]", short(ends.low), short(ends.high))),
            number(cell.p_holm),
            verdict.into(),
        ]);
    }
    blocks.push(Block::Table(table));
    let mut table = Table::new(&["world", "agent", "setting", "before", "after"]);
    for cell in &found.cells {
        for change in &cell.settings {
            let [name, before, after] = row(change);
            table.push([code(&cell.world), code(&cell.agent), name, before, after]);
        }
    }
    if !table.rows.is_empty() {
        blocks.push(Block::Table(table));
    }
    blocks
}

fn row(change: &Change) -> [String; 3] {
    let of = |value: &Option<String>| value.as_ref().map_or("\u{2013}".into(), |value| code(value));
    [code(&change.name), of(&change.before), of(&change.after)]
}
