//! The audit as it is held in the state: a tail of the hash chain.

use crate::notify;
use quorate_api::status::{Audit, AuditEntry};
use quorate_core::{
    AuditEvent, Cluster,
    cluster::audit::{AuditEntry as Entry, broken_at},
};
use serde_json::Value;

/// `GET /v1/audit`: with `after` the oldest entries behind that number, so that a reader can follow; without it the
/// latest ones.
pub(in crate::http) fn audit(cluster: &Cluster, after: Option<u64>, limit: usize) -> Audit {
    let held = &cluster.audit;
    let entries: Vec<AuditEntry> = match after {
        Some(after) => {
            held.entries.iter().filter(|entry| entry.sequence > after).take(limit).map(entry).collect()
        }
        None => held.entries.iter().skip(held.entries.len().saturating_sub(limit)).map(entry).collect(),
    };
    let ends_at_head = held.entries.back().is_none_or(|latest| latest.hash == held.head);
    Audit {
        entries,
        sequence: held.sequence,
        head: held.head.clone(),
        verified: ends_at_head && broken_at(&held.entries).is_none(),
        notified: Some(cluster.notified),
    }
}

/// One entry as a sentence with fields, and as it is chained.
pub(crate) fn entry(entry: &Entry) -> AuditEntry {
    AuditEntry {
        sequence: entry.sequence,
        at: entry.at.to_string(),
        actor: entry.actor.clone(),
        service: entry.service.as_ref().map(ToString::to_string),
        execution: entry.execution.clone(),
        event: entry.event.name().to_owned(),
        message: entry.event.to_string(),
        fields: fields(&entry.event),
        previous: entry.previous.clone(),
        hash: entry.hash.clone(),
        guard: match &entry.event {
            AuditEvent::Refused { refusal } => Some(refusal.guard().to_owned()),
            _ => None,
        },
        notifies: notify::kind(entry).map(str::to_owned),
        line: serde_json::to_string(entry).unwrap_or_default(),
    }
}

/// The event's fields without its name, which stands beside them.
fn fields(event: &AuditEvent) -> Value {
    let mut fields = serde_json::to_value(event).unwrap_or_default();
    if let Some(object) = fields.as_object_mut() {
        object.shift_remove("event");
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::sample;

    /// Goal: entries are sentences with fields, and the chain is verified. Method: the sample cluster's audit.
    #[test]
    fn entries_are_sentences() {
        let cluster = sample::executing();
        let shown = audit(&cluster, Some(0), 1_000);
        assert!(shown.verified);
        let lines: Vec<String> = shown
            .entries
            .iter()
            .map(|e| {
                format!("{} {} {} {} | {} | {}", e.sequence, e.at, e.actor, e.event, e.message, e.fields)
            })
            .collect();
        // The policy's hash changes with every setting that policies learn.
        let hash = cluster.services.values().next().unwrap().policy_hash.clone();
        let text = lines.join("\n").replace(&hash, "HASH").replace(&hash[..12], "HASH");
        insta::assert_snapshot!(text);
    }

    /// Goal: whoever has an entry's line can check its hash without our types. Method: blank the hash in the text, and
    /// take its SHA-256.
    #[test]
    fn a_line_proves_its_hash() {
        use sha2::{Digest as _, Sha256};
        for shown in audit(&sample::executing(), Some(0), 1_000).entries {
            let (unsigned, end) = shown.line.rsplit_once(&shown.hash).unwrap();
            assert!(unsigned.ends_with("\"hash\":\"") && end == "\"}", "{}", shown.line);
            let digest = Sha256::digest(format!("{unsigned}{end}"));
            assert_eq!(data_encoding::HEXLOWER.encode(&digest), shown.hash);
        }
    }

    /// Goal: a reader can follow, or see the end. Method: both ways of asking, with a limit.
    #[test]
    fn following_and_looking_back() {
        let cluster = sample::executing();
        let numbers = |shown: Audit| shown.entries.iter().map(|entry| entry.sequence).collect::<Vec<_>>();
        assert_eq!(numbers(audit(&cluster, Some(2), 2)), [3, 4]);
        let last = cluster.audit.sequence;
        assert_eq!(numbers(audit(&cluster, None, 2)), [last - 1, last]);
    }

    /// Goal: a changed entry is noticed. Method: another actor in one entry, then another head.
    #[test]
    fn a_forged_entry_is_noticed() {
        let cluster = sample::executing();
        let mut forged = cluster.clone();
        forged.audit.entries[1].actor = "nobody".to_owned();
        assert!(!audit(&forged, None, 1).verified);
        let mut cut = cluster;
        cut.audit.entries.pop_back();
        assert!(!audit(&cut, None, 1).verified);
    }
}
