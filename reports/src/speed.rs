//! Two programs timed in turns: which is faster, or whether that can be told at all.
//!
//! A round times the old program twice and the new one once, in random order. A single time says little on a machine
//! that others use too, so only ratios within a round are looked at, and the two times of the old program are the
//! control: they show by how much a ratio strays when nothing has changed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::stats::{self, Address, Draw, Interval, rounded};

/// Number of the layout of [`Speed`].
pub const SCHEMA: u32 = 1;
/// Replicates of the bootstrap over rounds.
pub const RESAMPLES: u32 = 10_000;
/// Largest probability of a claim about programs that are equally fast, over all benchmarks.
pub const ALPHA: f64 = 0.05;
/// Fewest rounds after which a test of signs can reach [`ALPHA`].
pub const FEWEST_ROUNDS: u32 = 6;

/// What can be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// Faster by more than the threshold.
    Faster,
    /// Slower by more than the threshold.
    Slower,
    /// Within the threshold.
    Same,
    /// Neither within the threshold nor beyond it with certainty.
    Ambiguous,
    /// The control strays by more than the threshold, so nothing can be said.
    Noisy,
}

/// Times of one benchmark in one round, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Round {
    /// The old program.
    pub base: f64,
    /// The old program again.
    pub control: f64,
    /// The new program.
    pub head: f64,
}

/// A ratio of times with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ratio {
    /// Median over the rounds.
    pub median: f64,
    /// 95 % percentile interval of the median, rounds drawn anew.
    pub interval: Interval,
}

/// One benchmark of two programs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Speed {
    /// Name of the benchmark.
    pub name: String,
    /// Rounds.
    pub rounds: usize,
    /// Smallest time of the old program, seconds; for orientation, nothing is concluded from it.
    pub base_s: f64,
    /// Smallest time of the new program, seconds.
    pub head_s: f64,
    /// Time of the new program over that of the old one: above 1 is slower.
    pub ratio: Ratio,
    /// Time of the old program over that of the old one.
    pub control: Ratio,
    /// Sign-flip test of the relative differences.
    pub p: f64,
    /// The same after Holm's correction over all benchmarks.
    pub p_holm: f64,
    /// How far the ratio must be from 1 to count: the threshold, or three times what the control strays by.
    pub limit: f64,
    /// What can be said.
    pub verdict: Verdict,
}

/// Compares benchmarks by name, each with as many rounds as there are; times are above 0. `threshold` is the least
/// change that matters, such as 0.03.
pub fn compare(benchmarks: &[(String, Vec<Round>)], threshold: f64, draw: Draw) -> Vec<Speed> {
    let mut found: Vec<Speed> = (benchmarks.iter())
        .filter(|(_, rounds)| !rounds.is_empty())
        .map(|(name, rounds)| measured(name, rounds, threshold, draw))
        .collect();
    let adjusted = stats::holm(&found.iter().map(|speed| speed.p).collect::<Vec<_>>());
    for (speed, p_holm) in found.iter_mut().zip(adjusted) {
        speed.p_holm = p_holm;
        speed.verdict = verdict(speed, threshold);
    }
    found
}

fn measured(name: &str, rounds: &[Round], threshold: f64, draw: Draw) -> Speed {
    let of = |arm: fn(&Round) -> f64| rounds.iter().map(arm).collect::<Vec<f64>>();
    let stream = stats::stream_of(name);
    let ratio_of = |arm: fn(&Round) -> f64, stream| {
        ratio(&rounds.iter().map(|round| arm(round) / round.base).collect::<Vec<f64>>(), stream, draw)
    };
    let (head, control) = (ratio_of(|round| round.head, stream), ratio_of(|round| round.control, stream ^ 1));
    let (below, above) = (1.0 - control.interval.low, control.interval.high - 1.0);
    let stray = 3.0 * if below > above { below } else { above };
    // Relative differences that only change their sign when the two programs change places.
    let share = |round: &Round| (round.head - round.base) / (round.head + round.base);
    let differences = of(share);
    let p = stats::sign_flip(&differences, &vec![0.0; rounds.len()], stream, draw).map_or(1.0, |test| test.p);
    let least =
        |times: Vec<f64>| times.into_iter().fold(f64::INFINITY, |least, time| if time < least { time } else { least });
    Speed {
        name: name.into(),
        rounds: rounds.len(),
        base_s: least(of(|round| if round.control < round.base { round.control } else { round.base })),
        head_s: least(of(|round| round.head)),
        ratio: head,
        control,
        p,
        p_holm: p,
        limit: rounded(if stray > threshold { stray } else { threshold }),
        verdict: Verdict::Noisy,
    }
}

