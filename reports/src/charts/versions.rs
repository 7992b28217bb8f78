//! Counts of kernels over versions, each against its first: what got cheaper and what got dearer.

use super::canvas::{Align, Axis, INK, LINE_HEIGHT, Look, Place, fitted, paint, text_width, widest};
use super::placement::spread;
use super::{Chart, ChartError};
use crate::number::fixed;

const WIDTH: f64 = 780.0;
const HEIGHT: f64 = 320.0;
const WIDEST_LABEL: f64 = 310.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 54.0;
const LEADER: f64 = 34.0;
/// Lines that can be told apart; the rest is told in the title.
const MOST: usize = 8;

/// Counts at one version.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// Its name, such as the beginning of a commit.
    pub name: String,
    /// Kernel and count, in any order; a kernel may be missing.
    pub counts: Vec<(String, u64)>,
}

/// Draws the kernels whose count changed most; those that never changed are counted in the title.
///
/// # Errors
/// [`ChartError`] with the backend's message.
pub fn draw(file: String, metric: &str, versions: &[Version]) -> Result<Chart, ChartError> {
    let all = lines(versions);
    let (changed, constant): (Vec<_>, Vec<_>) = all.into_iter().partition(|line| line.change() > 0.0);
    let (shown, others) = changed.split_at(if changed.len() < MOST { changed.len() } else { MOST });
    let title = format!(
        "{metric}, first version of each kernel = 1; {} more changed, {} did not",
        others.len(),
        constant.len()
    );
    let mut labels = Vec::new();
    for line in shown {
        let ratio = format!(" {}", fixed(line.last(), 2));
        labels.push(fitted(&line.kernel, false, WIDEST_LABEL - text_width(&ratio, false)?)? + &ratio);
    }
    let right = WIDTH - LEADER - 6.0 - widest(labels.iter().map(String::as_str))?;
    let values = || shown.iter().flat_map(|line| line.ratios.iter().map(|(_, ratio)| *ratio));
    let least = values().fold(0.95, |least, value| if value < least { value } else { least });
    let most = values().fold(1.05, |most, value| if value > most { value } else { most });
    let y = Axis { values: least - 0.05..most + 0.05, pixels: HEIGHT - BOTTOM..TOP };
    let last = versions.len().saturating_sub(1);
    let x = Axis { values: 0.0..if last > 0 { last as f64 } else { 1.0 }, pixels: 64.0..right };

    let alt = shown
        .iter()
        .fold(title.clone() + ".", |text, line| text + &format!(" {} ends at {};", line.kernel, fixed(line.last(), 2)));
    paint(file, alt, (WIDTH as u32, HEIGHT as u32), |canvas| {
        canvas.text(&title, (0.0, 12.0), Align::Start, false, 0.85)?;
        for tick in y.ticks(6) {
            let opacity = if (tick - 1.0).abs() < 1e-9 { 0.5 } else { 0.1 };
            canvas.line(&[(x.pixels.start, y.at(tick)), (right, y.at(tick))], INK, opacity, 1.0)?;
            canvas.text(&fixed(tick, 2), (x.pixels.start - 8.0, y.at(tick)), Align::End, false, 0.85)?;
        }
        let bottom = y.pixels.start;
        canvas.line(&[(x.pixels.start, bottom), (right, bottom)], INK, 0.7, 1.0)?;
        let every = versions.len().div_ceil(8).max(1);
        for (at, version) in versions.iter().enumerate().filter(|(at, _)| at % every == 0) {
            let place = x.at(at as f64);
            canvas.line(&[(place, bottom), (place, bottom + 5.0)], INK, 0.7, 1.0)?;
            canvas.text(&fitted(&version.name, false, 74.0)?, (place, bottom + 16.0), Align::Middle, false, 0.85)?;
        }
        canvas.text("version", (right, bottom + 38.0), Align::End, false, 0.85)?;
        for (rank, line) in shown.iter().enumerate() {
            let places: Vec<Place> = line.ratios.iter().map(|(at, ratio)| (x.at(*at as f64), y.at(*ratio))).collect();
            if places.len() > 1 {
                canvas.line(&places, Look::new(rank).colour(), 1.0, 1.75)?;
            }
            for place in places {
                canvas.marker(Look::new(rank), place, 3.5)?;
            }
        }
        let wanted: Vec<f64> = shown.iter().map(|line| y.at(line.last())).collect();
        for (rank, place) in spread(&wanted, LINE_HEIGHT, TOP, bottom).into_iter().enumerate() {
            canvas.line(&[(right + 4.0, wanted[rank]), (right + LEADER - 16.0, place)], INK, 0.35, 0.75)?;
            canvas.marker(Look::new(rank), (right + LEADER - 9.0, place), 4.5)?;
            canvas.text(&labels[rank], (right + LEADER, place), Align::Start, false, 1.0)?;
        }
        Ok(())
    })
}

/// One kernel: versions and counts over its first.
struct Line {
    kernel: String,
    ratios: Vec<(usize, f64)>,
}

impl Line {
    fn last(&self) -> f64 {
        self.ratios.last().map_or(1.0, |(_, ratio)| *ratio)
    }

    /// The largest factor by which it ever differed from its first count, less 1.
    fn change(&self) -> f64 {
        let factors = self.ratios.iter().map(|(_, ratio)| if *ratio > 1.0 { *ratio } else { 1.0 / ratio });
        factors.fold(1.0, |most, factor| if factor > most { factor } else { most }) - 1.0
    }
}

/// All kernels, those that changed most first.
fn lines(versions: &[Version]) -> Vec<Line> {
    let mut lines: Vec<(Line, u64)> = Vec::new();
    for (at, version) in versions.iter().enumerate() {
        for (kernel, count) in version.counts.iter().filter(|(_, count)| *count > 0) {
            match lines.iter_mut().find(|(line, _)| line.kernel == *kernel) {
                Some((line, first)) => line.ratios.push((at, *count as f64 / *first as f64)),
                None => lines.push((Line { kernel: kernel.clone(), ratios: vec![(at, 1.0)] }, *count)),
            }
        }
    }
    let mut lines: Vec<Line> = lines.into_iter().map(|(line, _)| line).collect();
    lines.sort_by(|a, b| b.change().total_cmp(&a.change()).then_with(|| a.kernel.cmp(&b.kernel)));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(name: &str, counts: &[(&str, u64)]) -> Version {
        Version {
            name: name.into(),
            counts: counts.iter().map(|(kernel, count)| (kernel.to_string(), *count)).collect(),
        }
    }

    /// The kernel that changed most comes first, also when it got cheaper; one that never changed is only counted; one
    /// that came later starts at 1.
    #[test]
    fn what_changed_most_comes_first() {
        let versions = [
            version("a", &[("adam", 100), ("td", 40), ("linear", 7)]),
            version("b", &[("adam", 110), ("td", 20), ("linear", 7), ("noisy", 5)]),
            version("c", &[("adam", 120), ("td", 20), ("linear", 7), ("noisy", 6)]),
        ];
        let found: Vec<(String, f64)> =
            lines(&versions).iter().map(|line| (line.kernel.clone(), line.last())).collect();
        let expected = [("td", 0.5), ("adam", 1.2), ("noisy", 1.2), ("linear", 1.0)];
        assert_eq!(found, expected.map(|(kernel, ratio)| (kernel.to_string(), ratio)));
        let chart = draw("counts.svg".into(), "warp instructions", &versions).unwrap();
        assert!(chart.alt.contains("0 more changed, 1 did not. td ends at 0.50;"), "{}", chart.alt);
    }
}
