//! The mutations of the safety code follow the code: each still finds its place, and the table of what noticed them has
//! a row for each. That they are noticed is shown by `mutate`, which takes an hour; `tests/nightly` runs it.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use quorate_simulation::mutation::all;
use std::{collections::BTreeSet, fs, path::Path};

/// Fewer than these would leave safety code that nobody has tried to break.
const MUTATIONS_MIN: usize = 30;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Goal: no mutation is lost when the code changes. Method: each text to replace occurs once in its file, and what
/// comes out is another text.
#[test]
fn every_mutation_finds_its_place() {
    for mutation in all() {
        let text = fs::read_to_string(root().join(mutation.file)).unwrap();
        let mutated = mutation.applied(&text).unwrap_or_else(|why| panic!("{why}"));
        assert_ne!(mutated, text, "{} changes nothing", mutation.name);
    }
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
