//! What ends a process from outside: signals, and the end of its parent. Listening begins before anything is started, so
//! that a signal never finds a half-started process unprepared.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Name of the environment variable that makes an agent stop when its standard input closes: a parent that dies, in
/// whatever way, then leaves no orphan.
pub const STOP_WITH_STDIN: &str = "QUORATE_STOP_WITH_STDIN";

/// Ears for SIGTERM, SIGINT and the end of input.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    input: Option<tokio::sync::oneshot::Receiver<()>>,
}

impl Signals {
    /// Begins to listen.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub fn listen() -> std::io::Result<Self> {
        let input = std::env::var_os(STOP_WITH_STDIN).map(|_| watch_input());
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            input,
        })
    }

    /// Waits for the next one, and names it.
    pub async fn next(&mut self) -> &'static str {
        let input = async {
            match self.input.as_mut() {
                Some(closed) => drop(closed.await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
            () = input => "end of input",
        }
    }
}

/// A thread of its own: reading waits for ever, and must not keep the runtime from stopping.
fn watch_input() -> tokio::sync::oneshot::Receiver<()> {
    use std::io::Read as _;
    let (closed, wait) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut byte = [0];
        while std::io::stdin().read(&mut byte).is_ok_and(|read| read > 0) {}
        // Nobody listens any more when the process is stopping already.
        let _ = closed.send(());
    });
    wait
}
