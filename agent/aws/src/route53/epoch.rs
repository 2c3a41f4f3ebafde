//! The epoch record: a TXT record beside the one that is repointed, whose value says which failover moved it last.
//! It is the fence in the world: each repoint replaces it in the same atomic batch, so a change built on an older
//! value is refused by Route 53 itself (R4). The value's form is known here, and whose the record is by it; not what
//! follows from that. `dns.update` has the same record on servers of one's own.

use std::fmt::{self, Display};
use std::str::FromStr;

/// The label in front of the record's name.
const LABEL: &str = "_quorate-epoch";
/// One character string of a TXT record holds 255 octets (RFC 1035, section 3.3).
const TEXT_BYTES_MAX: usize = 255;

/// Name of the epoch record that belongs to `record`, without a trailing dot.
#[must_use]
pub fn epoch_record_name(record: &str) -> String {
    format!("{LABEL}.{}", record.trim_end_matches('.'))
}

/// What stands at an epoch record's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fence {
    /// Nothing: nobody moved the record yet.
    Absent,
    /// Exactly one mark: who moved it last.
    Marked(EpochMark),
    /// Something that we did not write.
    Foreign(String),
}

/// What an epoch record says. Its text is `epoch=N execution=ID attempt=K`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpochMark {
    epoch: u64,
    execution: String,
    attempt: u32,
}

/// Why a text is not an epoch mark, or a mark cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EpochMarkError {
    /// The execution's id does not fit into the text unambiguously.
    #[error("execution id `{0}` is not made of 1 or more letters, digits, `-`, `_`, `.` and `:`")]
    Execution(String),
    /// The text does not fit into a TXT string.
    #[error("an epoch mark of {0} bytes is longer than the {TEXT_BYTES_MAX} of a TXT string")]
    TooLong(usize),
    /// The text has another form.
    #[error("`{0}` is not `epoch=N execution=ID attempt=K`")]
    Form(String),
}

impl EpochMark {
    /// Whether this mark's failover has moved `record` already, by what stands at its epoch record `at` (R4).
    ///
    /// # Errors
    /// Why it may not move it: a newer failover has, two share an epoch, or nobody knows who has.
    pub fn has_moved(&self, seen: &Fence, record: &impl Display, at: &impl Display) -> Result<bool, String> {
        match seen {
            Fence::Absent => Ok(false),
            Fence::Foreign(text) => Err(format!(
                "{at} holds `{text}`, which is no epoch of ours: who moved {record} last is not known"
            )),
            Fence::Marked(seen) if seen.epoch > self.epoch => Err(format!(
                "a newer failover, epoch {} of execution {}, has already moved {record}: ours is epoch {}",
                seen.epoch, seen.execution, self.epoch
            )),
            Fence::Marked(seen) if seen.epoch == self.epoch && seen.execution != self.execution => {
                Err(format!(
                    "epoch {} of {record} is taken by execution {}: two executions share an epoch",
                    seen.epoch, seen.execution
                ))
            }
            Fence::Marked(seen) => Ok(seen.epoch == self.epoch),
        }
    }

    /// The mark of one attempt.
    ///
    /// # Errors
    /// If the execution's id cannot be written into a TXT string.
    pub fn new(epoch: u64, execution: &str, attempt: u32) -> Result<Self, EpochMarkError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
        if execution.is_empty() || !execution.chars().all(plain) {
            return Err(EpochMarkError::Execution(execution.to_owned()));
        }
        let mark = EpochMark { epoch, execution: execution.to_owned(), attempt };
        let bytes = mark.to_string().len();
        if bytes > TEXT_BYTES_MAX { Err(EpochMarkError::TooLong(bytes)) } else { Ok(mark) }
    }

    /// The failover's fencing token.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The execution that wrote the mark.
    #[must_use]
    pub fn execution(&self) -> &str {
        &self.execution
    }

    /// The value as Route 53 wants it: in quotes.
    pub(super) fn txt_value(&self) -> String {
        format!("\"{self}\"")
    }
}

impl fmt::Display for EpochMark {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "epoch={} execution={} attempt={}", self.epoch, self.execution, self.attempt)
    }
}

impl FromStr for EpochMark {
    type Err = EpochMarkError;

    /// Reads a TXT string, with the quotes of the API or without them as DNS gives it.
    fn from_str(text: &str) -> Result<Self, EpochMarkError> {
        let form = || EpochMarkError::Form(text.chars().take(TEXT_BYTES_MAX).collect());
        let bare = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
        let words: Vec<&str> = bare.split(' ').collect();
        let [epoch, execution, attempt] = words.as_slice() else { return Err(form()) };
        let epoch = epoch.strip_prefix("epoch=").and_then(|n| n.parse().ok()).ok_or_else(form)?;
        let execution = execution.strip_prefix("execution=").ok_or_else(form)?;
        let attempt = attempt.strip_prefix("attempt=").and_then(|n| n.parse().ok()).ok_or_else(form)?;
        let mark = EpochMark::new(epoch, execution, attempt)?;
        // A number can be spelt in several ways; a mark is spelt in one.
        if mark.to_string() == bare { Ok(mark) } else { Err(form()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: what is written is what is read, with quotes and without. Method: a round trip.
    #[test]
    fn round_trip() {
        let mark = EpochMark::new(7, "exec-01J", 2).unwrap();
        assert_eq!(mark.txt_value(), "\"epoch=7 execution=exec-01J attempt=2\"");
        assert_eq!(mark.txt_value().parse(), Ok(mark.clone()));
        assert_eq!(mark.to_string().parse(), Ok(mark));
        assert_eq!(epoch_record_name("api.example.com."), "_quorate-epoch.api.example.com");
    }

    /// Goal: a text of another form is never taken for a mark (R7). Method: near misses.
    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "\"\"",
            "\"epoch=7\"",
            "\"epoch=-1 execution=x attempt=1\"",
            "\"epoch=7 execution= attempt=1\"",
            "\"epoch=7  execution=x attempt=1\"",
            "\"epoch=7 execution=x attempt=1 more=1\"",
            "\"attempt=1 execution=x epoch=7\"",
            "\"epoch=99999999999999999999 execution=x attempt=1\"",
            "\"epoch=+7 execution=x attempt=1\"",
            "\"epoch=07 execution=x attempt=1\"",
        ] {
            assert!(text.parse::<EpochMark>().is_err(), "{text}");
        }
    }

    /// Goal: a mark that could not be read back is not written. Method: ids with quotes, spaces, and too long.
    #[test]
    fn unwritable_marks() {
        for id in ["", "a b", "a\"b", "a\\b", "a=b", "ä"] {
            assert!(matches!(EpochMark::new(1, id, 1), Err(EpochMarkError::Execution(_))), "{id}");
        }
        assert!(matches!(EpochMark::new(1, &"x".repeat(250), 1), Err(EpochMarkError::TooLong(_))));
    }
}
