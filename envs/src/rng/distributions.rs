//! Draws from named distributions. All are inversions or exact rejections; none carries a value over to the next draw.

use super::Stream;
use crate::math::{exp, exp64, ln, ln64, normal_quantile, normal_quantile64, pow, sigmoid};

impl Stream {
    /// Standard normal by inversion, within ±6.4; one word.
    #[inline]
    pub fn normal(&mut self) -> f32 {
        let word = self.word();
        signed(word, normal_quantile(probability(word)))
    }

    /// `sigma` times a standard normal number, which is not worked out for a `sigma` of 0; one word.
    #[inline]
    pub fn normal_times(&mut self, sigma: f32) -> f32 {
        if sigma == 0.0 {
            self.word();
            return 0.0;
        }
        sigma * self.normal()
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

    /// Gamma with this shape and scale 1; NaN unless the shape is positive and finite. Two words per attempt (at
    /// least 95 % succeed), and one more for a shape below 1.
    ///
    /// Marsaglia and Tsang: "A simple method for generating gamma variables", ACM TOMS 26 (2000).
    pub fn gamma(&mut self, shape: f32) -> f32 {
        let (draw, u) = self.gamma_and_uniform(shape);
        draw * pow(u, 1.0 / shape)
    }

    /// Beta with shapes a and b, in [0, 1]; NaN unless both are positive and finite. Formed from the logarithms of two
    /// gamma draws, so that small shapes do not end in 0/0.
    pub fn beta(&mut self, a: f32, b: f32) -> f32 {
        let mut log_gamma = |shape: f32| {
            let (draw, u) = self.gamma_and_uniform(shape);
            ln(draw) + ln(u) / shape
        };
        let first = log_gamma(a);
        let second = log_gamma(b);
        sigmoid(first - second)
    }

    /// Poisson with this mean, at most 2^32 − 1; 0 unless the mean is positive. Two words for a mean below 10, above
    /// two per attempt (at least 75 % succeed).
    ///
    /// Inversion below 10, above it transformed rejection (Hörmann: "The transformed rejection method for generating
    /// Poisson random variables", 1993, algorithm PTRS).
    pub fn poisson(&mut self, mean: f32) -> u32 {
        let mean = f64::from(mean);
        if mean < 10.0 {
            self.poisson_by_inversion(mean)
        } else if mean < 4_294_967_296.0 {
            self.poisson_by_rejection(mean)
        } else if mean.is_nan() {
            0
        } else {
            u32::MAX
        }
    }

    /// (g, u) such that g·u^(1/shape) has the gamma distribution: u = 1 for shapes from 1 on.
    fn gamma_and_uniform(&mut self, shape: f32) -> (f32, f32) {
        if !(shape > 0.0 && shape.is_finite()) {
            (f32::NAN, 1.0)
        } else if shape < 1.0 {
            (self.gamma_from_one(shape + 1.0), 1.0 - self.uniform())
        } else {
            (self.gamma_from_one(shape), 1.0)
        }
    }

    /// Gamma for finite shapes from 1 on.
    fn gamma_from_one(&mut self, shape: f32) -> f32 {
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let z = self.normal();
            let u = 1.0 - self.uniform();
            let root = 1.0 + c * z;
            if root > 0.0 {
                let v = root * root * root;
                if ln(u) < 0.5 * z * z + d * (1.0 - v + ln(v)) {
                    return d * v;
                }
            }
        }
    }

    fn poisson_by_inversion(&mut self, mean: f64) -> u32 {
        let target = self.uniform64();
        let mut term = exp64(-mean);
        let (mut below, mut count) = (term, 0);
        while target >= below {
            count += 1;
            term *= mean / f64::from(count);
            let next = below + term;
            // Where the sum no longer grows the target lies in its rounding error.
            if next == below {
                break;
            }
            below = next;
        }
        count
    }

    fn poisson_by_rejection(&mut self, mean: f64) -> u32 {
        let b = 0.931 + 2.53 * mean.sqrt();
        let a = -0.059 + 0.02483 * b;
        let inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
        let accepted_at_once = 0.9277 - 3.6224 / (b - 2.0);
        let log_mean = ln64(mean);
        loop {
            let u = f64::from(self.uniform()) - 0.5;
            let v = f64::from(self.uniform());
            let edge = 0.5 - u.abs();
            let count = ((2.0 * a / edge + b) * u + mean + 0.43).floor();
            if edge >= 0.07 && v <= accepted_at_once {
                return count as u32;
            }
            if count < 0.0 || edge < 0.013 && v > edge {
                continue;
            }
            let log_density = count * log_mean - mean - ln_factorial(count);
            if ln64(v * inverse_alpha / (a / (edge * edge) + b)) <= log_density {
                return count as u32;
            }
        }
    }
}

