//! A build that is too old for what the agents have agreed on: it stops, and says so.
//!
//! It is told by whoever asks it something, before anything is read that it might misread: an entry that is stored without
//! a field that this build does not know would be another entry on this disk than on the others'.

use openraft_rt::AsyncRuntime;

use super::Consensus;
use crate::machine::Machine;
use crate::member::ClusterDigest;
use crate::network::message::Head;
use crate::store::error::StoreError;
use crate::store::load::understood;

impl<M: Machine, R: AsyncRuntime> Consensus<M, R> {
    /// A request that cannot be read. If it needs a later version, this voter stops, and [`Consensus::stopped`] says why.
    pub fn cannot_read(&self, head: &Head) {
        if head.to == self.0.me {
            drop(self.keeps_up(head.cluster, head.needs));
        }
    }

    /// Stops this voter if its cluster needs a later build. Another cluster's word counts for nothing.
    pub(super) fn keeps_up(&self, cluster: ClusterDigest, needs: u32) -> Result<(), StoreError> {
        if cluster != self.cluster() {
            return Ok(());
        }
        let checked = understood(|| "what the agents agreed on".to_owned(), needs, self.0.store.knows());
        let Err(later) = checked else { return Ok(()) };
        if self.0.outdated.set(later.clone()).is_ok() {
            tracing::error!(node = self.0.me, %later, "this agent stops");
            let voter = self.clone();
            drop(R::spawn(async move { drop(voter.0.raft.shutdown().await) }));
        }
        Err(later)
    }
}
