//! Walks worlds of the suite through the checker: `cargo run -p mercato-envs --example check -- rec/ pricing/yogurt-v1`.
//!
//! Takes ids and their beginnings; without any, all worlds. Exit code 1 when a promise is broken, 2 when nothing fits.
use mercato_envs::{ENVS, check};
use std::process::ExitCode;

fn main() -> ExitCode {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let fits = |id: &str| asked.is_empty() || asked.iter().any(|start| id.starts_with(start.as_str()));
    let (mut worlds, mut broken) = (0, 0);
    for entry in ENVS.iter().filter(|entry| fits(entry.id)) {
        worlds += 1;
        for finding in check::entry(entry) {
            broken += 1;
            println!("{}: {finding}", entry.id);
        }
    }
    eprintln!("{worlds} worlds, {broken} promises broken");
    ExitCode::from(if worlds == 0 { 2 } else { u8::from(broken > 0) })
}
