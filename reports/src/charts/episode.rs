//! One episode of a world under several policies: what each has earned so far, step by step.

use super::canvas::{Align, Axis, INK, LINE_HEIGHT, Look, fitted, paint, widest};
use super::placement::spread;
use super::{Chart, ChartError};
use crate::number::{decimals, fixed};

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 260.0;
const WIDEST_LABEL: f64 = 160.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 46.0;
const LEADER: f64 = 26.0;
/// More points than this are thinned out evenly; the last is kept.
const POINTS: usize = 80;

/// One policy: its name and the reward of each step.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// The policy.
    pub policy: String,
    /// Its rewards in order.
    pub rewards: Vec<f64>,
}

/// Draws the sums of rewards of one episode.
///
/// # Errors
/// [`ChartError`] with the backend's message.
pub fn draw(file: String, world: &str, lines: &[Line]) -> Result<Chart, ChartError> {
    let sums: Vec<Vec<(f64, f64)>> = lines.iter().map(|line| thinned(&line.rewards)).collect();
    let values = || sums.iter().flatten().map(|point| point.1);
    let least = values().fold(0.0, |least, value| if value < least { value } else { least });
    let most = values().fold(0.0, |most, value| if value > most { value } else { most });
    let most = if most > least { most } else { least + 1.0 };
    let steps = sums.iter().flatten().fold(1.0, |longest, point| if point.0 > longest { point.0 } else { longest });

    let y = Axis { values: least..most, pixels: HEIGHT - BOTTOM..TOP };
    let ticks: Vec<(f64, String)> =
        y.ticks(5).into_iter().map(|tick| (tick, fixed(tick, decimals((most - least) * 100.0)))).collect();
    let left = widest(ticks.iter().map(|(_, text)| text.as_str()))?;
    let labels: Result<Vec<String>, ChartError> =
        lines.iter().map(|line| fitted(&line.policy, false, WIDEST_LABEL)).collect();
    let labels = labels?;
    let right = widest(labels.iter().map(String::as_str))?;
    let x = Axis { values: 0.0..steps, pixels: left + 14.0..WIDTH - LEADER - 6.0 - right };
    let ends: Vec<f64> = sums.iter().map(|points| points.last().map_or(0.0, |point| point.1)).collect();

    let said: Vec<String> = lines.iter().zip(&sums).map(|(line, points)| ending(&line.policy, points)).collect();
    let alt = format!("{world}: rewards of one episode, summed up. {}.", said.join("; "));
    paint(file, alt, (WIDTH as u32, HEIGHT as u32), |canvas| {
        let (left, right, bottom) = (x.pixels.start, x.pixels.end, y.pixels.start);
        for (value, text) in &ticks {
            canvas.line(&[(left, y.at(*value)), (right, y.at(*value))], INK, 0.1, 1.0)?;
            canvas.text(text, (left - 8.0, y.at(*value)), Align::End, false, 0.85)?;
        }
        canvas.line(&[(left, bottom), (right, bottom)], INK, 0.7, 1.0)?;
        for value in x.ticks(7).into_iter().filter(|value| value.fract() == 0.0) {
            canvas.line(&[(x.at(value), bottom), (x.at(value), bottom + 5.0)], INK, 0.7, 1.0)?;
            canvas.text(&fixed(value, 0), (x.at(value), bottom + 14.0), Align::Middle, false, 0.85)?;
        }
        canvas.text("step", (right, bottom + 34.0), Align::End, false, 0.85)?;
        canvas.text("reward so far, one episode", (0.0, 12.0), Align::Start, false, 0.85)?;
        for (rank, points) in sums.iter().enumerate() {
            let places: Vec<_> = points.iter().map(|&(step, sum)| (x.at(step), y.at(sum))).collect();
            canvas.line(&places, Look::new(rank).colour(), 1.0, 1.75)?;
            if let Some(end) = places.last() {
                canvas.marker(Look::new(rank), *end, 3.5)?;
            }
        }
        let wanted: Vec<f64> = ends.iter().map(|value| y.at(*value)).collect();
        for (rank, place) in spread(&wanted, LINE_HEIGHT, TOP, bottom).into_iter().enumerate() {
            canvas.marker(Look::new(rank), (right + LEADER - 9.0, place), 4.5)?;
            canvas.text(&labels[rank], (right + LEADER, place), Align::Start, false, 1.0)?;
        }
        Ok(())
    })
}

fn ending(policy: &str, points: &[(f64, f64)]) -> String {
    let (steps, sum) = points.last().copied().unwrap_or_default();
    format!("{policy} ends at {} after {} steps", fixed(sum, decimals(sum)), fixed(steps, 0))
}

/// (step, sum of the rewards up to it), from (0, 0).
fn thinned(rewards: &[f64]) -> Vec<(f64, f64)> {
    let every = rewards.len().div_ceil(POINTS).max(1);
    let mut sum = 0.0;
    let mut points = vec![(0.0, 0.0)];
    for (i, reward) in rewards.iter().enumerate() {
        sum += reward;
        if (i + 1) % every == 0 || i + 1 == rewards.len() {
            points.push(((i + 1) as f64, sum));
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_episodes_keep_their_end() {
        let points = thinned(&[0.5; 1001]);
        assert!(points.len() <= POINTS + 2, "{}", points.len());
        assert_eq!((points[0], points[points.len() - 1]), ((0.0, 0.0), (1001.0, 500.5)));
    }

    #[test]
    fn every_policy_is_named_once() {
        let line = |policy: &str, reward| Line { policy: policy.into(), rewards: vec![reward; 5] };
        let chart = draw("a.svg".into(), "b", &[line("oracle", 2.0), line("random", -1.0)]).unwrap().standalone();
        for name in ["oracle", "random"] {
            assert_eq!(chart.matches(&format!("\n{name}\n")).count(), 1, "{chart}");
        }
        assert!(chart.contains("<title>b: rewards of one episode, summed up.</title>"), "{chart}");
        assert!(chart.contains("random ends at −5.00 after 5 steps.</desc>"), "{chart}");
    }
}
