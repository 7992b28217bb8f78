//! How many episodes are held at once, and on how many threads, changes no number of an evaluation.
use agents::{Evaluation, Player, evaluate};
use envs::{ENVS, Entry, Params, Reference};

const EPISODES: u32 = 23;

fn evaluated(entry: &Entry, policy: &str, rows: usize) -> Evaluation {
    let agents = entry.agents(&Params::new()).expect("the defaults are admissible");
    let mut world = entry.make(&Params::new(), rows * agents).expect("the defaults are admissible");
    let policy = world.spec().policy(policy).expect("the world lists it");
    evaluate(world.as_mut(), Player::Reference(policy), 5, EPISODES).expect("reference policies act within the space")
}

/// The reference policies that take no number.
fn policies(entry: &Entry) -> Vec<&'static str> {
    let world = entry.one(&Params::new()).expect("the defaults are admissible");
    let plain = |name: &&str| !name.ends_with(|c: char| c.is_ascii_uppercase());
    std::iter::once(Reference::RANDOM).chain(world.spec().policies.iter().copied().filter(plain)).collect()
}

/// `rollout --rows R` says how many episodes are held at once; 23 episodes are no multiple of 7 or 64.
#[test]
fn rows_held_at_once_change_no_number() {
    for entry in ENVS {
        for policy in policies(entry) {
            let one_by_one = evaluated(entry, policy, 1);
            for rows in [7, 64] {
                assert_eq!(evaluated(entry, policy, rows), one_by_one, "{} {policy} with {rows} rows", entry.id);
            }
        }
    }
}
