//! What every kernel costs, in counts, against the table in `kernels/counts.txt`: exact, on any machine.
//!
//! A worse count fails and names case, kernel, count, before and after. A better one fails too and asks for
//! `UPDATE=1 cargo test -p mercato-kernels --test traffic`, so that the table never says less than what was gained. A table of
//! another compiler is not comparable, and says so. The counts come from the emulated driver: instructions and memory
//! requests, no times.
#[path = "traffic/cases.rs"]
mod cases;

use emulator::Snapshot;
use mercato_kernels::Cuda;
use std::{collections::BTreeMap, fmt::Write, path::PathBuf, sync::LazyLock};

/// The counts of the table. Less is better for each.
const COUNTS: [&str; 15] = [
    "launches",
    "warp_instructions",
    "thread_instructions",
    "fma_instructions",
    "global_load_requests",
    "global_load_sectors",
    "global_store_requests",
    "global_store_sectors",
    "shared_requests",
    "shared_wavefronts",
    "shared_ideal_wavefronts",
    "local_requests",
    "divergent_branches",
    "barriers",
    "atomics",
];

/// Counts of a kernel in a case.
type Table = BTreeMap<(String, String), [u64; COUNTS.len()]>;

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("counts.txt")
}

/// The compiler of the shipped PTX, as every file says it.
fn compiler() -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("ptx");
    let mut found: Vec<String> = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the PTX is there") {
        let text = std::fs::read_to_string(entry.expect("a file").path()).expect("PTX is text");
        let line = text.lines().find(|line| line.contains("compilation tools")).expect("PTX names its compiler");
        found.push(line.trim_start_matches("// ").into());
    }
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 1, "the PTX files are of several compilers: {found:?}");
    found.remove(0)
}

fn measured() -> Table {
    let _alone = emulator::alone();
    let device = Cuda::new().expect("the emulator is loaded");
    let mut table = Table::new();
    for (case, counts) in cases::run(&device) {
        for kernel in counts.kernels.keys() {
            table.insert((case.clone(), kernel.clone()), COUNTS.map(|name| counts.kernel(kernel, name)));
        }
    }
    table
}

/// Measured once for the tests that only look.
static MEASURED: LazyLock<Table> = LazyLock::new(measured);

fn text(table: &Table) -> String {
    let mut text = format!("# {}\n# case kernel {}\n", compiler(), COUNTS.join(" "));
    for ((case, kernel), counts) in table {
        let counts: Vec<String> = counts.iter().map(u64::to_string).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{case} {kernel} {}", counts.join(" "));
    }
    text
}

fn parsed(text: &str) -> Table {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let row = |line: &str| {
        let mut words = line.split(' ');
        let (case, kernel) = (words.next()?.into(), words.next()?.into());
        let counts: Option<Vec<u64>> = words.map(|word| word.parse().ok()).collect();
        Some(((case, kernel), counts?.try_into().ok()?))
    };
    lines.map(|line| row(line).unwrap_or_else(|| panic!("counts.txt: `{line}` is no row"))).collect()
}

/// Every difference in words, the worse ones first.
fn differences(before: &Table, after: &Table) -> (Vec<String>, Vec<String>) {
    let (mut worse, mut better) = (Vec::new(), Vec::new());
    for (key @ (case, kernel), after) in after {
        let Some(before) = before.get(key) else {
            worse.push(format!("{case}: kernel {kernel} is new"));
            continue;
        };
        for ((name, before), after) in COUNTS.iter().zip(before).zip(after) {
            let line = format!("{case}: kernel {kernel}: {name}: {before} before, {after} now");
            if after > before {
                worse.push(line);
            } else if after < before {
                better.push(line);
            }
        }
    }
    let gone = before.keys().filter(|key| !after.contains_key(key));
    better.extend(gone.map(|(case, kernel)| format!("{case}: kernel {kernel} is gone")));
    (worse, better)
}

