//! One linear regression per action, each known by a mean and a covariance, which every reward moves by a rank-one step
//! (Sherman and Morrison 1950): what [`lin_ucb`](super::lin_ucb), [`epsilon_greedy`](super::epsilon_greedy) and
//! [`logistic_thompson`](super::logistic_thompson) share.
//!
//! The features x of an observation are its numbers and a 1. With the covariance S, the mean m, an error e and a weight w:
//!
//! S ← S − w (Sx)(Sx)ᵀ / (1 + w xᵀSx), then m ← m + S x e.
//!
//! With S = I / λ at first, w = 1 and e = r − m·x that is ridge regression: S = (λI + Σxxᵀ)⁻¹, m = S Σ r x.
use crate::{
    checkpoint::{Tensor, Tensors, taken},
    error::{Result, setting},
};

/// Most numbers that the covariances may hold: 2 GiB.
const MOST_NUMBERS: usize = 1 << 28;

/// The regressions of all actions.
pub struct Regressions {
    actions: usize,
    /// Number of features.
    width: usize,
    /// actions × width.
    mean: Vec<f64>,
    /// actions × width × width.
    covariance: Vec<f64>,
    /// S x.
    image: Vec<f64>,
}

impl Regressions {
    /// Mean 0 and covariance `variance` · I, for observations of `observation` numbers.
    ///
    /// # Errors
    /// When the covariances would not fit into memory.
    pub fn new(actions: usize, observation: usize, variance: f64) -> Result<Self> {
        let width = observation + 1;
        let numbers = width.checked_mul(width).and_then(|square| square.checked_mul(actions));
        let Some(numbers) = numbers.filter(|numbers| *numbers <= MOST_NUMBERS) else {
            let found = format!("{actions} × ({observation} + 1)²");
            return Err(setting("actions × (observation + 1)²", found, &format!("at most {MOST_NUMBERS}")));
        };
        let mut covariance = vec![0.0; numbers];
        for square in covariance.chunks_exact_mut(width * width) {
            square.iter_mut().step_by(width + 1).for_each(|diagonal| *diagonal = variance);
        }
        Ok(Regressions { actions, width, mean: vec![0.0; actions * width], covariance, image: vec![0.0; width] })
    }

    /// Number of actions.
    pub fn actions(&self) -> usize {
        self.actions
    }

    /// Mean and covariance of the weights of `action`.
    pub fn law(&self, action: usize) -> (&[f64], &[f64]) {
        let [mean, covariance] = [self.width, self.width * self.width];
        (&self.mean[action * mean..][..mean], &self.covariance[action * covariance..][..covariance])
    }

    /// m·x of `action`.
    pub fn value(&self, action: usize, observation: &[f32]) -> f64 {
        product(&self.mean[action * self.width..][..self.width], observation)
    }

    /// xᵀSx of `action`.
    pub fn variance(&self, action: usize, observation: &[f32]) -> f64 {
        (0..self.width).fold(0.0, |sum, i| sum + feature(observation, i) * product(self.line(action, i), observation))
    }

    /// Moves the regression of `action` by an observation with this weight and error.
    pub fn update(&mut self, action: usize, observation: &[f32], weight: f64, error: f64) {
        for i in 0..self.width {
            self.image[i] = product(self.line(action, i), observation);
        }
        let spread = 1.0 + weight * product(&self.image, observation);
        let square = &mut self.covariance[action * self.width * self.width..][..self.width * self.width];
        for (i, line) in square.chunks_exact_mut(self.width).enumerate() {
            for (number, image) in line.iter_mut().zip(&self.image) {
                *number -= weight * (self.image[i] * image) / spread;
            }
        }
        // S x of the new covariance is the old one's, divided by the spread.
        for (mean, image) in self.mean[action * self.width..].iter_mut().zip(&self.image) {
            *mean += image / spread * error;
        }
    }

    fn line(&self, action: usize, i: usize) -> &[f64] {
        &self.covariance[(action * self.width + i) * self.width..][..self.width]
    }

    /// Mean and covariance.
    pub fn tensors(&self) -> Tensors {
        let both = [("mean", &self.mean), ("covariance", &self.covariance)];
        both.map(|(name, numbers)| (name.to_string(), Tensor::F64(numbers.clone()))).into()
    }

    /// Takes over what [`tensors`](Regressions::tensors) returned.
    ///
    /// # Errors
    /// When a tensor is missing or has another size.
    pub fn restore(&mut self, saved: &Tensors) -> Result<()> {
        self.mean = taken!(saved, F64, "mean", self.mean.len())?.to_vec();
        self.covariance = taken!(saved, F64, "covariance", self.covariance.len())?.to_vec();
        Ok(())
    }
}

/// Feature `i`: a number of the observation, or the 1 behind it.
fn feature(observation: &[f32], i: usize) -> f64 {
    observation.get(i).copied().map_or(1.0, f64::from)
}

/// `numbers` · x, in the order of the features.
fn product(numbers: &[f64], observation: &[f32]) -> f64 {
    numbers.iter().enumerate().fold(0.0, |sum, (i, number)| sum + number * feature(observation, i))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ridge regression by its normal equations, solved by elimination.
    fn ridge(data: &[([f32; 2], f64)], lambda: f64) -> [f64; 3] {
        let mut system = [[0.0; 4]; 3];
        for (i, line) in system.iter_mut().enumerate() {
            line[i] = lambda;
        }
        for (observation, reward) in data {
            let x = [f64::from(observation[0]), f64::from(observation[1]), 1.0];
            for i in 0..3 {
                (0..3).for_each(|j| system[i][j] += x[i] * x[j]);
                system[i][3] += reward * x[i];
            }
        }
        for pivot in 0..3 {
            let row = system[pivot];
            for (_, line) in system.iter_mut().enumerate().filter(|(i, _)| *i != pivot) {
                let factor = line[pivot] / row[pivot];
                (0..4).for_each(|j| line[j] -= factor * row[j]);
            }
        }
        [0, 1, 2].map(|i| system[i][3] / system[i][i])
    }

    #[test]
    fn rank_one_steps_are_ridge_regression() {
        let data: Vec<([f32; 2], f64)> =
            (0..200).map(|i| ([(i % 7) as f32 / 7.0, (i % 11) as f32 / 11.0], f64::from(i % 3))).collect();
        let mut regressions = Regressions::new(2, 2, 1.0 / 0.5).expect("small");
        for (observation, reward) in &data {
            let error = reward - regressions.value(1, observation);
            regressions.update(1, observation, 1.0, error);
        }
        for (found, expected) in regressions.mean[3..].iter().zip(ridge(&data, 0.5)) {
            assert!((found - expected).abs() < 1e-12, "{found} and {expected}");
        }
        assert_eq!(regressions.mean[..3], [0.0; 3], "the other action has learnt nothing");
        assert_eq!(regressions.variance(0, &[1.0, 2.0]), 12.0);
    }

    /// One feature: after n observations of weight w the variance is 1 / (1/v + n w).
    #[test]
    fn certainty_grows_with_every_observation() {
        let mut regressions = Regressions::new(1, 0, 4.0).expect("small");
        (0..10).for_each(|_| regressions.update(0, &[], 0.25, 0.0));
        assert!((regressions.variance(0, &[]) - 1.0 / (0.25 + 2.5)).abs() < 1e-14);
    }

    #[test]
    fn regressions_that_do_not_fit_into_memory_are_refused() {
        let error = Regressions::new(1_000_000, 100, 1.0).err().expect("too large").to_string();
        assert!(error.contains("1000000 × (100 + 1)²"), "{error}");
    }
}
