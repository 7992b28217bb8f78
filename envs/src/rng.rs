//! Random numbers by address: a draw is a function of (seed, domain, row, episode, step, purpose, position) and of
//! nothing else.
//!
//! The generator is Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011):
//! ten rounds of a keyed bijection turn a counter of four words into four random words. Nothing is consumed, so an
//! episode is the same in any batch, on any thread and in any order of evaluation.
//!
//! | word | key | counter |
//! |---|---|---|
//! | 0 | seed, low 32 bits | row |
//! | 1 | seed, next 24 bits; domain in the top byte | episode |
//! | 2 | – | step within the episode |
//! | 3 | – | purpose in the top byte, block in the low 24 bits |
//!
//! ```
//! use envs::rng::{Domain, Purpose, Rng};
//! let address = Rng::new(7, Domain::Training).at(3, 0, 12);
//! let (mut one, mut other) = (address.stream(Purpose::STEP), address.stream(Purpose::STEP));
//! assert_eq!(one.uniform(), other.uniform());
//! ```

use crate::math::{exp, exp64, ln, normal_quantile, normal_quantile64, pow, sigmoid};

/// Which use of randomness a seed serves: the top byte of the key, so that the same seed never gives the same numbers
/// to two uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Domain {
    /// Worlds that an agent learns in.
    Training = 0,
    /// Worlds that an agent is judged in.
    Evaluation = 1,
    /// The agent's own choices: exploration, replay.
    Agent = 2,
    /// Initial weights.
    Initialisation = 3,
    /// Resampling in reports.
    Statistics = 4,
}

/// What a stream is for: the top byte of the counter's last word. The constants are the only table of purposes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Purpose(u8);

impl Purpose {
    /// Draws that start an episode.
    pub const RESET: Self = Self(0);
    /// Draws of one transition.
    pub const STEP: Self = Self(1);
    /// Actions of a reference policy.
    pub const POLICY: Self = Self(2);
    /// Exploration of an agent.
    pub const EXPLORE: Self = Self(3);
    /// Picks from a replay memory.
    pub const SAMPLE: Self = Self(4);
    /// Initial weights of a network.
    pub const WEIGHTS: Self = Self(5);
    /// Resampling with replacement.
    pub const BOOTSTRAP: Self = Self(6);
}

/// The address of random numbers; copying it copies no state and making it computes nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Rng {
    key: [u32; 2],
    row: u32,
    episode: u32,
    step: u32,
}

impl Rng {
    /// The address (row 0, episode 0, step 0) of a seed. Only the low 56 bits of the seed count: the domain occupies
    /// the others.
    #[inline]
    pub fn new(seed: u64, domain: Domain) -> Self {
        let high = (seed >> 32) as u32 & 0x00ff_ffff;
        Self { key: [seed as u32, high | (domain as u32) << 24], row: 0, episode: 0, step: 0 }
    }

    /// The same seed and domain at another place.
    #[inline]
    pub fn at(self, row: u32, episode: u32, step: u32) -> Self {
        Self { row, episode, step, ..self }
    }

