//! PostgreSQL's own programs as Debian ships them, run as somebody who is not root. For tests alone: what a server is made of
//! and what is asked of it is each test's business. It depends on nothing of ours, so that a small crate's tests stay small.

pub mod pair;

use anyhow::{Context as _, bail, ensure};
use std::{
    ffi::OsStr,
    fs,
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The account that Debian's package makes: PostgreSQL refuses to run as root.
pub const ACCOUNT: &str = "postgres";

/// Where Debian puts each version's programs.
const VERSIONS: &str = "/usr/lib/postgresql";
/// A test reads an answer, not a table.
const SAID_MAX: usize = 1 << 20;

/// One of PostgreSQL's programs, of the newest version there is.
///
/// # Errors
/// When it is not installed (`tests/run` installs it).
pub fn program(name: &str) -> anyhow::Result<Command> {
    let path = newest(name)?;
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", ACCOUNT, "--regid", ACCOUNT, "--init-groups", "--"]).arg(path);
        command
    } else {
        Command::new(path)
    };
    // Neither its working directory nor a caller's own settings are the server's business.
    command.current_dir("/").env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8");
    Ok(command)
}

/// Where one of PostgreSQL's programs is, of the newest version there is.
///
/// # Errors
/// When it is not installed (`tests/run` installs it).
pub fn newest(name: &str) -> anyhow::Result<PathBuf> {
    let versions = fs::read_dir(VERSIONS).with_context(|| format!("{VERSIONS}: run tests/run once"))?;
    let newest = versions
        .filter_map(|version| Some(version.ok()?.path().join("bin").join(name)))
        .filter(|path| path.exists())
        .max_by_key(|path| version(path));
    newest.with_context(|| format!("no {name} in {VERSIONS}: apt-get install postgresql"))
}

fn version(program: &Path) -> u32 {
    let folder = program.ancestors().nth(2).and_then(Path::file_name).and_then(OsStr::to_str);
    folder.and_then(|version| version.parse().ok()).unwrap_or_default()
}

/// Whether the tests run as root.
#[must_use]
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Makes a file PostgreSQL's own, where the tests run as root.
///
/// # Errors
/// When there is no such account.
pub fn give(path: &Path) -> anyhow::Result<()> {
    let number = |of| anyhow::Ok(run(Command::new("id").args([of, ACCOUNT]))?.parse()?);
    if is_root() {
        chown(path, Some(number("-u")?), Some(number("-g")?))?;
    }
    Ok(())
}

/// Runs a program to its end; what it printed, without the space around it.
///
/// # Errors
/// When it cannot run or fails, with what it says.
pub fn run(command: &mut Command) -> anyhow::Result<String> {
    // Files and not pipes: a server that stays holds what it was given, and a pipe would never end.
    let (out, err) = (tempfile::tempfile()?, tempfile::tempfile()?);
    let command = command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(err.try_clone()?);
    let status = command.status().with_context(|| format!("{command:?}"))?;
    if !status.success() {
        bail!("{command:?}: {status}: {}", whole(err)?);
    }
    let said = whole(out)?;
    ensure!(said.len() < SAID_MAX, "{command:?} said more than a test reads");
    Ok(said)
}

fn whole(mut file: fs::File) -> anyhow::Result<String> {
    use std::io::{Read as _, Seek as _};
    file.rewind()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}
