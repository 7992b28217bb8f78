//! What the emulated driver refuses or brings to light: each test is a program with one mistake in it.
#![expect(unsafe_code, reason = "launches are unsafe in cudarc: arguments are not checked")]

use cudarc::{
    cublas::{
        CudaBlas, Gemm, GemmConfig,
        sys::{cublasOperation_t, cublasSetWorkspace_v2},
    },
    driver::{
        CudaContext, CudaEvent, CudaFunction, CudaGraph, CudaSlice, CudaStream, DriverError, LaunchConfig,
        PushKernelArg, sys,
    },
};
use std::sync::Arc;

/// x[i] ← x[i] + 1 for i < n.
const MORE: &str = "
.version 7.0
.target sm_75
.address_size 64
.visible .entry more(.param .u64 p, .param .u32 n)
{
    .reg .b32 %r<5>; .reg .b64 %rd<4>; .reg .pred %p<2>;
    ld.param.u64 %rd1, [p];
    ld.param.u32 %r1, [n];
    mov.u32 %r2, %tid.x;
    setp.ge.u32 %p1, %r2, %r1;
    @%p1 bra END;
    mul.wide.u32 %rd2, %r2, 4;
    add.s64 %rd3, %rd1, %rd2;
    ld.global.u32 %r3, [%rd3];
    add.u32 %r4, %r3, 1;
    st.global.u32 [%rd3], %r4;
END:
    ret;
}";

const CAPTURE: sys::CUstreamCaptureMode = sys::CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL;

struct Program {
    context: Arc<CudaContext>,
    stream: Arc<CudaStream>,
    function: CudaFunction,
}

impl Program {
    fn new() -> Self {
        emulator::set("printed", 0);
        let context = CudaContext::new(0).unwrap();
        // SAFETY: the tests order their streams themselves.
        unsafe { context.disable_event_tracking() };
        let stream = context.new_stream().unwrap();
        let function = context.load_module(MORE.into()).unwrap().load_function("more").unwrap();
        Self { context, stream, function }
    }

    /// Launches on `stream` for `count` numbers.
    fn more(&self, stream: &Arc<CudaStream>, x: &mut CudaSlice<u32>, count: u32) -> Result<(), DriverError> {
        let config = LaunchConfig { grid_dim: (1, 1, 1), block_dim: (64, 1, 1), shared_mem_bytes: 0 };
        // SAFETY: the arguments are the kernel's; a wrong count is the mistake of some tests.
        unsafe { stream.launch_builder(&self.function).arg(x).arg(&count).launch(config) }.map(drop)
    }

    fn captured(&self, x: &mut CudaSlice<u32>) -> CudaGraph {
        self.stream.begin_capture(CAPTURE).unwrap();
        self.more(&self.stream, x, 8).unwrap();
        self.stream.end_capture(sys::CUgraphInstantiate_flags(0)).unwrap().unwrap()
    }
}

fn code<T>(result: Result<T, DriverError>) -> u32 {
    result.err().map_or(0, |error| error.0 as u32)
}

#[test]
fn a_fault_stays_until_the_reset() {
    let _alone = emulator::alone();
    let program = Program::new();
    let mut x = program.stream.alloc_zeros::<u32>(8).unwrap();
    assert_eq!(code(program.more(&program.stream, &mut x, 9)), 700);
    assert_eq!(code(program.stream.synchronize()), 700);
    let message = emulator::messages().remove(0);
    assert!(
        message.starts_with("kernel more, PTX line 15 `ld.global.u32`, block [0, 0, 0]: lane 8 of warp 0"),
        "{message}"
    );
    emulator::reset();
    assert_eq!(code(program.more(&program.stream, &mut x, 8)), 0);
}

#[test]
fn a_graph_whose_buffer_is_gone_is_a_fault() {
    let _alone = emulator::alone();
    let program = Program::new();
    let mut x = program.stream.alloc_zeros::<u32>(8).unwrap();
    let graph = program.captured(&mut x);
    assert_eq!(code(graph.launch()), 0);
    drop(x);
    let _other = program.stream.alloc_zeros::<u32>(8).unwrap();
    assert_eq!(code(graph.launch()), 700);
    assert!(emulator::messages()[0].contains("past the start of a freed allocation of 32 bytes"));
}

