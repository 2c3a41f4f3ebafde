//! The fields of one action as the checks of all families see them: every text with its place and its values, and one
//! way to tell what is wrong. It knows no action.

use crate::{
    document::{
        checks::variables::{self, Scope},
        nearest,
        problem::{FieldPath, Problem},
    },
    name::RegionName,
    plan::Action,
    policy::Policy,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// The keys whose text is a region, in whichever action and however deep.
const REGION_KEYS: &[&str] = &["region", "source_region"];
/// The keys whose entries are named by whatever reads them.
const FREE_KEYS: &[&str] = &["env", "headers", "secret_headers"];

/// The fields of one action.
pub(super) struct Fields<'a> {
    place: FieldPath,
    /// The values of every text that could be resolved, one for each region that may be the other side.
    values: BTreeMap<FieldPath, Vec<String>>,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Fields<'a> {
    /// Reads every text of an action and tells what is wrong with any text, whatever it means.
    pub(super) fn read(
        policy: &Policy,
        step: &FieldPath,
        action: &Action,
        problems: &'a mut Vec<Problem>,
    ) -> Self {
        let mut values = BTreeMap::new();
        let commands = matches!(action, Action::Exec(_) | Action::Http(_));
        let sync = matches!(action, Action::S3Sync(_));
        let scope = if commands { Scope::Command } else { Scope::Plan };
        for (place, text) in texts(step, action) {
            let name = place.keys().last().cloned().unwrap_or_default();
            if text.trim().is_empty() {
                let mend = "write its value, or remove the key if it is optional";
                problems.push(Problem::error(place, format!("`{name}` is empty"), mend));
                continue;
            }
            let Some(resolved) = variables::resolve(policy, scope, &place, &text, problems) else {
                continue;
            };
            let resolved: Vec<String> = resolved.into_values().collect();
            let named_by_others = place.keys().iter().any(|key| FREE_KEYS.contains(&key.as_str()));
            // A bucket's region is AWS's; the service need not run there.
            let of_a_bucket = sync && place.keys().iter().any(|key| key == "from" || key == "to");
            let is_region = REGION_KEYS.contains(&name.as_str()) && !named_by_others && !of_a_bucket;
            let unknown = resolved.iter().find(|name| !policy.regions.contains_key(name.as_str()));
            if let Some(unknown) = unknown.filter(|_| is_region) {
                problems.push(unknown_region(policy, place.clone(), unknown));
            }
            values.insert(place, resolved);
        }
        Self { place: step.join(action.kind()), values, problems }
    }

    /// Tells what is wrong with a field.
    pub(super) fn wrong(&mut self, keys: &[&str], message: impl Into<String>, mend: impl Into<String>) {
        let place = keys.iter().fold(self.place.clone(), |place, key| place.join(*key));
        self.problems.push(Problem::error(place, message, mend));
    }

    /// Judges the text of a key, or each of its list; the first wrong one of each is told.
    pub(super) fn judge(&mut self, key: &str, judge: impl Fn(&str) -> Result<(), String>, mend: &str) {
        self.judge_in(&[key], judge, mend);
    }

    /// The same for a key inside others.
    pub(super) fn judge_in(&mut self, keys: &[&str], judge: impl Fn(&str) -> Result<(), String>, mend: &str) {
        let key = keys.iter().fold(self.place.clone(), |place, key| place.join(*key));
        let found =
            self.values.iter().filter(|(place, _)| **place == key || place.parent().as_ref() == Some(&key));
        let wrong: Vec<Problem> = found
            .filter_map(|(place, values)| {
                let message = values.iter().find_map(|value| judge(value).err())?;
                Some(Problem::error(place.clone(), message, mend))
            })
            .collect();
        self.problems.extend(wrong);
    }

    /// Exactly one of these keys is to be written: each says, in its own way, `what` is to be.
    pub(super) fn exactly_one(&mut self, what: &str, keys: &[(&str, bool)]) {
        let list = |keys: &[&str]| keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
        let written: Vec<&str> = keys.iter().filter(|(_, written)| *written).map(|(key, _)| *key).collect();
        match written.as_slice() {
            [] => {
                let all: Vec<&str> = keys.iter().map(|(key, _)| *key).collect();
                self.wrong(&[], format!("{what} is not said"), format!("write one of {}", list(&all)));
            }
            [_] => {}
            [.., last] => {
                let message = format!("{what} is said more than once");
                self.wrong(&[last], message, format!("keep one of {}", list(&written)));
            }
        }
    }
}

fn unknown_region(policy: &Policy, place: FieldPath, unknown: &str) -> Problem {
    let mend = nearest::mend(unknown, policy.regions.keys().map(RegionName::as_str));
    let mend = if mend.starts_with("did") {
        mend
    } else {
        "write {from}, {to} or one of the policy's regions".to_owned()
    };
    Problem::error(place, format!("there is no region `{unknown}`"), mend)
}

/// Every text of an action with its place, taken from its written form, so that a new field cannot be forgotten.
fn texts(step: &FieldPath, action: &Action) -> Vec<(FieldPath, String)> {
    let mut found = Vec::new();
    let mut open = vec![(step.clone(), serde_json::json!(action))];
    while let Some((place, value)) = open.pop() {
        match value {
            Value::String(text) => found.push((place, text)),
            Value::Array(items) => {
                let items = items.into_iter().enumerate();
                open.extend(items.map(|(index, item)| (place.join(index.to_string()), item)));
            }
            Value::Object(fields) => {
                for (key, value) in fields {
                    let place = place.join(key.clone());
                    // The names of a record's sets may hold variables, as values do.
                    if key.contains(['{', '}']) {
                        found.push((place.clone(), key));
                    }
                    open.push((place, value));
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    found
}
