//! The audit as a verb gets it: from an agent, page by page, from a file that an agent or an export wrote, or from both. It
//! fetches and reads; whether the chain holds is judged in [`crate::record::chain`].

use super::{client::Client, exit::Failure};
use crate::record::{
    Broken, Chain, Fault, Line,
    chain::{Terms, verify},
    sqlite,
};
use quorate_api::{Audit, AuditEntry};
use quorate_policies::{Millis, Timestamp};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Most pages of the audit that are fetched: agents keep a thousand entries, so this only ends a loop with a server
/// that never comes to an end.
const PAGES_MAX: usize = 100;

/// Some part of the audit.
#[derive(Debug, Clone, Default)]
pub struct Held {
    /// The entries, oldest first.
    pub entries: Vec<AuditEntry>,
    /// Number and hash of the latest entry, as the agent says.
    pub head: Option<(u64, String)>,
    /// Up to which entry webhooks have been told, as the agent says.
    pub notified: Option<u64>,
    /// The first line of a file that is no entry.
    pub unread: Option<Fault>,
}

/// Why some part of the audit is of no use.
#[derive(Debug, thiserror::Error)]
pub enum HeldError {
    /// The agent gives no lines.
    #[error(
        "this agent is older and does not give the text that its hashes are made of; check its audit.jsonl with \
         `quorate audit verify FILE`"
    )]
    NotTold,
    /// A file ends before the agent's entries begin.
    #[error(
        "{} ends with entry {last}, and the agent holds none before {next}; take a newer copy of an agent's audit.jsonl",
        .file.display()
    )]
    Apart {
        /// Which file.
        file: PathBuf,
        /// Its last entry.
        last: u64,
        /// The agent's first entry.
        next: u64,
    },
}

/// What can be said of a chain.
#[derive(Debug, Clone)]
pub enum Proof {
    /// It is whole.
    Whole(Chain),
    /// It is broken.
    Broken(Box<Broken>),
    /// An older agent does not give the text that its hashes are made of.
    NotTold,
}

impl Held {
    /// Everything that an agent still holds.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn from_agent(client: &Client) -> Result<Self, Failure> {
        let (mut after, mut held) = (0, Self::default());
        for _ in 0..PAGES_MAX {
            let page = client.get::<Audit>(&["audit"], &[("after", &after.to_string())]).await?.value;
            held.head = Some((page.sequence, page.head)).filter(|(sequence, _)| *sequence > 0);
            held.notified = page.notified;
            let Some(last) = page.entries.last().map(|entry| entry.sequence) else { break };
            held.entries.extend(page.entries.into_iter().map(as_chained));
            if last >= page.sequence || last <= after {
                break;
            }
            after = last;
        }
        Ok(held)
    }

    /// The entries of a file, as far as they can be read, and after them those of an agent that are newer.
    ///
    /// # Errors
    /// When the file cannot be read, or the two do not join.
    pub fn after_file(file: &Path, agent: Self) -> Result<Self, Failure> {
        let (mut entries, mut unread) = (Vec::new(), None);
        for (line, text) in (1..).zip(lines_of(file)?) {
            match Line::read(&text) {
                Ok(read) => entries.push(read.entry()),
                Err(why) => unread = unread.or(Some(Fault::NoEntry { line, why })),
            }
        }
        let last = entries.last().map_or(0, |entry| entry.sequence);
        let newer: Vec<AuditEntry> =
            agent.entries.into_iter().filter(|entry| entry.sequence > last).collect();
        if let Some(next) =
            newer.first().map(|next| next.sequence).filter(|next| last > 0 && *next > last + 1)
        {
            return Err(HeldError::Apart { file: file.to_owned(), last, next }.into());
        }
        entries.extend(newer);
        Ok(Self { entries, unread, ..agent })
    }

    /// Whether the chain of these entries holds and ends where the agent says that it does.
    #[must_use]
    pub fn proof(&self, gaps: bool) -> Proof {
        if self.entries.iter().any(|entry| entry.line.is_empty()) {
            return Proof::NotTold;
        }
        let holds = self.head.as_ref().map(|(_, hash)| hash.as_str());
        match verify(self.entries.iter().map(|entry| entry.line.as_str()), Terms { gaps, holds }) {
            Ok(chain) => match self.unread.clone() {
                Some(fault) => Proof::Broken(Box::new(Broken { fault, before: chain })),
                None => Proof::Whole(chain),
            },
            Err(broken) => Proof::Broken(broken),
        }
    }
}

/// What is shown is what is chained, not what was sent beside it.
fn as_chained(entry: AuditEntry) -> AuditEntry {
    Line::read(&entry.line).map_or(entry, |line| line.entry())
}

/// The lines of an agent's `audit.jsonl`, or of an export in either format.
///
/// # Errors
/// When the file cannot be read.
pub fn lines_of(file: &Path) -> Result<Vec<String>, Failure> {
    let unread =
        |detail: &dyn std::fmt::Display| Failure::Read { file: file.to_owned(), detail: detail.to_string() };
    let bytes = fs::read(file).map_err(|error| unread(&error))?;
    if bytes.starts_with(sqlite::MAGIC) {
        return sqlite::lines(file).map_err(|error| unread(&error));
    }
    // A damaged byte must be found at its line, not keep the file from being read.
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.lines().map(str::to_owned).collect())
}

/// Reads a moment: a length of time before now, a day, or a moment in RFC 3339.
///
/// # Errors
/// When it is none of them.
pub fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(length) = Millis::parse(text) {
        return Ok(Timestamp(now().0.saturating_sub(length.0)));
    }
    let day = || text.parse::<jiff::civil::Date>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok();
    let moment = text.parse::<jiff::Timestamp>().ok().or_else(|| Some(day()?.timestamp()));
    moment.and_then(|moment| u64::try_from(moment.as_millisecond()).ok()).map(Timestamp).ok_or_else(|| {
        format!("`{text}` is no moment; write for example 90d (ago), 2026-11-22 or 2026-11-22T03:00:00Z")
    })
}

/// The wall clock.
#[must_use]
pub fn now() -> Timestamp {
    Timestamp(u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: moments are written as people write them, and what is none says what is. Method: each form.
    #[test]
    fn moments_as_people_write_them() {
        let at = |text: &str| moment(text).map(|moment| moment.to_string());
        assert_eq!(at("2026-11-22").unwrap(), "2026-11-22T00:00:00.000Z");
        assert_eq!(at("2026-11-22T03:00:00.5+01:00").unwrap(), "2026-11-22T02:00:00.500Z");
        let ago = now().since(moment("90d").unwrap());
        assert!(ago.0.abs_diff(90 * 86_400_000) < 60_000, "{ago}");
        assert!(at("yesterday").unwrap_err().contains("90d"));
    }
}
