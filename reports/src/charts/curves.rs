//! Learning curves of one world, each named at its right end rather than in a legend.

use std::ops::Range;

use super::canvas::{Align, Axis, Canvas, Dash, INK, LINE_HEIGHT, Look, Place, fitted, paint, widest};
use super::placement::spread;
use super::{Chart, ChartError};
use crate::number::{count, decimals, fixed};
use crate::record::{Reference, Status};
use crate::summary::{Cell, Summary, World};

const WIDTH: f64 = 780.0;
/// What is wider is shortened, so that the plot keeps most of the width.
const WIDEST_LABEL: f64 = 260.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 46.0;
/// Room on the right for marker and leader before a label.
const LEADER: f64 = 34.0;

/// A level line with its label.
struct Level {
    value: f64,
    label: String,
    dash: Dash,
}

pub fn draw(summary: &Summary, world: &World) -> Result<Chart, ChartError> {
    let agents = summary.learned_agents();
    let cells: Vec<(&Cell, Look)> = summary
        .cells(world)
        .filter(|cell| cell.learned)
        .map(|cell| (cell, Look::new(agents.iter().position(|agent| *agent == cell.agent).unwrap_or(0))))
        .collect();
    let digits = decimals(world.reference.optimum_upper - world.reference.random);
    let levels = levels(summary, world, digits);
    let mut labels: Vec<(f64, String)> = cells
        .iter()
        .map(|(cell, _)| (cell.curve.last().map_or(cell.mean, |point| point.mean), cell.agent.clone()))
        .collect();
    labels.extend(levels.iter().map(|level| (level.value, level.label.clone())));

    for (_, label) in &mut labels {
        *label = fitted(label, false, WIDEST_LABEL)?;
    }
    let tallest = TOP + BOTTOM + LINE_HEIGHT * labels.len() as f64;
    let height = if tallest > 400.0 { tallest } else { 400.0 };
    let range = value_range(&cells, &levels, &world.reference);
    let y = Axis { values: range, pixels: height - BOTTOM..TOP };
    let y_ticks: Vec<(f64, String)> = y.ticks(7).into_iter().map(|tick| (tick, fixed(tick, digits))).collect();
    let y_ticks = without_idle_zeros(y_ticks);
    let left = 14.0 + widest(y_ticks.iter().map(|(_, text)| text.as_str()))?;
    let right = WIDTH - LEADER - 6.0 - widest(labels.iter().map(|(_, text)| text.as_str()))?;
    let budget = cells.iter().map(|(cell, _)| cell.budget).max().unwrap_or(0);
    let x = Axis { values: 0.0..if budget > 0 { budget as f64 } else { 1.0 }, pixels: left..right };

    let file = format!("curves-{}.svg", slug(&world.label));
    paint(file, alt(world, &cells, digits), (WIDTH as u32, height as u32), |canvas| {
        axes(canvas, &x, &y, &y_ticks, world, &cells)?;
        for level in &levels {
            canvas.level((left, y.at(level.value)), right, level.dash, 0.6)?;
        }
        for &(cell, look) in &cells {
            band(canvas, &x, &y, cell, look)?;
        }
        for &(cell, look) in &cells {
            runs(canvas, &x, &y, cell, look)?;
        }
        for (rank, &(cell, look)) in cells.iter().enumerate() {
            mean_line(canvas, &x, &y, cell, look, rank)?;
        }
        let wanted: Vec<f64> = labels.iter().map(|(value, _)| y.at(*value)).collect();
        let places = spread(&wanted, LINE_HEIGHT, TOP, height - BOTTOM);
        for (index, ((_, text), place)) in labels.iter().zip(places).enumerate() {
            canvas.line(&[(right + 4.0, wanted[index]), (right + LEADER - 16.0, place)], INK, 0.35, 0.75)?;
            let opacity = match cells.get(index) {
                Some((_, look)) => {
                    canvas.marker(*look, (right + LEADER - 9.0, place), 4.5)?;
                    1.0
                }
                None => 0.72,
            };
            canvas.text(text, (right + LEADER, place), Align::Start, false, opacity)?;
        }
        Ok(())
    })
}

