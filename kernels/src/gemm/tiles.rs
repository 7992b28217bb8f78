//! The product in tiles that stay in registers, one text for both vector widths.
//!
//! The result is cut into panels of two vectors' columns, a panel into tiles of as many rows as registers hold. A tile
//! runs over the whole depth. Operands that a tile would read with a stride are packed first: `right` panel by panel,
//! so that its rows lie side by side and do not fight for the same cache sets, a transposed `left` tile by tile.
use super::{Matrix, Product, Start, lanes::Lanes};
use std::cell::RefCell;

/// A cache line: the packed operands start at one.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Line([f32; 16]);

thread_local! {
    /// The packed panel of `right` and the packed `left`, kept between calls.
    static PACKED: RefCell<(Vec<Line>, Vec<Line>)> = const { RefCell::new((Vec::new(), Vec::new())) };
}

/// Room for `len` numbers, of any content.
pub(super) fn room(lines: &mut Vec<Line>, len: usize) -> *mut f32 {
    if lines.len() * 16 < len {
        lines.resize(len.div_ceil(16), Line([0.0; 16]));
    }
    lines.as_mut_ptr().cast()
}

/// An operand as a tile reads it.
#[derive(Clone, Copy)]
pub(super) struct View {
    at: *const f32,
    strides: (usize, usize),
}

impl View {
    #[inline(always)]
    pub fn of(matrix: Matrix) -> View {
        View { at: matrix.numbers.as_ptr(), strides: matrix.strides }
    }
    /// Where its first element is.
    #[inline(always)]
    pub fn at(self) -> *const f32 {
        self.at
    }
    /// # Safety
    /// Element (i, j) is within the operand, or one past its end.
    #[inline(always)]
    pub unsafe fn seek(self, i: usize, j: usize) -> View {
        // SAFETY: the caller's.
        View { at: unsafe { self.at.add(i * self.strides.0 + j * self.strides.1) }, ..self }
    }
}

/// The columns that a panel has, with where its chains start and what is done at their end.
#[derive(Clone, Copy)]
struct Panel {
    depth: usize,
    columns: usize,
    right: View,
    /// Null for chains that start at +0.
    start: *const f32,
    relu: bool,
    out: *mut f32,
    /// Length of a row of the result.
    step: usize,
}

/// Computes the product into `out`.
///
/// # Safety
/// The machine has the vectors' instruction set; operands and result hold the elements that the product names.
#[inline(always)]
pub(super) unsafe fn run<V: Lanes>(product: &Product, out: &mut [f32]) {
    let (rows, depth) = (product.rows, product.depth);
    let (mut left, right) = (View::of(product.left), View::of(product.right));
    let start = match product.start {
        Start::Zero => std::ptr::null(),
        Start::Columns(numbers) => numbers.as_ptr(),
    };
    let (columns, relu, step) = (product.columns, product.relu, product.columns);
    let whole = Panel { depth, columns, right, start, relu, out: out.as_mut_ptr(), step };
    // Taken out and put back, because a closure would not be compiled for the instruction set.
    let (mut panel_room, mut left_room) = PACKED.take();
    // SAFETY: every place is within its operand, as the product promises.
    unsafe {
        // Fewer than four rows may go to `few_rows`, which reads `left` as it is.
        if rows >= 4 && left.strides.0 == 1 && left.strides.1 * depth >= 1 << 14 && columns > 2 * V::WIDTH {
            let packed = room(&mut left_room, rows * depth);
            pack_left::<V>(left, rows, depth, packed);
            left = View { at: packed, strides: (0, 0) };
        }
        let mut first = 0;
        while first < columns {
            let rest = columns - first;
            if rows < 4 && rest >= V::WIDTH && right.strides.1 == 1 {
                first += few_rows::<V>(left, rows, whole.columns(first, rest));
                continue;
            }
            let width = rest.min(2 * V::WIDTH);
            let mut panel = whole.columns(first, width);
            let is_whole = width.is_multiple_of(V::WIDTH);
            let mut packed = std::ptr::null_mut();
            if right.strides.1 != 1 || !is_whole || rows >= 2 * V::ROWS && right.strides.0 >= 128 {
                packed = room(&mut panel_room, depth * 2 * V::WIDTH);
                if right.strides.1 != 1 || height::<V>(rows) != V::ROWS {
                    pack_right::<V>(panel.right, depth, width, packed, 2 * V::WIDTH);
                    panel.right = View { at: packed, strides: (2 * V::WIDTH, 1) };
                    packed = std::ptr::null_mut();
                }
            }
            match (width > V::WIDTH, is_whole) {
                (true, true) => strip::<V, 2, true>(left, rows, panel, packed),
                (true, false) => strip::<V, 2, false>(left, rows, panel, packed),
                (false, true) => strip::<V, 1, true>(left, rows, panel, packed),
                (false, false) => strip::<V, 1, false>(left, rows, panel, packed),
            }
            first += width;
        }
    }
    PACKED.set((panel_room, left_room));
}

