//! A step as the policy writes it: one action under its own name, and beside it how the step is run. Read by hand,
//! because serde cannot refuse unknown keys beside a flattened action, and a misspelt `on_error` must not pass.

use crate::{
    effect::AssumeRole,
    name::{ComponentName, StepName},
    plan::{Action, Manner},
    time::Millis,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};
use std::{borrow::Cow, collections::BTreeMap, fmt};

/// A step as the policy writes it: one action, and how it is run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepTemplate {
    /// The action.
    #[serde(flatten)]
    pub action: Action,
    /// Steps that must have succeeded before.
    pub needs: Vec<StepName>,
    /// Values that variables must have; else the plan runs without the step.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub when: BTreeMap<String, String>,
    /// How long one attempt may take until its result stands.
    pub timeout: Millis,
    /// How many more attempts follow one that failed or stayed unknown.
    pub retries: u32,
    /// What a final failure means for the plan.
    pub on_error: OnError,
    /// Which agent runs it; by default one in the region that is activated.
    pub near: Near,
    /// The role in which it acts; by default the agent's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<AssumeRole>,
    /// Which part of the service it restores. It comes after the steps of all components that this one needs, and of all
    /// that are more important.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<ComponentName>,
    /// The manner in which alone it runs; by default it runs in both.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only: Option<Manner>,
}

/// What a step's final failure means for the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// The plan stops and pages.
    #[default]
    Stop,
    /// The plan goes on; steps that need this one run all the same.
    Continue,
}

/// Which agent runs a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Near {
    /// One in the region that is activated.
    #[default]
    To,
    /// One in the region that is left: for a fence.
    From,
}

/// Ten minutes: an RDS promotion is said to take five to ten.
const TIMEOUT: Millis = Millis::from_secs(600);
/// Two: each begins with an observation, so a retry never repeats what was applied.
const RETRIES: u32 = 2;

/// The keys of a step beside the names of the actions.
const SETTINGS: &[&str] =
    &["needs", "when", "timeout", "retries", "on_error", "near", "role", "component", "only"];

/// All keys of a step: the names of the actions, then the settings.
const KEYS: &[&str] = &{
    let mut keys = [""; Action::KINDS.len() + SETTINGS.len()];
    let mut index = 0;
    while index < keys.len() {
        let settings_from = Action::KINDS.len();
        keys[index] =
            if index < settings_from { Action::KINDS[index] } else { SETTINGS[index - settings_from] };
        index += 1;
    }
    keys
};

/// One of [`KEYS`].
struct Key(&'static str);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl de::Visitor<'_> for KeyVisitor {
            type Value = Key;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of an action or of a step's setting")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Key, E> {
                let known = KEYS.iter().find(|key| **key == text);
                known.map(|key| Key(key)).ok_or_else(|| E::unknown_field(text, KEYS))
            }
        }
        deserializer.deserialize_identifier(KeyVisitor)
    }
}

impl<'de> Deserialize<'de> for StepTemplate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(StepVisitor)
    }
}

struct StepVisitor;

impl<'de> de::Visitor<'de> for StepVisitor {
    type Value = StepTemplate;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one action and the step's settings")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<StepTemplate, A::Error> {
        let mut action: Option<Action> = None;
        let (mut needs, mut timeout, mut retries) = (Vec::new(), TIMEOUT, RETRIES);
        let (mut on_error, mut near, mut role) = (OnError::default(), Near::default(), None);
        let (mut when, mut component, mut only) = (BTreeMap::new(), None, None);
        while let Some(Key(key)) = map.next_key()? {
            match key {
                "needs" => needs = map.next_value()?,
                "when" => when = map.next_value()?,
                "timeout" => timeout = map.next_value()?,
                "retries" => retries = map.next_value()?,
                "on_error" => on_error = map.next_value()?,
                "near" => near = map.next_value()?,
                "role" => role = Some(map.next_value()?),
                "component" => component = Some(map.next_value()?),
                "only" => only = Some(map.next_value()?),
                kind => {
                    if let Some(first) = &action {
                        let found = format!("two actions in one step, `{}` and `{kind}`", first.kind());
                        let mend = "one action, and the other in a step of its own";
                        return Err(de::Error::invalid_value(de::Unexpected::Other(&found), &mend));
                    }
                    let read = Action::read(kind, &mut map)?;
                    action = Some(read.ok_or_else(|| de::Error::unknown_field(kind, KEYS))?);
                }
            }
        }
        let Some(action) = action else {
            let mend = format!("one of {}", Action::KINDS.join(", "));
            let found = de::Unexpected::Other("a step without an action");
            return Err(de::Error::invalid_value(found, &mend.as_str()));
        };
        Ok(StepTemplate { action, needs, when, timeout, retries, on_error, near, role, component, only })
    }
}

