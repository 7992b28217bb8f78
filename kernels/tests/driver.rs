//! What CUDA can lack, and what of it a device uses: each thing that is missing is an error of its own with a remedy, copies
//! go through pinned memory and wait where they must, kernels compiled here are the shipped ones.
use mercato_kernels::{
    Batch, Cuda, CudaConfig, Device, Error, KernelSource, Math, Memory, Ramp, Result,
    cuda::{nvrtc, survey},
    times::{self, Peak},
    workload::{self, Visitor},
};

/// Too old a driver, no device, too old a device: which, and what to do.
#[test]
fn what_a_driver_lacks_is_told_apart() {
    let _alone = emulator::alone();
    emulator::set("printed", 0);
    let refused = |setting: &str, value: u64| {
        emulator::reset();
        emulator::set("printed", 0);
        emulator::set(setting, value);
        let error = Cuda::new().expect_err(setting);
        let told = survey();
        (error.to_string(), error, told)
    };
    let (text, error, told) = refused("version", 11_030);
    assert!(matches!(error, Error::OldDriver { has: 11_030, needs: 11_040 }) && text.contains("update it"), "{text}");
    assert!(text.contains("CUDA 11.3") && told.driver.is_err() && told.device.is_err());
    let (text, error, told) = refused("devices", 0);
    assert!(matches!(error, Error::NoDevice) && text.contains("nvidia-smi"), "{text}");
    assert!(matches!(told.device, Err(Error::NoDevice)) && told.driver.is_ok_and(|version| version == 12_060));
    let (text, error, told) = refused("capability", 70);
    assert!(matches!(error, Error::OldDevice { has: (7, 0), needs: (7, 5), .. }) && text.contains("7.5"), "{text}");
    assert!(told.device.is_err() && told.cublas.is_ok());
    let (text, error, _) = refused("capacity", 1000);
    assert!(matches!(error, Error::NoRoom(_)) && text.contains("MiB"), "{text}");
    emulator::reset();
    let told = survey();
    assert_eq!(told.device.expect("a device"), ("emulator sm_75".to_string(), (7, 5)));
}

/// A device works without memory pools, and after the driver has taken everything back nothing is left of it.
#[test]
fn nothing_stays_behind() {
    let _alone = emulator::alone();
    for pools in [0, 1] {
        emulator::set("pools", pools);
        let before = emulator::snapshot().driver("allocations");
        for math in Math::ALL {
            let device = Cuda::with(CudaConfig { math, ..CudaConfig::default() }).expect("a device");
            let _numbers = device.upload(&[1.0f32; 100]).expect("room");
        }
        let after = emulator::snapshot();
        assert_eq!(after.driver("allocations"), before, "with pools {pools}");
        assert_eq!(after.driver("cuMemHostAlloc"), after.driver("cuMemFreeHost"), "pinned memory");
        emulator::reset();
    }
    assert_eq!(emulator::messages(), Vec::<String>::new());
}

/// Staged memory is pinned, so a copy may still read it when the host comes back to write: staging waits for that copy.
/// Streams that only work when somebody waits would send the later numbers twice.
#[test]
fn staging_waits_for_the_copy_that_reads_it() {
    let _alone = emulator::alone();
    emulator::set("deferred", 1);
    let device = Cuda::new().expect("a device");
    let mut buffer = device.zeros::<u32>(6).expect("room");
    device.reserve(&mut buffer, 2).expect("room");
    for slot in 0..3u32 {
        let span = 2 * slot as usize..2 * slot as usize + 2;
        device.stage(&mut buffer, span.clone()).copy_from_slice(&[slot, 10 + slot]);
        device.commit(&mut buffer, span).expect("a copy");
    }
    let mut found = [0; 6];
    device.download(&buffer, 0..6, &mut found).expect("a copy");
    assert_eq!(found, [0, 10, 1, 11, 2, 12]);
    // Longer than the pinned memory that downloads go through.
    let many: Vec<u64> = (0..400_000).collect();
    let copy = device.upload(&many).expect("room");
    let mut back = vec![0; many.len() - 5];
    device.download(&copy, 5..many.len(), &mut back).expect("a copy");
    assert_eq!(back, many[5..]);
}