/// ln n! for a whole n ≥ 0, to 1e-10 (Stirling's series).
fn ln_factorial(n: f64) -> f64 {
    const HALF_LN_TWO_PI: f64 = 0.918_938_533_204_672_7;
    if n < 10.0 {
        let mut product = 1.0;
        let mut factor = n;
        while factor > 1.0 {
            product *= factor;
            factor -= 1.0;
        }
        return ln64(product);
    }
    let square = 1.0 / (n * n);
    (n + 0.5) * ln64(n) - n + HALF_LN_TWO_PI + (1.0 / 12.0 - square * (1.0 / 360.0 - square / 1260.0)) / n
}

/// The probability in (0, ½] that the upper 31 bits of `word` stand for.
#[inline]
pub(super) fn probability(word: u32) -> f32 {
    ((word >> 1) as f32 + 0.5) * (1.0 / 4_294_967_296.0)
}

/// `quantile` or, as the last bit of `word` says, the one on the other side of 0.
#[inline]
pub(super) fn signed(word: u32, quantile: f32) -> f32 {
    if word & 1 == 0 { quantile } else { -quantile }
}

#[cfg(test)]
mod tests {
    use super::super::goodness::{chi_square, kolmogorov};
    use super::*;
    use crate::rng::{Domain, Purpose, Rng};
    use ndarray_rand::rand::{SeedableRng, rngs::StdRng};
    use rand_distr::Distribution;
    use statrs::distribution::{Beta, ContinuousCDF, Discrete, Gamma, LogNormal, Normal, Poisson};

    fn stream(seed: u64) -> Stream {
        Rng::new(seed, Domain::Statistics).stream(Purpose::BOOTSTRAP)
    }

    /// Both normals, and the weight of their tails beyond 3.
    #[test]
    fn normal_distribution() {
        let law = Normal::new(0.0, 1.0).unwrap();
        let mut stream = stream(1);
        let single: Vec<f64> = (0..100_000).map(|_| stream.normal().into()).collect();
        let double: Vec<f64> = (0..100_000).map(|_| stream.normal64()).collect();
        for sample in [single, double] {
            let far = sample.iter().filter(|z| z.abs() > 3.0).count();
            chi_square(&[far, sample.len() - far], |side| [2.0 * law.cdf(-3.0), 1.0 - 2.0 * law.cdf(-3.0)][side]);
            kolmogorov(sample, |z| law.cdf(z));
        }
    }

    #[test]
    fn log_normal_distribution() {
        let law = LogNormal::new(-0.5, 0.75).unwrap();
        let mut stream = stream(2);
        kolmogorov((0..50_000).map(|_| stream.log_normal(-0.5, 0.75).into()).collect(), |x| law.cdf(x));
    }

