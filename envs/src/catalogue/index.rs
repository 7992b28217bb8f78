//! The items with the largest inner products with a query, without looking at all: a tree of boxes.
//!
//! Items are halved again and again along the widest side of their box (Bentley 1975). No item of a box has a larger
//! score than Σ_j of the larger of q_j low_j and q_j high_j, so boxes are opened from the most promising on, and the
//! search ends when the next one cannot beat what was found: exact, or earlier with a budget.
use std::collections::BinaryHeap;

/// Items of a box that is not divided further, at most.
const LEAF: usize = 32;

/// A tree over `count` vectors. Memory: the vectors, an index each, and two corners for about each sixteenth.
#[derive(Clone, Debug)]
pub struct Index {
    dims: usize,
    /// Halvings from the whole to the leaves.
    depth: u32,
    /// Item of each place; a node's items lie side by side.
    items: Vec<u32>,
    /// Vectors in the order of `items`.
    vectors: Vec<f32>,
    /// Corners of the nodes, low then high; the children of node n are 2n + 1 and 2n + 2.
    corners: Vec<f32>,
}

/// Room for a search, which can be used again: the nodes that are open and the best items so far.
#[derive(Clone, Debug, Default)]
pub struct Search {
    open: BinaryHeap<Open>,
    best: Vec<(u32, f32)>,
}

/// A node, ordered by what its items can score at most.
#[derive(Clone, Copy, Debug)]
struct Open {
    bound: f32,
    node: usize,
    first: usize,
    last: usize,
}

impl Index {
    /// The tree over items 0..`count` of `dims` numbers, which `write` writes.
    pub fn new(count: usize, dims: usize, mut write: impl FnMut(u32, &mut [f32])) -> Self {
        let mut vectors = vec![0.0; count * dims];
        vectors.chunks_mut(dims).enumerate().for_each(|(item, vector)| write(item as u32, vector));
        let mut depth = 0;
        while count.div_ceil(1 << depth) > LEAF {
            depth += 1;
        }
        let mut items: Vec<u32> = (0..count as u32).collect();
        let mut corners = vec![0.0; ((2 << depth) - 1) * 2 * dims];
        divide(&vectors, dims, &mut items, &mut corners, (0, depth));
        let vectors = items.iter().flat_map(|&item| vectors[item as usize * dims..][..dims].iter().copied()).collect();
        Index { dims, depth, items, vectors, corners }
    }

    /// The `count` items with the largest scores, the largest first and lower items first among equals, after looking
    /// into at most `leaves` leaves of 32 items: exact if that was enough, and `usize::MAX` always is.
    pub fn top(&self, query: &[f32], count: usize, leaves: usize) -> Vec<(u32, f32)> {
        let mut search = Search::default();
        self.search(query, count, leaves, &mut search);
        search.best
    }

    /// Room for searches for `count` items: they then allocate nothing.
    pub fn room(&self, count: usize) -> Search {
        // Open nodes hold different leaves.
        Search { open: BinaryHeap::with_capacity((1 << self.depth) + 1), best: Vec::with_capacity(count + 1) }
    }

    /// As [`top`](Index::top), in a room that was used before.
    pub fn search<'a>(&self, query: &[f32], count: usize, leaves: usize, room: &'a mut Search) -> &'a [(u32, f32)] {
        let Search { open, best } = room;
        open.clear();
        best.clear();
        open.push(self.open(query, 0, 0, self.items.len()));
        let mut looked = 0;
        while let Some(Open { bound, node, first, last }) = open.pop() {
            if best.len() == count && bound < best[count - 1].1 || looked == leaves {
                break;
            }
            if node + 1 < 1 << self.depth {
                let middle = first + (last - first) / 2;
                open.push(self.open(query, 2 * node + 1, first, middle));
                open.push(self.open(query, 2 * node + 2, middle, last));
                continue;
            }
            looked += 1;
            for place in first..last {
                let vector = &self.vectors[place * self.dims..][..self.dims];
                let score = query.iter().zip(vector).fold(0.0, |sum, (q, e)| sum + q * e);
                let item = self.items[place];
                let better = |&(other, theirs): &(u32, f32)| theirs > score || theirs == score && other < item;
                let rank = best.partition_point(better);
                if rank < count {
                    best.insert(rank, (item, score));
                    best.truncate(count);
                }
            }
        }
        best
    }

    fn open(&self, query: &[f32], node: usize, first: usize, last: usize) -> Open {
        let (low, high) = self.corners[node * 2 * self.dims..][..2 * self.dims].split_at(self.dims);
        let bound = query.iter().zip(low.iter().zip(high)).fold(0.0, |sum, (q, (low, high))| {
            let (a, b) = (q * low, q * high);
            sum + if a > b { a } else { b }
        });
        Open { bound, node, first, last }
    }
}

