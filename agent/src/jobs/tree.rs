//! Everything that a runner's program has started and that still runs, as the kernel lists it. The runner is the reaper of
//! its descendants: whoever loses its parents becomes its child, also one that left its group and its session. So nobody
//! escapes, and nobody else is ever signalled.

use quorate_sidecar::processes::Process;
use rustix::process::Signal;
use std::{collections::BTreeSet, fs};

/// The descendants of this process that still run. One that has ended and is not waited for yet does not.
#[must_use]
pub(super) fn living() -> BTreeSet<u32> {
    let all: Vec<Seen> =
        fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|e| seen(&e)).collect();
    let mut family = BTreeSet::from([std::process::id()]);
    // The list is in no order, so it is gone through until a round finds nobody.
    loop {
        let found: Vec<u32> = all
            .iter()
            .filter(|one| family.contains(&one.parent) && !family.contains(&one.id))
            .map(|one| one.id)
            .collect();
        if found.is_empty() {
            break;
        }
        family.extend(found);
    }
    all.iter()
        .filter(|one| one.runs && one.id != std::process::id() && family.contains(&one.id))
        .map(|one| one.id)
        .collect()
}

/// Sends all of them a signal.
pub(super) fn signal(signal: Signal) {
    let held: Vec<(u32, Process)> =
        living().into_iter().filter_map(|id| Some((id, Process::hold(id).ok()?))).collect();
    // One may have ended between the list and the grip, and its number may be a stranger's.
    let still = living();
    held.iter().filter(|(id, _)| still.contains(id)).for_each(|(_, process)| process.signal(signal));
}

struct Seen {
    id: u32,
    parent: u32,
    runs: bool,
}

fn seen(entry: &fs::DirEntry) -> Option<Seen> {
    let id = entry.file_name().to_str()?.parse().ok()?;
    let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
    // The program's name stands in parentheses and may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?;
    Some(Seen { id, parent: fields.next()?.parse().ok()?, runs: !matches!(state, "Z" | "X") })
}
