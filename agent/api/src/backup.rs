//! What an agent sees of a service's backups.

use serde::{Deserialize, Serialize};

/// `GET /v1/services/{service}/backups`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backups {
    /// Which service.
    pub service: String,
    /// The agent that looked: each knows its own looks alone.
    pub agent: String,
    /// All backups of the policy.
    pub backups: Vec<BackupView>,
}

/// One backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupView {
    /// Its name in the policy.
    pub backup: String,
    /// The component whose data it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// What it is: `postgres_dump`, `redis_rdb`, `files`, `rds_automated` or `s3`.
    pub kind: String,
    /// Where it is.
    pub place: String,
    /// `fresh`, `stale`, `unreadable`, `odd_size`, `missing`, `unknown`; `unseen` before the first look, and `elsewhere`
    /// where the agents of another region look.
    pub state: String,
    /// The state as a sentence.
    pub detail: String,
    /// How old the newest may be, in milliseconds.
    pub fresh_within_ms: u64,
    /// The newest one's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<String>,
    /// How old it is now, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<u64>,
    /// Its size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    /// How old the oldest was at the look, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_ms: Option<u64>,
    /// What else is to be said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// How long ago the look was, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looked_ms_ago: Option<u64>,
    /// Its test restore, where a drill makes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_restore: Option<TestRestore>,
}

/// The latest test restore of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TestRestore {
    /// By which drill.
    pub drill: String,
    /// Whether the latest succeeded; absent if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub succeeded: Option<bool>,
    /// When it ended, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// How, as a sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub outcome: String,
    /// How long ago the latest that succeeded was, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_ms_ago: Option<u64>,
    /// Whether the next one is due.
    pub due: bool,
}
