//! Instructions and allocations of the CPU's operations, counted by valgrind over this very program.
//!
//! One core, AVX2 (valgrind knows no AVX-512) or what `MERCATO_ISA` names. Every case runs once to warm up and once in
//! [`counted_operation`]: where that begins callgrind forgets, where it ends callgrind writes what it counted, so that one
//! start of the program is enough for all cases.
use super::super::print;
use anyhow::{Context, Result, bail, ensure};
use mercato::kernels::{
    self, Cpu, Isa,
    counts::Table,
    workload::{self, Visitor},
};
use std::{
    env, fs,
    hint::black_box,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

/// Functions of the C library that allocate; Rust's allocator calls them.
const ALLOCATORS: [&str; 5] = ["malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc"];

/// What ends the flags of a build whose counts are comparable: those of `.cargo/config.toml`, which `RUSTFLAGS` replaces.
const FLAGS: &str = ", RUSTFLAGS -Csymbol-mangling-version=v0";

/// Runs every case twice and prints their names in order; only the second time is in [`counted_operation`].
pub fn run_cases() -> Result<ExitCode> {
    struct Names(String);
    impl Visitor for Names {
        fn visit(&mut self, case: &str, operation: &mut dyn FnMut() -> kernels::Result<()>) -> kernels::Result<()> {
            operation()?;
            counted_operation(operation)?;
            self.0 += &format!("{case}\n");
            Ok(())
        }
    }
    let mut names = Names(String::new());
    workload::visit(&Cpu::new()?, &mut names)?;
    print(&names.0)
}

#[inline(never)]
fn counted_operation(operation: &mut dyn FnMut() -> kernels::Result<()>) -> kernels::Result<()> {
    black_box(operation())
}

/// The counts of every case, or why there are none on this machine.
pub fn count() -> Result<Result<Table, String>> {
    if env!("MERCATO_PROFILE") != "release" {
        return Ok(Err("this is a debug build, and the counts are of release builds".into()));
    }
    let other = env!("MERCATO_OTHER_LTO");
    if !other.is_empty() {
        return Ok(Err(format!("this was built with CARGO_PROFILE_RELEASE_LTO={other}, which moves the counts")));
    }
    if !env!("MERCATO_FLAGS").ends_with(FLAGS) {
        let problem = "this was built with other flags than those of .cargo/config.toml, which moves the counts";
        return Ok(Err(problem.into()));
    }
    if !Isa::Avx2.is_present() {
        return Ok(Err("this processor has no AVX2".into()));
    }
    let version = match Command::new("valgrind").arg("--version").output() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Ok(Err("there is no valgrind (Debian, Ubuntu: apt-get install valgrind)".into()));
        }
        output => String::from_utf8_lossy(&output.context("cannot run valgrind")?.stdout).trim().to_string(),
    };
    let folder = Folder::new()?;
    let names = run_under_valgrind(&folder.0)?;
    let mut table = Table::cpu(format!("{}; {}; {version}; {}", env!("MERCATO_RUSTC"), env!("MERCATO_TARGET"), libc()));
    for (index, case) in names.lines().enumerate() {
        let path = folder.0.join(format!("out.{}", index + 1));
        let text = fs::read_to_string(&path).with_context(|| format!("callgrind wrote no {}", path.display()))?;
        let counts = counted(&text).with_context(|| format!("{case}: callgrind's output has no summary"))?;
        table.rows.insert((case.to_string(), "cpu".to_string()), counts.to_vec());
    }
    ensure!(!table.rows.is_empty(), "no case was counted");
    Ok(Ok(table))
}

/// The names of the cases, in the order of callgrind's files `out.1`, `out.2`, …
fn run_under_valgrind(folder: &Path) -> Result<String> {
    let function = std::any::type_name_of_val(&counted_operation);
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--compress-strings=no", "--compress-pos=no"])
        .arg(format!("--zero-before={function}"))
        .arg(format!("--dump-after={function}"))
        .arg(format!("--callgrind-out-file={}", folder.join("out").display()))
        .arg(env::current_exe().context("this program has no path")?)
        .args(["kernels", "run-cases"])
        .env("MERCATO_ISA", env::var("MERCATO_ISA").unwrap_or(Isa::Avx2.name().into()))
        .output()
        .context("cannot run valgrind")?;
    if !output.status.success() {
        let told = String::from_utf8_lossy(&output.stderr);
        let told: Vec<&str> = told.lines().rev().take(5).collect();
        bail!("valgrind ended with {}: {}", output.status, told.into_iter().rev().collect::<Vec<_>>().join(" / "));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Instructions and allocations in one of callgrind's files.
fn counted(text: &str) -> Option<[u64; 2]> {
    let instructions = text.lines().find_map(|line| line.strip_prefix("summary: ")?.trim().parse().ok())?;
    let (mut allocations, mut callee) = (0, "");
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("cfn=") {
            callee = name;
        } else if let Some(calls) = line.strip_prefix("calls=")
            && ALLOCATORS.contains(&callee)
        {
            allocations += calls.split(' ').next()?.parse::<u64>().ok()?;
        }
    }
    Some([instructions, allocations])
}

/// The C library, whose copies of memory have a body for each processor.
fn libc() -> String {
    let output = Command::new("getconf").arg("GNU_LIBC_VERSION").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_string()).unwrap_or_default();
    if text.is_empty() { "unknown C library".into() } else { text }
}

/// A folder that goes when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        let path = env::temp_dir().join(format!("mercato-callgrind-{}", std::process::id()));
        fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left behind lies in the folder for temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A piece of what callgrind 3.19 writes.
    const OUTPUT: &str = "events: Ir\nsummary: 4638\n\nfn=mercato::work\n+3 20\ncfn=malloc\ncalls=2 3281 \n* 120\n\
                          cfn=_int_malloc\ncalls=7 1 \n* 9\ncfn=realloc\ncalls=5 3394 \n* 40\ntotals: 4638\n";

    #[test]
    fn the_flags_are_those_that_cargo_is_told() {
        let config: toml::Table = include_str!("../../../.cargo/config.toml").parse().expect("settings");
        let flags = config["build"]["rustflags"].as_array().expect("flags");
        let flags: Vec<&str> = flags.iter().filter_map(toml::Value::as_str).collect();
        assert_eq!(FLAGS, format!(", RUSTFLAGS {}", flags.join(" ")));
    }

    #[test]
    fn instructions_and_allocations_are_read() {
        assert_eq!(counted(OUTPUT), Some([4638, 7]));
        assert_eq!(counted("events: Ir\n"), None);
    }
}
