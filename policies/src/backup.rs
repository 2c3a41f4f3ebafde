//! Whether a backup is one that a restore could be made of: a pure judgement of what a look showed. "No" is a state with
//! its reason; what could not be looked at is unknown, and never fresh (R7).

use crate::{
    policy::Backup,
    time::{Millis, Timestamp},
};
use std::fmt;

/// From so many earlier ones on there is a usual size: the median of fewer is one of two extremes.
pub const EARLIER_MIN: usize = 3;
/// How far into the future a backup may be dated: as far as the clock of a storage may be off. Beyond it its age says
/// nothing, and it would look fresh for too long.
const FUTURE_MAX: Millis = Millis::from_secs(5 * 60);

/// What a look showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackupSeen {
    /// There is none.
    Nothing,
    /// There is at least one.
    Found(BackupFound),
    /// It could not be looked at.
    Unknown {
        /// Why.
        why: String,
    },
}

/// The newest backup, and what is known of the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupFound {
    /// Its name.
    pub name: String,
    /// When it was taken.
    pub taken: Timestamp,
    /// Its size in bytes, where there is one; of `files` the sum of all.
    pub size: Option<u64>,
    /// The sizes of earlier ones.
    pub earlier: Vec<u64>,
    /// When the oldest one was taken.
    pub oldest: Option<Timestamp>,
    /// What its content is.
    pub content: BackupContent,
}

/// What the content of a backup is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackupContent {
    /// It was looked at, as far as this kind can be, and is what it should be.
    Sound,
    /// It was not looked at.
    Unchecked {
        /// Why not.
        why: String,
    },
    /// It cannot be used.
    Broken {
        /// What is wrong with it.
        why: String,
    },
}

/// What a backup is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackupState {
    /// A restore could be made of it.
    Fresh,
    /// It is too old.
    Stale {
        /// How old it may be.
        within: Millis,
    },
    /// It cannot be used.
    Unreadable {
        /// What is wrong with it.
        why: String,
    },
    /// Its size is not a usual one.
    OddSize {
        /// The usual size in bytes.
        usual: u64,
        /// By how many percent it may differ.
        percent: u32,
    },
    /// There is none.
    Missing,
    /// It could not be looked at.
    Unknown {
        /// Why.
        why: String,
    },
}

/// A judgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupJudgement {
    /// What it is worth.
    pub state: BackupState,
    /// The newest one's name.
    pub name: Option<String>,
    /// How old the newest is.
    pub age: Option<Millis>,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// How old the oldest is.
    pub oldest: Option<Millis>,
    /// What else is to be said, and does not make it less worth.
    pub notes: Vec<String>,
}

impl BackupState {
    /// In one word.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            BackupState::Fresh => "fresh",
            BackupState::Stale { .. } => "stale",
            BackupState::Unreadable { .. } => "unreadable",
            BackupState::OddSize { .. } => "odd_size",
            BackupState::Missing => "missing",
            BackupState::Unknown { .. } => "unknown",
        }
    }

    /// Whether a restore could be made of it.
    #[must_use]
    pub const fn is_fresh(&self) -> bool {
        matches!(self, BackupState::Fresh)
    }
}

impl fmt::Display for BackupState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BackupState::Fresh => f.write_str("fresh"),
            BackupState::Stale { within } => write!(f, "older than {within}"),
            BackupState::Unreadable { why } => write!(f, "it cannot be used: {why}"),
            BackupState::OddSize { usual, percent } => {
                write!(f, "it differs by more than {percent}% from the usual {usual} bytes")
            }
            BackupState::Missing => f.write_str("there is none"),
            BackupState::Unknown { why } => write!(f, "it could not be looked at: {why}"),
        }
    }
}

/// What a look means. `watched` is for how long this agent has looked at it.
#[must_use]
pub fn judge(backup: &Backup, seen: &BackupSeen, now: Timestamp, watched: Millis) -> BackupJudgement {
    let nothing =
        |state| BackupJudgement { state, name: None, age: None, size: None, oldest: None, notes: Vec::new() };
    let found = match seen {
        BackupSeen::Nothing => return nothing(BackupState::Missing),
        BackupSeen::Unknown { why } => return nothing(BackupState::Unknown { why: why.clone() }),
        BackupSeen::Found(found) => found,
    };
    let age = now.since(found.taken);
    let oldest = found.oldest.map(|oldest| now.since(oldest));
    let mut notes = Vec::new();
    if let BackupContent::Unchecked { why } = &found.content {
        notes.push(format!("its content was not looked at: {why}"));
    }
    if let (Some(keep), Some(oldest)) = (backup.keep, oldest)
        && watched > keep
        && oldest < keep
    {
        notes.push(format!("the oldest is {oldest} old, and backups are kept for {keep}"));
    }
    let name = Some(found.name.clone());
    BackupJudgement {
        state: state(backup, found, now, age),
        name,
        age: Some(age),
        size: found.size,
        oldest,
        notes,
    }
}

