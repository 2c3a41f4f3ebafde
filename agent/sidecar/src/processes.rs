//! The processes of one PostgreSQL server, as the kernel lists them: whatever runs a program named `postgres` in the data
//! directory. It kills nothing that is not such a process, and trusts no number that may be used again.
//!
//! Neither a process group nor parents would do: each backend makes itself a session of its own (`setsid`, so that the
//! postmaster can signal its children), and once the postmaster is gone its backends are somebody else's children. But every
//! process of a server stays in the data directory, and lets go of it after its sockets.

use rustix::{
    fd::OwnedFd,
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};
use std::{
    ffi::OsStr,
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

/// One of them, held so that a signal reaches this process or none.
#[derive(Debug)]
pub struct Process {
    /// Its number, for a log.
    pub id: i32,
    handle: OwnedFd,
}

impl Process {
    /// Holds a process that is this program's own child and not waited for, so that its number is its own.
    ///
    /// # Errors
    /// When the kernel has none.
    pub fn hold(id: u32) -> io::Result<Self> {
        let id = i32::try_from(id).map_err(io::Error::other)?;
        let pid = Pid::from_raw(id).ok_or_else(|| io::Error::other("no process has the number 0"))?;
        Ok(Self { id, handle: pidfd_open(pid, PidfdFlags::empty())? })
    }

    /// Sends a signal; one that has ended takes it as well as any other.
    pub fn signal(&self, signal: Signal) {
        if let Err(error) = pidfd_send_signal(&self.handle, signal)
            && error != rustix::io::Errno::SRCH
        {
            tracing::error!(process = self.id, %error, "a process takes no signal");
        }
    }
}

/// Every process of the server of this data directory.
///
/// # Errors
/// When the directory, or the kernel's list, cannot be read.
pub fn of(pgdata: &Path) -> io::Result<Vec<Process>> {
    let home = fs::metadata(pgdata)?;
    let home = (home.dev(), home.ino());
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Ok(entry) = entry else { continue };
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let process = entry.path();
        if !belongs(&process, home) {
            continue;
        }
        // It may have ended, and its number may be a stranger's: looked at again once it is held.
        if let Ok(held) = Process::hold(id)
            && belongs(&process, home)
        {
            found.push(held);
        }
    }
    Ok(found)
}

fn belongs(process: &Path, home: (u64, u64)) -> bool {
    // Somebody else's process cannot be looked into, and is none of the server's: they are all the same user's.
    let Ok(at) = fs::metadata(process.join("cwd")) else { return false };
    (at.dev(), at.ino()) == home
        && match fs::read_link(process.join("exe")) {
            Ok(program) => is_postgres(&program),
            // It is ending: its memory is gone, its files are going.
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
}

/// Also after an upgrade has replaced the file.
fn is_postgres(program: &Path) -> bool {
    let name = program.file_name().and_then(OsStr::to_str).unwrap_or_default();
    name.trim_end_matches(" (deleted)") == "postgres"
}

/// The postmaster's number, as the server's own file gives it.
#[must_use]
pub fn postmaster(pgdata: &Path) -> Option<i32> {
    fs::read_to_string(pgdata.join("postmaster.pid")).ok()?.lines().next()?.trim().parse().ok()
}

/// Where the programs of this directory's version are: Debian's place, or else what `pg_config` says.
///
/// # Errors
/// When neither has a `postgres`.
pub fn programs(pgdata: &Path) -> anyhow::Result<PathBuf> {
    use anyhow::Context as _;
    let file = pgdata.join("PG_VERSION");
    let version = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    let debian = Path::new("/usr/lib/postgresql").join(version.trim()).join("bin");
    if debian.join("postgres").exists() {
        return Ok(debian);
    }
    let said = std::process::Command::new("pg_config").arg("--bindir").output().context("pg_config")?;
    let place = PathBuf::from(String::from_utf8_lossy(&said.stdout).trim());
    anyhow::ensure!(place.join("postgres").exists(), "no PostgreSQL {}: give --bin-dir", version.trim());
    Ok(place)
}
