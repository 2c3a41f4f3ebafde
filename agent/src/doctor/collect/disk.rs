//! Free space, and small synced writes in a temporary file of the data directory, which has no name and is gone when it is
//! closed, however this process ends.

use crate::doctor::facts::Disk;
use std::{
    fs::File,
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// So many writes show the middle and a stall, and a slow disk is not held up for long.
const WRITES: usize = 40;
/// The size of a page, which is the least that the store writes.
const WRITE_BYTES: usize = 4 * 1_024;
/// After this the writes end where they are: a disk that takes a tenth of a second for each has been seen through.
const WRITES_MAX: Duration = Duration::from_secs(4);
/// A disk that takes longer hangs.
const LOOK_MAX: Duration = Duration::from_secs(10);

/// Looks at the disk below the data directory, or below the nearest directory above it that is there.
pub(super) async fn look(data: PathBuf) -> Result<Disk, String> {
    // On a thread of its own: a disk that hangs must not hold the others up.
    let looked = tokio::task::spawn_blocking(move || {
        measure(&data).map_err(|error| format!("{}: {error}", data.display()))
    });
    match tokio::time::timeout(LOOK_MAX, looked).await {
        Ok(Ok(disk)) => disk,
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("a synced write did not end within {} s", LOOK_MAX.as_secs())),
    }
}

fn measure(data: &Path) -> io::Result<Disk> {
    let place = data.ancestors().find(|place| place.is_dir()).unwrap_or(Path::new("."));
    let space = rustix::fs::statvfs(place)?;
    let mut file = tempfile::tempfile_in(place)?;
    let page = [0x51; WRITE_BYTES];
    let began = Instant::now();
    let mut took = Vec::with_capacity(WRITES);
    while took.len() < WRITES && began.elapsed() < WRITES_MAX {
        took.push(write(&mut file, &page)?);
    }
    took.sort_unstable();
    let (median, worst) = (took[took.len() / 2], took[took.len() - 1]);
    Ok(Disk { free_bytes: space.f_bavail.saturating_mul(space.f_frsize), writes: took.len(), median, worst })
}

fn write(file: &mut File, page: &[u8]) -> io::Result<Duration> {
    let began = Instant::now();
    file.write_all(page)?;
    file.sync_data()?;
    Ok(began.elapsed())
}
