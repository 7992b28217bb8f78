//! `mercato schema NAME`: JSON Schemas of what the program writes.
use super::print_json;
use anyhow::Result;
use clap::{Args, builder::PossibleValuesParser};
use mercato::{
    bench,
    kernels::counts::{CPU_METRICS, METRICS},
    reports::schema,
    verify,
};
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
    let count = || json!({ "type": "integer", "minimum": 0 });
    let text = || json!({ "type": "string" });
    let or_null = |of: Value| json!({ "anyOf": [of, { "type": "null" }] });
    let object = |properties: Value, about: &str| {
        let fields = properties.as_object().into_iter().flat_map(|fields| fields.keys().cloned());
        let required: Vec<String> = fields.collect();
        json!({ "type": "object", "description": about, "properties": properties, "required": required })
    };
    let list = |of: Value| json!({ "type": "array", "items": of });
    let row = |metrics: &[&str], about: &str| {
        let metrics: Map<String, Value> = metrics.iter().map(|metric| (metric.to_string(), count())).collect();
        let counts = object(Value::Object(metrics), "Counts; fewer is better.");
        list(object(json!({ "kernel": text(), "case": text(), "counts": counts }), about))
    };
    let module = object(json!({ "source": text(), "bytes": count() }), "A shipped module of PTX.");
    let assembled = json!({
        "kernel": text(),
        "architecture": text(),
        "registers": count(),
        "spilled_bytes": count(),
        "shared_bytes": count(),
        "warps_a_block": or_null(count()),
        "occupancy": or_null(object(
            json!({ "warps": count(), "of": count(), "limit": text() }),
            "Warps on a multiprocessor at once, those that fit at most, and what runs out first.",
        )),
    });
    let cpu = json!({
        "compiler": text(),
        "operations": row(&CPU_METRICS, "An operation of the CPU at a given shape."),
    });
    let mut schema = object(
        json!({
            "schema": { "const": 3, "description": "Layout." },
            "compiler": { "type": "string", "description": "The compiler of the PTX; counts of others are not comparable." },
            "modules": list(module),
            "kernels": row(&METRICS, "A CUDA kernel in a case of given shape, counted by the emulator."),
            "assembled": list(object(assembled, "What the assembler says of a kernel for an architecture.")),
            "cpu": object(cpu, "Instructions and allocations of the CPU's operations."),
        }),
        "Counts of the kernels.",
    );
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    schema["$id"] = "mercato/counts/3".into();
    schema["title"] = "mercato counts, layout 3".into();
    schema
}
