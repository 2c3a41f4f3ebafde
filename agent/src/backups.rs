//! Looks at backups: which files there are, which is the newest, and whether it is what it should be. It only reads, and
//! every look is bounded: so many files, so much time. What a look means is judged in `quorate_policies::backup`.
//!
//! A file that was changed a moment ago may be one that is still being written: if it is not sound, the one before it is
//! taken.

pub mod dump;
pub mod files;
pub mod rdb;

use files::Listed;
use quorate_policies::{
    Millis, Timestamp,
    backup::{BackupContent, BackupFound, BackupSeen},
    document::AgentFile,
    policy::BackupSource,
};
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

/// One look at files: what reads a dump to its end reads it at some hundred megabytes a second.
pub const LOOK_MAX: Duration = Duration::from_secs(60);
/// A file that was changed so lately may be unfinished. A dump that is written for longer is changed all the while.
const SETTLED: Millis = Millis::from_secs(60);
/// How many sizes make the usual one: a month of daily backups.
const EARLIER_MAX: usize = 30;

/// PostgreSQL's client programs, as an agent's own file names them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Programs {
    /// Their folder; none means those of the search path.
    pub folder: Option<PathBuf>,
}

impl Programs {
    /// By an agent's own file.
    #[must_use]
    pub fn of(file: &AgentFile) -> Self {
        Self { folder: file.backups.as_ref().and_then(|backups| backups.programs.clone()) }
    }

    /// How a program is called.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.as_ref().map_or_else(|| PathBuf::from(name), |folder| folder.join(name))
    }
}

/// Looks at the files of a backup; RDS is asked elsewhere.
pub async fn look(source: BackupSource<'_>, programs: &Programs, now: Timestamp) -> BackupSeen {
    let deadline = Instant::now() + LOOK_MAX;
    let pattern = match source {
        BackupSource::PostgresDump(path) | BackupSource::RedisRdb(path) | BackupSource::Files(path) => {
            path.to_owned()
        }
        BackupSource::RdsAutomated(_) => return unknown("an RDS instance is no file".to_owned()),
    };
    let listed = tokio::task::spawn_blocking(move || files::list(&pattern, deadline)).await;
    let listed = match listed {
        Ok(Ok(listed)) => listed,
        Ok(Err(why)) => return unknown(why),
        Err(error) => return unknown(error.to_string()),
    };
    let Some(newest) = listed.newest.first() else { return BackupSeen::Nothing };
    if matches!(source, BackupSource::Files(_)) {
        let why = "files of any kind are known by age and size alone".to_owned();
        return found(&listed, newest, Some(listed.bytes), Vec::new(), BackupContent::Unchecked { why });
    }
    let content = content(source, newest, programs, deadline).await;
    let unfinished = matches!(content, BackupContent::Broken { .. }) && now.since(newest.changed) < SETTLED;
    if let Some(before) = listed.newest.get(1).filter(|_| unfinished) {
        let content = self::content(source, before, programs, deadline).await;
        return found(&listed, before, Some(before.bytes), listed.sizes(2, EARLIER_MAX), content);
    }
    found(&listed, newest, Some(newest.bytes), listed.sizes(1, EARLIER_MAX), content)
}

/// What the content of one file is.
async fn content(
    source: BackupSource<'_>,
    file: &files::File,
    programs: &Programs,
    deadline: Instant,
) -> BackupContent {
    match source {
        BackupSource::PostgresDump(_) => match dump::check(&file.path, programs, deadline).await {
            Ok(_) => BackupContent::Sound,
            Err(wrong) => wrong.content(),
        },
        BackupSource::RedisRdb(_) => {
            let path = file.path.clone();
            let checked = tokio::task::spawn_blocking(move || rdb::check(&path, deadline)).await;
            match checked {
                Ok(Ok(())) => BackupContent::Sound,
                Ok(Err(wrong)) => wrong.content(),
                Err(error) => BackupContent::Unchecked { why: error.to_string() },
            }
        }
        BackupSource::Files(_) | BackupSource::RdsAutomated(_) => {
            BackupContent::Unchecked { why: "it has no known form".to_owned() }
        }
    }
}

fn found(
    listed: &Listed,
    file: &files::File,
    size: Option<u64>,
    earlier: Vec<u64>,
    content: BackupContent,
) -> BackupSeen {
    let name = file.path.display().to_string();
    BackupSeen::Found(BackupFound {
        name,
        taken: file.changed,
        size,
        earlier,
        oldest: Some(listed.oldest),
        content,
    })
}

fn unknown(why: String) -> BackupSeen {
    BackupSeen::Unknown { why }
}

/// Why a file is not known to be sound.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// It cannot be used.
    #[error("{0}")]
    Broken(String),
    /// It could not be looked at to its end.
    #[error("{0}")]
    Unread(String),
}

impl Wrong {
    fn content(self) -> BackupContent {
        match self {
            Wrong::Broken(why) => BackupContent::Broken { why },
            Wrong::Unread(why) => BackupContent::Unchecked { why },
        }
    }
}

impl From<std::io::Error> for Wrong {
    fn from(error: std::io::Error) -> Self {
        Wrong::Unread(error.to_string())
    }
}

/// Ends a reading that takes too long.
pub(crate) fn in_time(deadline: Instant) -> Result<(), Wrong> {
    if Instant::now() < deadline {
        Ok(())
    } else {
        Err(Wrong::Unread("it could not be read to its end in time".to_owned()))
    }
}
