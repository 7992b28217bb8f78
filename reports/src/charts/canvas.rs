//! The surface that charts are drawn on: lines, markers and text in CSS pixels, through plotters' SVG backend.

use std::ops::Range;
use std::sync::Once;

use plotters::coord::Shift;
use plotters::coord::ranged1d::Ranged;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, register_font};

use super::{Chart, ChartError};

/// Units of the drawing in a CSS pixel: plotters rounds to whole units, and curves need finer steps than pixels.
pub const FINENESS: u32 = 8;

/// Stands for the colour of text and axes until [`paint`] writes `currentColor` instead.
pub const INK: RGBColor = RGBColor(1, 2, 3);

/// Size of ordinary text, in CSS pixels.
pub const TEXT: f64 = 13.0;

/// Height of a line of text, in CSS pixels.
pub const LINE_HEIGHT: f64 = 17.0;

/// A point in CSS pixels from the upper left corner.
pub type Place = (f64, f64);

/// Where a text lies beside its place; its middle is always at the place's height.
#[derive(Clone, Copy)]
pub enum Align {
    /// To the right of it.
    Start,
    /// On both sides of it.
    Middle,
    /// To the left of it.
    End,
}

/// The look of an agent: a colour and a marker, by its rank among the learned agents of the report.
#[derive(Clone, Copy)]
pub struct Look {
    rank: usize,
}

impl Look {
    /// The look of the agent at this rank; they repeat after 8 colours and 7 markers.
    pub fn new(rank: usize) -> Self {
        Self { rank }
    }

    /// Colours of Okabe and Ito in order of contrast; their black is the ink, so that it is white on dark ground.
    pub fn colour(self) -> RGBColor {
        const COLOURS: [RGBColor; 8] = [
            RGBColor(0x00, 0x72, 0xB2),
            RGBColor(0xD5, 0x5E, 0x00),
            RGBColor(0x00, 0x9E, 0x73),
            RGBColor(0xCC, 0x79, 0xA7),
            RGBColor(0xE6, 0x9F, 0x00),
            RGBColor(0x56, 0xB4, 0xE9),
            INK,
            RGBColor(0xF0, 0xE4, 0x42),
        ];
        COLOURS[self.rank % COLOURS.len()]
    }

    /// Corners of the marker around the origin, for a marker of radius 1; a circle has none.
    fn corners(self) -> &'static [Place] {
        const SQUARE: &[Place] = &[(-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)];
        const UP: &[Place] = &[(0.0, -1.2), (1.1, 0.8), (-1.1, 0.8)];
        const DIAMOND: &[Place] = &[(0.0, -1.25), (1.25, 0.0), (0.0, 1.25), (-1.25, 0.0)];
        const DOWN: &[Place] = &[(0.0, 1.2), (-1.1, -0.8), (1.1, -0.8)];
        const BAR: &[Place] = &[(-0.5, -1.3), (0.5, -1.3), (0.5, 1.3), (-0.5, 1.3)];
        const BEAM: &[Place] = &[(-1.3, -0.5), (1.3, -0.5), (1.3, 0.5), (-1.3, 0.5)];
        const MARKERS: [&[Place]; 7] = [&[], SQUARE, UP, DIAMOND, DOWN, BAR, BEAM];
        MARKERS[self.rank % MARKERS.len()]
    }
}

/// How a level line is broken.
#[derive(Clone, Copy)]
pub enum Dash {
    /// Not at all.
    Solid,
    /// Into dots.
    Dotted,
    /// Into short dashes.
    Short,
    /// Into long dashes.
    Long,
}

impl Dash {
    /// Those that break a line, with the pixels drawn and left out.
    const BROKEN: [(Dash, u32, u32); 3] = [(Dash::Dotted, 2, 3), (Dash::Short, 4, 4), (Dash::Long, 9, 4)];

    /// plotters has no dashed strokes in SVG: an ink of its own marks the lines for [`paint`].
    fn ink(self) -> RGBColor {
        RGBColor(INK.0, INK.1, INK.2 + self as u8)
    }
}

/// A linear axis: values to pixels.
#[derive(Clone)]
pub struct Axis {
    /// Values at the ends.
    pub values: Range<f64>,
    /// Pixels at the ends.
    pub pixels: Range<f64>,
}

impl Axis {
    /// The pixel of a value; values beyond an end lie on it.
    pub fn at(&self, value: f64) -> f64 {
        let share = (value - self.values.start) / (self.values.end - self.values.start);
        let share = if share < 0.0 { 0.0 } else { share };
        let share = if share > 1.0 { 1.0 } else { share };
        self.pixels.start + share * (self.pixels.end - self.pixels.start)
    }

    /// At most so many round values along the axis.
    pub fn ticks(&self, most: usize) -> Vec<f64> {
        RangedCoordf64::from(self.values.clone()).key_points(most)
    }
}

/// A drawing under way.
pub struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
}

