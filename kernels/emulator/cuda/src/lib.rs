//! A `libcuda` for machines without a GPU: the driver functions that cudarc calls, with kernels run by a PTX interpreter.
//!
//! It is strict where a device would be undefined or silent. Memory is poisoned and far apart ([`memory`]), a fault names
//! kernel, PTX line, lane and address, shared memory is watched for races, streams and capture follow the driver's rules,
//! and an instruction or a symbol that is not known is an error at loading. It counts ([`counts`]) and keeps no time.
//!
//! The library is loaded by path (crate `mercato-emulator`) and found by cudarc through its name. Tests reach the
//! functions beyond the driver's ([`control`]) by symbol, because another copy of this crate, linked as Rust, would have a
//! state of its own.
#![allow(unsafe_code, reason = "a C interface: its pointers come from the caller")]
#![allow(clippy::needless_range_loop, reason = "a lane is an index into several registers at once")]
#![allow(clippy::precedence, reason = "the formulas of the manual, with shifts last and masks outside")]

pub mod control;
pub mod counts;
mod driver;
pub mod exec;
pub mod memory;
pub mod product;
pub mod ptx;
mod work;
