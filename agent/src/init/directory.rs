//! Writing a directory whole or not at all: beside its place first, then moved there in one step.

use super::InitError;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::Path,
};

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Privacy {
    /// Anybody who may read the directory.
    Public,
    /// Its owner alone.
    Secret,
}

/// A file to be written.
pub(super) struct Entry {
    name: String,
    privacy: Privacy,
    text: String,
}

impl Entry {
    pub(super) fn new(name: &str, privacy: Privacy, text: String) -> Self {
        Self { name: name.to_owned(), privacy, text }
    }
}

/// Refuses a directory that holds anything, and a file in its place.
pub(super) fn refuse_used(directory: &Path) -> Result<(), InitError> {
    match fs::read_dir(directory) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(InitError::NotEmpty(directory.to_owned())),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(InitError::Write { file: directory.to_owned(), source }),
    }
}

/// Writes all entries. The directory is its owner's alone, because keys lie in it.
pub(super) fn write(directory: &Path, entries: &[Entry]) -> Result<(), InitError> {
    let failed = |file: &Path, source| InitError::Write { file: file.to_owned(), source };
    let parent = match directory.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent).map_err(|source| failed(parent, source))?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".quorate-init-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    // Removed again when anything below fails.
    let temporary = builder.tempdir_in(parent).map_err(|source| failed(parent, source))?;
    for entry in entries {
        let file = temporary.path().join(&entry.name);
        write_entry(&file, entry).map_err(|source| failed(&directory.join(&entry.name), source))?;
    }
    // An empty directory gives way to the new one; one that somebody has filled meanwhile does not.
    fs::rename(temporary.path(), directory).map_err(|source| failed(directory, source))?;
    // It lies at its place now, and there is nothing left to remove.
    let _ = temporary.keep();
    File::open(parent).and_then(|parent| parent.sync_all()).map_err(|source| failed(parent, source))
}

fn write_entry(file: &Path, entry: &Entry) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(match entry.privacy {
            Privacy::Public => 0o644,
            Privacy::Secret => 0o600,
        });
    }
    let mut file = options.open(file)?;
    file.write_all(entry.text.as_bytes())?;
    file.sync_all()
}
