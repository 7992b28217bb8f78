//! Synthetic user-behaviour worlds whose optimum is known.
//!
//! An episode in twelve lines: a household is offered yogurt at the best price, which the world knows.
//!
//! ```
//! use mercato_envs::{Actions, Params, Slot, Stage, Start, make};
//!
//! # fn main() -> mercato_envs::Result<()> {
//! let mut world = make("pricing/yogurt-v1", &Params::new(), 1)?;
//! let oracle = world.spec().policy("oracle")?;
//! let mut actions = Actions::new(1, world.spec().width);
//! let (mut observation, mut reward, mut stage) = (vec![0.0; world.spec().observation], [0.0], [Stage::First]);
//! let mut profit = 0.0;
//! world.reset(Start::training(7), Slot { observation: &mut observation, reward: &mut reward, stage: &mut stage })?;
//! while !stage[0].is_last() {
//!     world.reference(&oracle, &mut actions)?;
//!     world.step(&actions, Slot { observation: &mut observation, reward: &mut reward, stage: &mut stage })?;
//!     profit += reward[0];
//! }
//! println!("{profit} cents per ounce in 30 visits, {:.1} on average", world.optimum().upper);
//! # Ok(())
//! # }
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`env`](mod@env) | what a world is: parameters, state, step, optimum |
//! | [`space`] | action spaces: two stored columns, read through a typed view |
//! | [`vector`] | many episodes behind one call |
//! | [`multi`] | worlds with several agents behind the same call |
//! | [`modifiers`] | what any world can be asked to do besides: noise, delay, sticky actions, masks, costs |
//! | [`registry`], [`suite`] | from an id to a vector; the worlds |
//! | [`rng`], [`math`] | addressed random numbers and exact functions: the same bits everywhere |
//! | [`oracle`] | solvers behind the optima |
//! | [`catalogue`] | items and users described by computed vectors |
//! | [`choice`] | how users choose from a slate |
//! | [`mind`] | what goes on in a user: drift, satiation, return, churn |
//! | [`check`] | what any world must keep, yours too |
//! | [`fit`] | models estimated from data |
//! | [`golden`] | the traces whose bits no build may change |
pub mod catalogue;
pub mod check;
pub mod choice;
pub mod env;
pub mod error;
pub mod fit;
pub mod golden;
pub mod math;
pub mod mind;
pub mod modifiers;
pub mod multi;
pub mod oracle;
pub mod registry;
pub mod rng;
pub mod space;
pub mod suite;
pub mod vector;

pub use env::{Elem, Env, Field, Kind, Optimum, Outcome, Reference};
pub use error::{Error, Result};
pub use modifiers::{MODIFIERS, Modifier, Modifiers};
pub use registry::{Entry, Params, Variant, find, make, register};
pub use rng::{Domain, Purpose, Rng};
pub use space::{Actions, Continuous, Discrete, Form, Number, Row, RowMut, Shape, Slate, Space, Width};
pub use suite::ENVS;
pub use vector::{Slot, Spec, Stage, Start, Vector, VectorEnv};
