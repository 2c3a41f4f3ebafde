//! Looks at backups: which files there are, which is the newest, and whether it is what it should be. It only reads, and
//! every look is bounded: so many files, so much time. What a look means is judged in `quorate_policies::backup`.
//!
//! A file that was changed a moment ago may be one that is still being written: if it is not sound, the one before it is
//! taken.

pub mod dump;
pub mod files;
pub mod objects;
pub mod rdb;

use files::Listed;
use quorate_policies::{
    Millis, Timestamp,
    backup::{BackupContent, BackupFound, BackupSeen},
    document::AgentFile,
    policy::BackupSource,
};
use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// One look at files: what reads a dump to its end reads it at some hundred megabytes a second.
pub const LOOK_MAX: Duration = Duration::from_secs(60);
/// A file that was changed so lately may be unfinished. A dump that is written for longer is changed all the while.
const SETTLED: Millis = Millis::from_secs(60);
/// How many sizes make the usual one: a month of daily backups.
const EARLIER_MAX: usize = 30;

/// What took so long to read is not read again at each look.
const CHEAP: Duration = Duration::from_secs(1);
/// After so long it is: storage forgets, too.
const READ_AGAIN: Duration = Duration::from_secs(3_600);
/// How many readings are remembered: the newest file of each backup that a policy may have.
const REMEMBERED_MAX: usize = 64;

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

/// Looks at the files of a backup; RDS and S3 are asked elsewhere.
pub async fn look(
    source: BackupSource<'_>,
    programs: &Programs,
    memory: &Memory,
    now: Timestamp,
) -> BackupSeen {
    let deadline = Instant::now() + LOOK_MAX;
    let pattern = match source {
        BackupSource::PostgresDump(path) | BackupSource::RedisRdb(path) | BackupSource::Files(path) => {
            path.to_owned()
        }
        BackupSource::RdsAutomated(_) => return unknown("an RDS instance is no file".to_owned()),
        BackupSource::S3(_) => return unknown("a bucket is no folder".to_owned()),
    };
    let listed = tokio::task::spawn_blocking(move || files::list(&pattern, deadline)).await;
    let listed = match listed {
        Ok(Ok(listed)) => listed,
        Ok(Err(why)) => return unknown(why),
        Err(error) => return unknown(error.to_string()),
    };
    let Some(newest) = listed.newest.first() else { return BackupSeen::Nothing };
    if matches!(source, BackupSource::Files(_)) {
        // Their age and size are all that can be known of them.
        return found(&listed, newest, Some(listed.bytes), Vec::new(), BackupContent::Sound);
    }
    let content = memory.content(source, newest, programs, deadline).await;
    let unfinished = matches!(content, BackupContent::Broken { .. }) && now.since(newest.changed) < SETTLED;
    if let Some(before) = listed.newest.get(1).filter(|_| unfinished) {
        let content = memory.content(source, before, programs, deadline).await;
        return found(&listed, before, Some(before.bytes), listed.sizes(2, EARLIER_MAX), content);
    }
    found(&listed, newest, Some(newest.bytes), listed.sizes(1, EARLIER_MAX), content)
}

/// What was read at length, so that a large file is not read every five minutes.
#[derive(Debug, Default)]
pub struct Memory(Mutex<VecDeque<Remembered>>);

/// One reading: of which file as which kind, when, and what it showed.
#[derive(Debug)]
struct Remembered {
    file: files::File,
    kind: &'static str,
    at: Instant,
    content: BackupContent,
}

impl Memory {
    async fn content(
        &self,
        source: BackupSource<'_>,
        file: &files::File,
        programs: &Programs,
        deadline: Instant,
    ) -> BackupContent {
        let same = |one: &Remembered| one.file == *file && one.kind == source.kind();
        let known = {
            let all = self.lock();
            let young = |one: &&Remembered| same(one) && one.at.elapsed() < READ_AGAIN;
            all.iter().rev().find(young).map(|one| one.content.clone())
        };
        if let Some(content) = known {
            return content;
        }
        let began = Instant::now();
        let content = content(source, file, programs, deadline).await;
        if began.elapsed() >= CHEAP {
            let mut all = self.lock();
            all.retain(|one| !same(one));
            let many = (all.len() + 1).saturating_sub(REMEMBERED_MAX);
            all.drain(..many);
            let (file, kind, at) = (file.clone(), source.kind(), Instant::now());
            all.push_back(Remembered { file, kind, at, content: content.clone() });
        }
        content
    }

    /// A lock whose holder has panicked still guards a whole value.
    fn lock(&self) -> MutexGuard<'_, VecDeque<Remembered>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
        BackupSource::Files(_) | BackupSource::RdsAutomated(_) | BackupSource::S3(_) => {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: what was read at length counts until the file changes or an hour has passed, for its own kind alone. Method: a
    /// remembered reading of a file that is no dump, asked as it is, as another kind, and after a change.
    #[tokio::test]
    async fn a_long_reading_is_remembered() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a.sql");
        std::fs::write(&path, "no dump").unwrap();
        let file = files::file(&path).unwrap().unwrap();
        let (memory, text) = (Memory::default(), path.display().to_string());
        let remembered =
            |at| Remembered { file: file.clone(), kind: "postgres_dump", at, content: BackupContent::Sound };
        memory.lock().push_back(remembered(Instant::now()));
        let asked = async |source, file: &files::File| {
            memory.content(source, file, &Programs::default(), Instant::now() + LOOK_MAX).await
        };
        assert_eq!(asked(BackupSource::PostgresDump(&text), &file).await, BackupContent::Sound);
        let rdb = asked(BackupSource::RedisRdb(&text), &file).await;
        assert!(matches!(rdb, BackupContent::Broken { .. }), "{rdb:?}");
        let changed = files::File { bytes: 8, ..file.clone() };
        let again = asked(BackupSource::PostgresDump(&text), &changed).await;
        assert!(matches!(again, BackupContent::Broken { .. }), "{again:?}");
        assert_eq!(memory.lock().len(), 1, "a short reading is not remembered");
    }
}