/// Median of ratios with its interval.
fn ratio(ratios: &[f64], stream: u32, draw: Draw) -> Ratio {
    let median = |values: &[f64]| stats::median(values).unwrap_or(1.0);
    let replicate = |replicate: u32| {
        let mut indices = vec![0; ratios.len()];
        draw(Address { stream, replicate, stratum: 0 }, ratios.len() as u32, &mut indices);
        vec![median(&indices.iter().map(|at| ratios[*at as usize]).collect::<Vec<_>>())]
    };
    let ends = stats::percentile_intervals(RESAMPLES, replicate)[0];
    let interval = Interval { low: rounded(ends.low), high: rounded(ends.high) };
    Ratio { median: rounded(median(ratios)), interval }
}

fn verdict(speed: &Speed, threshold: f64) -> Verdict {
    let within = |ends: Interval, limit: f64| ends.low >= 1.0 - limit && ends.high <= 1.0 + limit;
    if !within(speed.control.interval, threshold) {
        return Verdict::Noisy;
    }
    let certain = speed.p_holm < ALPHA;
    match speed.ratio.interval {
        ends if certain && ends.low > 1.0 + speed.limit => Verdict::Slower,
        ends if certain && ends.high < 1.0 - speed.limit => Verdict::Faster,
        ends if within(ends, threshold) => Verdict::Same,
        _ => Verdict::Ambiguous,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::draw;

    /// A reproducible number from -1 to 1.
    fn wiggle(at: u32) -> f64 {
        f64::from(at.wrapping_mul(2_654_435_761) >> 8) / f64::from(1 << 23) - 1.0
    }

    /// Rounds on a machine whose speed drifts by a third and whose single times stray by `noise`.
    fn rounds(count: u32, factor: f64, noise: f64) -> Vec<Round> {
        let at = |round: u32| {
            let drift = 1.0 + 0.33 * f64::from(round % 7) / 7.0;
            let time = |arm: u32| 1e-3 * drift * (1.0 + noise * wiggle(3 * round + arm));
            Round { base: time(0), control: time(1), head: factor * time(2) }
        };
        (0..count).map(at).collect()
    }

    fn one(rounds: Vec<Round>) -> Speed {
        compare(&[("work".into(), rounds)], 0.03, &draw).remove(0)
    }

    /// A planted slowdown and a planted gain are found under a drift that is larger than both; no change is SAME.
    #[test]
    fn planted_changes_are_found_under_drift() {
        for (factor, verdict) in [(1.1, Verdict::Slower), (0.9, Verdict::Faster), (1.0, Verdict::Same)] {
            let found = one(rounds(30, factor, 0.005));
            assert_eq!(found.verdict, verdict, "{found:?}");
            assert!((found.ratio.median / factor - 1.0).abs() < 0.005, "{found:?}");
        }
    }

    /// What lies at the threshold is neither; a machine whose control strays says nothing, whatever the head does.
    #[test]
    fn what_cannot_be_told_is_not_told() {
        assert_eq!(one(rounds(30, 1.032, 0.01)).verdict, Verdict::Ambiguous);
        for factor in [1.0, 1.2, 3.0] {
            assert_eq!(one(rounds(30, factor, 0.3)).verdict, Verdict::Noisy);
        }
    }

    /// Four rounds cannot make a claim, because no test of four signs reaches 0.05; and Holm asks for more rounds when
    /// there are more benchmarks.
    #[test]
    fn few_rounds_claim_nothing() {
        assert_eq!(one(rounds(4, 1.5, 0.001)).verdict, Verdict::Ambiguous);
        assert_eq!(one(rounds(FEWEST_ROUNDS, 1.5, 0.001)).verdict, Verdict::Slower);
        let many: Vec<_> = (0..20).map(|at| (format!("work/{at}"), rounds(FEWEST_ROUNDS, 1.5, 0.001))).collect();
        assert!(compare(&many, 0.03, &draw).iter().all(|speed| speed.verdict == Verdict::Ambiguous));
    }

    /// In 40 comparisons of a program with itself none is called faster or slower.
    #[test]
    fn nothing_is_claimed_about_equal_programs() {
        for trial in 0..40u32 {
            let shuffled: Vec<Round> = (rounds(10, 1.0, 0.01).into_iter().zip(0..))
                .map(|(round, at)| Round { head: round.head * (1.0 + 0.01 * wiggle(1000 * trial + at)), ..round })
                .collect();
            let found = one(shuffled);
            assert!(!matches!(found.verdict, Verdict::Faster | Verdict::Slower), "{found:?}");
        }
    }
}
