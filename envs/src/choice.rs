//! How users choose from what they are shown: which place of a slate is taken, if any, and with what probability.
//!
//! | rule | P(place j is taken) | source |
//! |---|---|---|
//! | [`cascade`] | w_j · Π over the places l above of c (1 − w_l), c the probability to look on | Craswell et al. 2008, "An experimental comparison of click position-bias models" |
//! | [`logit`] | w_j / (w_nothing + Σ w), w = e^utility | McFadden 1974, "Conditional logit analysis of qualitative choice behavior" |
//! | [`logit`], proportional | the same with w = score − least score | Ie et al. 2019, "RecSim", multinomial proportional |
//! | [`logit`] after [`nest`] | w_j^(1/λ) S^(λ − 1) / (w_nothing + Σ over nests of S^λ), S the sum of w^(1/λ) over j's nest | McFadden 1978, "Modelling the choice of residential location" |
//! | [`willing`] | of one item: that its price is at most an exponential willingness to pay | Gallego, van Ryzin 1994, "Optimal dynamic pricing of inventories" |
use crate::{
    math::{exp, pow},
    rng::Stream,
};

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

/// Turns weights of a logit into those of a nested logit with the given dissimilarity λ, above 0 and at most 1; at 1 they
/// stay. Of two places in one nest the better takes from the other what of two nests it would take from all.
#[inline]
pub fn nest(weights: &mut [f32], nest_of: impl Fn(usize) -> u32, dissimilarity: f32) {
    weights.iter_mut().for_each(|weight| *weight = pow(*weight, 1.0 / dissimilarity));
    let mut scale = [0.0; LONGEST_SLATE];
    for (place, scale) in scale.iter_mut().enumerate().take(weights.len()) {
        let beside = (0..weights.len()).filter(|&other| nest_of(other) == nest_of(place));
        let sum = beside.fold(0.0, |sum, other| sum + weights[other]);
        *scale = if sum > 0.0 { pow(sum, dissimilarity - 1.0) } else { 0.0 };
    }
    weights.iter_mut().zip(scale).for_each(|(weight, scale)| *weight *= scale);
}

/// Probability that somebody pays `price` whose willingness to pay is exponential with this mean.
#[inline]
pub fn willing(price: f32, mean: f32) -> f32 {
    if mean > 0.0 { exp(-price / mean) } else { 0.0 }
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

    /// By hand: of a red bus, a blue bus and a car, all alike, the buses in one nest, the car gets what one bus alone would
    /// leave it as the buses become the same (McFadden's example), and a third at dissimilarity 1.
    #[test]
    fn nests_share_what_they_take() {
        let shares = |dissimilarity: f32| {
            let mut weights = [1.0; 3];
            nest(&mut weights, |place| u32::from(place == 2), dissimilarity);
            let shares: Vec<f64> = logit_shares(weights.into_iter().map(f64::from), 0.0).collect();
            [shares[0], shares[1], shares[2]]
        };
        let near = |found: [f64; 3], expected: [f64; 3]| found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-5);
        assert!(near(shares(1.0), [1.0 / 3.0; 3]), "{:?}", shares(1.0));
        // The nest of buses weighs (1 + 1)^λ.
        let half = 2f64.sqrt();
        let expected = [half / (1.0 + half) / 2.0, half / (1.0 + half) / 2.0, 1.0 / (1.0 + half)];
        assert!(near(shares(0.5), expected), "{:?}", shares(0.5));
        let mut none = [0.0; 2];
        nest(&mut none, |_| 0, 0.5);
        assert_eq!(none, [0.0; 2]);
    }

    #[test]
    fn willingness_to_pay_is_exponential() {
        assert!((willing(2.0, 4.0) - 0.606_530_66).abs() < 1e-6);
        assert_eq!([willing(0.0, 1.0), willing(1.0, 0.0)], [1.0, 0.0]);
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
