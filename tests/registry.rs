//! Every world of the registry keeps every promise of the checker.
use envs::{ENVS, Params, check, find, registry::assignment};

/// A world that is added is walked through by the checker, its page included, without another word of code.
#[test]
fn every_world_keeps_its_promises() {
    let findings: Vec<String> = ENVS
        .iter()
        .flat_map(|entry| check::entry(entry).into_iter().map(|finding| format!("{}: {finding}", entry.id)))
        .collect();
    assert!(findings.is_empty(), "\n{}", findings.join("\n"));
}

/// Worlds whose actions or observations have another form by parameter.
const FORMS: &[(&str, &str, &str)] = &[
    ("pricing/logit-monopoly-v1", "actions", "grid"),
    ("pricing/logit-monopoly-v1", "reward", "expected"),
    ("pricing/linear-demand-learning-v1", "actions", "continuous"),
    ("pricing/linear-demand-learning-v1", "observation", "history"),
    ("pricing/multi-product-mnl-v1", "prices", "fixed"),
    ("ads/budget-pacing-v1", "actions", "continuous"),
    ("ads/budget-pacing-v1", "value", "seen"),
    ("ads/first-price-v1", "feedback", "full"),
    ("finance/execution-v1", "actions", "continuous"),
    ("pricing/inventory-v1", "actions", "grid"),
    ("pricing/inventory-v1", "customers", "poisson"),
    ("pricing/inventory-large-v1", "actions", "grid"),
    ("pricing/yogurt-v1", "actions", "grid"),
    ("rec/slate-cascade-v1", "choice", "{ nested = { nests = 3, dissimilarity = 0.4 } }"),
    ("rec/slate-cascade-v1", "choice", "{ willing = { wealth = 5 } }"),
];

#[test]
fn other_forms_keep_the_same_promises() {
    let findings: Vec<String> = FORMS
        .iter()
        .flat_map(|(id, key, value)| {
            let entry = find(id).expect("it is in the suite");
            let build = |params: &Params, worlds: usize| {
                let mut all = Params::from_iter([assignment(&format!("{key}={value}"))?]);
                all.extend(params.clone());
                entry.make(&all, worlds * entry.agents(&all)?)
            };
            check::world(&build).into_iter().map(move |finding| format!("{id} with {key} = {value}: {finding}"))
        })
        .collect();
    assert!(findings.is_empty(), "\n{}", findings.join("\n"));
}

/// Settings of modifiers: each alone, all at once, and worlds with slates, prices, pairs of both, and several agents.
const MODIFIED: &[(&str, &str)] = &[
    ("rec/markov-interest-v1", r#"{"reward_noise": 0.5}"#),
    ("rec/topic-bandit-v1", r#"{"reward_delay": 5}"#),
    ("rec/slate-cascade-v1", r#"{"reward_missing": 0.25}"#),
    ("rec/markov-interest-v1", r#"{"sticky_actions": 0.25}"#),
    ("pricing/inventory-v1", r#"{"sticky_actions": 0.25}"#),
    ("rec/slateq-mdp-v1", r#"{"drift_step": 5}"#),
    ("pricing/yogurt-v1", r#"{"drift_step": 10}"#),
    ("rec/slate-cascade-v1", r#"{"mask_rate": 0.3}"#),
    ("pricing/wine-club-v1", r#"{"mask_rate": 0.3}"#),
    ("health/dose-v1", r#"{"cost": "toxicity", "cost_weight": 0.1}"#),
    ("rec/fair-interest-v1", r#"{"cost": "others"}"#),
    ("ads/budget-pacing-v1", r#"{"cost": "spent", "cost_weight": 1}"#),
    (
        "pricing/bertrand-v1",
        r#"{"reward_noise": 0.1, "reward_delay": 2, "sticky_actions": 0.1, "drift_step": 20, "mask_rate": 0.2}"#,
    ),
    (
        "rec/markov-interest-v1",
        r#"{"reward_noise": 0.5, "reward_delay": 3, "reward_missing": 0.1, "sticky_actions": 0.2, "drift_step": 7,
            "mask_rate": 0.2, "cost": "bait", "cost_weight": 0.3}"#,
    ),
];

/// Whatever modifiers are used: determinism, rows, threads, saved states, rejection and values stay promised.
#[test]
fn modified_worlds_keep_the_same_promises() {
    let findings: Vec<String> = MODIFIED
        .iter()
        .flat_map(|(id, settings)| {
            let entry = find(id).expect("it is in the suite");
            let set: Params = serde_json::from_str(settings).expect("a table");
            let build = |params: &Params, worlds: usize| {
                let mut all = set.clone();
                all.extend(params.clone());
                entry.make(&all, worlds * entry.agents(&all)?)
            };
            check::world(&build).into_iter().map(move |finding| format!("{id} with {settings}: {finding}"))
        })
        .collect();
    assert!(findings.is_empty(), "\n{}", findings.join("\n"));
}

/// The table of worlds shows their first sentence, so it must be one and no longer than a line.
#[test]
fn every_title_fits_a_line() {
    for entry in ENVS {
        let title = entry.about();
        assert!((10..=110).contains(&title.chars().count()), "{}: {title:?}", entry.id);
    }
}
