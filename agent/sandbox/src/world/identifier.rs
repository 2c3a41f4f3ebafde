//! Identifiers that providers make up. They come from a seed, so that two runs of one world show the same
//! ones.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// A source of identifiers.
#[derive(Debug)]
pub struct Identifiers {
    random: StdRng,
}

/// Twenty characters: the length of a Route 53 change id after its `C`.
const CHANGE_LENGTH: usize = 20;
/// Sixteen characters: the length of an access key id after its `ASIA`.
const KEY_LENGTH: usize = 16;
/// Forty characters: the length of a secret access key.
const SECRET_LENGTH: usize = 40;
/// Twelve characters: the length of a Statuspage id.
const STATUSPAGE_LENGTH: usize = 12;

impl Identifiers {
    /// A source that depends on the seed alone.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Identifiers { random: StdRng::seed_from_u64(seed) }
    }

    /// A request id, in the form of a UUID.
    pub fn request(&mut self) -> String {
        let digits = format!("{:032x}", self.random.random::<u128>());
        [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
    }

    /// A Route 53 change id, without `/change/`.
    pub fn change(&mut self) -> String {
        format!("C{}", self.drawn_from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", CHANGE_LENGTH))
    }

    /// A Statuspage id.
    pub fn statuspage(&mut self) -> String {
        self.drawn_from(b"abcdefghijklmnopqrstuvwxyz0123456789", STATUSPAGE_LENGTH)
    }

    /// A temporary access key id.
    pub fn temporary_key(&mut self) -> String {
        format!("ASIA{}", self.drawn_from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", KEY_LENGTH))
    }

    /// A secret access key.
    pub fn secret(&mut self) -> String {
        self.drawn_from(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", SECRET_LENGTH)
    }

    fn drawn_from(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length).map(|_| char::from(alphabet[self.random.random_range(0..alphabet.len())])).collect()
    }
}
