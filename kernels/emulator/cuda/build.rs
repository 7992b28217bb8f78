//! Gives the library the name under which cudarc looks for the driver: the loader answers a later `dlopen` of that name
//! with a library that is loaded already, before it searches.
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libcuda.so");
    }
}