impl JsonSchema for StepTemplate {
    fn schema_name() -> Cow<'static, str> {
        "Step".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let actions = Action::schemas(generator);
        let required: Vec<_> =
            actions.iter().map(|(kind, _)| serde_json::json!({"required": [kind]})).collect();
        let settings = [
            (
                "needs",
                json_schema!({
                    "description": "Steps that must have succeeded before.",
                    "type": "array",
                    "items": { "type": "string" },
                    "default": [],
                }),
            ),
            (
                "when",
                json_schema!({
                    "description": "Values that variables must have, such as `input.cause: corruption`; else the plan runs \
                                    without the step.",
                    "type": "object",
                    "additionalProperties": { "type": "string" },
                    "default": {},
                }),
            ),
            (
                "timeout",
                setting(generator, "How long one attempt may take until its result stands.", &TIMEOUT),
            ),
            (
                "retries",
                setting(
                    generator,
                    "How many more attempts follow one that failed or stayed unknown.",
                    &RETRIES,
                ),
            ),
            ("on_error", setting(generator, "What a final failure means for the plan.", &OnError::default())),
            ("near", setting(generator, "Which agent runs the step.", &Near::default())),
            ("role", generator.subschema_for::<AssumeRole>()),
            (
                "component",
                json_schema!({
                    "description": "Which part of the service it restores. It comes after the steps of all components that \
                                    this one needs, and of all that are more important.",
                    "type": "string",
                }),
            ),
            (
                "only",
                json_schema!({
                    "description": "The manner in which alone it runs: in a graceful execution, which an operator has begun, or in an \
                                    ungraceful one. By default it runs in both.",
                    "enum": [Manner::Graceful, Manner::Ungraceful],
                }),
            ),
        ];
        let properties: serde_json::Map<String, serde_json::Value> = actions
            .into_iter()
            .chain(settings)
            .map(|(key, schema)| (key.to_owned(), schema.to_value()))
            .collect();
        json_schema!({
            "description": "One action under its own name, and how the step is run.",
            "type": "object",
            "additionalProperties": false,
            "oneOf": required,
            "properties": properties,
        })
    }
}

/// The schema of one setting: its type, its words and its default.
fn setting<T: JsonSchema + Serialize>(
    generator: &mut SchemaGenerator,
    description: &str,
    default: &T,
) -> Schema {
    let mut schema = generator.subschema_for::<T>();
    schema.insert("description".to_owned(), description.into());
    schema.insert("default".to_owned(), serde_json::json!(default));
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(yaml: &str) -> Result<StepTemplate, String> {
        serde_saphyr::from_str(yaml).map_err(|error| error.without_snippet().to_string())
    }

    /// Goal: the keys that reading knows, those of the schema and the actions are the same. Method: compare the three
    /// lists, the actions' own from the schema of `Action`.
    #[test]
    fn reading_and_schema_know_the_same_keys() {
        let schema = schemars::schema_for!(StepTemplate).to_value();
        let properties: Vec<&str> =
            schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(properties, KEYS);
        let required =
            schema["oneOf"].as_array().unwrap().iter().map(|one| one["required"][0].as_str().unwrap());
        let actions = schemars::schema_for!(Action).to_value();
        let named = actions["oneOf"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["required"][0].as_str().unwrap().to_owned());
        assert_eq!(required.collect::<Vec<_>>(), named.collect::<Vec<_>>());
    }

    /// Goal: a step is one action and known settings. Method: misspelt, missing and doubled keys.
    #[test]
    fn a_step_is_one_action_and_known_settings() {
        let scale = "ecs.scale: {region: r, cluster: c, service: s, desired: 1}";
        assert_eq!(read(scale).unwrap().retries, RETRIES);
        assert!(read(&format!("{scale}\non_errr: stop")).unwrap_err().contains("on_errr"));
        assert!(read("needs: [a]").unwrap_err().contains("a step without an action"));
        let two = read(&format!("{scale}\nverify.probes: {{through: 'https://x'}}")).unwrap_err();
        assert!(two.contains("two actions in one step, `ecs.scale` and `verify.probes`"), "{two}");
    }

    /// Goal: what is written reads back. Method: through JSON, as the log keeps it.
    #[test]
    fn a_step_survives_the_log() {
        let step = read("verify.probes: {through: 'https://x'}\nneeds: [a]\nnear: from\non_error: continue")
            .unwrap();
        let text = serde_json::to_string(&step).unwrap();
        assert_eq!(serde_json::from_str::<StepTemplate>(&text).unwrap(), step);
    }
}
