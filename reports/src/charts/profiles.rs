//! Performance profiles: which share of an agent's runs scores above a threshold, worlds weighing equally.

use super::canvas::{Align, Axis, INK, LINE_HEIGHT, Look, Place, fitted, paint, widest};
use super::{Chart, ChartError};
use crate::number::fixed;
use crate::summary::{Overall, PROFILE, Summary};

const WIDTH: f64 = 780.0;
const HEIGHT: f64 = 360.0;
const WIDEST_LABEL: f64 = 220.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 46.0;
/// Room on the right for a marker before a label.
const LEADER: f64 = 34.0;
/// Lowest and highest threshold that is shown.
const LOWEST: f64 = -0.5;
const HIGHEST: f64 = 1.25;
/// Intervals of agents stand side by side, so many pixels apart.
const BESIDE: f64 = 3.0;

pub fn draw(summary: &Summary) -> Result<Chart, ChartError> {
    let agents = summary.learned_agents();
    let look = |agent: &Overall| Look::new(agents.iter().position(|name| *name == agent.agent).unwrap_or(0));
    let scores: Vec<Vec<Vec<f64>>> = summary.overall.iter().map(|agent| scores(summary, agent)).collect();
    let all = || scores.iter().flatten().flatten();
    let low = all().fold(-0.05, |low, score| if *score - 0.03 < low { *score - 0.03 } else { low });
    let high = all().fold(1.05, |high, score| if *score + 0.03 > high { *score + 0.03 } else { high });
    let range = (if low < LOWEST { LOWEST } else { low })..(if high > HIGHEST { HIGHEST } else { high });
    let mut labels = Vec::new();
    for agent in &summary.overall {
        labels.push(fitted(&agent.agent, false, WIDEST_LABEL)?);
    }
    let right = WIDTH - LEADER - 6.0 - widest(labels.iter().map(String::as_str))?;
    let (x, y) = (Axis { values: range, pixels: 40.0..right }, Axis { values: 0.0..1.0, pixels: HEIGHT - BOTTOM..TOP });

    paint("profiles.svg".into(), alt(summary), (WIDTH as u32, HEIGHT as u32), |canvas| {
        let (left, bottom) = (x.pixels.start, y.pixels.start);
        for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
            canvas.line(&[(left, y.at(share)), (right, y.at(share))], INK, 0.1, 1.0)?;
            canvas.text(&fixed(share, 2), (left - 8.0, y.at(share)), Align::End, false, 0.85)?;
        }
        canvas.line(&[(left, bottom), (right, bottom)], INK, 0.7, 1.0)?;
        for tick in x.ticks(9) {
            canvas.line(&[(x.at(tick), bottom), (x.at(tick), bottom + 5.0)], INK, 0.7, 1.0)?;
            canvas.text(&fixed(tick, 1), (x.at(tick), bottom + 14.0), Align::Middle, false, 0.85)?;
        }
        for score in [0.0, 1.0] {
            canvas.line(&[(x.at(score), TOP), (x.at(score), bottom)], INK, 0.35, 1.0)?;
        }
        canvas.text("normalised score", (right, bottom + 34.0), Align::End, false, 0.85)?;
        canvas.text("share of runs above, worlds weighing equally", (0.0, 12.0), Align::Start, false, 0.85)?;
        for (rank, (agent, scores)) in summary.overall.iter().zip(&scores).enumerate() {
            let look = look(agent);
            canvas.line(&steps(scores, &x, &y), look.colour(), 1.0, 2.25)?;
            for (threshold, share) in PROFILE.iter().zip(&agent.profile) {
                let aside = BESIDE * (rank as f64 - 0.5 * (summary.overall.len() - 1) as f64);
                let at = x.at(*threshold) + aside;
                if let Some((low, high)) = share.low.zip(share.high) {
                    canvas.line(&[(at, y.at(low)), (at, y.at(high))], look.colour(), 0.8, 1.25)?;
                }
                canvas.marker(look, (at, y.at(share.point)), 3.5)?;
            }
        }
        for (rank, (agent, label)) in summary.overall.iter().zip(&labels).enumerate() {
            let place = TOP + 8.0 + LINE_HEIGHT * rank as f64;
            canvas.marker(look(agent), (right + LEADER - 9.0, place), 4.5)?;
            canvas.text(label, (right + LEADER, place), Align::Start, false, 1.0)?;
        }
        Ok(())
    })
}

/// Scores of an agent's runs, world by world.
fn scores(summary: &Summary, agent: &Overall) -> Vec<Vec<f64>> {
    let cells = summary.results.iter().filter(|cell| cell.agent == agent.agent && agent.worlds.contains(&cell.world));
    cells.map(|cell| cell.runs.iter().filter_map(|run| run.score).collect()).collect()
}

/// The whole step function: it falls where a run's score is passed.
fn steps(worlds: &[Vec<f64>], x: &Axis, y: &Axis) -> Vec<Place> {
    let share = |threshold: f64| {
        let above = |runs: &Vec<f64>| {
            runs.iter().filter(|score| **score > threshold).count() as f64
                / if runs.is_empty() { 1.0 } else { runs.len() as f64 }
        };
        worlds.iter().map(above).sum::<f64>() / worlds.len() as f64
    };
    let mut falls: Vec<f64> = worlds.iter().flatten().copied().collect();
    falls.sort_by(f64::total_cmp);
    falls.retain(|score| *score > x.values.start && *score < x.values.end);
    let mut height = y.at(share(x.values.start));
    let mut places = vec![(x.pixels.start, height)];
    for fall in falls {
        places.push((x.at(fall), height));
        height = y.at(share(fall));
        places.push((x.at(fall), height));
    }
    places.push((x.pixels.end, height));
    places
}

fn alt(summary: &Summary) -> String {
    let mut text = String::from("Performance profiles: share of runs above a normalised score, with 95 % intervals.");
    for agent in &summary.overall {
        text += &format!(" {}:", agent.agent);
        for (threshold, share) in PROFILE.iter().zip(&agent.profile) {
            text += &format!(" {} above {threshold},", fixed(share.point, 2));
        }
        text.pop();
        text += ";";
    }
    text
}
