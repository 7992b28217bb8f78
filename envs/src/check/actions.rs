//! Actions at the edge of their space and beyond it.
use super::{
    Broken, Build, Verdict, ensure,
    player::{Player, RANDOM, START, at_step},
};
use crate::{
    error::Error,
    space::{Actions, RowMut, Shape, Width},
    vector::Slot,
};

/// A simple part of a space and where it is stored.
enum Part {
    Item { at: usize, count: u32 },
    Slate { at: usize, slots: usize, candidates: u32 },
    Real { at: usize, low: f32, high: f32 },
}

fn parts(shape: &Shape) -> Vec<Part> {
    fn walk(shape: &Shape, end: &mut Width, parts: &mut Vec<Part>) {
        match shape {
            Shape::Discrete(count) => {
                parts.push(Part::Item { at: end.items, count: *count });
                end.items += 1;
            }
            Shape::Slate { candidates, slots } => {
                parts.push(Part::Slate { at: end.items, slots: *slots, candidates: *candidates });
                end.items += slots;
            }
            Shape::Continuous(bounds) => {
                for (i, &[low, high]) in bounds.iter().enumerate() {
                    parts.push(Part::Real { at: end.reals + i, low, high });
                }
                end.reals += bounds.len();
            }
            Shape::Product(factors) => factors.iter().for_each(|factor| walk(factor, end, parts)),
        }
    }
    let mut all = Vec::new();
    walk(shape, &mut Width { items: 0, reals: 0 }, &mut all);
    all
}

/// Writes the action at one end of the space: the first or the last items, the lowest or the highest numbers.
pub(super) fn extreme(shape: &Shape, upper: bool, action: RowMut<'_>) {
    for part in parts(shape) {
        match part {
            Part::Item { at, count } => action.items[at] = if upper { count - 1 } else { 0 },
            Part::Slate { at, slots, candidates } => {
                for place in 0..slots as u32 {
                    action.items[at + place as usize] = if upper { candidates - 1 - place } else { place };
                }
            }
            Part::Real { at, low, high } => action.reals[at] = if upper { high } else { low },
        }
    }
}

/// Words of each column that an action of this shape takes.
pub(super) fn width(shape: &Shape) -> Width {
    let mut width = Width { items: 0, reals: 0 };
    for part in parts(shape) {
        match part {
            Part::Item { .. } => width.items += 1,
            Part::Slate { slots, .. } => width.items += slots,
            Part::Real { .. } => width.reals += 1,
        }
    }
    width
}

/// A way to spoil an admissible action.
#[derive(Clone, Copy)]
enum Fault {
    Item { at: usize, item: u32 },
    Twice { first: usize, last: usize },
    Real { at: usize, real: f32 },
}

impl Fault {
    fn all(part: &Part) -> Vec<Fault> {
        match *part {
            Part::Item { at, count } => [count, u32::MAX].map(|item| Fault::Item { at, item }).into(),
            Part::Slate { at, slots, candidates } => {
                let last = at + slots - 1;
                let mut all = vec![Fault::Item { at, item: candidates }, Fault::Item { at: last, item: u32::MAX }];
                all.extend((slots > 1).then_some(Fault::Twice { first: at, last }));
                all
            }
            Part::Real { at, .. } => {
                [f32::NAN, f32::INFINITY, f32::NEG_INFINITY].map(|real| Fault::Real { at, real }).into()
            }
        }
    }

    fn spoil(self, action: RowMut<'_>) {
        match self {
            Fault::Item { at, item } => action.items[at] = item,
            Fault::Twice { first, last } => action.items[last] = action.items[first],
            Fault::Real { at, real } => action.reals[at] = real,
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Fault::Item { item, .. } => write!(f, "item {item}"),
            Fault::Twice { .. } => write!(f, "a slate with one item twice"),
            Fault::Real { real, .. } => write!(f, "the number {real}"),
        }
    }
}

pub(super) fn rejection(build: &Build<'_>) -> Verdict {
    let rows = 5;
    let (mut tried, mut untouched) = (Player::new(build, rows)?, Player::new(build, rows)?);
    let last = tried.stage.len() - 1;
    for part in parts(&tried.spec().shape.clone()) {
        for fault in Fault::all(&part) {
            for row in [0, last] {
                if tried.stage[row].is_last() {
                    // Its next action is ignored, whatever it is.
                    tried.play(&RANDOM)?;
                    untouched.play(&RANDOM)?;
                }
                tried.choose(&RANDOM)?;
                fault.spoil(tried.actions.row_mut(row));
                ensure(tried.step().is_err(), || format!("{fault} in row {row} is accepted"))?;
                tried.play(&RANDOM)?;
                untouched.play(&RANDOM)?;
                ensure(tried.same_rows(&untouched, 0).is_ok(), || {
                    format!("{fault} in row {row} is an error, and yet something was stepped")
                })?;
            }
        }
    }
    lengths(&mut tried)
}

