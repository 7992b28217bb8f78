//! `mercato doctor`.
use super::{Format, Output, print, print_json};
use anyhow::Result;
use clap::Args;
use mercato::{
    envs::golden::traced,
    kernels::{
        Cpu,
        cuda::{Survey, survey},
    },
    provenance,
};
use serde_json::{Value, json};
use std::process::{Command, ExitCode};

/// Options of `mercato doctor`.
#[derive(Args)]
pub struct Doctor {
    /// Also play every world and every modifier, and compare each bit with their first release; exit code 3 where one differs
    #[arg(long)]
    bits: bool,
    #[command(flatten)]
    output: Output,
}

/// Programs that extras need, and what for.
const TOOLS: [(&str, &str); 3] = [
    ("git", "the commit in the provenance"),
    ("python3", "the peers' benchmarks"),
    ("valgrind", "the counts of the processor's operations"),
];

/// Prints what the machine has.
pub fn run(command: &Doctor) -> Result<ExitCode> {
    let used = match Cpu::new() {
        Ok(cpu) => cpu.isa().name().to_string(),
        Err(error) => format!("none: {error}"),
    };
    let cuda = survey();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let detected = provenance::detected();
    let tools = TOOLS.map(|(name, purpose)| (name, purpose, version(name)));
    let bits = command.bits.then(Bits::compared).transpose()?;
    let code = bits.as_ref().map_or(ExitCode::SUCCESS, Bits::code);
    if command.output.format == Format::Json {
        let tools: Vec<_> = (tools.iter())
            .map(|(name, purpose, version)| json!({ "name": name, "for": purpose, "version": version }))
            .collect();
        let mut found = json!({
            "schema": 1,
            "version": env!("CARGO_PKG_VERSION"),
            "fingerprint": provenance::fingerprint(),
            "cores": cores,
            "isa": { "detected": detected, "used": used },
            "cuda": cuda_as_json(&cuda),
            "font": "bundled",
            "tools": tools,
        });
        if let Some(Bits { same, different }) = bits {
            found["bits"] = json!({ "same": same, "different": different });
        }
        return print_json(&found).map(|_| code);
    }
    let mut text = format!("mercato      {} (code {})\n", env!("CARGO_PKG_VERSION"), provenance::fingerprint());
    text += &format!("cores        {cores}\n");
    text += &format!("instructions {}; in use: {used} (MERCATO_ISA chooses)\n", detected.join(", "));
    text += &cuda_as_text(&cuda);
    text += "font         bundled\n";
    for (name, purpose, version) in &tools {
        text += &format!("{name:<12} {} (for {purpose})\n", version.as_deref().unwrap_or("not found"));
    }
    text += &bits.as_ref().map_or(String::new(), Bits::text);
    print(&text).map(|_| code)
}

/// What plays as in its first release, and what does not.
struct Bits {
    same: usize,
    different: Vec<&'static str>,
}

impl Bits {
    fn compared() -> Result<Bits> {
        let mut bits = Bits { same: 0, different: Vec::new() };
        for of in traced() {
            if of.repeats()? {
                bits.same += 1;
            } else {
                bits.different.push(of.name);
            }
        }
        Ok(bits)
    }
    fn code(&self) -> ExitCode {
        ExitCode::from(if self.different.is_empty() { 0 } else { 3 })
    }
    fn text(&self) -> String {
        let Bits { same, different } = self;
        match different[..] {
            [] => format!("bits         as ever in all {same} worlds and modifiers\n"),
            _ => format!("bits         as ever in {same} worlds and modifiers, not in {}\n", different.join(", ")),
        }
    }
}

fn cuda_as_json(cuda: &Survey) -> Value {
    let problem = |error: Option<&mercato::kernels::Error>| error.map(ToString::to_string);
    let (device, capability) = cuda.device.as_ref().ok().cloned().unzip();
    json!({
        "driver": cuda.driver.as_ref().ok().map(|driver| release(*driver)),
        "device": device,
        "capability": capability.map(dotted),
        "problem": problem(cuda.driver.as_ref().err().or(cuda.device.as_ref().err())),
        "cublas": { "found": cuda.cublas.is_ok(), "problem": problem(cuda.cublas.as_ref().err()) },
        "nvrtc": {
            "version": cuda.nvrtc.as_ref().ok().map(|version| dotted(*version)),
            "problem": problem(cuda.nvrtc.as_ref().err()),
        },
    })
}

fn cuda_as_text(cuda: &Survey) -> String {
    let none = |error: &mercato::kernels::Error| format!("none: {error}");
    let found = match (&cuda.driver, &cuda.device) {
        (Ok(driver), Ok((name, capability))) => {
            format!("{name}, compute capability {}; the driver is for CUDA {}", dotted(*capability), release(*driver))
        }
        (Err(error), _) | (_, Err(error)) => none(error),
    };
    let cublas = cuda.cublas.as_ref().map_or_else(none, |()| "found (for --math fast)".into());
    let nvrtc = |version: &(i32, i32)| format!("{} (for --kernels nvrtc)", dotted(*version));
    let nvrtc = cuda.nvrtc.as_ref().map_or_else(none, nvrtc);
    format!("cuda         {found}\ncublas       {cublas}\nnvrtc        {nvrtc}\n")
}

fn dotted((major, minor): (i32, i32)) -> String {
    format!("{major}.{minor}")
}

/// As drivers tell it: 1000 · major + 10 · minor.
fn release(version: i32) -> String {
    dotted((version / 1000, version % 1000 / 10))
}

fn version(program: &str) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).lines().next()?.trim().to_string();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_with_other_bits_is_named_and_ends_with_3() {
        let good = Bits { same: 2, different: vec![] };
        let bad = Bits { same: 1, different: vec!["classic/chain-v1"] };
        assert_eq!((good.code(), bad.code()), (ExitCode::SUCCESS, ExitCode::from(3)));
        assert!(bad.text().contains("not in classic/chain-v1") && !good.text().contains("not in"));
    }
}