#[test]
fn counts_are_those_of_the_table() {
    let measured = &*MEASURED;
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path(), text(measured)).expect("the table can be written");
        return;
    }
    let Ok(table) = std::fs::read_to_string(path()) else {
        panic!("{} is missing: UPDATE=1 writes it", path().display())
    };
    let compiler = format!("# {}", compiler());
    let first = table.lines().next().unwrap_or_default();
    assert_eq!(
        first, compiler,
        "not comparable: the table is of another compiler than the PTX; UPDATE=1 writes it anew"
    );
    let (worse, better) = differences(&parsed(&table), measured);
    assert!(worse.is_empty(), "counts are worse:\n{}", worse.join("\n"));
    assert!(better.is_empty(), "counts are better: write them down with UPDATE=1\n{}", better.join("\n"));
}

#[test]
fn two_runs_count_the_same() {
    assert_eq!(text(&MEASURED), text(&measured()));
}

#[test]
fn a_worse_count_is_named_with_both_numbers_and_a_better_one_is_no_worse() {
    let table = parsed("# compiler\nlinear/1x1x1 gemm 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15\n");
    let mut slower = table.clone();
    slower.values_mut().for_each(|counts| counts[5] = 60);
    let (worse, better) = differences(&table, &slower);
    assert_eq!(worse, ["linear/1x1x1: kernel gemm: global_load_sectors: 6 before, 60 now"]);
    assert!(better.is_empty());
    let (worse, better) = differences(&slower, &table);
    assert!(worse.is_empty() && better.len() == 1);
    assert_eq!(differences(&Table::new(), &table).0, ["linear/1x1x1: kernel gemm is new"]);
}

/// Kernels that read two rows of shared memory with two lanes, in the same bank: two passes instead of one, for the few
/// requests of one warp.
const CONFLICTS: [&str; 2] = ["td_summary", "linear_chosen_gradient"];

#[test]
fn no_kernel_spills_and_banks_are_free_of_conflicts() {
    for ((case, kernel), counts) in &*MEASURED {
        let of = |name: &str| counts[COUNTS.iter().position(|count| *count == name).expect("a count")];
        assert_eq!(of("local_requests"), 0, "{case} {kernel}: an array in local memory");
        let (wavefronts, ideal) = (of("shared_wavefronts"), of("shared_ideal_wavefronts"));
        let free = 100 * wavefronts <= 105 * ideal;
        assert_eq!(free, ideal == 0 || !CONFLICTS.contains(&&**kernel), "{case} {kernel}: {wavefronts} for {ideal}");
    }
}

/// Sectors of global memory against the least that can hold what must be read and written. The bound is 1.15: a row of
/// 100 numbers (400 bytes, 13 sectors) begins in the middle of a sector every second time, and the four requests of a warp
/// for it then touch three sectors twice.
#[test]
fn kernels_touch_hardly_more_sectors_than_they_must() {
    // Case, kernel, least sectors read and written.
    let least = [
        // 200,000 numbers, 8 in a sector; one sum for each of 25 chunks.
        ("adam/200000", "adam_norm", 25_000, 25),
        // Gradient, parameters, moments and target; all but the gradient written; 4 factors for each of 6250 warps.
        ("adam/200000", "adam", 5 * 25_000 + 4 * 6250, 4 * 25_000),
        // Two rows for each of 64 transitions; pick, and stage, reward, action and stage of 3 steps; 3 folded numbers.
        ("sample/uniform/64x100", "gather", 64 * (2 * 13 + 1 + 3 * 3), 64 * (2 * 13 + 3)),
        // A row of the chosen values; 6 single numbers; a row of the gradient and the error.
        ("td/256x100", "td", 256 * (13 + 6), 256 * (13 + 1)),
        // A row of values and the clock; the action.
        ("choose/256x100", "choose", 256 * (13 + 1), 256),
    ];
    for (case, kernel, read, written) in least {
        let counts = MEASURED.get(&(case.into(), kernel.into())).unwrap_or_else(|| panic!("{case} has no {kernel}"));
        let of = |name: &str| counts[COUNTS.iter().position(|count| *count == name).expect("a count")];
        let (loads, stores) = (of("global_load_sectors"), of("global_store_sectors"));
        assert!(100 * loads <= 115 * read, "{case} {kernel}: {loads} sectors read, {read} are the least");
        assert!(100 * stores <= 115 * written, "{case} {kernel}: {stores} sectors written, {written} are the least");
    }
}

/// Counts of one case.
type Counted = (String, Snapshot);
