//! Every world of the registry keeps every promise of the checker.
use envs::{ENVS, Params, check, find};
use serde_json::json;

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
];

#[test]
fn other_forms_keep_the_same_promises() {
    let findings: Vec<String> = FORMS
        .iter()
        .flat_map(|(id, key, value)| {
            let entry = find(id).expect("it is in the suite");
            let build = |params: &Params, worlds: usize| {
                let mut all = Params::from_iter([(key.to_string(), json!(value))]);
                all.extend(params.clone());
                entry.make(&all, worlds * entry.agents(&all)?)
            };
            check::world(&build).into_iter().map(move |finding| format!("{id} with {key} = {value}: {finding}"))
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
