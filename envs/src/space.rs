//! Action spaces: two stored columns, read through a typed view.
//!
//! An action of any kind is stored as `items` (u32) and `reals` (f32), so that discrete, slate, continuous and hybrid
//! actions share one replay layout. A [`Space`] gives the typed view that `Env::step` receives; it is inlined away.
use crate::rng::Stream;
pub use number::{Form, Number};

mod number;

/// One stored action.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Indices: items, menu entries.
    pub items: &'a [u32],
    /// Real numbers: prices, bids.
    pub reals: &'a [f32],
}

/// One stored action, to be written.
#[derive(Debug)]
pub struct RowMut<'a> {
    /// Indices.
    pub items: &'a mut [u32],
    /// Real numbers.
    pub reals: &'a mut [f32],
}

/// How many words of each column one action takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Width {
    /// Words of the index column.
    pub items: usize,
    /// Words of the real column.
    pub reals: usize,
}

/// Why an action is outside its space.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Fault {
    /// An index at or beyond the number of alternatives.
    #[error("item {item} is out of range 0..{count}")]
    OutOfRange {
        /// The index given.
        item: u32,
        /// The number of alternatives.
        count: u32,
    },
    /// A slate that shows one item twice.
    #[error("item {0} is twice in the slate; slates are distinct")]
    Duplicate(u32),
    /// NaN or an infinity; finite numbers outside the box are clipped instead.
    #[error("real number {0} is {1}; it must be finite")]
    NotFinite(usize, f32),
}

/// The run-time description of a space: for checkers, bindings and network heads, never for the hot loop.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// One of `n` alternatives.
    Discrete(u32),
    /// An ordered choice of `slots` distinct items out of `candidates`.
    Slate {
        /// Number of items to choose from.
        candidates: u32,
        /// Number of places.
        slots: usize,
    },
    /// A box of real numbers: `[low, high]` for each.
    Continuous(Vec<[f32; 2]>),
    /// Several at once, such as an item and its price.
    Product(Vec<Shape>),
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Shape::Discrete(n) => write!(f, "one of {n}"),
            Shape::Slate { candidates, slots } => write!(f, "slate of {slots} out of {candidates}"),
            Shape::Continuous(bounds) => {
                let bounds: Vec<String> = bounds.iter().map(|[low, high]| format!("[{low}, {high}]")).collect();
                write!(f, "{}", bounds.join(" × "))
            }
            Shape::Product(parts) => {
                let parts: Vec<String> = parts.iter().map(Shape::to_string).collect();
                write!(f, "{}", parts.join(" and "))
            }
        }
    }
}

/// A set of actions: a typed view of a [`Row`].
pub trait Space: Send + Sync {
    /// What `Env::step` receives.
    type Elem<'a>: Copy;
    /// Words of each column that one action takes.
    fn width(&self) -> Width;
    /// Whether `row` belongs to the space; finite reals outside the box do, they are clipped when read.
    fn check(&self, row: Row<'_>) -> Result<(), Fault>;
    /// The typed view of a row that passed [`check`](Space::check).
    fn read<'a>(&self, row: Row<'a>) -> Self::Elem<'a>;
    /// A uniform draw: items equally likely, slates as uniform ordered tuples, reals uniform on their interval.
    fn sample(&self, stream: &mut Stream, row: RowMut<'_>);
    /// The run-time description.
    fn shape(&self) -> Shape;
}

/// One of `n` alternatives.
#[derive(Clone, Copy, Debug)]
pub struct Discrete(pub u32);

impl Space for Discrete {
    type Elem<'a> = u32;
    fn width(&self) -> Width {
        Width { items: 1, reals: 0 }
    }
    #[inline]
    fn check(&self, row: Row<'_>) -> Result<(), Fault> {
        in_range(row.items[0], self.0)
    }
    #[inline]
    fn read<'a>(&self, row: Row<'a>) -> u32 {
        row.items[0]
    }
    fn sample(&self, stream: &mut Stream, row: RowMut<'_>) {
        row.items[0] = stream.below(self.0);
    }
    fn shape(&self) -> Shape {
        Shape::Discrete(self.0)
    }
}

/// An ordered choice of `slots` distinct items out of `candidates`.
#[derive(Clone, Copy, Debug)]
pub struct Slate {
    /// Number of items to choose from.
    pub candidates: u32,
    /// Number of places; at most `candidates`.
    pub slots: usize,
}

