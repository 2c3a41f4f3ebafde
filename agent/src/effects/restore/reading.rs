//! Which backup is restored, and what it is: the newest whole one that is fresh, read to its end in the background, because
//! that may take longer than a look. What was read is remembered for as long as the file stays as it is. It changes nothing.
//!
//! A newest one that is not whole is passed over for one before it, if that is fresh too: what dies in the night often dies
//! with its dump half written. What was passed over is told, and without a `max_age` nothing is.

use crate::backups::{Wrong, files};
use data_encoding::HEXLOWER;
use quorate_policies::{
    Millis, Timestamp,
    effect::Observed,
    plan::{Before, action::RestoreFile},
};
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeMap,
    fmt, fs,
    io::Read as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Listing a folder of backups, within a look.
const LIST_MAX: Duration = Duration::from_secs(5);
/// Reading one backup to its end: a terabyte at some five hundred megabytes a second.
const READ_MAX: Duration = Duration::from_secs(40 * 60);
/// How many readings are remembered: a plan restores a few files.
const KEPT_MAX: usize = 16;
/// How many of the newest are tried. When so many in a row are not whole, somebody has to look.
const TRIED_MAX: usize = 4;
/// A file that was changed so lately may still be written.
const SETTLED: Millis = Millis::from_secs(60);
/// How far into the future a file may be dated; beyond it its age says nothing.
const FUTURE_MAX: Millis = Millis::from_secs(5 * 60);
/// What is read at once.
const PIECE: usize = 256 * 1024;

/// The file that was chosen, as it was then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::effects) struct Chosen {
    pub(in crate::effects) path: PathBuf,
    pub(in crate::effects) changed: Timestamp,
    pub(in crate::effects) bytes: u64,
}

impl fmt::Display for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}, {} bytes", self.path.display(), self.changed, self.bytes)
    }
}

impl Chosen {
    /// Whether the file is still the one that was chosen.
    ///
    /// # Errors
    /// When it is not, or cannot be asked.
    pub(in crate::effects) fn stands(&self) -> Result<(), String> {
        let path = self.path.display();
        match files::file(&self.path) {
            Ok(Some(file)) if (file.changed, file.bytes) == (self.changed, self.bytes) => Ok(()),
            Ok(Some(_)) => Err(format!("{path} was changed since it was noted")),
            Ok(None) => Err(format!("{path} is gone, or on another agent's host")),
            Err(error) => Err(format!("{path}: {error}")),
        }
    }
}

/// Chooses files, the best one first: the one that was noted before the first act, and else the newest that are fresh. What
/// keeps any from being restored is an observation.
pub(in crate::effects) async fn choose(
    of: &RestoreFile,
    allowed: &[PathBuf],
    noted: Option<&Before>,
    now: Timestamp,
) -> Result<Vec<Chosen>, Observed> {
    let impossible = |reason: String| Observed::Impossible { reason };
    if allowed.is_empty() {
        let reason = "this agent restores nothing: add `backups: {restore_from: [...]}` to its file";
        return Err(impossible(reason.to_owned()));
    }
    if let Some(Before::Restored { file, bytes, taken, .. }) = noted {
        let chosen = Chosen { path: file.into(), changed: *taken, bytes: *bytes };
        chosen.stands().map_err(impossible)?;
        return within(chosen, allowed).map(|chosen| vec![chosen]).map_err(impossible);
    }
    let pattern = of.path.clone();
    let listed = tokio::task::spawn_blocking(move || files::list(&pattern, Instant::now() + LIST_MAX)).await;
    let listed = match listed {
        Ok(Ok(listed)) => listed,
        Ok(Err(reason)) => return Err(Observed::Unknown { reason }),
        Err(error) => return Err(Observed::Unknown { reason: error.to_string() }),
    };
    let files = listed.newest.into_iter();
    let mut all = files.map(|file| Chosen { path: file.path, changed: file.changed, bytes: file.bytes });
    let Some(newest) = all.next() else {
        return Err(impossible(format!("there is no backup {}", of.path)));
    };
    let mut chosen = Vec::new();
    if let Some(most) = of.max_age {
        let age = now.since(newest.changed);
        if age > most {
            return Err(impossible(format!("no fresh backup: {newest}, is older than {most}")));
        }
        let ahead = newest.changed.since(now);
        if ahead > FUTURE_MAX {
            let why = format!("{newest}, is dated {ahead} in the future, so its age is not known");
            return Err(impossible(why));
        }
        chosen.extend(all.filter(|file| now.since(file.changed) <= most).take(TRIED_MAX - 1));
    }
    chosen.insert(0, newest);
    chosen.into_iter().map(|file| within(file, allowed)).collect::<Result<_, _>>().map_err(impossible)
}

