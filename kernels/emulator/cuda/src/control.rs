//! What tests ask beyond the driver's functions, as exported C functions that they find by name. A library without these
//! symbols is a real driver.
use crate::driver::{Text, host_mut, lock};
use crate::product::Product;
use crate::work::Work;
use std::fmt::Write;

/// Forgets counts, messages, settings and the fault, and drops work that nobody waited for. Handles and memory stay.
#[unsafe(no_mangle)]
pub extern "C" fn mercato_emulator_reset() {
    lock().reset();
}

/// Changes a setting; 0 if there is one with this name. The settings are `order` (seed of the order of blocks and warps,
/// 0 natural), `races`, `deferred`, `pools`, `printed` (0 or 1), `branches` (before a warp counts as hanging),
/// `capability` (75 for 7.5), `devices`, `version` and `capacity` (bytes).
#[unsafe(no_mangle)]
pub extern "C" fn mercato_emulator_set(name: Text, value: u64) -> u32 {
    let settings = &mut lock().settings;
    match name.read() {
        Ok("order") => settings.run.order = value,
        Ok("races") => settings.run.races = value != 0,
        Ok("branches") => settings.run.branches = value,
        Ok("deferred") => settings.deferred = value != 0,
        Ok("pools") => settings.pools = value != 0,
        Ok("printed") => settings.printed = value != 0,
        Ok("capability") => settings.capability = value as u32,
        Ok("devices") => settings.devices = value as u32,
        Ok("version") => settings.version = value as u32,
        Ok("capacity") => settings.capacity = value,
        _ => return 1,
    }
    0
}

/// Writes every count as a line `kernel NAME COUNT VALUE` or `driver NAME VALUE` into `buffer`, as far as it fits; the
/// bytes that are needed are returned.
#[unsafe(no_mangle)]
pub extern "C" fn mercato_emulator_snapshot(buffer: *mut u8, capacity: usize) -> usize {
    let state = lock();
    let mut text = String::new();
    for (kernel, counts) in &state.counts {
        for (name, value) in counts.entries() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "kernel {kernel} {name} {value}");
        }
    }
    let memory = [
        ("live_bytes", state.memory.live()),
        ("peak_bytes", state.memory.peak()),
        ("allocations", state.memory.allocations()),
    ];
    for (name, value) in state.calls.iter().map(|(name, value)| (*name, *value)).chain(memory) {
        let _ = writeln!(text, "driver {name} {value}");
    }
    copy(&text, buffer, capacity)
}

/// Writes faults and refusals, a line each, like [`mercato_emulator_snapshot`].
#[unsafe(no_mangle)]
pub extern "C" fn mercato_emulator_messages(buffer: *mut u8, capacity: usize) -> usize {
    let text = lock().messages.join("\n");
    copy(&text, buffer, capacity)
}

/// Gives a matrix product to a stream: the door for the emulated cuBLAS.
#[unsafe(no_mangle)]
pub extern "C" fn mercato_emulator_product(stream: usize, product: &Product) -> u32 {
    crate::driver::call("mercato_emulator_product", |state| {
        state.ready()?;
        state.submit(stream, Work::Product(*product))
    })
}

/// Keeps a message, for the emulated cuBLAS.
#[unsafe(no_mangle)]
pub extern "C" fn mercato_emulator_refuse(message: Text) {
    let message = message.read().unwrap_or("a message that is no text");
    // The error itself is the caller's.
    let _ = lock().refuse::<()>(crate::driver::Status::NOT_SUPPORTED, message);
}

/// Whether `length` bytes from a device address on are one piece of memory.
#[unsafe(no_mangle)]
pub extern "C" fn mercato_emulator_is_device(address: u64, length: usize) -> bool {
    lock().memory.slice(address, length as u64).is_some()
}

fn copy(text: &str, buffer: *mut u8, capacity: usize) -> usize {
    let length = text.len().min(capacity);
    // SAFETY: the caller gives room for `capacity` bytes.
    unsafe { host_mut(buffer as usize, length) }.copy_from_slice(&text.as_bytes()[..length]);
    text.len()
}
