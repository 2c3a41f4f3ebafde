//! What this process remembers about Route 53: which changes it sent, so that it can ask whether they have spread, the
//! names of zones, and how often it has asked of late. After a restart, or on another agent, the record sets
//! themselves decide, so forgetting is safe.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use quorate_policies::plan::action::RecordKind;

use super::goal::Goal;
use super::name::normal_name;
use super::pace::Pace;

/// Two hundred and fifty-six: far more than the repoints of all executions that can run at once; older ones have
/// spread long since.
const CHANGES_MAX: usize = 256;

/// The memory of one process.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// The changes sent, oldest first.
    sent: Mutex<VecDeque<Sent>>,
    /// The zones that were asked for, by id, with their names where they could be read. As many as policies name.
    zones: Mutex<BTreeMap<String, Option<String>>>,
    /// How often Route 53 is asked.
    pub(crate) pace: Pace,
}

#[derive(Debug)]
struct Sent {
    repoint: Repoint,
    change: String,
}

/// One record's move by one execution.
#[derive(Debug, PartialEq, Eq)]
struct Repoint {
    execution: String,
    zone: String,
    record: String,
    kind: RecordKind,
}

impl Repoint {
    fn of(goal: &Goal) -> Self {
        Repoint {
            execution: goal.mark.execution().to_owned(),
            zone: goal.zone.clone(),
            record: normal_name(&goal.record),
            kind: goal.kind,
        }
    }
}

impl Memory {
    /// Remembers the change's id.
    pub(super) fn remember(&self, goal: &Goal, change: &str) {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        if sent.len() == CHANGES_MAX {
            sent.pop_front();
        }
        sent.push_back(Sent { repoint: Repoint::of(goal), change: change.to_owned() });
    }

    /// Forgets what was sent for this goal. A new batch is about to go, and if its reply is lost, an older one's being
    /// everywhere says nothing about it.
    pub(super) fn forget(&self, goal: &Goal) {
        let repoint = Repoint::of(goal);
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).retain(|sent| sent.repoint != repoint);
    }

    /// The zone's name: `None` if it was never asked for, `Some(None)` if it could not be read.
    pub(super) fn zone_name(&self, zone: &str) -> Option<Option<String>> {
        self.zones.lock().unwrap_or_else(PoisonError::into_inner).get(zone).cloned()
    }

    /// Remembers a zone's name, in normal form. A zone never changes it.
    pub(super) fn zone_is_named(&self, zone: &str, name: Option<String>) {
        self.zones.lock().unwrap_or_else(PoisonError::into_inner).insert(zone.to_owned(), name);
    }

    /// The id of the last change sent for this goal.
    pub(super) fn last(&self, goal: &Goal) -> Option<String> {
        let repoint = Repoint::of(goal);
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.iter().rev().find(|sent| sent.repoint == repoint).map(|sent| sent.change.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route53::answer::Answer;
    use crate::route53::epoch::EpochMark;

    fn goal(execution: &str) -> Goal {
        Goal {
            zone: "Z1".into(),
            record: "api.example.com.".into(),
            kind: RecordKind::A,
            answer: Answer::Values(["192.0.2.1".to_owned()].into()),
            ttl_s: 60,
            fence: "_quorate-epoch.api.example.com".into(),
            mark: EpochMark::new(1, execution, 1).unwrap(),
        }
    }

    /// Goal: the last change of each repoint is found, and the memory is bounded. Method: overfill it.
    #[test]
    fn the_last_change_is_remembered() {
        let changes = Memory::default();
        changes.remember(&goal("old"), "C0");
        changes.remember(&goal("e1"), "C1");
        changes.remember(&goal("e1"), "C2");
        assert_eq!(changes.last(&goal("e1")).as_deref(), Some("C2"));
        assert_eq!(changes.last(&goal("e2")), None);
        changes.forget(&goal("e1"));
        assert_eq!(changes.last(&goal("e1")), None);
        assert_eq!(changes.last(&goal("old")).as_deref(), Some("C0"));
        for _ in 0..CHANGES_MAX {
            changes.remember(&goal("e3"), "C3");
        }
        assert_eq!(changes.last(&goal("old")), None);
        assert_eq!(changes.sent.lock().unwrap().len(), CHANGES_MAX);
    }
}
