//! The shipped PTX is what the pinned NVRTC makes of the `.cu` files, byte for byte, and ptxas makes it without spills.
//!
//! Needs the library: `pip install --no-deps nvidia-cuda-nvrtc-cu12==12.6.85`, and `MERCATO_NVRTC` with the path of its
//! `libnvrtc.so.12`. No GPU. `UPDATE=1` writes the PTX and the table of registers.
use mercato_kernels::{
    cuda::{MODULES, nvrtc},
    statics::{self, VERSION},
};
use std::path::Path;

fn compare(path: &Path, text: &str) {
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, text).expect("written");
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == text, "{} is not what NVRTC makes; UPDATE=1 writes it", path.display());
}

#[test]
fn shipped_ptx_is_what_nvrtc_makes() {
    match nvrtc::version() {
        Ok(VERSION) => {}
        Ok(other) => {
            return println!("skipped: shipped_ptx_is_what_nvrtc_makes because NVRTC is {other:?}, not {VERSION:?}");
        }
        Err(error) => return println!("skipped: shipped_ptx_is_what_nvrtc_makes because {error}"),
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for module in &MODULES {
        // The version that the text needs, not the one of its compiler: older drivers take it too, and check it.
        let ptx = nvrtc::ptx(module, "compute_75").expect("compiled").replacen(".version 8.5", ".version 7.0", 1);
        let name = module.stem.rsplit('/').next().expect("a name");
        compare(&root.join("ptx").join(name).with_extension("ptx"), &ptx);
    }
    let measured = statics::measured().expect("assembled");
    assert!(measured.iter().all(|kernel| kernel.spilled == 0), "a kernel spills: {measured:?}");
    assert!(measured.len() > 3 * MODULES.len());
    compare(&root.join("registers.tsv"), &statics::text(&measured));
}
