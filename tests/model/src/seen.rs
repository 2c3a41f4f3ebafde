//! Which moments were reached: of each only a fingerprint is kept, so that hundreds of millions fit into memory. Two
//! moments with one fingerprint would be taken for one: among a thousand million moments the odds of that are one to 10^20.

use super::state::State;
use hashbrown::HashTable;
use siphasher::sip128::{Hasher128 as _, SipHasher13};
use std::hash::Hash as _;

/// All moments that were reached, by number, in the order in which they were.
#[derive(Default)]
pub(super) struct Seen {
    prints: Vec<u128>,
    /// Only looked up in, never walked through: its order is nobody's business.
    numbers: HashTable<u32>,
}

impl Seen {
    pub(super) fn len(&self) -> usize {
        self.prints.len()
    }

    /// A moment's number, and whether it is new.
    pub(super) fn number(&mut self, state: &State) -> (u32, bool) {
        let print = fingerprint(state);
        let prints = &self.prints;
        if let Some(number) = self.numbers.find(place(print), |number| prints[*number as usize] == print) {
            return (*number, false);
        }
        let number = u32::try_from(prints.len()).unwrap();
        self.numbers.insert_unique(place(print), number, |number| place(prints[*number as usize]));
        self.prints.push(print);
        (number, true)
    }

    /// Whether that number is this moment's.
    pub(super) fn is(&self, number: u32, state: &State) -> bool {
        self.prints[number as usize] == fingerprint(state)
    }
}

fn fingerprint(state: &State) -> u128 {
    let mut hasher = SipHasher13::new();
    state.hash(&mut hasher);
    hasher.finish128().as_u128()
}

/// Half of a fingerprint says where to look for it.
#[expect(clippy::cast_possible_truncation, reason = "half is enough")]
fn place(print: u128) -> u64 {
    print as u64
}
