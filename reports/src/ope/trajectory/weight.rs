//! Products of many ratios, which neither overflow nor vanish.

/// mantissa · 2^exponent, the mantissa of ordinary size.
#[derive(Clone, Copy)]
pub(super) struct Weight {
    mantissa: f64,
    pub(super) exponent: i64,
}

impl Weight {
    pub(super) const ONE: Weight = Weight { mantissa: 1.0, exponent: 0 };
    /// Mantissas are brought back below this power of two.
    const BITS: i64 = 256;

    pub(super) fn times(self, ratio: f64) -> Self {
        let mut product = Weight { mantissa: self.mantissa * ratio, ..self };
        // Ratios may be as large or small as doubles get, so that more than one step may be needed.
        while product.mantissa >= power(Self::BITS) {
            product =
                Weight { mantissa: product.mantissa * power(-Self::BITS), exponent: product.exponent + Self::BITS };
        }
        while product.mantissa > 0.0 && product.mantissa <= power(-Self::BITS) {
            product =
                Weight { mantissa: product.mantissa * power(Self::BITS), exponent: product.exponent - Self::BITS };
        }
        product
    }

    /// The weight divided by 2^exponent.
    pub(super) fn over(self, exponent: i64) -> f64 {
        let shift = self.exponent - exponent;
        match shift {
            -1000..=1000 => self.mantissa * power(shift),
            ..-1000 => 0.0,
            _ => self.mantissa * f64::INFINITY,
        }
    }
}

/// 2^exponent within the normal range of doubles.
fn power(exponent: i64) -> f64 {
    f64::from_bits(((1023 + exponent) as u64) << 52)
}

/// A product in which 0 stays 0, whatever it is multiplied by.
pub(super) fn times(weight: f64, value: f64) -> f64 {
    if weight == 0.0 || value == 0.0 { 0.0 } else { weight * value }
}
