//! Every opcode, from hand-written PTX, against numbers from the manual or worked by hand; and that no opcode of the
//! shipped kernels lacks such a test.
mod collective;
mod control;
mod convert;
mod float;
mod integer;
mod memory;

use super::{Launch, Options, run};
use crate::counts::Counts;
use crate::memory::Memory;
use crate::ptx::parse;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// A case: an instruction with sources `1`, `2`, `3` and result `0` of some register file, and rows of the three sources
/// and the result as bits. `%r` are 32 bits, `%rd` 64, `%h` 16, `%f` and `%d` floats, `%p` predicates (not 0).
type Case = (&'static str, &'static [[u64; 4]]);

/// Fills the registers of [`Case`] from memory, a row per lane; `RESULT` becomes the instruction and the store.
const FRAME: &str = "
.version 7.0
.target sm_75
.address_size 64
.visible .entry case(.param .u64 input, .param .u64 output)
{
    .reg .pred %p<4>; .reg .b16 %h<4>; .reg .b32 %r<5>; .reg .f32 %f<4>; .reg .b64 %rd<9>; .reg .f64 %d<4>;
    ld.param.u64 %rd4, [input];
    ld.param.u64 %rd5, [output];
    mov.u32 %r4, %tid.x;
    mul.wide.u32 %rd6, %r4, 32;
    add.s64 %rd7, %rd4, %rd6;
    add.s64 %rd8, %rd5, %rd6;
    ld.global.u64 %rd1, [%rd7];
    ld.global.u64 %rd2, [%rd7+8];
    ld.global.u64 %rd3, [%rd7+16];
    cvt.u32.u64 %r1, %rd1; cvt.u32.u64 %r2, %rd2; cvt.u32.u64 %r3, %rd3;
    mov.b32 %f1, %r1; mov.b32 %f2, %r2; mov.b32 %f3, %r3;
    mov.b64 %d1, %rd1; mov.b64 %d2, %rd2; mov.b64 %d3, %rd3;
    cvt.u16.u64 %h1, %rd1; cvt.u16.u64 %h2, %rd2; cvt.u16.u64 %h3, %rd3;
    setp.ne.s64 %p1, %rd1, 0; setp.ne.s64 %p2, %rd2, 0; setp.ne.s64 %p3, %rd3, 0;
    mov.u64 %rd0, 0;
    RESULT
    ret;
}";

/// The module of a case.
fn module(instruction: &str) -> String {
    let first = instruction.split(';').next().unwrap_or_default();
    let store = match first.split('%').nth(1).unwrap_or_default() {
        result if result.starts_with("rd0") => "st.global.u64 [%rd8], %rd0;",
        result if result.starts_with("r0") => "cvt.u64.u32 %rd0, %r0; st.global.u64 [%rd8], %rd0;",
        result if result.starts_with("h0") => "cvt.u64.u16 %rd0, %h0; st.global.u64 [%rd8], %rd0;",
        result if result.starts_with("f0") => "st.global.f32 [%rd8], %f0; st.global.f32 [%rd8+4], 0f00000000;",
        result if result.starts_with("d0") => "st.global.f64 [%rd8], %d0;",
        _ => "selp.u64 %rd0, 1, 0, %p0; st.global.u64 [%rd8], %rd0;",
    };
    FRAME.replace("RESULT", &format!("{instruction}\n    {store}"))
}

/// A device with one kernel on it.
struct Bench {
    memory: Memory,
    counts: Counts,
    options: Options,
}

impl Bench {
    fn new() -> Self {
        Self { memory: Memory::default(), counts: Counts::default(), options: Options::default() }
    }

    /// An array on the device.
    fn upload(&mut self, words: &[u32]) -> u64 {
        let address = self.memory.allocate(4 * words.len() as u64);
        let bytes = self.memory.slice(address, 4 * words.len() as u64).unwrap();
        bytes.copy_from_slice(&words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>());
        address
    }

    fn download(&mut self, address: u64, words: usize) -> Vec<u32> {
        let bytes = self.memory.slice(address, 4 * words as u64).unwrap();
        bytes.chunks_exact(4).map(|bytes| u32::from_le_bytes(bytes.try_into().unwrap())).collect()
    }

    /// Runs the first kernel of a module with 64-bit arguments.
    fn run(&mut self, text: &str, grid: u32, block: u32, dynamic_shared: u32, arguments: &[u64]) -> Result<(), String> {
        let module = parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let launch = Launch {
            kernel: Arc::new(module.kernels[0].clone()),
            grid: [grid, 1, 1],
            block: [block, 1, 1],
            dynamic_shared,
            parameters: arguments.iter().flat_map(|argument| argument.to_le_bytes()).collect(),
            variables: module.variables.iter().map(|variable| self.variable(variable)).collect(),
        };
        run(&launch, &self.options, &mut self.memory, &mut self.counts)
    }

    fn variable(&mut self, variable: &crate::ptx::Variable) -> u64 {
        let address = self.memory.allocate(variable.size as u64);
        let bytes = self.memory.slice(address, variable.size as u64).unwrap();
        bytes[..variable.initial.len()].copy_from_slice(&variable.initial);
        address
    }
}

/// Runs cases and compares every row.
fn check(cases: &[Case]) {
    for (instruction, rows) in cases {
        assert!((1..=32).contains(&rows.len()), "{instruction}");
        let mut bench = Bench::new();
        let input: Vec<u32> = rows.iter().flatten().flat_map(|bits| [*bits as u32, (*bits >> 32) as u32]).collect();
        let (input, output) = (bench.upload(&input), bench.upload(&vec![0; 8 * rows.len()]));
        bench.run(&module(instruction), 1, rows.len() as u32, 0, &[input, output]).unwrap();
        let words = bench.download(output, 8 * rows.len());
        for (index, row) in rows.iter().enumerate() {
            let result = u64::from(words[8 * index]) | u64::from(words[8 * index + 1]) << 32;
            let [a, b, c, expected] = row;
            assert_eq!(result, *expected, "{instruction} of {a:#x}, {b:#x}, {c:#x}: {result:#x}, not {expected:#x}");
        }
    }
}

/// The opcodes of a module.
fn opcodes(text: &str) -> BTreeSet<String> {
    let module = parse(text).unwrap_or_else(|error| panic!("{error}"));
    module.kernels.iter().flat_map(|kernel| &kernel.code).map(|instruction| instruction.opcode.to_string()).collect()
}

/// The opcodes that the tests of this folder execute.
fn tested() -> BTreeSet<String> {
    let tables = [integer::CASES, float::CASES, convert::CASES, collective::CASES];
    let cases = tables.into_iter().flatten().map(|(instruction, _)| module(instruction));
    let kernels = [memory::KERNELS, collective::KERNELS, control::KERNELS].into_iter().flatten();
    cases.chain(kernels.map(|kernel| kernel.to_string())).flat_map(|text| opcodes(&text)).collect()
}

#[test]
fn every_opcode_of_the_shipped_kernels_is_tested() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ptx");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        return println!("skipped: opcodes of the shipped kernels, because {} does not exist", folder.display());
    };
    let tested = tested();
    let mut missing = BTreeSet::new();
    for path in
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|end| end == "ptx"))
    {
        let found = opcodes(&std::fs::read_to_string(&path).unwrap());
        missing.extend(found.difference(&tested).cloned());
    }
    assert!(missing.is_empty(), "opcodes without a test: {missing:?}");
}
