//! What is shipped for watching the agents: alerts, dashboards, their tests, and the documents that they point at, read as values.
//! It judges them by the files alone; it starts no agent and asks no Prometheus. Whole runs against real ones stand in `tests/tests/watching`.

pub mod dashboard;
pub mod declared;
pub mod expression;
pub mod lint;
pub mod rules;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A file of the checkout, by its path from the root.
#[must_use]
pub fn path(from_root: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(from_root)
}

/// Its text.
///
/// # Panics
/// When it is not there.
#[must_use]
pub fn text(from_root: &str) -> String {
    fs::read_to_string(path(from_root)).unwrap_or_else(|error| panic!("{from_root}: {error}"))
}

/// The files of a folder with an ending, sorted.
///
/// # Panics
/// When there is no such folder.
#[must_use]
pub fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(path(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let mut found: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    found.retain(|file| file.extension().is_some_and(|extension| extension == ending));
    found.sort();
    found
}
