//! R24: right before a step that cannot be undone its object is looked at: the right one, and as it must be. GitLab, 2017:
//! the wrong server was wiped.

use super::{Effect, Facts, Rule, Seen};
use quorate_core::{AuditEvent, StepOutcome};
use std::time::Duration;

/// Between the look and the act lie a note in the log (5 s), a permission (3 s), and a pause too short to be noticed (2 s).
const LOOKED_WITHIN: Duration = Duration::from_secs(12);

pub(super) struct TheRightObject;

impl Rule for TheRightObject {
    fn id(&self) -> &'static str {
        "R24"
    }

    fn see(&mut self, facts: &Facts, seen: &Seen<'_>) -> Option<String> {
        match seen {
            Seen::Sent { agent, order } if !order.step.reversible => {
                let kind = order.step.action.kind();
                let key = ((*agent).to_owned(), order.execution.clone(), kind.to_owned());
                let look = facts.looked.get(&key);
                let right = look.is_some_and(|(at, fit)| *fit && *at + LOOKED_WITHIN >= facts.now);
                (!right).then(|| format!("{agent} acts in step {} after the look {look:?}", order.name))
            }
            Seen::Audit(entry, state) => {
                let AuditEvent::StepFinished { step, outcome: StepOutcome::Succeeded { detail }, .. } =
                    &entry.event
                else {
                    return None;
                };
                let execution = state.executions.get(entry.execution.as_ref()?)?;
                let promotes = execution.plan.steps.get(step)?.action.promotes().is_some();
                let own = |effect: &Effect| effect.execution == execution.id && effect.promotes.is_some();
                let taken = promotes && !facts.effects.iter().any(own);
                taken.then(|| format!("{} takes what nobody promoted for promoted: {detail}", execution.id))
            }
            Seen::Applied(effect) => {
                let promoted = effect.promotes.as_ref()?;
                let to = facts.state.executions.get(&effect.execution)?.to().to_string();
                let meant = format!("promote {}-{to}", effect.service);
                let wrong = *promoted != to || effect.meaning != meant;
                wrong.then(|| format!("{} did `{}` in place of `{meant}`", effect.execution, effect.meaning))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::crafted::*, *};

    /// Goal: a promotion of another database is seen. Method: the right one, one in the wrong region, another service's.
    #[test]
    fn another_database() {
        let state = decided();
        let (facts, right) = (facts(&state), effect(&state, "promote"));
        assert_eq!(TheRightObject.see(&facts, &Seen::Applied(&right)), None);
        let elsewhere = Effect { promotes: Some(crate::EAST.to_owned()), ..right.clone() };
        assert!(TheRightObject.see(&facts, &Seen::Applied(&elsewhere)).is_some());
        let other = Effect { meaning: "promote ledger-us-west-2".to_owned(), ..right };
        assert!(TheRightObject.see(&facts, &Seen::Applied(&other)).is_some());
    }

    /// Goal: a database that is taken for promoted is seen. Method: the log says that the promotion succeeded, without its
    /// effect and with it.
    #[test]
    fn promoted_by_nobody() {
        let state = decided();
        let (mut facts, mut entry) = (facts(&state), decision(&state));
        let (step, detail) = ("promote".parse().unwrap(), "it is writable".to_owned());
        entry.event =
            AuditEvent::StepFinished { step, attempt: 1, outcome: StepOutcome::Succeeded { detail } };
        assert!(TheRightObject.see(&facts, &Seen::Audit(&entry, &state)).is_some());
        facts.effects.push(effect(&state, "promote"));
        assert_eq!(TheRightObject.see(&facts, &Seen::Audit(&entry, &state)), None);
    }

    /// Goal: an act without a look, or after one that showed something else, is seen. Method: both, and a right look.
    #[test]
    fn an_act_without_a_look() {
        let state = decided();
        let (order, mut facts) = (order(&state, "promote"), facts(&state));
        let sent = Seen::Sent { agent: "wes", order: &order };
        assert!(TheRightObject.see(&facts, &sent).is_some());
        let key = ("wes".to_owned(), order.execution.clone(), order.step.action.kind().to_owned());
        facts.looked.insert(key.clone(), (NOW - secs(1), false));
        assert!(TheRightObject.see(&facts, &sent).is_some());
        facts.looked.insert(key, (NOW - secs(1), true));
        assert_eq!(TheRightObject.see(&facts, &sent), None);
    }
}
