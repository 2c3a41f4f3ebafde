//! The mutations of the safety code follow the code: each still finds its place, and the table of what noticed them has
//! a row for each. That they are noticed is shown by `mutate`, `tests/nightly` runs it.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use quorate_simulation::mutation::{all, switched::switched};
use std::{collections::BTreeSet, fs, path::Path};

/// Fewer than these would leave safety code that nobody has tried to break.
const MUTATIONS_MIN: usize = 30;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Goal: no mutation is lost when the code changes. Method: each text to replace occurs once in its file, within a function
/// that can choose it while it runs, and what comes out is another text.
#[test]
fn every_mutation_finds_its_place() {
    let tried = all().into_iter().map(|mutation| {
        let text = fs::read_to_string(root().join(mutation.file)).unwrap();
        assert_ne!(mutation.applied(&text)?, text, "{} changes nothing", mutation.name);
        switched(&text, &[(1, mutation)])
    });
    let wrong: Vec<String> = tried.filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Goal: the table tells of every mutation, and of no other. Method: its first column against the list.
#[test]
fn the_table_has_a_row_for_each() {
    let table = fs::read_to_string(root().join("tests/simulation/MUTATIONS.md")).unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| ")).skip(1);
    let told: BTreeSet<&str> = rows.filter_map(|row| row.split('|').nth(1)).map(str::trim).collect();
    let names: BTreeSet<&str> = all().iter().map(|mutation| mutation.name).collect();
    assert_eq!(names.len(), all().len(), "two mutations have one name");
    assert!(names.len() >= MUTATIONS_MIN);
    assert_eq!(told, names);
}
