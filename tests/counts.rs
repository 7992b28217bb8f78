//! `mercato kernels`: counts against those committed, what got worse, and their drawing.
use crate::{
    cli::{json, refused},
    support::{Folder, mercato},
};

/// A kernel that costs more is exit 3 and named with both counts; as many is good; other compilers are not compared; a
/// table that is not there is an error.
#[test]
fn kernels_that_got_worse_exit_3() {
    let folder = Folder::new();
    let table = include_str!("../kernels/counts.txt");
    let row = table.lines().find(|line| line.starts_with("adam/")).expect("adam is counted");
    let cells: Vec<&str> = row.split(' ').collect();
    let slower: u64 = cells[5].parse::<u64>().expect("a count") + 1;
    let worse = table.replace(row, &row.replacen(cells[5], &slower.to_string(), 1));
    let (same, worse) = (folder.file("same.tsv", table), folder.file("worse.tsv", &worse));
    let named = format!("{} in {}: warp_instructions was {}, is {slower}", cells[1], cells[0], cells[5]);
    refused(&["kernels", "check", "--measured", &worse], 3, &[&named]);
    let ran = mercato(&["kernels", "check", "--measured", &same], &[]);
    assert!(ran.code == 0 && ran.stdout.contains("as committed"), "{}", ran.stderr);
    let ran = mercato(&["kernels", "check", "--measured", &same, "--against", &worse], &[]);
    assert!(ran.code == 0 && ran.stdout.contains("better or new"), "{}", ran.stderr);
    let other = folder.file("other.tsv", &table.replacen("V12.6.85", "V13.0.0", 1));
    let ran = mercato(&["kernels", "check", "--measured", &other], &[]);
    assert!(ran.code == 0 && ran.stdout.contains("not comparable"), "{}", ran.stderr);
    refused(&["kernels", "check", "--measured", &same, "--against", "none.tsv"], 1, &["none.tsv"]);
    refused(&["kernels", "check", "--measured", &folder.file("none.tsv", "")], 1, &["none.tsv", "line 1"]);
    let listed = json(&mercato(&["kernels", "list", "--format", "json"], &[]));
    assert!(listed["kernels"].as_array().is_some_and(|kernels| kernels.len() > 30));
}

/// An operation of the CPU may take half a percent more instructions, and not one allocation more.
#[test]
fn operations_of_the_cpu_that_got_worse_exit_3() {
    let folder = Folder::new();
    let table = |instructions: u64, allocations: u64| {
        let text = format!(
            "# rustc 1; valgrind 3\n# case kernel instructions allocations\nadam/7114 cpu {instructions} {allocations}\n"
        );
        folder.file(&format!("{instructions}-{allocations}.txt"), &text)
    };
    let before = table(10_000, 0);
    let check = |after: &str| mercato(&["kernels", "check", "--measured", after, "--against", &before], &[]);
    for good in [table(10_000, 0), table(10_050, 0)] {
        let ran = check(&good);
        assert!(ran.code == 0 && ran.stdout.contains("cpu: 1 rows as committed"), "{} {}", ran.stdout, ran.stderr);
    }
    for (worse, named) in [
        (table(10_051, 0), "cpu in adam/7114: instructions was 10000, is 10051"),
        (table(10_000, 1), "cpu in adam/7114: allocations was 0, is 1"),
    ] {
        refused(&["kernels", "check", "--measured", &worse, "--against", &before], 3, &[named]);
    }
    assert!(check(&table(9_000, 0)).stdout.contains("UPDATE=1 writes kernels/instructions.txt"));
    // A debug build counts nothing, and says so.
    let ran = mercato(&["kernels", "check", "--only", "cpu"], &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("skipped: cpu because") || ran.stdout.contains("cpu: "), "{}", ran.stdout);
}

/// A panel for each kernel that is counted at two shapes or more.
#[test]
fn instructions_over_shapes_are_drawn() {
    let folder = Folder::new();
    let path = folder.path("kernels.svg");
    let ran = mercato(&["kernels", "list", "--chart", &path], &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let drawn = std::fs::read_to_string(&path).expect("a chart");
    assert!(drawn.contains("gemm_forward_32 in linear") && drawn.contains("adam_norm in adam"));
    refused(&["kernels", "list", "--chart", &folder.path("none/kernels.svg")], 1, &["none/kernels.svg"]);
}
