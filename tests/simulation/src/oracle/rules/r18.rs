//! R18: an old primary that returns finds itself fenced: it never gets the lease again without a new decision, and no
//! traffic. CloudNativePG #10409: an ex-primary kept its label, got traffic, and the writes were lost.

use super::{Facts, Rule, Seen};
use quorate_core::{AuditEntry, AuditEvent, Cluster, StepOutcome};
use std::time::Duration;

/// How long resolvers keep an answer, and how long bad ones do.
const KEPT: Duration = Duration::from_secs(20);
const KEPT_TOO_LONG: Duration = Duration::from_secs(200);
/// A look, and a write that was under way.
const A_LOOK: Duration = Duration::from_secs(1);

pub(super) struct TheOldPrimaryStaysFenced;

impl Rule for TheOldPrimaryStaysFenced {
    fn id(&self) -> &'static str {
        "R18"
    }

    fn see(&mut self, facts: &Facts, seen: &Seen<'_>) -> Option<String> {
        match seen {
            Seen::Promised { service, region, epoch } => {
                let promoted =
                    facts.effects.iter().rev().find(|e| e.service == *service && e.promotes.is_some())?;
                let returns = promoted.promotes.as_deref() != Some(*region) && *epoch >= promoted.epoch;
                let decided = facts.told.decisions.iter().any(|decision| {
                    decision.service == *service
                        && decision.to == *region
                        && (promoted.epoch + 1..=*epoch).contains(&decision.epoch)
                });
                let wrong = returns && !decided;
                wrong.then(|| {
                    format!("{region} may write again at epoch {epoch} after `{}`", promoted.meaning)
                })
            }
            // Who is cut off with the old primary cannot ask DNS, and keeps what it has.
            Seen::Acknowledged { service, region, client } if client != region => {
                let kept = if facts.stale_resolvers { KEPT_TOO_LONG } else { KEPT } + A_LOOK;
                let led = facts.led.get(*service)?;
                let until = |index: usize| led.get(index + 1).map_or(facts.now, |(next, _)| *next);
                let leads = |(index, (_, to)): (usize, &(Duration, String))| {
                    to == region && until(index) + kept >= facts.now
                };
                let led_there = led.iter().enumerate().any(leads);
                (!led_there)
                    .then(|| format!("{service} takes writes in {region}, where DNS has long not led"))
            }
            Seen::Audit(entry, state) => stays(entry, state),
            _ => None,
        }
    }
}

/// As soon as a promotion is known to have succeeded, the service belongs to the new region: whoever asks for the old one
/// from then on asks for what is fenced.
fn stays(entry: &AuditEntry, state: &Cluster) -> Option<String> {
    let AuditEvent::StepFinished { step, outcome: StepOutcome::Succeeded { .. }, .. } = &entry.event else {
        return None;
    };
    let execution = state.executions.get(entry.execution.as_ref()?)?;
    let service = state.services.get(&execution.service)?;
    let promoted = execution.plan.steps.get(step).is_some_and(|step| !step.reversible);
    let wrong =
        promoted && service.running.as_ref() == Some(&execution.id) && service.active != execution.plan.to;
    wrong.then(|| format!("{} belongs to {} after step {step}", execution.service, service.active))
}

#[cfg(test)]
mod tests {
    use super::{super::crafted::*, *};

    /// Goal: a lease for the region that was left is seen. Method: promised to it at the epoch of the promotion, and after
    /// a new decision for it.
    #[test]
    fn the_lease_returns() {
        let state = decided();
        let mut facts = facts(&state);
        facts.effects.push(effect(&state, "promote"));
        let promised = |epoch| Seen::Promised { service: crate::SHOP, region: crate::EAST, epoch };
        assert_eq!(TheOldPrimaryStaysFenced.see(&facts, &promised(1)), None);
        assert!(TheOldPrimaryStaysFenced.see(&facts, &promised(2)).is_some());
        facts.told.take(NOW, &decision(&state));
        let home = &mut facts.told.decisions[0];
        (home.to, home.epoch) = (crate::EAST.to_owned(), 3);
        assert_eq!(TheOldPrimaryStaysFenced.see(&facts, &promised(3)), None);
    }

    /// Goal: writes in a region to which DNS has long not led are seen. Method: a client writes before and after the time.
    #[test]
    fn traffic_for_the_old_primary() {
        let mut facts = facts(&formed());
        let write = Seen::Acknowledged { service: crate::SHOP, region: crate::EAST, client: "eu-west-1" };
        facts.leads(secs(0), crate::SHOP, crate::EAST);
        facts.leads(NOW - secs(10), crate::SHOP, crate::WEST);
        assert_eq!(TheOldPrimaryStaysFenced.see(&facts, &write), None);
        facts.now += secs(60);
        assert!(TheOldPrimaryStaysFenced.see(&facts, &write).is_some());
    }

    /// Goal: a service that stays where it was is seen. Method: a promotion succeeds, and the service moves with it or not.
    #[test]
    fn a_service_that_stays() {
        let mut state = decided();
        let facts = facts(&state);
        let mut entry = decision(&state);
        let detail = "promoted".to_owned();
        entry.event = AuditEvent::StepFinished {
            step: "promote".parse().unwrap(),
            attempt: 1,
            outcome: StepOutcome::Succeeded { detail },
        };
        assert!(TheOldPrimaryStaysFenced.see(&facts, &Seen::Audit(&entry, &state)).is_some());
        state.services.values_mut().for_each(|service| service.active = crate::region(crate::WEST));
        assert_eq!(TheOldPrimaryStaysFenced.see(&facts, &Seen::Audit(&entry, &state)), None);
    }
}
