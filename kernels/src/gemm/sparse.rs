//! The product when many numbers of `left` are 0, as they are behind a ReLU: the others alone are multiplied.
//!
//! A product that is ±0 changes a chain only where the chain is −0, which nothing but an underflow or a start of −0 leaves.
//! So where a −0 shows up, and where `right` is not finite, the whole chain decides: the bits are those of the dense form.
//! The depth is cut into blocks, so that the panel of `right` stays in the nearest cache; a chain waits in the result
//! from one block to the next.
use super::{
    Matrix, Product, Start,
    lanes::Lanes,
    tiles::{self, Line, View, pack_right, pack_transposed},
};
use std::cell::RefCell;

/// Depth of a block.
const DEPTH: usize = 64;
/// Vectors of a whole panel, as many chains as hide the latency of the multiplier; a last panel may have half as many.
const VECTORS: usize = 8;

/// 0, 1, 2, …: the places of a row that is taken whole.
const EVERY_PLACE: [u32; DEPTH] = {
    let mut places = [0; DEPTH];
    let mut k = 0;
    while k < DEPTH {
        places[k] = k as u32;
        k += 1;
    }
    places
};

/// What a block of the product works on, kept between calls.
#[derive(Default)]
struct Room {
    /// The panel of `right`, its rows side by side.
    panel: Vec<Line>,
    /// The block of `left` when that is transposed, row by row.
    rows: Vec<f32>,
    /// Row by row: the numbers that are not 0, where they are, and how many.
    numbers: Vec<f32>,
    places: Vec<u32>,
    counts: Vec<usize>,
}

thread_local! {
    static ROOM: RefCell<Room> = RefCell::default();
}

/// Some numbers of a row of `left`, in order: `numbers[c]` belongs to row `places[c]` of the panel.
#[derive(Clone, Copy)]
struct Chosen {
    numbers: *const f32,
    places: *const u32,
    count: usize,
}

/// Whether the product is of a shape that gains, and enough of `left` is 0.
///
/// # Safety
/// The machine has the vectors' instruction set.
#[inline(always)]
pub(super) unsafe fn gains<V: Lanes>(product: &Product) -> bool {
    let Product { rows, depth, columns, left: Matrix { numbers, strides }, .. } = *product;
    let contiguous = strides == (depth, 1) || strides == (1, rows);
    if !contiguous || rows < 16 || depth < 32 || columns < 64 || !columns.is_multiple_of(VECTORS / 2 * V::WIDTH) {
        return false;
    }
    let numbers = &numbers[..rows * depth];
    let mut zeros = 0;
    for vector in numbers.chunks_exact(V::WIDTH) {
        // SAFETY: the caller's.
        zeros += unsafe { V::load(vector.as_ptr()).zeros() };
    }
    // Fewer zeros than a third do not pay for finding them.
    3 * zeros > numbers.len()
}

/// Computes the product into `out`.
///
/// # Safety
/// The machine has the vectors' instruction set; operands and result hold the elements that the product names; the product
/// [`gains`].
#[inline(always)]
pub(super) unsafe fn run<V: Lanes>(product: &Product, out: &mut [f32]) {
    let Product { rows, depth, columns, start, relu, .. } = *product;
    // Taken out and put back, because a closure would not be compiled for the instruction set.
    let mut room = ROOM.take();
    room.fit(rows, V::WIDTH);
    let panel = tiles::room(&mut room.panel, DEPTH * VECTORS * V::WIDTH);
    for block in (0..depth).step_by(DEPTH) {
        let deep = if depth - block < DEPTH { depth - block } else { DEPTH };
        // SAFETY: every place is within its operand, as the product promises, or within the room.
        unsafe {
            let lines = room.lines(product, block, deep);
            for i in 0..rows {
                let (numbers, places) = (room.numbers.as_mut_ptr(), room.places.as_mut_ptr());
                room.counts[i] = compress::<V>(lines, i, deep, numbers.add(i * DEPTH), places.add(i * DEPTH));
            }
            let mut first = 0;
            while first < columns {
                let vectors = if columns - first < VECTORS * V::WIDTH { VECTORS / 2 } else { VECTORS };
                let width = vectors * V::WIDTH;
                let right = View::of(product.right).seek(block, first);
                pack_right::<V>(right, deep, width, panel, width);
                let strip = Strip {
                    rows,
                    deep,
                    lines,
                    start: match start {
                        _ if block > 0 => Before::Result,
                        Start::Zero => Before::Zero,
                        Start::Columns(numbers) => Before::Columns(numbers.as_ptr().add(first)),
                    },
                    signed: !relu,
                    relu: relu && block + deep == depth,
                    out: out.as_mut_ptr().add(first),
                    step: columns,
                };
                if vectors == VECTORS {
                    strip.run::<V, VECTORS>(&room, panel);
                } else {
                    strip.run::<V, { VECTORS / 2 }>(&room, panel);
                }
                first += width;
            }
        }
    }
    ROOM.set(room);
}

impl Room {
    fn fit(&mut self, rows: usize, width: usize) {
        // The last vectors of a row's lists reach into the next row's, which is written later.
        let (cells, lists) = (rows * DEPTH, rows * DEPTH + width);
        self.rows.resize(cells, 0.0);
        self.numbers.resize(lists, 0.0);
        self.places.resize(lists, 0);
        self.counts.resize(rows, 0);
    }

