//! What becomes of an action on its way to the world: masks and opposites.
use crate::{
    rng::Stream,
    space::{RowMut, Shape, clip},
};

/// The first part of an action that chooses among items, and where it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Items {
    /// Number of alternatives.
    pub count: u32,
    /// The first of its words.
    first: usize,
    /// How many distinct items an action takes.
    slots: usize,
}

impl Items {
    /// The items of `shape`; `None` where an action is real numbers only.
    pub fn of(shape: &Shape) -> Option<Items> {
        fn width(shape: &Shape) -> usize {
            match shape {
                Shape::Discrete(_) => 1,
                Shape::Slate { slots, .. } => *slots,
                Shape::Continuous(_) => 0,
                Shape::Product(parts) => parts.iter().map(width).sum(),
            }
        }
        match shape {
            Shape::Discrete(count) => Some(Items { count: *count, first: 0, slots: 1 }),
            Shape::Slate { candidates, slots } => Some(Items { count: *candidates, first: 0, slots: *slots }),
            Shape::Continuous(_) => None,
            Shape::Product(parts) => {
                let at = parts.iter().position(|part| Items::of(part).is_some())?;
                let items = Items::of(&parts[at])?;
                Some(Items { first: items.first + parts[..at].iter().map(width).sum::<usize>(), ..items })
            }
        }
    }

    /// Draws which items are on offer: 1 for each that is, and all where fewer are left than an action needs.
    pub fn draw(&self, rate: f32, draws: &mut Stream, mask: &mut [f32]) {
        mask.iter_mut().for_each(|open| *open = f32::from(u8::from(!draws.bernoulli(rate))));
        if mask.iter().filter(|open| **open == 1.0).count() < self.slots {
            mask.fill(1.0);
        }
    }

    /// Replaces every item that `mask` closes by the next open one that the action does not have yet.
    pub fn resolve(&self, mask: &[f32], action: RowMut<'_>) {
        let items = &mut action.items[self.first..][..self.slots];
        for place in 0..self.slots {
            while mask[items[place] as usize] != 1.0
                || items.iter().enumerate().any(|(other, item)| other != place && *item == items[place])
            {
                items[place] = (items[place] + 1) % self.count;
            }
        }
    }
}

/// Replaces `action` by its opposite: the last items for the first, the greatest numbers for the least. The opposite of the
/// opposite is the action, to the rounding of real numbers.
pub(super) fn turn_round(shape: &Shape, action: RowMut<'_>) {
    fn turn<'a>(shape: &Shape, action: RowMut<'a>) -> RowMut<'a> {
        let RowMut { items, reals } = action;
        match shape {
            Shape::Discrete(count) => RowMut { items: turn_items(*count, 1, items), reals },
            Shape::Slate { candidates, slots } => RowMut { items: turn_items(*candidates, *slots, items), reals },
            Shape::Continuous(bounds) => {
                let (own, reals) = reals.split_at_mut(bounds.len());
                own.iter_mut()
                    .zip(bounds)
                    .for_each(|(real, &[low, high])| *real = low + high - clip(*real, [low, high]));
                RowMut { items, reals }
            }
            Shape::Product(parts) => parts.iter().fold(RowMut { items, reals }, |rest, part| turn(part, rest)),
        }
    }
    fn turn_items(count: u32, slots: usize, items: &mut [u32]) -> &mut [u32] {
        let (own, rest) = items.split_at_mut(slots);
        own.iter_mut().for_each(|item| *item = count - 1 - *item);
        rest
    }
    turn(shape, action);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Domain, Purpose, Rng};

    fn hybrid() -> Shape {
        Shape::Product(vec![
            Shape::Continuous(vec![[1.0, 3.0]]),
            Shape::Slate { candidates: 6, slots: 3 },
            Shape::Continuous(vec![[0.0, 0.5], [-1.0, 1.0]]),
        ])
    }

    #[test]
    fn opposites_turn_every_part_round() {
        let (mut items, mut reals) = ([0, 5, 2], [1.0, 7.0, 0.25]);
        turn_round(&hybrid(), RowMut { items: &mut items, reals: &mut reals });
        // 7 counts as 0.5, its nearest admissible number.
        assert_eq!((items, reals), ([5, 0, 3], [3.0, 0.0, -0.25]));
    }

    #[test]
    fn closed_items_give_way_to_the_next_open_ones() {
        let items = Items::of(&hybrid()).expect("it has items");
        assert_eq!(items, Items { count: 6, first: 0, slots: 3 });
        let mask = [1.0, 0.0, 1.0, 0.0, 1.0, 0.0];
        for (chosen, expected) in [([1, 2, 5], [4, 2, 0]), ([5, 3, 1], [0, 4, 2]), ([4, 0, 2], [4, 0, 2])] {
            let mut chosen = chosen;
            items.resolve(&mask, RowMut { items: &mut chosen, reals: &mut [] });
            assert_eq!(chosen, expected);
        }
    }

    #[test]
    fn a_mask_never_closes_too_much() {
        let items = Items { count: 4, first: 0, slots: 3 };
        let mut closed = 0;
        for step in 0..1000 {
            let mut mask = [0.0; 4];
            items.draw(0.5, &mut Rng::new(1, Domain::Training).at(0, 0, step).stream(Purpose::MASK), &mut mask);
            let open = mask.iter().filter(|open| **open == 1.0).count();
            assert!(open >= 3);
            closed += 4 - open;
        }
        // One of four items is closed with probability 4/16, more are opened again.
        assert!((200..300).contains(&closed), "{closed}");
    }
}
