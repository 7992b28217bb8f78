//! `mercato new-env NAME`: a crate with a world of one's own that compiles, to be changed.
use super::print;
use anyhow::{Context, Result};
use clap::Args;
use mercato::Error;
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Options of `mercato new-env`.
#[derive(Args)]
pub struct NewEnv {
    /// Its name: lower-case letters, digits and hyphens, such as corner-shop
    name: String,
    /// The folder to be made [default: NAME]
    #[arg(long)]
    out: Option<PathBuf>,
    /// Where mercato's sources are [default: where this program was built]
    #[arg(long, value_name = "FOLDER")]
    mercato: Option<PathBuf>,
}

/// The files of the crate, as they stand in the repository.
const FILES: [(&str, &str); 5] = [
    ("Cargo.toml", include_str!("../../examples/own_world/Cargo.toml")),
    ("src/lib.rs", include_str!("../../examples/own_world/src/lib.rs")),
    ("src/main.rs", include_str!("../../examples/own_world/src/main.rs")),
    ("tests/world.rs", include_str!("../../examples/own_world/tests/world.rs")),
    ("tests/trace.csv", include_str!("../../examples/own_world/tests/trace.csv")),
];

/// Writes the crate and says how to go on.
pub fn run(command: &NewEnv) -> Result<ExitCode> {
    let name = checked(&command.name)?;
    let sources = sources(command.mercato.as_deref())?;
    let folder = command.out.clone().unwrap_or_else(|| PathBuf::from(name));
    if folder.exists() {
        let problem = "it is there already; choose another folder with --out".into();
        return Err(Error::Spec { path: folder.display().to_string(), problem }.into());
    }
    let mut files: Vec<(PathBuf, String)> = FILES
        .iter()
        .map(|(path, text)| (folder.join(path), renamed(text, name).replace("../..", &sources.display().to_string())))
        .collect();
    // The same versions of everything, which are also on this disk already.
    let lock = sources.join("Cargo.lock");
    files.push((
        folder.join("Cargo.lock"),
        std::fs::read_to_string(&lock).with_context(|| format!("cannot read {}", lock.display()))?,
    ));
    for (path, text) in files {
        let parent = path.parent().unwrap_or(Path::new("."));
        let written = std::fs::create_dir_all(parent).and_then(|()| std::fs::write(&path, text));
        written.with_context(|| format!("cannot write {}", path.display()))?;
    }
    let folder = folder.display();
    print(&format!(
        "{folder}: a world that compiles, its page, its tests and its trace\n\n\
         cd {folder}\n\
         cargo run                # its page, what its policies earn, DQN in it, a report\n\
         cargo test               # mercato's checker, and the trace\n\n\
         Change src/lib.rs; `UPDATE=1 cargo test` writes the new trace.\n"
    ))
}

/// `name` if a crate, a type and an id can be made of it.
fn checked(name: &str) -> Result<&str> {
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_lowercase())
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    };
    if name.split('-').all(part) && !["test", "mercato", "core", "std", "alloc"].contains(&name) {
        return Ok(name);
    }
    let problem = "a name is words of lower-case letters and digits joined by hyphens, such as corner-shop".into();
    Err(Error::Spec { path: name.into(), problem }.into())
}

/// The folder of mercato's sources, which the crate depends on.
fn sources(given: Option<&Path>) -> Result<PathBuf> {
    let folder = given.unwrap_or(Path::new(env!("CARGO_MANIFEST_DIR")));
    if folder.join("envs/Cargo.toml").is_file() {
        return folder.canonicalize().with_context(|| format!("cannot find {}", folder.display()));
    }
    let problem = "mercato's sources are not there; say where they are with --mercato".into();
    Err(Error::Spec { path: folder.display().to_string(), problem }.into())
}

/// The template's names, in the three forms in which they stand, replaced by those of `name`.
fn renamed(text: &str, name: &str) -> String {
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    let camel: String = name.split('-').map(capital).collect();
    text.replace("own-world", name).replace("own_world", &name.replace('-', "_")).replace("OwnWorld", &camel)
}

#[cfg(test)]
mod tests {
    use super::*;
    use toml::{Table, Value};

    fn table<'a>(parent: &'a mut Table, key: &str) -> &'a mut Table {
        parent.get_mut(key).and_then(Value::as_table_mut).expect("a table")
    }

    fn development(manifest: &str) -> Table {
        let mut manifest: Table = manifest.parse().expect("a manifest");
        table(table(&mut manifest, "profile"), "dev").clone()
    }

    /// Else learning would be slower there, and even packages with the same features would be compiled again. A profile's own
    /// level is that of a workspace's members, which in the new crate are dependencies.
    #[test]
    fn the_crate_has_the_workspaces_development_profile() {
        let [new, mut workspace] = [FILES[0].1, include_str!("../../Cargo.toml")].map(development);
        let level = workspace["opt-level"].clone();
        let packages = table(&mut workspace, "package");
        packages.retain(|name, _| !name.starts_with("mercato-emulator"));
        for member in ["mercato", "mercato-envs", "mercato-kernels", "mercato-agents", "mercato-reports"] {
            packages
                .entry(member)
                .or_insert_with(|| Table::from_iter([("opt-level".to_string(), level.clone())]).into());
        }
        assert_eq!(new, workspace);
    }
}
