//! R14: a fence is judged by its effect: once a standby is being promoted, no write of an application that honours the
//! lease is acknowledged elsewhere; and where a plan's own fence is said to have worked, nothing is acknowledged behind it.
//! CloudNativePG #11280: connections committed for 185 s behind a fence.

use super::{Facts, Rule, Seen};
use crate::cloud::World;
use quorate_core::{AuditEntry, AuditEvent, Cluster, ExecutionState, StepOutcome};
use quorate_policies::plan::Action;
use std::collections::BTreeMap;

/// Remembers, by service, the region whose fence has worked.
#[derive(Default)]
pub(super) struct NoWriteBesideThePromoted {
    fenced: BTreeMap<String, String>,
}

impl Rule for NoWriteBesideThePromoted {
    fn id(&self) -> &'static str {
        "R14"
    }

    fn see(&mut self, facts: &Facts, seen: &Seen<'_>) -> Option<String> {
        match seen {
            Seen::Audit(entry, state) => {
                self.take(entry, state);
                None
            }
            Seen::Acknowledged { service, region, .. } => {
                // A fence whose effect cannot be seen from outside is the policy's own risk; the lease is there for that.
                let behind = self.fenced.get(*service).is_some_and(|fenced| fenced == region);
                if behind && !facts.fence_lied {
                    return Some(format!("{service} acknowledged a write in {region}, which is fenced"));
                }
                if !World::honours_lease(service) {
                    return None;
                }
                let promoted =
                    facts.effects.iter().rev().find(|e| e.service == *service && e.promotes.is_some())?;
                // Who orders the way back to an old primary and accepts the loss gets what it holds.
                let last = facts.told.decisions.iter().rfind(|decision| decision.service == *service);
                let accepted = last.is_some_and(|last| last.accepts_loss && last.to == *region);
                let elsewhere = promoted.promotes.as_deref() != Some(*region) && !accepted;
                elsewhere.then(|| {
                    format!("{service} acknowledged a write in {region} after `{}`", promoted.meaning)
                })
            }
            _ => None,
        }
    }
}

impl NoWriteBesideThePromoted {
    fn take(&mut self, entry: &AuditEntry, state: &Cluster) -> Option<()> {
        let service = entry.service.as_ref()?.to_string();
        match &entry.event {
            AuditEvent::StepFinished { step, outcome: StepOutcome::Succeeded { .. }, .. } => {
                let execution = state.executions.get(entry.execution.as_ref()?)?;
                let Action::EcsScale(scale) = &execution.plan.steps.get(step)?.action else { return None };
                // A fence that ends while its execution is taken back is taken back as well.
                if scale.desired == Some(0) && execution.state == ExecutionState::Running {
                    self.fenced.insert(service, scale.region.clone());
                }
            }
            // What was fenced may serve again: by a way back, or because an operator has ended it.
            AuditEvent::Decided { to, .. } => {
                self.fenced.retain(|known, region| *known != service || *region != to.as_str());
            }
            AuditEvent::Aborting { .. } => drop(self.fenced.remove(&service)),
            _ => {}
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::{super::crafted::*, *};

    const WRITE: Seen<'static> =
        Seen::Acknowledged { service: crate::SHOP, region: crate::EAST, client: "eu-west-1" };

    /// Goal: a write beside a promotion is seen. Method: before and after the promotion.
    #[test]
    fn a_write_beside_a_promotion() {
        let state = decided();
        let (mut facts, mut rule) = (facts(&state), NoWriteBesideThePromoted::default());
        assert_eq!(rule.see(&facts, &WRITE), None);
        facts.effects.push(effect(&state, "promote"));
        assert!(rule.see(&facts, &WRITE).is_some());
    }

    /// Goal: a write behind a fence that is said to work is seen. Method: before the fence, behind it, and behind one that
    /// is known to lie; and one that ended while its execution was taken back.
    #[test]
    fn a_write_behind_a_fence() {
        let mut state = decided();
        let (mut facts, mut rule) = (facts(&state), NoWriteBesideThePromoted::default());
        let outcome = StepOutcome::Succeeded { detail: "0 tasks".to_owned() };
        let event = AuditEvent::StepFinished { step: "fence".try_into().unwrap(), attempt: 1, outcome };
        let entry = AuditEntry { event, ..decision(&state) };
        assert_eq!(rule.see(&facts, &WRITE), None);
        assert_eq!(rule.see(&facts, &Seen::Audit(&entry, &state)), None);
        assert!(rule.see(&facts, &WRITE).is_some());
        facts.fence_lied = true;
        assert_eq!(rule.see(&facts, &WRITE), None);
        facts.fence_lied = false;
        let undoing = ExecutionState::Undoing { reason: "why".to_owned(), given_up: false };
        state.executions.values_mut().for_each(|execution| execution.state = undoing.clone());
        let mut rule = NoWriteBesideThePromoted::default();
        assert_eq!(rule.see(&facts, &Seen::Audit(&entry, &state)), None);
        assert_eq!(rule.see(&facts, &WRITE), None);
    }
}
