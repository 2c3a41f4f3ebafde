//! R4: every step is idempotent and carries a monotonic token; sinks refuse a lower one. AWS, October 2025: a delayed
//! enactor applied an old plan over a newer one.

use super::{Facts, Rule, Seen};
use quorate_core::{AuditEntry, AuditEvent, StepOutcome};
use quorate_policies::plan::before::UNDO_PREFIX;
use std::collections::{BTreeMap, BTreeSet};

/// The step that cannot be undone, as `shop.yaml` has it.
const PROMOTION: &str = "promote";

/// Remembers the newest epoch at which a service was promised the lease, and who has which attempt of each step.
#[derive(Default)]
pub(super) struct OneMeaningOnce {
    promised: BTreeMap<String, u64>,
    assigned: BTreeMap<(String, String), (u32, String)>,
    taken_back: BTreeSet<(String, String)>,
}

impl OneMeaningOnce {
    fn takes_back(&mut self, execution: &str, step: &str) {
        if let Some(undone) = step.strip_prefix(UNDO_PREFIX) {
            self.taken_back.insert((execution.to_owned(), undone.to_owned()));
        }
    }

    /// What is begun or ended is the newest attempt, by the agent that has it.
    fn attempts(&mut self, entry: &AuditEntry) -> Option<String> {
        let (step, attempt, what) = match &entry.event {
            AuditEvent::StepAssigned { step, attempt, agent } => {
                let key = (entry.execution.clone()?, step.to_string());
                self.assigned.insert(key, (*attempt, agent.to_string()));
                return None;
            }
            AuditEvent::StepStarted { step, attempt } => (step, attempt, "begins"),
            AuditEvent::StepResumed { step, attempt } => (step, attempt, "goes on"),
            AuditEvent::StepFinished { step, attempt, outcome } => {
                // There may have been nothing to take back: then it is the log's word alone.
                if matches!(outcome, StepOutcome::Succeeded { .. }) {
                    self.takes_back(entry.execution.as_ref()?, step.as_str());
                }
                (step, attempt, "ends")
            }
            _ => return None,
        };
        let (newest, agent) = self.assigned.get(&(entry.execution.clone()?, step.to_string()))?;
        let right = newest == attempt && *agent == entry.actor;
        (!right).then(|| {
            let by = &entry.actor;
            format!("attempt {attempt} of step {step} {what} by {by}, and {agent} has attempt {newest}")
        })
    }
}

impl Rule for OneMeaningOnce {
    fn id(&self) -> &'static str {
        "R4"
    }

    fn see(&mut self, facts: &Facts, seen: &Seen<'_>) -> Option<String> {
        match seen {
            Seen::Audit(entry, _) => self.attempts(entry).or_else(|| left_behind(facts, entry)),
            Seen::Promised { service, region, epoch } => {
                let newest = self.promised.entry((*service).to_owned()).or_default();
                if epoch < newest {
                    return Some(format!(
                        "{region} was given the lease at epoch {epoch} after epoch {newest}"
                    ));
                }
                *newest = *epoch;
                None
            }
            Seen::Applied(effect) => {
                // What was under way must have landed, or be lost for certain, before anything is taken back.
                if self.taken_back.contains(&(effect.execution.clone(), effect.step.clone())) {
                    return Some(format!("`{}` landed after it was taken back", effect.meaning));
                }
                self.takes_back(&effect.execution, &effect.step);
                let (before, after) = &effect.record;
                if after.epoch < before.epoch {
                    return Some(format!("DNS went from epoch {} to {}", before.epoch, after.epoch));
                }
                if before != after && after.epoch != effect.epoch {
                    return Some(format!("epoch {} was written to DNS as {}", effect.epoch, after.epoch));
                }
                let same_step = facts
                    .effects
                    .iter()
                    .filter(|other| other.execution == effect.execution && other.step == effect.step);
                for other in same_step {
                    if other.meaning != effect.meaning {
                        return Some(format!(
                            "step {} did `{}`, then `{}`",
                            effect.step, other.meaning, effect.meaning
                        ));
                    }
                    if effect.promotes.is_some() {
                        return Some(format!("`{}` was applied twice", effect.meaning));
                    }
                }
                None
            }
            _ => None,
        }
    }
}

/// What an abort before the point of no return leaves behind: a scaling that nothing has taken back.
fn left_behind(facts: &Facts, entry: &AuditEntry) -> Option<String> {
    let AuditEvent::ExecutionEnded { state, .. } = &entry.event else { return None };
    let execution = entry.execution.as_ref()?;
    let own = || facts.effects.iter().filter(|effect| effect.execution == *execution);
    // Past it nothing is taken back, and an operator has been told so.
    let past = facts.started.keys().any(|(of, step, _)| of == execution && step == PROMOTION);
    let undone = |step: &str| own().any(|effect| effect.step.strip_prefix(UNDO_PREFIX) == Some(step));
    let mut scaled =
        own().filter(|effect| effect.kind == "ecs.scale" && !effect.step.starts_with(UNDO_PREFIX));
    let told = facts.told.left.contains(execution);
    let left =
        scaled.find(|effect| !undone(&effect.step)).filter(|_| state == "aborted" && !past && !told)?;
    Some(format!("{execution} was aborted, and `{}` was not taken back", left.meaning))
}

