//! Which code runs here, on which processor.
use kernels::{Cpu, Isa};
use reports::record;

/// The code of this build and the instruction sets of this machine.
pub fn code(cpu: &Cpu) -> record::Code {
    let commit = env!("MERCATO_COMMIT");
    record::Code {
        version: env!("CARGO_PKG_VERSION").into(),
        fingerprint: fingerprint().into(),
        commit: (!commit.is_empty()).then(|| commit.into()),
        dirty: env!("MERCATO_DIRTY") == "true",
        lockfile: env!("MERCATO_LOCKFILE").into(),
        rustc: env!("MERCATO_RUSTC").into(),
        profile: env!("MERCATO_PROFILE").into(),
        flags: Some(env!("MERCATO_FLAGS").into()),
        target: env!("MERCATO_TARGET").into(),
        isa: record::Isa { detected: detected(), used: cpu.isa().name().into() },
    }
}

/// The kind of this machine, as far as the system tells it.
pub fn machine() -> record::Machine {
    let read = |path: &str, key: &str| {
        let text = std::fs::read_to_string(path).ok()?;
        let line = text.lines().find(|line| line.starts_with(key))?;
        Some(line.split_once(':')?.1.trim().to_string())
    };
    let kilobytes = read("/proc/meminfo", "MemTotal").and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    record::Machine {
        processor: read("/proc/cpuinfo", "model name"),
        cores: std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32),
        memory_gb: kilobytes.map(|kilobytes| (kilobytes / f64::from(1 << 20)).round() as u32),
        os: std::env::consts::OS.into(),
    }
}

/// Hash of the sources that decide the bits of a trial.
pub fn fingerprint() -> &'static str {
    env!("MERCATO_FINGERPRINT")
}

/// Names of the instruction sets that this machine has bodies for.
pub fn detected() -> Vec<String> {
    Isa::ALL.into_iter().filter(|isa| isa.is_present()).map(|isa| isa.name().into()).collect()
}
