//! The order in which blocks and warps run: natural, or shuffled by a seed to find code that depends on it.

/// A generator of orders.
pub struct Order {
    /// State of SplitMix64; none for the natural order.
    state: Option<u64>,
}

impl Order {
    /// Natural for seed 0.
    pub fn new(seed: u64) -> Self {
        Self { state: (seed != 0).then_some(seed) }
    }

    /// The numbers below `count`, in the next order.
    pub fn of(&mut self, count: u64) -> Box<dyn Iterator<Item = u64>> {
        let Some(state) = &mut self.state else { return Box::new(0..count) };
        let mut numbers: Vec<u64> = (0..count).collect();
        for last in (1..numbers.len()).rev() {
            *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mixed = (*state ^ *state >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
            numbers.swap(last, ((mixed ^ mixed >> 31) % (last as u64 + 1)) as usize);
        }
        Box::new(numbers.into_iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_has_every_number_once_and_a_seed_repeats_it() {
        assert_eq!(Order::new(0).of(4).collect::<Vec<_>>(), [0, 1, 2, 3]);
        let shuffled: Vec<_> = Order::new(5).of(100).collect();
        assert_eq!(shuffled, Order::new(5).of(100).collect::<Vec<_>>());
        assert_ne!(shuffled, Order::new(6).of(100).collect::<Vec<_>>());
        let mut sorted = shuffled.clone();
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..100) && !shuffled.into_iter().eq(0..100));
    }
}
