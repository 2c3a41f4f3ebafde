//! What `exec` says: which program runs with which arguments, when it has succeeded, and how to see that its result
//! stands. Which programs may run at all is for the agents' own files to say, never for a policy.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Fields of `exec`. A brace that is no variable is written twice: `{{`, `}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exec {
    /// The region in which it changes something, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The program, by its name in the agents' files (`exec.programs`), and its arguments. No shell reads it.
    pub command: Vec<String>,
    /// The directory in which it runs, below the agents' `exec.dir`; by default that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dir: Option<String>,
    /// Environment variables, each of which the agents' files allow a policy to set (`exec.policy_env`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Secrets of the agents' files (`exec.secrets`) that it gets as environment variables of the same names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// When it has succeeded; by default with exit code 0.
    #[serde(default)]
    pub success: ExecSuccess,
    /// A command that only looks whether the result stands. With it the step can be gone on with by anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observe: Option<ExecObserve>,
    /// Whether it may be run again after it failed, or when nobody knows whether it ran.
    #[serde(default)]
    pub idempotent: bool,
    /// Whether it is no point of no return. One that is waits for the write lease, as a promotion does.
    #[serde(default = "reversible_default")]
    pub reversible: bool,
}

/// Most commands only move what the next one moves again.
const fn reversible_default() -> bool {
    true
}

/// When a command has succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExecSuccess {
    /// The exit codes that mean success.
    pub codes: Vec<u8>,
    /// A regular expression that the end of its standard output, without the last newline, must match as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdout: Option<String>,
}

impl Default for ExecSuccess {
    fn default() -> Self {
        Self { codes: vec![0], stdout: None }
    }
}

/// A command that only looks. Exit code 0 says that the result stands, any other that it does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExecObserve {
    /// The program and its arguments. It is run again and again, and given up after ten seconds.
    pub command: Vec<String>,
    /// A regular expression that its standard output, without the last newline, must match as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdout: Option<String>,
}
