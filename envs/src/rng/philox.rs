//! The generator itself.
use super::LANES;

/// Philox4x32-10: the four words of one counter under one key.
#[inline(always)]
pub fn philox4x32_10(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let ([mut a, mut b, mut c, mut d], [mut k0, mut k1]) = (counter, key);
    // Not `for`, whose iterator is three calls a round where tests are built: a seventh of the time of stepping worlds there.
    let mut rounds = 10;
    while rounds > 0 {
        let first = u64::from(a) * 0xD251_1F53;
        let second = u64::from(c) * 0xCD9E_8D57;
        (a, b, c, d) = ((second >> 32) as u32 ^ b ^ k0, second as u32, (first >> 32) as u32 ^ d ^ k1, first as u32);
        k0 = k0.wrapping_add(0x9E37_79B9);
        k1 = k1.wrapping_add(0xBB67_AE85);
        rounds -= 1;
    }
    [a, b, c, d]
}

/// [`philox4x32_10`] of several counters under one key; word by word, each with its lanes.
///
/// Words of a lane go to places of their own, not through an iterator, so that the loop becomes the processor's vectors. Not
/// inlined, or it would be taken apart again.
#[inline(never)]
pub fn philox4x32_10_each(counters: &[[u32; LANES]; 4], key: [u32; 2]) -> [[u32; LANES]; 4] {
    let mut words = [[0; LANES]; 4];
    let [a, b, c, d] = &mut words;
    for lane in 0..LANES {
        [a[lane], b[lane], c[lane], d[lane]] = philox4x32_10(counters.each_ref().map(|word| word[lane]), key);
    }
    words
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
            assert_eq!(philox4x32_10_each(&counter.map(|word| [word; LANES]), key), expected.map(|word| [word; LANES]));
        }
    }
}
