//! A note below the data directory of how often the store has failed, and when last. A failed write or sync ends the process, and
//! nobody can ask a process that has ended: so the next one tells it.
//!
//! The note is made while all is well and only overwritten in its place, which a full disk allows. It must not keep an agent from
//! starting or stopping: what cannot be noted is only logged.

use quorate_policies::Timestamp;
use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Write as _},
    path::Path,
};

/// Below the data directory.
const FILE: &str = "store-failures";

/// Digits of the largest number: whatever is noted, the file keeps its length.
const DIGITS: usize = 20;

/// What is noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoreFailures {
    /// How often it failed.
    pub count: u64,
    /// When it failed last; zero if never.
    pub last: Timestamp,
}

impl StoreFailures {
    /// Reads the note, and makes one that says "never" if there is none.
    #[must_use]
    pub fn prepare(data: &Path) -> Self {
        let path = data.join(FILE);
        let prepared = Self::read(&path).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => Self::default().write(&path).map(|()| Self::default()),
            _ => Err(error),
        });
        prepared.unwrap_or_else(|error| {
            let path = path.display();
            tracing::warn!(%error, %path, "whether the store has failed before is not known");
            Self::default()
        })
    }

    /// Notes one more.
    pub fn record(data: &Path, now: Timestamp) {
        let path = data.join(FILE);
        let before = Self::read(&path).unwrap_or_default();
        let after = Self { count: before.count.saturating_add(1), last: now };
        if let Err(error) = after.write(&path) {
            tracing::error!(%error, path = %path.display(), "that the store failed cannot be noted");
        }
    }

    fn read(path: &Path) -> io::Result<Self> {
        // No longer than a note is, whatever somebody has put there.
        let mut text = String::new();
        File::open(path)?.take(2 * (DIGITS as u64 + 1)).read_to_string(&mut text)?;
        let mut numbers = text.split_whitespace().map(str::parse);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(count)), Some(Ok(last))) => Ok(Self { count, last: Timestamp(last) }),
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, "it is no note of two numbers")),
        }
    }

    fn write(self, path: &Path) -> io::Result<()> {
        let mut file = OpenOptions::new().create(true).write(true).truncate(false).open(path)?;
        // One write: half a note would be none.
        let note = format!("{:0DIGITS$} {:0DIGITS$}\n", self.count, self.last.0);
        file.write_all(note.as_bytes())?;
        file.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// Goal: failures add up from one process to the next, and the note never needs more room than it had at first, so that a
    /// full disk can take it. Method: a first start, two failures, and the length of the file.
    #[test]
    fn failures_add_up_in_the_same_room() {
        let data = tempfile::tempdir().unwrap();
        assert_eq!(StoreFailures::prepare(data.path()), StoreFailures::default());
        let room = fs::metadata(data.path().join(FILE)).unwrap().len();
        StoreFailures::record(data.path(), Timestamp(7));
        StoreFailures::record(data.path(), Timestamp(u64::MAX));
        let noted = StoreFailures::prepare(data.path());
        assert_eq!(noted, StoreFailures { count: 2, last: Timestamp(u64::MAX) });
        assert_eq!(fs::metadata(data.path().join(FILE)).unwrap().len(), room);
    }

    /// Goal: a note that was damaged, or a directory that is gone, keeps no agent from starting, and the next failure is noted all
    /// the same. Method: both.
    #[test]
    fn a_damaged_note_is_no_obstacle() {
        let data = tempfile::tempdir().unwrap();
        fs::write(data.path().join(FILE), "\u{fffd} damaged").unwrap();
        assert_eq!(StoreFailures::prepare(data.path()), StoreFailures::default());
        StoreFailures::record(data.path(), Timestamp(9));
        assert_eq!(StoreFailures::prepare(data.path()), StoreFailures { count: 1, last: Timestamp(9) });
        let gone = data.path().join("gone");
        assert_eq!(StoreFailures::prepare(&gone), StoreFailures::default());
        StoreFailures::record(&gone, Timestamp(9));
        assert!(!gone.exists());
    }
}
