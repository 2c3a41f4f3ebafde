//! The matrix itself: all cells, a few at a time, and what `deploy/AWS.md` says of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::{StreamExt, stream};

use crate::cell::{self, Hit, Ran};
use crate::fault::Fault;
use crate::subject::{self, Subject};
use crate::table;
use crate::world::Kind;

/// Cells that run at once on the sandbox. They mostly wait.
const AT_ONCE_SANDBOX: usize = 24;
/// And on strict moto, which is one process that computes one reply at a time.
const AT_ONCE_MOTO: usize = 24;
/// Runs only the cells whose name holds this text, and leaves the document alone.
const ONLY: &str = "QUORATE_MATRIX_ONLY";

/// What identifies a cell: the action by its place in the list, what is hit, and how.
pub(crate) type Key = (usize, Hit, Fault);

fn keys(subjects: &[Subject]) -> Vec<Key> {
    let hits = [
        (Hit::Changes, Fault::OF_CALLS.as_slice()),
        (Hit::Reads, Fault::OF_READS.as_slice()),
        (Hit::Region, Fault::OF_REGIONS.as_slice()),
    ];
    let of = |index| {
        hits.iter().flat_map(move |(hit, faults)| faults.iter().map(move |fault| (index, *hit, *fault)))
    };
    (0..subjects.len()).flat_map(of).collect()
}

async fn run_all(kind: Kind, subjects: &Arc<Vec<Subject>>, keys: &[Key]) -> BTreeMap<Key, Ran> {
    let at_once = match kind {
        Kind::Sandbox => AT_ONCE_SANDBOX,
        Kind::Moto => AT_ONCE_MOTO,
    };
    let cells = keys.iter().map(|&(index, hit, fault)| {
        let subjects = Arc::clone(subjects);
        async move {
            let run = tokio::spawn(async move { cell::run(&subjects[index], hit, fault, kind).await });
            ((index, hit, fault), run.await.unwrap())
        }
    });
    stream::iter(cells).buffer_unordered(at_once).collect().await
}

/// Goal: every action comes through every fault with the right world, each effect once, in bounded time and with an
/// honest outcome, on both emulators; it calls nothing that its policy does not allow; and `deploy/AWS.md` says what
/// was seen. Method: run every cell, compare the worlds, the proxy's ledger and the document.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_action_through_every_fault() {
    let subjects = Arc::new(subject::all());
    let mut keys = keys(&subjects);
    let only = std::env::var(ONLY).ok();
    if let Some(only) = &only {
        keys.retain(|(index, hit, fault)| {
            format!("{} {hit:?} {fault}", subjects[*index].name).contains(only)
        });
    }
    let (sandbox, moto) =
        tokio::join!(run_all(Kind::Sandbox, &subjects, &keys), run_all(Kind::Moto, &subjects, &keys));
    let mut wrong = Vec::new();
    for (kind, ran) in [(Kind::Sandbox, &sandbox), (Kind::Moto, &moto)] {
        for ((index, hit, fault), cell) in ran {
            let name = format!("{}, {hit:?}, {fault}, {kind}", subjects[*index].name);
            wrong.extend(cell.wrong.iter().map(|what| format!("{name}: {what}")));
        }
    }
    assert!(wrong.is_empty(), "{} things are wrong:\n{}", wrong.len(), wrong.join("\n"));
    let table = table::render(&subjects, &sandbox, &moto);
    println!("{table}");
    if only.is_none() {
        table::hold(&table);
    }
}
