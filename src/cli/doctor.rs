//! `mercato doctor`.
use super::{Format, Output, print, print_json};
use anyhow::Result;
use clap::Args;
use mercato::{
    kernels::{Cpu, Cuda},
    provenance,
};
use serde_json::json;
use std::process::{Command, ExitCode};

/// Options of `mercato doctor`.
#[derive(Args)]
pub struct Doctor {
    #[command(flatten)]
    output: Output,
}

/// Programs that extras need, and what for.
const TOOLS: [(&str, &str); 2] = [("git", "the commit in the provenance"), ("python3", "the peers' benchmarks")];

/// Prints what the machine has.
pub fn run(command: &Doctor) -> Result<ExitCode> {
    let used = match Cpu::new() {
        Ok(cpu) => cpu.isa().name().to_string(),
        Err(error) => format!("none: {error}"),
    };
    let cuda = Cuda::new();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let detected = provenance::detected();
    let tools = TOOLS.map(|(name, purpose)| (name, purpose, version(name)));
    if command.output.format == Format::Json {
        let tools: Vec<_> = (tools.iter())
            .map(|(name, purpose, version)| json!({ "name": name, "for": purpose, "version": version }))
            .collect();
        return print_json(&json!({
            "schema": 1,
            "version": env!("CARGO_PKG_VERSION"),
            "fingerprint": provenance::fingerprint(),
            "cores": cores,
            "isa": { "detected": detected, "used": used },
            "cuda": { "device": cuda.as_ref().map(|cuda| cuda.name()).ok(), "problem": cuda.as_ref().err().map(ToString::to_string) },
            "font": "bundled",
            "tools": tools,
        }));
    }
    let mut text = format!("mercato      {} (code {})\n", env!("CARGO_PKG_VERSION"), provenance::fingerprint());
    text += &format!("cores        {cores}\n");
    text += &format!("instructions {}; in use: {used} (MERCATO_ISA chooses)\n", detected.join(", "));
    let found = cuda.map_or_else(|error| format!("none: {error}"), |cuda| cuda.name().to_string());
    text += &format!("cuda         {found}\n");
    text += "font         bundled\n";
    for (name, purpose, version) in &tools {
        text += &format!("{name:<12} {} (for {purpose})\n", version.as_deref().unwrap_or("not found"));
    }
    print(&text)
}

fn version(program: &str) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).lines().next()?.trim().to_string();
    (!text.is_empty()).then_some(text)
}
