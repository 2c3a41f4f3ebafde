//! R5: freshness is validated right before each effect. AWS, October 2025: it was checked once, at the start of a long
//! job.

use super::{Facts, Rule, Seen};
use quorate_core::{AuditEntry, AuditEvent};
use quorate_policies::Millis;
use std::{collections::BTreeSet, time::Duration};

/// How long after a newer attempt has begun the effect of an older one may still arrive: a read barrier (2 s), a pause
/// that is too short to be noticed (2 s), and the longest call (12 s).
const OVERTAKEN_MAX: Duration = Duration::from_secs(16);

/// How long after an automatic decision its first step may begin, by the log's own clock: after that its evidence is old.
const BEGIN_WITHIN: Millis = Millis::from_secs(16);

/// Remembers which executions have begun.
#[derive(Default)]
pub(super) struct NoEffectOfAnOvertakenAttempt {
    begun: BTreeSet<String>,
}

impl NoEffectOfAnOvertakenAttempt {
    /// A decision that waited too long for its first step begins nothing.
    fn stale(&mut self, facts: &Facts, entry: &AuditEntry) -> Option<String> {
        let AuditEvent::StepStarted { step, .. } = &entry.event else { return None };
        let execution = entry.execution.as_ref()?;
        let first = self.begun.insert(execution.clone());
        let decision = facts.told.decision(execution).filter(|decision| first && decision.automatic)?;
        let waited = entry.at.since(decision.stamp);
        (waited > BEGIN_WITHIN).then(|| format!("{execution} begins with {step} {waited} after its decision"))
    }
}

impl Rule for NoEffectOfAnOvertakenAttempt {
    fn id(&self) -> &'static str {
        "R5"
    }

    fn see(&mut self, facts: &Facts, seen: &Seen<'_>) -> Option<String> {
        if let Seen::Audit(entry, _) = seen {
            return self.stale(facts, entry);
        }
        let Seen::Sent { agent, order } = seen else { return None };
        let newer = facts.started.iter().find(|((execution, step, attempt), at)| {
            *execution == order.execution
                && *step == order.name.as_str()
                && *attempt > order.attempt
                && **at + OVERTAKEN_MAX < facts.now
        });
        newer.map(|((_, step, newer), at)| {
            format!(
                "{agent} acts in attempt {} of {step} {:?} after attempt {newer} had begun",
                order.attempt,
                facts.now - *at
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::crafted::*, *};

    /// Goal: an act of an overtaken attempt is seen. Method: the newer one began just now, and a minute ago.
    #[test]
    fn an_overtaken_attempt() {
        let state = decided();
        let (order, mut facts) = (order(&state, "scale"), facts(&state));
        let newer = (order.execution.clone(), "scale".to_owned(), 2);
        facts.started.insert(newer.clone(), NOW - secs(1));
        let sent = Seen::Sent { agent: "wes", order: &order };
        assert_eq!(NoEffectOfAnOvertakenAttempt::default().see(&facts, &sent), None);
        facts.started.insert(newer, NOW - secs(60));
        assert!(NoEffectOfAnOvertakenAttempt::default().see(&facts, &sent).is_some());
    }

    /// Goal: a decision that begins when its evidence is old is seen. Method: the first step starts at once, and later.
    #[test]
    fn a_stale_decision() {
        let state = decided();
        let (decision, mut facts) = (decision(&state), facts(&state));
        facts.told.take(NOW, &decision);
        let mut starts = decision.clone();
        let step = state.executions.values().next().unwrap().plan.steps.keys().next().unwrap().clone();
        starts.event = AuditEvent::StepStarted { step, attempt: 1 };
        let see = |at: u64, entry: &mut AuditEntry| {
            entry.at = quorate_policies::Timestamp(decision.at.0 + at);
            NoEffectOfAnOvertakenAttempt::default().see(&facts, &Seen::Audit(entry, &state))
        };
        assert_eq!(see(10_000, &mut starts), None);
        assert!(see(20_000, &mut starts).is_some());
    }
}
