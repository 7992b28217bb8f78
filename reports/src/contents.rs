//! What a report says, in which order: the verdict first, then all that it rests on.

mod changes;
mod protocol;
mod scores;
mod tests;
mod worlds;

use std::collections::{BTreeMap, BTreeSet};

use changes::changes;
use protocol::{ended_early, limits, protocol, provenance, reproduce};
use scores::scores;
use tests::{negative, tests};
use worlds::world_section;

use crate::charts::{self, ChartError};
use crate::comparison::Power;
use crate::document::{Block, Entry, Table, code};
use crate::number::{count, decimals, fixed, plain, ranges, short};
use crate::record::Status;
use crate::stats::{Estimate, Interval, coverage};
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
    blocks.extend(summary.since.as_ref().map(changes).unwrap_or_default());
    blocks.extend(protocol(summary));
    blocks.extend(provenance(summary));
    blocks.extend(reproduce(summary));
    blocks.extend(limits(summary));
    Ok(blocks)
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

fn digits(world: &World) -> usize {
    decimals(world.reference.optimum_upper - world.reference.random)
}

fn dash() -> Entry {
    Entry::from(String::from("\u{2013}"))
}

fn heading(level: usize, text: &str) -> Block {
    Block::Heading { level, text: text.into() }
}
