//! What a node is started with, and the limits that openraft is configured with.
//!
//! Every number that bounds the log, a message or a snapshot stands here with its reason.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use openraft::{Config, SnapshotPolicy};

use crate::member::{Member, NodeId, Seat};
use crate::timing::Timing;

/// Largest encoded request a peer server should accept, in bytes. A snapshot travels in one request: the
/// machine's state is expected in the single megabytes, so this is a guard against garbage, not a target.
pub const REQUEST_BYTES_MAX: usize = 64 << 20;

/// How long the log may grow, and how much travels at once. The defaults are meant for everyone; the simulator
/// uses smaller ones, so that snapshots and purges happen within minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Entries after which a snapshot is taken. A restart replays at most about this many.
    pub snapshot_after_entries: u64,
    /// Entries kept behind a snapshot, so that a member that was away for a moment needs only entries.
    pub entries_kept_max: u64,
    /// Entries behind which a member is sent a snapshot. It must exceed `snapshot_after_entries`, or the
    /// snapshot could not close the gap.
    pub lag_entries_max: u64,
    /// Entries in one append.
    pub append_entries_max: u64,
    /// Deadline of one snapshot transfer with its durable installation.
    pub snapshot_deadline: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // Replayed in milliseconds, and rare enough that a snapshot of a few megabytes is not felt.
            snapshot_after_entries: 1000,
            entries_kept_max: 500,
            lag_entries_max: 2000,
            // Commands are kilobytes at most: an append stays below a megabyte, and its reply within a heartbeat.
            append_entries_max: 100,
            // A few megabytes across an ocean.
            snapshot_deadline: Duration::from_secs(10),
        }
    }
}

/// What a node is started with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The cluster's name; agents of another cluster are refused.
    pub cluster: String,
    /// This node, one of `members`. See [`node_id`](crate::node_id).
    pub me: NodeId,
    /// The feature level that this build understands. What needs a higher one is neither stored nor acknowledged: the
    /// voter stops instead.
    pub feature_level: u32,
    /// All voters, this one included.
    pub members: BTreeMap<NodeId, Member>,
    /// Heartbeats and elections.
    pub timing: Timing,
    /// Bounds of the log and of messages.
    pub limits: Limits,
}

impl Settings {
    pub(crate) fn seats(&self) -> BTreeMap<NodeId, Seat> {
        self.members.iter().map(|(&id, member)| (id, member.into())).collect()
    }

    pub(crate) fn raft_config(&self) -> Result<Arc<Config>, openraft::ConfigError> {
        let Timing { heartbeat, election_min, election_max } = self.timing;
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let config = Config {
            cluster_name: self.cluster.clone(),
            heartbeat_interval: ms(heartbeat),
            election_timeout_min: ms(election_min),
            election_timeout_max: ms(election_max),
            // A node that was cut off must not depose a healthy leader when it returns.
            enable_pre_vote: Some(true),
            // A restarted leader must win a new term: the state it applied before is not flushed on every
            // apply, and a term must not outlive the process that leads it, for leases are granted by term.
            enable_leader_restore: Some(false),
            // A member may come back with an empty disk. It gives no vote until it has caught up (see
            // `consensus::rejoin`), so the leader may simply start it anew.
            allow_log_reversion: Some(true),
            snapshot_policy: SnapshotPolicy::LogsSinceLast(self.limits.snapshot_after_entries),
            max_in_snapshot_log_to_keep: self.limits.entries_kept_max,
            replication_lag_threshold: self.limits.lag_entries_max,
            max_payload_entries: self.limits.append_entries_max,
            install_snapshot_timeout: ms(self.limits.snapshot_deadline),
            // An unreachable member is asked again at the pace of heartbeats, and at least once in the time
            // after which it would start an election.
            backoff: format!("{}ms {}ms ...{}ms", ms(heartbeat), 2 * ms(heartbeat), ms(election_max)),
            ..Config::default()
        };
        config.validate().map(Arc::new)
    }
}
