//! What this host remembers of each attempt that did something here which cannot be read back from the world: that it was
//! looked at, that it began, and how it ended. One folder each, and each file whole or not there. It decides nothing.
//!
//! - `looked`: this disk has known the attempt since before it could begin. Without it a missing `begun` says nothing: the
//!   disk may be a new one.
//! - `begun`: written before anything is done.
//! - `lock`: held by whoever carries it out, so that "at work" and "gone without a word" are told apart.
//! - `end.json`: what came of it.

use quorate_policies::effect::EffectContext;
use serde::{Serialize, de::DeserializeOwned};
use std::{
    fs::{self, File, TryLockError},
    io::{self, Write as _},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// Attempts that are remembered. An execution has some thirty steps; what is decided by the journal is decided within hours.
const ATTEMPTS_MAX: usize = 500;
/// How long one is remembered.
const KEPT_FOR: Duration = Duration::from_secs(30 * 24 * 3_600);

/// One attempt of one step of one execution.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attempt {
    /// Which execution.
    pub execution: String,
    /// Which step.
    pub step: String,
    /// Which assignment.
    pub number: u32,
}

/// What is remembered of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry<E> {
    /// Nothing: it did not begin on this disk.
    Nothing,
    /// It had been looked at, and has not begun.
    Looked,
    /// It has begun, and is at work.
    AtWork,
    /// It has begun; nobody is at work on it, and nobody has written its end.
    Open,
    /// It has ended.
    Ended(E),
}

/// The folder.
#[derive(Debug, Clone)]
pub struct Journal(PathBuf);

impl Attempt {
    /// The one that a look or an act serves.
    #[must_use]
    pub fn of(context: &EffectContext) -> Self {
        let (execution, step) = (context.execution.clone(), context.step.clone());
        Self { execution, step, number: context.attempt }
    }

    /// A folder's name. No name holds a `+`; what else could not stand there is no name of the log's.
    fn folder(&self) -> String {
        let plain = |text: &str| text.replace(['/', '+', '\0'], "_");
        format!("{}+{}+{}", plain(&self.execution), plain(&self.step), self.number)
    }
}

impl Journal {
    /// The journal in a folder, which need not be there yet.
    #[must_use]
    pub const fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// What is remembered of an attempt.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn entry<E: DeserializeOwned>(&self, attempt: &Attempt) -> io::Result<Entry<E>> {
        let folder = self.0.join(attempt.folder());
        if let Some(end) = ended(&folder)? {
            return Ok(Entry::Ended(end));
        }
        if !folder.join("begun").try_exists()? {
            let looked = folder.join("looked").try_exists()?;
            return Ok(if looked { Entry::Looked } else { Entry::Nothing });
        }
        match File::open(folder.join("lock"))?.try_lock() {
            Err(TryLockError::WouldBlock) => return Ok(Entry::AtWork),
            Err(TryLockError::Error(error)) => return Err(error),
            Ok(()) => {}
        }
        // Who held it until now wrote its end before it let go.
        Ok(ended(&folder)?.map_or(Entry::Open, Entry::Ended))
    }

    /// It has been looked at.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn looked(&self, attempt: &Attempt) -> io::Result<()> {
        let folder = self.folder(attempt)?;
        if folder.join("looked").try_exists()? { Ok(()) } else { write(&folder.join("looked"), b"") }
    }

    /// It begins: from here on nobody may say that it did nothing. Returns its folder, with the lock to hold.
    ///
    /// # Errors
    /// When it cannot be written; then it must not begin.
    pub fn begin(&self, attempt: &Attempt) -> io::Result<PathBuf> {
        self.forget_old(attempt);
        let folder = self.folder(attempt)?;
        drop(File::options().create(true).append(true).open(folder.join("lock"))?);
        // It may have run before, and may be run again: the old end must not be taken for the new one.
        forget_end(&folder)?;
        write(&folder.join("begun"), b"")?;
        Ok(folder)
    }

    /// What had been written down as begun has certainly done nothing.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn withdraw(&self, attempt: &Attempt) -> io::Result<()> {
        remove(&self.folder(attempt)?.join("begun"))
    }

    /// It has ended.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn end(&self, attempt: &Attempt, end: &impl Serialize) -> io::Result<()> {
        write_end(&self.folder(attempt)?, end)
    }

    fn folder(&self, attempt: &Attempt) -> io::Result<PathBuf> {
        let folder = self.0.join(attempt.folder());
        if !folder.try_exists()? {
            // What commands say is for nobody else on this host.
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
            File::open(&self.0)?.sync_all()?;
        }
        Ok(folder)
    }

    /// Removes what is too old or too much; never the attempt itself, and never one at work.
    fn forget_old(&self, attempt: &Attempt) {
        let now = SystemTime::now();
        let mut folders: Vec<(SystemTime, PathBuf)> = fs::read_dir(&self.0)
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| *entry.file_name() != *attempt.folder())
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        folders.sort_by_key(|(changed, _)| std::cmp::Reverse(*changed));
        let old = folders.iter().enumerate().filter(|(place, (changed, _))| {
            *place + 1 >= ATTEMPTS_MAX || now.duration_since(*changed).is_ok_and(|age| age > KEPT_FOR)
        });
        for (_, (_, folder)) in old {
            let held = File::open(folder.join("lock"))
                .is_ok_and(|lock| matches!(lock.try_lock(), Err(TryLockError::WouldBlock)));
            if !held && let Err(error) = fs::remove_dir_all(folder) {
                tracing::warn!(folder = %folder.display(), %error, "an old attempt cannot be forgotten");
            }
        }
    }
}

