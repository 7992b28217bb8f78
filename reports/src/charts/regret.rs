//! Regret of all learned agents in all worlds as bars: how much of what the optimum has over the random policy is missed.

use super::canvas::{Align, Axis, INK, Look, fitted, paint, widest};
use super::{Chart, ChartError};
use crate::number::{decimals, fixed};
use crate::summary::{Cell, Summary, World};

const WIDTH: f64 = 780.0;
const WIDEST_LABEL: f64 = 260.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 40.0;
const ROW: f64 = 22.0;
const GAP: f64 = 10.0;
/// Largest share that the axis shows; longer bars end there.
const MOST: f64 = 1.25;

/// One bar, in shares of the distance from the random policy to the optimum's upper bound.
struct Bar<'a> {
    cell: &'a Cell,
    regret: f64,
    /// How much of it may be the bound's own looseness.
    loose: f64,
    ends: Option<(f64, f64)>,
    figure: String,
}

pub fn draw(summary: &Summary) -> Result<Chart, ChartError> {
    let agents = summary.learned_agents();
    let groups: Vec<(&World, Vec<Bar>)> =
        summary.worlds.iter().map(|world| (world, bars(summary, world))).filter(|(_, bars)| !bars.is_empty()).collect();
    let bars = || groups.iter().flat_map(|(_, bars)| bars);
    let mut names = Vec::new();
    for bar in bars() {
        names.push(fitted(&bar.cell.agent, false, WIDEST_LABEL)?);
    }
    let left = 34.0 + widest(names.iter().map(String::as_str))? + 22.0;
    let right = WIDTH - widest(bars().map(|bar| bar.figure.as_str()))? - 22.0;
    let longest = bars().map(|bar| bar.ends.map_or(bar.regret, |ends| ends.1));
    let most = longest.fold(0.2, |most, end| if end > most { end } else { most });
    let x = Axis { values: 0.0..if most > MOST { MOST } else { 1.04 * most }, pixels: left..right };
    let rows = (groups.len() + names.len()) as f64;
    let height = TOP + ROW * rows + GAP * groups.len().saturating_sub(1) as f64 + BOTTOM;

    paint("regret.svg".into(), alt(&groups), (WIDTH as u32, height as u32), |canvas| {
        canvas.text("0 is the optimum, 1 the random policy", (0.0, 12.0), Align::Start, false, 0.85)?;
        let digits = decimals(200.0 * x.values.end);
        let plot_bottom = height - BOTTOM;
        let mut names = names.iter();
        let mut top = TOP;
        for (world, bars) in &groups {
            canvas.text(&fitted(&world.label, true, WIDTH)?, (0.0, top + 0.5 * ROW), Align::Start, true, 1.0)?;
            top += ROW;
            let bottom = top + ROW * bars.len() as f64;
            for tick in x.ticks(7) {
                canvas.line(
                    &[(x.at(tick), top), (x.at(tick), bottom)],
                    INK,
                    if tick == 0.0 { 0.7 } else { 0.1 },
                    1.0,
                )?;
            }
            for bar in bars {
                let (y, look) =
                    (top + 0.5 * ROW, Look::new(agents.iter().position(|name| *name == bar.cell.agent).unwrap_or(0)));
                canvas.marker(look, (20.0, y), 4.5)?;
                canvas.text(names.next().map_or("", String::as_str), (34.0, y), Align::Start, false, 1.0)?;
                let sure = bar.regret - bar.loose;
                canvas.bar((x.at(0.0), y - 6.0), (x.at(sure), y + 6.0), look.colour(), 0.75)?;
                canvas.bar((x.at(sure), y - 6.0), (x.at(bar.regret), y + 6.0), look.colour(), 0.3)?;
                if let Some((low, high)) = bar.ends {
                    canvas.line(&[(x.at(low), y), (x.at(high), y)], INK, 0.9, 1.5)?;
                    for end in [low, high] {
                        canvas.line(&[(x.at(end), y - 4.0), (x.at(end), y + 4.0)], INK, 0.9, 1.5)?;
                    }
                }
                canvas.text(&bar.figure, (WIDTH, y), Align::End, false, 1.0)?;
                top += ROW;
            }
            top += GAP;
        }
        for tick in x.ticks(7) {
            canvas.text(&fixed(tick, digits), (x.at(tick), plot_bottom + 12.0), Align::Middle, false, 0.85)?;
        }
        canvas.text(
            "regret as a share of optimum \u{2212} random",
            (right, plot_bottom + 31.0),
            Align::End,
            false,
            0.85,
        )
    })
}

fn bars<'a>(summary: &'a Summary, world: &'a World) -> Vec<Bar<'a>> {
    let reference = &world.reference;
    let span = reference.optimum_upper - reference.random;
    if span <= 0.0 {
        return Vec::new();
    }
    let share = |value: f64| {
        let share = (reference.optimum_upper - value) / span;
        if share < 0.0 { 0.0 } else { share }
    };
    let bar = |cell: &'a Cell| {
        let regret = share(cell.mean);
        let loose = (reference.optimum_upper - reference.optimum_lower) / span;
        let most = if reference.is_exact() { "" } else { "\u{2264} " };
        let unit = decimals(span);
        Bar {
            cell,
            regret,
            loose: if loose < regret { loose } else { regret },
            ends: cell.ci.as_ref().map(|ci| (share(ci.high), share(ci.low))),
            figure: format!("{most}{}", fixed(cell.regret, unit)),
        }
    };
    summary.cells(world).filter(|cell| cell.learned).map(bar).collect()
}

fn alt(groups: &[(&World, Vec<Bar>)]) -> String {
    let mut text =
        String::from("Regret against the optimum, as a share of optimum minus random, and in units of the world.");
    for (world, bars) in groups {
        text += &format!(" {}:", world.label);
        for bar in bars {
            text += &format!(" {} {} ({});", bar.cell.agent, fixed(bar.regret, 3), bar.figure);
        }
    }
    text
}
