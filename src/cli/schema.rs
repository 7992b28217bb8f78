//! `mercato schema NAME`: JSON Schemas of what the program writes.
use super::print_json;
use anyhow::Result;
use clap::{Args, builder::PossibleValuesParser};
use mercato::{bench, kernels::counts::METRICS, reports::schema, verify};
use serde_json::{Map, Value, json};
use std::process::ExitCode;

/// What this crate's own layouts are called.
const OWN: [&str; 3] = ["counts", "verify", "ab"];

/// Options of `mercato schema`.
#[derive(Args)]
pub struct Schema {
    /// The layout: a line of records.jsonl, report.json, or what a command prints with --format json
    #[arg(value_parser = PossibleValuesParser::new(schema::NAMES.into_iter().chain(OWN)))]
    name: String,
}

/// Prints the schema.
pub fn run(command: &Schema) -> Result<ExitCode> {
    let value = match command.name.as_str() {
        "counts" => counts(),
        "verify" => with_exit_code(schema::of::<verify::Verification>("verify", verify::SCHEMA)),
        "ab" => with_exit_code(schema::of::<bench::Found>("ab", mercato::reports::speed::SCHEMA)),
        name => schema::schema(name).unwrap_or(Value::Null),
    };
    print_json(&value)
}

/// The command adds its exit code to what was found.
fn with_exit_code(mut schema: Value) -> Value {
    schema["properties"]["exit_code"] = json!({ "type": "integer", "description": "What the program exits with." });
    if let Some(required) = schema["required"].as_array_mut() {
        required.push("exit_code".into());
    }
    schema
}

/// What `mercato kernels list --format json` prints.
fn counts() -> Value {
    let count = json!({ "type": "integer", "minimum": 0 });
    let metrics: Map<String, Value> = METRICS.iter().map(|metric| (metric.to_string(), count.clone())).collect();
    let object = |properties: Value, about: &str| {
        let required: Vec<String> =
            properties.as_object().into_iter().flat_map(|fields| fields.keys().cloned()).collect();
        json!({ "type": "object", "description": about, "properties": properties, "required": required })
    };
    let module = json!({ "source": { "type": "string" }, "bytes": count });
    let kernel = json!({
        "kernel": { "type": "string" },
        "case": { "type": "string" },
        "counts": object(Value::Object(metrics), "Counts by the emulator; fewer is better."),
    });
    let mut schema = object(
        json!({
            "schema": { "const": 1, "description": "Layout." },
            "compiler": { "type": "string", "description": "The compiler of the PTX; counts of others are not comparable." },
            "modules": { "type": "array", "items": object(module, "A shipped module of PTX.") },
            "kernels": { "type": "array", "items": object(kernel, "A kernel in a case of given shape.") },
        }),
        "Counts of the CUDA kernels.",
    );
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    schema["$id"] = "mercato/counts/1".into();
    schema["title"] = "mercato counts, layout 1".into();
    schema
}