fn ended<E: DeserializeOwned>(folder: &Path) -> io::Result<Option<E>> {
    match fs::read(folder.join("end.json")) {
        Ok(text) => Ok(Some(serde_json::from_slice(&text)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes what became of it into its folder.
///
/// # Errors
/// When it cannot be written.
pub fn write_end(folder: &Path, end: &impl Serialize) -> io::Result<()> {
    write(&folder.join("end.json"), &serde_json::to_vec(end)?)
}

/// Removes what an earlier run has left.
///
/// # Errors
/// When it cannot be removed.
pub fn forget_end(folder: &Path) -> io::Result<()> {
    remove(&folder.join("end.json"))
}

/// The whole file or none of it, also after a power loss.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    sync_parent(path)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Ok(()) => sync_parent(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn sync_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(number: u32) -> Attempt {
        Attempt { execution: "shop-3".to_owned(), step: "undo.it".to_owned(), number }
    }

    /// Goal: what a restarted agent reads tells apart what was never here, was looked at, is at work, is gone without a word,
    /// and has ended. Method: one attempt through all of them; somebody else holds the lock.
    #[test]
    fn an_attempts_way() {
        let home = tempfile::tempdir().unwrap();
        let journal = Journal::new(home.path().join("jobs"));
        let entry = || journal.entry::<String>(&attempt(1)).unwrap();
        assert_eq!(entry(), Entry::Nothing);
        journal.looked(&attempt(1)).unwrap();
        assert_eq!(entry(), Entry::Looked);
        let folder = journal.begin(&attempt(1)).unwrap();
        assert_eq!(entry(), Entry::Open);
        let lock = File::open(folder.join("lock")).unwrap();
        lock.lock().unwrap();
        assert_eq!(entry(), Entry::AtWork);
        write_end(&folder, &"well").unwrap();
        assert_eq!(entry(), Entry::Ended("well".to_owned()), "also while it lets go");
        drop(lock);
        journal.begin(&attempt(1)).unwrap();
        assert_eq!(entry(), Entry::Open, "an old end is not the new one");
        journal.withdraw(&attempt(1)).unwrap();
        assert_eq!(entry(), Entry::Looked);
        assert_eq!(journal.entry::<String>(&attempt(2)).unwrap(), Entry::Nothing);
    }

    /// Goal: an end that is half written is none. Method: the file beside it that a power loss leaves.
    #[test]
    fn half_an_end_is_none() {
        let home = tempfile::tempdir().unwrap();
        let journal = Journal::new(home.path().to_owned());
        let folder = journal.begin(&attempt(1)).unwrap();
        fs::write(folder.join("end.new"), "\"we").unwrap();
        assert_eq!(journal.entry::<String>(&attempt(1)).unwrap(), Entry::Open);
    }

    /// Goal: the journal stays small, and forgets nobody at work. Method: more attempts than it keeps, the first of them held.
    #[test]
    fn old_attempts_are_forgotten() {
        let home = tempfile::tempdir().unwrap();
        let journal = Journal::new(home.path().to_owned());
        let held = journal.begin(&attempt(0)).unwrap();
        let lock = File::open(held.join("lock")).unwrap();
        lock.lock().unwrap();
        for number in 1..=u32::try_from(ATTEMPTS_MAX).unwrap() + 20 {
            fs::create_dir(home.path().join(attempt(number).folder())).unwrap();
        }
        journal.begin(&attempt(9_999)).unwrap();
        let left = fs::read_dir(home.path()).unwrap().count();
        assert!((ATTEMPTS_MAX..=ATTEMPTS_MAX + 1).contains(&left), "{left}");
        assert_eq!(journal.entry::<String>(&attempt(0)).unwrap(), Entry::AtWork);
        assert_eq!(journal.entry::<String>(&attempt(9_999)).unwrap(), Entry::Open);
    }
}
