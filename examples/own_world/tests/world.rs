//! The world keeps mercato's promises, and its trace.
use mercato::envs::{Actions, Params, Slot, Stage, Start, check};

/// Bounds, seeds, resets, batches, threads, saved states, bad actions, the page, and what reference policies earn.
#[test]
fn it_keeps_every_promise() {
    let findings: Vec<String> = check::entry(&own_world::entry()).iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "\n{}", findings.join("\n"));
}

/// 64 steps of four rows that follow the reference policies in turn. `UPDATE=1 cargo test` writes the trace; one that
/// changes under an id that others have used needs a new version of the world.
#[test]
fn it_repeats_its_trace() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/trace.csv");
    let found = trace();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &found).expect("the trace is writable");
    }
    let kept = std::fs::read_to_string(path).expect("the trace is there: `UPDATE=1 cargo test` writes it");
    for (line, (kept, found)) in kept.lines().zip(found.lines()).enumerate() {
        assert_eq!(kept, found, "line {}", line + 1);
    }
    assert_eq!(kept.len(), found.len());
}

fn trace() -> String {
    const ROWS: usize = 4;
    let mut world = own_world::entry().make(&Params::new(), ROWS).expect("the defaults are admissible");
    let spec = world.spec().clone();
    let policies = ["random", "myopic", "oracle", "random"].map(|name| spec.policy(name).expect("it has this policy"));
    let (mut observation, mut reward) = (vec![0.0; ROWS * spec.observation], [0.0; ROWS]);
    let mut stage = [Stage::First; ROWS];
    let (mut actions, mut chosen) = (Actions::new(ROWS, spec.width), Actions::new(ROWS, spec.width));
    let slot = Slot { observation: &mut observation, reward: &mut reward, stage: &mut stage };
    world.reset(Start::evaluation(1, 0), slot).expect("the buffers fit");
    let mut text = String::from("step,row,items,reals,reward,stage,observation\n");
    for step in 0..=64 {
        for row in 0..ROWS {
            let (action, seen) = (actions.row(row), &observation[row * spec.observation..][..spec.observation]);
            let (items, reals) = (action.items, action.reals);
            text += &format!("{step},{row},{items:?},{reals:?},{},{:?},{seen:?}\n", reward[row], stage[row]);
        }
        for (row, policy) in policies.iter().enumerate() {
            world.reference(policy, &mut chosen).expect("the widths fit");
            actions.row_mut(row).items.copy_from_slice(chosen.row(row).items);
            actions.row_mut(row).reals.copy_from_slice(chosen.row(row).reals);
        }
        let slot = Slot { observation: &mut observation, reward: &mut reward, stage: &mut stage };
        world.step(&actions, slot).expect("reference actions are admissible");
    }
    text
}
