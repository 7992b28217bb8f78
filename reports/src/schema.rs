//! JSON Schemas of what is written, for programs that read it. Made from the types themselves, so they cannot lag behind.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Value, json};

use crate::{Record, Summary, changes::Changes, comparison::Comparison, ope::Evaluation, record, summary};

/// The schemas of this crate by name.
pub const NAMES: [&str; 5] = ["record", "report", "stats", "ope", "diff"];

/// The schema of one of [`NAMES`].
pub fn schema(name: &str) -> Option<Value> {
    Some(match name {
        "record" => of::<Record>(name, record::SCHEMA),
        "report" => of::<Summary>(name, summary::SCHEMA),
        "stats" => of::<Comparison>(name, crate::comparison::SCHEMA),
        "ope" => of::<Evaluation>(name, crate::ope::SCHEMA),
        "diff" => of::<Changes>(name, crate::changes::SCHEMA),
        _ => return None,
    })
}

/// The schema of a type as it is written, with its name and version; its field `schema` holds the version alone.
pub fn of<T: JsonSchema>(name: &str, version: u32) -> Value {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = generator.into_root_schema_for::<T>().to_value();
    schema["$id"] = format!("mercato/{name}/{version}").into();
    schema["title"] = format!("mercato {name}, layout {version}").into();
    if let Some(field) = schema["properties"].get_mut("schema") {
        field["const"] = json!(version);
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    /// Every field that is written is described, every field that is always written is required, and versions are in the
    /// schema's name and in its field.
    #[test]
    fn schemas_know_every_field() {
        let record = serde_json::to_value(&sample::records()[0]).unwrap();
        let report = serde_json::to_value(sample::summary()).unwrap();
        for (name, written) in [("record", record), ("report", report)] {
            let schema = schema(name).unwrap();
            for key in written.as_object().unwrap().keys() {
                assert!(schema["properties"][key]["description"].is_string(), "{name}.{key} is not described");
                assert!(schema["required"].as_array().unwrap().contains(&key.as_str().into()), "{name}.{key}");
            }
            assert_eq!(schema["properties"]["schema"]["const"], written["schema"]);
            assert!(schema["$id"].as_str().unwrap().ends_with(&format!("/{name}/{}", written["schema"])));
        }
        assert!(NAMES.iter().all(|name| schema(name).is_some()) && schema("poem").is_none());
    }
}
