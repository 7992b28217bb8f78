//! What a world says about itself: its specification, parameters, optimum and page.
use super::{
    Broken, Build, Verdict, actions, ensure,
    player::{Player, RANDOM, START},
};
use crate::{env::Reference, registry::Params, space::Shape, vector::Spec};
use serde_json::{Value, json};

pub(super) fn specification(build: &Build<'_>) -> Verdict {
    let world = build(&Params::new(), 3)?;
    let spec = world.spec();
    ensure(spec.agents > 0 && spec.rows == 3 * spec.agents, || {
        format!("3 worlds were asked for, it has {} rows and {} agents", spec.rows, spec.agents)
    })?;
    ensure(build(&Params::new(), 0).is_err(), || "0 rows are accepted".into())?;
    let total: usize = spec.fields.iter().map(|field| field.len).sum();
    ensure(total == spec.observation && total > 0, || {
        format!("the fields have {total} numbers, the observation {}", spec.observation)
    })?;
    for field in &spec.fields {
        ensure(field.low.is_finite() && field.high.is_finite() && field.low <= field.high, || {
            format!("`{}` has bounds [{}, {}]", field.name, field.low, field.high)
        })?;
    }
    let width = actions::width(&spec.shape);
    ensure(width == spec.width, || format!("actions of {} take {width:?}, not {:?}", spec.shape, spec.width))?;
    if let (Some(items), Shape::Discrete(count)) = (&spec.items, &spec.shape) {
        ensure(items.dims > 0, || "its items have vectors without numbers".into())?;
        let (mut vector, mut again) = (vec![f32::NAN; items.dims], vec![f32::NAN; items.dims]);
        for item in [0, count / 2, count - 1] {
            items.write(item, &mut vector);
            items.write(item, &mut again);
            ensure(vector == again && vector.iter().all(|number| number.is_finite()), || {
                format!("the vector of item {item} is {vector:?}, then {again:?}")
            })?;
        }
    }
    ensure(spec.horizon > 0, || "the horizon is 0".into())?;
    ensure((0.0..=1.0).contains(&spec.discount), || format!("the discount is {}", spec.discount))?;
    let fields: Vec<&str> = spec.fields.iter().map(|field| field.name).collect();
    distinct("field", &fields, &[])?;
    distinct(
        "metric",
        &spec.metrics,
        &["episode_return", "discounted_return", "mean_reward", "expected_return", "length"],
    )?;
    distinct("reference policy", spec.policies, &[Reference::RANDOM])
}

fn distinct(what: &str, names: &[&str], taken: &[&str]) -> Verdict {
    for (i, name) in names.iter().enumerate() {
        ensure(!name.is_empty(), || format!("a {what} without a name"))?;
        ensure(!taken.contains(name) && !names[..i].contains(name), || format!("{what} `{name}` exists twice"))?;
    }
    Ok(())
}

pub(super) fn parameters(build: &Build<'_>) -> Verdict {
    let mut world = Player::new(build, 3)?;
    let Value::Object(params) = world.spec().params.clone() else {
        return Err(Broken(format!("the parameters are {}, not a table", world.spec().params)));
    };
    let text = toml::to_string(&params).map_err(|error| format!("no TOML table: {error}"))?;
    let read: Params = toml::from_str(&text).map_err(|error| format!("TOML does not come back: {error}"))?;
    for (form, params) in [("JSON", &params), ("TOML", &read)] {
        let mut again = Player::of(build(params, 3)?)?;
        ensure(again.spec().params == world.spec().params, || {
            format!("through {form}, {} became {}", world.spec().params, again.spec().params)
        })?;
        world.reset(START)?;
        for _ in 0..32 {
            world.play(&RANDOM)?;
            again.play(&RANDOM)?;
            world.same_rows(&again, 0).map_err(|Broken(seen)| format!("rebuilt through {form}: {seen}"))?;
        }
    }
    let wrong = |key: &str, value: Value| build(&Params::from_iter([(key.to_string(), value)]), 1).is_err();
    ensure(wrong("no such parameter", json!(1)), || "an unknown parameter is accepted".into())?;
    params.keys().try_for_each(|key| {
        // No parameter is a table with such a key.
        ensure(wrong(key, json!({"no": "table"})), || format!("`{key}` accepts a value of another type"))
    })
}

pub(super) fn optimum(build: &Build<'_>) -> Verdict {
    let world = build(&Params::new(), 1)?;
    let optimum = world.optimum();
    let numbers = [
        ("lower", optimum.lower),
        ("upper", optimum.upper),
        ("tolerance", optimum.tolerance),
        ("random", optimum.random),
        ("random_se", optimum.random_se),
    ];
    for (name, value) in numbers.into_iter().chain(optimum.others.iter().copied()) {
        ensure(value.is_finite(), || format!("{name} is {value}"))?;
    }
    ensure(optimum.lower <= optimum.upper, || format!("lower {} > upper {}", optimum.lower, optimum.upper))?;
    ensure(optimum.tolerance >= 0.0 && optimum.random_se >= 0.0, || {
        "a tolerance or standard error is negative".into()
    })?;
    ensure(!optimum.method.is_empty(), || "the method has no name".into())?;
    let most = optimum.upper + optimum.tolerance;
    for (name, value) in &optimum.others {
        // The oracle reads the state: where it is hidden, no observer need reach what the oracle does.
        ensure(*name == "oracle" || *value <= most, || {
            format!("`{name}` has {value}, above the upper bound {}", optimum.upper)
        })?;
    }
    ensure(optimum.random < optimum.upper, || "random play is optimal: no score can be made".into())?;
    for (name, _) in &optimum.others {
        world.spec().policy(name).map_err(|_| format!("`{name}` has a value but is no reference policy"))?;
    }
    ensure(world.optimum() == optimum, || "a second call gives other numbers".into())
}

/// The rows that the table of a page has; a row for one case only says which after a comma (`Optimum, hidden`).
const ROWS: [&str; 11] = [
    "Action",
    "Observation",
    "Reward",
    "Start",
    "End",
    "Discount",
    "Parameters",
    "Metrics",
    "Reference policies",
    "Optimum",
    "Source",
];

/// What a world's page does not say.
pub(super) fn missing_from_page(page: &str, spec: &Spec) -> Vec<String> {
    let mut missing = Vec::new();
    if !page.starts_with("# ") {
        missing.push("the first line is no title (`# …`)".to_string());
    }
    for row in ROWS {
        let filled = |line: &str| {
            let mut cells = line.trim_matches('|').splitn(2, '|').map(str::trim);
            let label = cells.next().and_then(|cell| cell.strip_prefix(row));
            label.is_some_and(|case| case.is_empty() || case.starts_with(','))
                && cells.next().is_some_and(|text| !text.is_empty())
        };
        if !page.lines().any(|line| line.starts_with('|') && filled(line)) {
            missing.push(format!("the table has no row `{row}`"));
        }
    }
    if !page.lines().any(|line| line.starts_with("History")) {
        missing.push("no line begins with `History`".to_string());
    }
    let parameters = spec.params.as_object().into_iter().flat_map(|params| params.keys().map(String::as_str));
    let names = (spec.fields.iter().map(|field| ("field", field.name)))
        .chain(spec.metrics.iter().map(|&name| ("metric", name)))
        .chain(spec.policies.iter().map(|&name| ("reference policy", name)))
        .chain(parameters.map(|name| ("parameter", name)));
    for (kind, name) in names {
        if !page.contains(&format!("`{name}`")) {
            missing.push(format!("{kind} `{name}` is not mentioned"));
        }
    }
    missing
}
