//! `mercato envs [ID]`.
use super::{Format, Output, print, print_json, table::Table};
use anyhow::Result;
use clap::Args;
use envs::{ENVS, Entry, MODIFIERS, Params, VectorEnv};
use mercato::{Error, envs, proofs};
use serde_json::{Value, json};
use std::process::ExitCode;

/// Options of `mercato envs`.
#[derive(Args)]
pub struct Envs {
    /// The world whose page is wanted; all worlds when it is missing
    id: Option<String>,
    /// Set a parameter, KEY=VALUE
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    #[command(flatten)]
    output: Output,
}

/// Parameters from `--set` options.
pub fn params(assignments: &[String]) -> Result<Params, Error> {
    assignments.iter().map(|text| envs::registry::assignment(text).map_err(Error::from)).collect()
}

/// Prints the table of worlds or one world's page.
pub fn run(command: &Envs) -> Result<ExitCode> {
    let params = params(&command.set)?;
    match &command.id {
        Some(id) => {
            let entry = envs::find(id).map_err(Error::from)?;
            let env = entry.one(&params).map_err(Error::from)?;
            match command.output.format {
                Format::Json => print_json(&described(entry, env.as_ref())),
                Format::Text => print(&page(entry, env.as_ref())),
            }
        }
        None => {
            let worlds: Vec<_> = ENVS
                .iter()
                .map(|entry| Ok((entry, entry.one(&Params::new())?)))
                .collect::<envs::Result<_>>()
                .map_err(Error::from)?;
            if command.output.format == Format::Json {
                let worlds: Vec<Value> = worlds.iter().map(|(entry, env)| described(entry, env.as_ref())).collect();
                return print_json(&json!({ "schema": 1, "worlds": worlds }));
            }
            let mut table = Table::new(&["world", "action", "observation", "steps", "discount", "about"]);
            for (entry, env) in &worlds {
                let spec = env.spec();
                table.row([
                    entry.id.to_string(),
                    spec.shape.to_string(),
                    spec.observation.to_string(),
                    spec.horizon.to_string(),
                    spec.discount.to_string(),
                    entry.about(),
                ]);
            }
            print(&table.text(&[2, 3, 4]))
        }
    }
}

fn described(entry: &Entry, env: &dyn VectorEnv) -> Value {
    let (spec, optimum) = (env.spec(), env.optimum());
    let names = spec.params.as_object().map(|all| all.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
    let modifiers: Vec<Value> = MODIFIERS
        .iter()
        .map(|modifier| {
            let mut row = json!(modifier);
            row["used"] = json!(names.iter().any(|name| name == modifier.name));
            row
        })
        .collect();
    let parameters = spec.params.as_object().into_iter().flatten().map(|(name, value)| {
        // What is within a table of parameters has its ranges there.
        let modifier = MODIFIERS.iter().find(|modifier| modifier.name == name);
        let range = entry.range(name).or(modifier.map(|modifier| modifier.range.to_string()));
        json!({ "name": name, "value": value, "range": range })
    });
    json!({
        "schema": 1,
        "about": entry.about(),
        "spec": spec,
        "parameters": parameters.collect::<Vec<_>>(),
        "modifiers": modifiers,
        "references": std::iter::once(&"random").chain(spec.policies).collect::<Vec<_>>(),
        "objective": spec.objective(),
        "optimum": {
            "kind": optimum.kind(),
            "value": optimum.is_exact().then_some(optimum.upper),
            "lower": optimum.lower,
            "upper": optimum.upper,
            "tolerance": optimum.tolerance,
            "method": optimum.method,
            "random": optimum.random,
            "random_se": optimum.random_se,
            "others": optimum.others.iter().map(|(name, value)| (name.to_string(), json!(value))).collect::<Params>(),
        },
        "reached": proofs::of(proofs::TABLE, entry.id),
        "page": entry.page(),
    })
}

fn page(entry: &Entry, env: &dyn VectorEnv) -> String {
    let (spec, optimum) = (env.spec(), env.optimum());
    let mut text = format!("{}\n{}\n", entry.id, entry.page());
    text += &format!("With the parameters {}\n\n", spec.params);
    text += &format!("objective  {}\n", spec.objective());
    if optimum.is_exact() {
        text += &format!("optimum    {:.6} ({})\n", optimum.upper, optimum.method);
    } else {
        text += &format!("optimum    between {:.6} and {:.6} ({})\n", optimum.lower, optimum.upper, optimum.method);
    }
    let se =
        if optimum.random_se > 0.0 { format!(" ± {:.2e} (standard error)", optimum.random_se) } else { String::new() };
    text += &format!("random     {:.6}{se}\n", optimum.random);
    for (name, value) in &optimum.others {
        text += &format!("{name:<10} {value:.6}\n");
    }
    let proofs = proofs::of(proofs::TABLE, entry.id);
    if !proofs.is_empty() {
        let reached = proofs::markdown(&proofs);
        text += &format!("\nReached with the default parameters (score 0: random, 1: the optimum)\n\n{reached}");
    }
    let costs = if spec.costs.is_empty() { "none".into() } else { spec.costs.join(", ") };
    text += &format!(
        "\nModifiers, set like parameters; scores judge the world's own rewards, whatever is shown. Costs: {costs}\n\n"
    );
    let mut table = Table::new(&["modifier", "range", "optimum of what is judged"]);
    for modifier in MODIFIERS.iter() {
        table.row([modifier.name.to_string(), modifier.range.to_string(), modifier.optimum.to_string()]);
    }
    text + &table.text(&[])
}
