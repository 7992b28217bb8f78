//! How users choose from what they are shown: which place of a slate is taken, if any, and with what probability.
//!
//! | rule | P(place j is taken) | source |
//! |---|---|---|
//! | [`cascade`] | w_j · Π over the places l above of c (1 − w_l), c the probability to look on | Craswell et al. 2008, "An experimental comparison of click position-bias models" |
//! | [`logit`] | w_j / (w_nothing + Σ w) | McFadden 1974, "Conditional logit analysis of qualitative choice behavior" |
use crate::rng::Stream;

/// The longest slate that the rules handle without memory of their own.
pub const LONGEST_SLATE: usize = 8;

/// Looks from the top and takes the first place that attracts; after one that does not, looks on with probability
/// `looks_on`. A word for each place looked at, and one for each look further unless that is certain.
#[inline]
pub fn cascade(attraction: impl Iterator<Item = f32>, looks_on: f32, draws: &mut Stream) -> Option<usize> {
    for (place, attraction) in attraction.enumerate() {
        if draws.bernoulli(attraction) {
            return Some(place);
        }
        if looks_on < 1.0 && !draws.bernoulli(looks_on) {
            break;
        }
    }
    None
}

/// Probability that each place is taken by [`cascade`].
pub fn cascade_shares(attraction: impl Iterator<Item = f64>, looks_on: f64) -> impl Iterator<Item = f64> {
    attraction.scan(1.0, move |reached, attraction| {
        let taken = *reached * attraction;
        *reached *= looks_on * (1.0 - attraction);
        Some(taken)
    })
}

/// Takes one of at most [`LONGEST_SLATE`] places, or none, in proportion to their weights; two words.
#[inline]
pub fn logit(weights: impl Iterator<Item = f32>, nothing: f32, draws: &mut Stream) -> Option<usize> {
    let mut all = [0.0; LONGEST_SLATE + 1];
    all[0] = nothing;
    all[1..].iter_mut().zip(weights).for_each(|(slot, weight)| *slot = weight);
    draws.categorical(&all).checked_sub(1)
}

/// Probability that each place is taken by [`logit`].
pub fn logit_shares(weights: impl Iterator<Item = f64> + Clone, nothing: f64) -> impl Iterator<Item = f64> {
    let total = weights.clone().fold(nothing, |sum, weight| sum + weight);
    weights.map(move |weight| weight / total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Domain, Purpose, Rng};

    const WEIGHTS: [f32; 3] = [0.5, 0.25, 0.75];

    /// How often each place was taken in 40,000 draws, against its share, within four standard errors.
    fn agree(take: impl Fn(&mut Stream) -> Option<usize>, shares: impl Iterator<Item = f64>, by_hand: [f64; 3]) {
        let rng = Rng::new(3, Domain::Evaluation);
        let n = 40_000;
        let mut counts = [0.0; 3];
        for row in 0..n {
            if let Some(place) = take(&mut rng.at(row, 0, 0).stream(Purpose::STEP)) {
                counts[place] += 1.0 / f64::from(n);
            }
        }
        for ((share, expected), count) in shares.zip(by_hand).zip(counts) {
            // 0.8 is rounded to f32.
            assert!((share - expected).abs() < 1e-7, "{share} {expected}");
            let se = (share * (1.0 - share) / f64::from(n)).sqrt();
            assert!((count - share).abs() < 4.0 * se, "{count} {share}");
        }
    }

    #[test]
    fn places_are_taken_as_often_as_their_shares_say() {
        let (floats, doubles) = (|| WEIGHTS.into_iter(), || WEIGHTS.into_iter().map(f64::from));
        let by_hand = [0.5, 0.5 * 0.25, 0.5 * 0.75 * 0.75];
        agree(|draws| cascade(floats(), 1.0, draws), cascade_shares(doubles(), 1.0), by_hand);
        let by_hand = [0.5, 0.8 * 0.5 * 0.25, 0.8 * 0.8 * 0.5 * 0.75 * 0.75];
        agree(|draws| cascade(floats(), 0.8, draws), cascade_shares(doubles(), f64::from(0.8f32)), by_hand);
        agree(|draws| logit(floats(), 0.5, draws), logit_shares(doubles(), 0.5), [0.25, 0.125, 0.375]);
    }
}
