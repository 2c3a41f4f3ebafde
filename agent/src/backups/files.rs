//! The files that a pattern means, newest first. Bounded: a folder with a million files is told, and not walked to its end.

use glob::{MatchOptions, glob_with};
use quorate_policies::{Millis, Timestamp};
use std::{
    fs,
    path::{Path, PathBuf},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

/// Most files of one backup. What has more is no set of backups that somebody could choose from; each costs a system call.
const FILES_MAX: usize = 100_000;
/// How many of the newest are kept: one, the one before it, and those that make the usual size.
const NEWEST_MAX: usize = 40;

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Where it is.
    pub path: PathBuf,
    /// When it was changed last.
    pub changed: Timestamp,
    /// Its size in bytes.
    pub bytes: u64,
}

/// What a pattern means.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listed {
    /// The newest ones, newest first.
    pub newest: Vec<File>,
    /// How many there are.
    pub count: usize,
    /// How large all are together.
    pub bytes: u64,
    /// When the oldest was changed.
    pub oldest: Timestamp,
}

impl Listed {
    /// The sizes of those that are kept, without the first ones.
    #[must_use]
    pub fn sizes(&self, skipped: usize, most: usize) -> Vec<u64> {
        self.newest.iter().skip(skipped).take(most).map(|file| file.bytes).collect()
    }
}

/// Lists the files that a pattern means. A file that goes meanwhile is not one.
///
/// # Errors
/// When the pattern is none, a folder cannot be read, or it takes too long, with the reason.
pub fn list(pattern: &str, deadline: Instant) -> Result<Listed, String> {
    // As a shell reads it: a star does not reach into folders. Names that begin with a dot are unfinished or somebody's own.
    let options = MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: true,
    };
    let paths = glob_with(pattern, options).map_err(|error| format!("{pattern}: {error}"))?;
    let mut all: Vec<File> = Vec::new();
    for path in paths {
        let path = path.map_err(|error| error.to_string())?;
        if Instant::now() >= deadline {
            return Err(format!("{pattern}: not listed in time, {} files so far", all.len()));
        }
        let Some(file) = file(&path).map_err(|error| format!("{}: {error}", path.display()))? else {
            continue;
        };
        all.push(file);
        if all.len() > FILES_MAX {
            return Err(format!("{pattern}: more than {FILES_MAX} files"));
        }
    }
    let (count, bytes) = (all.len(), all.iter().fold(0_u64, |sum, file| sum.saturating_add(file.bytes)));
    // Of equal age the later name is the newer, as names that hold a date have it.
    all.sort_by(|a, b| (b.changed, &b.path).cmp(&(a.changed, &a.path)));
    let oldest = all.last().map(|file| file.changed).unwrap_or_default();
    all.truncate(NEWEST_MAX);
    Ok(Listed { newest: all, count, bytes, oldest })
}

/// A file's facts; none of what is no file, or is gone.
///
/// # Errors
/// When it cannot be asked.
pub fn file(path: &Path) -> std::io::Result<Option<File>> {
    let facts = match fs::metadata(path) {
        Ok(facts) => facts,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if !facts.is_file() {
        return Ok(None);
    }
    Ok(Some(File { path: path.to_owned(), changed: moment(facts.modified()?), bytes: facts.len() }))
}

/// A moment of the file system as this project counts it.
#[must_use]
pub fn moment(time: SystemTime) -> Timestamp {
    Timestamp(time.duration_since(UNIX_EPOCH).map_or(0, |since| Millis::of(since).0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Goal: the newest comes first whatever its name, folders and hidden files are none, and two stars reach into folders.
    /// Method: a few files with times of their own.
    #[test]
    fn the_newest_comes_first() {
        let home = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: usize, age_s: u64| {
            let path = home.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, vec![0; bytes]).unwrap();
            let time = SystemTime::now() - Duration::from_secs(age_s);
            fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        };
        for (name, bytes, age_s) in [
            ("a.dump", 1, 10),
            ("b.dump", 2, 30),
            ("c.dump", 4, 20),
            (".d.dump", 8, 0),
            ("deep/er/e.dump", 16, 5),
        ] {
            write(name, bytes, age_s);
        }
        fs::create_dir(home.path().join("folder.dump")).unwrap();
        let at = |pattern: &str| {
            let pattern = format!("{}/{pattern}", home.path().display());
            list(&pattern, Instant::now() + Duration::from_secs(60)).unwrap()
        };
        let flat = at("*.dump");
        assert_eq!(
            (flat.sizes(0, 9), flat.sizes(1, 1), flat.count, flat.bytes),
            (vec![1, 4, 2], vec![4], 3, 7)
        );
        assert_eq!(at("**/*.dump").sizes(0, 9), [16, 1, 4, 2]);
        assert_eq!(at("*.sql"), Listed::default());
        let late = list(&format!("{}/*", home.path().display()), Instant::now()).unwrap_err();
        assert!(late.contains("not listed in time"), "{late}");
    }
}
