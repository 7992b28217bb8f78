//! Items and users described by vectors that are computed, not drawn, so that they are the same in every language.
pub mod factored;
pub mod hashed;
pub mod index;

/// `count` vectors of `dims` numbers, number j of vector i proportional to `entry(i, j)` and each of length 1; row by row.
pub fn unit_vectors(count: usize, dims: usize, entry: impl Fn(usize, usize) -> f64) -> Vec<f32> {
    let mut vectors = Vec::with_capacity(count * dims);
    for i in 0..count {
        let square = (0..dims).fold(0.0, |sum, j| sum + entry(i, j) * entry(i, j));
        vectors.extend((0..dims).map(|j| (entry(i, j) / square.sqrt()) as f32));
    }
    vectors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_have_length_one() {
        assert_eq!(unit_vectors(2, 2, |i, j| [[3.0, 4.0], [0.0, -2.0]][i][j]), [0.6, 0.8, 0.0, -1.0]);
    }
}
