//! Bits, uniform numbers and choices.

use super::philox::philox4x32_10;

/// The numbers of one address and purpose in order: at most 2^26 words (2^24 blocks of four), after which they repeat.
///
/// Every method says how many words it takes; the count is the same on every machine.
#[derive(Clone, Debug)]
pub struct Stream {
    key: [u32; 2],
    counter: [u32; 4],
    words: [u32; 4],
    next: u32,
}

impl Stream {
    #[inline]
    pub(super) fn new(counter: [u32; 4], key: [u32; 2]) -> Self {
        Self { key, counter, words: [0; 4], next: 4 }
    }

    /// 32 random bits.
    #[inline]
    pub fn word(&mut self) -> u32 {
        if self.next == 4 {
            self.refill();
        }
        let word = self.words[(self.next & 3) as usize];
        self.next += 1;
        word
    }

    /// Apart, so that what is done three times in four is small enough to be inlined.
    #[inline(never)]
    fn refill(&mut self) {
        self.words = philox4x32_10(self.counter, self.key);
        self.advance();
        self.next = 0;
    }

    #[inline(always)]
    fn advance(&mut self) {
        self.counter[3] = advanced(self.counter[3]);
    }

    /// 64 random bits: two words, the low half first.
    #[inline]
    pub fn word64(&mut self) -> u64 {
        let low = u64::from(self.word());
        low | u64::from(self.word()) << 32
    }

    /// Uniform on the 2^24 multiples of 2^−24 in [0, 1); one word.
    #[inline]
    pub fn uniform(&mut self) -> f32 {
        uniform(self.word())
    }

