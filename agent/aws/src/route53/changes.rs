//! Which changes this process sent, so that it can ask whether they have spread. A memory of the process alone:
//! after a restart, or on another agent, the record sets themselves decide, so forgetting is safe.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use quorate_policies::plan::action::RecordKind;

use super::goal::Goal;
use super::name::normal_name;

/// Two hundred and fifty-six: far more than the repoints of all executions that can run at once; older ones have
/// spread long since.
const CHANGES_MAX: usize = 256;

/// The changes sent, oldest first.
#[derive(Debug, Default)]
pub(crate) struct SentChanges {
    sent: Mutex<VecDeque<Sent>>,
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

impl SentChanges {
    /// Remembers the change's id.
    pub(super) fn remember(&self, goal: &Goal, change: &str) {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        if sent.len() == CHANGES_MAX {
            sent.pop_front();
        }
        sent.push_back(Sent { repoint: Repoint::of(goal), change: change.to_owned() });
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
    use crate::route53::epoch::EpochMark;
    use crate::route53::goal::Answer;

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
        let changes = SentChanges::default();
        changes.remember(&goal("old"), "C0");
        changes.remember(&goal("e1"), "C1");
        changes.remember(&goal("e1"), "C2");
        assert_eq!(changes.last(&goal("e1")).as_deref(), Some("C2"));
        assert_eq!(changes.last(&goal("e2")), None);
        for _ in 0..CHANGES_MAX {
            changes.remember(&goal("e3"), "C3");
        }
        assert_eq!(changes.last(&goal("old")), None);
        assert_eq!(changes.sent.lock().unwrap().len(), CHANGES_MAX);
    }
}
