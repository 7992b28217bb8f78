//! The emulated CUDA libraries, from a test's side: load them, choose settings, read counts and messages.
//!
//! ```no_run
//! emulator::install();
//! let context = cudarc::driver::CudaContext::new(0).unwrap();
//! // … ordinary cudarc code …
//! let counts = emulator::snapshot();
//! assert_eq!(counts.kernel("adam", "launches"), 1);
//! ```
//!
//! There is one device per process. Tests of one binary share it, so a test that changes settings, counts launches or
//! provokes a fault takes [`alone`] first.
#![allow(unsafe_code, reason = "libraries are loaded, and their symbols called")]

mod library;
mod snapshot;

pub use snapshot::Snapshot;

use library::Control;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

static CONTROL: OnceLock<Control> = OnceLock::new();

fn control() -> &'static Control {
    CONTROL.get().expect("emulator::install() comes first")
}

/// Loads the emulated driver and cuBLAS into this process, before the first call of cudarc. Later calls do nothing.
///
/// # Panics
/// If the libraries, which cargo builds beside the test, are not there.
pub fn install() {
    CONTROL.get_or_init(|| Control::load(true));
}

/// The driver alone, as on a machine that has no cuBLAS; in a process where nothing was installed before.
///
/// # Panics
/// As [`install`].
pub fn install_without_blas() {
    CONTROL.get_or_init(|| Control::load(false));
}

/// Keeps other tests of the process from the device until the guard is dropped, and starts from [`reset`].
pub fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    install();
    let guard = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    reset();
    guard
}

/// Forgets counts, messages, settings and the fault, and drops work that nobody waited for.
pub fn reset() {
    (control().reset)();
}

/// Changes a setting:
///
/// | name | value | meaning |
/// |---|---|---|
/// | `order` | 0 | seed of the order of blocks and warps; 0 is the natural order |
/// | `races` | 1 | whether races in shared memory are faults |
/// | `branches` | 2²⁶ | branches that a warp takes before it counts as hanging |
/// | `deferred` | 0 | whether streams keep their work until somebody waits for it |
/// | `pools` | 1 | whether the device has memory pools (`cuMemAllocAsync`) |
/// | `capability` | 75 | compute capability, 75 for 7.5 |
/// | `devices` | 1 | number of devices |
/// | `version` | 12060 | version of the driver |
/// | `capacity` | 2³³ | bytes of device memory |
/// | `printed` | 1 | whether messages are printed as they come |
///
/// # Panics
/// If there is no such setting.
pub fn set(name: &str, value: u64) {
    control().set(name, value);
}

/// All counts since the last [`reset`].
pub fn snapshot() -> Snapshot {
    Snapshot::parse(&library::read(control().snapshot))
}

/// Faults and refusals since the last [`reset`].
pub fn messages() -> Vec<String> {
    library::read(control().messages).lines().map(String::from).collect()
}
