//! Goodness of fit at the level 1e-4. The seeds are fixed, so a test that passes keeps passing.

use statrs::distribution::{ChiSquared, ContinuousCDF};

/// Asserts that a sample has this distribution function (Kolmogorov's test).
pub(super) fn kolmogorov(mut sample: Vec<f64>, distribution: impl Fn(f64) -> f64) {
    sample.sort_by(f64::total_cmp);
    let n = sample.len() as f64;
    let mut largest = 0.0;
    for (rank, &value) in sample.iter().enumerate() {
        let expected = distribution(value);
        for gap in [expected - rank as f64 / n, (rank + 1) as f64 / n - expected] {
            if gap > largest {
                largest = gap;
            }
        }
    }
    let scaled = largest * n.sqrt();
    assert!(scaled < 2.23, "Kolmogorov's statistic is {scaled}");
}

/// Asserts that counts have these probabilities (Pearson's test, cells of less than 8 expected counts pooled).
pub(super) fn chi_square(counts: &[usize], probability: impl Fn(usize) -> f64) {
    let n = counts.iter().sum::<usize>() as f64;
    let (mut statistic, mut cells) = (0.0, 0);
    let (mut pooled_count, mut pooled_expected, mut total) = (0.0, 0.0, 0.0);
    let mut add = |count: f64, expected: f64| {
        statistic += (count - expected) * (count - expected) / expected;
        cells += 1;
    };
    for (index, &count) in counts.iter().enumerate() {
        let p = probability(index);
        total += p;
        if p * n < 8.0 {
            pooled_count += count as f64;
            pooled_expected += p * n;
        } else {
            add(count as f64, p * n);
        }
    }
    assert!((total - 1.0).abs() < 1e-6, "the probabilities add up to {total}");
    if pooled_expected > 0.5 {
        add(pooled_count, pooled_expected);
    }
    if cells > 1 {
        let law = ChiSquared::new(f64::from(cells - 1)).expect("at least two cells");
        let p = law.sf(statistic);
        assert!(p > 1e-4, "Pearson's statistic is {statistic} in {cells} cells, p = {p:e}");
    }
}
