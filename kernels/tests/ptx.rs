//! The shipped PTX is what the pinned NVRTC makes of the `.cu` files, byte for byte, and ptxas makes it without spills.
//!
//! Needs the library: `pip install --no-deps nvidia-cuda-nvrtc-cu12==12.6.85`, and `MERCATO_NVRTC` with the path of its
//! `libnvrtc.so.12`. No GPU. `UPDATE=1` writes the PTX and the table of registers.
#![expect(unsafe_code, reason = "NVRTC is C")]
use cudarc::nvrtc::sys::{self, nvrtcProgram, nvrtcResult};
use mercato_kernels::cuda::MODULES;
use std::{
    ffi::{CString, c_char, c_int, c_void},
    path::{Path, PathBuf},
    ptr,
};

unsafe extern "C" {
    fn dlopen(path: *const c_char, flags: c_int) -> *mut c_void;
}

const VERSION: (c_int, c_int) = (12, 6);
/// Architectures whose registers are listed.
const ARCHITECTURES: [&str; 3] = ["sm_75", "sm_80", "sm_90"];

/// Loads NVRTC by path, so that cudarc finds it by its name; or says why not.
fn load() -> Result<(), String> {
    let path = std::env::var("MERCATO_NVRTC").map_err(|_| "MERCATO_NVRTC names no libnvrtc.so.12".to_string())?;
    let text = CString::new(path.clone()).map_err(|_| "MERCATO_NVRTC has a 0".to_string())?;
    // SAFETY: the text ends with 0; the library's initialisers are NVRTC's own.
    let library = unsafe { dlopen(text.as_ptr(), 2) };
    if library.is_null() {
        return Err(format!("{path} cannot be loaded"));
    }
    let mut version = (0, 0);
    // SAFETY: the library is loaded; both pointers are to live integers.
    check(unsafe { sys::nvrtcVersion(&raw mut version.0, &raw mut version.1) });
    if version == VERSION { Ok(()) } else { Err(format!("{path} is version {version:?}, not {VERSION:?}")) }
}

fn check(result: nvrtcResult) {
    assert_eq!(result, nvrtcResult::NVRTC_SUCCESS);
}

/// PTX of a `.cu` file for `compute_…`, or ptxas's remarks for `sm_…`.
fn compile(source: &Path, architecture: &str) -> String {
    let text = |path: &Path| CString::new(std::fs::read_to_string(path).expect("a source")).expect("no 0 in a source");
    let prelude = text(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ops/prelude.cuh"));
    let (kernel, name) =
        (text(source), CString::new(source.file_name().expect("a name").as_encoded_bytes()).expect("no 0"));
    let is_ptx = architecture.starts_with("compute");
    let mut options = vec![format!("--gpu-architecture={architecture}"), "--fmad=false".into()];
    if !is_ptx {
        options.push("--ptxas-options=-v".into());
    }
    let options: Vec<CString> = options.into_iter().map(|option| CString::new(option).expect("no 0")).collect();
    let options: Vec<*const c_char> = options.iter().map(|option| option.as_ptr()).collect();
    let (headers, names) = ([prelude.as_ptr()], [c"prelude.cuh".as_ptr()]);
    let mut program: nvrtcProgram = ptr::null_mut();
    let read = |program,
                size: unsafe fn(nvrtcProgram, *mut usize) -> nvrtcResult,
                get: unsafe fn(nvrtcProgram, *mut c_char) -> nvrtcResult| {
        let mut length = 0;
        // SAFETY: the program lives, the buffer is as long as NVRTC asked for.
        let bytes = unsafe {
            check(size(program, &raw mut length));
            let mut bytes = vec![0u8; length];
            check(get(program, bytes.as_mut_ptr().cast()));
            bytes
        };
        String::from_utf8_lossy(&bytes).trim_end_matches('\0').to_string()
    };
    // SAFETY: every text ends with 0 and lives until the program is destroyed; the counts are those of the arrays.
    unsafe {
        let (headers, names) = (headers.as_ptr(), names.as_ptr());
        check(sys::nvrtcCreateProgram(&raw mut program, kernel.as_ptr(), name.as_ptr(), 1, headers, names));
        let compiled = sys::nvrtcCompileProgram(program, options.len() as c_int, options.as_ptr());
        let log = read(program, sys::nvrtcGetProgramLogSize, sys::nvrtcGetProgramLog);
        assert_eq!(compiled, nvrtcResult::NVRTC_SUCCESS, "{name:?}: {log}");
        let result = if is_ptx { read(program, sys::nvrtcGetPTXSize, sys::nvrtcGetPTX) } else { log };
        check(sys::nvrtcDestroyProgram(&raw mut program));
        result
    }
}

/// Rows of kernel, architecture, registers, spilled bytes, shared bytes.
fn statics(log: &str, architecture: &str) -> Vec<String> {
    let number_before = |line: &str, what: &str| {
        let before = line.split(what).next().filter(|_| line.contains(what))?;
        before.split_whitespace().last()?.parse::<u32>().ok()
    };
    let mut rows = Vec::new();
    let (mut kernel, mut spilled) = ("", 0);
    for line in log.lines() {
        if let Some(name) = line.split("Compiling entry function '").nth(1) {
            kernel = name.split('\'').next().unwrap_or_default();
        } else if let Some(stores) = number_before(line, " bytes spill stores") {
            spilled = stores + number_before(line, " bytes spill loads").unwrap_or_default();
        } else if let Some(registers) = number_before(line, " registers") {
            let shared = number_before(line, " bytes smem").unwrap_or_default();
            rows.push(format!("{kernel}\t{architecture}\t{registers}\t{spilled}\t{shared}"));
        }
    }
    rows
}

fn compare(path: &Path, text: &str) {
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, text).expect("written");
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == text, "{} is not what NVRTC makes; UPDATE=1 writes it", path.display());
}

#[test]
fn shipped_ptx_is_what_nvrtc_makes() {
    if let Err(reason) = load() {
        println!("skipped: shipped_ptx_is_what_nvrtc_makes because {reason}");
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut table = vec!["kernel\tarchitecture\tregisters\tspilled bytes\tshared bytes".to_string()];
    for (stem, _) in MODULES {
        let source: PathBuf = root.join("src").join(format!("{stem}.cu"));
        // The version that the text needs, not the one of its compiler: older drivers take it too, and check it.
        let ptx = compile(&source, "compute_75").replacen(".version 8.5", ".version 7.0", 1);
        compare(&root.join("ptx").join(source.with_extension("ptx").file_name().expect("a name")), &ptx);
        for architecture in ARCHITECTURES {
            table.extend(statics(&compile(&source, architecture), architecture));
        }
    }
    assert!(table[1..].iter().all(|row| row.split('\t').nth(3) == Some("0")), "a kernel spills: {table:?}");
    assert!(table.len() > 3 * MODULES.len());
    compare(&root.join("registers.tsv"), &(table.join("\n") + "\n"));
}
