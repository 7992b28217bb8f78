//! What each operation costs at given shapes, as counts that are the same in every run, and whether they got worse.
//!
//! A table is text: a line that names what made it, a line of headings, and a line for each case and kernel. Counts made
//! by something else are not compared. Fewer is better in every column but those that say how a launch is cut up.
use std::{collections::BTreeMap, fmt};

mod least;

pub use least::least;

/// What the emulator counts of a kernel, as it names it.
pub const METRICS: [&str; 17] = [
    "launches",
    "blocks",
    "warps",
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
/// What valgrind counts of an operation on the CPU.
pub const CPU_METRICS: [&str; 2] = ["instructions", "allocations"];

/// The change that is none, in thousandths. Instructions of the CPU depend a little on what else the program contains.
fn slack(metric: &str) -> u64 {
    if metric == "instructions" { 5 } else { 0 }
}

/// Counts by case and kernel. On the CPU the kernel is the instruction set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// What made it: compilers and tools with their versions.
    pub compiler: String,
    /// The columns, of [`METRICS`] or of [`CPU_METRICS`]; an older table has fewer of them.
    pub metrics: Vec<&'static str>,
    /// In the order of the columns.
    pub rows: BTreeMap<(String, String), Vec<u64>>,
}

/// A count that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The kernel.
    pub kernel: String,
    /// The operation and its shape.
    pub case: String,
    /// Which count.
    pub metric: &'static str,
    /// What it was; `None` where the row is new.
    pub before: Option<u64>,
    /// What it is; `None` where the row is gone.
    pub after: Option<u64>,
}

impl Change {
    /// Whether it is more than before, or no longer measured. Another cut into blocks is neither worse nor better by itself.
    pub fn is_worse(&self) -> bool {
        match (self.before, self.after) {
            (Some(before), Some(after)) => after > before && !["blocks", "warps"].contains(&self.metric),
            (Some(_), None) => true,
            (None, _) => false,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |count: Option<u64>| count.map_or("nothing".into(), |count| count.to_string());
        let (before, after) = (count(self.before), count(self.after));
        write!(f, "{} in {}: {} was {before}, is {after}", self.kernel, self.case, self.metric)
    }
}

impl Table {
    /// A table without rows, for the compiler that made the shipped PTX.
    pub fn new() -> Self {
        let named = |ptx: &str| {
            ptx.lines()
                .find_map(|line| line.strip_prefix("// Cuda compilation").map(|rest| format!("Cuda compilation{rest}")))
        };
        let compiler = crate::cuda::MODULES.iter().find_map(|module| named(module.ptx)).unwrap_or_default();
        Table { compiler, metrics: METRICS.to_vec(), rows: BTreeMap::new() }
    }
    /// A table without rows, for instructions of the CPU counted by `compiler` and tools.
    pub fn cpu(compiler: String) -> Self {
        Table { compiler, metrics: CPU_METRICS.to_vec(), rows: BTreeMap::new() }
    }

    /// The table in `text`, of either kind.
    ///
    /// # Errors
    /// Names the line that is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut lines = text.lines();
        let compiler = lines.next().and_then(|line| line.strip_prefix("# ")).ok_or("line 1 says not what made it")?;
        let headings = lines.next().unwrap_or_default();
        let columns = headings.strip_prefix("# case kernel ").ok_or("line 2 has not the expected columns")?;
        let columns: Vec<&str> = columns.split(' ').collect();
        let chosen = |known: &[&'static str]| -> Option<Vec<&'static str>> {
            columns.iter().map(|column| known.iter().copied().find(|name| name == column)).collect()
        };
        let metrics = chosen(&METRICS).or_else(|| chosen(&CPU_METRICS)).ok_or("line 2 has not the expected columns")?;
        let mut rows = BTreeMap::new();
        for (at, line) in lines.enumerate() {
            let wrong = || format!("line {} is no row of {} counts", at + 3, metrics.len());
            let mut cells = line.split(' ');
            let (case, kernel) = (cells.next().ok_or_else(wrong)?, cells.next().ok_or_else(wrong)?);
            let counts: Vec<u64> = cells.map(|cell| cell.parse().map_err(|_| wrong())).collect::<Result<_, _>>()?;
            if counts.len() != metrics.len() {
                return Err(wrong());
            }
            rows.insert((case.into(), kernel.into()), counts);
        }
        Ok(Table { compiler: compiler.into(), metrics, rows })
    }

    /// A count of a kernel in a case, if the table has it.
    pub fn count(&self, case: &str, kernel: &str, metric: &str) -> Option<u64> {
        let at = self.metrics.iter().position(|known| *known == metric)?;
        self.rows.get(&(case.to_string(), kernel.to_string())).map(|counts| counts[at])
    }

    /// Warps of a block of `kernel`, the most of all cases; `None` when it is in none.
    pub fn warps_a_block(&self, kernel: &str) -> Option<u32> {
        let cases = self.rows.keys().filter(|(_, other)| other == kernel);
        let warps = cases.filter_map(|(case, _)| {
            let of = |metric| self.count(case, kernel, metric);
            of("warps")?.checked_div(of("blocks")?)
        });
        warps.max().and_then(|warps| u32::try_from(warps).ok())
    }

