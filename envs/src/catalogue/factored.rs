//! A catalogue of up to ten million items without a table of them: item I = Σ_j k_j 10^j is the concatenation of one
//! codeword per decimal digit, so that its score for a query is a sum of one part per digit.
//!
//! With d digits the best of 10^d items is found by d comparisons of ten parts, the best few by a heap, and the mean
//! over all items of a logistic function of the score by one integral. Memory is 10 d numbers per query.
use crate::math::{cos64, exp64, sin64};
use std::collections::BinaryHeap;

/// Codewords of a digit.
pub const CODES: usize = 10;
/// Numbers of a codeword.
pub const DIMS: usize = 4;

/// Number l of codeword k of digit j: sin(1.3 (j + 1) + 0.7 (k + 1)(l + 1)).
pub fn code(j: usize, k: usize, l: usize) -> f32 {
    sin64(1.3 * (j + 1) as f64 + 0.7 * ((k + 1) * (l + 1)) as f64) as f32
}

/// Writes the vector of `item`: its codewords, the lowest digit's first, as many as fit.
pub fn embedding(item: u32, vector: &mut [f32]) {
    let mut rest = item as usize;
    for (j, word) in vector.chunks_exact_mut(DIMS).enumerate() {
        word.iter_mut().enumerate().for_each(|(l, number)| *number = code(j, rest % CODES, l));
        rest /= CODES;
    }
}

/// What each codeword of each digit adds to the score for `query`, which has [`DIMS`] numbers per digit; digit by digit,
/// the lowest first.
pub fn parts(query: &[f32]) -> Vec<f32> {
    let part = |j: usize, k: usize, query: &[f32]| {
        query.iter().enumerate().fold(0.0, |sum, (l, q)| sum + f64::from(*q) * f64::from(code(j, k, l))) as f32
    };
    query.chunks(DIMS).enumerate().flat_map(|(j, query)| (0..CODES).map(move |k| part(j, k, query))).collect()
}

/// The score of `item`, digit by digit from the lowest.
#[inline]
pub fn score(parts: &[f32], item: u32) -> f32 {
    let mut rest = item as usize;
    parts.chunks_exact(CODES).fold(0.0, |sum, parts| {
        let part = parts[rest % CODES];
        rest /= CODES;
        sum + part
    })
}

/// The `count` items with the largest scores, the largest first; exact up to the rounding of sums in f64.
///
/// Each digit's codewords are sorted; a choice of ranks has as successors those with one rank more, at the place that
/// was raised last or later. So every choice has one predecessor, which is no worse, and a heap yields them in order.
pub fn top(parts: &[f32], count: usize) -> Vec<u32> {
    let sorted: Vec<Vec<usize>> = (parts.chunks(CODES))
        .map(|parts| {
            let mut codes: Vec<usize> = (0..CODES).collect();
            codes.sort_by(|&a, &b| parts[b].total_cmp(&parts[a]));
            codes
        })
        .collect();
    let candidate = |ranks: Vec<usize>, raised: usize| {
        let codes: Vec<usize> = ranks.iter().zip(&sorted).map(|(&rank, codes)| codes[rank]).collect();
        let score = codes.iter().enumerate().fold(0.0, |sum, (j, &k)| sum + f64::from(parts[CODES * j + k]));
        let item = codes.iter().rev().fold(0, |item, &k| CODES as u32 * item + k as u32);
        Candidate { score, item, ranks, raised }
    };
    let mut heap = BinaryHeap::from([candidate(vec![0; sorted.len()], 0)]);
    let mut items = Vec::with_capacity(count);
    while items.len() < count {
        let Some(Candidate { item, ranks, raised, .. }) = heap.pop() else { break };
        items.push(item);
        for place in raised..ranks.len() {
            if ranks[place] + 1 < CODES {
                let mut next = ranks.clone();
                next[place] += 1;
                heap.push(candidate(next, place));
            }
        }
    }
    items
}

