//! Numbers that change linearly with a counter.

/// Goes linearly from `from` to `to` over `over` counts and stays there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ramp {
    /// Value at count 0.
    pub from: f32,
    /// Value from count `over` on.
    pub to: f32,
    /// How many counts the way takes; 0 means `to` from the start.
    pub over: u32,
}

impl Ramp {
    /// The same value for ever.
    pub const fn constant(value: f32) -> Self {
        Ramp { from: value, to: value, over: 0 }
    }
    /// The value at `count`: from + (to − from) · count / over in f32.
    #[inline]
    pub fn at(&self, count: u32) -> f32 {
        if count >= self.over { self.to } else { self.from + (self.to - self.from) * (count as f32 / self.over as f32) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ramps_start_pass_halfway_and_stay() {
        let ramp = Ramp { from: 1.0, to: 0.0, over: 10 };
        assert_eq!([0, 5, 10, 11, u32::MAX].map(|count| ramp.at(count)), [1.0, 0.5, 0.0, 0.0, 0.0]);
        assert_eq!(Ramp::constant(0.25).at(0), 0.25);
    }
}
