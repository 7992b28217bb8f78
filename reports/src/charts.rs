//! The charts of a report, drawn by plotters as SVG that reads well on light and on dark ground.
//!
//! Text and axes are drawn in one ink, which becomes `currentColor`: inside a page it is the page's colour, in a file
//! of its own it follows the reader's preference. Data are in the colours of Okabe and Ito (2008), which people with
//! colour vision deficiency can tell apart, and every agent also has its own marker.

mod canvas;
mod curves;
mod episode;
mod exposure;
mod growth;
mod improvement;
mod paths;
mod placement;
mod profiles;
mod regret;
mod scores;
mod versions;

use canvas::MARGIN;
pub use curves::slug;
pub use episode::{Line, draw as episode};
pub use exposure::{Exposure, draw as exposure};
pub use growth::{Growth, draw as growth};
pub use paths::{Panel, draw as paths};
pub use versions::{Version, draw as versions};

use crate::summary::{Summary, World};

/// Why a chart could not be drawn.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot draw the chart: {0}")]
pub struct ChartError(pub String);

/// A drawn chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// Name of its file, without a folder.
    pub file: String,
    /// What it shows, for those who cannot see it.
    pub alt: String,
    /// Width and height in CSS pixels.
    size: (u32, u32),
    /// The elements inside `<svg>`, with `currentColor` for ink.
    elements: String,
    /// The same for other backends.
    marks: Vec<canvas::Mark>,
}

impl Chart {
    /// An `<svg>` element for a page, whose style sheet gives it ink and font. It grows with the page by a fifth at most, so
    /// that texts of all charts have about one size.
    pub fn inline(&self) -> String {
        let most = self.size.0 + self.size.0 / 5;
        format!("<svg style=\"max-width:{most}px\" {}>\n{}</svg>", self.attributes(0), self.body())
    }

    /// A file of its own, with a margin, and with ground and ink for light and dark.
    pub fn standalone(&self) -> String {
        let style = "svg{color:#1c1e21;background:#fff}\
                     @media(prefers-color-scheme:dark){svg{color:#e4e6ea;background:#15171a}}\
                     text{font-family:\"DejaVu Sans\",Verdana,sans-serif}";
        let (width, height) = (self.size.0 + 2 * MARGIN, self.size.1 + 2 * MARGIN);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" {}>\n\
             <style>{style}</style>\n{}</svg>\n",
            self.attributes(MARGIN),
            self.body()
        )
    }

    /// A PNG file at twice the size in CSS pixels, on light or dark ground; the description is in its text.
    ///
    /// # Errors
    /// [`ChartError`] with the backend's message.
    pub fn png(&self, dark: bool) -> Result<Vec<u8>, ChartError> {
        let (width, height, pixels) = canvas::pixels(self, dark)?;
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, width, height);
        encoder.set_color(png::ColorType::Rgb);
        let failure = |error: png::EncodingError| ChartError(error.to_string());
        encoder.add_itxt_chunk("Description".into(), self.alt.clone()).map_err(failure)?;
        let mut writer = encoder.write_header().map_err(failure)?;
        writer.write_image_data(&pixels).map_err(failure)?;
        writer.finish().map_err(failure)?;
        Ok(bytes)
    }

    fn attributes(&self, margin: u32) -> String {
        let units = |pixels: u32| pixels * canvas::FINENESS;
        let (width, height) = (units(self.size.0 + 2 * margin), units(self.size.1 + 2 * margin));
        let start = if margin == 0 { "0 0".into() } else { format!("-{0} -{0}", units(margin)) };
        format!("viewBox=\"{start} {width} {height}\" role=\"img\" aria-label=\"{}\"", escaped(&self.alt))
    }

    /// Its first sentence as title; where there is more, all of it as description.
    fn body(&self) -> String {
        let title = self.alt.split_inclusive(". ").next().unwrap_or_default().trim_end();
        let more = if title == self.alt { String::new() } else { format!("<desc>{}</desc>\n", escaped(&self.alt)) };
        format!("<title>{}</title>\n{more}{}", escaped(title), self.elements)
    }
}

/// Learning curves of one world: mean and band for each learned agent, each run thin, reference values as lines.
///
/// # Errors
/// [`ChartError`] with the backend's message.
pub fn learning_curves(summary: &Summary, world: &World) -> Result<Chart, ChartError> {
    curves::draw(summary, world)
}

/// Scores of all learned agents in all worlds, with intervals, beside the reference policies.
///
/// # Errors
/// [`ChartError`] with the backend's message.
pub fn scores(summary: &Summary) -> Result<Chart, ChartError> {
    scores::draw(summary)
}

