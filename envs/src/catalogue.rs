//! Items and users described by vectors that are computed, not drawn, so that they are the same in every language.
pub mod factored;
pub mod hashed;
pub mod index;

use serde::{Serialize, Serializer};
use std::{fmt, sync::Arc};

/// Writes the vector of an item.
type Write = dyn Fn(u32, &mut [f32]) + Send + Sync;

/// What the items of a world are like: a vector each, computed when asked for.
#[derive(Clone)]
pub struct ItemVectors {
    /// Length of a vector.
    pub dims: usize,
    write: Arc<Write>,
}

impl ItemVectors {
    /// Vectors of `dims` numbers, which `write` writes.
    pub fn new(dims: usize, write: impl Fn(u32, &mut [f32]) + Send + Sync + 'static) -> Self {
        ItemVectors { dims, write: Arc::new(write) }
    }
    /// One-hot vectors of `items` items that are like nothing but themselves.
    pub fn one_hot(items: usize) -> Self {
        Self::new(items, |item, vector| {
            vector.fill(0.0);
            vector[item as usize] = 1.0;
        })
    }
    /// Writes the vector of `item`, which has [`dims`](ItemVectors::dims) numbers.
    pub fn write(&self, item: u32, vector: &mut [f32]) {
        (self.write)(item, vector);
    }
}

impl fmt::Debug for ItemVectors {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "vectors of {} numbers", self.dims)
    }
}

/// As the length alone.
impl Serialize for ItemVectors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.dims.serialize(serializer)
    }
}

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
