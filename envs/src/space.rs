//! Action spaces: two stored columns, read through a typed view.
//!
//! An action of any kind is stored as `items` (u32) and `reals` (f32), so that discrete, slate, continuous and hybrid
//! actions share one replay layout. A [`Space`] gives the typed view that `Env::step` receives; it is inlined away.
use crate::rng::Stream;

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

/// Which form the action of a world takes, where it can be a number from a menu or any number: the parameter `actions`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// One of equally spaced numbers, chosen by its index.
    Grid,
    /// Any number of the interval.
    Continuous,
}

/// One number, such as a price or a bid, out of [`low`, `high`]; `Env::step` receives the number, whatever its form.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number {
    /// How it is chosen.
    pub form: Form,
    /// The least number.
    pub low: f32,
    /// The greatest number.
    pub high: f32,
    /// How many numbers the grid has, both ends among them; at least 2.
    pub levels: u32,
}

impl Number {
    /// Number `item` of the grid.
    #[inline]
    pub fn level(&self, item: u32) -> f32 {
        self.low + (self.high - self.low) * item as f32 / (self.levels - 1) as f32
    }
    /// All numbers of the grid, from the least to the greatest.
    pub fn grid(self) -> impl Iterator<Item = f32> {
        (0..self.levels).map(move |item| self.level(item))
    }
    /// The number of the interval next to `number`.
    pub fn within(&self, number: f64) -> f64 {
        let (low, high) = (f64::from(self.low), f64::from(self.high));
        if number < low {
            low
        } else if number > high {
            high
        } else {
            number
        }
    }
    /// Writes the admissible action next to `number`, the lower one of two.
    pub fn write(&self, number: f32, row: RowMut<'_>) {
        match self.form {
            Form::Continuous => row.reals[0] = clip(number, [self.low, self.high]),
            Form::Grid => {
                let far = |item: &u32| (self.level(*item) - number).abs();
                let nearest = (0..self.levels).min_by(|a, b| far(a).total_cmp(&far(b)));
                row.items[0] = nearest.expect("at least two levels");
            }
        }
    }
    /// The admissible number for which `worth` is highest, the lowest of those: the best of the grid, or `peak`, which
    /// says where `worth` is highest on the interval.
    pub fn best(&self, worth: impl Fn(f64) -> f64, peak: impl FnOnce() -> f64) -> f64 {
        match self.form {
            Form::Continuous => self.within(peak()),
            Form::Grid => {
                let mut best = (f64::from(self.low), worth(f64::from(self.low)));
                for number in self.grid().skip(1).map(f64::from) {
                    let value = worth(number);
                    if value > best.1 {
                        best = (number, value);
                    }
                }
                best.0
            }
        }
    }
    /// The mean of `f` over a uniform draw: the mean over the grid, or `mean`, which says it for the interval.
    pub fn mean<const N: usize>(&self, f: impl Fn(f64) -> [f64; N], mean: impl FnOnce() -> [f64; N]) -> [f64; N] {
        match self.form {
            Form::Continuous => mean(),
            Form::Grid => {
                let total = self.grid().map(f64::from).fold([0.0; N], |sum, number| {
                    let value = f(number);
                    std::array::from_fn(|i| sum[i] + value[i])
                });
                total.map(|sum| sum / f64::from(self.levels))
            }
        }
    }
}

impl Space for Number {
    type Elem<'a> = f32;
    fn width(&self) -> Width {
        match self.form {
            Form::Grid => Width { items: 1, reals: 0 },
            Form::Continuous => Width { items: 0, reals: 1 },
        }
    }
    #[inline]
    fn check(&self, row: Row<'_>) -> Result<(), Fault> {
        match self.form {
            Form::Grid => Discrete(self.levels).check(row),
            Form::Continuous => Continuous([[self.low, self.high]]).check(row),
        }
    }
    #[inline]
    fn read<'a>(&self, row: Row<'a>) -> f32 {
        match self.form {
            Form::Grid => self.level(row.items[0]),
            Form::Continuous => clip(row.reals[0], [self.low, self.high]),
        }
    }
    fn sample(&self, stream: &mut Stream, row: RowMut<'_>) {
        match self.form {
            Form::Grid => Discrete(self.levels).sample(stream, row),
            Form::Continuous => Continuous([[self.low, self.high]]).sample(stream, row),
        }
    }
    fn shape(&self) -> Shape {
        match self.form {
            Form::Grid => Shape::Discrete(self.levels),
            Form::Continuous => Shape::Continuous(vec![[self.low, self.high]]),
        }
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
