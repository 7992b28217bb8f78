//! The driver's functions: one process-wide state behind a lock, opaque numbers as handles.
#![allow(non_snake_case, reason = "the driver's own names")]

mod context;
mod event;
mod graph;
mod launch;
mod memory;
mod module;
mod mutation;
mod pointer;
mod state;
mod status;
mod stream;

pub use pointer::{Out, Text, host, host_mut};
pub use state::{State, call, lock};
pub use status::Status;

/// Defines driver functions. Each takes the state first, and its result becomes the driver's number.
macro_rules! api {
    ($($(#[doc = $doc:literal])* fn $name:ident($state:ident $(, $argument:ident: $type:ty)* $(,)?) $body:block)*) => {$(
        $(#[doc = $doc])*
        #[unsafe(no_mangle)]
        pub extern "C" fn $name($($argument: $type),*) -> u32 {
            $crate::driver::call(stringify!($name), |$state| $body)
        }
    )*};
}
pub(crate) use api;
