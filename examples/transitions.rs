//! Transitions of a world with its whole state before and after, one JSON object per line, for comparing a world with
//! another implementation of it.
//!
//! `cargo run --release --example transitions -- classic/cartpole-v1 20000 > transitions.jsonl`
//!
//! Rows follow the reference policies in turn, so that rare states come up as well as common ones.
use envs::{Actions, Params, Reference, Slot, Stage, Start};
use mercato::envs;
use serde_json::{Value, json};
use std::io::Write;

const ROWS: usize = 16;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let id = arguments.next().unwrap_or("classic/cartpole-v1".into());
    let wanted: usize = arguments.next().map_or(Ok(1000), |count| count.parse())?;

    let mut world = envs::make(&id, &Params::new(), ROWS)?;
    let spec = world.spec().clone();
    let numbered = |name: &&str| name.ends_with(|c: char| c.is_ascii_uppercase());
    let named = spec.policies.iter().filter(|name| !numbered(name));
    let policies: Vec<Reference> =
        std::iter::once(&Reference::RANDOM).chain(named).map(|name| spec.policy(name)).collect::<Result<_, _>>()?;

    let mut observation = vec![0.0; ROWS * spec.observation];
    let (mut reward, mut stage) = (vec![0.0; ROWS], vec![Stage::First; ROWS]);
    let (mut actions, mut chosen) = (Actions::new(ROWS, spec.width), Actions::new(ROWS, spec.width));
    let slot = Slot { observation: &mut observation, reward: &mut reward, stage: &mut stage };
    world.reset(Start::evaluation(1, 0), slot)?;

    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut written = 0;
    while written < wanted {
        let (before, over) = (states(world.save()), stage.clone());
        for row in 0..ROWS {
            world.reference(&policies[row % policies.len()], &mut chosen)?;
            actions.row_mut(row).items.copy_from_slice(chosen.row(row).items);
            actions.row_mut(row).reals.copy_from_slice(chosen.row(row).reals);
        }
        let slot = Slot { observation: &mut observation, reward: &mut reward, stage: &mut stage };
        world.step(&actions, slot)?;
        let after = states(world.save());
        for row in (0..ROWS).filter(|&row| !over[row].is_last()).take(wanted - written) {
            let action = actions.row(row);
            let transition = json!({
                "state": before[row],
                "items": action.items,
                "reals": action.reals,
                "next": after[row],
                "reward": reward[row],
                "terminated": stage[row] == Stage::Terminated,
            });
            writeln!(out, "{transition}")?;
            written += 1;
        }
    }
    Ok(())
}

/// The state of every row out of what a vector saves.
fn states(mut saved: Value) -> Vec<Value> {
    let Value::Array(episodes) = saved["episodes"].take() else { return Vec::new() };
    episodes.into_iter().map(|mut episode| episode["state"].take()).collect()
}
