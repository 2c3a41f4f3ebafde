//! The two kinds of document that people write: a policy and an agent's own file. Text in, values or problems out; no
//! file is opened here. Every problem says where it is, what is wrong and how to mend it, and as many as can be told
//! apart are told at once.
//!
//! A text passes three gates: YAML (`places`), its type (`reading`), its meaning (`checks`, `agent_checks`). A policy
//! and the cluster it is for are then checked together, because neither alone can say whether two voters decide.

mod agent_allowed;
mod agent_channels;
mod agent_checks;
mod agent_file;
mod agent_traces;
mod checks;
mod explain;
mod nearest;
mod places;
mod problem;
mod reading;
mod schema;

pub use agent_allowed::{ExecAllowed, HttpAllowed, HttpServer};
pub use agent_channels::{
    AlertmanagerAccess, ChannelAccess, PagerDutyAccess, SlackAccess, SmtpAccess, SmtpTls, StatusPageAccess,
    WebhookAccess,
};
pub use agent_checks::{MEMBERS_MAX, port_of};
pub use agent_file::{
    AgentFile, Aws, AwsEndpoints, AwsService, Log, LogFormat, LogLevel, Member, Postgres, PostgresTls,
    Statuspage, TlsFiles, TsigAlgorithm, TsigKey, WebhookSecret,
};
pub use agent_traces::Traces;
pub use checks::{check_policy, check_together, dangers, membership_problems};
pub use explain::explain;
pub use problem::{FieldPath, Problem, Severity};
pub use reading::DOCUMENT_BYTES_MAX;
pub use schema::{schema_agent, schema_policy};

use crate::policy::Policy;
use places::Places;

/// Reads and checks a policy. `file` is only what problems call it.
///
/// # Errors
/// Every problem that refuses it, in the order of the text: one if it cannot be read, else all that its meaning has.
pub fn read_policy(file: &str, text: &str) -> Result<Policy, Vec<Problem>> {
    let (policy, places) = reading::read::<Policy>(file, text).map_err(|problem| vec![problem])?;
    let problems = check_policy(&policy);
    if problems.is_empty() { Ok(policy) } else { Err(place(file, &places, problems)) }
}

/// Reads and checks an agent's own file. `file` is only what problems call it; paths in it are not resolved.
///
/// # Errors
/// As [`read_policy`].
pub fn read_agent_file(file: &str, text: &str) -> Result<AgentFile, Vec<Problem>> {
    let (agent, places) = reading::read::<AgentFile>(file, text).map_err(|problem| vec![problem])?;
    let problems = agent_checks::check_agent(&agent);
    if problems.is_empty() { Ok(agent) } else { Err(place(file, &places, problems)) }
}

/// Gives the problems of [`check_policy`] and [`check_together`] their lines, when the policy's text is at hand. A text
/// that is not YAML leaves them all at its first character.
#[must_use]
pub fn locate(file: &str, text: &str, problems: Vec<Problem>) -> Vec<Problem> {
    match Places::of(text) {
        Ok(places) => place(file, &places, problems),
        Err(_) => {
            problems.into_iter().map(|p| Problem { file: file.to_owned(), line: 1, column: 1, ..p }).collect()
        }
    }
}

fn place(file: &str, places: &Places, problems: Vec<Problem>) -> Vec<Problem> {
    let mut placed: Vec<Problem> = problems
        .into_iter()
        .map(|problem| {
            let position = places.position(&problem.field);
            Problem { file: file.to_owned(), line: position.line, column: position.column, ..problem }
        })
        .collect();
    placed.sort_by(|a, b| {
        (a.line, a.column, &a.field, &a.message).cmp(&(b.line, b.column, &b.field, &b.message))
    });
    placed
}
