//! Random indices for statistics: Philox by address, so that a figure depends on its seed and on nothing else.
use envs::{Domain, Purpose, Rng};
use reports::stats::Address;

/// The source of random indices of a seed below 2^56, for [`reports::stats::Draw`].
pub fn draw(seed: u64) -> impl Fn(Address, u32, &mut [u32]) + Sync {
    move |address, below, indices| {
        let rng = Rng::new(seed, Domain::Statistics).at(address.stream, address.replicate, address.stratum);
        let mut stream = rng.stream(Purpose::BOOTSTRAP);
        indices.iter_mut().for_each(|index| *index = stream.below(below));
    }
}
