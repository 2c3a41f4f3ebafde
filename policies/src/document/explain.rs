//! A policy as the agents understand it: every setting with its effective value, defaults included. What is printed
//! reads back as the same policy.

use crate::{
    plan::Action,
    policy::{Communication, Looks, Policy, StepTemplate},
};
use serde::{Serialize, Serializer, de::DeserializeOwned, ser};
use serde_json::{Map, Value};
use serde_saphyr::Commented;

/// Prints every setting with its effective value as YAML; `# default` marks a value that equals the default.
#[must_use]
pub fn explain(policy: &Policy) -> String {
    let document = Explained::Mapping(document(policy));
    // Text keys and plain values can always be written; should that ever change, the reader of the output is told.
    serde_saphyr::to_string(&document)
        .unwrap_or_else(|error| format!("# this policy cannot be printed: {error}\n"))
}

/// One setting, and whether leaving it out would mean the same.
enum Explained {
    Value { value: Value, default: bool },
    Mapping(Settings),
}

type Settings = Vec<(String, Explained)>;

fn document(policy: &Policy) -> Settings {
    let mut all = settings(policy);
    nest(&mut all, "objectives", settings(&policy.objectives));
    nest(&mut all, "regions", named(&policy.regions, settings));
    nest(&mut all, "components", named(&policy.components, settings));
    nest(
        &mut all,
        "probes",
        named(&policy.probes, |probe| {
            let mut probe_settings = settings(probe);
            match &probe.looks {
                Looks::Http(http) => nest(&mut probe_settings, "expect", settings(&http.expect)),
                Looks::Postgres(postgres) => nest(&mut probe_settings, "postgres", settings(postgres)),
            }
            probe_settings
        }),
    );
    nest(&mut all, "backups", named(&policy.backups, settings));
    nest(&mut all, "agreement", settings(&policy.agreement));
    nest(&mut all, "guards", settings(&policy.guards));
    nest(&mut all, "lease", settings(&policy.lease));
    nest(&mut all, "scenarios", named(&policy.scenarios, settings));
    nest(
        &mut all,
        "plans",
        named(&policy.plans, |plan| {
            let mut all = settings(plan);
            nest(&mut all, "steps", named(&plan.steps, step));
            all
        }),
    );
    nest(&mut all, "drills", named(&policy.drills, settings));
    nest(&mut all, "communication", communication(&policy.communication));
    all
}

fn communication(all: &Communication) -> Settings {
    let mut told = settings(all);
    nest(&mut told, "channels", named(&all.channels, settings));
    nest(&mut told, "messages", named(&all.messages, settings));
    nest(&mut told, "contacts", named(&all.contacts, settings));
    told
}

fn step(step: &StepTemplate) -> Settings {
    let mut all = settings(step);
    nest(&mut all, step.action.kind(), action(&step.action));
    all
}

/// The fields of an action, whichever it is: its written form is one mapping under its name.
fn action(action: &Action) -> Settings {
    let kind = action.kind();
    let written = serde_json::json!(action)[kind].take();
    let wrapped = |fields: Value| serde_json::from_value::<Action>(serde_json::json!({kind: fields}));
    fields_of(&written, &|fields| wrapped(fields).is_ok_and(|read| read == *action))
}

/// The settings of one structure as it is written. A setting is a default if the structure reads the same without it.
fn settings<T: Serialize + DeserializeOwned + PartialEq>(whole: &T) -> Settings {
    fields_of(&serde_json::json!(whole), &|fields| {
        serde_json::from_value::<T>(fields).is_ok_and(|read| read == *whole)
    })
}

/// The settings of a written structure; `same` tells whether other fields read as the same whole.
fn fields_of(written: &Value, same: &dyn Fn(Value) -> bool) -> Settings {
    let Value::Object(written) = written else { return Settings::new() };
    let same_without = |key: &String| {
        let rest: Map<String, Value> =
            written.iter().filter(|(k, _)| *k != key).map(|(k, v)| (k.clone(), v.clone())).collect();
        same(Value::Object(rest))
    };
    let setting = |(key, value): (&String, &Value)| {
        (key.clone(), Explained::Value { value: value.clone(), default: same_without(key) })
    };
    written.iter().map(setting).collect()
}

fn named<'a, K: ToString + 'a, T: 'a>(
    entries: impl IntoIterator<Item = (&'a K, &'a T)>,
    settings: impl Fn(&T) -> Settings,
) -> Settings {
    entries.into_iter().map(|(name, value)| (name.to_string(), Explained::Mapping(settings(value)))).collect()
}

/// Puts the settings of a structure in the place of its undivided value.
fn nest(settings: &mut Settings, key: &str, inner: Settings) {
    if let Some((_, value)) = settings.iter_mut().find(|(name, _)| name == key) {
        *value = Explained::Mapping(inner);
    }
}

impl Serialize for Explained {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Explained::Mapping(settings) => {
                let mut map = serializer.serialize_map(Some(settings.len()))?;
                for (key, value) in settings {
                    ser::SerializeMap::serialize_entry(&mut map, key, value)?;
                }
                ser::SerializeMap::end(map)
            }
            // A comment would stand oddly beside a list or a mapping.
            Explained::Value { value, default: true } if !value.is_array() && !value.is_object() => {
                Commented(value, "default".to_owned()).serialize(serializer)
            }
            Explained::Value { value, .. } => value.serialize(serializer),
        }
    }
}