/// Whether it lies below a folder that the agent's file names, wherever links lead.
fn within(chosen: Chosen, allowed: &[PathBuf]) -> Result<Chosen, String> {
    let real =
        fs::canonicalize(&chosen.path).map_err(|error| format!("{}: {error}", chosen.path.display()))?;
    if below(&real, allowed) {
        Ok(chosen)
    } else {
        Err(format!("{} is not below a folder of `backups.restore_from` in the agent's file", real.display()))
    }
}

/// Whether a real path lies below, or is, one of these folders.
pub(in crate::effects) fn below(real: &Path, allowed: &[PathBuf]) -> bool {
    allowed.iter().filter_map(|folder| fs::canonicalize(folder).ok()).any(|folder| real.starts_with(folder))
}

/// What a reading has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::effects) enum ReadingSeen {
    /// It goes on.
    Working,
    /// It was read to its end.
    Read {
        /// Its SHA-256, in hexadecimal digits.
        sha256: String,
    },
    /// It cannot be used.
    Broken(String),
    /// It could not be read.
    Unread(String),
}

/// Readings in the background.
#[derive(Default)]
pub(in crate::effects) struct Readings(Mutex<BTreeMap<String, Reading>>);

/// One of them: none while it goes on, then the SHA-256.
type Reading = Arc<Mutex<Option<Result<String, Wrong>>>>;

impl Readings {
    /// How the reading of a file stands; begins it where it was not begun. `sound` looks at the file's form first.
    pub(in crate::effects) fn read<F>(
        &self,
        file: &Chosen,
        sound: impl FnOnce(PathBuf, Instant) -> F,
    ) -> ReadingSeen
    where
        F: Future<Output = Result<(), Wrong>> + Send + 'static,
    {
        let key = file.to_string();
        let mut readings = lock(&self.0);
        if let Some(reading) = readings.get(&key) {
            let ended = lock(reading).clone();
            return match ended {
                None => ReadingSeen::Working,
                Some(Ok(sha256)) => ReadingSeen::Read { sha256 },
                Some(Err(Wrong::Broken(why))) => ReadingSeen::Broken(why),
                Some(Err(Wrong::Unread(why))) => {
                    readings.remove(&key);
                    ReadingSeen::Unread(why)
                }
            };
        }
        if readings.len() >= KEPT_MAX {
            readings.retain(|_, reading| lock(reading).is_none());
        }
        let (result, path, deadline) = (Reading::default(), file.path.clone(), Instant::now() + READ_MAX);
        readings.insert(key, Arc::clone(&result));
        let checked = sound(path.clone(), deadline);
        tokio::spawn(async move {
            let read = match checked.await {
                Ok(()) => digest(path, deadline).await,
                Err(wrong) => Err(wrong),
            };
            *lock(&result) = Some(read);
        });
        ReadingSeen::Working
    }

    /// The same of several as an observation before an act: the first that is whole may be restored.
    pub(in crate::effects) fn observe<F>(
        &self,
        files: &[Chosen],
        there: &str,
        sound: impl Fn(PathBuf, Instant) -> F,
    ) -> Observed
    where
        F: Future<Output = Result<(), Wrong>> + Send + 'static,
    {
        let mut passed = Vec::new();
        for file in files {
            match self.read(file, &sound) {
                ReadingSeen::Working => {
                    return Observed::InProgress { detail: format!("{file}, is being read") };
                }
                ReadingSeen::Unread(why) => return Observed::Unknown { reason: format!("{file}: {why}") },
                ReadingSeen::Broken(why) => passed.push(format!("{file}: {why}")),
                ReadingSeen::Read { sha256 } => {
                    passed.insert(0, there.to_owned());
                    let there = passed.join("; not restored: ");
                    let detail = format!("{there}; {file}, is whole");
                    let (bytes, taken, file) = (file.bytes, file.changed, file.path.display().to_string());
                    let before = Some(Before::Restored { file, bytes, taken, sha256, there });
                    return Observed::NotDone { detail, part: 0, before };
                }
            }
        }
        let told = passed.join("; ");
        if files.iter().any(|file| super::wall().since(file.changed) < SETTLED) {
            return Observed::InProgress { detail: format!("{told}; it may still be being written") };
        }
        Observed::Impossible { reason: told }
    }
}

/// The SHA-256 of a file.
async fn digest(path: PathBuf, deadline: Instant) -> Result<String, Wrong> {
    let read = tokio::task::spawn_blocking(move || {
        let (mut file, mut digest, mut piece) = (fs::File::open(path)?, Sha256::new(), vec![0; PIECE]);
        loop {
            crate::backups::in_time(deadline)?;
            match file.read(&mut piece)? {
                0 => return Ok(HEXLOWER.encode(&digest.finalize())),
                count => digest.update(&piece[..count]),
            }
        }
    });
    read.await.map_err(|error| Wrong::Unread(error.to_string()))?
}