/// Draws a chart of this size in CSS pixels.
pub fn paint(
    file: String,
    alt: String,
    size: (u32, u32),
    draw: impl FnOnce(&Canvas) -> Result<(), ChartError>,
) -> Result<Chart, ChartError> {
    register_fonts();
    let mut svg = String::new();
    {
        let canvas = Canvas {
            area: SVGBackend::with_string(&mut svg, (size.0 * FINENESS, size.1 * FINENESS)).into_drawing_area(),
        };
        draw(&canvas)?;
        canvas.area.present().map_err(failure)?;
    }
    let hex = |colour: RGBColor| format!("#{:02X}{:02X}{:02X}", colour.0, colour.1, colour.2);
    let inside = svg.split_once('>').and_then(|(_, rest)| rest.trim().strip_suffix("</svg>"));
    let inside = inside.ok_or_else(|| ChartError("the backend wrote no whole <svg> element".into()))?;
    let mut elements =
        inside.trim_start().replace(&hex(INK), "currentColor").replace(" font-family=\"sans-serif\"", "");
    for (dash, on, off) in Dash::BROKEN {
        let pattern = format!("currentColor\" stroke-dasharray=\"{} {}", on * FINENESS, off * FINENESS);
        elements = elements.replace(&hex(dash.ink()), &pattern);
    }
    Ok(Chart { file, alt, size, elements })
}

/// Width of a text in CSS pixels, by the bundled font, which is wider than most that a reader may have.
pub fn text_width(text: &str, bold: bool) -> Result<f64, ChartError> {
    register_fonts();
    let ((left, _), (right, _)) = font(bold).layout_box(text).map_err(failure)?;
    Ok(f64::from(right - left) / f64::from(FINENESS))
}

/// The text, shortened with an ellipsis where it would be wider than so many CSS pixels.
pub fn fitted(text: &str, bold: bool, most: f64) -> Result<String, ChartError> {
    let mut fitted = text.to_owned();
    while text_width(&fitted, bold)? > most {
        let kept = fitted.chars().count().saturating_sub(2);
        fitted = fitted.chars().take(kept).collect::<String>() + "\u{2026}";
    }
    Ok(fitted)
}

impl Canvas<'_> {
    /// A line through places.
    pub fn line(&self, places: &[Place], colour: RGBColor, opacity: f64, width: f64) -> Result<(), ChartError> {
        let style = colour.mix(opacity).stroke_width((width * f64::from(FINENESS)).round() as u32);
        self.area.draw(&PathElement::new(units(places), style)).map_err(failure)
    }

    /// A level line in ink.
    pub fn level(&self, from: Place, to_x: f64, dash: Dash, opacity: f64) -> Result<(), ChartError> {
        self.line(&[from, (to_x, from.1)], dash.ink(), opacity, 1.25)
    }

    /// A filled area.
    pub fn fill(&self, corners: &[Place], colour: RGBColor, opacity: f64) -> Result<(), ChartError> {
        self.area.draw(&Polygon::new(units(corners), colour.mix(opacity))).map_err(failure)
    }

    /// The marker of an agent.
    pub fn marker(&self, look: Look, (x, y): Place, radius: f64) -> Result<(), ChartError> {
        let corners: Vec<Place> =
            look.corners().iter().map(|corner| (x + radius * corner.0, y + radius * corner.1)).collect();
        if !corners.is_empty() {
            return self.fill(&corners, look.colour(), 1.0);
        }
        let circle = Circle::new(unit((x, y)), radius * f64::from(FINENESS), look.colour().filled());
        self.area.draw(&circle).map_err(failure)
    }

    /// A cross, which marks where a run broke off.
    pub fn cross(&self, (x, y): Place, radius: f64, colour: RGBColor) -> Result<(), ChartError> {
        self.line(&[(x - radius, y - radius), (x + radius, y + radius)], colour, 1.0, 1.75)?;
        self.line(&[(x - radius, y + radius), (x + radius, y - radius)], colour, 1.0, 1.75)
    }

    /// A text whose middle is at the height of a place.
    pub fn text(&self, text: &str, at: Place, align: Align, bold: bool, opacity: f64) -> Result<(), ChartError> {
        let side = match align {
            Align::Start => HPos::Left,
            Align::Middle => HPos::Center,
            Align::End => HPos::Right,
        };
        let ink = INK.mix(opacity);
        let style = font(bold).into_text_style(&self.area).color(&ink).pos(Pos::new(side, VPos::Center));
        self.area.draw_text(text, &style, unit(at)).map_err(failure)
    }
}

/// The font at the size of ordinary text. plotters writes a 1.24th of the size that it is given.
fn font(bold: bool) -> FontDesc<'static> {
    let style = if bold { FontStyle::Bold } else { FontStyle::Normal };
    FontDesc::new(FontFamily::SansSerif, TEXT * 1.24 * f64::from(FINENESS), style)
}

fn register_fonts() {
    static ONCE: Once = Once::new();
    const REGULAR: &[u8] = include_bytes!("../../fonts/DejaVuSans-subset.ttf");
    const BOLD: &[u8] = include_bytes!("../../fonts/DejaVuSans-Bold-subset.ttf");
    ONCE.call_once(|| {
        for (style, bytes) in [(FontStyle::Normal, REGULAR), (FontStyle::Bold, BOLD)] {
            // The error carries nothing. A font that could not be read shows as an error of the first text drawn.
            let _ = register_font("sans-serif", style, bytes);
        }
    });
}

fn unit((x, y): Place) -> (i32, i32) {
    ((x * f64::from(FINENESS)).round() as i32, (y * f64::from(FINENESS)).round() as i32)
}

fn units(places: &[Place]) -> Vec<(i32, i32)> {
    places.iter().copied().map(unit).collect()
}

fn failure(error: impl std::fmt::Display) -> ChartError {
    ChartError(error.to_string())
}
