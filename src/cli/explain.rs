//! `mercato explain CHECKPOINT`: why this item, why this price.
use super::{Format, Output, envs::params, print, print_json, table::Table};
use agents::{Agent, Checkpoint, Explanation};
use anyhow::Result;
use clap::Args;
use mercato::{
    Error, agents,
    envs::{self, Actions, Spec, Start},
    trial::{described, trained},
};
use serde_json::json;
use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

/// Options of `mercato explain`.
#[derive(Args)]
pub struct Explain {
    /// A file of weights, such as runs/NAME/weights/TRIAL.safetensors
    checkpoint: PathBuf,
    /// A part of the observation to explain, FIELD=V[,V…]; without any, an episode's first observations are explained
    #[arg(long = "observe", value_name = "FIELD=V[,V…]")]
    observe: Vec<String>,
    /// Set a parameter of the world, KEY=VALUE
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// How many of an episode's observations are explained
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    steps: u32,
    /// How many of the best values are shown
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    top: u32,
    /// Seed of the episode, below 2^56
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..1 << 56))]
    seed: u64,
    #[command(flatten)]
    output: Output,
}

/// Prints the values of the checkpoint's agent at the observations, and what it makes of them.
pub fn run(command: &Explain) -> Result<ExitCode> {
    let checkpoint = Checkpoint::read(&command.checkpoint).map_err(Error::from)?;
    let (id, mut world, agent) = described(&command.checkpoint, &checkpoint)?;
    world.extend(params(&command.set)?);
    let agent = trained(&command.checkpoint, &checkpoint, &id, &world, agent)?;
    let mut env = envs::make(&id, &world, 1).map_err(Error::from)?;
    let spec = env.spec().clone();
    let (observations, explained) = if command.observe.is_empty() {
        episode(command, env.as_mut(), agent.as_ref())?
    } else {
        let observation = observed(&command.observe, &spec)?;
        let explained = why(agent.as_ref(), &observation)?;
        (observation, explained)
    };
    let rows = || observations.chunks_exact(spec.observation).zip(&explained);
    if command.output.format == Format::Json {
        let rows: Vec<_> = rows()
            .map(|(observation, explanation)| {
                let told = |numbers: &[(String, f32)]| {
                    numbers.iter().map(|(name, value)| json!({ "of": name, "value": value })).collect::<Vec<_>>()
                };
                let appeal = explanation.appeal.as_ref();
                json!({
                    "observation": named(observation, &spec).map(|(name, part)| (name.to_string(), json!(part)))
                        .collect::<serde_json::Map<_, _>>(),
                    "items": explanation.items,
                    "reals": explanation.reals,
                    "values": told(&explanation.values),
                    "margin": explanation.margin,
                    "appeal": appeal.map(|appeal| json!({ "measure": appeal.measure, "values": told(&appeal.numbers) })),
                })
            })
            .collect();
        return print_json(&json!({ "schema": 1, "env": id, "checkpoint": checkpoint.metadata, "explained": rows }));
    }
    let mut text = String::new();
    for (at, (observation, explanation)) in rows().enumerate() {
        text += &format!("{}observation {at} of {id}\n", if at == 0 { "" } else { "\n" });
        text += &described_row(observation, explanation, &spec, command.top as usize);
    }
    print(&text)
}

/// The explanations of an agent that has some.
fn why(agent: &dyn Agent, observations: &[f32]) -> Result<Vec<Explanation>> {
    let explained = agent.explain(observations).map_err(Error::from)?;
    explained.ok_or_else(|| {
        let problem = "its agent has no action values to explain: it is no deep Q-learner".to_string();
        Error::Spec { path: "explain".into(), problem }.into()
    })
}