impl Panel {
    /// # Safety
    /// Column `first` is within the panel.
    #[inline(always)]
    unsafe fn columns(self, first: usize, columns: usize) -> Panel {
        // SAFETY: the caller's.
        unsafe {
            let start = if self.start.is_null() { self.start } else { self.start.add(first) };
            Panel { columns, right: self.right.seek(0, first), start, out: self.out.add(first), ..self }
        }
    }
}

/// How many rows the next tile takes when `left` are left. A rest of one or two rows has too few chains to hide the
/// latency of the multiplier, so 7 and 8 are cut into fours rather than into a 6 and a rest.
#[inline(always)]
fn height<V: Lanes>(left: usize) -> usize {
    match left {
        12.. if V::ROWS == 12 => 12,
        8.. if V::ROWS == 12 => 8,
        6 | 9.. if V::ROWS == 6 => 6,
        4.. => 4,
        2.. => 2,
        _ => 1,
    }
}

/// A panel of N vectors' columns, the last of them whole or not, tile by tile. Where `packed` is not null, the first
/// tile packs the panel while it reads it, which costs nothing beside its products.
///
/// # Safety
/// As for [`run`]. Strides (0, 0) of `left` mean that it is packed; `packed` has room for the panel, and then the
/// first tile is of the largest height.
#[inline(always)]
unsafe fn strip<V: Lanes, const N: usize, const WHOLE: bool>(
    left: View,
    rows: usize,
    mut panel: Panel,
    packed: *mut f32,
) {
    let null = std::ptr::null_mut();
    // SAFETY: tiles stay within `rows` rows and the panel's columns.
    unsafe {
        let mut i = 0;
        while i < rows {
            let height = height::<V>(rows - i);
            let left = if left.strides == (0, 0) {
                View { at: left.at.add(i * panel.depth), strides: (1, height) }
            } else {
                left.seek(i, 0)
            };
            let out = panel.out.add(i * panel.step);
            if i == 0 && !packed.is_null() {
                match V::ROWS {
                    12 => tile::<V, 12, N, WHOLE, true>(left, panel, out, packed),
                    _ => tile::<V, 6, N, WHOLE, true>(left, panel, out, packed),
                }
                panel.right = View { at: packed, strides: (2 * V::WIDTH, 1) };
                i = V::ROWS;
                continue;
            }
            match height {
                12 if V::ROWS == 12 => tile::<V, 12, N, WHOLE, false>(left, panel, out, null),
                8 if V::ROWS == 12 => tile::<V, 8, N, WHOLE, false>(left, panel, out, null),
                6 if V::ROWS == 6 => tile::<V, 6, N, WHOLE, false>(left, panel, out, null),
                4 => tile::<V, 4, N, WHOLE, false>(left, panel, out, null),
                2 => tile::<V, 2, N, WHOLE, false>(left, panel, out, null),
                _ => tile::<V, 1, N, WHOLE, false>(left, panel, out, null),
            }
            i += height;
        }
    }
}

