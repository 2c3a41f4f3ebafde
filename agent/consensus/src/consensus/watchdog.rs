//! The background task that works the quorum-loss gate. The decision is in `network::gate`.

use openraft_rt::{AsyncRuntime, Instant};

use super::Consensus;
use crate::machine::Machine;
use crate::network::gate::{Gate, decides_every, is_quiet};

impl<M: Machine, R: AsyncRuntime> Consensus<M, R> {
    /// Runs until the voter stops.
    pub(super) async fn watch_quorum(self, gate: Gate) {
        let every = decides_every(self.0.timing.election_max);
        let mut leads_since: Option<(u64, R::Instant)> = None;
        loop {
            R::sleep(every).await;
            let (standing, acked, members) = self.figures();
            if standing.stopped.is_some() {
                return;
            }
            let now = R::Instant::now();
            let since = match leads_since {
                Some((term, since)) if term == standing.term => since,
                _ => now,
            };
            leads_since = standing.is_leader.then_some((standing.term, since));
            // A leader that became deaf right after its election has no acknowledgement at all: its silence
            // counts from the election.
            let contact = acked.map_or(since, |acked| acked.max(since));
            let silence = standing.is_leader.then(|| now.saturating_duration_since(contact));
            let alone = members.is_some_and(|members| members.is_alone(self.0.me));
            let quiet = !alone && is_quiet(silence, self.0.timing.election_max);
            if quiet != gate.is_quiet() {
                tracing::warn!(node = self.0.me, quiet, ?silence, "the quorum-loss gate turned");
            }
            gate.set_quiet(quiet);
        }
    }
}
