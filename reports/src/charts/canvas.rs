//! The surface that charts are drawn on: lines, markers and text in CSS pixels, through plotters' backends.

use std::cell::RefCell;
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

/// Stands for the colour of text and axes until [`svg`] writes `currentColor` instead.
pub const INK: RGBColor = RGBColor(1, 2, 3);

/// Pixels around a chart that is a file of its own.
pub const MARGIN: u32 = 14;

/// Size of ordinary text, in CSS pixels.
pub const TEXT: f64 = 13.0;

/// Height of a line of text, in CSS pixels.
pub const LINE_HEIGHT: f64 = 17.0;

/// A point in CSS pixels from the upper left corner.
pub type Place = (f64, f64);

/// Where a text lies beside its place; its middle is always at the place's height.
#[derive(Debug, Clone, Copy, PartialEq)]
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
    const ALL: [Dash; 4] = [Dash::Solid, Dash::Dotted, Dash::Short, Dash::Long];

    /// Pixels drawn and left out, of those that break a line.
    fn broken(self) -> Option<(u32, u32)> {
        match self {
            Dash::Solid => None,
            Dash::Dotted => Some((2, 3)),
            Dash::Short => Some((4, 4)),
            Dash::Long => Some((9, 4)),
        }
    }

    /// plotters has no dashed strokes in SVG: an ink of its own marks the lines for [`svg`].
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

/// Something drawn, in CSS pixels.
#[derive(Debug, Clone, PartialEq)]
pub enum Mark {
    /// A line through places; `dash` gives pixels drawn and left out.
    Line { places: Vec<Place>, colour: RGBColor, opacity: f64, width: f64, dash: Option<(u32, u32)> },
    /// A filled area.
    Fill { corners: Vec<Place>, colour: RGBColor, opacity: f64 },
    /// A filled circle.
    Circle { centre: Place, radius: f64, colour: RGBColor },
    /// A text whose middle is at the height of its place.
    Text { text: String, at: Place, align: Align, bold: bool, opacity: f64 },
}

/// A drawing under way.
#[derive(Default)]
pub struct Canvas {
    marks: RefCell<Vec<Mark>>,
}

/// Draws a chart of this size in CSS pixels.
pub fn paint(
    file: String,
    alt: String,
    size: (u32, u32),
    draw: impl FnOnce(&Canvas) -> Result<(), ChartError>,
) -> Result<Chart, ChartError> {
    register_fonts();
    let canvas = Canvas::default();
    draw(&canvas)?;
    let marks = canvas.marks.into_inner();
    let elements = svg(&marks, size)?;
    Ok(Chart { file, alt, size, elements, marks })
}

/// The elements inside `<svg>`.
fn svg(marks: &[Mark], size: (u32, u32)) -> Result<String, ChartError> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (size.0 * FINENESS, size.1 * FINENESS)).into_drawing_area();
        let pen = Pen { area: &area, fineness: FINENESS, ink: INK, origin: (0.0, 0.0) };
        marks.iter().try_for_each(|mark| pen.draw(mark))?;
        area.present().map_err(failure)?;
    }
    let hex = |colour: RGBColor| format!("#{:02X}{:02X}{:02X}", colour.0, colour.1, colour.2);
    let inside = svg.split_once('>').and_then(|(_, rest)| rest.trim().strip_suffix("</svg>"));
    let inside = inside.ok_or_else(|| ChartError("the backend wrote no whole <svg> element".into()))?;
    let mut elements =
        inside.trim_start().replace(&hex(INK), "currentColor").replace(" font-family=\"sans-serif\"", "");
    for dash in Dash::ALL {
        if let Some((on, off)) = dash.broken() {
            let pattern = format!("currentColor\" stroke-dasharray=\"{} {}", on * FINENESS, off * FINENESS);
            elements = elements.replace(&hex(dash.ink()), &pattern);
        }
    }
    Ok(elements)
}