/// What is staged and not committed counts for a download, and goes with the commit.
#[test]
fn staged_numbers_are_seen_before_they_are_committed() {
    let _alone = emulator::alone();
    let device = Cuda::new().expect("a device");
    let mut memory = Memory::new(&device, 4, 2, 1, false).expect("room");
    let read = |memory: &Memory<Cuda>| {
        let mut reward = [9.0; 8];
        device.download(&memory.reward, 0..8, &mut reward).expect("a copy");
        reward
    };
    let cells = memory.cells(1);
    device.stage(&mut memory.reward, cells.clone()).copy_from_slice(&[1.0, 2.0]);
    assert_eq!(read(&memory), [0.0, 0.0, 1.0, 2.0, 0.0, 0.0, 0.0, 0.0]);
    let copies = emulator::snapshot().driver("copies_to_device");
    device.commit(&mut memory.reward, cells).expect("a copy");
    assert_eq!(emulator::snapshot().driver("copies_to_device"), copies + 1);
    assert_eq!(read(&memory), [0.0, 0.0, 1.0, 2.0, 0.0, 0.0, 0.0, 0.0]);
}

/// One operation's result on a device.
fn drawn(device: &Cuda) -> Result<Vec<u32>> {
    use mercato_kernels::{Sample, SampleConfig, clock};
    let priority = mercato_kernels::Priority { exponent: 0.6, importance: Ramp::constant(0.4), offset: 0.01 };
    let config = SampleConfig { n_step: 2, discount: 0.9, seed: 5, priority: Some(priority) };
    let mut memory = Memory::new(device, 16, 4, 3, true)?;
    memory.stage = device.upload(&[envs::Stage::Mid; 64])?;
    let (mut batch, mut clock) = (Batch::new(device, 40, 3)?, clock(device)?);
    for _ in 0..12 {
        device.advance(&config, &mut memory, &mut clock)?;
    }
    device.sample(&config, &memory, &clock, &mut batch)?;
    let mut pick = vec![0; 40];
    device.download(&batch.pick, 0..40, &mut pick)?;
    Ok(pick)
}

/// The `.cu` files through NVRTC, for the device's own architecture and for one that NVRTC does not know yet, run and draw
/// what the shipped kernels draw.
#[test]
fn kernels_compiled_here_are_the_shipped_ones() {
    let (major, minor) = match nvrtc::version() {
        Ok(version) => version,
        Err(error) => return println!("skipped: kernels_compiled_here_are_the_shipped_ones because {error}"),
    };
    let _alone = emulator::alone();
    let expected = drawn(&Cuda::new().expect("a device")).expect("drawn");
    for capability in [75, 86, 90, 130] {
        emulator::set("capability", capability);
        let config = CudaConfig { kernels: KernelSource::Nvrtc, ..CudaConfig::default() };
        let device = Cuda::with(config).unwrap_or_else(|error| panic!("{error}: {:?}", emulator::messages()));
        assert_eq!(drawn(&device).expect("drawn"), expected, "NVRTC {major}.{minor} for {capability}");
    }
}

/// The names of the cases.
struct Names(Vec<String>);

impl Visitor for Names {
    fn visit(&mut self, case: &str, _: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        self.0.push(case.into());
        Ok(())
    }
}

/// Cases can be timed, cold, one after another, and in a graph; the emulator's clock gives the same on every run.
#[test]
fn cases_are_timed() {
    let _alone = emulator::alone();
    let device = Cuda::new().expect("a device");
    assert!(device.is_emulated());
    let peak = Peak::of(&device).expect("the driver tells");
    // 2 · 5 GHz · 32 bytes; 2 · 1.5 GHz · 40 multiprocessors · 64 units.
    assert_eq!((peak.bytes, peak.operations), (320e9, 7680e9));
    let mut names = Names(Vec::new());
    workload::visit(&device, &mut names).expect("visited");
    // A few: an interpreter takes long for the large ones, each of which is run 32 times.
    let mut times = Vec::new();
    for part in ["dueling/", "sample/", "prioritise/", "adam/7114"] {
        let found = times::measure(&device, part, 1).expect("timed");
        let expected: Vec<&String> = names.0.iter().filter(|name| name.contains(part)).collect();
        assert!(!found.is_empty() && found.iter().map(|times| &times.case).eq(expected), "{part}");
        times.extend(found);
    }
    for times in &times {
        assert!([times.cold, times.warm, times.replayed].iter().all(|seconds| *seconds > 0.0), "{times:?}");
    }
    let some = times::measure(&device, "dueling/", 3).expect("timed");
    assert_eq!(some[0], *times.iter().find(|times| times.case == some[0].case).expect("the same case"));
}
