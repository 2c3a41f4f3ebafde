//! R4, of single calls: what may still land, or has landed, is known to the log before anything else is done. AWS, October
//! 2025: what an enactor had under way was known to nobody.

use super::{Facts, Rule, Seen};
use crate::oracle::facts::SentCall;
use quorate_core::{AuditEvent, Cluster, ExecutionState, StepOutcome};

pub(super) struct EveryCallIsAccountedFor;

impl Rule for EveryCallIsAccountedFor {
    fn id(&self) -> &'static str {
        "R4"
    }

    fn see(&mut self, facts: &Facts, seen: &Seen<'_>) -> Option<String> {
        match seen {
            Seen::Sent { agent, order } => {
                let attempt = (order.execution.clone(), order.name.to_string(), order.attempt);
                // The log says once that what an earlier process began may still land, and then for good.
                let execution = facts.state.executions.get(&order.execution);
                let known = execution.and_then(|execution| execution.steps.get(&order.name));
                let resumed = known.is_some_and(|step| step.unheard);
                let (booted, started) = (facts.booted.get(*agent), facts.started.get(&attempt));
                // A process that takes up what an earlier one began says so first.
                if !resumed && booted.zip(started).is_some_and(|(booted, started)| started < booted) {
                    return Some(format!("{agent} goes on with {attempt:?} and has not said so"));
                }
                let own = |call: &&SentCall| call.agent == *agent && call.attempt == attempt;
                let before = facts.calls.iter().rfind(own)?;
                let again = !before.refused && !resumed;
                again.then(|| format!("{agent} calls again in {attempt:?}, and its call was not refused"))
            }
            Seen::Audit(entry, state) => {
                let AuditEvent::StepFinished { step, attempt, outcome } = &entry.event else { return None };
                let attempt = (entry.execution.clone()?, step.to_string(), *attempt);
                let own = |call: &&SentCall| call.attempt == attempt && call.agent == entry.actor;
                let call = facts.calls.iter().rfind(own)?;
                ended(state, call, outcome).map(|why| format!("{attempt:?} ends as {outcome:?}, and {why}"))
            }
            _ => None,
        }
    }
}

/// What is wrong with an end like this after this call.
fn ended(state: &Cluster, call: &SentCall, outcome: &StepOutcome) -> Option<&'static str> {
    let undoing = state
        .executions
        .get(&call.attempt.0)
        .is_some_and(|execution| !matches!(execution.state, ExecutionState::Running));
    match outcome {
        StepOutcome::Succeeded { .. } => None,
        StepOutcome::Failed { .. } | StepOutcome::Impossible { .. } => {
            (!call.refused).then_some("its call was not refused")
        }
        // Who takes everything back waits for what is under way, so it may be told early.
        StepOutcome::Unknown { .. } | StepOutcome::Broken { .. } => {
            (call.under_way() && !undoing).then_some("its call is still under way")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::crafted::*, *};
    use crate::oracle::facts::Attempt;

    fn attempt(order: &quorate_core::node::StepOrder) -> Attempt {
        (order.execution.clone(), order.name.to_string(), order.attempt)
    }

    /// Goal: a call that is made again is seen, and so is an attempt that another process goes on with in silence. Method:
    /// a second call after no answer, after a refusal, and after the log was told; a process that began later.
    #[test]
    fn calls_that_nobody_knows_of() {
        let state = decided();
        let (order, mut facts) = (order(&state, "scale"), facts(&state));
        facts.started.insert(attempt(&order), NOW - secs(9));
        facts.booted.insert("wes".to_owned(), NOW - secs(60));
        let see = |facts: &Facts| {
            EveryCallIsAccountedFor.see(facts, &Seen::Sent { agent: "wes", order: &order }).is_some()
        };
        assert!(!see(&facts), "the first one");
        let agent = "wes".to_owned();
        let attempt = attempt(&order);
        facts.calls.push(SentCall { agent, attempt, settled: false, refused: false });
        assert!(see(&facts), "nobody has refused the first");
        facts.calls[0].refused = true;
        assert!(!see(&facts));
        facts.booted.insert("wes".to_owned(), NOW - secs(5));
        assert!(see(&facts), "the log does not know of this process");
        facts.calls[0].refused = false;
        let mut told = state.clone();
        let execution = told.executions.get_mut(&order.execution).unwrap();
        execution.steps.get_mut(&order.name).unwrap().unheard = true;
        facts.state = std::sync::Arc::new(told);
        assert!(!see(&facts));
    }

    /// Goal: an end that denies what was done is seen. Method: every outcome after a call without an answer, after one that
    /// was carried out, and after one that was refused.
    #[test]
    fn ends_that_deny_a_call() {
        let state = decided();
        let (order, mut facts, mut entry) = (order(&state, "scale"), facts(&state), decision(&state));
        entry.actor = "wes".to_owned();
        let call = |settled, refused| SentCall {
            agent: "wes".to_owned(),
            attempt: attempt(&order),
            settled,
            refused,
        };
        let why = || "not done in time".to_owned();
        let outcomes = [
            StepOutcome::Succeeded { detail: why() },
            StepOutcome::Failed { reason: why() },
            StepOutcome::Impossible { reason: why() },
            StepOutcome::Unknown { reason: why() },
        ];
        let mut see = |call: SentCall| {
            facts.calls = vec![call];
            outcomes.clone().map(|outcome| {
                entry.event = AuditEvent::StepFinished { step: order.name.clone(), attempt: 1, outcome };
                EveryCallIsAccountedFor.see(&facts, &Seen::Audit(&entry, &state)).is_some()
            })
        };
        assert_eq!(see(call(false, false)), [false, true, true, true]);
        assert_eq!(see(call(true, false)), [false, true, true, false]);
        assert_eq!(see(call(true, true)), [false, false, false, false]);
    }
}