#[test]
fn reading_pinned_memory_before_the_stream_was_waited_for_finds_the_old_numbers() {
    let _alone = emulator::alone();
    emulator::set("deferred", 1);
    let program = Program::new();
    let mut x = program.stream.clone_htod(&[1u32; 8]).unwrap();
    program.more(&program.stream, &mut x, 8).unwrap();
    // SAFETY: the memory is written below before it is read.
    let mut pinned = unsafe { program.context.alloc_pinned::<u32>(8) }.unwrap();
    let target = pinned.as_mut_ptr().unwrap();
    let bytes = 32;
    let (address, _) = cudarc::driver::DevicePtr::device_ptr(&x, &program.stream);
    // SAFETY: source and target have 32 bytes.
    let status = unsafe { sys::cuMemcpyDtoHAsync_v2(target.cast(), address, bytes, program.stream.cu_stream()) };
    assert_eq!(status as u32, 0);
    // SAFETY: the memory is the pinned allocation's.
    let read = || unsafe { std::slice::from_raw_parts(target, 8) }.to_vec();
    assert_eq!(read(), [u32::MAX; 8], "nobody has waited");
    program.stream.synchronize().unwrap();
    assert_eq!(read(), [2; 8]);
}

#[test]
fn overwriting_pinned_memory_before_the_copy_ran_sends_the_new_numbers() {
    let _alone = emulator::alone();
    emulator::set("deferred", 1);
    let program = Program::new();
    let x = program.stream.alloc_zeros::<u32>(2).unwrap();
    // SAFETY: the memory is written below before it is read.
    let mut pinned = unsafe { program.context.alloc_pinned::<u32>(2) }.unwrap();
    pinned.as_mut_slice().unwrap().copy_from_slice(&[1, 2]);
    let source = pinned.as_ptr().unwrap();
    let (address, _) = cudarc::driver::DevicePtr::device_ptr(&x, &program.stream);
    // SAFETY: source and target have 8 bytes.
    let status = unsafe { sys::cuMemcpyHtoDAsync_v2(address, source.cast(), 8, program.stream.cu_stream()) };
    assert_eq!(status as u32, 0);
    pinned.as_mut_slice().unwrap().copy_from_slice(&[7, 8]);
    assert_eq!(program.stream.clone_dtoh(&x).unwrap(), [7, 8]);
}

#[test]
fn another_stream_does_not_wait_by_itself() {
    let _alone = emulator::alone();
    emulator::set("deferred", 1);
    let program = Program::new();
    let other = program.context.new_stream().unwrap();
    let mut x = program.stream.clone_htod(&[1u32; 8]).unwrap();
    program.stream.synchronize().unwrap();
    program.more(&program.stream, &mut x, 8).unwrap();
    let target = &mut [0u32; 8];
    other.memcpy_dtoh(&x, target).unwrap();
    assert_eq!(*target, [1; 8], "the other stream's kernel has not run");
    other.wait(&program.stream.record_event(None).unwrap()).unwrap();
    other.memcpy_dtoh(&x, target).unwrap();
    assert_eq!(*target, [2; 8]);
}

#[test]
fn deferred_work_gives_what_immediate_work_gives() {
    let _alone = emulator::alone();
    let mut results = Vec::new();
    for deferred in [0, 1] {
        emulator::set("deferred", deferred);
        let program = Program::new();
        let mut x = program.stream.clone_htod(&[5u32; 8]).unwrap();
        let graph = program.captured(&mut x);
        for _ in 0..3 {
            graph.launch().unwrap();
            program.more(&program.stream, &mut x, 4).unwrap();
        }
        results.push(program.stream.clone_dtoh(&x).unwrap());
    }
    assert_eq!(results[0], [11, 11, 11, 11, 8, 8, 8, 8]);
    assert_eq!(results[0], results[1]);
}

