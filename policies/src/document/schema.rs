//! The JSON Schemas of both kinds of document, made from the types that read them, and look-ups in them for the words
//! of a mend.

use super::{agent_file::AgentFile, problem::FieldPath};
use crate::policy::Policy;
use schemars::JsonSchema;
use serde_json::Value;

/// The schema of a type.
pub(super) fn of<T: JsonSchema>() -> Value {
    schemars::schema_for!(T).to_value()
}

/// The JSON Schema (draft 2020-12) of a policy, for editors.
#[must_use]
pub fn schema_policy() -> Value {
    titled(of::<Policy>(), "Quorate policy", "One service: its regions, probes, guards and recovery plans.")
}

/// The JSON Schema (draft 2020-12) of an agent's own file, for editors.
#[must_use]
pub fn schema_agent() -> Value {
    titled(
        of::<AgentFile>(),
        "Quorate agent file",
        "One agent: its name, region, addresses, members and credentials.",
    )
}

fn titled(mut schema: Value, title: &str, description: &str) -> Value {
    schema["title"] = title.into();
    schema["description"] = description.into();
    schema
}

/// What the schema says about one setting, if the setting can exist.
pub(super) fn setting<'a>(schema: &'a Value, path: &FieldPath) -> Option<&'a Value> {
    let mut described = schema;
    for key in path.keys() {
        let node = resolved(schema, described);
        described = (node.get("properties").and_then(|properties| properties.get(key)))
            .or_else(|| node.get("additionalProperties").filter(|value| value.is_object()))
            .or_else(|| node.get("items"))?;
    }
    Some(described)
}

/// Whether the mapping at a path has a setting of its own with this name, and not just any name as a key.
pub(super) fn names(schema: &Value, mapping: &FieldPath, field: &str) -> bool {
    let node = setting(schema, mapping).map(|node| resolved(schema, node));
    node.and_then(|node| node.get("properties")).is_some_and(|properties| properties.get(field).is_some())
}

/// The first sentence about a setting, as words for the middle of another sentence.
pub(super) fn description(schema: &Value, path: &FieldPath) -> Option<String> {
    if path.keys().is_empty() {
        return None;
    }
    let node = setting(schema, path)?;
    let text = node.get("description").or_else(|| resolved(schema, node).get("description"))?.as_str()?;
    let sentence =
        text.split_once(". ").map_or(text, |(first, _)| first).trim_end_matches('.').replace('\n', " ");
    let mut letters = sentence.chars();
    let first = letters.next()?;
    // An abbreviation such as DNS keeps its capitals.
    let lower = letters.clone().next().is_some_and(|second| !second.is_uppercase());
    Some(if lower { first.to_lowercase().chain(letters).collect() } else { sentence })
}

/// Follows a reference, also through the "or null" of an optional setting.
fn resolved<'a>(schema: &'a Value, node: &'a Value) -> &'a Value {
    let one = node.get("anyOf").and_then(Value::as_array).and_then(|choices| choices.first()).unwrap_or(node);
    let pointer = one.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| schema.pointer(pointer)).unwrap_or(one)
}
