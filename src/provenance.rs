//! Which code runs here, on which processor.
use kernels::{Cpu, Isa};
use reports::record;
use std::{path::Path, sync::OnceLock};

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
        libc: libc(),
    }
}

/// The C library: its kind from the target, the version from what is mapped into this process, if it is there and says so.
fn libc() -> Option<String> {
    static LIBC: OnceLock<Option<String>> = OnceLock::new();
    let name = || {
        let name = match (cfg!(target_os = "linux"), cfg!(target_env = "gnu"), cfg!(target_env = "musl")) {
            (true, true, _) => "glibc",
            (true, _, true) => "musl",
            _ => return None,
        };
        let version = mapped_libc().and_then(|bytes| release(&bytes));
        Some(version.map_or_else(|| format!("{name}, version not told"), |version| format!("{name} {version}")))
    };
    LIBC.get_or_init(name).clone()
}

/// The file that this process has as its C library.
fn mapped_libc() -> Option<Vec<u8>> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    // Before 2.34 the name that the linker asks for was a link to a file with the version in its name.
    let named = |name: &str| name == "libc.so.6" || name.starts_with("libc-2.");
    let is_libc = |path: &&str| Path::new(path).file_name().and_then(|name| name.to_str()).is_some_and(named);
    let path = maps.lines().filter_map(|line| line.split_whitespace().nth(5)).find(is_libc)?;
    std::fs::read(path).ok()
}

/// The version in glibc's banner, `… release version 2.36.`
fn release(library: &[u8]) -> Option<String> {
    const BEFORE: &[u8] = b"release version ";
    let start = library.windows(BEFORE.len()).position(|window| window == BEFORE)? + BEFORE.len();
    let version = library[start..].iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.');
    let version: String = version.map(|byte| char::from(*byte)).collect();
    let version = version.trim_end_matches('.');
    (!version.is_empty()).then(|| version.into())
}

/// Hash of the sources that decide the bits of a trial.
pub fn fingerprint() -> &'static str {
    env!("MERCATO_FINGERPRINT")
}

/// Names of the instruction sets that this machine has bodies for.
pub fn detected() -> Vec<String> {
    Isa::ALL.into_iter().filter(|isa| isa.is_present()).map(|isa| isa.name().into()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The banner as Debian's and Fedora's libraries have it; a library without one has no version.
    #[test]
    fn the_version_is_the_one_of_the_banner() {
        let banner = |text: &str| release(format!("\0\u{1}GNU C Library {text}\nCopyright").as_bytes());
        assert_eq!(banner("(Debian GLIBC 2.36-9) stable release version 2.36.").as_deref(), Some("2.36"));
        assert_eq!(banner("(GNU libc) development release version 2.40.9000.").as_deref(), Some("2.40.9000"));
        assert_eq!(banner("of its own"), None);
        assert_eq!(release(b"release version "), None);
    }

    /// On Linux the C library is told by name, and nothing here names a host or a person.
    #[test]
    fn the_machine_names_its_c_library() {
        let libc = machine().libc;
        assert_eq!(libc.is_some(), cfg!(target_os = "linux"), "{libc:?}");
        if cfg!(all(target_os = "linux", target_env = "gnu")) && mapped_libc().is_some() {
            let version = libc.and_then(|text| Some(text.strip_prefix("glibc ")?.to_string()));
            assert!(version.is_some_and(|version| version.starts_with("2.")), "the library that runs has a version");
        }
    }
}
