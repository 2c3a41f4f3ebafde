//! Whether the log is one log: what was committed never changes, and replicas that have applied as much are equal.
//! It reads the leaders' messages on the wire and the replicas' states; it asks nobody.

use super::network::Network;
use futures_util::FutureExt as _;
use openraft::raft::AppendEntriesRequest;
use openraft_rt_sim::SimRuntime;
use quorate_consensus::{NodeId, Types};
use quorate_core::Cluster;
use sha2::{Digest as _, Sha256};
use std::{collections::BTreeMap, sync::Arc};

/// An entry as the wire showed it: its term and the digest of all of it.
type Entry = (u64, [u8; 32]);

/// What the wire and the replicas have shown.
#[derive(Default)]
pub(super) struct Replicas {
    /// By leader (its vote), then by index: what it sent and has not said to be committed.
    sent: BTreeMap<(u64, NodeId), BTreeMap<u64, Entry>>,
    committed: BTreeMap<u64, Entry>,
    /// The state after each index, as the first replica that got there showed it.
    states: BTreeMap<u64, Arc<Cluster>>,
    /// What each replica showed last, so that a state is compared once.
    last: BTreeMap<String, (u64, Arc<Cluster>)>,
    violations: Vec<String>,
}

impl Replicas {
    /// A leader sends entries and says how far the log is committed.
    pub(super) fn appended(&mut self, append: &AppendEntriesRequest<Types<Cluster, SimRuntime>>) {
        let leader = append.vote.leader_id();
        let sent = self.sent.entry((leader.term, leader.voted_for)).or_default();
        for entry in &append.entries {
            let digest = Sha256::digest(serde_json::to_vec(entry).unwrap()).into();
            sent.insert(entry.log_id.index, (entry.log_id.committed_leader_id().term, digest));
        }
        let Some(commit) = append.leader_commit.as_ref().map(|id| id.index) else { return };
        let open = sent.split_off(&commit.saturating_add(1));
        let done = std::mem::replace(sent, open);
        for (index, entry) in done {
            let first = *self.committed.entry(index).or_insert(entry);
            if first != entry {
                self.violations.push(format!(
                    "log: committed entry {index} changed: term {} became term {} (by {})",
                    first.0, entry.0, append.vote
                ));
            }
        }
    }

    /// Compares a replica with those that were as far before it. Whether this one is the first there.
    pub(super) fn applied(&mut self, who: &str, index: u64, state: &Arc<Cluster>) -> bool {
        match self.last.get_mut(who) {
            Some((seen, known)) if *seen == index && Arc::ptr_eq(known, state) => return false,
            Some(last) => *last = (index, state.clone()),
            None => drop(self.last.insert(who.to_owned(), (index, state.clone()))),
        }
        match self.states.get(&index) {
            Some(known) if Arc::ptr_eq(known, state) || known == state => false,
            Some(_) => {
                self.violations
                    .push(format!("log: the state of {who} differs from others' after entry {index}"));
                false
            }
            None => {
                self.states.insert(index, state.clone());
                true
            }
        }
    }

    /// What was found since the last call.
    pub(super) fn take_violations(&mut self) -> Vec<String> {
        std::mem::take(&mut self.violations)
    }

    /// How many entries were seen to be committed.
    pub(super) fn committed_count(&self) -> usize {
        self.committed.len()
    }
}

/// Shows the oracle every replica that is up, as it is at this moment.
pub(super) fn look(network: &Network) {
    for host in network.hosts() {
        // The index and the state are read without a wait between them, so they belong together.
        let index = host.consensus.changed(0).now_or_never().unwrap_or_default();
        if index > 0 {
            network.oracle().sees(host.name.as_str(), index, &host.consensus.state());
        }
    }
}
