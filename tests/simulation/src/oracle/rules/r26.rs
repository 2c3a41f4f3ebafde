//! R26: a pause is obeyed by everybody at every step. Patroni's `pause`; orchestrator's downtime.

use super::{Facts, Rule, Seen};
use quorate_core::{AuditEvent, ExecutionState};
use quorate_policies::guard::Trigger;
use std::time::Duration;

/// How old a permission may be when a call is sent: 3 s by the agent's clock, and a pause too short to be noticed (2.2 s).
const PERMISSION_MAX: Duration = Duration::from_millis(5_300);

pub(super) struct AHoldIsObeyed;

impl Rule for AHoldIsObeyed {
    fn id(&self) -> &'static str {
        "R26"
    }

    fn see(&mut self, facts: &Facts, seen: &Seen<'_>) -> Option<String> {
        match seen {
            Seen::Audit(entry, _) => {
                let AuditEvent::Decided { trigger: Trigger::Automatic, .. } = &entry.event else {
                    return None;
                };
                let service = entry.service.as_ref()?;
                let held = facts.told.certainly_held(service.as_str(), facts.newest_wall)?;
                Some(format!("{service} is moved under a hold of {:?}", held.at))
            }
            Seen::Sent { agent, order } => {
                let held = facts.told.certainly_held(order.service.as_str(), facts.newest_wall)?;
                let decision = facts.told.decision(&order.execution)?;
                let later = facts.told.decided_in.get(&order.execution)? < &held.sequence;
                // What is taken back after an abort goes on: an operator has asked for that.
                let runs = facts.state.executions.get(&order.execution)?.state == ExecutionState::Running;
                // An operator who fails over under a hold has seen it.
                let holds = runs && (decision.automatic || later) && held.at + PERMISSION_MAX < facts.now;
                holds.then(|| format!("{agent} acts in step {} under a hold of {:?}", order.name, held.at))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::crafted::*, *};

    /// Goal: a decision and an act under a hold are seen. Method: before the hold, under it, and after its end.
    #[test]
    fn nothing_under_a_hold() {
        let state = decided();
        let (entry, order, mut facts) = (decision(&state), order(&state, "promote"), facts(&state));
        facts.told.take(secs(1), &entry);
        let (decides, sends) = (Seen::Audit(&entry, &state), Seen::Sent { agent: "wes", order: &order });
        assert_eq!(AHoldIsObeyed.see(&facts, &decides), None);
        assert_eq!(AHoldIsObeyed.see(&facts, &sends), None);
        let until = Some(Timestamp(facts.newest_wall.0 + 1));
        let held = crate::oracle::told::Held { at: NOW - secs(60), sequence: entry.sequence + 1, until };
        facts.told.holds.insert(crate::SHOP.to_owned(), held);
        assert!(AHoldIsObeyed.see(&facts, &decides).is_some());
        assert!(AHoldIsObeyed.see(&facts, &sends).is_some());
        facts.newest_wall.0 += 1;
        assert_eq!(AHoldIsObeyed.see(&facts, &decides), None);
        assert_eq!(AHoldIsObeyed.see(&facts, &sends), None);
    }
}
