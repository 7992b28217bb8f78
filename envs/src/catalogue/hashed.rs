//! A catalogue of any number of items without structure and without a table: the numbers of an item are hashes of its
//! index. Nothing but a search through the items finds the best one.
//!
//! The hash is the finaliser of SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators").

/// Numbers of an item.
pub const DIMS: usize = 8;

/// The numbers of `item` in the catalogue `seed` (below 2^24), uniform on the multiples of 2^−52 in [−1, 1).
#[inline]
pub fn embedding(seed: u64, item: u32) -> [f32; DIMS] {
    let first = (seed << 40).wrapping_add(u64::from(item) * DIMS as u64);
    std::array::from_fn(|j| {
        let bits = mix(first.wrapping_add(j as u64)) >> 11;
        (2.0 * (bits as f64 * (1.0 / 9_007_199_254_740_992.0)) - 1.0) as f32
    })
}

/// The score of `item` for `query`, in the order of the numbers.
#[inline]
pub fn score(seed: u64, query: &[f32], item: u32) -> f32 {
    query.iter().zip(embedding(seed, item)).fold(0.0, |sum, (q, e)| sum + q * e)
}

#[inline]
fn mix(z: u64) -> u64 {
    let z = z.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SplitMix64 from the state 0, as published with the generator.
    #[test]
    fn hashes_are_those_of_splitmix() {
        let golden = 0x9E37_79B9_7F4A_7C15u64;
        let published = [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4, 0x06C4_5D18_8009_454F];
        for (n, expected) in published.into_iter().enumerate() {
            assert_eq!(mix(golden.wrapping_mul(n as u64)), expected);
        }
    }

    /// Mean 0 and variance 1/3 within four standard errors, and nothing repeats.
    #[test]
    fn embeddings_are_spread_out() {
        let numbers: Vec<f64> = (0..10_000).flat_map(|item| embedding(7, item)).map(f64::from).collect();
        let n = numbers.len() as f64;
        let mean = numbers.iter().sum::<f64>() / n;
        let square = numbers.iter().map(|x| x * x).sum::<f64>() / n;
        assert!(mean.abs() < 4.0 * (1.0 / 3.0 / n).sqrt(), "{mean}");
        assert!((square - 1.0 / 3.0).abs() < 4.0 * (4.0 / 45.0 / n).sqrt(), "{square}");
        assert_ne!(embedding(7, 0), embedding(8, 0));
        assert_ne!(embedding(7, 0), embedding(7, 1));
    }
}
