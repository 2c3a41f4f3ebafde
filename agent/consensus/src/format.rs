//! The versioned text in which rows, snapshots and messages are written: one version digit, then JSON.
//!
//! JSON describes itself, so fields can be added, and a file can be read by a person. The digit is for the
//! day when that is not enough. An unknown digit is refused; nothing is guessed.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::machine::FIRST_LEVEL;

/// The version this build writes and the only one it reads. A digit keeps the whole text printable.
const VERSION: char = '1';

/// As long as a heartbeat is, of which there are many a second: it is written without growing.
const TEXT_USUAL: usize = 512;

/// Why a text could not be written or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// The first character is not the version this build knows.
    #[error(
        "{what} is written in format {}, and this build reads format '{VERSION}' only: run a build that knows it", found.map_or_else(|| "none".into(), |found| format!("{found:?}")))]
    UnknownVersion {
        /// What was read, with its id.
        what: String,
        /// The character found, or none if the text is empty.
        found: Option<char>,
    },
    /// The version is known and the rest does not fit it.
    #[error("{what} is not valid: {detail}")]
    Invalid {
        /// What was read or written, with its id.
        what: String,
        /// The reader's own words.
        detail: String,
    },
}

/// What is read of a state's text that cannot be read as a whole.
#[derive(Debug, Deserialize)]
pub(crate) struct Leveled {
    /// See [`crate::Machine::feature_level`].
    #[serde(default = "first_level")]
    pub(crate) feature_level: u32,
}

/// For whatever does not say.
pub(crate) fn first_level() -> u32 {
    FIRST_LEVEL
}

/// Writes a value; `what` names it in the error.
pub fn encode<T: Serialize>(what: &str, value: &T) -> Result<String, FormatError> {
    let mut bytes = Vec::with_capacity(TEXT_USUAL);
    bytes.push(VERSION as u8);
    serde_json::to_writer(&mut bytes, value).map_err(|error| invalid(what, &error))?;
    String::from_utf8(bytes).map_err(|error| invalid(what, &error))
}

/// Reads a value written by [`encode`]; `what` names it in the error.
pub fn decode<T: DeserializeOwned>(what: &str, text: &[u8]) -> Result<T, FormatError> {
    match text.split_first() {
        Some((&version, json)) if version == VERSION as u8 => {
            serde_json::from_slice(json).map_err(|error| invalid(what, &error))
        }
        other => {
            Err(FormatError::UnknownVersion { what: what.into(), found: other.map(|(&byte, _)| byte.into()) })
        }
    }
}

fn invalid(what: &str, error: &impl std::error::Error) -> FormatError {
    FormatError::Invalid { what: what.into(), detail: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: what is written is read back. Method: one value through both functions.
    #[test]
    fn a_value_survives_the_round_trip() {
        let text = encode("numbers", &vec![1_u64, u64::MAX]).unwrap();
        assert!(text.starts_with('1'));
        assert_eq!(decode::<Vec<u64>>("numbers", text.as_bytes()).unwrap(), vec![1, u64::MAX]);
    }

    /// Goal: another version and an empty row are refused by name, never guessed. Method: change the digit.
    #[test]
    fn an_unknown_version_is_refused_by_name() {
        let newer = decode::<u64>("log entry 7", b"2[1]").unwrap_err();
        assert_eq!(newer, FormatError::UnknownVersion { what: "log entry 7".into(), found: Some('2') });
        assert!(newer.to_string().contains("log entry 7"));
        let empty = decode::<u64>("vote", b"").unwrap_err();
        assert_eq!(empty, FormatError::UnknownVersion { what: "vote".into(), found: None });
    }
}
