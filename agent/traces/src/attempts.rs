//! The attempts of an execution's steps, as the audit has them: who began when, and what became of it. It reads the audit's tail; of
//! what that has forgotten there is no attempt here, and the step's own span still stands.

use quorate_core::{AuditEntry, AuditEvent, Execution, StepOutcome};
use quorate_policies::{AgentName, StepName, Timestamp};
use std::collections::BTreeMap;

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// Of which step.
    pub(crate) step: StepName,
    /// Its number, which is the step's fencing token.
    pub(crate) number: u32,
    /// Who made it; none if the audit has forgotten it.
    pub(crate) agent: Option<AgentName>,
    /// When it was announced.
    pub(crate) start: Timestamp,
    /// When its outcome was committed, or another attempt took its place.
    pub(crate) end: Timestamp,
    /// Whether its agent went on with it after it had stopped.
    pub(crate) resumed: bool,
    /// What became of it; none if nobody said, because its agent was lost.
    pub(crate) outcome: Option<StepOutcome>,
}

/// All that began, in the order in which they ended; those that nobody heard the end of last.
pub(crate) fn attempts<'a>(
    execution: &Execution,
    audit: impl IntoIterator<Item = &'a AuditEntry>,
    ended: Timestamp,
) -> Vec<Attempt> {
    let mut agents: BTreeMap<(&StepName, u32), &AgentName> = BTreeMap::new();
    let mut open: BTreeMap<&StepName, Attempt> = BTreeMap::new();
    let mut done = Vec::new();
    let own = audit.into_iter().filter(|entry| entry.execution.as_ref() == Some(&execution.id));
    for entry in own {
        match &entry.event {
            AuditEvent::StepAssigned { step, agent, attempt } => {
                agents.insert((step, *attempt), agent);
                // Whoever had it is lost.
                done.extend(open.remove(step).map(|lost| Attempt { end: entry.at, ..lost }));
            }
            AuditEvent::StepStarted { step, attempt } => {
                let begun = Attempt {
                    step: step.clone(),
                    number: *attempt,
                    agent: agents.get(&(step, *attempt)).map(|agent| (*agent).clone()),
                    start: entry.at,
                    end: entry.at,
                    resumed: false,
                    outcome: None,
                };
                let before = open.insert(step, begun);
                done.extend(before.map(|lost| Attempt { end: entry.at, ..lost }));
            }
            AuditEvent::StepResumed { step, attempt } => {
                if let Some(attempt) = open.get_mut(step).filter(|open| open.number == *attempt) {
                    attempt.resumed = true;
                }
            }
            AuditEvent::StepFinished { step, attempt, outcome } => {
                let heard = open.remove(step).filter(|open| open.number == *attempt);
                done.extend(heard.map(|open| Attempt {
                    end: entry.at,
                    outcome: Some(outcome.clone()),
                    ..open
                }));
            }
            _ => {}
        }
    }
    let until = |step: &StepName| execution.steps.get(step).and_then(|step| step.ended_at).unwrap_or(ended);
    done.extend(open.into_values().map(|left| Attempt { end: until(&left.step).max(left.start), ..left }));
    done
}
