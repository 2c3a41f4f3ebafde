//! One entry of the audit as it is chained: a line of JSON that ends with its own hash. The text itself is judged, never
//! what this version would write in its place, so that an entry of a later version, with an event that this one does
//! not know, is checked all the same. `deploy/RECORD.md` says the form for others.

use crate::http::audit_entry;
use data_encoding::HEXLOWER;
use quorate_api::AuditEntry;
use quorate_core::AuditEntry as Known;
use quorate_policies::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

/// An entry's line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number.
    pub sequence: u64,
    /// When, by the log's clock.
    pub at: Timestamp,
    /// The hash of the entry before; empty for the first of all.
    pub previous: String,
    /// The hash that it claims.
    pub hash: String,
    text: String,
}

/// What of an entry every version has.
#[derive(Debug, Deserialize)]
struct Frame {
    sequence: u64,
    at: Timestamp,
    actor: String,
    service: Option<String>,
    execution: Option<String>,
    event: Map<String, Value>,
    previous: String,
    hash: String,
}

impl Line {
    /// Reads a line, without its line break.
    ///
    /// # Errors
    /// What keeps it from being an entry.
    pub fn read(text: &str) -> Result<Self, String> {
        // A line has only one line.
        let told = |error: serde_json::Error| error.to_string().replace(" at line 1 column ", " at letter ");
        let frame: Frame = serde_json::from_str(text).map_err(told)?;
        let Frame { sequence, at, previous, hash, .. } = frame;
        let line = Self { sequence, at, previous, hash, text: text.to_owned() };
        line.unsigned().map(|_| ()).ok_or("it does not end with its hash".to_owned())?;
        Ok(line)
    }

    /// The text as it was chained, hash and all.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text that was hashed: with nothing between the quotes of `hash`.
    fn unsigned(&self) -> Option<String> {
        let before = self.text.strip_suffix("\"}")?.strip_suffix(self.hash.as_str())?;
        before.ends_with(",\"hash\":\"").then(|| format!("{before}\"}}"))
    }

    /// What its hash must be.
    #[must_use]
    pub fn digest(&self) -> String {
        HEXLOWER.encode(&Sha256::digest(self.unsigned().unwrap_or_default()))
    }

    /// The entry as the API shows it. Of an event that this version does not know, its name and fields are all there is.
    #[must_use]
    pub fn entry(&self) -> AuditEntry {
        let entry = match serde_json::from_str::<Known>(&self.text) {
            Ok(known) => audit_entry(&known),
            Err(_) => self.foreign(),
        };
        AuditEntry { line: self.text.clone(), ..entry }
    }

    fn foreign(&self) -> AuditEntry {
        let Ok(mut frame) = serde_json::from_str::<Frame>(&self.text) else { return AuditEntry::default() };
        let event = frame.event.shift_remove("event");
        let event = event.as_ref().and_then(Value::as_str).unwrap_or("unnamed").to_owned();
        let fields = Value::Object(frame.event);
        AuditEntry {
            sequence: frame.sequence,
            at: frame.at.to_string(),
            actor: frame.actor,
            service: frame.service,
            execution: frame.execution,
            message: format!("{event} {fields}"),
            event,
            fields,
            previous: frame.previous,
            hash: frame.hash,
            ..AuditEntry::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::sample;

    /// Goal: a line gives back the entry that the API shows, and its hash is what the agent computed. Method: every entry of
    /// the sample cluster.
    #[test]
    fn a_line_is_the_entry() {
        for entry in &sample::executing().audit.entries {
            let shown = audit_entry(entry);
            let line = Line::read(&shown.line).unwrap();
            assert_eq!((line.digest(), line.entry()), (entry.digest(), shown));
        }
    }

    /// Goal: an entry of a later version is checked and shown, and what is no entry is refused. Method: an event that nobody
    /// knows yet; texts that are cut, reshaped or not chained.
    #[test]
    fn what_this_version_does_not_know() {
        let unsigned = |hash: &str| {
            format!(
                "{{\"sequence\":7,\"at\":1700000000000,\"actor\":\"a\",\"service\":\"shop\",\"execution\":null,\
                 \"event\":{{\"event\":\"drilled\",\"verdict\":\"good\"}},\"previous\":\"ab\",\"of_tomorrow\":1,\"hash\":\"{hash}\"}}"
            )
        };
        let hash = HEXLOWER.encode(&Sha256::digest(unsigned("")));
        let line = Line::read(&unsigned(&hash)).unwrap();
        assert_eq!(line.digest(), hash);
        let shown = line.entry();
        assert_eq!(
            (shown.event.as_str(), shown.message.as_str()),
            ("drilled", "drilled {\"verdict\":\"good\"}")
        );
        let whole = unsigned(&hash);
        for text in ["", "{}", &whole[..whole.len() - 5], &whole.replace("\"hash\":", "\"hash\": ")] {
            assert!(Line::read(text).is_err(), "{text}");
        }
    }
}
