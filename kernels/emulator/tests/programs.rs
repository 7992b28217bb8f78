//! Ordinary cudarc programs on the emulated libraries.
#![expect(unsafe_code, reason = "launches are unsafe in cudarc: arguments are not checked")]

use cudarc::cublas::{
    CudaBlas, Gemm, GemmConfig,
    sys::{cublasOperation_t, cublasSetWorkspace_v2},
};
use cudarc::driver::{CudaContext, CudaFunction, CudaStream, LaunchConfig, PushKernelArg, sys};
use std::sync::Arc;

/// x[i] ← 2 · x[i] for i < n.
const TWICE: &str = "
.version 7.0
.target sm_75
.address_size 64
.visible .entry twice(.param .u64 p, .param .u32 n)
{
    .reg .b32 %r<6>; .reg .b64 %rd<4>; .reg .f32 %f<3>; .reg .pred %p<2>;
    ld.param.u64 %rd1, [p];
    ld.param.u32 %r1, [n];
    mov.u32 %r2, %tid.x;
    mov.u32 %r3, %ctaid.x;
    mov.u32 %r4, %ntid.x;
    mad.lo.s32 %r5, %r3, %r4, %r2;
    setp.ge.u32 %p1, %r5, %r1;
    @%p1 bra END;
    mul.wide.u32 %rd2, %r5, 4;
    add.s64 %rd3, %rd1, %rd2;
    ld.global.f32 %f1, [%rd3];
    add.rn.f32 %f2, %f1, %f1;
    st.global.f32 [%rd3], %f2;
END:
    ret;
}";

fn program() -> (Arc<CudaContext>, Arc<CudaStream>, CudaFunction) {
    let context = CudaContext::new(0).unwrap();
    let stream = context.new_stream().unwrap();
    let function = context.load_module(TWICE.into()).unwrap().load_function("twice").unwrap();
    (context, stream, function)
}

fn numbers(count: u32) -> Vec<f32> {
    (0..count).map(|index| index as f32).collect()
}

fn twice(count: u32) {
    let (_context, stream, function) = program();
    let mut x = stream.clone_htod(&numbers(count)).unwrap();
    // SAFETY: the arguments are the kernel's.
    unsafe { stream.launch_builder(&function).arg(&mut x).arg(&count).launch(LaunchConfig::for_num_elems(count)) }
        .unwrap();
    let doubled: Vec<f32> = numbers(count).iter().map(|x| 2.0 * x).collect();
    assert_eq!(stream.clone_dtoh(&x).unwrap(), doubled);
}

#[test]
fn a_kernel_runs_and_is_counted() {
    let _alone = emulator::alone();
    twice(100);
    let counts = emulator::snapshot();
    assert_eq!(counts.kernel("twice", "launches"), 1);
    // A block of 1024 threads: 32 warps, of which 4 have work; 8 instructions lead to the branch, 5 behind it, 1 ends.
    assert_eq!(counts.kernel("twice", "warp_instructions"), 32 * 9 + 4 * 5);
    // The lanes that do not take the branch do not count for it.
    assert_eq!(counts.kernel("twice", "thread_instructions"), 1024 * 9 - 100 + 100 * 5);
    assert_eq!(counts.kernel("twice", "global_load_requests"), 4);
    assert_eq!(counts.kernel("twice", "global_load_sectors"), 13);
    assert_eq!((counts.kernel("twice", "branches"), counts.kernel("twice", "divergent_branches")), (32, 1));
    assert_eq!((counts.driver("copies_to_device"), counts.driver("bytes_to_host")), (1, 400));
}

#[test]
fn threads_share_the_device() {
    let _alone = emulator::alone();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            scope.spawn(move || (0..20).for_each(|_| twice(64 + thread)));
        }
    });
}

#[test]
fn allocation_works_without_memory_pools() {
    let _alone = emulator::alone();
    emulator::set("pools", 0);
    twice(10);
    assert_eq!(emulator::snapshot().driver("cuMemAllocAsync"), 0);
    assert!(emulator::snapshot().driver("cuMemAlloc_v2") > 0);
}

#[test]
fn a_graph_replays_kernels_and_products() {
    let _alone = emulator::alone();
    let (context, stream, function) = program();
    // SAFETY: one stream only, so nothing depends on cudarc's events.
    unsafe { context.disable_event_tracking() };
    let blas = CudaBlas::new(stream.clone()).unwrap();
    let (m, n, k) = (3, 5, 4);
    let a: Vec<f32> = (0..m * k).map(|index| (index as f32 - 5.0) / 3.0).collect();
    let b: Vec<f32> = (0..k * n).map(|index| (7.0 - index as f32) / 9.0).collect();
    let (device_a, device_b) = (stream.clone_htod(&a).unwrap(), stream.clone_htod(&b).unwrap());
    let mut c = stream.alloc_zeros::<f32>(m * n).unwrap();
    let count = (m * n) as u32;
    let plain = cublasOperation_t::CUBLAS_OP_N;
    let product = GemmConfig {
        transa: plain,
        transb: plain,
        m: n as i32,
        n: m as i32,
        k: k as i32,
        alpha: 1f32,
        lda: n as i32,
        ldb: k as i32,
        beta: 1f32,
        ldc: n as i32,
    };
    let workspace = stream.alloc_zeros::<u8>(1 << 10).unwrap();
    let (address, _) = cudarc::driver::DevicePtr::device_ptr(&workspace, &stream);
    // SAFETY: the workspace is as long; the matrices have the sizes that the shape says.
    unsafe {
        cublasSetWorkspace_v2(*blas.handle(), address as *mut _, 1 << 10).result().unwrap();
        // The first product must not be captured; what it writes is not looked at.
        blas.gemm(product, &device_b, &device_a, &mut stream.alloc_zeros::<f32>(m * n).unwrap()).unwrap();
    }
    stream.begin_capture(sys::CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL).unwrap();
    // SAFETY: the matrices have the sizes that the shape says; the arguments are the kernel's.
    unsafe {
        blas.gemm(product, &device_b, &device_a, &mut c).unwrap();
        stream.launch_builder(&function).arg(&mut c).arg(&count).launch(LaunchConfig::for_num_elems(count)).unwrap();
    }
    let graph = stream.end_capture(sys::CUgraphInstantiate_flags(0)).unwrap().unwrap();
    assert_eq!(stream.clone_dtoh(&c).unwrap(), vec![0.0; m * n]);
    let mut expected = vec![0f32; m * n];
    for _ in 0..3 {
        graph.launch().unwrap();
        for (index, element) in expected.iter_mut().enumerate() {
            let (row, column) = (index / n, index % n);
            let chain = (0..k).fold(*element, |chain, at| a[row * k + at].mul_add(b[at * n + column], chain));
            *element = 2.0 * chain;
        }
        assert_eq!(stream.clone_dtoh(&c).unwrap(), expected);
    }
    assert_eq!(emulator::snapshot().driver("cuGraphLaunch"), 3);
}
