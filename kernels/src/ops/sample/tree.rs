//! The sum tree of the priorities: exact integers, so that every order of updates gives the same nodes.
use crate::{cpu::Cpu, dispatch::prefetch, memory::SumTree};
use envs::math;

/// The leaf of priority 1.
const ONE: u64 = 1 << 24;
/// The largest leaf.
const LARGEST: u64 = 1 << 40;
/// How many searches or updates go through the tree side by side, so that their cache misses overlap.
const TOGETHER: usize = 32;

/// round(priority^exponent · 2²⁴), from 1 to 2⁴⁰; 1 for NaN.
pub(super) fn leaf(priority: f32, exponent: f32) -> u64 {
    let scaled = f64::from(math::pow(priority, exponent)) * ONE as f64 + 0.5;
    (scaled as u64).clamp(1, LARGEST)
}

impl SumTree<Cpu> {
    /// The sum of all leaves.
    pub(super) fn total(&self) -> u64 {
        self.nodes[1]
    }
    /// The leaf of a cell.
    pub(super) fn leaf(&self, cell: usize) -> u64 {
        self.nodes[self.leaves + cell]
    }
    /// The largest leaf given so far, with which transitions enter.
    pub(super) fn entering(&self) -> u64 {
        if self.nodes[0] == 0 { ONE } else { self.nodes[0] }
    }

    /// Gives every one of the neighbouring `cells` its leaf.
    pub(super) fn fill(&mut self, cells: std::ops::Range<usize>, leaf: impl Fn(usize) -> Option<u64>) {
        let (mut first, mut last) = (self.leaves + cells.start, self.leaves + cells.end - 1);
        let mut changed = false;
        for cell in cells {
            if let Some(leaf) = leaf(cell) {
                changed |= self.nodes[self.leaves + cell] != leaf;
                self.nodes[self.leaves + cell] = leaf;
            }
        }
        while changed && first > 1 {
            (first, last) = (first / 2, last / 2);
            (first..=last).for_each(|node| self.add_children(node));
        }
    }

    /// Gives each of the `picks`, in order, the leaf at its position; a cell whose leaf is 0 keeps it, because its slot
    /// is being written.
    pub(super) fn update(&mut self, picks: &[u32], leaf: impl Fn(usize) -> u64) {
        let mut largest = self.entering();
        for (chunk, picks) in picks.chunks(TOGETHER).enumerate() {
            let mut nodes = [0; TOGETHER];
            let nodes = &mut nodes[..picks.len()];
            for (node, &pick) in nodes.iter_mut().zip(picks) {
                *node = self.leaves + pick as usize;
                prefetch(&self.nodes[*node]);
            }
            for (i, &node) in nodes.iter().enumerate() {
                if self.nodes[node] > 0 {
                    let leaf = leaf(chunk * TOGETHER + i);
                    self.nodes[node] = leaf;
                    largest = largest.max(leaf);
                }
            }
            for _ in 0..self.leaves.trailing_zeros() {
                for node in nodes.iter_mut() {
                    *node /= 2;
                    self.add_children(*node);
                }
            }
        }
        self.nodes[0] = largest;
    }

    fn add_children(&mut self, node: usize) {
        self.nodes[node] = self.nodes[2 * node] + self.nodes[2 * node + 1];
    }