#[test]
fn captures_follow_the_rules() {
    let _alone = emulator::alone();
    let program = Program::new();
    let mut x = program.stream.alloc_zeros::<u32>(8).unwrap();
    let outside = program.stream.record_event(None).unwrap();
    assert_eq!(code(program.context.default_stream().begin_capture(CAPTURE)), 900, "the default stream");
    program.stream.begin_capture(CAPTURE).unwrap();
    assert_eq!(code(program.stream.synchronize()), 900, "waiting for a captured stream");
    assert_eq!(code(program.stream.alloc_zeros::<u32>(8)), 900, "allocating in a capture");
    assert_eq!(code(program.stream.wait(&outside)), 905, "an event from outside");
    assert_eq!(code(program.context.default_stream().memset_zeros(&mut x)), 906, "the default stream meanwhile");
    let inside = program.stream.record_event(None).unwrap();
    assert_eq!(code(inside.synchronize()), 907, "an event from within");
    let graph = program.stream.end_capture(sys::CUgraphInstantiate_flags(0)).unwrap();
    assert!(graph.is_some() && emulator::messages().len() >= 4);
}

#[test]
fn launches_that_no_device_takes_are_refused() {
    let _alone = emulator::alone();
    let program = Program::new();
    let mut x = program.stream.alloc_zeros::<u32>(8).unwrap();
    let mut launch = |grid_dim, block_dim, shared_mem_bytes| {
        let config = LaunchConfig { grid_dim, block_dim, shared_mem_bytes };
        // SAFETY: the arguments are the kernel's.
        code(unsafe { program.stream.launch_builder(&program.function).arg(&mut x).arg(&8u32).launch(config) })
    };
    assert_eq!(launch((1, 1, 1), (64, 1, 1), 0), 0);
    assert_eq!(launch((1, 1, 1), (2048, 1, 1), 0), 1);
    assert_eq!(launch((0, 1, 1), (64, 1, 1), 0), 1);
    assert_eq!(launch((1, 65536, 1), (64, 1, 1), 0), 1);
    assert_eq!(launch((1, 1, 1), (1, 1, 128), 0), 1);
    assert_eq!(launch((1, 1, 1), (64, 1, 1), 50_000), 1);
}

#[test]
fn modules_that_a_device_does_not_take_are_refused() {
    let _alone = emulator::alone();
    let program = Program::new();
    let load = |text: String| code(program.context.load_module(text.into()));
    assert_eq!(load(MORE.replace("sm_75", "sm_90")), 209);
    assert_eq!(load(MORE.replace("add.u32", "add.u31")), 218);
    assert!(emulator::messages()[1].starts_with("PTX line 16: add.u31 "));
    let module = program.context.load_module(MORE.into()).unwrap();
    assert_eq!(code(module.load_function("less")), 500);
    emulator::set("capability", 90);
    assert_eq!(load(MORE.replace("sm_75", "sm_90")), 0);
}

#[test]
fn copies_past_the_end_and_double_frees_are_refused() {
    let _alone = emulator::alone();
    let program = Program::new();
    let x = program.stream.alloc_zeros::<u32>(8).unwrap();
    let (address, _) = cudarc::driver::DevicePtr::device_ptr(&x, &program.stream);
    let stream = program.stream.cu_stream();
    // SAFETY: the source has 36 bytes.
    let status = unsafe { sys::cuMemcpyHtoDAsync_v2(address, [0u32; 9].as_ptr().cast(), 36, stream) };
    assert_eq!(status as u32, 1);
    // SAFETY: the emulator has no memory there, and says so.
    assert_eq!(unsafe { sys::cuMemFreeAsync(address + 4, stream) } as u32, 1);
    // SAFETY: as above.
    assert_eq!(unsafe { sys::cuMemsetD8Async(address + 30, 0, 4, stream) } as u32, 1);
    assert_eq!(emulator::messages().len(), 3);
}

#[test]
fn a_machine_without_devices_and_a_small_one_can_be_had() {
    let _alone = emulator::alone();
    emulator::set("printed", 0);
    emulator::set("devices", 0);
    assert_eq!(code(CudaContext::new(0)), 100);
    emulator::set("devices", 1);
    emulator::set("capacity", 1000);
    let context = CudaContext::new(0).unwrap();
    assert_eq!(code(context.default_stream().alloc_zeros::<u32>(1 << 20)), 2);
}

