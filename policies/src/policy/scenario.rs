//! Scenarios: what the agents detect or an operator declares, which plan answers it, who starts that, and what it is
//! measured by. What a plan may do, and whether it may begin, is not said here.

use super::Role;
use crate::{
    name::{ComponentName, InputName, PlanName},
    time::Millis,
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// Longest value of an input, in characters: a path or a moment. It stands in the audit and in every report.
const VALUE_CHARS_MAX: usize = 256;

/// What is run when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it is and how it is recognized, for whoever has to declare it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What must be agreed. Without it nothing detects the scenario, and an operator declares it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<When>,
    /// The plan.
    pub run: PlanName,
    /// Who starts it.
    #[serde(default)]
    pub mode: Mode,
    /// How long it may recover by itself before the agents begin, where that is longer than the dwell: an orchestrator may
    /// put it somewhere else.
    #[serde(default, skip_serializing_if = "Millis::is_zero")]
    pub grace: Millis,
    /// What the operator who declares it says with it; the plan's texts have each as `{input.name}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<InputName, Input>,
    /// How grave it is for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// Which kind of disaster it is: `objectives.levels` says what a recovery must achieve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// Its own recovery time, before that of its level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rto: Option<Millis>,
    /// Its own data loss, before that of its level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpo: Option<Millis>,
    /// The components that people miss: they stand in messages. All of them, where the service moves and nothing is said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub affects: Vec<ComponentName>,
}

/// What must be agreed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// Which region, if it is a whole one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Role>,
    /// Which part of the service, where the service is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<ComponentName>,
    /// In which state.
    pub is: WhenState,
}

/// The state that a scenario waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenState {
    /// Objectively down.
    Down,
}

/// Who starts a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The agents.
    Automatic,
    /// The agents prepare it; it stops before its first step until an operator approves.
    Approval,
    /// Nobody: what would have been done is recorded.
    #[default]
    Observe,
    /// An operator, who declares it: `quorate declare`.
    Manual,
}

/// How grave a scenario is for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Severity {
    /// Everybody at once.
    P1,
    /// The engineers, and whoever depends on it.
    P2,
    /// The team, and the status page.
    P3,
    /// The team alone.
    P4,
}

/// A kind of disaster, the gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Level {
    /// The whole system: a region or a data centre is lost.
    L1,
    /// A core service: a corrupted database.
    L2,
    /// A part, or a degradation: one zone, a lost cache.
    L3,
    /// One server, or a service that is not critical.
    L4,
}

/// One thing that an operator says when declaring a scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// What is asked for.
    pub description: String,
    /// Of which kind it is.
    #[serde(default)]
    pub kind: InputKind,
    /// The only values that are taken, if there are any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// What holds when nothing is said. Without it the input must be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// The kind of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InputKind {
    /// One line of text.
    #[default]
    Text,
    /// A moment, as RFC 3339 writes it: `2026-11-22T03:00:00Z`.
    Time,
    /// A whole number, not below zero.
    Number,
}

/// Why a scenario cannot be declared with what was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "wrong")]
pub enum InputError {
    /// It must be given.
    #[error("input `{name}` is missing: {description}")]
    Missing {
        /// Which one.
        name: InputName,
        /// What it is.
        description: String,
    },
    /// There is none of that name.
    #[error("there is no input `{name}`; there are: {}", if known.is_empty() { "none".to_owned() } else { known.join(", ") })]
    Unknown {
        /// What was said.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// Its value cannot be taken.
    #[error("input `{name}`: {why}")]
    Value {
        /// Which one.
        name: InputName,
        /// What is wrong, and the mend.
        why: String,
    },
}

impl Scenario {
    /// Every input's value, defaults included.
    ///
    /// # Errors
    /// The first that is missing, unknown or cannot be taken.
    pub fn values(&self, said: &BTreeMap<String, String>) -> Result<BTreeMap<InputName, String>, InputError> {
        if let Some(name) = said.keys().find(|name| !self.inputs.contains_key(name.as_str())) {
            let known = self.inputs.keys().map(ToString::to_string).collect();
            return Err(InputError::Unknown { name: name.clone(), known });
        }
        let value = |(name, input): (&InputName, &Input)| {
            let missing =
                || InputError::Missing { name: name.clone(), description: input.description.clone() };
            let value = said.get(name.as_str()).or(input.default.as_ref()).ok_or_else(missing)?;
            let wrong = |why| InputError::Value { name: name.clone(), why };
            input.takes(value).map_err(wrong)?;
            Ok((name.clone(), value.clone()))
        };
        self.inputs.iter().map(value).collect()
    }

