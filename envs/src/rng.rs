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
//! use mercato_envs::rng::{Domain, Purpose, Rng};
//! let address = Rng::new(7, Domain::Training).at(3, 0, 12);
//! let (mut one, mut other) = (address.stream(Purpose::STEP), address.stream(Purpose::STEP));
//! assert_eq!(one.uniform(), other.uniform());
//! ```

mod distributions;
#[cfg(test)]
mod goodness;
mod philox;
mod side_by_side;
mod stream;

pub use philox::philox4x32_10;
pub use side_by_side::Streams;
pub use stream::Stream;

/// Addresses that [`Streams`] draws from at once.
pub const LANES: usize = 8;

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
    /// Noise on the parameters of a network.
    pub const NOISE: Self = Self(7);
    /// Fractions at which quantiles are asked for.
    pub const FRACTION: Self = Self(8);
    /// Noise on the rewards that are shown.
    pub const REWARD_NOISE: Self = Self(9);
    /// Which rewards are lost.
    pub const REWARD_MISSING: Self = Self(10);
    /// When the last action is carried out again.
    pub const STICKY: Self = Self(11);
    /// Which items are on offer.
    pub const MASK: Self = Self(12);

    /// The counter's last word at a stream's beginning.
    #[inline]
    fn first_counter(self) -> u32 {
        u32::from(self.0) << 24
    }
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

    /// The key, for a device that draws for itself.
    #[inline]
    pub fn key(&self) -> [u32; 2] {
        self.key
    }

    /// The numbers at this address for one purpose, from their beginning.
    #[inline]
    pub fn stream(&self, purpose: Purpose) -> Stream {
        Stream::new([self.row, self.episode, self.step, purpose.first_counter()], self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Changing any part of an address changes the numbers; the top byte of a seed does not count.
    #[test]
    fn addresses_are_distinct() {
        let base = Rng::new(1, Domain::Training).at(2, 3, 4);
        let mut firsts = std::collections::BTreeSet::new();
        let mut add = |rng: Rng, purpose| assert!(firsts.insert(rng.stream(purpose).word64()));
        add(base, Purpose::STEP);
        add(base, Purpose::RESET);
        for (row, episode, step) in [(3, 3, 4), (2, 4, 4), (2, 3, 5), (3, 2, 4), (4, 3, 2)] {
            add(base.at(row, episode, step), Purpose::STEP);
        }
        for seed in [0, 2, 1 << 32 | 1, 1 << 55 | 1] {
            add(Rng::new(seed, Domain::Training).at(2, 3, 4), Purpose::STEP);
        }
        for domain in [Domain::Evaluation, Domain::Agent, Domain::Initialisation, Domain::Statistics] {
            add(Rng::new(1, domain).at(2, 3, 4), Purpose::STEP);
        }
        assert_eq!(Rng::new(1 << 56 | 1, Domain::Training).at(2, 3, 4), base);
    }
}
