//! How counts grow with the size of a problem: a small panel for each series, both axes logarithmic.

use std::ops::Range;

use super::canvas::{Align, Axis, Canvas, INK, Look, Place, fitted, paint};
use super::{Chart, ChartError};

const COLUMNS: usize = 4;
const PANEL: (f64, f64) = (200.0, 120.0);
/// Room in a panel for its title above and for the sizes below.
const ABOVE: f64 = 22.0;
const BELOW: f64 = 24.0;
const SIDE: f64 = 14.0;
const TOP: f64 = 30.0;

/// A series: what it counts, and (size, count) in ascending order of size, all above 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Growth {
    /// What is counted.
    pub name: String,
    /// Sizes with their counts.
    pub points: Vec<(f64, f64)>,
}

/// Draws the panels, in order. The thin line of a panel grows as the size does, from the first
/// point on.
///
/// # Errors
/// [`ChartError`] with the backend's message.
pub fn draw(file: String, series: &[Growth]) -> Result<Chart, ChartError> {
    let rows = series.len().div_ceil(COLUMNS);
    let size = ((COLUMNS as f64 * PANEL.0) as u32, (TOP + rows as f64 * PANEL.1) as u32);
    let said: Vec<String> = series.iter().map(spoken).collect();
    let alt = format!(
        "Instructions against the size of the problem, the product of the numbers of its shape, in {} panels. {}.",
        series.len(),
        said.join("; ")
    );
    paint(file, alt, size, |canvas| {
        let title = "instructions over the size of the shape, both logarithmic; thin: in proportion to the size";
        canvas.text(title, (SIDE, 12.0), Align::Start, false, 0.85)?;
        for (index, growth) in series.iter().enumerate() {
            let corner = ((index % COLUMNS) as f64 * PANEL.0, TOP + (index / COLUMNS) as f64 * PANEL.1);
            panel(canvas, corner, growth)?;
        }
        Ok(())
    })
}

fn spoken(growth: &Growth) -> String {
    let ends = growth.points.first().into_iter().chain(growth.points.last());
    let ends: Vec<String> = ends.map(|(size, count)| format!("{} at {}", short(*count), short(*size))).collect();
    format!("{}: {}", growth.name, ends.join(" to "))
}

fn panel(canvas: &Canvas, (left, top): Place, growth: &Growth) -> Result<(), ChartError> {
    let points: Vec<Place> = growth.points.iter().map(|(size, count)| (logarithm(*size), logarithm(*count))).collect();
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return Ok(()) };
    let in_proportion = first.1 + last.0 - first.0;
    let heights = points.iter().map(|point| point.1).chain([in_proportion]);
    let x = Axis { values: around(points.iter().map(|point| point.0)), pixels: left + SIDE..left + PANEL.0 - SIDE };
    let y = Axis { values: around(heights), pixels: top + PANEL.1 - BELOW..top + ABOVE };
    let title = fitted(&growth.name, true, PANEL.0 - 2.0 * SIDE)?;
    canvas.text(&title, (left + SIDE, top + 8.0), Align::Start, true, 1.0)?;
    let floor = y.pixels.start + 4.0;
    canvas.line(&[(x.pixels.start, floor), (x.pixels.end, floor)], INK, 0.4, 1.0)?;
    canvas.line(&[(x.at(first.0), y.at(first.1)), (x.at(last.0), y.at(in_proportion))], INK, 0.35, 0.75)?;
    let places: Vec<Place> = points.iter().map(|point| (x.at(point.0), y.at(point.1))).collect();
    canvas.line(&places, Look::new(0).colour(), 1.0, 2.0)?;
    for place in &places {
        canvas.marker(Look::new(0), *place, 3.5)?;
    }
    let ends =
        [(growth.points.first(), x.pixels.start, Align::Start), (growth.points.last(), x.pixels.end, Align::End)];
    for (point, place, align) in ends {
        let Some((size, count)) = point else { continue };
        let text = format!("{} at {}", short(*count), short(*size));
        canvas.text(&text, (place, top + PANEL.1 - 10.0), align, false, 0.85)?;
    }
    Ok(())
}

/// To the base of 10. What platforms differ in is far below a pixel.
#[expect(clippy::disallowed_methods, reason = "places of a drawing are rounded to an eighth of a pixel")]
fn logarithm(value: f64) -> f64 {
    value.log10()
}

/// From the least to the greatest, and at least a tenth of a decade.
fn around(values: impl Iterator<Item = f64>) -> Range<f64> {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    let (least, most) = (sorted[0], sorted[sorted.len() - 1]);
    if most - least < 0.1 { least - 0.05..most + 0.05 } else { least..most }
}

/// Three digits in thousands or millions.
fn short(value: f64) -> String {
    let (value, unit) = match value {
        1e6.. => (value / 1e6, "M"),
        1e3.. => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let text = if value < 10.0 { format!("{value:.1}") } else { format!("{value:.0}") };
    format!("{}{unit}", text.trim_end_matches(".0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_series_has_a_panel_and_hostile_names_stay_text() {
        let growth = |name: &str| Growth { name: name.into(), points: vec![(100.0, 2500.0), (40_000.0, 1.2e6)] };
        let series: Vec<Growth> = (0..6).map(|i| growth(&format!("<{i}>&"))).collect();
        let chart = draw("growth.svg".into(), &series).expect("drawn");
        let text = chart.standalone();
        assert_eq!(text.matches("\n2.5k at 100\n").count(), 6, "{text}");
        assert_eq!(text.matches("\n1.2M at 40k\n").count(), 6);
        assert!(text.contains("&lt;5&gt;&amp;") && !text.contains("<5>"));
        assert_eq!(draw("growth.svg".into(), &series), Ok(chart), "the same bytes again");
    }

    /// Counts that do not grow, and a single size, have room too.
    #[test]
    fn level_series_are_drawn() {
        let level = Growth { name: "level".into(), points: vec![(10.0, 5.0), (1000.0, 5.0)] };
        let single = Growth { name: "single".into(), points: vec![(10.0, 5.0)] };
        assert!(draw("growth.svg".into(), &[level, single]).is_ok());
    }
}
