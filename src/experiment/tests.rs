//! Trials and their ids, the documented experiment, mistakes and the places that they name.
use super::*;

const TEXT: &str = r#"
    name = "small"
    title = "A small one"
    seeds = "0..2"
    [evaluation]
    episodes = 10
    [[worlds]]
    env = "classic/chain-v1"
    steps = 100
    references = ["random", "oracle"]
    agents = [{ preset = "dqn" }, { preset = "dqn", name = "wide", set = { hidden = [128] } }]
"#;

fn parse(text: &str, assignments: &[&str]) -> Result<Experiment> {
    let assignments: Vec<String> = assignments.iter().map(|text| text.to_string()).collect();
    Experiment::parse("small.toml", text, &assignments)
}

#[test]
fn trials_are_worlds_times_agents_times_seeds_with_ids_of_their_own() {
    let trials = parse(TEXT, &[]).expect("experiment").trials().expect("trials");
    assert_eq!(trials.len(), 8);
    let mut ids: Vec<String> = trials.iter().map(Trial::id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 8);
    assert!(ids.iter().all(|id| id.len() == 16));
}

#[test]
fn the_id_follows_what_decides_the_bits_and_nothing_else() {
    let id = |assignments: &[&str]| {
        parse(TEXT, assignments).expect("experiment").trials().expect("trials").last().expect("one").id()
    };
    assert_eq!(id(&[]), id(&["name=other", "title=other"]));
    assert_eq!(id(&[]), id(&["tuning={seeds=\"7..9\",how=\"by hand\"}"]));
    assert_eq!(id(&[]), id(&["training_points=7", "worlds.0.agents.1.at_least=0.5"]));
    assert_ne!(id(&[]), id(&["evaluation.episodes=11"]));
    assert_ne!(id(&[]), id(&["worlds.*.steps=101"]));
    assert_ne!(id(&[]), id(&["worlds.0.agents.1.set.batch=32"]));
    assert_ne!(id(&[]), id(&["worlds.0.params.length=9"]));
    assert_eq!(id(&[]), id(&["worlds.0.params.length=8"]), "a default that is written out changes nothing");
    assert_ne!(id(&[]), id(&["worlds.0.params.sticky_actions=0.25"]));
    assert_eq!(id(&[]), id(&["worlds.0.params.sticky_actions=0"]), "a modifier that is off changes nothing");
}

#[test]
fn the_documented_experiment_is_one() {
    let page = include_str!("../../docs/experiments.md");
    let text = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let experiment = parse(text, &[]).expect("an experiment");
    assert_eq!(experiment.trials().expect("trials").len(), 40);
    assert_eq!(experiment.training_points, Some(20));
    assert_eq!(experiment.worlds[0].agents[0].at_least, Some(0.9));
    let none = parse(&text.replace("training_points = 20", "training_points = 0"), &[]).expect("an experiment");
    assert!(none.trials().expect_err("no points").to_string().contains("between 1 and 10,000"));
}

/// What was run exactly keeps its id, whether or not that is said; other arithmetic is another trial, but for reference
/// policies, which have none.
#[test]
fn the_arithmetic_is_in_the_id_of_who_learns() {
    let trials = |text: &str| parse(text, &[]).expect("experiment").trials().expect("trials");
    let ids = |text: &str| trials(text).iter().map(Trial::id).collect::<Vec<_>>();
    let with = |math: &str| TEXT.replace("[evaluation]", &format!("math = \"{math}\"\n[evaluation]"));
    assert_eq!(ids(TEXT), ids(&with("exact")));
    for (plain, fast) in trials(TEXT).iter().zip(trials(&with("fast"))) {
        assert_eq!(plain.id() == fast.id(), matches!(plain.player, Player::Reference(_)), "{}", plain.agent);
    }
    assert_ne!(ids(&with("fast")), ids(&with("tf32")));
    let unknown = parse(&with("quick"), &[]).expect_err("no arithmetic").to_string();
    assert!(unknown.contains("line") && unknown.contains("exact") && unknown.contains("tf32"), "{unknown}");
}

/// Records tell what the text asks for, whatever is set for a run; an agent that it does not have asks for nothing.
/// Python changes embedded experiments as JSON.
#[test]
fn what_the_text_asks_for_outlives_changes() {
    let asked = |experiment: &Experiment| {
        let trials = experiment.trials().expect("trials");
        trials.into_iter().filter(|trial| trial.seed == 0).map(|trial| trial.asked).collect::<Vec<_>>()
    };
    let of = |budget| Some(record::Asked { budget, seeds: 2, episodes: 10 });
    let whole = [of(0), of(0), of(100), of(100)];
    assert_eq!(asked(&parse(TEXT, &[]).expect("experiment")), whole);
    let mut changed = parse(TEXT, &["worlds.*.steps=7", "evaluation.episodes=3"]).expect("experiment");
    changed.seeds = Seeds::One(0);
    assert_eq!(asked(&changed), whole);
    let renamed = parse(TEXT, &["worlds.0.agents.1.name=narrow"]).expect("experiment");
    assert_eq!(asked(&renamed), [of(0), of(0), of(100), None]);
    let quick = Experiment::load("quick", &[]).expect("experiment");
    let mut tree = serde_json::to_value(&quick).expect("JSON");
    tree["seeds"] = "0..1".into();
    assert_eq!(asked(&Experiment::from_json("a dict", tree).expect("experiment")), asked(&quick));
}

#[test]
fn mistakes_name_the_place_and_the_nearest_key() {
    let message = |text: &str| parse(text, &[]).expect_err("mistake").to_string();
    let unknown = message(&TEXT.replace("steps = 100", "stepps = 100"));
    assert!(unknown.contains("line") && unknown.contains("nearest key: steps"), "{unknown}");
    assert!(message(&TEXT.replace("0..2", "2..0")).contains("no seeds"));
    assert!(message(&TEXT.replace("0..2", "few")).contains("0..5"));
    assert!(message("name = ").contains("small.toml"));
    let trials = |text: &str| parse(text, &[]).expect("experiment").trials().expect_err("mistake").to_string();
    assert!(trials(&TEXT.replace("chain-v1", "chian-v1")).contains("classic/chain-v1"));
    assert!(trials(&TEXT.replace("\"wide\"", "\"dqn\"").replace("hidden = [128]", "")).contains("twice"));
    assert!(trials(&TEXT.replace("preset = \"dqn\" }", "preset = \"price_grid\" }")).contains("continuous"));
    assert!(parse(TEXT, &["worlds.7.steps=1"]).expect_err("index").to_string().contains("below 1"));
}
