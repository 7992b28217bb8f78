//! Symmetric positive definite systems of a few unknowns, by Cholesky's factors in a fixed order of operations.

use ndarray::Array2;

/// The lower factor L of A = L·Lᵀ.
pub(super) struct Cholesky(Array2<f64>);

impl Cholesky {
    /// Factors a symmetric matrix; the index of the first pivot that is not positive where there is one.
    pub(super) fn of(matrix: &Array2<f64>) -> Result<Self, usize> {
        let n = matrix.nrows();
        let mut factor = Array2::zeros((n, n));
        for row in 0..n {
            for column in 0..=row {
                let mut sum = matrix[[row, column]];
                for k in 0..column {
                    sum -= factor[[row, k]] * factor[[column, k]];
                }
                if row > column {
                    factor[[row, column]] = sum / factor[[column, column]];
                } else if sum > 0.0 {
                    factor[[row, row]] = sum.sqrt();
                } else {
                    return Err(row);
                }
            }
        }
        Ok(Self(factor))
    }

    /// What remains of each diagonal element when the rows before it are known: the squares of L's diagonal.
    pub(super) fn pivots(&self) -> Vec<f64> {
        self.0.diag().iter().map(|root| root * root).collect()
    }

    /// The x with A·x = b.
    pub(super) fn solve(&self, b: &[f64]) -> Vec<f64> {
        let (factor, n) = (&self.0, b.len());
        let mut x = b.to_vec();
        for row in 0..n {
            for k in 0..row {
                x[row] -= factor[[row, k]] * x[k];
            }
            x[row] /= factor[[row, row]];
        }
        for row in (0..n).rev() {
            for k in row + 1..n {
                x[row] -= factor[[k, row]] * x[k];
            }
            x[row] /= factor[[row, row]];
        }
        x
    }

    /// The diagonal of A⁻¹.
    pub(super) fn inverse_diagonal(&self) -> Vec<f64> {
        let n = self.0.nrows();
        let column = |index: usize| self.solve(&(0..n).map(|k| if k == index { 1.0 } else { 0.0 }).collect::<Vec<_>>());
        (0..n).map(|index| column(index)[index]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    /// A worked example: L = [[2, 0], [1, 3]].
    #[test]
    fn factors_and_solves() {
        let cholesky = Cholesky::of(&array![[4.0, 2.0], [2.0, 10.0]]).unwrap();
        assert_eq!(cholesky.pivots(), [4.0, 9.0]);
        assert_eq!(cholesky.solve(&[8.0, 22.0]), [1.0, 2.0]);
        let [a, b] = cholesky.inverse_diagonal()[..] else { panic!("two unknowns") };
        assert!((a - 10.0 / 36.0).abs() < 1e-16 && (b - 4.0 / 36.0).abs() < 1e-16);
    }

    /// A matrix that is not positive definite names its first bad row.
    #[test]
    fn indefinite_matrices_are_found() {
        assert_eq!(Cholesky::of(&array![[1.0, 2.0], [2.0, 4.0]]).err(), Some(1));
        assert_eq!(Cholesky::of(&array![[f64::NAN, 0.0], [0.0, 1.0]]).err(), Some(0));
    }
}
