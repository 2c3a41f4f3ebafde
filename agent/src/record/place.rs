//! Where a file is put: beside its place first, and only when it is whole under its name. So nobody ever reads half a
//! record, and nothing that stands is replaced unless that was asked for.

use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// Why a file was not put in its place.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// Something stands there.
    #[error("{} exists; add --force to replace it, or choose another name", .file.display())]
    Exists {
        /// Where.
        file: PathBuf,
    },
    /// It could not be written.
    #[error("cannot write {}: {source}; nothing was left there", .file.display())]
    Write {
        /// Where.
        file: PathBuf,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Lets `write` fill a new file beside `file`, and puts it in its place once it is whole and on disk.
///
/// # Errors
/// When something stands there and `force` is not given, or it cannot be written; nothing is left behind then.
pub fn put<E>(file: &Path, force: bool, write: impl FnOnce(&Path) -> Result<(), E>) -> Result<(), PlaceError>
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if !force && file.symlink_metadata().is_ok() {
        return Err(PlaceError::Exists { file: file.to_owned() });
    }
    let beside = beside(file);
    let done =
        write(&beside).map_err(Into::into).and_then(|()| settle(&beside, file, force).map_err(Into::into));
    done.map_err(|source| {
        let _ = fs::remove_file(&beside);
        // Somebody was quicker: that is no failure to write.
        if !force && file.symlink_metadata().is_ok() {
            return PlaceError::Exists { file: file.to_owned() };
        }
        PlaceError::Write { file: file.to_owned(), source }
    })
}

/// On disk first, then under its name. Without `force` the name is taken only if it is still free.
fn settle(beside: &Path, file: &Path, force: bool) -> io::Result<()> {
    File::open(beside)?.sync_all()?;
    if force {
        return fs::rename(beside, file);
    }
    match fs::hard_link(beside, file) {
        Ok(()) => fs::remove_file(beside),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        // A file system without links: the name was free a moment ago.
        Err(_) => fs::rename(beside, file),
    }
}

/// A name that no other run of ours has.
fn beside(file: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(file.file_name().unwrap_or_default());
    name.push(format!(".{}.part", std::process::id()));
    file.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).collect()
    }

    /// Goal: a file is there whole, or not at all, and what stands is kept unless asked. Method: one that is written, one
    /// whose writing fails half-way, and one that stands already, without and with force.
    #[test]
    fn whole_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("audit.jsonl");
        let broken = put(&file, false, |path| {
            fs::write(path, "half")?;
            Err(io::Error::other("the disk is full"))
        });
        assert!(broken.unwrap_err().to_string().contains("the disk is full"));
        assert!(names(directory.path()).is_empty(), "{:?}", names(directory.path()));

        put(&file, false, |path| fs::write(path, "one")).unwrap();
        let again = put(&file, false, |path| fs::write(path, "two")).unwrap_err();
        assert!(again.to_string().contains("--force"), "{again}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "one");
        put(&file, true, |path| fs::write(path, "two")).unwrap();
        assert_eq!((fs::read_to_string(&file).unwrap().as_str(), names(directory.path()).len()), ("two", 1));
    }
}