#[cfg(test)]
mod tests {
    use super::{super::crafted::*, *};

    /// Goal: a step that does two things, a promotion that is made twice, and an epoch that goes back are seen. Method: each
    /// of them, after what is right.
    #[test]
    fn twice_or_backwards() {
        let state = decided();
        let (mut facts, mut rule) = (facts(&state), OneMeaningOnce::default());
        let (scale, promote) = (effect(&state, "scale"), effect(&state, "promote"));
        facts.effects = vec![scale.clone(), promote.clone()];
        assert_eq!(rule.see(&facts, &Seen::Applied(&scale)), None);
        assert!(rule.see(&facts, &Seen::Applied(&promote)).is_some());
        let mut other = effect(&state, "scale");
        other.meaning = "scale shop in us-west-2 to 0".to_owned();
        assert!(rule.see(&facts, &Seen::Applied(&other)).is_some());
        let mut late = effect(&state, "repoint");
        late.record = (record(crate::WEST, 3), record(crate::WEST, 2));
        assert!(rule.see(&facts, &Seen::Applied(&late)).is_some());
        let promised = |epoch| Seen::Promised { service: crate::SHOP, region: crate::WEST, epoch };
        assert_eq!(rule.see(&facts, &promised(3)), None);
        assert!(rule.see(&facts, &promised(2)).is_some());
    }

    /// Goal: an attempt that was overtaken, and one of somebody else, are seen. Method: the log's own entries of an
    /// assignment and its begin, with another number and another agent.
    #[test]
    fn attempts_of_others() {
        let state = decided();
        let facts = facts(&state);
        let mut rule = OneMeaningOnce::default();
        let entries = &state.audit.entries;
        let assigned =
            entries.iter().find(|entry| matches!(entry.event, AuditEvent::StepAssigned { .. })).unwrap();
        let AuditEvent::StepAssigned { step, agent, attempt } = &assigned.event else { unreachable!() };
        assert_eq!(rule.see(&facts, &Seen::Audit(assigned, &state)), None);
        let begins = |attempt: u32, by: &str| {
            let mut entry = assigned.clone();
            entry.event = AuditEvent::StepStarted { step: step.clone(), attempt };
            by.clone_into(&mut entry.actor);
            entry
        };
        let right = begins(*attempt, agent.as_str());
        assert_eq!(rule.see(&facts, &Seen::Audit(&right, &state)), None);
        let (older, other) = (begins(attempt - 1, agent.as_str()), begins(*attempt, "nobody"));
        assert!(rule.see(&facts, &Seen::Audit(&older, &state)).is_some());
        assert!(rule.see(&facts, &Seen::Audit(&other, &state)).is_some());
    }

    /// Goal: a call that lands after its step was taken back is seen. Method: the undo lands, or ends well with nothing to do,
    /// and then the call lands.
    #[test]
    fn a_call_that_lands_late() {
        let state = decided();
        let facts = facts(&state);
        let scale = effect(&state, "scale");
        let mut rule = OneMeaningOnce::default();
        assert_eq!(rule.see(&facts, &Seen::Applied(&scale)), None);
        let mut entry = decision(&state);
        let (step, detail) = ("undo-scale".parse().unwrap(), "back at 2".to_owned());
        let outcome = StepOutcome::Succeeded { detail };
        entry.event = AuditEvent::StepFinished { step, attempt: 1, outcome };
        assert_eq!(rule.see(&facts, &Seen::Audit(&entry, &state)), None);
        assert!(rule.see(&facts, &Seen::Applied(&scale)).is_some());
        let mut rule = OneMeaningOnce::default();
        let mut undo = scale.clone();
        undo.step = "undo-scale".to_owned();
        assert_eq!(rule.see(&facts, &Seen::Applied(&undo)), None);
        assert!(rule.see(&facts, &Seen::Applied(&scale)).is_some());
    }

    /// Goal: an abort that leaves something behind is seen. Method: an execution that has scaled ends as aborted: with
    /// nothing else, past the point of no return, left by an operator, and with the scaling taken back.
    #[test]
    fn an_abort_that_leaves_something() {
        let state = decided();
        let (mut facts, mut entry) = (facts(&state), decision(&state));
        let scale = effect(&state, "scale");
        facts.effects = vec![scale.clone()];
        let ended = AuditEvent::ExecutionEnded { state: "aborted".to_owned(), detail: "olga".to_owned() };
        entry.event = ended;
        let see = |facts: &Facts| OneMeaningOnce::default().see(facts, &Seen::Audit(&entry, &state));
        assert!(see(&facts).is_some());
        let attempt = (scale.execution.clone(), PROMOTION.to_owned(), 1);
        facts.started.insert(attempt.clone(), secs(1));
        assert_eq!(see(&facts), None);
        facts.started.remove(&attempt);
        facts.told.left.insert(scale.execution.clone());
        assert_eq!(see(&facts), None);
        facts.told.left.clear();
        facts.effects.push(Effect { step: "undo-scale".to_owned(), ..scale });
        assert_eq!(see(&facts), None);
    }
}