/// The chart with a margin as pixels of red, green and blue, at twice its size in CSS pixels: width, height, bytes.
///
/// Drawn at four times the size and averaged, because plotters' bitmaps have hard edges and set glyphs on whole pixels.
pub fn pixels(chart: &Chart, dark: bool) -> Result<(u32, u32, Vec<u8>), ChartError> {
    const COARSE: u32 = 2;
    register_fonts();
    let (ground, ink) = if dark {
        (RGBColor(0x15, 0x17, 0x1A), RGBColor(0xE4, 0xE6, 0xEA))
    } else {
        (WHITE, RGBColor(0x1C, 0x1E, 0x21))
    };
    let (width, height) = (2 * (chart.size.0 + 2 * MARGIN), 2 * (chart.size.1 + 2 * MARGIN));
    let mut fine = vec![0; (3 * COARSE * width * COARSE * height) as usize];
    {
        let area = BitMapBackend::with_buffer(&mut fine, (COARSE * width, COARSE * height)).into_drawing_area();
        area.fill(&ground).map_err(failure)?;
        let margin = f64::from(MARGIN);
        let pen = Pen { area: &area, fineness: 2 * COARSE, ink, origin: (margin, margin) };
        chart.marks.iter().try_for_each(|mark| pen.draw(mark))?;
        area.present().map_err(failure)?;
    }
    let stride = (3 * COARSE * width) as usize;
    let at = |x: usize, y: usize, channel: usize| -> u32 {
        let from = COARSE as usize * (y * stride + 3 * x) + channel;
        [0, 3, stride, stride + 3].iter().map(|beside| u32::from(fine[from + beside])).sum()
    };
    let mean = |sum: u32| u8::try_from((sum + 2) / 4).unwrap_or(u8::MAX);
    let rows = (0..height as usize).flat_map(|y| (0..width as usize).map(move |x| (x, y)));
    Ok((width, height, rows.flat_map(|(x, y)| [0, 1, 2].map(|channel| mean(at(x, y, channel)))).collect()))
}

/// Draws marks through a backend of plotters.
struct Pen<'a, B: DrawingBackend> {
    area: &'a DrawingArea<B, Shift>,
    /// Units of the backend in a CSS pixel.
    fineness: u32,
    /// What [`INK`] becomes.
    ink: RGBColor,
    /// Where the chart's upper left corner lies.
    origin: Place,
}

impl<B: DrawingBackend> Pen<'_, B> {
    fn draw(&self, mark: &Mark) -> Result<(), ChartError> {
        let size = |pixels: f64| (pixels * f64::from(self.fineness)).round();
        match mark {
            Mark::Line { places, colour, opacity, width, dash } => {
                let style = self.colour(*colour).mix(*opacity).stroke_width(size(*width) as u32);
                match dash.filter(|_| self.ink != INK) {
                    None => self.area.draw(&PathElement::new(self.units(places), style)).map_err(failure),
                    // Broken lines are straight: the backend for files writes them as such, pixels need their pieces.
                    Some(pattern) => pieces(places, pattern).iter().try_for_each(|piece| {
                        self.area.draw(&PathElement::new(self.units(piece), style)).map_err(failure)
                    }),
                }
            }
            Mark::Fill { corners, colour, opacity } => {
                let polygon = Polygon::new(self.units(corners), self.colour(*colour).mix(*opacity));
                self.area.draw(&polygon).map_err(failure)
            }
            Mark::Circle { centre, radius, colour } => {
                let circle = Circle::new(self.unit(*centre), size(*radius), self.colour(*colour).filled());
                self.area.draw(&circle).map_err(failure)
            }
            Mark::Text { text, at, align, bold, opacity } => {
                let side = match align {
                    Align::Start => HPos::Left,
                    Align::Middle => HPos::Center,
                    Align::End => HPos::Right,
                };
                let ink = self.ink.mix(*opacity);
                let font = font(*bold, self.fineness).into_text_style(self.area);
                let style = font.color(&ink).pos(Pos::new(side, VPos::Center));
                // In bitmaps the backend's baseline lies higher than half an x-height below the middle, as it is in files.
                let sink = if self.ink == INK { 0.0 } else { 0.17 * TEXT };
                self.area.draw_text(text, &style, self.unit((at.0, at.1 + sink))).map_err(failure)
            }
        }
    }

    /// The colour on this ground; inks of dashes are told apart only by the backend for files.
    fn colour(&self, colour: RGBColor) -> RGBColor {
        let is_ink = Dash::ALL.iter().any(|dash| dash.ink() == colour);
        if is_ink && self.ink != INK { self.ink } else { colour }
    }

    fn unit(&self, (x, y): Place) -> (i32, i32) {
        let at = |place: f64, origin: f64| ((place + origin) * f64::from(self.fineness)).round() as i32;
        (at(x, self.origin.0), at(y, self.origin.1))
    }

    fn units(&self, places: &[Place]) -> Vec<(i32, i32)> {
        places.iter().map(|place| self.unit(*place)).collect()
    }
}

