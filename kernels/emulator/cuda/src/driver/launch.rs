//! Launches of kernels.
use super::module::Function;
use super::{State, Status, api, host, mutation};
use crate::exec::{self, Launch};
use crate::work::Work;
use std::ffi::{c_uint, c_void};

/// Runs a launch that has come to its turn.
pub fn execute(state: &mut State, launch: &Launch) -> Result<(), Status> {
    let counts = state.counts.entry(launch.kernel.name.clone()).or_default();
    let before = counts.warp_instructions;
    let ran = exec::run(launch, &state.settings.run, &mut state.memory, counts);
    state.clock += counts.warp_instructions - before;
    ran.or_else(|message| state.fault(message))
}

api! {
    fn cuLaunchKernel(
        state,
        function: usize,
        grid_x: c_uint,
        grid_y: c_uint,
        grid_z: c_uint,
        block_x: c_uint,
        block_y: c_uint,
        block_z: c_uint,
        dynamic_shared: c_uint,
        stream: usize,
        arguments: *const *const c_void,
        extra: *const *const c_void,
    ) {
        state.ready()?;
        let function = state.functions.get(&function).cloned().ok_or(Status::INVALID_HANDLE)?;
        let kernel = &function.kernel;
        let (grid, block) = ([grid_x, grid_y, grid_z], [block_x, block_y, block_z]);
        let threads: u64 = block.iter().map(|extent| u64::from(*extent)).product();
        let fits = grid.iter().chain(&block).all(|extent| *extent > 0)
            && grid_x <= i32::MAX as u32
            && grid_y.max(grid_z) <= 65535
            && block_z <= 64
            && threads <= u64::from(kernel.max_threads);
        if !fits {
            let message = format!("kernel {}: grid {grid:?} of blocks {block:?} cannot be launched", kernel.name);
            return state.refuse(Status::INVALID_VALUE, message);
        }
        let shared = kernel.static_shared as u64 + u64::from(dynamic_shared);
        if shared > u64::from(function.most_shared) {
            let message = format!("kernel {}: {shared} bytes of shared memory are too many", kernel.name);
            return state.refuse(Status::INVALID_VALUE, message);
        }
        if !extra.is_null() {
            return state.refuse(Status::NOT_SUPPORTED, "arguments as a packed buffer");
        }
        // They are copied now: the caller's may be gone when the kernel runs.
        let mut parameters = vec![0; kernel.parameter_bytes];
        for (index, parameter) in kernel.parameters.iter().enumerate() {
            if arguments.is_null() {
                return Err(Status::INVALID_VALUE);
            }
            // SAFETY: the driver's contract: one pointer per parameter, each to a value of the parameter's size.
            let argument = unsafe { host(*arguments.add(index) as usize, parameter.size) };
            parameters[parameter.offset..parameter.offset + parameter.size].copy_from_slice(argument);
        }
        let Function { kernel, variables, .. } = function;
        let launch = Launch { kernel, grid, block, dynamic_shared, parameters, variables };
        for _ in 1..mutation::launches(&launch.kernel.name) {
            state.submit(stream, Work::Kernel(Box::new(launch.clone())))?;
        }
        state.submit(stream, Work::Kernel(Box::new(launch)))
    }
}
