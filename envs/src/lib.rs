//! Synthetic user-behaviour worlds whose optimum is known.
pub mod check;
pub mod env;
pub mod error;
pub mod fit;
pub mod math;
pub mod oracle;
pub mod registry;
pub mod rng;
pub mod space;
pub mod suite;
pub mod vector;

pub use env::{Elem, Env, Field, Optimum, Outcome, Reference};
pub use error::{Error, Result};
pub use registry::{Entry, Params, find, make};
pub use rng::{Domain, Purpose, Rng};
pub use space::{Actions, Continuous, Discrete, Row, RowMut, Shape, Slate, Space, Width};
pub use suite::ENVS;
pub use vector::{Slot, Spec, Stage, Start, Vector, VectorEnv};
