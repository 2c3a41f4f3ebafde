//! The audit as an SQLite database, for those who ask in SQL: `dr_audit_log`, with the columns that disaster recovery plans
//! ask for, one row for each entry, and `dr_audit_chain`, by which each row can be checked. It writes a new database and
//! reads back only what it wrote; an agent never keeps its audit there.

use super::past::{Past, reason_of};
use quorate_api::AuditEntry;
use rusqlite::{Connection, OpenFlags, params};
use serde_json::{Value, json};
use std::path::Path;

/// The first bytes of every SQLite database.
pub const MAGIC: &[u8] = b"SQLite format 3\0";

const TABLES: &str = "
CREATE TABLE dr_audit_log (
  id INTEGER PRIMARY KEY,
  event_type VARCHAR(50) NOT NULL,
  event_description TEXT NOT NULL,
  initiated_by VARCHAR(100) NOT NULL,
  timestamp TIMESTAMP NOT NULL,
  duration_minutes INTEGER,
  success BOOLEAN,
  metrics JSON,
  notes TEXT
);
CREATE TABLE dr_audit_chain (
  id INTEGER PRIMARY KEY REFERENCES dr_audit_log (id),
  previous CHAR(64) NOT NULL,
  hash CHAR(64) NOT NULL,
  line TEXT NOT NULL
);
CREATE INDEX dr_audit_log_timestamp ON dr_audit_log (timestamp);
";

/// A row of `dr_audit_log`.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The audit entry's number.
    pub id: u64,
    /// `FAILOVER`, `RECOVERY` or, of a drill, `FAILOVER_TEST` for the end of an execution, else the event's name.
    pub event_type: String,
    /// What happened, as a sentence.
    pub event_description: String,
    /// The operator, `automatic`, or the agent.
    pub initiated_by: String,
    /// RFC 3339, as SQLite's own functions read it.
    pub timestamp: String,
    /// Whole minutes, rounded up; the metrics have the seconds.
    pub duration_minutes: Option<u64>,
    /// Whether it succeeded, where that can be said.
    pub success: Option<bool>,
    /// What was measured, or the event's fields.
    pub metrics: Value,
    /// Why, where somebody said so.
    pub notes: Option<String>,
}

/// The rows of some entries. `pasts` are all executions that are known, also those whose entries are not among these.
#[must_use]
pub fn rows(entries: &[AuditEntry], pasts: &[Past]) -> Vec<Row> {
    entries
        .iter()
        .map(|entry| {
            let ends = |past: &&Past| past.ended_in == Some(entry.sequence);
            pasts.iter().find(ends).map_or_else(|| plain(entry), |past| end(entry, past))
        })
        .collect()
}

/// The end of an execution. One that had stopped before it was aborted has one end, the last; the earlier one stays what it is.
fn end(entry: &AuditEntry, past: &Past) -> Row {
    let (verb, kind) =
        if past.from == past.to { ("recovery in", "RECOVERY") } else { ("failover", "FAILOVER") };
    let (verb, kind) = match &past.drill {
        Some(drill) => (format!("drill {drill}:"), "FAILOVER_TEST"),
        None => (verb.to_owned(), kind),
    };
    let way = if past.from == past.to { past.to.clone() } else { format!("{} -> {}", past.from, past.to) };
    let took = past.took_ms();
    // Nothing is lost where nothing was promoted.
    let lost = if past.losses.is_empty() { Some(0) } else { past.rpo_ms() };
    Row {
        event_type: kind.to_owned(),
        event_description: format!(
            "{verb} {way} of {}, execution {}: {}",
            past.service, past.id, past.outcome
        ),
        initiated_by: if past.trigger.is_empty() { entry.actor.clone() } else { past.trigger.clone() },
        duration_minutes: took.map(|ms| ms.div_ceil(60_000)),
        success: Some(past.state == "succeeded"),
        metrics: json!({
            "execution": past.id,
            "service": past.service,
            "from": past.from,
            "to": past.to,
            "rto": seconds(past.rto_ms),
            "rto_objective": seconds(past.rto_objective_ms),
            "rpo": seconds(past.rpo_ms()),
            "rpo_objective": seconds(past.rpo_objective_ms),
            "data_loss": seconds(lost),
            "duration_seconds": seconds(took),
        }),
        notes: Some(past.reason.clone()).filter(|reason| !reason.is_empty()),
        ..plain(entry)
    }
}

fn plain(entry: &AuditEntry) -> Row {
    let ended = |state: &str| entry.fields["state"] == state;
    let success = match entry.event.as_str() {
        "step_finished" => Some(entry.fields["outcome"]["outcome"] == "succeeded"),
        "refused" => Some(false),
        "execution_ended" => Some(ended("succeeded")),
        _ => None,
    };
    let kind = if entry.event == "execution_ended" && ended("stopped") {
        "EXECUTION_STOPPED".to_owned()
    } else {
        entry.event.to_uppercase()
    };
    Row {
        id: entry.sequence,
        event_type: kind,
        event_description: entry.message.clone(),
        initiated_by: entry.actor.clone(),
        timestamp: entry.at.clone(),
        duration_minutes: None,
        success,
        metrics: entry.fields.clone(),
        notes: reason_of(entry).map(str::to_owned),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a length in milliseconds has far fewer digits than a double")]
fn seconds(ms: Option<u64>) -> Option<f64> {
    ms.map(|ms| ms as f64 / 1_000.0)
}

/// Writes the rows and the chain into a new database.
///
/// # Errors
/// When it cannot be written.
pub fn write(file: &Path, rows: &[Row], entries: &[AuditEntry]) -> rusqlite::Result<()> {
    // What another run of this process left there would be added to.
    let _ = std::fs::remove_file(file);
    let mut database = Connection::open(file)?;
    // Its journal would be a second file; a database that is not whole is thrown away anyway.
    database.pragma_update(None, "journal_mode", "MEMORY")?;
    let whole = database.transaction()?;
    whole.execute_batch(TABLES)?;
    let mut log = whole.prepare("INSERT INTO dr_audit_log VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?;
    for row in rows {
        log.execute(params![
            number(row.id),
            row.event_type,
            row.event_description,
            row.initiated_by,
            row.timestamp,
            row.duration_minutes.map(number),
            row.success,
            row.metrics.to_string(),
            row.notes,
        ])?;
    }
    drop(log);
    let mut chain = whole.prepare("INSERT INTO dr_audit_chain VALUES (?1, ?2, ?3, ?4)")?;
    for entry in entries {
        chain.execute(params![number(entry.sequence), entry.previous, entry.hash, entry.line])?;
    }
    drop(chain);
    whole.commit()?;
    database.close().map_err(|(_, error)| error)
}

/// SQLite's integers have a sign; no audit reaches half of the numbers there are.
fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The chained lines of a database that was written by [`write`], oldest first.
///
/// # Errors
/// When it is none.
pub fn lines(file: &Path) -> rusqlite::Result<Vec<String>> {
    let database = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut chain = database.prepare("SELECT line FROM dr_audit_chain ORDER BY id")?;
    chain.query_map([], |row| row.get(0))?.collect()
}
