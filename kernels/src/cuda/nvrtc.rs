//! The `.cu` files through NVRTC: PTX for a device's own architecture, and what the assembler says of the kernels.
use super::{Module, library};
use crate::error::{Error, Result};
use cudarc::nvrtc::{
    result::NvrtcError,
    sys::{self, nvrtcProgram, nvrtcResult},
};
use std::{
    ffi::{CStr, CString, c_char, c_int},
    ptr,
};

/// What the files include.
const PRELUDE: &str = include_str!("../ops/prelude.cuh");

/// What the assembler made of a kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statics {
    /// The kernel.
    pub kernel: String,
    /// The architecture, `sm_75` for example.
    pub architecture: String,
    /// Registers of a thread.
    pub registers: u32,
    /// Bytes that did not fit into registers, stored and loaded.
    pub spilled: u32,
    /// Bytes of shared memory of a block.
    pub shared: u32,
}

/// Major and minor version of NVRTC.
///
/// # Errors
/// When it is missing.
#[expect(unsafe_code, reason = "a foreign function")]
pub fn version() -> Result<(i32, i32)> {
    library::nvrtc()?;
    let mut version = (0, 0);
    // SAFETY: the library is there; both pointers are to live integers.
    done(unsafe { sys::nvrtcVersion(&raw mut version.0, &raw mut version.1) }, "asking for its version")?;
    Ok(version)
}

/// The architecture to compile for: the device's own, or the newest that this NVRTC knows below it, as in `compute_90`.
///
/// # Errors
/// When NVRTC is missing or knows none.
#[expect(unsafe_code, reason = "foreign functions")]
pub fn architecture((major, minor): (i32, i32)) -> Result<String> {
    library::nvrtc()?;
    let mut count = 0;
    // SAFETY: the library is there; the pointer is to a live integer.
    done(unsafe { sys::nvrtcGetNumSupportedArchs(&raw mut count) }, "asking for architectures")?;
    let mut known = vec![0; usize::try_from(count).unwrap_or(0)];
    // SAFETY: the array has the length that NVRTC asked for.
    done(unsafe { sys::nvrtcGetSupportedArchs(known.as_mut_ptr()) }, "asking for architectures")?;
    let device = 10 * major + minor;
    let nearest = known.into_iter().filter(|known| *known <= device).max();
    nearest.map(|known| format!("compute_{known}")).ok_or_else(|| Error::Nvrtc {
        doing: "choosing an architecture",
        problem: format!("it knows none that runs on {major}.{minor}; leave out --kernels nvrtc"),
    })
}

/// The PTX of a module for an architecture `compute_…`. Products are fused only where the text says so.
///
/// # Errors
/// When NVRTC is missing or refuses the file.
pub fn ptx(module: &Module, architecture: &str) -> Result<String> {
    let program = Program::compile(module, &[&format!("--gpu-architecture={architecture}"), "--fmad=false"])?;
    program.text(sys::nvrtcGetPTXSize, sys::nvrtcGetPTX)
}

/// What the assembler within NVRTC makes of a module's kernels for an architecture `sm_…`.
///
/// # Errors
/// When NVRTC is missing or refuses the file.
pub fn statics(module: &Module, architecture: &str) -> Result<Vec<Statics>> {
    let target = format!("--gpu-architecture={architecture}");
    let program = Program::compile(module, &[&target, "--fmad=false", "--ptxas-options=-v"])?;
    Ok(parsed(&program.log()?, architecture))
}

/// The kernels in a log of the assembler.
fn parsed(log: &str, architecture: &str) -> Vec<Statics> {
    let number_before = |line: &str, what: &str| {
        let before = line.split(what).next().filter(|_| line.contains(what))?;
        before.split_whitespace().last()?.parse::<u32>().ok()
    };
    let mut found = Vec::new();
    let (mut kernel, mut spilled) = ("", 0);
    for line in log.lines() {
        if let Some(name) = line.split("Compiling entry function '").nth(1) {
            kernel = name.split('\'').next().unwrap_or_default();
        } else if let Some(stores) = number_before(line, " bytes spill stores") {
            spilled = stores + number_before(line, " bytes spill loads").unwrap_or_default();
        } else if let Some(registers) = number_before(line, " registers") {
            let shared = number_before(line, " bytes smem").unwrap_or_default();
            let (kernel, architecture) = (kernel.to_string(), architecture.to_string());
            found.push(Statics { kernel, architecture, registers, spilled, shared });
        }
    }
    found
}

