//! The handle of one voter: propose, read, serve, watch, stop.
//!
//! Each face has its file; this one holds what they share. Nothing here decides anything about the product:
//! commands and state are the machine's.

pub(crate) mod join;
pub(crate) mod membership;
mod outdated;
pub(crate) mod propose;
pub(crate) mod read;
pub(crate) mod rejoin;
mod serve;
pub(crate) mod silence;
pub(crate) mod standing;
pub(crate) mod start;
pub(crate) mod transfer;
mod watchdog;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use openraft::errors::Fatal;
use openraft_rt::{AsyncRuntime, Instant, WatchReceiver};

use self::rejoin::Settling;
use self::silence::Silence;
use crate::machine::Machine;
use crate::member::{ClusterDigest, History, NodeId, Seat};
use crate::network::Link;
use crate::store::error::StoreError;
use crate::store::{Store, lock};
use crate::timing::Timing;
use crate::type_config::{Metrics, Raft};

/// Pause before asking again for a leader. Right after an election a write is refused for some milliseconds,
/// and while there is no leader asking faster only costs power.
const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// One voter of the cluster. Cheap to clone; all clones are the same voter.
pub struct Consensus<M: Machine, R: AsyncRuntime>(Arc<Node<M, R>>);

struct Node<M: Machine, R: AsyncRuntime> {
    me: NodeId,
    /// The cluster's name, and whom the settings list: who is asked first, and who forms a new cluster.
    cluster: String,
    listed: BTreeMap<NodeId, Seat>,
    timing: Timing,
    raft: Raft<M, R>,
    store: Store<M, R>,
    link: Link<M, R>,
    history: Mutex<Option<History>>,
    /// When a leader was last heard here.
    heard: Mutex<Option<R::Instant>>,
    settling: Settling,
    /// Shared with the calls to other members, which hear their votes.
    silence: Arc<Silence<R>>,
    /// Why this build can take no part any more.
    outdated: OnceLock<StoreError>,
}

impl<M: Machine, R: AsyncRuntime> Clone for Consensus<M, R> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<M: Machine, R: AsyncRuntime> Consensus<M, R> {
    /// This voter's id.
    pub fn me(&self) -> NodeId {
        self.0.me
    }

    /// What it calls its history towards others: that of its settings until it belongs to one.
    pub fn cluster(&self) -> ClusterDigest {
        self.0.link.cluster()
    }

    /// The history that its data belong to; none until it has formed a cluster with others or found one.
    pub fn history(&self) -> Option<History> {
        lock(&self.0.history).clone()
    }

    /// The timing it runs with.
    pub fn timing(&self) -> Timing {
        self.0.timing
    }

    /// The state as of now. It is not necessarily the newest: see [`Consensus::barrier`].
    pub fn state(&self) -> Arc<M> {
        self.0.store.machine()
    }

    /// Waits until more than `seen` entries' worth of log is applied, and returns the applied index.
    ///
    /// Start with 0, then pass what the last call returned: no change is missed, and several may come as one.
    pub async fn changed(&self, seen: u64) -> u64 {
        let mut changes = self.0.store.changes();
        // The store that sends is held by this handle, so the channel cannot close.
        changes.wait_until_ge(&seen.saturating_add(1)).await.unwrap_or(seen)
    }

    /// Waits until the voter has stopped, and returns why: a shutdown, or a failure such as a full disk.
    ///
    /// After a failure the process should end: the voter takes no part until it is started again.
    pub async fn stopped(&self) -> Stopped {
        let mut metrics = self.0.raft.metrics();
        let stopped = match metrics.wait_until(|metrics| metrics.running_state.is_err()).await {
            Ok(metrics) => {
                let fatal = metrics.running_state.err();
                let by_store = matches!(fatal, Some(Fatal::StorageError(_)));
                Stopped { why: fatal.map_or_else(String::new, |fatal| fatal.to_string()), by_store }
            }
            Err(_) => Stopped { why: "the voter is gone".into(), by_store: false },
        };
        self.0.outdated.get().map_or(stopped, |later| Stopped { why: later.to_string(), by_store: false })
    }

    /// Stops the voter and lets go of the database, whatever clones of the handle remain.
    pub async fn shutdown(&self) -> Result<(), StoreError> {
        if let Err(error) = self.0.raft.shutdown().await {
            tracing::warn!(%error, "the voter's task ended badly");
        }
        self.0.store.close().await
    }

    /// The current figures. Cloned at once, because openraft stops while a guard is held.
    fn metrics(&self) -> Metrics<M, R> {
        let receiver = self.0.raft.metrics();

        receiver.borrow_watched().clone()
    }

    /// The longest a single attempt waits before another member is tried: an ordinary commit takes a round
    /// trip, and a leader that has not managed it in the time of a takeover probably leads no more.
    fn attempt_max(&self) -> Duration {
        self.0.timing.takeover_max()
    }
}

/// Why a voter no longer works.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the voter has stopped: {why}")]
pub struct Stopped {
    /// In words.
    pub why: String,
    /// Whether a read, write or sync of its store failed.
    pub by_store: bool,
}

/// A moment by which something must be done.
struct Deadline<R: AsyncRuntime>(R::Instant);

impl<R: AsyncRuntime> Deadline<R> {
    fn after(duration: Duration) -> Self {
        Self(R::Instant::now() + duration)
    }

    /// The time left, or none.
    fn left(&self) -> Option<Duration> {
        let left = self.0.saturating_duration_since(R::Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// Waits one pause, or what is left if that is less.
    async fn pause(&self) {
        R::sleep(RETRY_PAUSE.min(self.left().unwrap_or_default())).await;
    }
}
