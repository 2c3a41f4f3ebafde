//! The steps of an execution, with every attempt that the audit knows. It counts and copies; it judges no step.

use crate::record::part::between;
use quorate_api::{AuditEntry, Execution, Step};
use serde::Serialize;

/// A step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepTold {
    /// Its name.
    pub name: String,
    /// Its action.
    pub action: String,
    /// Where it stands.
    pub state: String,
    /// Whether it can be undone.
    pub reversible: bool,
    /// Who had it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// How often it was assigned.
    pub attempts: u32,
    /// When it started, from the decision, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_ms: Option<u64>,
    /// How long it took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
    /// What stood before its first act.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub before: String,
    /// What was seen, or why not.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// Its attempts, as far as the audit is held.
    pub tries: Vec<Try>,
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Try {
    /// Which one.
    pub attempt: u32,
    /// By whom.
    pub agent: String,
    /// When it was assigned, RFC 3339.
    pub assigned_at: String,
    /// When its effect could follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// When its end was heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// `succeeded`, `failed`, `impossible` or `unknown`; absent if nobody heard its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// What was seen, or why not.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// Every step, in running order. `entries` are those about the execution.
#[must_use]
pub fn steps(execution: &Execution, entries: &[&AuditEntry]) -> Vec<StepTold> {
    execution.steps.iter().map(|step| told(execution, step, entries)).collect()
}

fn told(execution: &Execution, step: &Step, entries: &[&AuditEntry]) -> StepTold {
    let started = step.started_at.as_deref();
    StepTold {
        name: step.name.clone(),
        action: step.action.clone(),
        state: step.state.clone(),
        reversible: step.reversible,
        agent: step.agent.clone(),
        attempts: step.attempt,
        after_ms: started.and_then(|at| between(&execution.decided_at, at)),
        took_ms: started.zip(step.ended_at.as_deref()).and_then(|(from, to)| between(from, to)),
        before: step.before.clone(),
        detail: step.detail.clone(),
        tries: tries(&step.name, entries),
    }
}

fn tries(step: &str, entries: &[&AuditEntry]) -> Vec<Try> {
    let mut tries: Vec<Try> = Vec::new();
    for entry in entries.iter().filter(|entry| entry.fields["step"] == step) {
        let number = entry.fields["attempt"].as_u64().and_then(|attempt| u32::try_from(attempt).ok());
        let Some(attempt) = number else { continue };
        if entry.event == "step_assigned" {
            let agent = entry.fields["agent"].as_str().unwrap_or_default().to_owned();
            tries.push(Try {
                attempt,
                agent,
                assigned_at: entry.at.clone(),
                started_at: None,
                ended_at: None,
                outcome: None,
                detail: String::new(),
            });
        }
        let Some(known) = tries.iter_mut().find(|known| known.attempt == attempt) else { continue };
        match entry.event.as_str() {
            "step_started" => known.started_at = Some(entry.at.clone()),
            "step_finished" => {
                let outcome = &entry.fields["outcome"];
                let text = |name: &str| outcome[name].as_str().map(str::to_owned);
                known.ended_at = Some(entry.at.clone());
                known.outcome = text("outcome");
                known.detail = text("detail").or_else(|| text("reason")).unwrap_or_default();
            }
            _ => {}
        }
    }
    tries
}