/// The first columns of a few rows, one row at a time with as many vectors side by side as hide the latency; returns how
/// many columns those are.
///
/// # Safety
/// As for [`run`]. The panel has at least one vector, and `right` is not transposed.
#[inline(always)]
unsafe fn few_rows<V: Lanes>(left: View, rows: usize, panel: Panel) -> usize {
    let vectors = match panel.columns / V::WIDTH {
        8.. => 8,
        4.. => 4,
        _ => 1,
    };
    for i in 0..rows {
        // SAFETY: so many vectors lie within the panel's columns.
        unsafe {
            let (left, out) = (left.seek(i, 0), panel.out.add(i * panel.step));
            match vectors {
                8 => tile::<V, 1, 8, true, false>(left, panel, out, std::ptr::null_mut()),
                4 => tile::<V, 1, 4, true, false>(left, panel, out, std::ptr::null_mut()),
                _ => tile::<V, 1, 1, true, false>(left, panel, out, std::ptr::null_mut()),
            }
        }
    }
    vectors * V::WIDTH
}

/// M rows of N vectors: every chain in a register from its start to its end.
///
/// # Safety
/// As for [`run`]; `left` is the tile's first row, `out` its first number; `packed` has room for the panel if the tile
/// `PACKS` it, else the panel can be read in whole vectors.
#[inline(always)]
unsafe fn tile<V: Lanes, const M: usize, const N: usize, const WHOLE: bool, const PACKS: bool>(
    left: View,
    panel: Panel,
    out: *mut f32,
    mut packed: *mut f32,
) {
    // SAFETY: the caller's; lanes beyond the columns are masked off.
    unsafe {
        let mask = V::first(if WHOLE { V::WIDTH } else { panel.columns - (N - 1) * V::WIDTH });
        let mut chains = [[V::splat(0.0); N]; M];
        if !panel.start.is_null() {
            for n in 0..N {
                let at = panel.start.add(n * V::WIDTH);
                let start = if WHOLE || n + 1 < N { V::load(at) } else { V::load_part(at, mask) };
                for row in &mut chains {
                    row[n] = start;
                }
            }
        }
        let (mut a, mut b) = (left.at, panel.right.at);
        for _ in 0..panel.depth {
            let mut columns = [V::splat(0.0); N];
            for (n, column) in columns.iter_mut().enumerate() {
                let at = b.add(n * V::WIDTH);
                *column = if WHOLE || n + 1 < N || !PACKS { V::load(at) } else { V::load_part(at, mask) };
                if PACKS {
                    column.store(packed.add(n * V::WIDTH));
                }
            }
            if PACKS {
                packed = packed.add(2 * V::WIDTH);
            }
            for (m, row) in chains.iter_mut().enumerate() {
                let factor = V::splat(*a.add(m * left.strides.0));
                for (chain, column) in row.iter_mut().zip(columns) {
                    *chain = chain.add_product(factor, column);
                }
            }
            a = a.add(left.strides.1);
            b = b.add(panel.right.strides.0);
        }
        for (m, row) in chains.into_iter().enumerate() {
            for (n, chain) in row.into_iter().enumerate() {
                let result = if panel.relu { chain.relu() } else { chain };
                let at = out.add(m * panel.step + n * V::WIDTH);
                if WHOLE || n + 1 < N { result.store(at) } else { result.store_part(at, mask) }
            }
        }
    }
}

/// Tile by tile, each with its rows side by side: what a tile reads in one step is contiguous.
///
/// # Safety
/// `left` has `rows` × `depth` elements, `packed` room for as many.
#[inline(always)]
unsafe fn pack_left<V: Lanes>(left: View, rows: usize, depth: usize, packed: *mut f32) {
    let mut i = 0;
    while i < rows {
        let height = height::<V>(rows - i);
        for k in 0..depth {
            // SAFETY: the caller's; rows of a transposed operand lie side by side.
            unsafe {
                let (from, to) = (left.seek(i, k).at, packed.add(i * depth + k * height));
                match height {
                    12 => to.cast::<[f32; 12]>().write(from.cast::<[f32; 12]>().read()),
                    8 => to.cast::<[f32; 8]>().write(from.cast::<[f32; 8]>().read()),
                    6 => to.cast::<[f32; 6]>().write(from.cast::<[f32; 6]>().read()),
                    4 => to.cast::<[f32; 4]>().write(from.cast::<[f32; 4]>().read()),
                    _ => (0..height).for_each(|m| to.add(m).write(from.add(m).read())),
                }
            }
        }
        i += height;
    }
}

