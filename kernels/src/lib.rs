//! The operations of the DQN family: one trait per fused op, one definition of every bit.
//!
//! | op | what it computes |
//! |---|---|
//! | [`ops::linear`] | dense layer with ReLU, there and back; also at chosen output columns only |
//! | [`ops::factored`] | the article's head: a state's number times an item's number, there and back |
//! | [`ops::dueling`] | Q = V + A − mean A, there and back |
//! | [`ops::sample`] | the replay ring: validity, uniform and prioritised draws, n-step fold, gather |
//! | [`ops::choose`] | epsilon-greedy argmax; real numbers with noise |
//! | [`ops::td`] | temporal-difference target (double), Huber loss, gradient, priorities in one pass |
//! | [`ops::munchausen`] | the same with soft values and the policy's log-probability in the reward |
//! | [`ops::mask`] | actions that are not to be chosen: not on offer, or unlikely under a behaviour policy |
//! | [`ops::likelihood`] | minus the log-likelihood of the actions taken, and its gradient |
//! | [`ops::categorical`] | distributions over atoms: expectation, projected target, divergence, gradient |
//! | [`ops::quantile`] | returns by quantiles: mean, quantile Huber loss, gradient |
//! | [`ops::fraction`] | fractions of quantiles, their cosine features, products with a state's features, there and back |
//! | [`ops::naf`] | values of real numbers by a normalised advantage, there and back |
//! | [`ops::search`] | cross-entropy search for the best real numbers; the k largest of a row |
//! | [`ops::parameters`] | real numbers of discrete actions beside observations, there and back |
//! | [`ops::towers`] | inner products of states with the vectors of items, there and back; the best of drawn candidates |
//! | [`ops::multiplier`] | a Lagrange multiplier on an observed cost: dual ascent, rewards less what they cost |
//! | [`ops::slate`] | the best slate under a choice model; values of items and of nothing, utilities or log-odds, gradient |
//! | [`ops::noisy`] | factorised noise on the parameters of dense layers, there and back |
//! | [`ops::adam`] | Adam over the flat parameters with clipping, decay and the target network's update |
pub mod counts;
pub mod cpu;
pub mod cuda;
pub mod device;
mod dispatch;
pub mod error;
#[cfg(test)]
mod every_device;
mod gemm;
pub mod memory;
pub mod ops;
pub mod schedule;
pub mod statics;
#[cfg(test)]
mod testing;
pub mod times;
pub mod workload;

pub use cpu::{Cpu, Isa};
pub use cuda::{Cuda, CudaConfig, KernelSource, Math};
pub use device::{Device, Element, Span};
pub use error::{Error, Result};
pub use memory::{Batch, Memory, STEPS, UPDATES, Weights, clock};
pub use ops::{
    Backend,
    adam::{Adam, AdamConfig, TargetUpdate},
    categorical::{Categorical, CategoricalConfig, MOST_ATOMS},
    choose::{Choose, ChooseConfig},
    dueling::Dueling,
    factored::{Factored, FactoredHead},
    fraction::{Fraction, FractionAddress},
    likelihood::{Likelihood, LikelihoodConfig},
    linear::{Dense, Linear},
    mask::{Mask, MaskConfig},
    multiplier::{Multiplier, MultiplierConfig},
    munchausen::{Munchausen, MunchausenConfig},
    naf::{Naf, naf_outputs},
    noisy::{NoiseAddress, Noisy},
    parameters::{Parameters, ParametersShape},
    quantile::{Quantile, QuantileConfig},
    sample::{Priority, Sample, SampleConfig},
    search::{Found, Search, SearchShape},
    slate::{BestSlate, MOST_CANDIDATES, MOST_SLOTS, Slate, SlateConfig},
    td::{Td, TdConfig},
    towers::{Towers, TowersShape},
};
pub use schedule::Ramp;
