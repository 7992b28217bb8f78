//! What several modules need: the program, folders that vanish, committed files.
use std::{path::Path, process::Command};

/// What a run of the program brought.
pub struct Ran {
    /// Exit code.
    pub code: i32,
    /// What it printed as its result.
    pub stdout: String,
    /// What it said beside.
    pub stderr: String,
}

/// Runs the program, or the one that `MERCATO_BINARY` names: of another profile, say.
pub fn mercato(arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
    let program = std::env::var_os("MERCATO_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_mercato").into());
    let mut command = Command::new(program);
    command.args(arguments).env_remove("MERCATO_ISA").envs(variables.iter().copied());
    let output = command.output().expect("the program starts");
    Ran {
        code: output.status.code().expect("it ended by itself"),
        stdout: String::from_utf8(output.stdout).expect("text"),
        stderr: String::from_utf8(output.stderr).expect("text"),
    }
}

/// A folder that vanishes with the test.
pub struct Folder(pub tempfile::TempDir);

impl Folder {
    /// A new one.
    pub fn new() -> Self {
        Folder(tempfile::tempdir().expect("a temporary folder"))
    }
    /// The path of `name` in it, as an argument.
    pub fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }
    /// Writes a file and returns its path.
    pub fn file(&self, name: &str, text: &str) -> String {
        std::fs::write(self.0.path().join(name), text).expect("written");
        self.path(name)
    }
}

/// Compares `text` with the committed file `name`; with `UPDATE=1` writes it.
pub fn golden(name: &str, text: &str, what: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, text).expect("written");
    }
    let committed = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; UPDATE=1 cargo test writes it", path.display()));
    for (line, (now, then)) in text.lines().zip(committed.lines()).enumerate() {
        assert_eq!(now, then, "{what}: {name}, line {}", line + 1);
    }
    assert_eq!(text, committed, "{what}: {name}");
}
