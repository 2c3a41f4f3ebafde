//! What is in the data directory of a server that does not run, and the mark of a rejoining that was not finished. Reads,
//! and writes only that mark; it decides nothing.

use crate::{core::Directory, program};
use anyhow::Context as _;
use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

/// `pg_controldata` reads one file.
const READ_MAX: Duration = Duration::from_secs(10);

/// The directory, and what only a rejoining needs to know.
#[derive(Debug)]
pub struct Seen {
    /// What the guard decides by.
    pub directory: Directory,
    /// Which cluster it is; a standby has its primary's.
    pub system_identifier: String,
}

/// Beside the directory, because `pg_rewind` removes from it what the other server does not have.
#[must_use]
pub fn mark(pgdata: &Path) -> PathBuf {
    let mut name = pgdata.as_os_str().to_owned();
    name.push(".quorate-rejoin");
    PathBuf::from(name)
}

/// Looks.
///
/// # Errors
/// When it cannot be read, or was left half rewound: with what a human should do.
pub async fn look(programs: &Path, pgdata: &Path) -> anyhow::Result<Seen> {
    let mark = mark(pgdata);
    if let Ok(what) = fs::read_to_string(&mark) {
        anyhow::bail!("{what}");
    }
    let mut command = program::command(programs.join("pg_controldata"));
    let text = program::run(command.arg("-D").arg(pgdata), READ_MAX).await?;
    let directory = read(&text, pgdata.join("standby.signal").exists())
        .with_context(|| format!("pg_controldata {} does not say all that is needed", pgdata.display()))?;
    let system_identifier = field(&text, "Database system identifier").unwrap_or_default().to_owned();
    Ok(Seen { directory, system_identifier })
}

fn read(text: &str, standby_signal: bool) -> Option<Directory> {
    let checksums = field(text, "Data page checksum version")? != "0";
    Some(Directory {
        standby_signal,
        timeline: field(text, "Latest checkpoint's TimeLineID")?.parse().ok()?,
        state: field(text, "Database cluster state")?.to_owned(),
        can_rewind: checksums || field(text, "wal_log_hints setting")? == "on",
    })
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// Writes a file so that it is there after a power cut.
///
/// # Errors
/// When it cannot.
pub fn write_durably(path: &Path, text: &str, append: bool) -> io::Result<()> {
    use std::io::Write as _;
    let mut file =
        fs::OpenOptions::new().create(true).append(append).write(true).truncate(!append).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the control file is understood, and not guessed. Method: what PostgreSQL 15 prints, and less of it.
    #[test]
    fn the_control_file_is_read() {
        let text = "Database system identifier:           7400\nDatabase cluster state:               in production\n\
                    Latest checkpoint's TimeLineID:       3\nLatest checkpoint's PrevTimeLineID:   2\n\
                    wal_log_hints setting:                on\nData page checksum version:           0\n";
        let seen = read(text, false).unwrap();
        assert_eq!((seen.timeline, seen.state.as_str(), seen.can_rewind), (3, "in production", true));
        assert!(
            !read(&text.replace("setting:                on", "setting: off"), false).unwrap().can_rewind
        );
        assert_eq!(read(&text.replace("cluster state", "x"), false), None);
    }
}
