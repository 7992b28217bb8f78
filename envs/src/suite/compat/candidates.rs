//! What the worlds with candidate documents share: choosing the best of them, and counting clicks.

/// The longest list of candidates.
pub const MOST_CANDIDATES: u32 = 1000;

/// Fills `slate` with the candidates of the largest score, the largest first, ties to the lowest index.
pub fn best_first(slate: &mut [u32], candidates: usize, score: impl Fn(usize) -> f32) {
    for place in 0..slate.len() {
        let (chosen, rest) = slate.split_at_mut(place);
        let mut best: Option<(u32, f32)> = None;
        for candidate in (0..candidates as u32).filter(|candidate| !chosen.contains(candidate)) {
            let score = score(candidate as usize);
            if best.is_none_or(|(_, highest)| score > highest) {
                best = Some((candidate, score));
            }
        }
        if let Some((candidate, _)) = best {
            rest[0] = candidate;
        }
    }
}

/// `part` of `whole`, 0 of nothing.
pub fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_go_to_the_lowest_index() {
        let mut slate = [9; 3];
        best_first(&mut slate, 5, |i| [1.0, 3.0, 2.0, 3.0, 1.0][i]);
        assert_eq!(slate, [1, 3, 2]);
    }
}
