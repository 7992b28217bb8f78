//! Holm's correction for a family of tests (Holm 1979).

/// Adjusted p values, in the order of `raw`: with m tests, the i-th smallest becomes the largest of
/// min(1, (m - j + 1) p_(j)) over j ≤ i.
pub fn holm(raw: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..raw.len()).collect();
    order.sort_by(|a, b| raw[*a].total_cmp(&raw[*b]));
    let mut adjusted = vec![0.0; raw.len()];
    let mut largest = 0.0;
    for (rank, at) in order.into_iter().enumerate() {
        let scaled = (raw.len() - rank) as f64 * raw[at];
        let scaled = if scaled < 1.0 { scaled } else { 1.0 };
        largest = if scaled > largest { scaled } else { largest };
        adjusted[at] = largest;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `statsmodels.stats.multitest.multipletests(p, method="holm")[1]`: the order is kept, ties are equal, nothing
    /// passes 1.
    #[test]
    fn agrees_with_statsmodels() {
        assert_eq!(holm(&[0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02]);
        assert_eq!(holm(&[0.5, 0.5, 0.9]), [1.0, 1.0, 1.0]);
        assert_eq!(holm(&[0.25]), [0.25]);
        assert!(holm(&[]).is_empty());
    }
}