impl Space for Slate {
    type Elem<'a> = &'a [u32];
    fn width(&self) -> Width {
        Width { items: self.slots, reals: 0 }
    }
    #[inline]
    fn check(&self, row: Row<'_>) -> Result<(), Fault> {
        for (place, &item) in row.items.iter().enumerate() {
            in_range(item, self.candidates)?;
            if row.items[..place].contains(&item) {
                return Err(Fault::Duplicate(item));
            }
        }
        Ok(())
    }
    #[inline]
    fn read<'a>(&self, row: Row<'a>) -> &'a [u32] {
        row.items
    }
    fn sample(&self, stream: &mut Stream, row: RowMut<'_>) {
        for place in 0..self.slots {
            // Rejection is uniform over ordered tuples and needs no memory for the candidates.
            row.items[place] = loop {
                let item = stream.below(self.candidates);
                if !row.items[..place].contains(&item) {
                    break item;
                }
            };
        }
    }
    fn shape(&self) -> Shape {
        Shape::Slate { candidates: self.candidates, slots: self.slots }
    }
}

/// A box of `D` real numbers, such as prices: `[low, high]` for each.
#[derive(Clone, Copy, Debug)]
pub struct Continuous<const D: usize>(pub [[f32; 2]; D]);

impl<const D: usize> Space for Continuous<D> {
    type Elem<'a> = [f32; D];
    fn width(&self) -> Width {
        Width { items: 0, reals: D }
    }
    #[inline]
    fn check(&self, row: Row<'_>) -> Result<(), Fault> {
        match row.reals.iter().position(|real| !real.is_finite()) {
            Some(at) => Err(Fault::NotFinite(at, row.reals[at])),
            None => Ok(()),
        }
    }
    #[inline]
    fn read<'a>(&self, row: Row<'a>) -> [f32; D] {
        std::array::from_fn(|i| clip(row.reals[i], self.0[i]))
    }
    fn sample(&self, stream: &mut Stream, row: RowMut<'_>) {
        for (real, [low, high]) in row.reals.iter_mut().zip(self.0) {
            *real = low + (high - low) * stream.uniform();
        }
    }
    fn shape(&self) -> Shape {
        Shape::Continuous(self.0.to_vec())
    }
}

/// Hybrid actions are pairs of spaces.
impl<A: Space, B: Space> Space for (A, B) {
    type Elem<'a> = (A::Elem<'a>, B::Elem<'a>);
    fn width(&self) -> Width {
        let (a, b) = (self.0.width(), self.1.width());
        Width { items: a.items + b.items, reals: a.reals + b.reals }
    }
    #[inline]
    fn check(&self, row: Row<'_>) -> Result<(), Fault> {
        let (a, b) = split(row, self.0.width());
        self.0.check(a)?;
        self.1.check(b)
    }
    #[inline]
    fn read<'a>(&self, row: Row<'a>) -> Self::Elem<'a> {
        let (a, b) = split(row, self.0.width());
        (self.0.read(a), self.1.read(b))
    }
    fn sample(&self, stream: &mut Stream, row: RowMut<'_>) {
        let width = self.0.width();
        let (a_items, b_items) = row.items.split_at_mut(width.items);
        let (a_reals, b_reals) = row.reals.split_at_mut(width.reals);
        self.0.sample(stream, RowMut { items: a_items, reals: a_reals });
        self.1.sample(stream, RowMut { items: b_items, reals: b_reals });
    }
    fn shape(&self) -> Shape {
        Shape::Product(vec![self.0.shape(), self.1.shape()])
    }
}

fn split<'a>(row: Row<'a>, at: Width) -> (Row<'a>, Row<'a>) {
    let (a_items, b_items) = row.items.split_at(at.items);
    let (a_reals, b_reals) = row.reals.split_at(at.reals);
    (Row { items: a_items, reals: a_reals }, Row { items: b_items, reals: b_reals })
}

fn in_range(item: u32, count: u32) -> Result<(), Fault> {
    if item < count { Ok(()) } else { Err(Fault::OutOfRange { item, count }) }
}

/// `x`, or the nearer end of the interval.
#[inline]
pub(crate) fn clip(x: f32, [low, high]: [f32; 2]) -> f32 {
    if x < low {
        low
    } else if x > high {
        high
    } else {
        x
    }
}

