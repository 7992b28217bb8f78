//! The doors of the emulated driver that this library goes through, found by name in the loaded `libcuda.so`.
use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::LazyLock;

/// As `mercato_emulator_product` takes it; the driver's crate documents the fields.
#[repr(C)]
pub struct Product {
    pub transpose_a: bool,
    pub transpose_b: bool,
    pub tf32: bool,
    pub m: usize,
    pub n: usize,
    pub k: usize,
    pub alpha: f32,
    pub beta: f32,
    pub matrices: [Matrix; 3],
    pub batch: usize,
}

#[repr(C)]
pub struct Matrix {
    pub address: u64,
    pub leading: usize,
    pub stride: i64,
}

unsafe extern "C" {
    fn dlopen(path: *const c_char, flags: c_int) -> *mut c_void;
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
}

/// Resolve everything when the library is loaded.
const NOW: c_int = 2;

struct Doors {
    product: extern "C" fn(usize, &Product) -> u32,
    is_device: extern "C" fn(u64, usize) -> bool,
    is_capturing: extern "C" fn(usize, &mut u32) -> u32,
    refuse: extern "C" fn(*const c_char),
}

static DOORS: LazyLock<Doors> = LazyLock::new(|| {
    let door = |name: &CStr| {
        // SAFETY: both strings end with 0.
        let address = unsafe { dlsym(dlopen(c"libcuda.so".as_ptr(), NOW), name.as_ptr()) };
        assert!(!address.is_null(), "the emulated cuBLAS needs the emulated driver, and {name:?} is not loaded");
        address
    };
    let (product, is_device) = (door(c"mercato_emulator_product"), door(c"mercato_emulator_is_device"));
    let (is_capturing, refuse) = (door(c"cuStreamIsCapturing"), door(c"mercato_emulator_refuse"));
    Doors {
        // SAFETY: the driver's crate defines the symbol with this signature.
        product: unsafe { std::mem::transmute::<*mut c_void, extern "C" fn(usize, &Product) -> u32>(product) },
        // SAFETY: as above.
        is_device: unsafe { std::mem::transmute::<*mut c_void, extern "C" fn(u64, usize) -> bool>(is_device) },
        // SAFETY: as above.
        is_capturing: unsafe {
            std::mem::transmute::<*mut c_void, extern "C" fn(usize, &mut u32) -> u32>(is_capturing)
        },
        // SAFETY: as above.
        refuse: unsafe { std::mem::transmute::<*mut c_void, extern "C" fn(*const c_char)>(refuse) },
    }
});

/// Gives a product to a stream; the driver's error number.
pub fn submit(stream: usize, product: &Product) -> u32 {
    (DOORS.product)(stream, product)
}

/// Whether this is device memory.
pub fn is_device(address: u64, length: usize) -> bool {
    (DOORS.is_device)(address, length)
}

/// Whether a stream is being captured.
pub fn is_capturing(stream: usize) -> bool {
    let mut status = 0;
    (DOORS.is_capturing)(stream, &mut status) == 0 && status != 0
}

/// Tells the test what is refused.
pub fn refuse(message: &CStr) {
    (DOORS.refuse)(message.as_ptr());
}