/// Optimum, random, myopic and the other published values, then the policies that only the records know.
fn levels(summary: &Summary, world: &World, digits: usize) -> Vec<Level> {
    let reference = &world.reference;
    let level = |name: &str, value: f64, dash| Level { value, label: format!("{name} {}", fixed(value, digits)), dash };
    let mut levels = if reference.is_exact() {
        vec![level("optimum", reference.optimum_upper, Dash::Solid)]
    } else {
        vec![
            level("optimum \u{2264}", reference.optimum_upper, Dash::Solid),
            level("optimum \u{2265}", reference.optimum_lower, Dash::Solid),
        ]
    };
    levels.push(level("random", reference.random, Dash::Dotted));
    levels.extend(reference.myopic.map(|value| level("myopic", value, Dash::Long)));
    levels.extend(reference.named.iter().map(|(name, value)| level(name, *value, Dash::Short)));
    let published = |name: &str| matches!(name, "random" | "myopic" | "oracle") || reference.named.contains_key(name);
    let measured = summary.cells(world).filter(|cell| !cell.learned && !published(&cell.agent));
    levels.extend(measured.map(|cell| level(&cell.agent, cell.mean, Dash::Short)));
    levels
}

/// From the lowest to the highest of all that is drawn, but no further below the random policy than the optimum is
/// above it: one run far down must not flatten all others.
fn value_range(cells: &[(&Cell, Look)], levels: &[Level], reference: &Reference) -> Range<f64> {
    let floor = reference.random - (reference.optimum_upper - reference.random);
    let points = cells.iter().flat_map(|(cell, _)| {
        let runs = cell.runs.iter().flat_map(|run| run.curve.iter().map(|point| point.1));
        runs.chain(cell.curve.iter().map(|point| point.mean))
    });
    let mut values: Vec<f64> = points.filter(|value| *value >= floor).collect();
    values.extend(levels.iter().map(|level| level.value));
    values.sort_by(f64::total_cmp);
    let (low, high) = (values[0], values[values.len() - 1]);
    let margin = if high > low { 0.04 * (high - low) } else { 1.0 };
    low - margin..high + margin
}

fn axes(
    canvas: &Canvas,
    x: &Axis,
    y: &Axis,
    y_ticks: &[(f64, String)],
    world: &World,
    cells: &[(&Cell, Look)],
) -> Result<(), ChartError> {
    let (left, right, bottom) = (x.pixels.start, x.pixels.end, y.pixels.start);
    for (value, text) in y_ticks {
        canvas.line(&[(left, y.at(*value)), (right, y.at(*value))], INK, 0.1, 1.0)?;
        canvas.text(text, (left - 8.0, y.at(*value)), Align::End, false, 0.85)?;
    }
    canvas.line(&[(left, bottom), (right, bottom)], INK, 0.7, 1.0)?;
    for value in x.ticks(7) {
        canvas.line(&[(x.at(value), bottom), (x.at(value), bottom + 5.0)], INK, 0.7, 1.0)?;
        canvas.text(&steps(value, x.values.end), (x.at(value), bottom + 14.0), Align::Middle, false, 0.85)?;
    }
    canvas.text("training transitions", (right, bottom + 34.0), Align::End, false, 0.85)?;
    let episodes = cells.first().map(|(cell, _)| cell.evaluation.point_episodes);
    let of = episodes.map(|episodes| format!(", mean of {} evaluation episodes", count(episodes.into())));
    let title = format!("{}{}", world.objective.replace('_', " "), of.unwrap_or_default());
    canvas.text(&title, (0.0, 12.0), Align::Start, false, 0.85)
}