/// How many steps [`fuzz`] takes.
const FUZZED: usize = 10_000;

/// Every row goes from edge to edge, at random, and beyond its intervals; a twin does the same without the inadmissible
/// actions.
pub(super) fn fuzz(build: &Build<'_>) -> Verdict {
    let worlds = 3;
    let (mut tried, mut untouched) = (Player::new(build, worlds)?, Player::new(build, worlds)?);
    let (shape, all) = (tried.spec().shape.clone(), parts(&tried.spec().shape));
    let faults: Vec<Fault> = all.iter().flat_map(Fault::all).collect();
    let bounds: Vec<[f32; 2]> =
        tried.spec().fields.iter().flat_map(|field| vec![[field.low, field.high]; field.len]).collect();
    for step in 0..FUZZED {
        tried.choose(&RANDOM)?;
        for row in tried.rows() {
            // A row stays at one edge for a while, so that what only long habits reach is reached.
            let way = (step / 50 + row) % 5;
            if way < 2 {
                extreme(&shape, way == 1, tried.actions.row_mut(row));
            } else if way == 2 {
                extreme(&shape, step % 2 == 0, tried.actions.row_mut(row));
            } else if way == 3 {
                let beyond = if step % 3 == 0 { f32::MAX } else { f32::MIN };
                tried.actions.row_mut(row).reals.fill(beyond);
            }
        }
        untouched.actions.clone_from(&tried.actions);
        if step % 7 == 0 {
            let (fault, row) = (faults[step / 7 % faults.len()], step / 7 % tried.stage.len());
            if !tried.stage[row].is_last() {
                fault.spoil(tried.actions.row_mut(row));
                let refused = matches!(tried.step(), Err(Error::Action { row: named, .. }) if named == row);
                ensure(refused, || format!("step {step}: {fault} in row {row} is no error that names the row"))?;
                tried.actions.clone_from(&untouched.actions);
            }
        }
        tried.step()?;
        untouched.step()?;
        at_step(step, tried.same_rows(&untouched, 0))
            .map_err(|Broken(seen)| Broken(format!("after a refusal: {seen}")))?;
        for row in tried.rows() {
            let reward = tried.reward[row];
            ensure(reward.is_finite(), || format!("step {step}, row {row}: reward {reward}"))?;
            for (at, (x, [low, high])) in tried.observed(row).iter().zip(&bounds).enumerate() {
                ensure(x >= low && x <= high, || {
                    format!("step {step}, row {row}: {} is {x}, outside [{low}, {high}]", tried.field(at))
                })?;
            }
        }
    }
    Ok(())
}

fn lengths(player: &mut Player) -> Verdict {
    let (rows, width) = (player.stage.len(), player.spec().width);
    let Player { world, actions, observation, reward, stage } = player;
    let numbers = observation.len();
    for (what, numbers, rewards, stages) in [
        ("observations", numbers - 1, rows, rows),
        ("rewards", numbers, rows - 1, rows),
        ("stages", numbers, rows, rows - 1),
    ] {
        for reset in [true, false] {
            let (observation, reward) = (&mut observation[..numbers], &mut reward[..rewards]);
            let short = Slot { observation, reward, stage: &mut stage[..stages] };
            let outcome = if reset { world.reset(START, short) } else { world.step(actions, short) };
            ensure(outcome.is_err(), || format!("a buffer with too few {what} is accepted"))?;
        }
    }
    let few = Actions::new(rows - 1, width);
    let refused = matches!(world.step(&few, Slot { observation, reward, stage }), Err(Error::Length { .. }));
    ensure(refused, || format!("{} actions for {rows} rows are accepted", rows - 1))
}

pub(super) fn clipping(build: &Build<'_>) -> Verdict {
    let rows = 5;
    let (mut outside, mut at_end) = (Player::new(build, rows)?, Player::new(build, rows)?);
    for part in parts(&outside.spec().shape.clone()) {
        let Part::Real { at, low, high } = part else { continue };
        let wide = high - low + 1.0;
        for (step, (beyond, end)) in [(high + wide, high), (low - wide, low), (f32::MAX, high), (f32::MIN, low)]
            .into_iter()
            .cycle()
            .take(24)
            .enumerate()
        {
            for (player, real) in [(&mut outside, beyond), (&mut at_end, end)] {
                player.choose(&RANDOM)?;
                player.rows().for_each(|row| player.actions.row_mut(row).reals[at] = real);
                player.step()?;
            }
            at_step(step, outside.same_rows(&at_end, 0)).map_err(|Broken(seen)| {
                Broken(format!("number {at} set to {beyond} does not count as {end}: {seen}"))
            })?;
        }
    }
    Ok(())
}
