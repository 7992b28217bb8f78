//! The probability that a run of one agent beats a run of another, as a matrix: rows against columns.

use super::canvas::{Align, INK, Look, fitted, paint, widest};
use super::{Chart, ChartError};
use crate::comparison::Pair;
use crate::number::fixed;
use crate::stats::Estimate;
use crate::summary::Summary;

const WIDEST_LABEL: f64 = 170.0;
const CELL: (f64, f64) = (112.0, 50.0);
const TOP: f64 = 58.0;
const BOTTOM: f64 = 30.0;

pub fn draw(summary: &Summary) -> Result<Chart, ChartError> {
    let known = |agent: &&str| summary.improvement.iter().any(|pair| pair.x == **agent || pair.y == **agent);
    let agents: Vec<&str> = summary.learned_agents().into_iter().filter(known).collect();
    let mut labels = Vec::new();
    for agent in &agents {
        labels.push((fitted(agent, false, WIDEST_LABEL)?, fitted(agent, false, CELL.0 - 6.0)?));
    }
    let left = 34.0 + widest(labels.iter().map(|(row, _)| row.as_str()))? + 12.0;
    let size = (left + CELL.0 * agents.len() as f64, TOP + CELL.1 * agents.len() as f64 + BOTTOM);
    let width = if size.0 > 440.0 { size.0 } else { 440.0 };
    // The look of an agent is that of all charts of the report.
    let look = |agent: &str| Look::new(summary.learned_agents().iter().position(|name| *name == agent).unwrap_or(0));

    let file = "improvement.svg".into();
    paint(file, alt(&summary.improvement), (width as u32, size.1 as u32), |canvas| {
        canvas.text("P(a run of the row beats one of the column)", (0.0, 12.0), Align::Start, false, 0.85)?;
        for (at, (row, column)) in labels.iter().enumerate() {
            let x = left + CELL.0 * (at as f64 + 0.5);
            let y = TOP + CELL.1 * (at as f64 + 0.5);
            canvas.marker(look(agents[at]), (20.0, y), 4.5)?;
            canvas.text(row, (34.0, y), Align::Start, false, 1.0)?;
            canvas.text(column, (x, TOP - 14.0), Align::Middle, false, 1.0)?;
        }
        for (row, x) in agents.iter().enumerate() {
            for (column, y) in agents.iter().enumerate() {
                let corner = (left + CELL.0 * column as f64 + 1.5, TOP + CELL.1 * row as f64 + 1.5);
                let other = (corner.0 + CELL.0 - 3.0, corner.1 + CELL.1 - 3.0);
                let middle = 0.5 * (corner.0 + other.0);
                let Some((point, ends)) = probability(&summary.improvement, x, y) else {
                    canvas.bar(corner, other, INK, 0.05)?;
                    if row != column {
                        canvas.text("\u{2013}", (middle, 0.5 * (corner.1 + other.1)), Align::Middle, false, 0.6)?;
                    }
                    continue;
                };
                // Blue where the row wins, vermilion where it loses, in ground where neither does.
                let side = Look::new(usize::from(point < 0.5));
                canvas.bar(corner, other, side.colour(), 0.9 * (point - 0.5).abs())?;
                canvas.text(&fixed(point, 2), (middle, corner.1 + 16.0), Align::Middle, true, 1.0)?;
                if let Some((low, high)) = ends {
                    let interval = format!("[{}, {}]", fixed(low, 2), fixed(high, 2));
                    canvas.text(&interval, (middle, corner.1 + 33.0), Align::Middle, false, 0.9)?;
                }
            }
        }
        let legend = "blue: the row wins, orange: it loses; [95 % interval]";
        canvas.text(legend, (0.0, size.1 - 10.0), Align::Start, false, 0.85)
    })
}

/// P(x beats y) with its interval, from whichever direction is known.
fn probability(pairs: &[Pair], x: &str, y: &str) -> Option<(f64, Option<(f64, f64)>)> {
    let ends = |estimate: &Estimate| estimate.low.zip(estimate.high);
    let same = pairs.iter().find(|pair| pair.x == x && pair.y == y);
    let reverse = || pairs.iter().find(|pair| pair.x == y && pair.y == x);
    match same {
        Some(pair) => Some((pair.estimate.point, ends(&pair.estimate))),
        None => reverse()
            .map(|pair| (1.0 - pair.estimate.point, ends(&pair.estimate).map(|(low, high)| (1.0 - high, 1.0 - low)))),
    }
}

fn alt(pairs: &[Pair]) -> String {
    let mut text = String::from("Probability that a run of one agent beats a run of another.");
    for pair in pairs {
        text += &format!(" {} against {}: {};", pair.x, pair.y, fixed(pair.estimate.point, 2));
    }
    text
}
