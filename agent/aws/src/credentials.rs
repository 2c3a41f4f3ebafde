//! Credentials that outlast their source. A task asks the source at half of their remaining life and keeps the last
//! good ones until they really expire; a call takes what is there, and waits a named time at most if nothing is. The
//! SDK's own cache wants new ones 10 s before the end and does not fall back, so it is not used. This file only waits,
//! asks and logs; `keep` decides, and no secret reaches a text (`failure`).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, SharedCredentialsProvider, future};
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

use self::keep::{Keep, News};

pub use self::keep::CredentialsState;
pub(crate) use self::role::{Role, Session};

mod failure;
mod keep;
mod role;

/// Longer than an operation's own limit (8 s), so that STS with its retries ends by itself; a hung task-role endpoint
/// would take 18 s and is given up.
const FETCH_MAX: Duration = Duration::from_secs(10);

/// The wall clock: expiry is written in it.
pub(crate) type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// A source's credentials, kept. Clones share them; the last one ends the task.
#[derive(Clone)]
pub(crate) struct Kept {
    keeper: Arc<Keeper>,
}

struct Keeper {
    desk: Arc<Desk>,
    task: AbortHandle,
}

/// What the task and the calls share.
struct Desk {
    /// Whose credentials, for the log.
    name: String,
    keep: Mutex<Keep>,
    /// Counts the ends of fetches.
    fetches: watch::Sender<u64>,
    /// A call found that a fetch is due.
    hurry: Notify,
    /// How long a call waits for credentials at most.
    wait_max: Duration,
    clock: Clock,
}

impl Kept {
    /// Begins to keep the source's credentials: asks it at once, in the background. Needs a runtime.
    pub(crate) fn new(
        name: impl Into<String>,
        source: SharedCredentialsProvider,
        wait_max: Duration,
        clock: Clock,
    ) -> Self {
        let desk = Arc::new(Desk {
            name: name.into(),
            keep: Mutex::default(),
            fetches: watch::Sender::default(),
            hurry: Notify::new(),
            wait_max,
            clock,
        });
        let task = tokio::spawn(refresh(Arc::clone(&desk), source)).abort_handle();
        Kept { keeper: Arc::new(Keeper { desk, task }) }
    }

    /// What there is to know about them, without a secret.
    pub(crate) fn state(&self) -> CredentialsState {
        let desk = &self.keeper.desk;
        desk.with(|keep, now| keep.state(now))
    }

    /// Asks the source again soon, though the present ones still live.
    pub(crate) fn renew(&self) {
        self.keeper.desk.with(|keep, _| keep.renew());
        self.keeper.desk.hurry.notify_one();
    }

    async fn credentials(&self) -> provider::Result {
        let desk = &self.keeper.desk;
        let mut fetches = desk.fetches.subscribe();
        let (usable, due) = desk.with(|keep, now| (keep.usable(now).cloned(), keep.is_due(now)));
        if due {
            desk.hurry.notify_one();
        }
        if let Some(credentials) = usable {
            return Ok(credentials);
        }
        // Nothing is usable and the source has just been asked in vain: asking it for every call would not help.
        if due && tokio::time::timeout(desk.wait_max, fetches.changed()).await.is_err() {
            return Err(CredentialsError::provider_timed_out(desk.wait_max));
        }
        let found = desk.with(|keep, now| keep.usable(now).cloned().ok_or_else(|| keep.why_none()));
        found.map_err(CredentialsError::provider_error)
    }
}

impl Desk {
    fn with<T>(&self, look: impl FnOnce(&mut Keep, SystemTime) -> T) -> T {
        let now = (self.clock)();
        look(&mut self.keep.lock().unwrap_or_else(PoisonError::into_inner), now)
    }

    fn note(&self, fetched: Result<Credentials, String>) {
        let name = &self.name;
        match self.with(|keep, now| keep.note(now, fetched)) {
            News::None => {}
            News::Failing { why, left: Some(left) } => {
                tracing::warn!(
                    credentials = name,
                    why,
                    expire_in_s = left.as_secs(),
                    "their source fails; kept"
                );
            }
            News::Failing { why, left: None } => {
                tracing::warn!(credentials = name, why, "their source fails and there are none");
            }
            News::Recovered => tracing::info!(credentials = name, "their source answers again"),
        }
    }
}

/// Asks the source whenever it is due, for as long as somebody holds the credentials.
async fn refresh(desk: Arc<Desk>, source: SharedCredentialsProvider) {
    loop {
        let pause = desk.with(|keep, now| keep.pause(now));
        if !pause.is_zero() {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                // What is due is looked up anew: a call may have asked for what another one got.
                () = desk.hurry.notified() => {}
            }
        }
        if !desk.with(|keep, now| keep.is_due(now)) {
            continue;
        }
        let fetched = match tokio::time::timeout(FETCH_MAX, source.provide_credentials()).await {
            Ok(fetched) => fetched.map_err(|error| failure::why(&error)),
            Err(_) => Err(format!("no answer within {} s", FETCH_MAX.as_secs())),
        };
        desk.note(fetched);
        desk.fetches.send_modify(|count| *count += 1);
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ProvideCredentials for Kept {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Kept").field("name", &self.keeper.desk.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
