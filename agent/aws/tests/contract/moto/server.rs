//! Strict moto as a child process, started by `tests/emulators/start` once for all stories of this process; it ends
//! with the process, because its standard input does. `cargo nextest` gives each story a process of its own: then the
//! stories of one run share a server, which ends when nobody asks it any more. Nothing here knows any story.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// Where the emulators' launcher is, from this crate.
const START: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/emulators/start");
/// Where its environments are, and what several processes tell each other.
const HOME: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/emulators");
/// How long a shared server waits for the next story. Stories of the sandbox may come between two of moto.
const IDLE_S: &str = "60";
/// Set by `cargo nextest`, the same for all stories of one run.
const RUN: &str = "NEXTEST_RUN_ID";

static URL: OnceLock<String> = OnceLock::new();

/// The server's base URL. It is started if it is not running, and its states then last as `timing` says: the options of
/// the launcher, the same at each call of a process.
pub(crate) fn url(timing: &[&str]) -> &'static str {
    URL.get_or_init(|| match std::env::var(RUN) {
        Ok(run) => shared(&run, timing),
        Err(_) => {
            let mut command = Command::new(START);
            command.args(["--installed", "0"]).args(timing).stdin(Stdio::piped());
            let (url, child) = started(&mut command);
            // Dropped, it would close the server's standard input and so end it.
            std::mem::forget(child);
            url
        }
    })
}

fn started(command: &mut Command) -> (String, Child) {
    let mut child =
        command.stdout(Stdio::piped()).spawn().unwrap_or_else(|error| panic!("cannot run {START}: {error}"));
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let Some(url) = line.trim().strip_prefix("ready ") else {
        panic!(
            "moto did not start; is it installed? Run tests/run once. Its own words: above, or {HOME}/moto.log"
        );
    };
    (url.to_owned(), child)
}

/// The run's server for this timing: the first process that asks starts it and writes down where it is.
fn shared(run: &str, timing: &[&str]) -> String {
    std::fs::create_dir_all(HOME).unwrap();
    let known = Path::new(HOME).join(format!("run-{run}{}", timing.concat()));
    let mut note =
        OpenOptions::new().create(true).read(true).write(true).truncate(false).open(&known).unwrap();
    note.lock().unwrap();
    let mut url = String::new();
    note.read_to_string(&mut url).unwrap();
    // It may have ended meanwhile; its port is nobody else's so soon.
    if url.strip_prefix("http://").is_some_and(|address| TcpStream::connect(address).is_ok()) {
        return url;
    }
    let log = File::create(Path::new(HOME).join("moto.log")).unwrap();
    let mut command = Command::new(START);
    command
        .args(["--installed", "0", "--idle-s", IDLE_S])
        .args(timing)
        .stdin(Stdio::null())
        .stderr(log)
        .process_group(0);
    let (url, _) = started(&mut command);
    note.set_len(0).unwrap();
    note.rewind().unwrap();
    note.write_all(url.as_bytes()).unwrap();
    url
}
