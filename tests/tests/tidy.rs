//! The house rules that a machine can check. A test that fails here says which file and which rule.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Files stay readable in one sitting.
const LINES_MAX: usize = 500;
/// The README is read by a newcomer, once.
const README_LINES_MAX: usize = 120;
/// Names that say nothing about what is inside.
const BANNED_NAMES: [&str; 6] = ["utils", "common", "types", "manager", "helpers", "misc"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn all() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    sources(&root(), &mut found);
    found.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

fn broken(rule: &str, files: impl Iterator<Item = PathBuf>) {
    let files: Vec<String> = files.map(|file| file.display().to_string()).collect();
    assert!(files.is_empty(), "{rule}:\n  {}", files.join("\n  "));
}

/// Goal: every file says what it is. Method: its first line is a `//!`.
#[test]
fn every_file_opens_with_its_purpose() {
    broken(
        "must open with `//!`",
        all().into_iter().filter(|(_, text)| !text.starts_with("//!")).map(|(path, _)| path),
    );
}

/// Goal: no file grows into a drawer for everything. Method: count lines.
#[test]
fn no_file_is_too_long() {
    let long = |text: &String| text.lines().count() > LINES_MAX;
    broken("longer than 500 lines", all().into_iter().filter(|(_, text)| long(text)).map(|(path, _)| path));
}

/// Goal: names say what is inside. Method: a list of names that do not.
#[test]
fn no_file_has_an_empty_name() {
    let empty =
        |path: &PathBuf| path.file_stem().is_some_and(|stem| BANNED_NAMES.iter().any(|name| stem == *name));
    broken("name says nothing", all().into_iter().map(|(path, _)| path).filter(empty));
}

/// Goal: nothing is left undone or switched off. Method: look for the words, put together here so that this file is
/// not found.
#[test]
fn nothing_is_stubbed_or_ignored() {
    let words =
        [["todo", "!("], ["unimplemented", "!("], ["#[igno", "re"], ["allow(dead", "_code)"], ["FIX", "ME"]];
    for word in words.map(|parts| parts.concat()) {
        let has = all().into_iter().filter(|(_, text)| text.contains(&word)).map(|(path, _)| path);
        broken(&word, has);
    }
}

/// Goal: the documents exist and the README is short. Method: read them.
#[test]
fn the_documents_are_there() {
    for name in
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"]
    {
        assert!(root().join(name).exists(), "{name} is missing");
    }
    let lines = fs::read_to_string(root().join("README.md")).unwrap().lines().count();
    assert!(lines <= README_LINES_MAX, "README.md has {lines} lines, at most {README_LINES_MAX} are wanted");
}

/// Goal: the pure crates stay pure. Method: their manifests name no crate that touches the world.
#[test]
fn pure_crates_depend_on_nothing_that_touches_the_world() {
    for manifest in
        ["policies/Cargo.toml", "agent/core/Cargo.toml", "agent/api/Cargo.toml", "agent/traces/Cargo.toml"]
    {
        let text = fs::read_to_string(root().join(manifest)).unwrap();
        let dependencies = text.split("[dev-dependencies]").next().unwrap();
        for banned in ["tokio", "hyper", "rand", "reqwest", "redb", "openraft"] {
            assert!(
                !dependencies.lines().any(|line| line.starts_with(banned)),
                "{manifest} depends on {banned}"
            );
        }
    }
}
