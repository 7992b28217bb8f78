//! Tells the program what it was built from: commit, compiler, profile, and a hash of everything that decides its bits.
use sha2::{Digest, Sha256};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// What decides the bits of a trial; reports are made from records and decide none.
const SOURCES: [&str; 6] = ["envs/src", "kernels/src", "kernels/ptx", "agents/src", "src", "Cargo.lock"];

fn main() {
    let mut files: Vec<PathBuf> = Vec::new();
    for source in SOURCES {
        println!("cargo::rerun-if-changed={source}");
        collect(Path::new(source), &mut files);
    }
    files.sort();
    let mut hash = Sha256::new();
    for file in &files {
        let content = std::fs::read(file).unwrap_or_default();
        hash.update(file.to_string_lossy().replace('\\', "/").as_bytes());
        hash.update((content.len() as u64).to_le_bytes());
        hash.update(&content);
    }
    set("FINGERPRINT", &hex(&hash.finalize())[..16]);
    set("LOCKFILE", &hex(&Sha256::digest(std::fs::read("Cargo.lock").unwrap_or_default())));
    let told = |name: &str| std::env::var(name).unwrap_or_default();
    set("PROFILE", &told("PROFILE"));
    println!("cargo::rerun-if-env-changed=CARGO_PROFILE_RELEASE_LTO");
    set("OTHER_LTO", &told("CARGO_PROFILE_RELEASE_LTO"));
    set("TARGET", &told("TARGET"));
    let flags = told("CARGO_ENCODED_RUSTFLAGS").replace('\x1f', " ");
    let flags = if flags.is_empty() { "no RUSTFLAGS".into() } else { format!("RUSTFLAGS {flags}") };
    set(
        "FLAGS",
        &format!("opt-level {}, target features {}, {flags}", told("OPT_LEVEL"), told("CARGO_CFG_TARGET_FEATURE")),
    );
    set("RUSTC", &output(&std::env::var("RUSTC").unwrap_or("rustc".into()), &["--version"]));
    println!("cargo::rerun-if-changed=.git/HEAD");
    println!("cargo::rerun-if-changed=.git/index");
    set("COMMIT", &output("git", &["rev-parse", "HEAD"]));
    // Without the lock it leaves the index as it is, whose change would have everything compiled again next time.
    let dirty = !output("git", &["--no-optional-locks", "status", "--porcelain", "--untracked-files=no"]).is_empty();
    set("DIRTY", if dirty { "true" } else { "false" });
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    if path.is_file() {
        files.push(path.into());
    }
    for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
        collect(&entry.path(), files);
    }
}

/// What `program` prints, or nothing when it is missing or fails: a source archive has no repository.
fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success());
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_string()).unwrap_or_default()
}

fn set(name: &str, value: &str) {
    println!("cargo::rustc-env=MERCATO_{name}={value}");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
