//! The native half of the Python package `mercato`: worlds that write into NumPy arrays, experiments, trained agents.
//!
//! Structured values (specifications, experiments, records) cross the border as JSON text: the Python half knows their
//! form, and nothing on the way of a step does so.
mod external;
mod failure;
mod figures;
mod study;
mod trained;
mod world;

use pyo3::prelude::*;

/// Worlds, experiments and trained agents; the package around it is what a user imports.
#[pymodule]
mod _native {
    #[pymodule_export]
    use crate::external::register;
    #[pymodule_export]
    use crate::figures::{compare, difference, evaluate_log, interquartile_mean, runs_for};
    #[pymodule_export]
    use crate::study::{Store, agents, embedded, ids, log, page, report, rollout, run, verify};
    #[pymodule_export]
    use crate::trained::Trained;
    #[pymodule_export]
    use crate::world::World;
}