/// Writes the corners of `node` and, `depth` times, halves its items.
fn divide(vectors: &[f32], dims: usize, items: &mut [u32], corners: &mut [f32], (node, depth): (usize, u32)) {
    let (low, high) = corners[node * 2 * dims..][..2 * dims].split_at_mut(dims);
    low.fill(f32::INFINITY);
    high.fill(f32::NEG_INFINITY);
    for &item in items.iter() {
        for (j, &x) in vectors[item as usize * dims..][..dims].iter().enumerate() {
            low[j] = if x < low[j] { x } else { low[j] };
            high[j] = if x > high[j] { x } else { high[j] };
        }
    }
    if depth == 0 {
        return;
    }
    let widest = (1..dims).fold(0, |best, j| if high[j] - low[j] > high[best] - low[best] { j } else { best });
    let middle = items.len() / 2;
    let along = |&item: &u32| (vectors[item as usize * dims + widest], item);
    items.select_nth_unstable_by(middle, |a, b| {
        let ((x, a), (y, b)) = (along(a), along(b));
        x.total_cmp(&y).then(a.cmp(&b))
    });
    let (left, right) = items.split_at_mut(middle);
    divide(vectors, dims, left, corners, (2 * node + 1, depth - 1));
    divide(vectors, dims, right, corners, (2 * node + 2, depth - 1));
}

impl Ord for Open {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.bound.total_cmp(&other.bound).then(other.node.cmp(&self.node))
    }
}

impl PartialOrd for Open {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Open {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Open {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalogue::{factored, hashed},
        math::cos64,
    };

    fn query(dims: usize, user: usize) -> Vec<f32> {
        (0..dims).map(|j| cos64(0.5 + 1.3 * j as f64 + 0.9 * (user * (j + 1)) as f64) as f32).collect()
    }

    /// The same items and scores as from all, whatever the number of items.
    #[test]
    fn nothing_is_missed() {
        for count in [1, 31, 33, 1000, 20_000] {
            let index = Index::new(count, hashed::DIMS, |item, row| row.copy_from_slice(&hashed::embedding(7, item)));
            for user in 0..5 {
                let query = query(hashed::DIMS, user);
                let mut all: Vec<(u32, f32)> =
                    (0..count as u32).map(|item| (item, hashed::score(7, &query, item))).collect();
                all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
                all.truncate(20);
                assert_eq!(index.top(&query, 20, usize::MAX), all, "{count} items, user {user}");
            }
        }
    }

    /// Structured items: the tree finds the scores that the factored catalogue knows, and more leaves never hurt.
    #[test]
    fn recall_grows_with_the_budget() {
        let dims = 4 * factored::DIMS;
        let index = Index::new(10_000, dims, factored::embedding);
        let query = query(dims, 3);
        let parts = factored::parts(&query);
        let best: Vec<f32> = factored::top(&parts, 50).iter().map(|&item| factored::score(&parts, item)).collect();
        let (mut before, mut recalls) = (vec![f32::NEG_INFINITY; 50], Vec::new());
        for leaves in [2, 8, 32, 128, 512] {
            let found: Vec<f32> = index.top(&query, 50, leaves).into_iter().map(|(_, score)| score).collect();
            assert!(found.iter().zip(&before).all(|(now, before)| now >= before), "{leaves} leaves");
            recalls.push(found.iter().zip(&best).filter(|(found, best)| (*found - *best).abs() < 1e-5).count());
            before = found;
        }
        assert_eq!(recalls[4], 50, "{recalls:?}");
        assert!(recalls[0] < 50, "{recalls:?}");
    }
}
