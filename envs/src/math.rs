//! Elementary functions with one definition: additions, subtractions, multiplications, divisions and square roots of
//! IEEE numbers in a fixed order, so that every machine gives the same bits.
//!
//! The platform's own functions (`f32::exp` and so on) differ between libraries and versions, and a fused
//! multiply-add rounds once where two operations round twice; neither is used here. A name without suffix takes and
//! gives `f32`, the suffix `64` means `f64`.
//!
//! | function | f32, largest error in ulp | f64 |
//! |---|---|---|
//! | [`exp`], [`exp64`] | 0.78 | 0.9 |
//! | [`ln`], [`ln64`] | 0.84 | 0.8 |
//! | [`log1p`], [`log1p64`] | 0.84 | 0.8 |
//! | [`pow`], [`pow64`] | 0.51 | 0.9 |
//! | [`sin`], [`sin64`], [`cos`], [`cos64`] | 1.51 | 0.8 |
//! | [`sigmoid`], [`sigmoid64`] | 1.48 | 2.0 |
//! | [`softplus`], [`softplus64`] | 1.55 | 1.5 |
//! | [`tanh`], [`tanh64`] | 1.50 | 1.5 |
//! | [`normal_quantile`], [`normal_quantile64`] | 0.51 | 5 |
//! | [`normal_cdf64`] | – | 1e-15 absolutely |
//! | [`lambert_w_exp`], [`lambert_w_exp64`] | 0.51 | 1.8 |
//!
//! An ulp is the distance of neighbouring numbers at the true value. The f32 column is the maximum over all 2^32
//! arguments (`cargo test -r -p mercato-envs every_f32 -- --ignored --nocapture`); `pow`, the quantile and Lambert's
//! function round their f64 form. The f64 column is the maximum over 30,000 to 60,000 arguments of every size against
//! 220-bit arithmetic.

#[cfg(test)]
mod accuracy;
mod bits;
mod exponential;
mod logarithm;
mod logistic;
mod power;
mod side_by_side;
mod special;
mod trigonometric;

pub use exponential::{exp, exp64};
pub use logarithm::{ln, ln64, log1p, log1p64};
pub use logistic::{sigmoid, sigmoid64, softplus, softplus64, tanh, tanh64};
pub use power::{pow, pow64, powi64};
pub use side_by_side::{each, normal_quantile_each};
pub use special::{lambert_w_exp, lambert_w_exp64, normal_cdf64, normal_quantile, normal_quantile64};
pub use trigonometric::{NEAR_ANGLE, cos, cos_near, cos64, sin, sin_cos64, sin64};