/// The first observations of an episode that the agent plays.
fn episode(
    command: &Explain,
    env: &mut dyn envs::VectorEnv,
    agent: &dyn Agent,
) -> Result<(Vec<f32>, Vec<Explanation>)> {
    let mut actions = Actions::new(1, env.spec().width);
    let mut policy = agent.greedy(1).map_err(Error::from)?;
    env.reset(Start::evaluation(command.seed, 0), policy.slot()).map_err(Error::from)?;
    let mut observations = Vec::new();
    for _ in 0..command.steps {
        let slot = policy.slot();
        if slot.stage[0].is_last() {
            break;
        }
        observations.extend_from_slice(slot.observation);
        policy.act(&mut actions).map_err(Error::from)?;
        env.step(&actions, policy.slot()).map_err(Error::from)?;
    }
    let explained = why(agent, &observations)?;
    Ok((observations, explained))
}

/// An observation from its parts, all of which must be given.
fn observed(parts: &[String], spec: &Spec) -> Result<Vec<f32>> {
    let problem = |problem: String| Error::Spec { path: "--observe".into(), problem };
    let mut given = BTreeMap::new();
    for part in parts {
        let (name, text) = part.split_once('=').ok_or_else(|| problem(format!("`{part}` must be FIELD=V[,V…]")))?;
        let numbers =
            text.split(',').map(|number| number.trim().parse::<f32>().ok().filter(|number| number.is_finite()));
        let numbers: Option<Vec<f32>> = numbers.collect();
        let numbers = numbers.ok_or_else(|| problem(format!("`{part}` holds something that is no number")))?;
        if !spec.fields.iter().any(|field| field.name == name) {
            return Err(problem(format!("{} has no field `{name}`; it has {}", spec.id, spec.fields_told())).into());
        }
        given.insert(name, numbers);
    }
    let mut observation = Vec::with_capacity(spec.observation);
    for field in &spec.fields {
        let Some(numbers) = given.get(field.name) else {
            return Err(
                problem(format!("`{}` is missing; {} observes {}", field.name, spec.id, spec.fields_told())).into()
            );
        };
        if numbers.len() != field.len {
            let problem = problem(format!("`{}` has {} numbers; it takes {}", field.name, numbers.len(), field.len));
            return Err(problem.into());
        }
        observation.extend_from_slice(numbers);
    }
    Ok(observation)
}

/// The named parts of an observation.
fn named<'a>(observation: &'a [f32], spec: &'a Spec) -> impl Iterator<Item = (&'static str, &'a [f32])> {
    let mut rest = observation;
    spec.fields.iter().map(move |field| {
        let (part, after) = rest.split_at(field.len);
        rest = after;
        (field.name, part)
    })
}

fn described_row(observation: &[f32], explanation: &Explanation, spec: &Spec, top: usize) -> String {
    let list = |numbers: &[f32]| numbers.iter().map(f32::to_string).collect::<Vec<_>>().join(" ");
    let mut text = String::new();
    for (name, part) in named(observation, spec) {
        text += &format!("  {name}: {}\n", list(part));
    }
    let mut action: Vec<String> = explanation.items.iter().map(|item| format!("item {item}")).collect();
    action.extend(explanation.reals.iter().map(|real| format!("number {real}")));
    text += &format!("plays {}", action.join(", "));
    text += &explanation.margin.map_or("\n".into(), |margin| format!(", by a margin of {margin:.4}\n"));
    let mut values: Vec<&(String, f32)> = explanation.values.iter().collect();
    values.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut table = Table::new(&["of", "value", "below the best"]);
    for (name, value) in values.iter().take(top) {
        table.row([name.clone(), format!("{value:.4}"), format!("{:.4}", values[0].1 - value)]);
    }
    text += &table.text(&[1, 2]);
    let Some(appeal) = &explanation.appeal else { return text };
    // What is shown, place by place, and what happens else.
    let mut table = Table::new(&["shown", "value", appeal.measure]);
    for item in &explanation.items {
        let ((name, value), (_, number)) = (&explanation.values[*item as usize], &appeal.numbers[*item as usize]);
        table.row([name.clone(), format!("{value:.4}"), format!("{number:.4}")]);
    }
    if let (Some((nothing, value)), Some((name, number))) = (explanation.values.last(), appeal.numbers.last()) {
        let name = if name == nothing { name.clone() } else { format!("{nothing}, {name}") };
        table.row([name, format!("{value:.4}"), format!("{number:.4}")]);
    }
    text + "\n" + &table.text(&[1, 2])
}