/// The panel's rows side by side, `step` apart, whether `right` is transposed or not; what is beyond its columns may be
/// any number.
///
/// # Safety
/// `right` has `depth` × `columns` elements, `packed` room for `depth` rows of `step`, at least `columns` and a multiple of
/// the vectors' width.
#[inline(always)]
pub(super) unsafe fn pack_right<V: Lanes>(right: View, depth: usize, columns: usize, packed: *mut f32, step: usize) {
    // SAFETY: the caller's; lanes beyond the columns are masked off.
    unsafe {
        if right.strides.1 == 1 {
            let (vectors, lanes) = (columns / V::WIDTH, columns % V::WIDTH);
            let mask = V::first(if lanes == 0 { V::WIDTH } else { lanes });
            for k in 0..depth {
                let (from, to) = (right.seek(k, 0).at, packed.add(k * step));
                for n in 0..vectors {
                    V::load(from.add(n * V::WIDTH)).store(to.add(n * V::WIDTH));
                }
                if lanes > 0 {
                    V::load_part(from.add(vectors * V::WIDTH), mask).store(to.add(vectors * V::WIDTH));
                }
            }
        } else {
            pack_transposed(right, depth, columns, packed, step);
        }
    }
}

/// The rows of a transposed operand side by side, `step` apart.
///
/// # Safety
/// `from` has `depth` × `columns` elements, `packed` room for `depth` rows of `step`, at least `columns`.
#[inline(always)]
pub(super) unsafe fn pack_transposed(from: View, depth: usize, columns: usize, packed: *mut f32, step: usize) {
    // Blocks of 16 deep: as far as one cache line of `from` reaches.
    for first in (0..depth).step_by(16) {
        let last = depth.min(first + 16);
        let (whole_columns, whole_last) = (columns / 4 * 4, first + (last - first) / 4 * 4);
        // SAFETY: the caller's.
        unsafe {
            for j in (0..whole_columns).step_by(4) {
                for k in (first..whole_last).step_by(4) {
                    transpose(from.seek(k, j), packed.add(k * step + j), step);
                }
            }
            for j in 0..columns {
                for k in if j < whole_columns { whole_last } else { first }..last {
                    packed.add(k * step + j).write(*from.seek(k, j).at);
                }
            }
        }
    }
}

/// 4 × 4 elements of a transposed operand, to rows of length `step`.
///
/// # Safety
/// The elements can be read and written.
#[inline(always)]
unsafe fn transpose(right: View, to: *mut f32, step: usize) {
    use std::arch::x86_64::{
        _mm_loadu_ps, _mm_movehl_ps, _mm_movelh_ps, _mm_storeu_ps, _mm_unpackhi_ps, _mm_unpacklo_ps,
    };
    // SAFETY: the caller's; the instructions belong to every x86-64.
    unsafe {
        let (a, b) = (_mm_loadu_ps(right.at), _mm_loadu_ps(right.seek(0, 1).at));
        let (c, d) = (_mm_loadu_ps(right.seek(0, 2).at), _mm_loadu_ps(right.seek(0, 3).at));
        let (ab, cd) = (_mm_unpacklo_ps(a, b), _mm_unpacklo_ps(c, d));
        let (low, high) = (_mm_unpackhi_ps(a, b), _mm_unpackhi_ps(c, d));
        _mm_storeu_ps(to, _mm_movelh_ps(ab, cd));
        _mm_storeu_ps(to.add(step), _mm_movehl_ps(cd, ab));
        _mm_storeu_ps(to.add(2 * step), _mm_movelh_ps(low, high));
        _mm_storeu_ps(to.add(3 * step), _mm_movehl_ps(high, low));
    }
}
