//! Scores of all learned agents in all worlds as a forest plot: one row for each, so that no label can collide.

use std::ops::Range;

use super::canvas::{Align, Axis, Dash, INK, Look, fitted, paint, text_width};
use super::{Chart, ChartError};
use crate::number::fixed;
use crate::summary::{Cell, Confidence, Summary};

const WIDTH: f64 = 780.0;
/// What is wider is shortened, so that the plot keeps most of the width.
const WIDEST_LABEL: f64 = 260.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 40.0;
const ROW: f64 = 20.0;
const GAP: f64 = 10.0;
/// Lowest and highest score that the axis may have to show; what lies beyond is drawn on its edge.
const LOWEST: f64 = -1.0;
const HIGHEST: f64 = 2.0;

/// One row: a heading, an agent or a reference policy.
enum Row<'a> {
    World(String),
    Agent(String, &'a Cell, Look),
    Policy(String, f64),
}

pub fn draw(summary: &Summary) -> Result<Chart, ChartError> {
    let rows = rows(summary)?;
    let mut labels = 0.0;
    let mut figures = 0.0;
    for row in &rows {
        let (label, figure) = match row {
            // A heading may reach into the plot, where its row holds nothing else.
            Row::World(_) => (0.0, 0.0),
            Row::Agent(name, cell, _) => (text_width(name, false)?, text_width(&figure(cell), false)?),
            Row::Policy(name, score) => (text_width(name, false)?, text_width(&fixed(*score, 2), false)?),
        };
        labels = if label > labels { label } else { labels };
        figures = if figure > figures { figure } else { figures };
    }
    let (left, right) = (34.0 + labels + 22.0, WIDTH - figures - 22.0);
    // Rows of one world, the heading left out; a gap parts the worlds.
    let headings: Vec<usize> = (0..rows.len()).filter(|&row| matches!(rows[row], Row::World(_))).collect();
    let ends = headings.iter().skip(1).copied().chain([rows.len()]);
    let groups: Vec<Range<usize>> =
        headings.iter().zip(ends).map(|(heading, end)| heading + 1..end).filter(|group| !group.is_empty()).collect();
    let top = |row: usize| {
        let worlds = headings.iter().filter(|heading| **heading <= row).count();
        TOP + ROW * row as f64 + GAP * worlds.saturating_sub(1) as f64
    };
    let height = top(rows.len() - 1) + ROW + BOTTOM;
    let x = Axis { values: score_range(&rows), pixels: left..right };
    let plot_bottom = height - BOTTOM;

    paint("scores.svg".into(), alt(&rows), (WIDTH as u32, height as u32), |canvas| {
        // Lines stop at the headings, which may be long enough to reach them.
        let under = |draw: &dyn Fn(f64, f64) -> Result<(), ChartError>| {
            groups.iter().try_for_each(|group| draw(top(group.start), top(group.end - 1) + ROW))
        };
        for tick in x.ticks(9) {
            under(&|from, to| canvas.line(&[(x.at(tick), from), (x.at(tick), to)], INK, 0.1, 1.0))?;
            canvas.text(&fixed(tick, 2), (x.at(tick), plot_bottom + 12.0), Align::Middle, false, 0.85)?;
        }
        for (score, name) in [(0.0, "random"), (1.0, "optimum")] {
            under(&|from, to| canvas.line(&[(x.at(score), from), (x.at(score), to)], INK, 0.6, 1.25))?;
            canvas.text(name, (x.at(score), TOP - 12.0), Align::Middle, false, 0.85)?;
        }
        canvas.text("normalised score", (right, plot_bottom + 31.0), Align::End, false, 0.85)?;
        for (index, row) in rows.iter().enumerate() {
            let y = top(index) + 0.5 * ROW;
            match row {
                Row::World(label) => canvas.text(label, (0.0, y), Align::Start, true, 1.0)?,
                Row::Agent(name, cell, look) => {
                    canvas.marker(*look, (20.0, y), 4.5)?;
                    canvas.text(name, (34.0, y), Align::Start, false, 1.0)?;
                    if let Some(ci) = &cell.score_ci {
                        let (low, high) = (x.at(ci.low), x.at(ci.high));
                        canvas.line(&[(low, y), (high, y)], look.colour(), 1.0, 2.0)?;
                        for end in [low, high] {
                            canvas.line(&[(end, y - 4.0), (end, y + 4.0)], look.colour(), 1.0, 2.0)?;
                        }
                    }
                    if let Some(least) = cell.score_upper {
                        canvas.line(&[(x.at(least), y - 5.0), (x.at(least), y + 5.0)], look.colour(), 0.75, 1.0)?;
                        let from = cell.score_ci.as_ref().map_or(cell.score, |ci| Some(ci.low)).unwrap_or(least);
                        if x.at(from) > x.at(least) {
                            canvas.level((x.at(least), y), x.at(from), Dash::Dotted, 0.6)?;
                        }
                    }
                    canvas.marker(*look, (x.at(cell.score.unwrap_or(0.0)), y), 4.5)?;
                    canvas.text(&figure(cell), (WIDTH, y), Align::End, false, 1.0)?;
                }
                Row::Policy(name, score) => {
                    canvas.text(name, (34.0, y), Align::Start, false, 0.72)?;
                    canvas.line(&[(x.at(*score), y - 5.0), (x.at(*score), y + 5.0)], INK, 0.72, 2.0)?;
                    let figure = fixed(*score, 2);
                    canvas.text(&figure, (WIDTH, y), Align::End, false, 0.72)?;
                }
            }
        }
        Ok(())
    })
}

