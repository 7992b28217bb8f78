//! Paths of one episode, such as price and stock, in panels one below the other over the same steps.

use super::canvas::{Align, Axis, INK, LINE_HEIGHT, Look, Place, fitted, paint, widest};
use super::placement::spread;
use super::{Chart, ChartError};
use crate::number::{decimals, fixed, short};

const WIDTH: f64 = 780.0;
const PANEL: f64 = 170.0;
const HEAD: f64 = 44.0;
const BOTTOM: f64 = 46.0;
const WIDEST_LABEL: f64 = 180.0;
const LEADER: f64 = 26.0;

/// One quantity along the episode.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// The quantity with its unit.
    pub title: String,
    /// Name of a policy or firm, and the quantity at steps 0, 1, 2, …
    pub lines: Vec<(String, Vec<f64>)>,
}

/// Draws panels; a line of the same name looks the same in each. A value holds until the next step.
///
/// # Errors
/// [`ChartError`] with the backend's message.
pub fn draw(file: String, title: &str, panels: &[Panel]) -> Result<Chart, ChartError> {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in panels.iter().flat_map(|panel| &panel.lines) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let mut labels = Vec::new();
    for name in &names {
        labels.push(fitted(name, false, WIDEST_LABEL)?);
    }
    let right = WIDTH - LEADER - 6.0 - widest(labels.iter().map(String::as_str))?;
    let longest = panels.iter().flat_map(|panel| &panel.lines).map(|(_, values)| values.len()).max().unwrap_or(0);
    let x = Axis { values: 0.0..if longest > 1 { longest as f64 } else { 1.0 }, pixels: 64.0..right };
    let height = (HEAD + PANEL) * panels.len() as f64 + BOTTOM;

    paint(file, alt(title, panels), (WIDTH as u32, height as u32), |canvas| {
        for (at, panel) in panels.iter().enumerate() {
            let top = (HEAD + PANEL) * at as f64 + HEAD;
            let y = Axis { values: range(panel), pixels: top + PANEL..top };
            canvas.text(&panel.title, (0.0, top - 22.0), Align::Start, false, 0.85)?;
            let digits = decimals(100.0 * (y.values.end - y.values.start));
            for tick in y.ticks(5) {
                canvas.line(&[(x.pixels.start, y.at(tick)), (right, y.at(tick))], INK, 0.1, 1.0)?;
                canvas.text(&fixed(tick, digits), (x.pixels.start - 8.0, y.at(tick)), Align::End, false, 0.85)?;
            }
            canvas.line(&[(x.pixels.start, top + PANEL), (right, top + PANEL)], INK, 0.7, 1.0)?;
            let mut ends = Vec::new();
            for (name, values) in &panel.lines {
                let rank = names.iter().position(|known| known == name).unwrap_or(0);
                let places = held(values, &x, &y);
                canvas.line(&places, Look::new(rank).colour(), 1.0, 1.75)?;
                if let Some(end) = places.last() {
                    canvas.marker(Look::new(rank), *end, 3.5)?;
                    ends.push((rank, end.1));
                }
            }
            let wanted: Vec<f64> = ends.iter().map(|(_, y)| *y).collect();
            for ((rank, _), place) in ends.iter().zip(spread(&wanted, LINE_HEIGHT, top + 6.0, top + PANEL - 6.0)) {
                canvas.marker(Look::new(*rank), (right + LEADER - 9.0, place), 4.5)?;
                canvas.text(&labels[*rank], (right + LEADER, place), Align::Start, false, 1.0)?;
            }
        }
        let bottom = height - BOTTOM;
        for tick in x.ticks(9).into_iter().filter(|tick| tick.fract() == 0.0) {
            canvas.line(&[(x.at(tick), bottom), (x.at(tick), bottom + 5.0)], INK, 0.7, 1.0)?;
            canvas.text(&fixed(tick, 0), (x.at(tick), bottom + 14.0), Align::Middle, false, 0.85)?;
        }
        canvas.text("step", (right, bottom + 34.0), Align::End, false, 0.85)
    })
}

/// Corners of the line that holds each value until the next step.
fn held(values: &[f64], x: &Axis, y: &Axis) -> Vec<Place> {
    let corners = |(step, value): (usize, &f64)| [step, step + 1].map(|step| (x.at(step as f64), y.at(*value)));
    values.iter().enumerate().flat_map(corners).collect()
}

/// From 0 or the least value to the largest.
fn range(panel: &Panel) -> std::ops::Range<f64> {
    let values = || panel.lines.iter().flat_map(|(_, values)| values).copied().filter(|value| value.is_finite());
    let least = values().fold(0.0, |least, value| if value < least { value } else { least });
    let most = values().fold(least, |most, value| if value > most { value } else { most });
    least..if most > least { most + 0.04 * (most - least) } else { least + 1.0 }
}

fn alt(title: &str, panels: &[Panel]) -> String {
    let mut text = format!("{title}.");
    for panel in panels {
        text += &format!(" {}:", panel.title);
        for (name, values) in &panel.lines {
            let ends = values.first().zip(values.last());
            let told = ends.map(|(first, last)| format!(" {name} from {} to {};", short(*first), short(*last)));
            text += &told.unwrap_or_default();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two panels of two policies: each name stands once in each panel, and the description tells where paths begin and
    /// end.
    #[test]
    fn every_panel_names_its_lines() {
        let lines = |shift: f64| {
            vec![("oracle".to_string(), vec![3.0 + shift, 2.0]), ("random".to_string(), vec![1.0, 4.0, 2.0])]
        };
        let panels =
            [("price", 0.0), ("stock", 1.0)].map(|(title, shift)| Panel { title: title.into(), lines: lines(shift) });
        let chart = draw("a.svg".into(), "An episode", &panels).unwrap();
        let text = chart.standalone();
        for name in ["oracle", "random"] {
            assert_eq!(text.matches(&format!("\n{name}\n")).count(), 2, "{text}");
        }
        assert!(chart.alt.contains("price: oracle from 3 to 2; random from 1 to 2;"), "{}", chart.alt);
    }
}
