//! R31: every decision and every non-decision can be explained. "Why did it not fail over?" is the commonest question of
//! orchestrator's users: #522, #718, #737, #808, #1084.

use super::{Facts, Rule, Seen};
use quorate_core::{AuditEntry, AuditEvent, Cluster};
use quorate_policies::guard::Trigger;
use sha2::{Digest as _, Sha256};
use std::{collections::BTreeMap, time::Duration};

/// Beyond the dwell: three probes of 2 s with their timeouts, reports, an election, and the log.
const NOTICED_WITHIN: Duration = Duration::from_secs(25);
/// How long the leader may say that nothing keeps it from acting: until its proposal is in the log, or given up and made
/// again.
const WILLING_MAX: Duration = Duration::from_secs(15);

/// Remembers the audit's last entry, and since when the leader has been willing to move a service.
#[derive(Default)]
pub(super) struct EverythingIsExplained {
    last: Option<(u64, String)>,
    willing: BTreeMap<String, Duration>,
}

impl Rule for EverythingIsExplained {
    fn id(&self) -> &'static str {
        "R31"
    }

    fn see(&mut self, facts: &Facts, seen: &Seen<'_>) -> Option<String> {
        match seen {
            Seen::Audit(entry, state) => self.chained(entry).or_else(|| unexplained(entry, state)),
            Seen::Second => facts.state.services.keys().find_map(|name| self.silent(facts, name.as_str())),
            _ => None,
        }
    }
}

impl EverythingIsExplained {
    /// Every entry names the one before it, and its own text.
    fn chained(&mut self, entry: &AuditEntry) -> Option<String> {
        let unsigned = AuditEntry { hash: String::new(), ..entry.clone() };
        let digest = Sha256::digest(serde_json::to_vec(&unsigned).ok()?);
        let own = digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>() == entry.hash;
        let (number, hash) = self.last.take().unwrap_or_default();
        self.last = Some((entry.sequence, entry.hash.clone()));
        let follows = entry.sequence == number + 1 && entry.previous == hash;
        (!own || !follows)
            .then(|| format!("entry {} of the audit does not follow from {number}", entry.sequence))
    }

    /// A region that is sick for long, with a majority there to see it, and nobody says anything.
    fn silent(&mut self, facts: &Facts, service: &str) -> Option<String> {
        let known = facts.state.services.get(service)?;
        let (since, calm) = (facts.sick_since(service, known.active.as_str()), facts.links.calm_since);
        let (Some(since), Some(calm), None) = (since, calm, &known.running) else {
            self.willing.remove(service);
            return None;
        };
        let begin = since.max(calm) + known.policy.agreement.dwell.duration().mul_f64(1.03) + NOTICED_WITHIN;
        let told = facts.explained.get(service).filter(|(at, _)| *at + NOTICED_WITHIN >= facts.now);
        let willing = matches!(told, Some((_, None)));
        if !willing {
            self.willing.remove(service);
        }
        if begin >= facts.now {
            return None;
        }
        if told.is_none() {
            return Some(format!(
                "{} is sick since {since:?}, and no leader says why nothing is done",
                known.active
            ));
        }
        let first = willing.then(|| *self.willing.entry(service.to_owned()).or_insert(facts.now))?;
        let long = first + WILLING_MAX < facts.now;
        long.then(|| {
            format!(
                "{} is sick since {since:?}, nothing keeps the leader back, and nothing is done",
                known.active
            )
        })
    }
}

/// A decision without its reasons, or a refusal without its own.
fn unexplained(entry: &AuditEntry, state: &Cluster) -> Option<String> {
    match &entry.event {
        AuditEvent::Decided { trigger, .. } => {
            let Some(execution) = entry.execution.as_ref().and_then(|id| state.executions.get(id)) else {
                return Some(format!("entry {} decides on no execution", entry.sequence));
            };
            let bare = match trigger {
                Trigger::Automatic => execution.evidence.votes.is_empty(),
                Trigger::Operator { by, reason, .. } => by.is_empty() || reason.is_empty(),
            };
            bare.then(|| format!("{} was decided without evidence, or without a reason", execution.id))
        }
        AuditEvent::Refused { refusal } => {
            let bare =
                refusal.to_string().is_empty() || refusal.guard().is_empty() || entry.service.is_none();
            bare.then(|| format!("entry {} refuses and does not say why", entry.sequence))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::crafted::*, *};

    /// Goal: a broken chain is seen. Method: the audit as it is; with an entry left out; with a changed text.
    #[test]
    fn a_broken_chain() {
        let state = decided();
        let facts = facts(&state);
        let wrong = |entries: Vec<AuditEntry>| {
            let mut rule = EverythingIsExplained::default();
            entries.iter().any(|entry| rule.see(&facts, &Seen::Audit(entry, &state)).is_some())
        };
        let whole: Vec<AuditEntry> = state.audit.entries.iter().cloned().collect();
        assert!(!wrong(whole.clone()));
        assert!(wrong([&whole[..1], &whole[2..]].concat()));
        let mut changed = whole;
        changed[1].actor = "mallory".to_owned();
        assert!(wrong(changed));
    }

    /// Goal: a decision without evidence is seen. Method: the votes are taken away.
    #[test]
    fn a_decision_without_evidence() {
        let mut state = decided();
        let entry = decision(&state);
        assert_eq!(unexplained(&entry, &state), None);
        state.executions.values_mut().for_each(|execution| execution.evidence.votes.clear());
        assert!(unexplained(&entry, &state).is_some());
    }

    /// Goal: silence about a sick region is seen. Method: no leader; one that says why; one that would act and does not.
    #[test]
    fn nobody_says_why() {
        let state = formed();
        let (mut facts, mut rule) = (facts(&state), EverythingIsExplained::default());
        calm(&mut facts, &["eve", "wes", "noa"]);
        facts.condition(secs(1), crate::SHOP, crate::EAST, true);
        assert!(rule.see(&facts, &Seen::Second).is_some());
        facts.explained.insert(crate::SHOP.to_owned(), (NOW, Some("held".to_owned())));
        assert_eq!(rule.see(&facts, &Seen::Second), None);
        facts.explained.insert(crate::SHOP.to_owned(), (NOW, None));
        assert_eq!(rule.see(&facts, &Seen::Second), None);
        facts.now += secs(16);
        assert!(rule.see(&facts, &Seen::Second).is_some());
    }
}
