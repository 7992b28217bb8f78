#![doc = include_str!("../README.md")]

pub use agents;
pub use envs;
pub use kernels;
pub use reports;

pub mod bench;
pub mod error;
pub mod experiment;
pub mod proofs;
pub mod provenance;
pub mod publish;
pub mod report;
pub mod resampling;
pub mod rollout;
pub mod runner;
pub mod stopwatch;
pub mod store;
pub mod trace;
pub mod trail;
pub mod transitions;
pub mod trial;
pub mod verify;

pub use error::{Error, Result};
pub use experiment::Experiment;
pub use trial::Trial;
