//! What PostgreSQL says about itself: role, timeline and positions in its write-ahead log. Values only: asking is the
//! probers' business, and what a position means for a promotion is the guards'.

mod synchronous;

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

pub use synchronous::{Confirmation, all_of};

/// A position in the write-ahead log, in bytes since its beginning. Written as PostgreSQL does, `16/B374D848`: the upper
/// and the lower 32 bits in hexadecimal. Positions of two timelines are comparable only up to where they part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Lsn(pub u64);

impl Lsn {
    /// How many bytes this position is past `earlier`; zero if it is not past it.
    #[must_use]
    pub const fn since(self, earlier: Lsn) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Why a text is no position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a position in the write-ahead log; write for example 16/B374D848")]
pub struct LsnError {
    /// The rejected text.
    pub text: String,
}

impl FromStr for Lsn {
    type Err = LsnError;
    fn from_str(text: &str) -> Result<Self, LsnError> {
        let wrong = || LsnError { text: text.to_owned() };
        let (upper, lower) = text.split_once('/').ok_or_else(wrong)?;
        let half = |digits: &str| {
            // The parser of numbers also takes a sign, PostgreSQL does not.
            let plain = (1..=8).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
            plain.then(|| u64::from_str_radix(digits, 16).ok()).flatten().ok_or_else(wrong)
        };
        Ok(Self((half(upper)? << 32) | half(lower)?))
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xFFFF_FFFF)
    }
}

impl TryFrom<String> for Lsn {
    type Error = LsnError;
    fn try_from(text: String) -> Result<Self, LsnError> {
        text.parse()
    }
}

impl From<Lsn> for String {
    fn from(lsn: Lsn) -> String {
        lsn.to_string()
    }
}

/// What a server said about itself at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    /// Which history its log belongs to, from 1: each promotion begins a new one.
    pub timeline: u32,
    /// Its role, and how far its log reaches.
    #[serde(flatten)]
    pub role: DatabaseRole,
    /// Whose confirmation its commits wait for, or under which name it confirms. None when that is not certain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmation: Option<Confirmation>,
}

/// A server's role. It is what the server does, not what a policy wishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "role")]
pub enum DatabaseRole {
    /// It is not in recovery: it takes writes, unless told otherwise.
    Primary {
        /// The end of what it has written.
        written: Lsn,
    },
    /// It is in recovery: it replays what a primary wrote.
    Standby {
        /// The end of what it has received and made durable by streaming; none before it first streamed.
        received: Option<Lsn>,
        /// The end of what it has replayed; none before recovery began.
        replayed: Option<Lsn>,
        /// Whether it streams from a primary now. None when the account may not see it (`pg_read_all_stats`).
        streaming: Option<bool>,
    },
}

impl Database {
    /// A server of which no confirmation is known.
    #[must_use]
    pub const fn new(timeline: u32, role: DatabaseRole) -> Self {
        Self { timeline, role, confirmation: None }
    }

    /// Whether it is a primary.
    #[must_use]
    pub const fn is_primary(&self) -> bool {
        matches!(self.role, DatabaseRole::Primary { .. })
    }

    /// The furthest position that is durable here: what it has written, or received, or else replayed.
    #[must_use]
    pub fn furthest(&self) -> Option<Lsn> {
        match self.role {
            DatabaseRole::Primary { written } => Some(written),
            DatabaseRole::Standby { received, replayed, .. } => received.max(replayed),
        }
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named =
            |name: &str, lsn: Option<Lsn>| lsn.map(|lsn| format!(", {name} {lsn}")).unwrap_or_default();
        match self.role {
            DatabaseRole::Primary { written } => {
                write!(f, "primary, timeline {}, written {written}", self.timeline)
            }
            DatabaseRole::Standby { received, replayed, streaming } => {
                let (received, replayed) = (named("received", received), named("replayed", replayed));
                let cut = if streaming == Some(false) { ", not streaming" } else { "" };
                write!(f, "standby, timeline {}{received}{replayed}{cut}", self.timeline)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Goal: positions read and print as PostgreSQL's do. Method: a table of both, and what is none.
    #[test]
    fn positions_read_and_print() {
        for (text, bytes) in [
            ("0/0", 0),
            ("0/1", 1),
            ("16/B374D848", 0x16_B374_D848),
            ("FFFFFFFF/FFFFFFFF", u64::MAX),
            ("1/0", 1 << 32),
        ] {
            assert_eq!(text.parse(), Ok(Lsn(bytes)));
            assert_eq!(Lsn(bytes).to_string(), text);
        }
        assert_eq!("a/ff".parse(), Ok(Lsn(0xA_0000_00FF)));
        for bad in
            ["", "/", "0", "0/", "/0", "1/2/3", "+1/0", "1/-0", "g/0", "123456789/0", "0/123456789", " 0/0"]
        {
            assert!(bad.parse::<Lsn>().is_err(), "{bad}");
        }
    }

    /// Goal: a difference is in bytes and never below zero. Method: both ways over the border of the halves.
    #[test]
    fn a_difference_is_in_bytes() {
        let (low, high): (Lsn, Lsn) = ("0/FFFFFFF0".parse().unwrap(), "1/10".parse().unwrap());
        assert_eq!((high.since(low), low.since(high)), (0x20, 0));
        assert!(high > low);
    }

    /// Goal: what is reported over the wire keeps its shape. Method: both roles as JSON and back, and as text.
    #[test]
    fn both_roles_have_a_form() {
        let primary = Database::new(3, DatabaseRole::Primary { written: Lsn(0x10) });
        let asked = Confirmation::Asked { of: vec!["west".to_owned()], loaded: "7.5".to_owned() };
        let waiting = Database { confirmation: Some(asked), ..primary.clone() };
        let role = DatabaseRole::Standby {
            received: Some(Lsn(0x20)),
            replayed: Some(Lsn(0x18)),
            streaming: Some(false),
        };
        let standby = Database::new(2, role);
        assert_eq!((primary.furthest(), standby.furthest()), (Some(Lsn(0x10)), Some(Lsn(0x20))));
        for (database, json, text) in [
            (
                primary,
                r#"{"timeline":3,"role":"primary","written":"0/10"}"#,
                "primary, timeline 3, written 0/10",
            ),
            (
                waiting,
                r#"{"timeline":3,"role":"primary","written":"0/10","confirmation":{"asked":{"of":["west"],"loaded":"7.5"}}}"#,
                "primary, timeline 3, written 0/10",
            ),
            (
                standby,
                r#"{"timeline":2,"role":"standby","received":"0/20","replayed":"0/18","streaming":false}"#,
                "standby, timeline 2, received 0/20, replayed 0/18, not streaming",
            ),
        ] {
            assert_eq!(serde_json::to_string(&database).unwrap(), json);
            assert_eq!(serde_json::from_str::<Database>(json).unwrap(), database);
            assert_eq!(database.to_string(), text);
        }
    }

    proptest! {
        /// Goal: every position survives being written. Method: any number.
        #[test]
        fn every_position_reads_back(bytes: u64) {
            prop_assert_eq!(Lsn(bytes).to_string().parse(), Ok(Lsn(bytes)));
        }
    }
}
