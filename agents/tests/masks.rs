//! What is not on offer is not chosen, whoever plays, in learning and in greedy play.
use envs::{Actions, Start, VectorEnv, make};
use kernels::Cpu;
use mercato_agents::{
    AgentSpec, Policy,
    spec::{PRESETS, Preset},
};
use serde_json::{Map, json};

/// Presets that choose items and see what is on offer: not `two_tower`, which is for more items than a mask can close, and not
/// `lagrangian`, which needs a cost and else acts as `dqn` does.
fn sees_masks(preset: &Preset) -> bool {
    ["discrete", "slates", "discrete with continuous numbers"].contains(&preset.space)
}

/// Chooses, and tells how many items were chosen that are not on offer.
fn closed(world: &dyn VectorEnv, player: &mut dyn Policy, actions: &mut Actions) -> usize {
    let (mask, width) = (world.spec().field("action_mask").expect("a mask"), world.spec().observation);
    let slot = player.slot();
    let (observation, stage) = (slot.observation.to_vec(), slot.stage.to_vec());
    player.act(actions).expect("actions");
    let closed = |row: usize| {
        let open = &observation[row * width..][mask.clone()];
        actions.row(row).items.iter().filter(|item| open[**item as usize] != 1.0).count()
    };
    (0..stage.len()).filter(|row| !stage[*row].is_last()).map(closed).sum()
}

#[test]
fn what_is_closed_is_not_chosen() {
    let mut seen = 0;
    for preset in PRESETS.iter().filter(|preset| sees_masks(preset)) {
        let (world, mut params) = preset.world();
        params.insert("mask_rate".into(), json!(0.4));
        let network = json!({ "warmup": 100, "batch": 8, "hidden": [8] });
        let settings = [network, json!({ "warmup": 50 }), json!({})].map(|value| value.as_object().cloned());
        let agent = (settings.iter().flatten()).find_map(|own: &Map<_, _>| AgentSpec::preset(preset.name, own).ok());
        let agent = agent.expect("a preset");
        let mut world = make(world, &params, agent.rows()).expect("a world");
        let mut learning = agent.build(Cpu::new().expect("a processor"), world.spec(), 3).expect("an agent");
        let mut actions = Actions::new(agent.rows(), world.spec().width);
        let mut wrong = [0; 2];
        world.reset(Start::training(1), learning.slot()).expect("buffers that fit");
        for _ in 0..200 {
            wrong[0] += closed(world.as_ref(), learning.as_mut(), &mut actions);
            world.step(&actions, learning.slot()).expect("admissible actions");
            learning.learn().expect("a lesson");
        }
        let mut greedy = learning.greedy(agent.rows()).expect("a player");
        world.reset(Start::evaluation(1, 0), greedy.slot()).expect("buffers that fit");
        for _ in 0..200 {
            wrong[1] += closed(world.as_ref(), greedy.as_mut(), &mut actions);
            world.step(&actions, greedy.slot()).expect("admissible actions");
        }
        assert_eq!(wrong, [0, 0], "{}: learning, greedy", preset.name);
        seen += 1;
    }
    assert!(seen >= 18, "{seen}");
}