    /// What differs from `before` by more than the columns' slack, or `None` when something else made it.
    pub fn changes(&self, before: &Table) -> Option<Vec<Change>> {
        if self.compiler != before.compiler || self.metrics != before.metrics {
            return None;
        }
        let mut keys: Vec<_> = self.rows.keys().chain(before.rows.keys()).collect();
        keys.sort();
        keys.dedup();
        let of = |table: &Table, key, at: usize| table.rows.get(key).map(|counts: &Vec<u64>| counts[at]);
        let mut changes = Vec::new();
        for key in keys {
            for (at, metric) in self.metrics.iter().copied().enumerate() {
                let (before, after) = (of(before, key, at), of(self, key, at));
                let same = match (before, after) {
                    (Some(before), Some(after)) => before.abs_diff(after) * 1000 <= before * slack(metric),
                    _ => false,
                };
                if !same {
                    let (case, kernel) = key.clone();
                    changes.push(Change { kernel, case, metric, before, after });
                }
            }
        }
        Some(changes)
    }
}

fn heading(metrics: &[&str]) -> String {
    format!("# case kernel {}", metrics.join(" "))
}

impl Default for Table {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# {}", self.compiler)?;
        writeln!(f, "{}", heading(&self.metrics))?;
        for ((case, kernel), counts) in &self.rows {
            let counts: Vec<String> = counts.iter().map(u64::to_string).collect();
            writeln!(f, "{case} {kernel} {}", counts.join(" "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(instructions: u64) -> Table {
        let mut table = Table::new();
        let counts = vec![1, 2, 4, instructions, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
        table.rows.insert(("adam/1000".into(), "adam".into()), counts);
        table
    }

    fn cpu(instructions: u64, allocations: u64) -> Table {
        let mut table = Table::cpu("rustc 1; valgrind 3".into());
        table.rows.insert(("adam/1000".into(), "avx2".into()), vec![instructions, allocations]);
        table
    }

    #[test]
    fn a_table_survives_its_text() {
        assert!(table(2).compiler.contains("V12.6.85"), "{}", table(2).compiler);
        assert_eq!(Table::parse(&table(2).to_string()), Ok(table(2)));
        assert_eq!(Table::parse(&cpu(2, 0).to_string()), Ok(cpu(2, 0)));
        assert!(Table::parse("# x\n").expect_err("no headings").contains("line 2"));
        assert!(Table::parse(&(table(2).to_string() + "adam/1 adam 2\n")).expect_err("short").contains("line 4"));
        assert_eq!(table(2).count("adam/1000", "adam", "warp_instructions"), Some(2));
        assert_eq!(table(2).count("adam/1000", "adam", "allocations"), None);
        assert_eq!(table(2).warps_a_block("adam"), Some(2));
        assert_eq!(table(2).warps_a_block("choose"), None);
        let older = Table::parse("# x\n# case kernel launches warp_instructions\nadam/1 adam 1 7\n").expect("a table");
        assert_eq!(older.count("adam/1", "adam", "warp_instructions"), Some(7));
        assert_eq!(older.changes(&table(2)), None);
    }

    /// More is worse, less is not, a row that is gone is worse, and another compiler's counts say nothing.
    #[test]
    fn what_is_worse_is_named() {
        let changes = table(3).changes(&table(2)).expect("the same compiler");
        assert_eq!(changes[0].to_string(), "adam in adam/1000: warp_instructions was 2, is 3");
        assert!(changes.len() == 1 && changes[0].is_worse());
        assert!(!table(2).changes(&table(3)).expect("the same compiler")[0].is_worse());
        assert_eq!(table(2).changes(&table(2)), Some(vec![]));
        assert!(Table::new().changes(&table(2)).expect("the same compiler").iter().all(Change::is_worse));
        assert_eq!(table(2).changes(&Table { compiler: "other".into(), ..table(2) }), None);
        assert_eq!(table(2).changes(&cpu(2, 0)), None);
        let mut cut = table(2);
        cut.rows.values_mut().for_each(|counts| counts[1] = 4);
        assert!(cut.changes(&table(2)).expect("the same compiler").iter().all(|change| !change.is_worse()));
    }

    /// Half a percent more instructions are none, a little more are; of allocations every one counts.
    #[test]
    fn instructions_of_the_cpu_have_a_little_slack() {
        let changes =
            |instructions, allocations| cpu(instructions, allocations).changes(&cpu(1000, 2)).expect("the same");
        assert_eq!(changes(1005, 2), vec![]);
        assert_eq!(changes(995, 2), vec![]);
        assert_eq!(changes(1006, 2)[0].to_string(), "avx2 in adam/1000: instructions was 1000, is 1006");
        assert!(changes(1006, 2)[0].is_worse() && !changes(994, 2)[0].is_worse());
        assert_eq!(changes(1000, 3)[0].metric, "allocations");
    }
}