    /// The rows of `left` within the block, each contiguous.
    ///
    /// # Safety
    /// As for [`run`].
    #[inline(always)]
    unsafe fn lines(&mut self, product: &Product, block: usize, deep: usize) -> Lines {
        // SAFETY: the caller's.
        unsafe {
            let left = View::of(product.left).seek(0, block);
            if product.left.strides.1 == 1 {
                return Lines { at: left.at(), step: product.left.strides.0 };
            }
            pack_transposed(left, product.rows, deep, self.rows.as_mut_ptr(), DEPTH);
            Lines { at: self.rows.as_ptr(), step: DEPTH }
        }
    }
}

/// Rows that lie `step` apart.
#[derive(Clone, Copy)]
struct Lines {
    at: *const f32,
    step: usize,
}

/// The numbers of row `i` that are not 0, and their places; returns how many.
///
/// # Safety
/// The row has `deep` numbers; there is room for as many, and a vector more.
#[inline(always)]
unsafe fn compress<V: Lanes>(lines: Lines, i: usize, deep: usize, numbers: *mut f32, places: *mut u32) -> usize {
    let mut count = 0;
    for k in (0..deep).step_by(V::WIDTH) {
        // SAFETY: the caller's; absent lanes are 0 and do not count.
        unsafe {
            let at = lines.at.add(i * lines.step + k);
            let rest = deep - k;
            let vector = if rest < V::WIDTH { V::load_part(at, V::first(rest)) } else { V::load(at) };
            count += vector.compress(k, numbers.add(count), places.add(count));
        }
    }
    count
}

/// What a block's chains continue.
#[derive(Clone, Copy)]
enum Before {
    /// +0.
    Zero,
    /// One number per column.
    Columns(*const f32),
    /// The block before.
    Result,
}

/// A panel's columns of a block.
#[derive(Clone, Copy)]
struct Strip {
    rows: usize,
    deep: usize,
    lines: Lines,
    start: Before,
    /// Whether the sign of a zero matters: not before a ReLU.
    signed: bool,
    relu: bool,
    out: *mut f32,
    /// Length of a row of the result.
    step: usize,
}

impl Strip {
    /// Every row in turn, N vectors of it.
    ///
    /// # Safety
    /// As for [`run`](run()); the room holds the panel and the block's lists.
    #[inline(always)]
    unsafe fn run<V: Lanes, const N: usize>(self, room: &Room, panel: *const f32) {
        // SAFETY: the caller's.
        unsafe {
            let finite = is_finite::<V, N>(panel, self.deep);
            for i in 0..self.rows {
                let out = self.out.add(i * self.step);
                let every = Chosen {
                    numbers: self.lines.at.add(i * self.lines.step),
                    places: EVERY_PLACE.as_ptr(),
                    count: self.deep,
                };
                let present = Chosen {
                    numbers: room.numbers.as_ptr().add(i * DEPTH),
                    places: room.places.as_ptr().add(i * DEPTH),
                    count: room.counts[i],
                };
                let before = self.before::<V, N>(out);
                let mut chains = add_products(before, if finite { present } else { every }, panel);
                if self.signed && finite && V::any_negative_zero(&chains) {
                    chains = add_products(before, every, panel);
                }
                for (n, chain) in chains.into_iter().enumerate() {
                    let result = if self.relu { chain.relu() } else { chain };
                    result.store(out.add(n * V::WIDTH));
                }
            }
        }
    }

    /// # Safety
    /// As for [`run`](Strip::run).
    #[inline(always)]
    unsafe fn before<V: Lanes, const N: usize>(self, out: *const f32) -> [V; N] {
        // SAFETY: the caller's.
        unsafe {
            let mut chains = [V::splat(0.0); N];
            let from = match self.start {
                Before::Zero => return chains,
                Before::Columns(numbers) => numbers,
                Before::Result => out,
            };
            for (n, chain) in chains.iter_mut().enumerate() {
                *chain = V::load(from.add(n * V::WIDTH));
            }
            chains
        }
    }
}

/// The chains with the products of the chosen numbers, in order.
///
/// # Safety
/// The places are rows of the panel.
#[inline(always)]
unsafe fn add_products<V: Lanes, const N: usize>(mut chains: [V; N], chosen: Chosen, panel: *const f32) -> [V; N] {
    for c in 0..chosen.count {
        // SAFETY: the caller's.
        unsafe {
            let factor = V::splat(*chosen.numbers.add(c));
            let row = panel.add(*chosen.places.add(c) as usize * N * V::WIDTH);
            for (n, chain) in chains.iter_mut().enumerate() {
                *chain = chain.add_product(factor, V::load(row.add(n * V::WIDTH)));
            }
        }
    }
    chains
}

/// Whether all numbers of `deep` rows of N vectors are finite: only then a product with 0 is 0.
///
/// # Safety
/// The rows can be read.
#[inline(always)]
unsafe fn is_finite<V: Lanes, const N: usize>(panel: *const f32, deep: usize) -> bool {
    // SAFETY: the caller's.
    unsafe {
        let zero = V::splat(0.0);
        let every = Chosen { numbers: [0.0; DEPTH].as_ptr(), places: EVERY_PLACE.as_ptr(), count: deep };
        let mut zeros = 0;
        for sum in add_products([zero; N], every, panel) {
            zeros += sum.zeros();
        }
        zeros == N * V::WIDTH
    }
}
