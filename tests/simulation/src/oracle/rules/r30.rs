//! R30: whatever waits has a deadline and a next state. Stolon #481: stuck for ever waiting for proxies; pg_auto_failover
//! #1185: states without a way out.

use super::{Facts, Rule, Seen};
use quorate_core::{Execution, ExecutionState};
use std::{collections::BTreeMap, time::Duration};

/// So long an open execution may have no step with any agent: until the lease has ended (5 s), or another agent is found.
const IDLE_MAX: Duration = Duration::from_secs(60);
/// Beyond its timeout an attempt takes its last call (12 s), a pause before it (5 s), the log (5 s, twice), and a look.
const AN_ATTEMPT_MORE: Duration = Duration::from_secs(30);

/// Remembers since when each execution has been nobody's.
#[derive(Default)]
pub(super) struct NothingWaitsForEver {
    idle: BTreeMap<String, Duration>,
}

impl Rule for NothingWaitsForEver {
    fn id(&self) -> &'static str {
        "R30"
    }

    fn see(&mut self, facts: &Facts, seen: &Seen<'_>) -> Option<String> {
        let Seen::Second = seen else { return None };
        let open =
            |e: &&Execution| matches!(e.state, ExecutionState::Running | ExecutionState::Undoing { .. });
        let open: Vec<&Execution> = facts.state.executions.values().filter(open).collect();
        self.idle.retain(|id, _| {
            open.iter().any(|e| e.id == *id && e.steps.values().all(|step| step.state.agent().is_none()))
        });
        for execution in open {
            if execution.steps.values().all(|step| step.state.agent().is_none()) {
                let since = *self.idle.entry(execution.id.clone()).or_insert(facts.now);
                if since + IDLE_MAX < facts.now && facts.undisturbed_for(execution.service.as_str(), IDLE_MAX)
                {
                    return Some(format!(
                        "{} goes on and nobody has had a step of it since {since:?}",
                        execution.id
                    ));
                }
            }
            if let Some(found) = overdue(facts, execution) {
                return Some(found);
            }
        }
        None
    }
}

/// An attempt that has long passed its deadline. One that was left, because its agent had no majority or a hold stood, begins
/// anew with all its time, so time counts only while nothing disturbs.
fn overdue(facts: &Facts, execution: &Execution) -> Option<String> {
    execution.steps.iter().find_map(|(name, step)| {
        let attempt = (execution.id.clone(), name.to_string(), step.attempt);
        let started = *facts.started.get(&attempt).filter(|_| step.state.agent().is_some())?;
        let planned = execution.plan.steps.get(name)?;
        // The slowest clock is four and a half per cent too slow.
        let limit = planned.timeout.plus(planned.delay).duration().mul_f64(1.05) + AN_ATTEMPT_MORE;
        let late = started + limit < facts.now && facts.undisturbed_for(execution.service.as_str(), limit);
        late.then(|| {
            format!("attempt {} of {name} of {} has run since {started:?}", step.attempt, execution.id)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{super::crafted::*, *};

    /// Goal: an execution of which nobody has a step is seen. Method: all steps are made to wait, for a minute and more.
    #[test]
    fn nobody_has_a_step() {
        let mut state = decided();
        let steps = &mut state.executions.values_mut().next().unwrap().steps;
        steps.values_mut().for_each(|step| step.state = quorate_core::StepState::Waiting);
        let (mut facts, mut rule) = (facts(&state), NothingWaitsForEver::default());
        calm(&mut facts, &["eve", "wes", "noa"]);
        assert_eq!(rule.see(&facts, &Seen::Second), None);
        facts.now += secs(61);
        assert!(rule.see(&facts, &Seen::Second).is_some());
    }

    /// Goal: an attempt that does not end is seen. Method: it began just now, and an hour ago.
    #[test]
    fn an_attempt_that_does_not_end() {
        let mut state = decided();
        start(&mut state, "scale");
        let mut facts = facts(&state);
        calm(&mut facts, &["eve", "wes", "noa"]);
        let attempt = (order(&state, "scale").execution, "scale".to_owned(), 1);
        facts.started.insert(attempt.clone(), NOW - secs(1));
        assert_eq!(NothingWaitsForEver::default().see(&facts, &Seen::Second), None);
        facts.started.insert(attempt, NOW - secs(300));
        assert!(NothingWaitsForEver::default().see(&facts, &Seen::Second).is_some());
    }
}
