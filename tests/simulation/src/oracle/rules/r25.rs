//! R25: failback is never automatic. GitHub 2018; CloudNativePG #9273.

use super::{Facts, Rule, Seen};
use crate::EAST;
use quorate_core::AuditEvent;
use quorate_policies::guard::Trigger;

pub(super) struct NoAutomaticFailback;

impl Rule for NoAutomaticFailback {
    fn id(&self) -> &'static str {
        "R25"
    }

    fn see(&mut self, _facts: &Facts, seen: &Seen<'_>) -> Option<String> {
        let Seen::Audit(entry, _) = seen else { return None };
        let AuditEvent::Decided { to, trigger: Trigger::Automatic, .. } = &entry.event else { return None };
        (to.as_str() == EAST).then(|| format!("a return to {EAST} was decided without an operator"))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::crafted::*, *};

    /// Goal: an automatic return is seen. Method: a decision for the standby, and the same for the primary.
    #[test]
    fn an_automatic_return() {
        let state = decided();
        let (mut entry, facts) = (decision(&state), facts(&state));
        assert_eq!(NoAutomaticFailback.see(&facts, &Seen::Audit(&entry, &state)), None);
        let AuditEvent::Decided { to, .. } = &mut entry.event else { unreachable!("it is the decision") };
        *to = crate::region(EAST);
        assert!(NoAutomaticFailback.see(&facts, &Seen::Audit(&entry, &state)).is_some());
    }
}