/// Actions for all rows of a vector.
#[derive(Clone, Debug)]
pub struct Actions {
    /// Words per action.
    pub width: Width,
    /// rows × `width.items`.
    pub items: Vec<u32>,
    /// rows × `width.reals`.
    pub reals: Vec<f32>,
}

impl Actions {
    /// Zeros for `rows` actions.
    pub fn new(rows: usize, width: Width) -> Self {
        Actions { width, items: vec![0; rows * width.items], reals: vec![0.0; rows * width.reals] }
    }
    /// The action of row `i`.
    #[inline]
    pub fn row(&self, i: usize) -> Row<'_> {
        let Width { items, reals } = self.width;
        Row { items: &self.items[i * items..][..items], reals: &self.reals[i * reals..][..reals] }
    }
    /// The action of row `i`, to be written.
    #[inline]
    pub fn row_mut(&mut self, i: usize) -> RowMut<'_> {
        let Width { items, reals } = self.width;
        RowMut { items: &mut self.items[i * items..][..items], reals: &mut self.reals[i * reals..][..reals] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Domain, Purpose, Rng};

    const OFFER: (Discrete, Continuous<1>) = (Discrete(3), Continuous([[0.0, 10.0]]));

    #[test]
    fn pairs_read_both_columns_and_clip_finite_reals() {
        let row = Row { items: &[2], reals: &[12.5] };
        assert_eq!(OFFER.check(row), Ok(()));
        assert_eq!(OFFER.read(row), (2, [10.0]));
        assert_eq!(OFFER.width(), Width { items: 1, reals: 1 });
    }

    #[test]
    fn actions_outside_are_named() {
        assert_eq!(OFFER.check(Row { items: &[3], reals: &[1.0] }), Err(Fault::OutOfRange { item: 3, count: 3 }));
        let infinite = Row { items: &[0], reals: &[f32::INFINITY] };
        assert_eq!(OFFER.check(infinite), Err(Fault::NotFinite(0, f32::INFINITY)));
        let slate = Slate { candidates: 5, slots: 3 };
        assert_eq!(slate.check(Row { items: &[4, 1, 4], reals: &[] }), Err(Fault::Duplicate(4)));
        assert_eq!(slate.check(Row { items: &[4, 1, 0], reals: &[] }), Ok(()));
    }

    /// The same number arrives by its index or by itself, and what is written is the nearest one.
    #[test]
    fn a_number_is_the_same_in_either_form() {
        let grid = Number { form: Form::Grid, low: 0.5, high: 4.0, levels: 15 };
        let interval = Number { form: Form::Continuous, ..grid };
        assert_eq!(grid.read(Row { items: &[3], reals: &[] }), 1.25);
        assert_eq!(interval.read(Row { items: &[], reals: &[1.25] }), 1.25);
        assert_eq!(grid.grid().last(), Some(4.0));
        let (mut items, mut reals) = ([9], [9.0]);
        grid.write(1.3, RowMut { items: &mut items, reals: &mut [] });
        interval.write(4.5, RowMut { items: &mut [], reals: &mut reals });
        assert_eq!((items, reals), ([3], [4.0]));
        let hill = |x: f64| -(x - 2.1) * (x - 2.1);
        assert_eq!([grid.best(hill, || 2.1), interval.best(hill, || 2.1)], [2.0, 2.1]);
        assert_eq!(grid.mean(|x| [x], || [0.0]), [2.25]);
        assert_eq!(grid.check(Row { items: &[15], reals: &[] }), Err(Fault::OutOfRange { item: 15, count: 15 }));
    }

    #[test]
    fn sampled_slates_are_uniform_over_ordered_tuples() {
        let slate = Slate { candidates: 3, slots: 2 };
        let mut counts = [0u32; 9];
        let mut stream = Rng::new(1, Domain::Evaluation).stream(Purpose::POLICY);
        for _ in 0..6000 {
            let mut items = [0; 2];
            slate.sample(&mut stream, RowMut { items: &mut items, reals: &mut [] });
            counts[(items[0] * 3 + items[1]) as usize] += 1;
        }
        for (pair, &count) in counts.iter().enumerate() {
            let expected = if pair / 3 == pair % 3 { 0..=0 } else { 880..=1120 };
            assert!(expected.contains(&count), "pair {pair}: {count}");
        }
    }
}