/// The gravest comes first: what cannot be used is worth nothing, however young.
fn state(backup: &Backup, found: &BackupFound, now: Timestamp, age: Millis) -> BackupState {
    if let BackupContent::Broken { why } = &found.content {
        return BackupState::Unreadable { why: why.clone() };
    }
    let ahead = found.taken.since(now);
    if ahead > FUTURE_MAX {
        return BackupState::Unknown { why: format!("it is dated {ahead} in the future") };
    }
    if age > backup.fresh_within {
        return BackupState::Stale { within: backup.fresh_within };
    }
    let odd = backup.size_within_percent.zip(found.size).zip(usual(&found.earlier));
    match odd {
        Some(((percent, size), usual)) if differs(size, usual, percent) => {
            BackupState::OddSize { usual, percent }
        }
        Some(_) | None => BackupState::Fresh,
    }
}

/// The median; of an even number the lower one.
fn usual(earlier: &[u64]) -> Option<u64> {
    let mut sizes = earlier.to_vec();
    sizes.sort_unstable();
    sizes.get(sizes.len().saturating_sub(1) / 2).copied().filter(|_| sizes.len() >= EARLIER_MIN)
}

/// In whole numbers, so that no size is too large.
fn differs(size: u64, usual: u64, percent: u32) -> bool {
    u128::from(size.abs_diff(usual)) * 100 > u128::from(usual) * u128::from(percent)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000);

    fn backup() -> Backup {
        let text = r#"{"postgres_dump": {"path": "/backups/*.dump"}, "fresh_within": "25h", "keep": "30d",
            "size_within_percent": 50}"#;
        serde_json::from_str(text).unwrap()
    }

    fn found(age: Millis, size: u64, earlier: &[u64]) -> BackupFound {
        BackupFound {
            name: "newest.dump".to_owned(),
            taken: Timestamp(NOW.0 - age.0),
            size: Some(size),
            earlier: earlier.to_vec(),
            oldest: Some(Timestamp(NOW.0 - Millis::from_secs(9 * 86_400).0)),
            content: BackupContent::Sound,
        }
    }

    fn told(seen: BackupSeen) -> String {
        judge(&backup(), &seen, NOW, Millis(0)).state.to_string()
    }

    /// Goal: each look has its meaning, at the very limits too, and only what is known to be good is fresh (R7). Method: a
    /// table.
    #[test]
    fn what_a_look_means() {
        let hours = |hours: u64| Millis::from_secs(hours * 3_600);
        let of = |age, size, earlier: &[u64]| told(BackupSeen::Found(found(age, size, earlier)));
        assert_eq!(of(hours(25), 100, &[]), "fresh");
        assert_eq!(of(Millis(hours(25).0 + 1), 100, &[]), "older than 1d1h");
        assert_eq!(of(hours(1), 150, &[100, 100, 90]), "fresh");
        assert_eq!(
            of(hours(1), 151, &[100, 100, 90]),
            "it differs by more than 50% from the usual 100 bytes"
        );
        assert_eq!(
            of(hours(1), 49, &[100, 100, 900]),
            "it differs by more than 50% from the usual 100 bytes"
        );
        assert_eq!(of(hours(1), 1, &[100, 100]), "fresh", "two make no usual size");
        let broken = BackupContent::Broken { why: "it ends too early".to_owned() };
        let old = BackupFound { content: broken, ..found(hours(99), 100, &[]) };
        assert_eq!(told(BackupSeen::Found(old)), "it cannot be used: it ends too early");
        let ahead = BackupFound { taken: NOW.plus(hours(9)), ..found(hours(0), 100, &[]) };
        assert_eq!(told(BackupSeen::Found(ahead)), "it could not be looked at: it is dated 9h in the future");
        assert_eq!(told(BackupSeen::Nothing), "there is none");
        let why = "no permission".to_owned();
        assert_eq!(told(BackupSeen::Unknown { why }), "it could not be looked at: no permission");
    }

    /// Goal: a history that is too short is told, once there was time for a longer one, and costs nothing else. Method: the
    /// same look after a short and a long watch.
    #[test]
    fn a_short_history_is_told() {
        let seen = BackupSeen::Found(found(Millis(0), 100, &[]));
        let notes = |watched| judge(&backup(), &seen, NOW, watched);
        assert_eq!(notes(Millis::from_secs(86_400)).notes, Vec::<String>::new());
        let late = notes(Millis::from_secs(40 * 86_400));
        assert_eq!(late.notes, ["the oldest is 9d old, and backups are kept for 30d"]);
        assert!(late.state.is_fresh());
    }
}
