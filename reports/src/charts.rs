//! The charts of a report, drawn by plotters as SVG that reads well on light and on dark ground.
//!
//! Text and axes are drawn in one ink, which becomes `currentColor`: inside a page it is the page's colour, in a file
//! of its own it follows the reader's preference. Data are in the colours of Okabe and Ito (2008), which people with
//! colour vision deficiency can tell apart, and every agent also has its own marker.

mod canvas;
mod curves;
mod placement;
mod scores;

pub use curves::slug;

use crate::summary::{Summary, World};

/// Why a chart could not be drawn.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot draw the chart: {0}")]
pub struct ChartError(pub String);

/// A drawn chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chart {
    /// Name of its file, without a folder.
    pub file: String,
    /// What it shows, for those who cannot see it.
    pub alt: String,
    /// Width and height in CSS pixels.
    size: (u32, u32),
    /// The elements inside `<svg>`, with `currentColor` for ink.
    elements: String,
}

impl Chart {
    /// An `<svg>` element for a page, whose style sheet gives it ink and font.
    pub fn inline(&self) -> String {
        format!("<svg {}>\n{}</svg>", self.attributes(), self.body())
    }

    /// A file of its own, with ground and ink for light and dark.
    pub fn standalone(&self) -> String {
        let style = "svg{color:#1c1e21;background:#fff}\
                     @media(prefers-color-scheme:dark){svg{color:#e4e6ea;background:#15171a}}\
                     text{font-family:\"DejaVu Sans\",Verdana,sans-serif}";
        let (width, height) = self.size;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" {}>\n\
             <style>{style}</style>\n{}</svg>\n",
            self.attributes(),
            self.body()
        )
    }

    fn attributes(&self) -> String {
        let (width, height) = (self.size.0 * canvas::FINENESS, self.size.1 * canvas::FINENESS);
        format!("viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}\"", escaped(&self.alt))
    }

    fn body(&self) -> String {
        format!("<title>{}</title>\n{}", escaped(&self.alt), self.elements)
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

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