    /// Values that every input would take, for a look at the plan before anybody has said any.
    #[must_use]
    pub fn examples(&self) -> BTreeMap<InputName, String> {
        self.inputs.iter().map(|(name, input)| (name.clone(), input.example())).collect()
    }
}

impl Input {
    /// Whether a value can be taken.
    ///
    /// # Errors
    /// What is wrong, and the mend.
    pub fn takes(&self, value: &str) -> Result<(), String> {
        if value.chars().count() > VALUE_CHARS_MAX {
            return Err(format!("it is longer than {VALUE_CHARS_MAX} characters"));
        }
        // A value becomes part of texts that programs and servers read; none of these belongs in one line of them.
        if value.chars().any(char::is_control) {
            return Err("it has a line break or another control character".to_owned());
        }
        if !self.choices.is_empty() && !self.choices.iter().any(|choice| choice == value) {
            return Err(format!("`{value}` is none of {}", self.choices.join(", ")));
        }
        match self.kind {
            InputKind::Text if value.trim().is_empty() => Err("it is empty".to_owned()),
            InputKind::Text => Ok(()),
            InputKind::Time => value.parse::<Timestamp>().map(drop).map_err(|_| {
                format!("`{value}` is no moment; write it as 2026-11-22T03:00:00Z, with its offset from UTC")
            }),
            InputKind::Number => {
                value.parse::<u64>().map(drop).map_err(|_| format!("`{value}` is no whole number"))
            }
        }
    }

    fn example(&self) -> String {
        let plain = match self.kind {
            InputKind::Text => "text",
            InputKind::Time => "2026-01-01T00:00:00Z",
            InputKind::Number => "1",
        };
        let default = self.default.as_ref().filter(|default| self.takes(default).is_ok());
        default.or_else(|| self.choices.first()).map_or_else(|| plain.to_owned(), Clone::clone)
    }
}

impl Severity {
    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Severity::P1 => "P1",
            Severity::P2 => "P2",
            Severity::P3 => "P3",
            Severity::P4 => "P4",
        }
    }
}

impl Level {
    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Level::L1 => "L1",
            Level::L2 => "L2",
            Level::L3 => "L3",
            Level::L4 => "L4",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario() -> Scenario {
        serde_saphyr::from_str(
            "run: restore\nmode: manual\ninputs:\n  \
             until: {description: the last good moment, kind: time}\n  \
             cause: {description: what happened, choices: [corruption, deletion], default: corruption}\n  \
             tasks: {description: how many, kind: number, default: '3'}\n",
        )
        .unwrap()
    }

    /// Goal: what an operator says is taken, completed or refused with what to say. Method: what is right, and one mistake at a
    /// time.
    #[test]
    fn what_an_operator_says() {
        let told = |said: &[(&str, &str)]| {
            let said = said.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            match scenario().values(&said) {
                Ok(values) => {
                    values.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
                }
                Err(error) => error.to_string(),
            }
        };
        let moment = ("until", "2026-11-22T03:00:00Z");
        insta::assert_snapshot!(
            [
                told(&[moment]),
                told(&[moment, ("cause", "deletion"), ("tasks", "0")]),
                told(&[]),
                told(&[moment, ("untill", "x")]),
                told(&[("until", "yesterday")]),
                told(&[moment, ("cause", "fire")]),
                told(&[moment, ("tasks", "-1")]),
                told(&[moment, ("cause", "corruption\nrm")]),
                told(&[moment, ("cause", &"x".repeat(300))]),
            ]
            .join("\n")
        );
    }

    /// Goal: an example is taken. Method: those of every kind.
    #[test]
    fn examples_are_taken() {
        let scenario = scenario();
        for (name, value) in scenario.examples() {
            assert_eq!(scenario.inputs[&name].takes(&value), Ok(()), "{name}");
        }
    }
}
