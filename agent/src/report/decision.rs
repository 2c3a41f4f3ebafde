//! Why it was decided: who wanted it, what the agents saw, and what had been refused before. It repeats the evidence that
//! the log holds; it does not judge it again.

use crate::record::part::moment;
use quorate_api::{
    AuditEntry, Execution,
    execution::{LagSeen, VoteSeen},
};
use quorate_policies::Millis;
use serde::Serialize;

/// How long before the first failed probe a refusal still belongs to the story: what was refused in the hour before is the
/// same incident, or the reason why it took so long.
const BEFORE_MAX: Millis = Millis::from_secs(3_600);
/// Refusals that are told one by one. A flapping region changes its reason every second, and the last ones matter.
const REFUSALS_MAX: usize = 25;

/// Why it was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// When the region began to fail, RFC 3339.
    pub failing_since: String,
    /// When the agents agreed on that.
    pub agreed_at: String,
    /// When it was decided.
    pub decided_at: String,
    /// When its steps could begin, if they could.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub begun_at: Option<String>,
    /// Who approved it, if it had to be, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved: Option<Approval>,
    /// How long the agents had agreed, in milliseconds; absent where the agent does not tell the evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub down_for_ms: Option<u64>,
    /// What each agent saw, as the leader had it.
    pub votes: Vec<VoteSeen>,
    /// How far replicas were behind, as each agent had it.
    pub lags: Vec<LagSeen>,
    /// What had been refused before, oldest first.
    pub refusals: Vec<Refused>,
    /// Older refusals of the same incident that are not listed.
    pub refusals_left_out: usize,
}

/// An approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Approval {
    /// Who.
    pub by: String,
    /// When, RFC 3339.
    pub at: String,
    /// Why.
    pub reason: String,
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// The audit's number.
    pub sequence: u64,
    /// When, RFC 3339.
    pub at: String,
    /// By which guard.
    pub guard: String,
    /// Why.
    pub reason: String,
}

/// Why an execution was decided. `audit` is all of it that is held.
#[must_use]
pub fn decision(execution: &Execution, audit: &[AuditEntry]) -> Decision {
    let evidence = execution.evidence.clone();
    let mut refusals = refusals(execution, audit);
    let left_out = refusals.len().saturating_sub(REFUSALS_MAX);
    refusals.drain(..left_out);
    Decision {
        failing_since: execution.failing_since.clone(),
        agreed_at: execution.agreed_at.clone(),
        decided_at: execution.decided_at.clone(),
        begun_at: execution.begun_at.clone(),
        approved: approval(execution, audit),
        down_for_ms: evidence.as_ref().map(|evidence| evidence.down_for_ms),
        votes: evidence.as_ref().map(|evidence| evidence.votes.clone()).unwrap_or_default(),
        lags: evidence.map(|evidence| evidence.lags).unwrap_or_default(),
        refusals,
        refusals_left_out: left_out,
    }
}

fn approval(execution: &Execution, audit: &[AuditEntry]) -> Option<Approval> {
    let approved =
        |entry: &&AuditEntry| entry.event == "approved" && entry.execution.as_ref() == Some(&execution.id);
    audit.iter().find(approved).map(|entry| Approval {
        by: entry.actor.clone(),
        at: entry.at.clone(),
        reason: entry.fields["reason"].as_str().unwrap_or_default().to_owned(),
    })
}

/// The refusals of the service that belong to this story: after its last execution ended, and not long before it failed.
fn refusals(execution: &Execution, audit: &[AuditEntry]) -> Vec<Refused> {
    let of_service = |entry: &&AuditEntry| entry.service.as_ref() == Some(&execution.service);
    let decided =
        |entry: &&AuditEntry| entry.event == "decided" && entry.execution.as_ref() == Some(&execution.id);
    let Some(decided) = audit.iter().find(decided).map(|entry| entry.sequence) else { return Vec::new() };
    let ended = audit.iter().filter(of_service).filter(|entry| entry.event == "execution_ended");
    let after = ended.map(|entry| entry.sequence).filter(|sequence| *sequence < decided).max().unwrap_or(0);
    let from = moment(&execution.failing_since).map_or(0, |at| at.0.saturating_sub(BEFORE_MAX.0));
    audit
        .iter()
        .filter(of_service)
        .filter(|entry| entry.event == "refused" && (after..decided).contains(&entry.sequence))
        .filter(|entry| moment(&entry.at).is_none_or(|at| at.0 >= from))
        .map(refused)
        .collect()
}

/// A refusal as a guard and its reason.
#[must_use]
pub fn refused(entry: &AuditEntry) -> Refused {
    let guard = entry.guard.clone().unwrap_or_else(|| "unknown".to_owned());
    let reason = entry.message.strip_prefix(&format!("refused ({guard}): ")).unwrap_or(&entry.message);
    Refused { sequence: entry.sequence, at: entry.at.clone(), reason: reason.to_owned(), guard }
}