/// A program that was compiled.
struct Program(nvrtcProgram);

impl Program {
    #[expect(unsafe_code, reason = "foreign functions")]
    fn compile(module: &Module, options: &[&str]) -> Result<Self> {
        library::nvrtc()?;
        let text = |text: &str| CString::new(text).expect("neither a source nor an option has a 0");
        let (source, name, prelude) = (text(module.source), text(&format!("{}.cu", module.stem)), text(PRELUDE));
        let (headers, names) = ([prelude.as_ptr()], [c"prelude.cuh".as_ptr()]);
        let mut program = Program(ptr::null_mut());
        // SAFETY: every text ends with 0 and lives longer than the call, which copies it; one header and its name.
        let created = unsafe {
            let (headers, names) = (headers.as_ptr(), names.as_ptr());
            sys::nvrtcCreateProgram(&raw mut program.0, source.as_ptr(), name.as_ptr(), 1, headers, names)
        };
        done(created, "reading a file")?;
        let options: Vec<CString> = options.iter().map(|option| text(option)).collect();
        let options: Vec<*const c_char> = options.iter().map(|option| option.as_ptr()).collect();
        // SAFETY: the program lives; the count is that of the options.
        let compiled = unsafe { sys::nvrtcCompileProgram(program.0, options.len() as c_int, options.as_ptr()) };
        if compiled == nvrtcResult::NVRTC_ERROR_COMPILATION {
            let problem = format!("{}.cu: {}", module.stem, program.log()?.trim());
            return Err(Error::Nvrtc { doing: "compiling", problem });
        }
        done(compiled, "compiling")?;
        Ok(program)
    }

    fn log(&self) -> Result<String> {
        self.text(sys::nvrtcGetProgramLogSize, sys::nvrtcGetProgramLog)
    }

    #[expect(unsafe_code, reason = "foreign functions")]
    fn text(
        &self,
        size: unsafe fn(nvrtcProgram, *mut usize) -> nvrtcResult,
        get: unsafe fn(nvrtcProgram, *mut c_char) -> nvrtcResult,
    ) -> Result<String> {
        let mut length = 0;
        // SAFETY: the program lives; the pointer is to a live number.
        done(unsafe { size(self.0, &raw mut length) }, "asking for a result")?;
        let mut bytes = vec![0u8; length];
        // SAFETY: the buffer is as long as NVRTC asked for.
        done(unsafe { get(self.0, bytes.as_mut_ptr().cast()) }, "asking for a result")?;
        let text = CStr::from_bytes_until_nul(&bytes).map(CStr::to_string_lossy);
        Ok(text.unwrap_or_default().into_owned())
    }
}

impl Drop for Program {
    #[expect(unsafe_code, reason = "a foreign function")]
    fn drop(&mut self) {
        // SAFETY: nothing speaks of the program any more. That it could not be destroyed helps nobody.
        let _ = unsafe { sys::nvrtcDestroyProgram(&raw mut self.0) };
    }
}

/// An error unless NVRTC did what it was asked.
fn done(result: nvrtcResult, doing: &'static str) -> Result<()> {
    result.result().map_err(|NvrtcError(code)| Error::Nvrtc { doing, problem: format!("{code:?}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statics_are_read_from_the_assemblers_log() {
        let log = "ptxas info    : Compiling entry function 'a' for 'sm_75'\n\
                   ptxas info    : Function properties for a\n\
                   \x20   8 bytes stack frame, 12 bytes spill stores, 16 bytes spill loads\n\
                   ptxas info    : Used 39 registers, used 1 barriers, 2048 bytes smem, 388 bytes cmem[0]\n\
                   ptxas info    : Compiling entry function 'b' for 'sm_75'\n\
                   \x20   0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n\
                   ptxas info    : Used 8 registers, 388 bytes cmem[0]\n";
        let kernel = |kernel: &str, registers, spilled, shared| Statics {
            kernel: kernel.into(),
            architecture: "sm_75".into(),
            registers,
            spilled,
            shared,
        };
        assert_eq!(parsed(log, "sm_75"), [kernel("a", 39, 28, 2048), kernel("b", 8, 0, 0)]);
    }
}
