//! The numbers of several addresses, drawn side by side: those of [`Stream`](super::Stream), in the processor's vectors.
use super::{
    LANES, Purpose, Rng,
    distributions::{probability, signed},
    philox::philox4x32_10_each,
    stream::{advanced, uniform},
};
use crate::math::normal_quantile_each;

/// One stream for each of [`LANES`] addresses of one seed; every method takes the same words from each.
pub struct Streams {
    key: [u32; 2],
    counters: [[u32; LANES]; 4],
    words: [[u32; LANES]; 4],
    next: usize,
}

impl Streams {
    /// The numbers at these addresses for one purpose, from their beginning; the seed and domain are those of the first.
    #[inline]
    pub fn new(addresses: &[Rng; LANES], purpose: Purpose) -> Self {
        debug_assert!(addresses.iter().all(|address| address.key == addresses[0].key));
        let counters = [
            addresses.map(|address| address.row),
            addresses.map(|address| address.episode),
            addresses.map(|address| address.step),
            [purpose.first_counter(); LANES],
        ];
        Self { key: addresses[0].key, counters, words: [[0; LANES]; 4], next: 4 }
    }

    /// 32 random bits.
    #[inline]
    pub fn word(&mut self) -> [u32; LANES] {
        if self.next == 4 {
            self.words = philox4x32_10_each(&self.counters, self.key);
            self.counters[3] = self.counters[3].map(advanced);
            self.next = 0;
        }
        self.next += 1;
        self.words[self.next - 1]
    }

    /// Uniform on the 2^24 multiples of 2^−24 in [0, 1); one word.
    #[inline]
    pub fn uniform(&mut self) -> [f32; LANES] {
        self.word().map(uniform)
    }

    /// Standard normal by inversion, within ±6.4; one word.
    #[inline]
    pub fn normal(&mut self) -> [f32; LANES] {
        let words = self.word();
        let quantiles = normal_quantile_each(&words.map(probability));
        std::array::from_fn(|lane| signed(words[lane], quantiles[lane]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Domain;

    /// Every lane has the bits of a stream of its own.
    #[test]
    fn numbers_are_those_of_one_stream_each() {
        let base = Rng::new(0x00ab_cdef_0123_4567, Domain::Evaluation);
        for round in 0..500 {
            let addresses = std::array::from_fn(|lane| base.at(round * 8 + lane as u32, lane as u32 * 7, round));
            let mut together = Streams::new(&addresses, Purpose::STEP);
            let mut alone = addresses.map(|address| address.stream(Purpose::STEP));
            for _ in 0..5 {
                assert_eq!(together.word(), alone.each_mut().map(|stream| stream.word()));
                assert_eq!(together.uniform(), alone.each_mut().map(|stream| stream.uniform()));
                let expected = alone.each_mut().map(|stream| stream.normal().to_bits());
                assert_eq!(together.normal().map(f32::to_bits), expected);
            }
        }
    }
}
