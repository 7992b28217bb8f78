//! Device and context: there is one device, and one context, the primary one.
use super::state::CURRENT;
use super::{Out, Status, api};
use std::ffi::{c_char, c_int, c_uint, c_void};

/// The primary context's handle.
const CONTEXT: usize = 0xC0DE;

api! {
    fn cuInit(state, flags: c_uint) {
        if flags != 0 {
            return Err(Status::INVALID_VALUE);
        }
        if state.settings.devices == 0 {
            return Err(Status::NO_DEVICE);
        }
        state.initialized = true;
        Ok(())
    }
    /// Asked for by newer NVRTC libraries, which crash without the symbol.
    fn cuGetExportTable(_state, table: Out<*const c_void>, _id: *const c_void) {
        table.set(std::ptr::null())?;
        Err(Status::NOT_FOUND)
    }
    fn cuDriverGetVersion(state, version: Out<c_int>) {
        version.set(state.settings.version as c_int)
    }
    fn cuDeviceGetCount(state, count: Out<c_int>) {
        count.set(state.settings.devices as c_int)
    }
    fn cuDeviceGet(state, device: Out<c_int>, ordinal: c_int) {
        if !state.initialized {
            return Err(Status::NOT_INITIALIZED);
        }
        if ordinal < 0 || ordinal >= state.settings.devices as c_int {
            return Err(Status::INVALID_DEVICE);
        }
        device.set(ordinal)
    }
    fn cuDeviceGetName(state, name: *mut c_char, length: c_int, _device: c_int) {
        let capability = state.settings.capability;
        let text = format!("emulator sm_{capability}\0");
        if name.is_null() || (length as usize) < text.len() {
            return Err(Status::INVALID_VALUE);
        }
        // SAFETY: the driver's contract: `length` bytes can be written.
        unsafe { super::host_mut(name as usize, text.len()) }.copy_from_slice(text.as_bytes());
        Ok(())
    }
    fn cuDeviceGetUuid(_state, uuid: Out<[u8; 16]>, _device: c_int) {
        uuid.set(*b"emulator-device0")
    }
    fn cuDeviceGetUuid_v2(_state, uuid: Out<[u8; 16]>, _device: c_int) {
        uuid.set(*b"emulator-device0")
    }
    fn cuDeviceTotalMem_v2(state, bytes: Out<usize>, _device: c_int) {
        bytes.set(state.settings.capacity as usize)
    }
    fn cuMemGetInfo_v2(state, free: Out<usize>, total: Out<usize>) {
        state.ready()?;
        free.set((state.settings.capacity - state.memory.live()) as usize)?;
        total.set(state.settings.capacity as usize)
    }
    fn cuDeviceGetAttribute(state, value: Out<c_int>, attribute: c_int, _device: c_int) {
        let capability = state.settings.capability as c_int;
        value.set(match attribute {
            // Threads of a block, and its extent by dimension.
            1..=3 => 1024,
            4 => 64,
            // Extent of a grid by dimension.
            5 => c_int::MAX,
            6 | 7 => 65535,
            // Shared memory of a block, constant memory, threads of a warp, registers of a block.
            8 => 49152,
            9 => 65536,
            10 => 32,
            12 => 65536,
            // Kilohertz of the processors and of the memory, bits of its bus, bytes of its cache: those of a small card.
            13 => 1_500_000,
            36 => 5_000_000,
            37 => 256,
            38 => 4 << 20,
            // Multiprocessors, and threads of one.
            16 => 40,
            39 => 1024,
            75 => capability / 10,
            76 => capability % 10,
            // Shared memory of a multiprocessor, and of a block on request.
            81 | 97 => 65536,
            115 => c_int::from(state.settings.pools),
            _ => return state.refuse(Status::INVALID_VALUE, format!("device attribute {attribute} is not known")),
        })
    }
    fn cuDevicePrimaryCtxRetain(state, context: Out<usize>, _device: c_int) {
        if !state.initialized {
            return Err(Status::NOT_INITIALIZED);
        }
        state.streams.entry(super::stream::LEGACY).or_default();
        context.set(CONTEXT)
    }
    fn cuDevicePrimaryCtxRelease_v2(_state, _device: c_int) {
        Ok(())
    }
    fn cuCtxGetCurrent(_state, context: Out<usize>) {
        context.set(CURRENT.get())
    }
    fn cuCtxSetCurrent(state, context: usize) {
        if context != 0 && context != CONTEXT {
            return state.refuse(Status::INVALID_CONTEXT, "the handle is not a context");
        }
        CURRENT.set(context);
        Ok(())
    }
    fn cuCtxSetFlags(state, _flags: c_uint) {
        state.ready()
    }
    fn cuCtxSynchronize(state) {
        state.ready()?;
        if state.is_capturing() {
            return Err(Status::CAPTURE_UNSUPPORTED);
        }
        state.drain_all()
    }
}