    /// Uniform on the 2^53 multiples of 2^−53 in [0, 1); two words.
    #[inline]
    pub fn uniform64(&mut self) -> f64 {
        (self.word64() >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    /// Fills `out` with `low + (high - low) * uniform()`, one word each, in order.
    pub fn fill_uniform(&mut self, low: f32, high: f32, out: &mut [f32]) {
        let number = |word: u32| low + (high - low) * uniform(word);
        let left = (4 - self.next as usize).min(out.len());
        let (begun, rest) = out.split_at_mut(left);
        begun.iter_mut().for_each(|value| *value = number(self.word()));
        // Whole blocks do not depend on one another, so that the processor works at several of them at once.
        let (blocks, end) = rest.as_chunks_mut::<4>();
        for values in blocks {
            *values = philox4x32_10(self.counter, self.key).map(number);
            self.advance();
        }
        end.iter_mut().for_each(|value| *value = number(self.word()));
    }

    /// Uniform on 0..n without bias (Lemire: "Fast random integer generation in an interval", 2019); one word, and
    /// another with probability below n/2^32. For n = 0 the result is 0.
    #[inline]
    pub fn below(&mut self, n: u32) -> u32 {
        let mut product = u64::from(self.word()) * u64::from(n);
        if (product as u32) < n {
            let threshold = n.wrapping_neg() % n;
            while (product as u32) < threshold {
                product = u64::from(self.word()) * u64::from(n);
            }
        }
        (product >> 32) as u32
    }

    /// Uniform on 0..n without bias; two words, and another two with probability below n/2^64. For n = 0 the result
    /// is 0.
    #[inline]
    pub fn below64(&mut self, n: u64) -> u64 {
        let mut product = u128::from(self.word64()) * u128::from(n);
        if (product as u64) < n {
            let threshold = n.wrapping_neg() % n;
            while (product as u64) < threshold {
                product = u128::from(self.word64()) * u128::from(n);
            }
        }
        (product >> 64) as u64
    }

    /// True with probability `p`, exact to 2^−32 (never at 0 or NaN, always at 1); one word.
    #[inline]
    pub fn bernoulli(&mut self, p: f32) -> bool {
        f64::from(self.word()) < f64::from(p) * 4_294_967_296.0
    }

    /// Index i with probability `weights[i]` / Σ weights; weights ≥ 0, unnormalised, summed in index order in f64; two
    /// words. Without a positive weight the result is 0.
    pub fn categorical(&mut self, weights: &[f32]) -> usize {
        let total = weights.iter().fold(0.0, |sum, &weight| sum + f64::from(weight));
        let threshold = self.uniform64() * total;
        let (mut sum, mut last) = (0.0, 0);
        for (index, &weight) in weights.iter().enumerate() {
            if weight > 0.0 {
                last = index;
                sum += f64::from(weight);
                if threshold < sum {
                    break;
                }
            }
        }
        last
    }

    /// Writes a uniformly random order of 0..out.len() into `out`.
    pub fn permutation(&mut self, out: &mut [u32]) {
        for index in 0..out.len() {
            let other = self.below(index as u32 + 1) as usize;
            out[index] = out[other];
            out[other] = index as u32;
        }
    }
}

/// The counter's last word for the block after this one.
#[inline(always)]
pub(super) fn advanced(counter: u32) -> u32 {
    counter & 0xff00_0000 | counter.wrapping_add(1) & 0x00ff_ffff
}

/// One of the 2^24 multiples of 2^−24 in [0, 1).
#[inline]
pub(super) fn uniform(word: u32) -> f32 {
    (word >> 8) as f32 * (1.0 / 16_777_216.0)
}

#[cfg(test)]
mod tests {
    use super::super::goodness::{chi_square, kolmogorov};
    use super::*;
    use crate::rng::{Domain, Purpose, Rng};

    fn stream(seed: u64) -> Stream {
        Rng::new(seed, Domain::Statistics).stream(Purpose::BOOTSTRAP)
    }

    /// Words are the blocks of Philox in order.
    #[test]
    fn blocks_follow_one_another() {
        let mut stream = Rng::new(0x00ab_cdef_0123_4567, Domain::Agent).at(5, 6, 7).stream(Purpose::EXPLORE);
        let words: Vec<u32> = (0..8).map(|_| stream.word()).collect();
        let key = [0x0123_4567, 0x02ab_cdef];
        assert_eq!(words[..4], philox4x32_10([5, 6, 7, 3 << 24], key));
        assert_eq!(words[4..], philox4x32_10([5, 6, 7, 3 << 24 | 1], key));
    }

    /// After its 2^24 blocks a stream repeats itself and leaves other purposes alone.
    #[test]
    fn the_last_block_is_followed_by_the_first() {
        let mut stream = Stream::new([1, 2, 3, 0x04ff_ffff], [8, 9]);
        let words: Vec<u32> = (0..8).map(|_| stream.word()).collect();
        assert_eq!(words[..4], philox4x32_10([1, 2, 3, 0x04ff_ffff], [8, 9]));
        assert_eq!(words[4..], philox4x32_10([1, 2, 3, 0x0400_0000], [8, 9]));
    }

    /// Uniform numbers have the uniform distribution and stay below 1.
    #[test]
    fn uniform_distribution() {
        let mut stream = stream(1);
        let sample: Vec<f64> = (0..100_000).map(|_| stream.uniform().into()).collect();
        assert!(sample.iter().all(|&u| (0.0..1.0).contains(&u)));
        kolmogorov(sample, |u| u);
        kolmogorov((0..100_000).map(|_| stream.uniform64()).collect(), |u| u);
        let mut weights = [0.0; 4096];
        stream.fill_uniform(-0.25, 0.25, &mut weights);
        kolmogorov(weights.iter().map(|&weight| weight.into()).collect(), |weight| (weight + 0.25) / 0.5);
    }

    /// However a stream is filled from, its words come in order, one for each number.
    #[test]
    fn filling_takes_the_words_in_order() {
        for (before, len) in [(0, 0), (0, 3), (0, 9), (1, 2), (1, 3), (2, 13), (3, 1), (4, 8)] {
            let (mut filling, mut single) = (stream(6), stream(6));
            (0..before).for_each(|_| assert_eq!(filling.word(), single.word()));
            let mut filled = vec![0.0; len];
            filling.fill_uniform(-1.0, 3.0, &mut filled);
            let expected: Vec<f32> = (0..len).map(|_| -1.0 + 4.0 * single.uniform()).collect();
            assert_eq!(filled, expected, "{len} after {before}");
            assert_eq!(filling.word(), single.word());
        }
    }

    /// Bounded integers have no bias: for n = 3·2^30 a plain multiplication would give multiples of 3 half of the
    /// probability instead of a third.
    #[test]
    fn bounded_integers_are_unbiased() {
        let mut stream = stream(2);
        for n in [1, 2, 3, 7, 1000] {
            let mut counts = vec![0; n as usize];
            (0..100_000).for_each(|_| counts[stream.below(n) as usize] += 1);
            chi_square(&counts, |_| 1.0 / f64::from(n));
        }
        let (mut counts, mut counts64) = ([0; 3], [0; 3]);
        for _ in 0..30_000 {
            counts[(stream.below(3 << 30) % 3) as usize] += 1;
            counts64[(stream.below64(3 << 62) % 3) as usize] += 1;
        }
        chi_square(&counts, |_| 1.0 / 3.0);
        chi_square(&counts64, |_| 1.0 / 3.0);
        assert_eq!((stream.below(0), stream.below64(0)), (0, 0));
    }

    /// Probabilities are met, and 0, 1 and NaN are certain.
    #[test]
    fn bernoulli_distribution() {
        let mut stream = stream(3);
        for p in [1e-3, 0.3, 0.999] {
            let hits = (0..200_000).filter(|_| stream.bernoulli(p)).count();
            chi_square(&[hits, 200_000 - hits], |side| if side == 0 { p.into() } else { 1.0 - f64::from(p) });
        }
        for (p, certain) in [(0.0, false), (-1.0, false), (f32::NAN, false), (1.0, true), (2.0, true)] {
            assert!((0..1000).all(|_| stream.bernoulli(p) == certain));
        }
    }

    /// Indices come in proportion to their weights; a weight of 0 is never chosen.
    #[test]
    fn categorical_distribution() {
        let mut stream = stream(4);
        let weights = [0.0, 2.0, 0.5, 0.0, 5.5, 0.0];
        let mut counts = [0; 6];
        (0..100_000).for_each(|_| counts[stream.categorical(&weights)] += 1);
        assert_eq!((counts[0], counts[3], counts[5]), (0, 0, 0));
        chi_square(&[counts[1], counts[2], counts[4]], |index| [0.25, 0.0625, 0.6875][index]);
        assert_eq!((stream.categorical(&[]), stream.categorical(&[0.0, 0.0])), (0, 0));
    }

    /// Every order of four is equally likely.
    #[test]
    fn permutation_distribution() {
        let mut stream = stream(5);
        let mut counts = std::collections::BTreeMap::new();
        for _ in 0..48_000 {
            let mut order = [9; 4];
            stream.permutation(&mut order);
            *counts.entry(order).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 24);
        chi_square(&counts.into_values().collect::<Vec<_>>(), |_| 1.0 / 24.0);
    }
}
