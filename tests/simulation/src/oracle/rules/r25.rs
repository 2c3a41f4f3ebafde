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
