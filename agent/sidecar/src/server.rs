//! The server's process: started so that it cannot outlive this program, signalled, and certainly gone. It decides nothing.
//!
//! The kernel kills a child with its parent's *thread* (`PR_SET_PDEATHSIG`), so one thread starts every postmaster, waits
//! for it, and lives as long as this program. `setpriv` asks the kernel for that signal, which safe Rust cannot between fork
//! and exec; a program killed before `setpriv` is done would leave a server behind, so the server's start waits for a word
//! from this program, and ends when there is nobody to say it.

use crate::{
    core::{Mode, Stop},
    processes::{self, Process},
};
use anyhow::{Context as _, ensure};
use rustix::process::Signal;
use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::PathBuf,
    process::{Command, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::Duration,
};

/// Says that `setpriv` is done, waits for the word, and becomes the server.
const WAIT_FOR_THE_WORD: &str = "echo && read -r word && exec \"$0\" \"$@\" </dev/null >&2";
/// How often the kernel's list is read while processes are dying. Reading it takes about a millisecond.
const LOOK_AGAIN: Duration = Duration::from_millis(2);
/// A process that does not die of SIGKILL hangs in the kernel, on a disk that is gone; it is said once, after this long.
const DYING_MAX: Duration = Duration::from_secs(5);

/// How the server is started.
#[derive(Debug, Clone)]
pub struct Launch {
    /// Where PostgreSQL's programs are.
    pub programs: PathBuf,
    /// The data directory, absolute.
    pub pgdata: PathBuf,
    /// The configuration file, where it is not in the data directory (Debian).
    pub config_file: Option<PathBuf>,
    /// Its TCP port, and its socket's number.
    pub port: u16,
    /// Where its Unix socket is.
    pub socket_dir: PathBuf,
}

#[derive(Debug)]
enum State {
    Idle,
    Starting,
    Running(Process),
}

/// The one server, and the thread that keeps it.
#[derive(Debug, Clone)]
pub struct Server {
    launch: Arc<Launch>,
    state: Arc<Mutex<State>>,
    orders: mpsc::Sender<Mode>,
}

impl Server {
    /// A server that is not started. `exited` is called on the keeping thread with each postmaster's end.
    ///
    /// # Errors
    /// When there can be no thread.
    pub fn new(launch: Launch, exited: impl Fn(String) + Send + 'static) -> std::io::Result<Self> {
        let (orders, received) = mpsc::channel();
        let launch = Arc::new(launch);
        let state = Arc::new(Mutex::new(State::Idle));
        let kept = (Arc::clone(&launch), Arc::clone(&state));
        thread::Builder::new().name("postmaster".to_owned()).spawn(move || {
            for mode in received {
                let end = keep(&kept.0, &kept.1, mode).unwrap_or_else(|error| format!("{error:#}"));
                // Said before anybody can see that it is gone, so that it is never taken for the next one's end.
                exited(end);
                *lock(&kept.1) = State::Idle;
            }
        })?;
        Ok(Self { launch, state, orders })
    }

    /// Starts it. The end of the start, however it goes, is a call of `exited`.
    pub fn start(&self, mode: Mode) {
        *lock(&self.state) = State::Starting;
        // The thread ends with the last sender, so it takes this.
        let _ = self.orders.send(mode);
    }

    /// Tells the postmaster to end.
    pub fn signal(&self, stop: Stop) {
        if let State::Running(postmaster) = &*lock(&self.state) {
            postmaster.signal(match stop {
                Stop::Fast => Signal::INT,
                Stop::Immediate => Signal::QUIT,
                Stop::Kill => Signal::KILL,
            });
        }
    }

    /// Kills every process of the server; returns when none is left. It blocks.
    pub fn kill(&self) {
        let began = std::time::Instant::now();
        let mut said = false;
        loop {
            self.signal(Stop::Kill);
            let idle = matches!(&*lock(&self.state), State::Idle);
            match processes::of(&self.launch.pgdata) {
                // Only a postmaster makes new ones, and it was gone before the list was read.
                Ok(left) if left.is_empty() && idle => return,
                Ok(left) => left.iter().for_each(|process| process.signal(Signal::KILL)),
                Err(error) if !said => tracing::error!(%error, "the server's processes cannot be listed"),
                Err(_) => {}
            }
            if !said && began.elapsed() > DYING_MAX {
                said = true;
                tracing::error!(
                    "a process of the server does not die; the lease is not released before it has"
                );
            }
            thread::sleep(LOOK_AGAIN);
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // A process held is a process held, whoever panicked.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn keep(launch: &Launch, state: &Mutex<State>, mode: Mode) -> anyhow::Result<String> {
    let signal = launch.pgdata.join("standby.signal");
    ensure!(
        signal.exists() == (mode == Mode::Standby),
        "{} has come or gone since it was looked at",
        signal.display()
    );
    let mut child = command(launch).spawn().context("setpriv")?;
    // The child is not waited for yet, so the number is its own.
    *lock(state) = State::Running(Process::hold(child.id())?);
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let mut ready = String::new();
    BufReader::new(stdout.context("no output")?).read_line(&mut ready)?;
    // When the child has ended instead, its status says more than a broken pipe.
    let _ = stdin.context("no input")?.write_all(b"go\n");
    Ok(child.wait()?.to_string())
}

fn command(launch: &Launch) -> Command {
    let mut command = Command::new("setpriv");
    // What this program may do to the kernel's packet filter is not the server's business.
    command.args(["--pdeathsig", "QUIT", "--ambient-caps=-all", "--inh-caps=-all", "--"]);
    command.args(["sh", "-c", WAIT_FOR_THE_WORD]).arg(launch.programs.join("postgres"));
    command
        .arg("-D")
        .arg(&launch.pgdata)
        .args(["-p", &launch.port.to_string(), "-k"])
        .arg(&launch.socket_dir);
    if let Some(file) = &launch.config_file {
        command.arg("-c").arg(format!("config_file={}", file.display()));
    }
    command.current_dir(&launch.pgdata).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    // A signal to this program's group (Ctrl-C) is this program's to answer.
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command
}
