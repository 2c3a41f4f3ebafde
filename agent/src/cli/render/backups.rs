//! `quorate backups`: what an agent sees of a service's backups.

use crate::cli::screen::{Screen, cell, duration, word};
use comfy_table::Cell;
use quorate_api::{BackupView, Backups, backup::TestRestore};

/// `quorate backups`.
#[must_use]
pub fn backups(screen: Screen, backups: &Backups) -> String {
    if backups.backups.is_empty() {
        return format!("The policy of {} has no backups.", backups.service);
    }
    let row = |backup: &BackupView| -> [Cell; 6] {
        [
            cell(&backup.backup),
            word(&backup.state),
            cell(backup.age_ms.map_or_else(|| "-".to_owned(), duration)),
            cell(duration(backup.fresh_within_ms)),
            cell(backup.size_bytes.map_or_else(|| "-".to_owned(), bytes)),
            cell(seen(backup)),
        ]
    };
    let table =
        screen.table(["BACKUP", "STATE", "AGE", "WITHIN", "SIZE", "SEEN"], backups.backups.iter().map(row));
    format!("{table}\nAs agent {} sees them.", backups.agent)
}

fn seen(backup: &BackupView) -> String {
    let mut lines = vec![backup.newest.clone().unwrap_or_else(|| backup.place.clone())];
    if backup.state != "fresh" {
        lines.push(backup.detail.clone());
    }
    lines.extend(backup.notes.iter().cloned());
    lines.extend(backup.test_restore.iter().map(test_restore));
    lines.extend(backup.looked_ms_ago.map(|ago| format!("looked at {} ago", duration(ago))));
    lines.join("\n")
}

/// What is fresh is not yet known to be restorable.
fn test_restore(test: &TestRestore) -> String {
    let due = if test.due { ", and the next is due" } else { "" };
    let latest = match test.succeeded {
        None => "never restored for a test".to_owned(),
        Some(true) => "restored for a test".to_owned(),
        Some(false) => format!("the latest test restore FAILED: {}", test.outcome),
    };
    let good = test.good_ms_ago.map_or_else(String::new, |ago| format!(", last good {} ago", duration(ago)));
    format!("{latest}{good}{due}")
}

/// A size for people: no more digits than somebody would say.
fn bytes(bytes: u64) -> String {
    let mut size = bytes;
    let mut rest = 0;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if size < 1_024 {
            return if unit == "B" {
                format!("{size} B")
            } else {
                format!("{size}.{} {unit}", rest * 10 / 1_024)
            };
        }
        (size, rest) = (size / 1_024, size % 1_024);
    }
    format!("{size}.{} TiB", rest * 10 / 1_024)
}