    /// For each position i the cell whose leaf covers `point(i)`, below the total: leaf c covers the numbers from the
    /// sum of the leaves before it to that sum plus itself.
    pub(super) fn find(&self, cells: &mut [u32], mut point: impl FnMut(usize) -> u64) {
        for (chunk, cells) in cells.chunks_mut(TOGETHER).enumerate() {
            let mut places = [(1, 0); TOGETHER];
            let places = &mut places[..cells.len()];
            for (i, (_, rest)) in places.iter_mut().enumerate() {
                *rest = point(chunk * TOGETHER + i);
            }
            for _ in 0..self.leaves.trailing_zeros() {
                for (node, rest) in places.iter_mut() {
                    let left = self.nodes[2 * *node];
                    let right = *rest >= left;
                    *rest -= if right { left } else { 0 };
                    *node = 2 * *node + usize::from(right);
                    prefetch(&self.nodes[(2 * *node).min(self.nodes.len() - 1)]);
                }
            }
            for (cell, (node, _)) in cells.iter_mut().zip(places) {
                *cell = (*node - self.leaves) as u32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Device;
    use crate::testing::{plain, stream};

    fn tree(leaves: usize) -> SumTree<Cpu> {
        SumTree { leaves, nodes: plain().zeros(2 * leaves).unwrap() }
    }

    /// |TD| = (0.5, 2, 0, 1, 3), offset 0.01, α = 0.6: total and probabilities computed in f64.
    #[test]
    fn worked_numbers() {
        let mut tree = tree(8);
        let errors = [0.5, 2.0, 0.0, 1.0, 3.0f32];
        tree.fill(0..5, |_| Some(1));
        tree.update(&[0, 1, 2, 3, 4], |i| leaf(errors[i] + 0.01, 0.6));
        assert!((tree.total() as f64 / ONE as f64 - 5.194028432).abs() < 1e-6);
        let expected = [0.1285398483, 0.2926936576, 0.0121477453, 0.1936816613, 0.3729370874];
        for (cell, expected) in expected.into_iter().enumerate() {
            assert!((tree.leaf(cell) as f64 / tree.total() as f64 - expected).abs() < 1e-6);
        }
        let find = |shares: &[f64]| {
            let mut cells = vec![9; shares.len()];
            tree.find(&mut cells, |i| (shares[i] * tree.total() as f64) as u64);
            cells
        };
        assert_eq!(find(&[0.0, 0.1, 0.25, 0.5, 0.75, 0.999]), [0, 0, 1, 3, 4, 4]);
        assert_eq!(find(&[0.5 / 4.0, 1.1 / 4.0, 2.9 / 4.0, 3.3 / 4.0]), [0, 1, 4, 4]);
    }

    #[test]
    fn leaves_stay_in_their_range() {
        assert_eq!(leaf(1.0, 0.6), ONE);
        assert_eq!(leaf(0.0, 0.6), 1);
        assert_eq!(leaf(f32::NAN, 0.6), 1);
        assert_eq!(leaf(f32::INFINITY, 0.6), LARGEST);
        assert_eq!(leaf(0.0, 0.0), ONE);
    }

    /// Every node is the sum of its leaves after 10⁵ random updates, in blocks and one by one.
    #[test]
    fn sums_stay_exact() {
        let (mut tree, mut stream) = (tree(256), stream(1));
        let mut leaves = vec![0; 256];
        for _ in 0..2500 {
            let first = stream.below(200) as usize;
            let block = stream.below(1 << 20) as u64;
            let cells = first..first + 8;
            tree.fill(cells.clone(), |cell| (cell % 3 > 0).then_some(block));
            cells.filter(|cell| cell % 3 > 0).for_each(|cell| leaves[cell] = block);
            let picks: Vec<u32> = (0..40).map(|_| stream.below(256)).collect();
            let values: Vec<u64> = (0..40).map(|_| 1 + stream.word64() % LARGEST).collect();
            tree.update(&picks, |i| values[i]);
            for (&pick, &value) in picks.iter().zip(&values) {
                if leaves[pick as usize] > 0 {
                    leaves[pick as usize] = value;
                }
            }
        }
        let mut level = leaves;
        while !level.is_empty() {
            assert_eq!(tree.nodes[level.len()..2 * level.len()], level);
            level = if level.len() == 1 { vec![] } else { level.chunks(2).map(|pair| pair[0] + pair[1]).collect() };
        }
        assert!(tree.nodes[0] > LARGEST / 2);
    }

    /// Points at both edges of every leaf find it, and a leaf of 0 is never found.
    #[test]
    fn leaves_cover_their_numbers() {
        let (mut tree, mut stream) = (tree(64), stream(2));
        let leaves: Vec<u64> =
            (0..64).map(|_| if stream.bernoulli(0.3) { 0 } else { stream.word64() % 1000 }).collect();
        tree.fill(0..64, |cell| Some(leaves[cell]));
        let mut before = 0;
        for (cell, &leaf) in leaves.iter().enumerate().filter(|(_, leaf)| **leaf > 0) {
            let mut cells = [0; 2];
            tree.find(&mut cells, |i| if i == 0 { before } else { before + leaf - 1 });
            assert_eq!(cells, [cell as u32; 2]);
            before += leaf;
        }
        assert_eq!(before, tree.total());
    }
}