/// A choice of codewords by their ranks, ordered by score, then by the lower item.
struct Candidate {
    score: f64,
    item: u32,
    ranks: Vec<usize>,
    /// The place of the last rank that was raised.
    raised: usize,
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.score.total_cmp(&other.score).then(other.item.cmp(&self.item))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Candidate {}

/// Mean of the score over all items.
pub fn mean_score(parts: &[f32]) -> f64 {
    parts.iter().fold(0.0, |sum, &part| sum + f64::from(part)) / CODES as f64
}

/// Mean of σ(`scale` · (score − `offset`)) over all items, σ the logistic function, to about 10^−12.
///
/// σ(x) = 1/2 + ∫ sin(xt)/sinh(πt) dt over t > 0, and the mean of e^(ixt) over items is a product over digits. The
/// integrand is even and analytic for |Im t| < 1, so the trapezoidal rule converges like e^(−2π/step).
pub fn mean_logistic(parts: &[f32], scale: f64, offset: f64) -> f64 {
    const PI: f64 = std::f64::consts::PI;
    let most = parts.chunks(CODES).fold(offset.abs(), |sum, parts| {
        sum + parts
            .iter()
            .fold(0.0, |most, part| if f64::from(part.abs()) > most { f64::from(part.abs()) } else { most })
    });
    let step = 2.0 * PI / (40.0 + scale * most);
    let mut sum = 0.5 * scale * (mean_score(parts) - offset) / PI;
    // Beyond 12 the integrand is below e^(−12π).
    for node in 1..=(12.0 / step) as u32 {
        let t = step * f64::from(node);
        let turn = scale * t;
        let start = (cos64(turn * offset), -sin64(turn * offset));
        let (_, sine) = parts.chunks(CODES).fold(start, |(re, im), parts| {
            let (c, s) = parts.iter().fold((0.0, 0.0), |(c, s), &part| {
                (c + cos64(turn * f64::from(part)), s + sin64(turn * f64::from(part)))
            });
            let (c, s) = (c / CODES as f64, s / CODES as f64);
            (re * c - im * s, re * s + im * c)
        });
        let growth = exp64(PI * t);
        sum += sine * 2.0 / (growth - 1.0 / growth);
    }
    0.5 + step * sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::sigmoid64;

    /// A query for items of `digits` digits.
    fn query(digits: usize, user: usize) -> Vec<f32> {
        let entry = |at: usize| cos64(0.37 * ((user + 1) * (at / DIMS + 1)) as f64 + 1.1 * (at % DIMS) as f64) as f32;
        (0..digits * DIMS).map(entry).collect()
    }

    /// All ten thousand items one by one, each from its 16 numbers.
    #[test]
    fn parts_heap_and_integral_agree_with_every_item() {
        for user in [0, 1, 2, 42] {
            let query = query(4, user);
            let parts = parts(&query);
            let dot = |item: usize| -> f64 {
                let digit = |j: usize| item / CODES.pow(j as u32) % CODES;
                let code = |at: usize| f64::from(code(at / DIMS, digit(at / DIMS), at % DIMS));
                query.iter().enumerate().map(|(at, &q)| f64::from(q) * code(at)).sum()
            };
            let scores: Vec<f64> = (0..10_000).map(dot).collect();
            let mut vector = [0.0; 4 * DIMS];
            for (item, &expected) in scores.iter().enumerate() {
                assert!((f64::from(score(&parts, item as u32)) - expected).abs() < 1e-5, "item {item}");
                embedding(item as u32, &mut vector);
                let product: f64 = query.iter().zip(&vector).map(|(q, e)| f64::from(q * e)).sum();
                assert!((product - expected).abs() < 1e-5, "vector of item {item}");
            }
            let mut sorted = scores.clone();
            sorted.sort_by(|a, b| b.total_cmp(a));
            let top = top(&parts, 200);
            for (rank, &item) in top.iter().enumerate() {
                assert!((scores[item as usize] - sorted[rank]).abs() < 1e-5, "rank {rank}: item {item}");
            }
            assert_eq!(top.iter().collect::<std::collections::BTreeSet<_>>().len(), 200);
            let mean = scores.iter().map(|score| sigmoid64(0.25 * (score - 1.0))).sum::<f64>() / 10_000.0;
            assert!((mean_logistic(&parts, 0.25, 1.0) - mean).abs() < 1e-7, "user {user}: {mean}");
            assert!((mean_score(&parts) - scores.iter().sum::<f64>() / 10_000.0).abs() < 1e-6);
        }
    }

    /// The integral itself, where the parts are the definition: no rounding of scores is in the way.
    #[test]
    fn the_integral_is_exact() {
        let parts: Vec<f32> = (0..2 * CODES).map(|i| (i * i % 17) as f32 / 4.0 - 2.0).collect();
        for (scale, offset) in [(1.0, 0.0), (0.25, -3.0), (4.0, 1.5)] {
            let value =
                |a: usize, b: usize| sigmoid64(scale * (f64::from(parts[a]) + f64::from(parts[CODES + b]) - offset));
            let mean = (0..100).map(|item| value(item % 10, item / 10)).sum::<f64>() / 100.0;
            let integral = mean_logistic(&parts, scale, offset);
            assert!((integral - mean).abs() < 1e-12, "{scale} {offset}: {integral} {mean}");
        }
    }

    #[test]
    #[ignore = "all ten million items: seconds in a release build"]
    fn the_best_of_ten_million_is_the_best() {
        for user in [0, 1, 2, 42] {
            let parts = parts(&query(7, user));
            let best = (0..10_000_000u32).max_by(|&a, &b| score(&parts, a).total_cmp(&score(&parts, b)));
            let best = score(&parts, best.expect("items"));
            assert!((score(&parts, top(&parts, 1)[0]) - best).abs() < 1e-5, "user {user}");
        }
    }
}
