//! Who is shown how often: shares of items under several policies, and of groups against what they were promised.

use super::canvas::{Align, Axis, Dash, INK, Look, fitted, paint, text_width, widest};
use super::{Chart, ChartError};
use crate::number::fixed;

const WIDTH: f64 = 780.0;
const WIDEST_LABEL: f64 = 150.0;
const PANEL: f64 = 92.0;
const HEAD: f64 = 30.0;
const BOTTOM: f64 = 48.0;
/// Width of the part with the groups.
const GROUPS: f64 = 240.0;

/// Exposure of a catalogue's items under several policies.
#[derive(Debug, Clone, PartialEq)]
pub struct Exposure {
    /// What is shown, in words.
    pub title: String,
    /// Names of the groups, such as providers, with the share that each was promised, if any.
    pub groups: Vec<(String, Option<f64>)>,
    /// Group of each item.
    pub group_of: Vec<usize>,
    /// Policies with the share of each item; shares sum to 1.
    pub policies: Vec<(String, Vec<f64>)>,
}

/// Draws a row for each policy: bars of its items on the left, of the groups on the right.
///
/// # Errors
/// [`ChartError`] with the backend's message.
pub fn draw(file: String, exposure: &Exposure) -> Result<Chart, ChartError> {
    let mut policies = Vec::new();
    for (name, _) in &exposure.policies {
        policies.push(fitted(name, false, WIDEST_LABEL)?);
    }
    let mut groups = Vec::new();
    for (name, _) in &exposure.groups {
        groups.push(fitted(name, false, WIDEST_LABEL)?);
    }
    let left = widest(policies.iter().map(String::as_str))? + 16.0;
    let names = widest(groups.iter().map(String::as_str))?;
    let items = Axis { values: 0.0..exposure.group_of.len() as f64, pixels: left..WIDTH - GROUPS - names - 40.0 };
    let shares = Axis { values: 0.0..1.0, pixels: WIDTH - GROUPS..WIDTH - 44.0 };
    let most = exposure.policies.iter().flat_map(|(_, shares)| shares);
    let most = most.fold(1e-9, |most, share| if *share > most { *share } else { most });
    // Figures of many items would run into each other.
    let room = text_width("100 ", false)? < items.at(1.0) - items.at(0.0);
    let height = HEAD + PANEL * policies.len() as f64 + BOTTOM;

    paint(file, alt(exposure), (WIDTH as u32, height as u32), |canvas| {
        canvas.text("share of each item, %", (left, 12.0), Align::Start, false, 0.85)?;
        canvas.text("share of each group, %", (shares.pixels.start, 12.0), Align::Start, false, 0.85)?;
        for (row, (_, of_items)) in exposure.policies.iter().enumerate() {
            let top = HEAD + PANEL * row as f64;
            let y = Axis { values: 0.0..most, pixels: top + PANEL - 12.0..top + 18.0 };
            canvas.text(&policies[row], (0.0, 0.5 * (y.pixels.start + y.pixels.end)), Align::Start, false, 1.0)?;
            canvas.line(&[(items.pixels.start, y.at(0.0)), (items.pixels.end, y.at(0.0))], INK, 0.7, 1.0)?;
            let mut of_groups = vec![0.0; groups.len()];
            for (item, share) in of_items.iter().enumerate() {
                let group = exposure.group_of[item];
                of_groups[group] += share;
                let (from, to) = (items.at(item as f64 + 0.14), items.at(item as f64 + 0.86));
                let colour = Look::new(group).colour();
                canvas.bar((from, y.at(*share)), (to, y.at(0.0)), colour, 0.85)?;
                if room {
                    let place = (0.5 * (from + to), y.at(*share) - 8.0);
                    canvas.text(&fixed(100.0 * share, 0), place, Align::Middle, false, 0.85)?;
                }
            }
            let each = (y.pixels.start - y.pixels.end) / groups.len() as f64;
            for (group, share) in of_groups.iter().enumerate() {
                let middle = y.pixels.end + each * (group as f64 + 0.5);
                let (from, to) = (middle - 0.36 * each, middle + 0.36 * each);
                canvas.marker(Look::new(group), (shares.pixels.start - 10.0, middle), 4.5)?;
                canvas.text(&groups[group], (shares.pixels.start - 20.0, middle), Align::End, false, 1.0)?;
                canvas.bar((shares.at(0.0), from), (shares.at(*share), to), Look::new(group).colour(), 0.85)?;
                canvas.text(&fixed(100.0 * share, 0), (WIDTH, middle), Align::End, false, 1.0)?;
                if let Some(promised) = exposure.groups[group].1 {
                    let x = shares.at(promised);
                    canvas.straight((x, from - 3.0), (x, to + 3.0), Dash::Solid, 1.0)?;
                }
            }
        }
        let bottom = height - BOTTOM;
        for item in (0..exposure.group_of.len()).filter(|_| room) {
            let x = items.at(item as f64 + 0.5);
            canvas.text(&item.to_string(), (x, bottom + 8.0), Align::Middle, false, 0.85)?;
        }
        canvas.text("item", (items.pixels.end, bottom + 28.0), Align::End, false, 0.85)?;
        if exposure.groups.iter().any(|(_, promised)| promised.is_some()) {
            canvas.text("upright line: the share promised", (WIDTH, bottom + 28.0), Align::End, false, 0.85)?;
        }
        Ok(())
    })
}

fn alt(exposure: &Exposure) -> String {
    let mut text = format!("{}.", exposure.title);
    for (name, of_items) in &exposure.policies {
        text += &format!(" {name}:");
        for (group, (of, promised)) in exposure.groups.iter().enumerate() {
            let share: f64 =
                of_items.iter().zip(&exposure.group_of).filter(|(_, of)| **of == group).map(|(s, _)| s).sum();
            let promise = promised.map_or(String::new(), |promised| format!(" of {} promised", fixed(promised, 2)));
            text += &format!(" {of} {}{promise},", fixed(share, 2));
        }
        text.pop();
        text += ";";
    }
    text
}
