//! Counts at a moment.
use std::collections::BTreeMap;

/// What kernels and the driver did, by name. What never happened counts 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// By kernel, by count: `launches`, `warp_instructions`, `global_load_sectors`, …
    pub kernels: BTreeMap<String, BTreeMap<String, u64>>,
    /// Calls of driver functions (`cuLaunchKernel`, …), `copies_to_device`, `bytes_to_host`, `live_bytes`, …
    pub driver: BTreeMap<String, u64>,
}

impl Snapshot {
    pub(crate) fn parse(text: &str) -> Self {
        let mut snapshot = Self::default();
        for line in text.lines() {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["kernel", kernel, count, value] => {
                    let counts = snapshot.kernels.entry(kernel.into()).or_default();
                    counts.insert(count.into(), value.parse().expect("a count is a number"));
                }
                ["driver", name, value] => {
                    snapshot.driver.insert(name.into(), value.parse().expect("a count is a number"));
                }
                _ => panic!("`{line}` is no count"),
            }
        }
        snapshot
    }

    /// A count of a kernel.
    pub fn kernel(&self, kernel: &str, count: &str) -> u64 {
        self.kernels.get(kernel).and_then(|counts| counts.get(count)).copied().unwrap_or_default()
    }

    /// A count of all kernels together.
    pub fn total(&self, count: &str) -> u64 {
        self.kernels.values().filter_map(|counts| counts.get(count)).sum()
    }

    /// A count of the driver.
    pub fn driver(&self, name: &str) -> u64 {
        self.driver.get(name).copied().unwrap_or_default()
    }
}
