//! Where an agent sends traces, and what it shows there. Nothing is sent unless a collector is named; and the headers' values are
//! secrets, so they stand in files of their own.

use super::{
    checks::address,
    problem::{FieldPath, Problem},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf};

/// The collector that takes the traces of executions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Traces {
    /// The whole address to which OTLP over HTTP is sent, for example https://collector.example.com:4318/v1/traces.
    pub endpoint: String,
    /// Headers that it asks for, by their names: each the file that holds its value, `Bearer …` and the like included.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, PathBuf>,
}

/// What is wrong with it, not yet placed.
pub(super) fn check(traces: Option<&Traces>, problems: &mut Vec<Problem>) {
    let Some(traces) = traces else { return };
    let place = FieldPath::from(["traces"]);
    if let Err(wrong) = address::web(&traces.endpoint) {
        let mend = "write for example https://collector.example.com:4318/v1/traces";
        problems.push(Problem::error(place.join("endpoint"), wrong, mend));
    }
    for (name, file) in &traces.headers {
        let field = place.join("headers").join(name);
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || !name.chars().all(fits) {
            let message = format!("`{name}` is not a header's name");
            problems.push(Problem::error(field.clone(), message, "write for example authorization"));
        }
        if file.as_os_str().is_empty() {
            let mend = "write a path, relative to this file or absolute";
            problems.push(Problem::error(field, "the path is empty", mend));
        }
    }
}
