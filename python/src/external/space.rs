//! What a world from Python may be told to do.
use mercato::envs::{
    Shape, Width,
    rng::Stream,
    space::{Fault, Row, RowMut},
};
use serde::Deserialize;

/// The spaces that a world from Python may have.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Space {
    Discrete(u32),
    Continuous(Vec<[f32; 2]>),
    Product(Vec<Space>),
}

impl Space {
    pub fn shape(&self) -> Shape {
        match self {
            Space::Discrete(count) => Shape::Discrete(*count),
            Space::Continuous(bounds) => Shape::Continuous(bounds.clone()),
            Space::Product(parts) => Shape::Product(parts.iter().map(Space::shape).collect()),
        }
    }
    pub fn width(&self) -> Width {
        match self {
            Space::Discrete(_) => Width { items: 1, reals: 0 },
            Space::Continuous(bounds) => Width { items: 0, reals: bounds.len() },
            Space::Product(parts) => parts.iter().map(Space::width).fold(Width { items: 0, reals: 0 }, |sum, width| {
                Width { items: sum.items + width.items, reals: sum.reals + width.reals }
            }),
        }
    }
    pub fn check(&self, row: Row<'_>) -> std::result::Result<(), Fault> {
        match self {
            Space::Discrete(count) if row.items[0] < *count => Ok(()),
            Space::Discrete(count) => Err(Fault::OutOfRange { item: row.items[0], count: *count }),
            Space::Continuous(_) => match row.reals.iter().position(|real| !real.is_finite()) {
                Some(at) => Err(Fault::NotFinite(at, row.reals[at])),
                None => Ok(()),
            },
            Space::Product(parts) => {
                let (mut items, mut reals) = (row.items, row.reals);
                parts.iter().try_for_each(|part| {
                    let width = part.width();
                    let (own, rest) = (items.split_at(width.items), reals.split_at(width.reals));
                    (items, reals) = (own.1, rest.1);
                    part.check(Row { items: own.0, reals: rest.0 })
                })
            }
        }
    }
    /// A uniform draw.
    pub fn sample(&self, stream: &mut Stream, row: RowMut<'_>) {
        match self {
            Space::Discrete(count) => row.items[0] = stream.below(*count),
            Space::Continuous(bounds) => {
                for (real, [low, high]) in row.reals.iter_mut().zip(bounds) {
                    *real = low + (high - low) * stream.uniform();
                }
            }
            Space::Product(parts) => {
                let (mut items, mut reals) = (row.items, row.reals);
                for part in parts {
                    let width = part.width();
                    let (own, rest) = (items.split_at_mut(width.items), reals.split_at_mut(width.reals));
                    (items, reals) = (own.1, rest.1);
                    part.sample(stream, RowMut { items: own.0, reals: rest.0 });
                }
            }
        }
    }
}