fn band(canvas: &Canvas, x: &Axis, y: &Axis, cell: &Cell, look: Look) -> Result<(), ChartError> {
    let side = |upper: bool| {
        cell.curve.iter().filter(|point| point.n >= 3).filter_map(move |point| {
            let ci = point.ci?;
            Some((x.at(point.step as f64), y.at(if upper { ci.high } else { ci.low })))
        })
    };
    let lower: Vec<Place> = side(false).collect();
    let corners: Vec<Place> = side(true).chain(lower.into_iter().rev()).collect();
    if corners.len() < 4 { Ok(()) } else { canvas.fill(&corners, look.colour(), 0.13) }
}

fn runs(canvas: &Canvas, x: &Axis, y: &Axis, cell: &Cell, look: Look) -> Result<(), ChartError> {
    for run in &cell.runs {
        let places: Vec<Place> = run.curve.iter().map(|&(step, value)| (x.at(step as f64), y.at(value))).collect();
        if places.len() > 1 {
            canvas.line(&places, look.colour(), 0.4, 0.75)?;
        }
        if let (Some(last), false) = (places.last(), run.status == Status::Ok) {
            canvas.cross(*last, 5.0, look.colour())?;
        }
    }
    Ok(())
}

/// The mean over the runs, with about eight markers, at places that differ from agent to agent.
fn mean_line(canvas: &Canvas, x: &Axis, y: &Axis, cell: &Cell, look: Look, rank: usize) -> Result<(), ChartError> {
    let places: Vec<Place> = cell.curve.iter().map(|point| (x.at(point.step as f64), y.at(point.mean))).collect();
    if places.len() > 1 {
        canvas.line(&places, look.colour(), 1.0, 2.25)?;
    }
    let every = places.len().div_ceil(8);
    let marked = places.iter().enumerate().filter(|(index, _)| index % every == rank % every);
    for (_, place) in marked {
        canvas.marker(look, *place, 3.75)?;
    }
    Ok(())
}

fn alt(world: &World, cells: &[(&Cell, Look)], digits: usize) -> String {
    let ends: Vec<String> = cells
        .iter()
        .map(|(cell, _)| format!("{} ends at {} (mean of {} runs)", cell.agent, fixed(cell.mean, digits), cell.n))
        .collect();
    let reference = &world.reference;
    let optimum = if reference.is_exact() {
        fixed(reference.optimum_upper, digits)
    } else {
        format!("{} to {}", fixed(reference.optimum_lower, digits), fixed(reference.optimum_upper, digits))
    };
    format!(
        "Learning curves on {}: {} against training transitions. {}. Optimum {optimum}, random policy {}.",
        world.label,
        world.objective.replace('_', " "),
        if ends.is_empty() { "No learned agent".into() } else { ends.join("; ") },
        fixed(reference.random, digits)
    )
}

/// Drops decimals that are zero on every tick.
fn without_idle_zeros(mut ticks: Vec<(f64, String)>) -> Vec<(f64, String)> {
    while ticks.iter().all(|(_, text)| text.contains('.') && text.ends_with('0')) && !ticks.is_empty() {
        for (_, text) in &mut ticks {
            text.pop();
            if text.ends_with('.') {
                text.pop();
            }
        }
    }
    ticks
}

/// A number of transitions in the unit that suits the longest.
fn steps(value: f64, longest: f64) -> String {
    let (size, unit) = match longest {
        1e6.. => (1e6, "M"),
        1e4.. => (1e3, "k"),
        _ => (1.0, ""),
    };
    let text = format!("{:.2}", value / size);
    let unit = if value == 0.0 { "" } else { unit };
    format!("{}{unit}", text.trim_end_matches('0').trim_end_matches('.'))
}

/// A label as part of a file name.
pub fn slug(label: &str) -> String {
    let kept = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '=' | '-' | '_');
    let parts: Vec<&str> = label.split(|c| !kept(c)).filter(|part| !part.is_empty()).collect();
    parts.join("-")
}
