//! R19: a cool-down between two automatic failovers, and at most so many in a window. orchestrator blocks recoveries until
//! somebody acknowledges; GitHub, 2012: a second failover undid the first.

use super::{Facts, Rule, Seen};
use quorate_core::AuditEvent;
use quorate_policies::guard::Trigger;
use std::time::Duration;

/// How far the log's clock may be off in a cool-down of ten minutes: wall clocks differ by 5 s, and by 4 % in their speed.
const CLOCKS_DIFFER: Duration = Duration::from_secs(30);

pub(super) struct CooldownAndCap;

impl Rule for CooldownAndCap {
    fn id(&self) -> &'static str {
        "R19"
    }

    fn see(&mut self, facts: &Facts, seen: &Seen<'_>) -> Option<String> {
        let Seen::Audit(entry, state) = seen else { return None };
        let AuditEvent::Decided { trigger: Trigger::Automatic, .. } = &entry.event else { return None };
        let service = entry.service.as_ref()?;
        let guards = &state.services.get(service)?.policy.guards;
        let flaps = state.executions.get(entry.execution.as_ref()?)?.evidence.flaps;
        if flaps > guards.flaps_max {
            return Some(format!("{service} is moved while its region flaps: {flaps} changes"));
        }
        // One that ended before it touched anything is no failover.
        let counts = facts.told.decisions.iter().filter(|decision| {
            decision.service == service.as_str() && (decision.touched || decision.ended.is_none())
        });
        let recent = counts.clone().filter(|d| entry.at.since(d.stamp) < guards.velocity_window).count();
        if recent >= guards.failovers_max as usize {
            return Some(format!(
                "{service} is moved after {recent} failovers in {}",
                guards.velocity_window
            ));
        }
        // A wall clock that is set an hour ahead takes the log's clock with it; R3 judges by that one, in every run.
        if facts.clock_jumped.is_some() {
            return None;
        }
        let (ended, _) = counts.filter_map(|decision| decision.ended).max()?;
        let early = ended + guards.cooldown.duration() > facts.now + CLOCKS_DIFFER;
        early.then(|| format!("{service} is moved {:?} after the last execution ended", facts.now - ended))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::crafted::*, *};

    /// Goal: a failover above the cap is seen. Method: one, then two in the window.
    #[test]
    fn above_the_cap() {
        let state = decided();
        let (entry, mut facts) = (decision(&state), facts(&state));
        facts.told.take(secs(1), &entry);
        assert_eq!(CooldownAndCap.see(&facts, &Seen::Audit(&entry, &state)), None);
        facts.told.take(secs(1), &entry);
        assert!(CooldownAndCap.see(&facts, &Seen::Audit(&entry, &state)).is_some());
    }

    /// Goal: a failover in the cool-down is seen by true time. Method: the one before ended now, and ten minutes ago.
    #[test]
    fn in_the_cool_down() {
        let state = decided();
        let (entry, mut facts) = (decision(&state), facts(&state));
        facts.told.take(secs(1), &entry);
        facts.told.decisions[0].touched = true;
        facts.told.decisions[0].ended = Some((NOW, entry.at));
        assert!(CooldownAndCap.see(&facts, &Seen::Audit(&entry, &state)).is_some());
        facts.told.decisions[0].ended = Some((NOW - secs(600), entry.at));
        assert_eq!(CooldownAndCap.see(&facts, &Seen::Audit(&entry, &state)), None);
    }
}
