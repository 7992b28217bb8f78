//! Draws from a normal law of several numbers, by Cholesky's factor of its covariance.
use envs::rng::Stream;

/// What draws are worked out on.
pub struct Draw {
    /// Cholesky's lower factor, numbers × numbers.
    factor: Vec<f64>,
    /// Independent normal numbers, then those drawn.
    numbers: Vec<f64>,
}

impl Draw {
    /// Room for draws of so many numbers.
    pub fn new(numbers: usize) -> Self {
        Draw { factor: vec![0.0; numbers * numbers], numbers: vec![0.0; numbers] }
    }

    /// Numbers with this mean and covariance.
    pub fn draw(&mut self, mean: &[f64], covariance: &[f64], draws: &mut Stream) -> &[f64] {
        self.decompose(covariance);
        self.numbers.iter_mut().for_each(|normal| *normal = draws.normal64());
        // From the last, because a number takes the normal ones up to its place.
        for at in (0..mean.len()).rev() {
            let line = self.factor[at * mean.len()..][..=at].iter().zip(&self.numbers);
            self.numbers[at] = line.fold(mean[at], |sum, (factor, normal)| sum + factor * normal);
        }
        &self.numbers
    }

    /// Directions without variance, up to rounding, are left out.
    fn decompose(&mut self, covariance: &[f64]) {
        let n = self.numbers.len();
        for j in 0..n {
            let row = |factor: &[f64], i: usize| {
                (0..j).fold(covariance[i * n + j], |sum, k| sum - factor[i * n + k] * factor[j * n + k])
            };
            let pivot = row(&self.factor, j);
            let some = pivot > 0.0 && pivot > 1e-12 * covariance[j * n + j];
            let root = pivot.sqrt();
            for i in j..n {
                let below = row(&self.factor, i);
                self.factor[i * n + j] = if some { below / root } else { 0.0 };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use envs::math::exp64;

    /// The factor times its transpose is the covariance, also where numbers are almost the same.
    #[test]
    fn draws_have_the_covariance() {
        for length in [0.1, 0.5, 10.0] {
            let distance = |at: usize| (at / 9).abs_diff(at % 9) as f64 / 8.0 / length;
            let covariance: Vec<f64> = (0..81).map(|at| exp64(-0.5 * distance(at) * distance(at))).collect();
            let mut draw = Draw::new(9);
            draw.decompose(&covariance);
            for (at, covariance) in covariance.iter().enumerate() {
                let (i, j) = (at / 9, at % 9);
                let product = (0..9).fold(0.0, |sum, k| sum + draw.factor[i * 9 + k] * draw.factor[j * 9 + k]);
                assert!((product - covariance).abs() < 1e-5, "{length}: {i}, {j}: {product}");
            }
        }
    }
}
