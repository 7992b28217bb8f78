//! One number, from a menu or any of an interval.
use super::{Continuous, Discrete, Fault, Row, RowMut, Shape, Space, Width, clip};
use crate::rng::Stream;

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
