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
        target: env!("MERCATO_TARGET").into(),
        isa: record::Isa { detected: detected(), used: cpu.isa().name().into() },
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