fn product(blas: &CudaBlas, x: &mut CudaSlice<f32>, a: &CudaSlice<f32>) -> bool {
    let plain = cublasOperation_t::CUBLAS_OP_N;
    let (transa, transb, alpha, beta) = (plain, plain, 1f32, 0f32);
    let config = GemmConfig { transa, transb, m: 1, n: 1, k: 1, alpha, lda: 1, ldb: 1, beta, ldc: 1 };
    // SAFETY: every matrix has its one element.
    unsafe { blas.gemm(config, a, a, x) }.is_ok()
}

/// A handle of cuBLAS makes its first product outside a capture, and captured ones in a workspace of its own, which
/// choosing a stream takes away.
#[test]
fn captured_products_need_a_workspace_and_a_first_product() {
    let _alone = emulator::alone();
    let program = Program::new();
    let stream = &program.stream;
    let blas = CudaBlas::new(stream.clone()).unwrap();
    let (a, mut x) = (stream.clone_htod(&[3f32]).unwrap(), stream.alloc_zeros::<f32>(1).unwrap());
    let workspace = stream.alloc_zeros::<u8>(1024).unwrap();
    let give = || {
        let (address, _) = cudarc::driver::DevicePtr::device_ptr(&workspace, stream);
        // SAFETY: the workspace has 1024 bytes.
        unsafe { cublasSetWorkspace_v2(*blas.handle(), address as *mut _, 1024) }.result().unwrap();
    };
    let captured = |x: &mut CudaSlice<f32>| {
        stream.begin_capture(CAPTURE).unwrap();
        let made = product(&blas, x, &a);
        stream.end_capture(sys::CUgraphInstantiate_flags(0)).unwrap();
        made
    };
    give();
    assert!(!captured(&mut x) && emulator::messages()[0].contains("the first product"));
    assert!(product(&blas, &mut x, &a) && captured(&mut x));
    // SAFETY: the stream is the one that it has.
    unsafe { cudarc::cublas::result::set_stream(*blas.handle(), stream.cu_stream().cast()) }.unwrap();
    assert!(!captured(&mut x) && emulator::messages()[1].contains("without a workspace"));
    give();
    assert!(captured(&mut x));
    drop(workspace);
    assert!(!product(&blas, &mut x, &a) && emulator::messages()[2].contains("was freed"));
}

/// Events measure the made-up clock between two places of a stream, also when its work is deferred, and say when they
/// cannot.
#[test]
fn events_keep_the_time_of_the_made_up_clock() {
    let _alone = emulator::alone();
    let elapsed = |start: &CudaEvent, end: &CudaEvent| {
        let mut milliseconds = 0.0;
        // SAFETY: both events live.
        let status = unsafe { sys::cuEventElapsedTime_v2(&raw mut milliseconds, start.cu_event(), end.cu_event()) };
        (status as u32, milliseconds)
    };
    for deferred in [0, 1] {
        emulator::reset();
        emulator::set("deferred", deferred);
        let program = Program::new();
        let mut x = program.stream.alloc_zeros::<u32>(8).unwrap();
        let timed = Some(sys::CUevent_flags::CU_EVENT_DEFAULT);
        let [start, end] = [(), ()].map(|()| program.context.new_event(timed).unwrap());
        let untimed = program.stream.record_event(None).unwrap();
        assert_eq!(elapsed(&start, &end).0, 400, "never recorded");
        start.record(&program.stream).unwrap();
        program.more(&program.stream, &mut x, 8).unwrap();
        end.record(&program.stream).unwrap();
        assert_eq!(elapsed(&start, &end).0, if deferred == 1 { 600 } else { 0 }, "deferred {deferred}");
        end.synchronize().unwrap();
        let instructions = emulator::snapshot().kernel("more", "warp_instructions");
        assert!(instructions > 10);
        assert_eq!(elapsed(&start, &end), (0, instructions as f32 / 1e6));
        assert_eq!(elapsed(&start, &untimed).0, 400, "made without timing");
    }
}