/// Regret of all learned agents in all worlds, as a share of what the optimum has over the random policy.
///
/// # Errors
/// [`ChartError`] with the backend's message.
pub fn regret(summary: &Summary) -> Result<Chart, ChartError> {
    regret::draw(summary)
}

/// Performance profiles of the agents that ran in several worlds.
///
/// # Errors
/// [`ChartError`] with the backend's message.
pub fn profiles(summary: &Summary) -> Result<Chart, ChartError> {
    profiles::draw(summary)
}

/// Who beats whom, as a matrix.
///
/// # Errors
/// [`ChartError`] with the backend's message.
pub fn improvement(summary: &Summary) -> Result<Chart, ChartError> {
    improvement::draw(summary)
}

/// All charts of a report, in its order.
///
/// # Errors
/// [`ChartError`] with the backend's message.
pub fn all(summary: &Summary) -> Result<Vec<Chart>, ChartError> {
    let mut charts = vec![scores(summary)?, regret(summary)?];
    if !summary.overall.is_empty() {
        charts.push(profiles(summary)?);
    }
    if !summary.improvement.is_empty() {
        charts.push(improvement(summary)?);
    }
    for world in summary.worlds.iter().filter(|world| summary.cells(world).any(|cell| cell.learned)) {
        charts.push(learning_curves(summary, world)?);
    }
    Ok(charts)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Record;
    use crate::{sample, summarise};

    /// Seven agents that end within a thousandth of each other and of the optimum, in worlds with long names.
    fn crowded() -> Summary {
        let names = [
            "dqn",
            "rainbow-lite",
            "article",
            "price_grid",
            "quantile_regression",
            "slate_decomposition",
            "bandit_with_a_name_that_is_far_too_long",
        ];
        let whole = sample::records();
        let mut records: Vec<Record> = Vec::new();
        for template in whole.iter().filter(|record| record.agent == "dqn" && record.env.starts_with("rec/")) {
            for (rank, name) in names.iter().enumerate() {
                let mut record = template.clone();
                record.agent = (*name).into();
                record.env_params["behaviour"] = "with_a_memory_of_all_purchases".into();
                let value = record.reference.optimum_lower - 0.001 * (rank as f64 + record.seed as f64);
                record.outcome.metrics.get_mut("discounted_return").expect("the objective").mean = Some(value);
                record.curve.last_mut().expect("a last point").objective = Some(value);
                record.reference.myopic = Some(record.reference.random + 0.01);
                records.push(record.clone());
                record.env_params["behaviour"] = "without_any_memory_of_purchases".into();
                records.push(record);
            }
        }
        summarise("Crowded", "none", &records, &sample::draw).expect("the records are sound")
    }

    /// Boxes (left, right, middle height) of all texts of a chart, by the bundled font.
    fn texts(chart: &Chart) -> Vec<(String, f64, f64, f64)> {
        let fineness = f64::from(canvas::FINENESS);
        let elements = chart.elements.split("<text ").skip(1).map(|element| {
            let (attributes, rest) = element.split_once('>').expect("an opened element");
            let text = rest.split_once("</text>").expect("a closed element").0.trim().to_owned();
            let attribute = |name: &str| {
                let start = attributes.find(&format!("{name}=\"")).expect("the attribute") + name.len() + 2;
                attributes[start..].split('"').next().expect("its end").to_owned()
            };
            let number = |name: &str| attribute(name).parse::<f64>().expect("a number") / fineness;
            let width = canvas::text_width(&text, attributes.contains("font-weight")).expect("a font");
            let left = number("x")
                - match attribute("text-anchor").as_str() {
                    "start" => 0.0,
                    "middle" => width / 2.0,
                    _ => width,
                };
            (text, left, left + width, number("y"))
        });
        elements.collect()
    }

    /// However close the results, no text lies on another one or beyond the edge of the chart.
    #[test]
    fn no_text_lies_on_another() {
        for summary in [sample::summary(), crowded()] {
            for chart in all(&summary).unwrap() {
                let texts = texts(&chart);
                assert!(texts.len() > 8);
                for (index, (text, left, right, y)) in texts.iter().enumerate() {
                    let (width, height) = (f64::from(chart.size.0), f64::from(chart.size.1));
                    assert!(*left >= -0.5 && *right <= width + 0.5, "{}: {text} beyond the edge", chart.file);
                    assert!(*y >= 6.0 && *y <= height - 6.0, "{}: {text} beyond the edge", chart.file);
                    for (other, other_left, other_right, other_y) in &texts[index + 1..] {
                        let apart = right <= other_left || other_right <= left || (y - other_y).abs() >= 13.0;
                        assert!(apart, "{}: {text} and {other}", chart.file);
                    }
                }
            }
        }
    }
}
