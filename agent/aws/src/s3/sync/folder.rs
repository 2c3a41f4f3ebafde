//! The folder that objects are written into: names that stay below it, files that are whole or not there, and dates as in S3, so
//! that an old backup does not look young because it was fetched today. It blocks its thread.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use data_encoding::HEXLOWER;
use quorate_policies::Timestamp;
use sha2::{Digest as _, Sha256};

use super::super::Trouble;
use super::blocking;

/// What is read at once.
const PIECE: usize = 1 << 20;
/// The longest name that a file system takes, with what a draft has around it.
const NAME_MAX: usize = 255 - DRAFT_BEFORE.len() - DRAFT_AFTER.len();
/// What a draft's name begins with: names that begin with a dot are not seen by who looks for backups.
const DRAFT_BEFORE: &str = ".";
/// What a draft's name ends with.
const DRAFT_AFTER: &str = ".quorate-sync";

#[derive(Debug, Clone)]
pub(super) struct Folder {
    root: PathBuf,
}

/// A file that is being written beside its place.
#[derive(Debug)]
pub(super) struct Draft {
    beside: PathBuf,
    target: PathBuf,
}

/// Whether a key can be the name of a file below a folder.
///
/// # Errors
/// Why not.
pub(super) fn check(name: &str) -> Result<(), String> {
    let part = |part: &str| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && !part.contains('\0')
            && part.len() <= NAME_MAX
            && !is_draft(part)
    };
    if name.split('/').all(part) {
        Ok(())
    } else {
        Err(format!("the key `{name}` cannot be the name of a file"))
    }
}

fn is_draft(name: &str) -> bool {
    name.starts_with(DRAFT_BEFORE) && name.ends_with(DRAFT_AFTER)
}

impl Folder {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// The files below it, by name, with their sizes. Links are named and not followed.
    pub(super) async fn list(&self, most: usize) -> Result<BTreeMap<String, u64>, Trouble> {
        let (root, shown) = (self.root.clone(), self.root.display().to_string());
        let listed = blocking(move || {
            let mut all = BTreeMap::new();
            walk(&root, &root, most, &mut all)?;
            Ok(all)
        });
        let listed = listed.await.map_err(|error| Trouble::Unread(format!("{shown}: {error}")))?;
        if listed.len() > most {
            let why = format!("{shown} has more than {most} files: name a folder of its own");
            return Err(Trouble::Cannot(why));
        }
        Ok(listed)
    }

    /// By which a content that was read is remembered; none when it is no plain file.
    pub(super) fn version(&self, name: &str) -> io::Result<Option<String>> {
        let path = self.root.join(name);
        let facts = fs::symlink_metadata(&path)?;
        let version = || {
            let (inode, size, at, nanos) = (facts.ino(), facts.len(), facts.mtime(), facts.mtime_nsec());
            format!("{} {inode} {size} {at}.{nanos} {}", path.display(), facts.ctime_nsec())
        };
        Ok(facts.is_file().then(version))
    }

    pub(super) fn digest(&self, name: &str) -> io::Result<String> {
        let (mut file, mut digest, mut piece) =
            (File::open(self.root.join(name))?, Sha256::new(), vec![0; PIECE]);
        loop {
            match file.read(&mut piece)? {
                0 => return Ok(HEXLOWER.encode(&digest.finalize())),
                count => digest.update(&piece[..count]),
            }
        }
    }

    /// Begins a file, and the folders that it needs: below this one, wherever links lead.
    pub(super) fn draft(&self, name: &str) -> io::Result<(File, Draft)> {
        check(name).map_err(io::Error::other)?;
        let target = self.root.join(name);
        let folder = target.parent().unwrap_or(&self.root);
        fs::create_dir_all(&self.root)?;
        let root = fs::canonicalize(&self.root)?;
        let outside = || io::Error::other(format!("{} leads out of {}", folder.display(), root.display()));
        if !fs::canonicalize(deepest(folder))?.starts_with(&root) {
            return Err(outside());
        }
        fs::create_dir_all(folder)?;
        let plain = target.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let beside = folder.join(format!("{DRAFT_BEFORE}{plain}{DRAFT_AFTER}"));
        // What an earlier attempt has left is begun anew; a link that somebody put there is not followed.
        removed(&beside)?;
        let file = File::options().write(true).create_new(true).mode(0o640).open(&beside)?;
        Ok((file, Draft { beside, target }))
    }

    /// Removes one file, and no folder.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        let path = self.root.join(name);
        let root = fs::canonicalize(&self.root)?;
        if !fs::canonicalize(path.parent().unwrap_or(&self.root))?.starts_with(&root) {
            return Err(io::Error::other(format!("{} leads out of {}", path.display(), root.display())));
        }
        removed(&path)
    }
}

impl Draft {
    /// Puts the file in its place, with the date that it has in S3.
    pub(super) fn put(&self, file: &File, changed: Timestamp, replace: bool) -> io::Result<()> {
        file.set_modified(UNIX_EPOCH + Duration::from_millis(changed.0))?;
        file.sync_all()?;
        if replace {
            fs::rename(&self.beside, &self.target)?;
        } else {
            // A rename would replace what somebody has put there meanwhile.
            fs::hard_link(&self.beside, &self.target)?;
        }
        self.target.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Err(error) = removed(&self.beside) {
            tracing::warn!(file = %self.beside.display(), %error, "a draft stays behind");
        }
    }
}

/// The deepest folder of a path that is there.
fn deepest(path: &Path) -> &Path {
    path.ancestors().find(|folder| folder.symlink_metadata().is_ok()).unwrap_or(path)
}

fn removed(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Stops when there is more than anybody wants.
fn walk(root: &Path, folder: &Path, most: usize, all: &mut BTreeMap<String, u64>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for entry in entries {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_dir() {
            walk(root, &path, most, all)?;
        } else if !is_draft(&entry.file_name().to_string_lossy()) {
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            all.insert(name, fs::symlink_metadata(&path)?.len());
        }
        if all.len() > most {
            return Ok(());
        }
    }
    Ok(())
}
