//! R17: positions are compared only where they agree. repmgr goes on after 30 s although they do not. A plan of this world
//! promotes one replica, so there is no choice between several; what is left of the rule is that the readings of all agents
//! that count must agree to be within the limit: the greatest decides, never the one that suits.

use super::{Facts, Rule, Seen};
use crate::oracle::count::Count;
use quorate_core::AuditEvent;
use quorate_policies::{agreement::lag::replica_name, guard::Trigger};

pub(super) struct AllReadingsAgree;

impl Rule for AllReadingsAgree {
    fn id(&self) -> &'static str {
        "R17"
    }

    fn see(&mut self, _facts: &Facts, seen: &Seen<'_>) -> Option<String> {
        let Seen::Audit(entry, state) = seen else { return None };
        let AuditEvent::Decided { from, to, trigger: Trigger::Automatic, .. } = &entry.event else {
            return None;
        };
        let count = Count::of(state, state.executions.get(entry.execution.as_ref()?)?)?;
        let replica = replica_name(to.as_str(), &format!("{}-{to}", entry.service.as_ref()?));
        let greatest = count.behind(from, &replica).into_iter().max()?;
        let max = count.policy.guards.max_replica_lag;
        (greatest > max)
            .then(|| format!("{replica} is promoted and an agent has read that it is {greatest} behind"))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::crafted::*, *};

    /// Goal: one reading beyond the limit is seen. Method: one agent's reading is made so, and then it does not count.
    #[test]
    fn one_reading_disagrees() {
        let mut state = decided();
        let (entry, facts) = (decision(&state), facts(&state));
        assert_eq!(AllReadingsAgree.see(&facts, &Seen::Audit(&entry, &state)), None);
        let execution = state.executions.values_mut().next().unwrap();
        execution.evidence.lags[0].behind = Millis::from_secs(3_600);
        assert!(AllReadingsAgree.see(&facts, &Seen::Audit(&entry, &state)).is_some());
        state.executions.values_mut().next().unwrap().evidence.lags[0].abstains = true;
        assert_eq!(AllReadingsAgree.see(&facts, &Seen::Audit(&entry, &state)), None);
    }
}
