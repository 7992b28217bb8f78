//! What each kernel costs at given shapes, as counts that are the same on every machine, and whether they got worse.
//!
//! A table is text: a line that names the compiler, a line of headings, and a line for each case and kernel. Counts made
//! with another compiler are not compared. Fewer is better in every column.
use std::{collections::BTreeMap, fmt};

/// The columns, as the emulator names them.
pub const METRICS: [&str; 15] = [
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

/// Counts by case and kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The compiler, as the PTX names it.
    pub compiler: String,
    /// In the order of [`METRICS`].
    pub rows: BTreeMap<(String, String), [u64; METRICS.len()]>,
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
    /// Whether it is more than before, or no longer measured.
    pub fn is_worse(&self) -> bool {
        match (self.before, self.after) {
            (Some(before), Some(after)) => after > before,
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
        Table { compiler, rows: BTreeMap::new() }
    }

    /// The table in `text`.
    ///
    /// # Errors
    /// Names the line that is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut lines = text.lines();
        let compiler = lines.next().and_then(|line| line.strip_prefix("# ")).ok_or("line 1 names no compiler")?;
        let headings = format!("# case kernel {}", METRICS.join(" "));
        if lines.next() != Some(headings.as_str()) {
            return Err("line 2 has not the expected columns".into());
        }
        let mut rows = BTreeMap::new();
        for (at, line) in lines.enumerate() {
            let wrong = || format!("line {} is no row of counts", at + 3);
            let mut cells = line.split(' ');
            let (case, kernel) = (cells.next().ok_or_else(wrong)?, cells.next().ok_or_else(wrong)?);
            let counts: Vec<u64> = cells.map(|cell| cell.parse().map_err(|_| wrong())).collect::<Result<_, _>>()?;
            rows.insert((case.into(), kernel.into()), counts.try_into().map_err(|_| wrong())?);
        }
        Ok(Table { compiler: compiler.into(), rows })
    }

    /// What differs from `before`, or `None` when another compiler made it.
    pub fn changes(&self, before: &Table) -> Option<Vec<Change>> {
        if self.compiler != before.compiler {
            return None;
        }
        let mut keys: Vec<_> = self.rows.keys().chain(before.rows.keys()).collect();
        keys.sort();
        keys.dedup();
        let of = |table: &Table, key, at: usize| table.rows.get(key).map(|counts: &[u64; METRICS.len()]| counts[at]);
        let mut changes = Vec::new();
        for key in keys {
            for (at, metric) in METRICS.into_iter().enumerate() {
                let (before, after) = (of(before, key, at), of(self, key, at));
                if before != after {
                    changes.push(Change { kernel: key.1.clone(), case: key.0.clone(), metric, before, after });
                }
            }
        }
        Some(changes)
    }
}

impl Default for Table {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# {}", self.compiler)?;
        writeln!(f, "# case kernel {}", METRICS.join(" "))?;
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
        table.rows.insert(
            ("adam/1000".into(), "adam".into()),
            [1, instructions, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        );
        table
    }

    #[test]
    fn a_table_survives_its_text() {
        assert!(table(2).compiler.contains("V12.6.85"), "{}", table(2).compiler);
        assert_eq!(Table::parse(&table(2).to_string()), Ok(table(2)));
        assert!(Table::parse("# x\n").expect_err("no headings").contains("line 2"));
        assert!(Table::parse(&(table(2).to_string() + "adam/1 adam 2\n")).expect_err("short").contains("line 4"));
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
    }
}
