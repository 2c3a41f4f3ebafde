//! One database: its role, and every write that it holds. A replica holds what its primary held some time ago.

use crate::now;
use std::{collections::BTreeSet, time::Duration};

/// What a database is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Takes writes.
    Primary,
    /// Follows another.
    Replica,
    /// Becomes writable at this moment.
    Promoting(Duration),
}

/// A write that was acknowledged, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Write {
    pub(crate) id: u64,
    pub(crate) at: Duration,
}

/// One database.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) role: Role,
    pub(crate) writes: Vec<Write>,
}

impl Database {
    pub(crate) fn writable(&self) -> bool {
        match self.role {
            Role::Primary => true,
            Role::Replica => false,
            Role::Promoting(until) => now() >= until,
        }
    }

    /// Takes over what the primary held at this moment.
    pub(crate) fn follow(&mut self, primary: &Database, until: Duration) {
        let have = self.writes.len();
        let new = primary.writes.iter().skip(have).take_while(|write| write.at <= until);
        self.writes.extend(new.copied());
    }

    /// Writes of another database that this one does not hold.
    pub(crate) fn lacks<'a>(&self, other: &'a Database) -> Vec<&'a Write> {
        let have: BTreeSet<u64> = self.writes.iter().map(|write| write.id).collect();
        other.writes.iter().filter(|write| !have.contains(&write.id)).collect()
    }
}
