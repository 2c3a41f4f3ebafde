//! R20: nothing is decided before something has really been wrong for the dwell, without a doubt in between. GitHub 2018: a
//! partition of 43 s.

use super::{Facts, Rule, Seen};
use crate::oracle::{count::Count, facts::Span};
use quorate_core::AuditEvent;
use quorate_policies::{RegionName, TargetName, guard::Trigger};
use std::time::Duration;

/// The clocks' tolerance, of the dwell and of a look.
const TOLERANCE: Duration = Duration::from_millis(200);
/// How long after a region has come back a decision about it may still be made: the detectors' rise, the reports'
/// freshness, and a proposal under way.
const STALE_MAX: Duration = Duration::from_secs(12);

/// What answers again for less than the detectors' rise has not recovered yet: twice the longer interval of 2 s, and an answer.
const RISE_MAX: Duration = Duration::from_millis(4_800);

/// For how long after an agent had no reason to call a target down any more its report of that may be on its way, beside the
/// policy's freshness of the one before.
pub(super) const TRAVEL_MAX: Duration = Duration::from_secs(2);

pub(super) struct OnlyAfterAnOutageOfTheDwell;

impl Rule for OnlyAfterAnOutageOfTheDwell {
    fn id(&self) -> &'static str {
        "R20"
    }

    fn see(&mut self, facts: &Facts, seen: &Seen<'_>) -> Option<String> {
        match seen {
            Seen::Audit(entry, state) => {
                let AuditEvent::Decided { from, trigger: Trigger::Automatic, .. } = &entry.event else {
                    return None;
                };
                let service = entry.service.as_ref()?;
                let dwell = state.services.get(service)?.policy.agreement.dwell.duration();
                (!was_sick(facts, service.as_str(), from.as_str(), least(dwell)))
                    .then(|| format!("a failover of {service} was decided and nothing was wrong with {from}"))
            }
            Seen::Proposed { agent, state, service, from, evidence, .. } => {
                let policy = &state.services.get(*service)?.policy;
                let count = Count { policy, members: &state.members, evidence };
                let since = facts.now.saturating_sub(least(evidence.down_for.duration()));
                let doubt = doubt(facts, &count, service.as_str(), from, since)?;
                let (said, ago) = (evidence.down_for, facts.now.saturating_sub(doubt));
                Some(format!("{agent} has {from} down for {said}, and {ago:?} ago no majority saw it down"))
            }
            _ => None,
        }
    }
}

/// Whether something has really been wrong for so long, and still is or was until just now.
fn was_sick(facts: &Facts, service: &str, from: &str, least: Duration) -> bool {
    let fits = |(begin, end): &Span| {
        *begin + least <= facts.now
            && end.is_none_or(|end| end + STALE_MAX >= facts.now && *begin + least <= end + STALE_MAX)
    };
    let spans = facts.sick.get(&(service.to_owned(), from.to_owned()));
    spans.is_some_and(|spans| joined(spans).iter().any(fits))
}

/// What a clock that says so has measured at least: the simulation's fastest is four and a half per cent too fast (F14).
pub(super) fn least(said: Duration) -> Duration {
    said.mul_f64(0.95).saturating_sub(TOLERANCE)
}

/// When, since then, no target of a region was down in the eyes of a majority: it begins where somebody's reason ends.
fn doubt(
    facts: &Facts,
    count: &Count<'_>,
    service: &str,
    from: &RegionName,
    since: Duration,
) -> Option<Duration> {
    let late = count.policy.agreement.freshness.duration() + TRAVEL_MAX;
    let spans = |target: &TargetName| {
        let of = |agent| {
            let sight = facts.sight(agent, service, target.check.as_str(), from.as_str());
            sight.downs.iter().map(|(begin, end)| (*begin, *end + late)).collect::<Vec<_>>()
        };
        count.members.keys().map(|agent| of(agent.as_str())).collect::<Vec<_>>()
    };
    let targets: Vec<_> = count.targets(from).iter().map(spans).collect();
    let agreed = |at: Duration| {
        let sees = |spans: &&Vec<(Duration, Duration)>| spans.iter().any(|(b, e)| *b <= at && at <= *e);
        targets.iter().any(|agents| agents.iter().filter(sees).count() >= count.majority())
    };
    let ends = targets.iter().flatten().flatten().map(|(_, end)| *end + Duration::from_nanos(1));
    [since].into_iter().chain(ends).filter(|at| (since..=facts.now).contains(at)).find(|at| !agreed(*at))
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

    /// Goal: a dwell that went on through doubt is seen. Method: three agents saw a target fail for half a minute; in between all
    /// of them saw it well for ten seconds, or one of them did, or for a moment.
    #[test]
    fn a_dwell_that_goes_on_through_doubt() {
        let state = formed();
        let mut evidence = evidence();
        let mut check = |agents: usize, well: u64| {
            let mut facts = facts(&state);
            sights(&mut facts, crate::EAST, true);
            for (place, sight) in facts.sights.values_mut().enumerate() {
                let until = NOW - secs(20);
                let begin = if place / 2 < agents { until + secs(well) } else { until };
                sight.downs = vec![(NOW - secs(30), until), (begin, NOW)];
            }
            evidence.down_for = Millis::from_secs(29);
            proposed(&mut OnlyAfterAnOutageOfTheDwell, &facts, &state, &evidence)
        };
        assert!(check(3, 10).is_some());
        assert_eq!(check(1, 10), None);
        assert_eq!(check(3, 2), None);
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
