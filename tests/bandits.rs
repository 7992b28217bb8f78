//! Bandits meet, within their errors, an independent program's regret: the same algorithms in numpy.
use mercato::{
    agents::AgentSpec,
    envs::{self, Actions, Params, Start},
    kernels::Cpu,
};
use serde_json::Map;

/// Exact regret summed over the first 10,000 users of `rec/topic-bandit-v1`.
fn regret(preset: &str, seed: u64) -> f64 {
    let spec = AgentSpec::preset(preset, &Map::new()).expect("preset");
    let mut world = envs::make("rec/topic-bandit-v1", &Params::new(), 1).expect("world");
    let mut agent = spec.build(Cpu::new().expect("CPU"), world.spec(), seed).expect("agent");
    let mut actions = Actions::new(1, world.spec().width);
    world.reset(Start::training(seed), agent.slot()).expect("the buffers fit");
    let (mut sum, mut episodes) = (0.0, 0);
    while episodes < 10 {
        agent.act(&mut actions).expect("the CPU acts");
        world.step(&actions, agent.slot()).expect("the actions are admissible");
        agent.learn().expect("the CPU learns");
        if agent.slot().stage[0].is_last() {
            let mut metrics = [0.0; 2];
            world.metrics(0, &mut metrics);
            sum += 1000.0 * metrics[1];
            episodes += 1;
        }
    }
    sum
}

/// Mean and standard error over ten seeds of `tests/slow/bandit_regret.py`. Always the best single item would regret
/// 4629, a random one 5925; a mistake of the rule shows as far more than four standard errors.
const REGRETS: [(&str, f64, f64); 6] = [
    ("lin_ucb", 284.5, 15.1),
    ("logistic_thompson", 502.6, 6.5),
    ("epsilon_greedy", 1082.6, 41.5),
    ("ucb1", 5316.5, 16.0),
    ("thompson_beta", 4916.1, 16.5),
    ("thompson_gaussian", 5165.2, 10.2),
];

#[test]
fn regret_is_that_of_an_independent_program() {
    for (preset, expected, se) in REGRETS {
        let seeds = 3;
        let mean = (0..seeds).map(|seed| regret(preset, seed)).sum::<f64>() / seeds as f64;
        let tolerance = 4.0 * se * (1.0 + 10.0 / seeds as f64).sqrt();
        assert!((mean - expected).abs() < tolerance, "{preset}: {mean:.1}, expected {expected} ± {tolerance:.1}");
    }
}