fn rows(summary: &Summary) -> Result<Vec<Row<'_>>, ChartError> {
    let agents = summary.learned_agents();
    let mut rows = Vec::new();
    for world in &summary.worlds {
        rows.push(Row::World(fitted(&world.label, true, WIDTH)?));
        for cell in summary.cells(world).filter(|cell| cell.learned && cell.score.is_some()) {
            let rank = agents.iter().position(|agent| *agent == cell.agent).unwrap_or(0);
            rows.push(Row::Agent(fitted(&cell.agent, false, WIDEST_LABEL)?, cell, Look::new(rank)));
        }
        let reference = &world.reference;
        let named = reference.named.iter().map(|(name, value)| (name.as_str(), *value));
        let policies = reference.myopic.map(|value| ("myopic", value)).into_iter().chain(named);
        for (name, value) in policies {
            if let Some(score) = reference.score(value) {
                rows.push(Row::Policy(fitted(name, false, WIDEST_LABEL)?, score));
            }
        }
    }
    Ok(rows)
}

fn figure(cell: &Cell) -> String {
    let interval = |ci: &Confidence| format!(" [{}, {}]", fixed(ci.low, 2), fixed(ci.high, 2));
    format!("{}{}", fixed(cell.score.unwrap_or(0.0), 2), cell.score_ci.as_ref().map(interval).unwrap_or_default())
}

fn score_range(rows: &[Row]) -> Range<f64> {
    let mut range = -0.05..1.05;
    let shown = rows.iter().flat_map(|row| match row {
        Row::World(_) => vec![],
        Row::Agent(_, cell, _) => {
            let ends = cell.score_ci.iter().flat_map(|ci| [ci.low, ci.high]);
            ends.chain(cell.score).chain(cell.score_upper).collect()
        }
        Row::Policy(_, score) => vec![*score],
    });
    for score in shown {
        if score - 0.03 < range.start {
            range.start = if score < LOWEST { LOWEST } else { score - 0.03 };
        }
        if score + 0.03 > range.end {
            range.end = if score > HIGHEST { HIGHEST } else { score + 0.03 };
        }
    }
    range
}

fn alt(rows: &[Row]) -> String {
    let mut text = String::from("Normalised scores, 0 for the random policy and 1 for the optimum.");
    for row in rows {
        match row {
            Row::World(label) => text += &format!(" {label}:"),
            Row::Agent(_, cell, _) => text += &format!(" {} {};", cell.agent, figure(cell)),
            Row::Policy(name, score) => text += &format!(" {name} {};", fixed(*score, 2)),
        }
    }
    text
}
