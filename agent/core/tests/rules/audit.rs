//! The audit's chain, and the whole state on its way through a snapshot.

use crate::{log::*, shop::*};
use quorate_core::{
    AuditEntry, Cluster,
    cluster::audit::{AUDIT_KEPT_MAX, AuditEvent, broken_at},
};
use quorate_policies::{Millis, Timestamp};

fn after_a_failover() -> Log {
    let mut log = Log::of_the_shop();
    log.decide();
    log.run("fence", unknown());
    log.wait(Millis(1)).pause(Some(Timestamp(2_000_000_000_000)));
    log.resume();
    log.release();
    log.run_all();
    log
}

fn entries(log: &Log) -> Vec<AuditEntry> {
    log.cluster.audit.entries.iter().cloned().collect()
}

/// Goal: the audit is one unbroken chain from its first entry to its head. Method: walk it.
#[test]
fn the_chain_is_whole() {
    let log = after_a_failover();
    let entries = entries(&log);
    assert_eq!(broken_at(&entries), None);
    assert_eq!(entries[0].previous, "");
    assert_eq!(entries.last().map(|entry| &entry.hash), Some(&log.cluster.audit.head));
    assert_eq!(
        entries.iter().map(|e| e.sequence).collect::<Vec<_>>(),
        (1..=log.cluster.audit.sequence).collect::<Vec<_>>()
    );
}

/// Goal: whoever changes, drops, repeats or exchanges an entry is found out, and where.
/// Method: every such change at every place of the chain.
#[test]
fn tampering_is_found() {
    let entries = entries(&after_a_failover());
    for index in 0..entries.len() {
        let sequence = entries[index].sequence;
        let changes: [fn(&mut AuditEntry); 5] = [
            |entry| entry.actor = "mallory".to_owned(),
            |entry| entry.at = Timestamp(entry.at.0 + 1),
            |entry| entry.execution = Some("shop-9".to_owned()),
            |entry| entry.event = AuditEvent::Resumed { reason: "nothing happened".to_owned() },
            |entry| entry.previous = "0".repeat(64),
        ];
        for change in changes {
            let mut forged = entries.clone();
            change(&mut forged[index]);
            assert_eq!(broken_at(&forged), Some(sequence));
            // One who also mends the entry's own hash is found at the next entry, or by the chain's head.
            forged[index].hash = forged[index].digest();
            assert_ne!(forged[index].hash, entries[index].hash);
            if index + 1 < entries.len() {
                assert!(broken_at(&forged).is_some());
            }
        }
        if index > 0 && index + 1 < entries.len() {
            let mut dropped = entries.clone();
            dropped.remove(index);
            assert_eq!(broken_at(&dropped), Some(sequence + 1));
            let mut exchanged = entries.clone();
            exchanged.swap(index, index + 1);
            assert_eq!(broken_at(&exchanged), Some(sequence + 1));
            let mut repeated = entries.clone();
            repeated.insert(index, entries[index].clone());
            assert_eq!(broken_at(&repeated), Some(sequence));
        }
    }
}

/// Goal: the state keeps a bounded tail, which is still a chain, and its numbers go on. Method: many pauses.
#[test]
fn the_tail_is_bounded_and_still_a_chain() {
    let mut log = Log::of_the_shop();
    for _ in 0..AUDIT_KEPT_MAX {
        log.resume();
    }
    let audit = &log.cluster.audit;
    assert_eq!((audit.entries.len(), audit.sequence), (AUDIT_KEPT_MAX, AUDIT_KEPT_MAX as u64 + 2));
    assert_eq!(broken_at(&audit.entries), None);
}

/// Goal: a snapshot gives back the same state, and the restored replica goes on as the others do.
/// Method: through JSON in the middle of a failover; then the same commands on both.
#[test]
fn a_snapshot_gives_back_the_same_state() {
    let mut log = Log::of_the_shop();
    log.decide();
    log.start("fence");
    log.wait(Millis(5)).pause(None);
    let text = serde_json::to_string(&log.cluster).unwrap();
    let mut restored = log.clone();
    restored.cluster = serde_json::from_str::<Cluster>(&text).unwrap();
    assert_eq!(restored.cluster, log.cluster);
    for log in [&mut log, &mut restored] {
        log.finish("fence", succeeded());
        log.resume();
        log.release();
        log.run_all();
    }
    assert_eq!(restored.cluster, log.cluster);
    assert_eq!(log.state().word(), "succeeded");
}