    /// Gamma on both sides of shape 1.
    #[test]
    fn gamma_distribution() {
        let mut stream = stream(3);
        for shape in [0.2f32, 0.9, 1.0, 2.5, 300.0] {
            let law = Gamma::new(shape.into(), 1.0).unwrap();
            kolmogorov((0..20_000).map(|_| stream.gamma(shape).into()).collect(), |x| law.cdf(x));
        }
        for shape in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            assert!(stream.gamma(shape).is_nan());
        }
    }

    #[test]
    fn beta_distribution() {
        let mut stream = stream(4);
        for (a, b) in [(0.5f32, 0.5f32), (1.0, 1.0), (2.0, 5.0), (0.5, 30.0)] {
            let law = Beta::new(a.into(), b.into()).unwrap();
            kolmogorov((0..20_000).map(|_| stream.beta(a, b).into()).collect(), |x| law.cdf(x));
        }
        assert!(stream.beta(0.0, 1.0).is_nan() && stream.beta(1.0, f32::NAN).is_nan());
    }

    /// Where a ratio of gammas would be 0/0, half of the draws lie at each end.
    #[test]
    fn beta_of_tiny_shapes() {
        let mut stream = stream(5);
        let draws: Vec<f32> = (0..10_000).map(|_| stream.beta(1e-4, 1e-4)).collect();
        let ends = [draws.iter().filter(|&&x| x < 0.5).count(), draws.iter().filter(|&&x| x >= 0.5).count()];
        chi_square(&ends, |_| 0.5);
        assert!(draws.iter().filter(|&&x| x > 1e-6 && x < 1.0 - 1e-6).count() < 40);
    }

    /// Poisson by both methods, and the means that have only one answer.
    #[test]
    fn poisson_distribution() {
        let mut stream = stream(6);
        for mean in [0.05f32, 3.0, 9.99, 10.0, 40.0, 1234.5] {
            let law = Poisson::new(mean.into()).unwrap();
            let mut counts = vec![0; (mean + 12.0 * (mean + 1.0).sqrt()) as usize];
            (0..50_000).for_each(|_| counts[stream.poisson(mean) as usize] += 1);
            chi_square(&counts, |count| law.pmf(count as u64));
        }
        for (mean, certain) in [(0.0, 0), (-3.0, 0), (f32::NAN, 0), (1e10, u32::MAX)] {
            assert_eq!(stream.poisson(mean), certain);
        }
    }

    /// Mean and variance agree with another implementation's draws within five standard errors.
    #[test]
    fn moments_agree_with_rand_distr() {
        let n = 100_000;
        let mut other = StdRng::seed_from_u64(1);
        let mut stream = stream(7);
        let gamma = rand_distr::Gamma::new(0.7f64, 1.0).unwrap();
        let beta = rand_distr::Beta::new(0.6f64, 2.0).unwrap();
        let poisson = rand_distr::Poisson::new(25.0f64).unwrap();
        let mut theirs = || [gamma.sample(&mut other), beta.sample(&mut other), poisson.sample(&mut other)];
        let mut ours = || [stream.gamma(0.7).into(), stream.beta(0.6, 2.0).into(), stream.poisson(25.0).into()];
        let moments = |draw: &mut dyn FnMut() -> [f64; 3]| {
            let mut sums = [[0.0; 4]; 3];
            for _ in 0..n {
                for (sums, value) in sums.iter_mut().zip(draw()) {
                    for (power, sum) in (1..).zip(sums.iter_mut()) {
                        *sum += crate::math::powi64(value, power) / f64::from(n);
                    }
                }
            }
            sums
        };
        for (a, b) in moments(&mut ours).into_iter().zip(moments(&mut theirs)) {
            for order in [0, 1] {
                let variance = b[2 * order + 1] - b[order] * b[order];
                let error = (2.0 * variance / f64::from(n)).sqrt();
                assert!((a[order] - b[order]).abs() < 5.0 * error, "moment {order}: {} and {}", a[order], b[order]);
            }
        }
    }

    /// The bits of every distribution, for comparing optimisation levels and machines.
    #[test]
    fn bits_are_the_committed_ones() {
        let hash = |draw: &mut dyn FnMut(&mut Stream) -> u64| {
            let mut stream = stream(8);
            (0..2000).fold(0xcbf2_9ce4_8422_2325u64, |hash, _| {
                (hash ^ draw(&mut stream)).wrapping_mul(0x0100_0000_01b3).rotate_left(23)
            })
        };
        let found = [
            ("uniform", hash(&mut |stream| stream.uniform().to_bits().into())),
            ("uniform64", hash(&mut |stream| stream.uniform64().to_bits())),
            ("below", hash(&mut |stream| stream.below(3 << 30).into())),
            ("below64", hash(&mut |stream| stream.below64(3 << 62))),
            ("bernoulli", hash(&mut |stream| stream.bernoulli(0.3).into())),
            ("normal", hash(&mut |stream| stream.normal().to_bits().into())),
            ("normal64", hash(&mut |stream| stream.normal64().to_bits())),
            ("log_normal", hash(&mut |stream| stream.log_normal(0.5, 2.0).to_bits().into())),
            ("gamma below 1", hash(&mut |stream| stream.gamma(0.3).to_bits().into())),
            ("gamma above 1", hash(&mut |stream| stream.gamma(4.5).to_bits().into())),
            ("beta", hash(&mut |stream| stream.beta(0.4, 3.0).to_bits().into())),
            ("poisson below 10", hash(&mut |stream| stream.poisson(4.2).into())),
            ("poisson above 10", hash(&mut |stream| stream.poisson(77.7).into())),
            ("categorical", hash(&mut |stream| stream.categorical(&[0.3, 0.1, 2.5, 0.9]) as u64)),
            ("permutation", {
                hash(&mut |stream| {
                    let mut order = [0; 10];
                    stream.permutation(&mut order);
                    order.iter().fold(0, |code, &item| code * 10 + u64::from(item))
                })
            }),
        ];
        assert_eq!(found, COMMITTED);
    }

    const COMMITTED: [(&str, u64); 15] = [
        ("uniform", 0xce43_c5ee_5977_24b5),
        ("uniform64", 0xcbfd_57d2_e995_b31d),
        ("below", 0x9f75_4c73_0ea5_6744),
        ("below64", 0xb088_7f2e_3320_5325),
        ("bernoulli", 0x0b03_8cfa_7ca6_3190),
        ("normal", 0xa392_7391_f1cf_3f23),
        ("normal64", 0xa865_2385_8f69_2c56),
        ("log_normal", 0x5237_336b_bcb0_70cc),
        ("gamma below 1", 0x3014_fab5_e1b9_6c38),
        ("gamma above 1", 0xc0f8_7b2c_8d10_f21c),
        ("beta", 0x9c2b_38c5_2b8a_a2d0),
        ("poisson below 10", 0x4c00_2204_3097_fa7a),
        ("poisson above 10", 0x568c_f564_8da2_8179),
        ("categorical", 0xd3e5_e68e_86bf_cf8e),
        ("permutation", 0x0630_8596_3490_1883),
    ];
}
