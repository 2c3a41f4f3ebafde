//! R16: a promotion loses no more than replication was behind, within the limit of the policy, unless an operator has
//! accepted a loss for this one command. CloudNativePG, pg_auto_failover and Patroni all have such a limit; Sentinel has
//! none and lost 500 to 1,200 writes.

use super::{Facts, Rule, Seen};
use crate::oracle::count::Count;
use quorate_core::AuditEvent;
use quorate_policies::{
    Millis,
    agreement::{LagVote, lag::replica_name},
    guard::Trigger,
};
use std::time::Duration;

/// Between the last reading of monitoring and the failure lie up to two of its points, in which lag may have grown.
const GROWTH_MAX: Duration = Duration::from_secs(150);

pub(super) struct NoLossBeyondTheLag;

impl Rule for NoLossBeyondTheLag {
    fn id(&self) -> &'static str {
        "R16"
    }

    fn see(&mut self, facts: &Facts, seen: &Seen<'_>) -> Option<String> {
        match seen {
            Seen::Audit(entry, state) => {
                let AuditEvent::Decided { from, to, trigger, .. } = &entry.event else { return None };
                let execution = state.executions.get(entry.execution.as_ref()?)?;
                let replica = replica_name(to.as_str(), &format!("{}-{to}", execution.service));
                if accepts_loss(trigger) {
                    return None;
                }
                let count = Count::of(state, execution)?;
                let Some(behind) = count.behind(from, &replica).into_iter().max() else {
                    let id = &execution.id;
                    return Some(format!("{id} was decided and nobody knew how far {replica} was behind"));
                };
                let far = behind > count.policy.guards.max_replica_lag;
                far.then(|| format!("{} was decided and {replica} was {behind} behind", execution.id))
            }
            Seen::Proposed { agent, state, service, to, evidence, .. } => {
                let policy = &state.services.get(*service)?.policy;
                let count = Count { policy, members: &state.members, evidence };
                let read = facts.monitored.get(&(service.to_string(), to.to_string()));
                let made_up = |lag: &&LagVote| {
                    let same =
                        |behind: &Duration| u64::try_from(behind.as_millis()).ok() == Some(lag.behind.0);
                    !read.is_some_and(|read| read.iter().any(|(_, behind)| same(behind)))
                };
                let lags = count.lags(&replica_name(to.as_str(), &format!("{service}-{to}")));
                let lag = lags.into_iter().find(made_up)?;
                Some(format!("{agent} counts a lag of {}, which monitoring never said", lag.behind))
            }
            Seen::Applied(effect) => {
                effect.promotes.as_ref()?;
                let execution = facts.state.executions.get(&effect.execution)?;
                let max: Millis = facts.state.services.get(&execution.service)?.policy.guards.max_replica_lag;
                let oldest = effect.oldest_lost.filter(|_| !accepts_loss(&execution.trigger))?;
                let decided = facts.told.decision(&effect.execution)?.at;
                // Writes that were made in the old region while nobody else could see it are the fence's to prevent (R14).
                let key = (effect.service.clone(), execution.from().to_string());
                let failing =
                    facts.sick.get(&key).and_then(|spans| spans.iter().rfind(|span| span.0 <= decided));
                let failed = failing.map_or(decided, |span| span.0);
                let lost = failed.saturating_sub(oldest);
                let beyond = lost > max.duration() + GROWTH_MAX;
                beyond.then(|| format!("`{}` lost the writes of {lost:?} before the failure", effect.meaning))
            }
            _ => None,
        }
    }
}

const fn accepts_loss(trigger: &Trigger) -> bool {
    matches!(trigger, Trigger::Operator { accept_data_loss: true, .. })
}

#[cfg(test)]
mod tests {
    use super::{super::crafted::*, *};

    /// Goal: a decision on an unknown position is seen. Method: the readings are taken away, or are too old.
    #[test]
    fn a_position_that_nobody_knows() {
        let state = decided();
        let (entry, facts) = (decision(&state), facts(&state));
        assert_eq!(NoLossBeyondTheLag.see(&facts, &Seen::Audit(&entry, &state)), None);
        let (mut bare, mut old) = (state.clone(), state);
        bare.executions.values_mut().for_each(|execution| execution.evidence.lags.clear());
        assert!(NoLossBeyondTheLag.see(&facts, &Seen::Audit(&entry, &bare)).is_some());
        let lags = &mut old.executions.values_mut().next().unwrap().evidence.lags;
        lags.iter_mut().for_each(|lag| lag.measured = Millis::from_secs(3_600));
        assert!(NoLossBeyondTheLag.see(&facts, &Seen::Audit(&entry, &old)).is_some());
    }

    /// Goal: a reading that monitoring never gave is seen. Method: with what monitoring said, and without.
    #[test]
    fn a_reading_that_was_made_up() {
        let (state, evidence) = (formed(), evidence());
        let mut facts = facts(&state);
        assert!(proposed(&mut NoLossBeyondTheLag, &facts, &state, &evidence).is_some());
        let key = (crate::SHOP.to_owned(), crate::WEST.to_owned());
        facts.monitored.insert(key, vec![(secs(1), Duration::from_millis(evidence.lags[0].behind.0))]);
        assert_eq!(proposed(&mut NoLossBeyondTheLag, &facts, &state, &evidence), None);
    }

    /// Goal: a promotion that loses more than the limit is seen. Method: the oldest lost write is young, and old.
    #[test]
    fn too_much_is_lost() {
        let state = decided();
        let mut facts = facts(&state);
        facts.told.take(NOW, &decision(&state));
        let mut effect = effect(&state, "promote");
        effect.oldest_lost = Some(NOW - secs(20));
        assert_eq!(NoLossBeyondTheLag.see(&facts, &Seen::Applied(&effect)), None);
        effect.oldest_lost = Some(NOW - secs(400));
        assert!(NoLossBeyondTheLag.see(&facts, &Seen::Applied(&effect)).is_some());
    }
}
