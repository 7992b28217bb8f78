//! Exact solvers that several worlds share. All compute in f64, in an order that does not depend on the machine.
use std::sync::OnceLock;

pub mod constrained;
pub mod cubic;
pub mod envelope;
pub mod finite;
pub mod partial;
pub mod parts;
pub mod peak;
pub mod quadrature;
pub mod simulated;
pub mod slate;

/// A value computed from its owner's parameters at first use, such as the tables of an oracle.
///
/// A clone starts empty, because whoever clones parameters may change the copy.
#[derive(Debug)]
pub struct Memo<T>(OnceLock<T>);

impl<T> Memo<T> {
    /// The value, computed by `compute` the first time.
    pub fn get(&self, compute: impl FnOnce() -> T) -> &T {
        self.0.get_or_init(compute)
    }
}

impl<T> Default for Memo<T> {
    fn default() -> Self {
        Memo(OnceLock::new())
    }
}

impl<T> Clone for Memo<T> {
    fn clone(&self) -> Self {
        Memo::default()
    }
}
