//! The ports under `compat/` have the statistics of the originals, which `tests/slow/originals.py measure` wrote.
use mercato::{
    agents::{Evaluation, Player, evaluate},
    envs::{Params, make, registry::assignment},
};
use std::collections::BTreeMap;

/// The slow part plays 8,000.
const EPISODES: u32 = 500;

/// One measured statistic.
struct Row<'a> {
    metric: &'a str,
    mean: f64,
    se: f64,
}

/// Every statistic lies within four standard errors of the original's, of both together.
#[test]
fn ports_agree_with_the_originals() {
    let mut cases: BTreeMap<[&str; 3], Vec<Row>> = BTreeMap::new();
    for line in include_str!("originals.csv").lines().skip(1) {
        let [env, params, policy, metric, mean, se, _] = line.split(',').collect::<Vec<_>>()[..] else {
            panic!("seven columns, not {line}");
        };
        let number = |text: &str| text.parse().expect("a number");
        cases.entry([env, params, policy]).or_default().push(Row { metric, mean: number(mean), se: number(se) });
    }
    assert!(cases.len() > 20, "{} cases", cases.len());
    let mut wrong = Vec::new();
    for (case @ [env, params, policy], rows) in &cases {
        let played = play(env, params, policy);
        for Row { metric, mean, se } in rows {
            let ours = played.metric(metric).unwrap_or_else(|| panic!("{env} has no {metric}"));
            let variance = se * se + ours.sd * ours.sd / f64::from(EPISODES);
            // Rounding of f32, for what has no spread.
            if (ours.mean - mean).abs() > 4.0 * variance.sqrt() + 4e-6 * mean.abs() + 4e-9 {
                wrong.push(format!("{case:?} {metric}: {}, the original {mean} ± {se}", ours.mean));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn play(env: &str, params: &str, policy: &str) -> Evaluation {
    let params: Params = params.split_whitespace().map(|text| assignment(text).expect("key=value")).collect();
    let mut world = make(env, &params, 250).expect("admissible parameters");
    let policy = world.spec().policy(policy).expect("a reference policy");
    evaluate(world.as_mut(), Player::Reference(policy), 9, EPISODES).expect("reference policies act within the space")
}
