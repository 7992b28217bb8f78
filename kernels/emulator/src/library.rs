//! Finding the shared libraries, and the doors of the driver.
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::PathBuf;

unsafe extern "C" {
    fn dlopen(path: *const c_char, flags: c_int) -> *mut c_void;
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
    fn dlerror() -> *const c_char;
}

/// Resolve everything when a library is loaded.
const NOW: c_int = 2;

/// A function that writes text into a buffer and says how long the text is.
type Reader = extern "C" fn(*mut u8, usize) -> usize;

/// The functions of the driver that are for tests.
pub struct Control {
    pub reset: extern "C" fn(),
    set: extern "C" fn(*const c_char, u64) -> u32,
    pub snapshot: Reader,
    pub messages: Reader,
}

impl Control {
    /// Loads the driver, and cuBLAS where it is wanted, by path. A later `dlopen` of `libcuda.so` or `libcublas.so` is then answered with them, even
    /// where a real one is installed.
    pub fn load(with_blas: bool) -> Self {
        let cuda = open("libemulated_cuda.so");
        if with_blas {
            open("libemulated_blas.so");
        }
        let find = |name: &CStr| {
            // SAFETY: the library is open and the name ends with 0.
            let address = unsafe { dlsym(cuda, name.as_ptr()) };
            assert!(!address.is_null(), "{name:?} is missing in the emulated driver");
            address
        };
        // SAFETY: the driver's crate defines the symbols with these signatures.
        unsafe {
            Self {
                reset: std::mem::transmute::<*mut c_void, extern "C" fn()>(find(c"mercato_emulator_reset")),
                set: std::mem::transmute::<*mut c_void, extern "C" fn(*const c_char, u64) -> u32>(find(
                    c"mercato_emulator_set",
                )),
                snapshot: std::mem::transmute::<*mut c_void, Reader>(find(c"mercato_emulator_snapshot")),
                messages: std::mem::transmute::<*mut c_void, Reader>(find(c"mercato_emulator_messages")),
            }
        }
    }

    pub fn set(&self, name: &str, value: u64) {
        let text = CString::new(name).expect("a name has no 0");
        assert_eq!((self.set)(text.as_ptr(), value), 0, "the emulator has no setting `{name}`");
    }
}

/// The whole text of a reader.
pub fn read(reader: Reader) -> String {
    let mut bytes = Vec::new();
    loop {
        let length = reader(bytes.as_mut_ptr(), bytes.len());
        // Another thread may have made it longer since.
        if length <= bytes.len() {
            bytes.truncate(length);
            return String::from_utf8_lossy(&bytes).into_owned();
        }
        bytes.resize(length, 0);
    }
}

/// Opens a library that cargo built: beside the test, or in `deps` beside a binary or an example.
fn open(name: &str) -> *mut c_void {
    let program = std::env::current_exe().expect("a program has a path");
    let folders = program.ancestors().skip(1).take(2).flat_map(|folder| [folder.to_path_buf(), folder.join("deps")]);
    let candidates: Vec<PathBuf> = folders.map(|folder| folder.join(name)).collect();
    let path = candidates.iter().find(|path| path.exists());
    let path =
        path.unwrap_or_else(|| panic!("{name} is in none of {candidates:?}: build the package mercato-emulator"));
    let text = CString::new(path.as_os_str().as_encoded_bytes()).expect("a path has no 0");
    // SAFETY: the path ends with 0; the library's initialisers are Rust's own.
    let library = unsafe { dlopen(text.as_ptr(), NOW) };
    if library.is_null() {
        // SAFETY: after a failure there is a message, which ends with 0.
        panic!("{}: {:?}", path.display(), unsafe { CStr::from_ptr(dlerror()) });
    }
    library
}