/// A lock whose holder has panicked still guards a whole value.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the newest file is chosen, if it is fresh and lies where this agent restores from, wherever a link leads; and what
    /// was noted stays chosen, as long as it is the same file. Method: two files, folders that are allowed and not, and a link
    /// out of them.
    #[tokio::test]
    async fn which_file_is_chosen() {
        let home = tempfile::tempdir().unwrap();
        let (inside, outside) = (home.path().join("in"), home.path().join("out"));
        for folder in [&inside, &outside] {
            fs::create_dir(folder).unwrap();
        }
        let hour = Duration::from_secs(3_600);
        for (name, age) in [("a.dump", 2 * hour), ("b.dump", hour / 2)] {
            fs::write(inside.join(name), name).unwrap();
            let file = fs::File::options().write(true).open(inside.join(name)).unwrap();
            file.set_modified(std::time::SystemTime::now() - age).unwrap();
        }
        fs::write(outside.join("c.dump"), "secret").unwrap();
        std::os::unix::fs::symlink(outside.join("c.dump"), inside.join("link.dump")).unwrap();
        let now = files::moment(std::time::SystemTime::now());
        let told =
            async |pattern: &str, max_age: Option<Millis>, allowed: &[PathBuf], noted: Option<&Before>| {
                let of = RestoreFile { path: format!("{}/{pattern}", inside.display()), max_age };
                match choose(&of, allowed, noted, now).await {
                    Ok(chosen) => {
                        let name =
                            |file: &Chosen| file.path.file_name().unwrap().to_string_lossy().into_owned();
                        chosen.iter().map(name).collect::<Vec<_>>().join(" ")
                    }
                    Err(Observed::Impossible { reason }) => reason,
                    Err(other) => format!("{other:?}"),
                }
            };
        let allowed = [inside.clone()];
        let hours = |hours: u64| Some(Millis::from_secs(hours * 3_600));
        assert_eq!(told("?.dump", hours(1), &allowed, None).await, "b.dump");
        assert_eq!(told("?.dump", hours(3), &allowed, None).await, "b.dump a.dump");
        assert_eq!(told("?.dump", None, &allowed, None).await, "b.dump");
        let stale = told("?.dump", Some(Millis::from_secs(60)), &allowed, None).await;
        assert!(stale.starts_with("no fresh backup: ") && stale.ends_with("is older than 1m"), "{stale}");
        assert!(told("x.dump", None, &allowed, None).await.starts_with("there is no backup "));
        assert!(told("?.dump", None, &[], None).await.contains("this agent restores nothing"));
        assert!(told("?.dump", None, &[outside], None).await.contains("is not below a folder"));
        assert!(told("link.dump", None, &allowed, None).await.contains("is not below a folder"));

        let facts = files::file(&inside.join("a.dump")).unwrap().unwrap();
        let mut noted = Before::Restored {
            file: facts.path.display().to_string(),
            bytes: facts.bytes,
            taken: facts.changed,
            sha256: String::new(),
            there: String::new(),
        };
        assert_eq!(told("?.dump", Some(Millis::from_secs(60)), &allowed, Some(&noted)).await, "a.dump");
        if let Before::Restored { bytes, .. } = &mut noted {
            *bytes += 1;
        }
        assert!(
            told("?.dump", None, &allowed, Some(&noted)).await.contains("was changed since it was noted")
        );
    }

    /// Goal: a file is read once, in the background, and what it is stays known; one that is not sound is never ready. Method:
    /// one of each.
    #[tokio::test]
    async fn a_reading_goes_on_in_the_background() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a");
        fs::write(&path, "abc").unwrap();
        let facts = files::file(&path).unwrap().unwrap();
        let chosen = Chosen { path, changed: facts.changed, bytes: facts.bytes };
        let readings = Readings::default();
        let ended = async |chosen: &Chosen, sound: Result<(), Wrong>| loop {
            let sound = sound.clone();
            match readings.read(chosen, move |_, _| async move { sound }) {
                ReadingSeen::Working => tokio::time::sleep(Duration::from_millis(5)).await,
                other => return other,
            }
        };
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".to_owned();
        assert_eq!(ended(&chosen, Ok(())).await, ReadingSeen::Read { sha256 });
        let other = Chosen { bytes: 4, ..chosen };
        let why = "cut off".to_owned();
        assert_eq!(ended(&other, Err(Wrong::Broken(why.clone()))).await, ReadingSeen::Broken(why));
    }
}
