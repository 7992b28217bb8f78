//! A machine with a driver and without cuBLAS: fast products are an error with a remedy, exact ones are there.
use mercato_kernels::{Cuda, CudaConfig, Error, Math};

#[test]
fn fast_products_without_cublas_are_an_error() {
    emulator::install_without_blas();
    Cuda::new().expect("exact products need no cuBLAS");
    for math in [Math::Fast, Math::Tf32] {
        match Cuda::with(CudaConfig { math, ..CudaConfig::default() }) {
            Err(error @ Error::NoCublas) => {
                let text = error.to_string();
                assert!(text.contains("libcublas.so.13") && text.contains("--math exact"), "{text}");
            }
            Err(other) => panic!("{other}"),
            Ok(_) => return println!("skipped: fast_products_without_cublas_are_an_error because this machine has it"),
        }
    }
}
