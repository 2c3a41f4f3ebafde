//! A small machine for the tests: it keeps the order in which it first saw each command id.

use std::collections::BTreeMap;

use quorate_consensus::Machine;
use serde::{Deserialize, Serialize};

/// A command that is remembered by its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
    pub(crate) id: String,
    /// Ballast, so that rows span sectors.
    pub(crate) text: String,
}

impl From<String> for Note {
    fn from(id: String) -> Self {
        Self { text: format!("{id} ").repeat(20), id }
    }
}

/// The state: every id once, in order, and a hash over that order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ledger {
    pub(crate) order: Vec<String>,
    pub(crate) positions: BTreeMap<String, u64>,
    pub(crate) hash: u64,
    /// Commands that were answered from memory.
    pub(crate) repeats: u64,
}

/// Chains one id into the hash of all before it (FNV-1a).
pub(crate) fn fold(hash: u64, id: &str) -> u64 {
    id.bytes().fold(hash ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    })
}

impl Machine for Ledger {
    type Command = Note;
    /// The position of the id, counted from 1.
    type Response = u64;

    fn apply(&mut self, note: &Note) -> u64 {
        if let Some(&position) = self.positions.get(&note.id) {
            self.repeats += 1;
            return position;
        }
        self.order.push(note.id.clone());
        let position = self.order.len() as u64;
        self.positions.insert(note.id.clone(), position);
        self.hash = fold(self.hash, &note.id);
        position
    }
}
