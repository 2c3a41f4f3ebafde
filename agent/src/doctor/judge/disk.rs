//! Free space, and how long a synced write takes against the time that consensus gives it.

use super::spoken;
use crate::doctor::{
    facts::Disk,
    finding::{Area, Finding},
};
use std::time::Duration;

/// Below this the store may fail at its next growth, and an agent whose store has failed stops: a few snapshots of a large
/// cluster state, each of which is written whole beside the one before.
pub(super) const FREE_MIN: u64 = 64 << 20;
/// Below this somebody should look while there is time: the audit and the journals grow for ever, a day of a busy cluster is
/// some megabytes.
pub(super) const FREE_LOW: u64 = 1 << 30;
/// A heartbeat is also the deadline of an append, and an append is answered when it is on the disk. With a quarter of it
/// spent on the disk a round trip and a busy moment still fit.
pub(super) const WRITE_SHARE: u32 = 4;

pub(super) fn judge(
    disk: &Result<Disk, String>,
    heartbeat: Duration,
    election_min: Duration,
) -> Vec<Finding> {
    match disk {
        Err(why) => vec![
            Finding::skipped(Area::Disk, "free_space", "free space", why),
            Finding::skipped(Area::Disk, "synced_write", "synced write", why),
        ],
        Ok(disk) => vec![free(disk), write(disk, heartbeat, election_min)],
    }
}

fn free(disk: &Disk) -> Finding {
    let found = format!("{} MiB are free below the data directory", disk.free_bytes >> 20);
    let mend = "make room, or move data_dir (with the agent stopped) to a larger disk";
    let (area, check, subject) = (Area::Disk, "free_space", "free space");
    match disk.free_bytes {
        0..FREE_MIN => Finding::failed(area, check, subject, found, mend),
        FREE_MIN..FREE_LOW => Finding::warning(area, check, subject, found, mend),
        _ => Finding::ok(area, check, subject, found),
    }
}

fn write(disk: &Disk, heartbeat: Duration, election_min: Duration) -> Finding {
    let (area, check, subject) = (Area::Disk, "synced_write", "synced write");
    let found = format!(
        "median {}, worst {} of {}; a heartbeat is {}, the shortest election {}",
        spoken(disk.median),
        spoken(disk.worst),
        disk.writes,
        spoken(heartbeat),
        spoken(election_min)
    );
    let mend =
        "use a faster disk (local SSD, gp3), keep backups and other writers off it, or set `timing: wan`";
    if disk.median >= heartbeat {
        let found = format!("{found}: every append comes too late, so this agent confirms nothing");
        Finding::failed(area, check, subject, found, mend)
    } else if disk.median * WRITE_SHARE >= heartbeat {
        let found = format!("{found}: the disk takes more than 1/{WRITE_SHARE} of an append's deadline");
        Finding::warning(area, check, subject, found, mend)
    } else if disk.worst >= election_min {
        let found = format!("{found}: one stall like the worst, and a vote or an append is lost");
        Finding::warning(area, check, subject, found, mend)
    } else {
        Finding::ok(area, check, subject, found)
    }
}
