//! What the log has said: decisions, holds, ends, each with the moment at which any replica first showed it. Rebuilt from
//! the audit alone, beside the product's own bookkeeping, so that a slip in that is not repeated.

use quorate_core::{AuditEntry, AuditEvent};
use quorate_policies::{Timestamp, guard::Trigger};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// A decision.
#[derive(Debug, Clone)]
pub(crate) struct Decision {
    pub(crate) execution: String,
    pub(crate) service: String,
    pub(crate) to: String,
    pub(crate) epoch: u64,
    pub(crate) automatic: bool,
    /// Whether an operator has accepted a loss of data.
    pub(crate) accepts_loss: bool,
    /// When it was first seen, and by the log's clock.
    pub(crate) at: Duration,
    pub(crate) stamp: Timestamp,
    /// Whether any step has begun.
    pub(crate) touched: bool,
    /// When it ended, and by the log's clock.
    pub(crate) ended: Option<(Duration, Timestamp)>,
}

/// A pause of automation.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    /// When it was first seen.
    pub(crate) at: Duration,
    /// Which entry of the audit it was.
    pub(crate) sequence: u64,
    pub(crate) until: Option<Timestamp>,
}

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// In their order.
    pub(crate) decisions: Vec<Decision>,
    /// Executions by the number of the audit's entry that decided them.
    pub(crate) decided_in: BTreeMap<String, u64>,
    /// Executions of which an operator has left what was not taken back yet.
    pub(crate) left: BTreeSet<String>,
    /// The hold of a service, until somebody resumes.
    pub(crate) holds: BTreeMap<String, Held>,
    /// When a hold of a service was last set, ended by word, or might have run out.
    pub(crate) hold_moved: BTreeMap<String, Duration>,
}

impl Told {
    /// Takes an entry.
    pub(crate) fn take(&mut self, now: Duration, entry: &AuditEntry) {
        let service = entry.service.as_ref().map(ToString::to_string).unwrap_or_default();
        let execution = entry.execution.clone().unwrap_or_default();
        match &entry.event {
            AuditEvent::Decided { to, trigger, epoch, .. } => {
                self.decided_in.insert(execution.clone(), entry.sequence);
                self.decisions.push(Decision {
                    execution,
                    service,
                    to: to.to_string(),
                    epoch: *epoch,
                    automatic: *trigger == Trigger::Automatic,
                    accepts_loss: matches!(trigger, Trigger::Operator { accept_data_loss: true, .. }),
                    at: now,
                    stamp: entry.at,
                    touched: false,
                    ended: None,
                });
            }
            AuditEvent::StepStarted { .. } => {
                self.decision_mut(&execution).into_iter().for_each(|decision| decision.touched = true);
            }
            // One that stopped has not ended: it waits for an operator, and its slot stays taken.
            AuditEvent::ExecutionEnded { state, .. } if state != "stopped" => {
                let ended = Some((now, entry.at));
                self.decision_mut(&execution).into_iter().for_each(|decision| decision.ended = ended);
            }
            AuditEvent::Aborting { leave: true, .. } => drop(self.left.insert(execution)),
            AuditEvent::Paused { until, .. } => {
                self.hold_moved.insert(service.clone(), now);
                self.holds.insert(service, Held { at: now, sequence: entry.sequence, until: *until });
            }
            AuditEvent::Resumed { .. } => {
                self.hold_moved.insert(service.clone(), now);
                self.holds.remove(&service);
            }
            _ => {}
        }
    }

    fn decision_mut(&mut self, execution: &str) -> Option<&mut Decision> {
        self.decisions.iter_mut().find(|decision| decision.execution == execution)
    }

    /// The decision of an execution.
    pub(crate) fn decision(&self, execution: &str) -> Option<&Decision> {
        self.decisions.iter().find(|decision| decision.execution == execution)
    }

    /// The hold that certainly stands, whoever's clock is asked: `newest` is the newest reading of any.
    pub(crate) fn certainly_held(&self, service: &str, newest: Timestamp) -> Option<&Held> {
        self.holds.get(service).filter(|held| held.until.is_none_or(|until| newest < until))
    }

    /// Since when there has been no hold of a service that might stand, if there is none: one with an end counts as
    /// standing until somebody resumes, because the agents' clocks differ.
    pub(crate) fn free_since(&self, service: &str) -> Option<Duration> {
        let moved = self.hold_moved.get(service).copied().unwrap_or_default();
        (!self.holds.contains_key(service)).then_some(moved)
    }
}
