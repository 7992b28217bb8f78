//! The highest point of a function on an interval.

/// Equal parts of the interval in which the highest one is sought before it is refined.
const PARTS: u32 = 256;
/// Golden sections: the last interval is below 10^−8 of the first part, where rounding hides further ones.
const SECTIONS: u32 = 40;

/// Where `f` is highest on [`low`, `high`], to about 10^−8 of the interval, if its peak is broader than 1/256 of it; the
/// lowest such place.
pub fn highest(f: impl Fn(f64) -> f64, low: f64, high: f64) -> f64 {
    let place = |part: u32| low + (high - low) * f64::from(part) / f64::from(PARTS);
    let mut best = (0, f(low));
    for part in 1..=PARTS {
        let height = f(place(part));
        if height > best.1 {
            best = (part, height);
        }
    }
    let (mut left, mut right) =
        (place(best.0.saturating_sub(1)), place(if best.0 < PARTS { best.0 + 1 } else { PARTS }));
    let golden = (5.0f64.sqrt() - 1.0) / 2.0;
    for _ in 0..SECTIONS {
        let (a, b) = (right - golden * (right - left), left + golden * (right - left));
        if f(a) >= f(b) {
            right = b;
        } else {
            left = a;
        }
    }
    let refined = 0.5 * (left + right);
    if f(refined) > best.1 { refined } else { place(best.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peaks_inside_and_at_the_ends_are_found() {
        assert!((highest(|x| -(x - 1.3) * (x - 1.3), 0.0, 4.0) - 1.3).abs() < 1e-7);
        assert_eq!(highest(|x| -x, 2.0, 3.0), 2.0);
        assert_eq!(highest(|x| x, 2.0, 3.0), 3.0);
    }

    /// Two hills: the higher one counts, not the one that a search from the middle would climb.
    #[test]
    fn the_higher_of_two_hills_is_found() {
        let hills = |x: f64| if x < 3.0 { 1.0 - (x - 1.0) * (x - 1.0) } else { 1.5 - 4.0 * (x - 3.5) * (x - 3.5) };
        assert!((highest(hills, 0.0, 4.0) - 3.5).abs() < 1e-7);
    }
}
