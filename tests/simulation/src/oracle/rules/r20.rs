//! R20: nothing is decided before something has really been wrong for the dwell. GitHub 2018: a partition of 43 s.

use super::{Facts, Rule, Seen};
use crate::oracle::facts::Span;
use quorate_core::AuditEvent;
use quorate_policies::guard::Trigger;
use std::time::Duration;

/// The clocks' tolerance, of the dwell and of a look.
const TOLERANCE: Duration = Duration::from_millis(200);
/// How long after a region has come back a decision about it may still be made: the detectors' rise, the reports'
/// freshness, and a proposal under way.
const STALE_MAX: Duration = Duration::from_secs(12);

/// What answers again for less than the detectors' rise has not recovered yet: twice the longer interval of 2 s, and an answer.
const RISE_MAX: Duration = Duration::from_millis(4_800);

pub(super) struct OnlyAfterAnOutageOfTheDwell;

impl Rule for OnlyAfterAnOutageOfTheDwell {
    fn id(&self) -> &'static str {
        "R20"
    }

    fn see(&mut self, facts: &Facts, seen: &Seen<'_>) -> Option<String> {
        let Seen::Audit(entry, state) = seen else { return None };
        let AuditEvent::Decided { from, trigger: Trigger::Automatic, .. } = &entry.event else { return None };
        let service = entry.service.as_ref()?;
        let dwell = state.services.get(service)?.policy.agreement.dwell.duration();
        // Two per cent is how wrong the simulation's clocks may be.
        let least = dwell.mul_f64(0.97).saturating_sub(TOLERANCE);
        let fits = |(begin, end): &Span| {
            *begin + least <= facts.now
                && end.is_none_or(|end| end + STALE_MAX >= facts.now && *begin + least <= end + STALE_MAX)
        };
        let spans = facts.sick.get(&(service.to_string(), from.to_string()));
        let right = spans.is_some_and(|spans| joined(spans).iter().any(fits));
        (!right).then(|| format!("a failover of {service} was decided and nothing was wrong with {from}"))
    }
}

/// Spans of sickness, those as one between which nothing can have recovered.
fn joined(spans: &[Span]) -> Vec<Span> {
    let mut all: Vec<Span> = Vec::new();
    for (begin, end) in spans {
        match all.last_mut() {
            Some((_, last)) if last.is_some_and(|last| *begin <= last + RISE_MAX) => *last = *end,
            _ => all.push((*begin, *end)),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::{super::crafted::*, *};

    /// Goal: a decision without an outage is seen. Method: the region has been sick for a second, for ten, and long ago.
    #[test]
    fn a_decision_without_an_outage() {
        let state = decided();
        let (entry, mut facts) = (decision(&state), facts(&state));
        let decides = Seen::Audit(&entry, &state);
        facts.condition(NOW - secs(1), crate::SHOP, crate::EAST, true);
        assert!(OnlyAfterAnOutageOfTheDwell.see(&facts, &decides).is_some());
        facts.sick.values_mut().for_each(|spans| spans[0].0 = NOW - secs(10));
        assert_eq!(OnlyAfterAnOutageOfTheDwell.see(&facts, &decides), None);
        facts.sick.values_mut().for_each(|spans| spans[0] = (secs(1), Some(secs(60))));
        assert!(OnlyAfterAnOutageOfTheDwell.see(&facts, &decides).is_some());
    }

    /// Goal: a flapping service is sick as a whole, and one that has been well between two outages is not. Method: spans that
    /// are three seconds apart, and spans that are ten apart.
    #[test]
    fn what_flaps_has_not_recovered() {
        let outages = |apart: u64| [(secs(10), Some(secs(20))), (secs(20 + apart), None)];
        assert_eq!(joined(&outages(3)), [(secs(10), None)]);
        assert_eq!(joined(&outages(10)), outages(10));
    }
}