    /// The numbers at this address for one purpose, from their beginning.
    #[inline]
    pub fn stream(&self, purpose: Purpose) -> Stream {
        Stream {
            key: self.key,
            counter: [self.row, self.episode, self.step, u32::from(purpose.0) << 24],
            words: [0; 4],
            next: 4,
        }
    }
}

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
    /// 32 random bits.
    #[inline]
    pub fn word(&mut self) -> u32 {
        if self.next == 4 {
            self.words = philox4x32_10(self.counter, self.key);
            let purpose = self.counter[3] & 0xff00_0000;
            self.counter[3] = purpose | (self.counter[3] + 1) & 0x00ff_ffff;
            self.next = 0;
        }
        let word = self.words[(self.next & 3) as usize];
        self.next += 1;
        word
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
        (self.word() >> 8) as f32 * (1.0 / 16_777_216.0)
    }

    /// Uniform on the 2^53 multiples of 2^−53 in [0, 1); two words.
    #[inline]
    pub fn uniform64(&mut self) -> f64 {
        (self.word64() >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    /// Fills `out` with `low + (high - low) * uniform()`, one word each, in order.
    pub fn fill_uniform(&mut self, low: f32, high: f32, out: &mut [f32]) {
        for value in out {
            *value = low + (high - low) * self.uniform();
        }
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

    /// Standard normal by inversion, within ±6.4; one word.
    #[inline]
    pub fn normal(&mut self) -> f32 {
        let word = self.word();
        let lower = ((word >> 1) as f32 + 0.5) * (1.0 / 4_294_967_296.0);
        let magnitude = normal_quantile(lower);
        if word & 1 == 0 { magnitude } else { -magnitude }
    }

    /// Standard normal by inversion, within ±9.2; two words.
    #[inline]
    pub fn normal64(&mut self) -> f64 {
        let word = self.word64();
        let lower = ((word >> 1) as f64 + 0.5) * (1.0 / 18_446_744_073_709_551_616.0);
        let magnitude = normal_quantile64(lower);
        if word & 1 == 0 { magnitude } else { -magnitude }
    }

    /// e^(mu + sigma·z) with z standard normal; one word.
    #[inline]
    pub fn log_normal(&mut self, mu: f32, sigma: f32) -> f32 {
        exp(mu + sigma * self.normal())
    }

    /// Gamma with this shape > 0 and scale 1 (Marsaglia and Tsang: "A simple method for generating gamma variables",
    /// 2000).
    pub fn gamma(&mut self, shape: f32) -> f32 {
        let boosted = self.gamma_from_one(if shape < 1.0 { shape + 1.0 } else { shape });
        if shape < 1.0 { boosted * pow(1.0 - self.uniform(), 1.0 / shape) } else { boosted }
    }

    fn gamma_from_one(&mut self, shape: f32) -> f32 {
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let z = self.normal();
            let root = 1.0 + c * z;
            let u = 1.0 - self.uniform();
            if root > 0.0 {
                let v = root * root * root;
                if ln(u) < 0.5 * z * z + d * (1.0 - v + ln(v)) {
                    return d * v;
                }
            }
        }
    }

    /// Beta with shapes a, b > 0, from two gammas in logarithms, so that small shapes do not underflow.
    pub fn beta(&mut self, a: f32, b: f32) -> f32 {
        let mut log_gamma = |shape: f32| {
            if shape < 1.0 {
                let boosted = ln(self.gamma_from_one(shape + 1.0));
                boosted + ln(1.0 - self.uniform()) / shape
            } else {
                ln(self.gamma_from_one(shape))
            }
        };
        let (first, second) = (log_gamma(a), log_gamma(b));
        sigmoid(first - second)
    }

    /// Poisson with this mean ≥ 0.
    pub fn poisson(&mut self, mean: f32) -> u32 {
        // A sum of independent Poisson numbers is Poisson: blocks of 16 keep e^−mean far from underflow.
        let (mut left, mut count) = (f64::from(mean), 0);
        while left > 0.0 {
            let block = if left > 16.0 { 16.0 } else { left };
            left -= block;
            let limit = exp64(-block);
            let mut product = 1.0 - self.uniform64();
            while product > limit {
                product *= 1.0 - self.uniform64();
                count += 1;
            }
        }
        count
    }

    /// Index i with probability weights[i] / Σ weights; weights ≥ 0, unnormalised, summed in index order in f64; two
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

/// Philox4x32-10: the four words of one counter under one key.
#[inline]
pub fn philox4x32_10(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let ([mut a, mut b, mut c, mut d], [mut k0, mut k1]) = (counter, key);
    for _ in 0..10 {
        let first = u64::from(a) * 0xD251_1F53;
        let second = u64::from(c) * 0xCD9E_8D57;
        (a, b, c, d) = ((second >> 32) as u32 ^ b ^ k0, second as u32, (first >> 32) as u32 ^ d ^ k1, first as u32);
        k0 = k0.wrapping_add(0x9E37_79B9);
        k1 = k1.wrapping_add(0xBB67_AE85);
    }
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers published with Random123 (`kat_vectors`, philox4x32 with 10 rounds).
    #[test]
    fn philox_known_answers() {
        let cases = [
            ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ];
        for (counter, key, expected) in cases {
            assert_eq!(philox4x32_10(counter, key), expected);
        }
    }
}
