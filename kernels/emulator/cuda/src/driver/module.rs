//! Modules and their functions.
use super::mutation::planted;
use super::{Out, Status, Text, api, host};
use crate::ptx::{Kernel, Variable, parse};
use std::ffi::{CStr, c_char, c_int};
use std::sync::Arc;

/// A loaded module.
pub struct Loaded {
    kernels: Vec<Arc<Kernel>>,
    variables: Vec<Variable>,
    /// Where they lie.
    addresses: Arc<[u64]>,
}

/// A kernel that can be launched.
#[derive(Clone)]
pub struct Function {
    /// What runs.
    pub kernel: Arc<Kernel>,
    /// Where the module's variables lie.
    pub variables: Arc<[u64]>,
    /// Most shared memory that it may use.
    pub most_shared: u32,
}

/// Shared memory of a block without asking for more.
const USUAL_SHARED: u32 = 49152;
/// Most that can be asked for.
const MOST_SHARED: u32 = 65536;
const MAX_THREADS_PER_BLOCK: c_int = 0;
const SHARED_SIZE_BYTES: c_int = 1;
const CONST_SIZE_BYTES: c_int = 2;
const LOCAL_SIZE_BYTES: c_int = 3;
const NUM_REGS: c_int = 4;
const MAX_DYNAMIC_SHARED_SIZE_BYTES: c_int = 8;

api! {
    fn cuModuleLoadData(state, module: Out<usize>, image: *const c_char) {
        state.ready()?;
        if image.is_null() {
            return Err(Status::INVALID_VALUE);
        }
        // SAFETY: the driver's contract: an image is at least this long.
        if unsafe { host(image as usize, 4) } == b"\x7fELF" {
            return state.refuse(Status::NO_BINARY_FOR_GPU, "a cubin cannot be interpreted: give PTX");
        }
        // SAFETY: the driver's contract: PTX text ends with 0.
        let Ok(text) = unsafe { CStr::from_ptr(image) }.to_str() else {
            return state.refuse(Status::INVALID_PTX, "the PTX is not UTF-8");
        };
        let parsed = planted(text).and_then(|text| parse(&text).map_err(|error| error.to_string()));
        let parsed = match parsed {
            Ok(parsed) => parsed,
            Err(message) => return state.refuse(Status::INVALID_PTX, message),
        };
        let (target, capability) = (parsed.target, state.settings.capability);
        if target > capability {
            let message = format!("PTX for sm_{target} on a device of sm_{capability}");
            return state.refuse(Status::NO_BINARY_FOR_GPU, message);
        }
        let place = |variable: &Variable| {
            let address = state.memory.allocate(variable.size as u64);
            let bytes = state.memory.slice(address, variable.size as u64).unwrap_or_default();
            bytes.fill(0);
            bytes[..variable.initial.len()].copy_from_slice(&variable.initial);
            address
        };
        let addresses = parsed.variables.iter().map(place).collect();
        let kernels = parsed.kernels.into_iter().map(Arc::new).collect();
        let handle = state.handle();
        state.modules.insert(handle, Loaded { kernels, variables: parsed.variables, addresses });
        module.set(handle)
    }
    fn cuModuleUnload(state, module: usize) {
        let Loaded { addresses, .. } = state.modules.remove(&module).ok_or(Status::INVALID_HANDLE)?;
        state.drain_all()?;
        for address in addresses.iter() {
            state.memory.free(*address);
        }
        Ok(())
    }
    fn cuModuleGetFunction(state, function: Out<usize>, module: usize, name: Text) {
        state.ready()?;
        let name = name.read()?;
        let loaded = state.modules.get(&module).ok_or(Status::INVALID_HANDLE)?;
        let Some(kernel) = loaded.kernels.iter().find(|kernel| kernel.name == name) else {
            return state.refuse(Status::NOT_FOUND, format!("the module has no kernel {name}"));
        };
        let found =
            Function { kernel: kernel.clone(), variables: loaded.addresses.clone(), most_shared: USUAL_SHARED };
        let handle = state.handle();
        state.functions.insert(handle, found);
        function.set(handle)
    }
    fn cuModuleGetGlobal_v2(state, address: Out<u64>, length: Out<usize>, module: usize, name: Text) {
        state.ready()?;
        let name = name.read()?;
        let loaded = state.modules.get(&module).ok_or(Status::INVALID_HANDLE)?;
        let Some(index) = loaded.variables.iter().position(|variable| variable.name == name) else {
            return state.refuse(Status::NOT_FOUND, format!("the module has no variable {name}"));
        };
        let loaded = &state.modules[&module];
        if length.is_wanted() {
            length.set(loaded.variables[index].size)?;
        }
        address.set(loaded.addresses[index])
    }
    fn cuFuncSetAttribute(state, function: usize, attribute: c_int, value: c_int) {
        state.ready()?;
        let function = state.functions.get_mut(&function).ok_or(Status::INVALID_HANDLE)?;
        let limit = MOST_SHARED - function.kernel.static_shared as u32;
        match (attribute, u32::try_from(value)) {
            (MAX_DYNAMIC_SHARED_SIZE_BYTES, Ok(value)) if value <= limit => {
                function.most_shared = value + function.kernel.static_shared as u32;
                Ok(())
            }
            _ => state.refuse(Status::INVALID_VALUE, format!("function attribute {attribute} cannot be {value}")),
        }
    }
    fn cuFuncGetAttribute(state, value: Out<c_int>, attribute: c_int, function: usize) {
        state.ready()?;
        let function = state.functions.get(&function).ok_or(Status::INVALID_HANDLE)?;
        let kernel = &function.kernel;
        value.set(match attribute {
            MAX_THREADS_PER_BLOCK => kernel.max_threads as c_int,
            SHARED_SIZE_BYTES => kernel.static_shared as c_int,
            CONST_SIZE_BYTES => 0,
            LOCAL_SIZE_BYTES => kernel.local as c_int,
            MAX_DYNAMIC_SHARED_SIZE_BYTES => function.most_shared as c_int - kernel.static_shared as c_int,
            NUM_REGS => {
                return state.refuse(Status::NOT_SUPPORTED, "registers are allocated by the assembler, which is not here");
            }
            _ => return state.refuse(Status::INVALID_VALUE, format!("function attribute {attribute} is not known")),
        })
    }
}
