//! Tiers below equal bits: evaluations within a tolerance, mean scores within a margin.
use super::{Mismatch, Verification};
use reports::{Record, stats};

/// The objective at the end, as score between random policy and optimum.
fn score(record: &Record, value: f64) -> Option<f64> {
    let span = record.reference.optimum_upper - record.reference.random;
    (span > 0.0).then(|| (value - record.reference.random) / span)
}

pub fn scores(record: &Record, again: &Record) -> Option<[f64; 2]> {
    let of = |record: &Record| {
        let mean = record.outcome.metrics.get(&record.objective).and_then(|metric| metric.mean);
        score(record, mean.unwrap_or(record.reference.random))
    };
    Some([of(record)?, of(again)?])
}

pub fn numeric(record: &Record, again: &Record, tolerance: f64, found: &mut Verification) {
    let end = scores(record, again).map(|pair| ("result".to_string(), pair));
    let points = record.curve.iter().zip(&again.curve).filter_map(|(then, now)| {
        let pair = [score(record, then.objective?)?, score(record, now.objective?)?];
        Some((format!("curve at {}", then.step), pair))
    });
    let apart = points.chain(end).find(|(_, [then, now])| (then - now).abs() > tolerance);
    let other_end = record.status != again.status || record.curve.len() != again.curve.len();
    if let Some((place, [then, now])) = apart {
        let what = format!("{place}: score {then:.4} then, {now:.4} now, further apart than {tolerance}");
        found.mismatches.push(Mismatch::of(record, vec![what]));
    } else if other_end {
        found.mismatches.push(Mismatch::of(record, vec!["status".into()]));
    }
}

pub fn statistical(subject: &str, scores: &[[f64; 2]], margin: f64, found: &mut Verification) {
    let [then, now] = [0, 1].map(|side| scores.iter().map(|pair| pair[side]).collect::<Vec<f64>>());
    let difference = stats::mean(&now).unwrap_or(0.0) - stats::mean(&then).unwrap_or(0.0);
    let same = scores.iter().all(|[then, now]| then == now);
    let equivalent = match stats::equivalence(&now, &then, margin) {
        _ if same => true,
        Some(test) => test.p < 0.05,
        // Without spread the difference is all there is to know.
        None if stats::sd(&then) == Some(0.0) => difference.abs() < margin,
        None => false,
    };
    if equivalent {
        return;
    }
    let text = format!("{subject}: mean score changed by {difference:.4} over {} runs", scores.len());
    let certain = stats::welch(&now, &then).map_or(stats::sd(&then) == Some(0.0), |test| test.p < 0.05);
    if certain && difference.abs() >= margin {
        let (subject, what) = (subject.to_string(), vec![format!("mean score changed by {difference:.4}")]);
        found.mismatches.push(Mismatch { subject, trial: None, what, divergence: None, place: None });
    } else {
        found.ambiguous.push(format!("{text}, neither within {margin} nor beyond it with certainty"));
    }
}