/// A straight line broken into what is drawn of it.
fn pieces(places: &[Place], (on, off): (u32, u32)) -> Vec<[Place; 2]> {
    let [Some(&(x, y)), Some(&(to_x, to_y))] = [places.first(), places.last()] else { return Vec::new() };
    let length = ((to_x - x) * (to_x - x) + (to_y - y) * (to_y - y)).sqrt();
    let at = |along: f64| {
        let share = if along < length { along / length } else { 1.0 };
        (x + share * (to_x - x), y + share * (to_y - y))
    };
    let (on, period) = (f64::from(on), f64::from(on + off));
    let starts = (0u32..).map(|piece| f64::from(piece) * period).take_while(|from| *from < length);
    starts.map(|from| [at(from), at(from + on)]).collect()
}

/// Width of a text in CSS pixels, by the bundled font, which is wider than most that a reader may have.
pub fn text_width(text: &str, bold: bool) -> Result<f64, ChartError> {
    register_fonts();
    let ((left, _), (right, _)) = font(bold, FINENESS).layout_box(text).map_err(failure)?;
    Ok(f64::from(right - left) / f64::from(FINENESS))
}

/// Width of the widest text in CSS pixels; 0 without texts.
pub fn widest<'a>(texts: impl Iterator<Item = &'a str>) -> Result<f64, ChartError> {
    let mut widest = 0.0;
    for text in texts {
        let width = text_width(text, false)?;
        widest = if width > widest { width } else { widest };
    }
    Ok(widest)
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

impl Canvas {
    fn push(&self, mark: Mark) -> Result<(), ChartError> {
        self.marks.borrow_mut().push(mark);
        Ok(())
    }

    /// A line through places.
    pub fn line(&self, places: &[Place], colour: RGBColor, opacity: f64, width: f64) -> Result<(), ChartError> {
        self.push(Mark::Line { places: places.to_vec(), colour, opacity, width, dash: None })
    }

    /// A level line in ink.
    pub fn level(&self, from: Place, to_x: f64, dash: Dash, opacity: f64) -> Result<(), ChartError> {
        self.straight(from, (to_x, from.1), dash, opacity)
    }

    /// A straight line in ink.
    pub fn straight(&self, from: Place, to: Place, dash: Dash, opacity: f64) -> Result<(), ChartError> {
        self.push(Mark::Line { places: vec![from, to], colour: dash.ink(), opacity, width: 1.25, dash: dash.broken() })
    }

    /// A filled area.
    pub fn fill(&self, corners: &[Place], colour: RGBColor, opacity: f64) -> Result<(), ChartError> {
        self.push(Mark::Fill { corners: corners.to_vec(), colour, opacity })
    }

    /// A filled rectangle between two corners.
    pub fn bar(&self, from: Place, to: Place, colour: RGBColor, opacity: f64) -> Result<(), ChartError> {
        self.fill(&[from, (to.0, from.1), to, (from.0, to.1)], colour, opacity)
    }

    /// The marker of an agent.
    pub fn marker(&self, look: Look, (x, y): Place, radius: f64) -> Result<(), ChartError> {
        let corners: Vec<Place> =
            look.corners().iter().map(|corner| (x + radius * corner.0, y + radius * corner.1)).collect();
        if !corners.is_empty() {
            return self.fill(&corners, look.colour(), 1.0);
        }
        self.push(Mark::Circle { centre: (x, y), radius, colour: look.colour() })
    }

    /// A cross, which marks where a run broke off.
    pub fn cross(&self, (x, y): Place, radius: f64, colour: RGBColor) -> Result<(), ChartError> {
        self.line(&[(x - radius, y - radius), (x + radius, y + radius)], colour, 1.0, 1.75)?;
        self.line(&[(x - radius, y + radius), (x + radius, y - radius)], colour, 1.0, 1.75)
    }

    /// A text whose middle is at the height of a place.
    pub fn text(&self, text: &str, at: Place, align: Align, bold: bool, opacity: f64) -> Result<(), ChartError> {
        self.push(Mark::Text { text: text.into(), at, align, bold, opacity })
    }
}

/// The font at the size of ordinary text. plotters writes a 1.24th of the size that it is given.
fn font(bold: bool, fineness: u32) -> FontDesc<'static> {
    let style = if bold { FontStyle::Bold } else { FontStyle::Normal };
    FontDesc::new(FontFamily::SansSerif, TEXT * 1.24 * f64::from(fineness), style)
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

fn failure(error: impl std::fmt::Display) -> ChartError {
    ChartError(error.to_string())
}
