//! What the tests of several operations share.
use crate::cpu::{Cpu, Isa};
use envs::rng::{Domain, Purpose, Rng, Stream};

/// Random numbers of a test.
pub fn stream(seed: u64) -> Stream {
    Rng::new(seed, Domain::Statistics).stream(Purpose::BOOTSTRAP)
}

/// `len` numbers in \[−1, 1), about one in eight of them replaced by +0 or −0.
pub fn numbers(stream: &mut Stream, len: usize) -> Vec<f32> {
    (0..len)
        .map(|_| match stream.below(16) {
            0 => 0.0,
            1 => -0.0,
            _ => 2.0 * stream.uniform() - 1.0,
        })
        .collect()
}

/// Bit patterns, for comparisons that tell −0 from +0.
pub fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|number| number.to_bits()).collect()
}

/// The plain device.
pub fn plain() -> Cpu {
    Cpu::with(Isa::Scalar).expect("every machine has it")
}

/// The devices with vectors that this machine has; says which it lacks.
pub fn vectored() -> Vec<Cpu> {
    let with = |isa: Isa| Cpu::with(isa).inspect_err(|error| println!("skipped: {error}")).ok();
    [Isa::Avx2, Isa::Avx512].into_iter().filter_map(with).collect()
}
