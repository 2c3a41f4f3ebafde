//! Where the leadership sits: not beside a primary with `timing: lan`, if it can be helped. A leader that dies with the region
//! it would have to leave costs an election and then a whole lease, because its successor knows nothing of what it granted
//! (R13); where every second counts, that is most of the recovery. Between regions the dwell is longer than both. It
//! decides only whom to ask; an election is the consensus' business, and safe whoever asks for one.

use super::{Node, Now, Output};
use crate::cluster::{Cluster, service::ServiceState};
use quorate_policies::{
    AgentName, Millis, Monotonic, RegionName,
    agreement::{Opinion, tally_region},
    policy::Timing,
};
use std::sync::Arc;

/// A leader that was just elected stays for so long: what elected it may not be over.
const SETTLED: Millis = Millis::from_secs(10);
/// An agent that was asked and does not lead by then is not asked again for so long: while it is asked, nothing can be
/// written.
const ASK_AGAIN_AFTER: Millis = Millis::from_secs(60);

/// What is remembered of it.
#[derive(Debug, Default)]
pub(super) struct Seat {
    asked_at: Option<Monotonic>,
}

impl Node {
    /// Asks an agent in a quieter place to lead, when nothing is the matter.
    pub(super) fn seat_work(&mut self, now: Now, out: &mut Vec<Output>) {
        let recent = |at: Option<Monotonic>, length: Millis| at.is_some_and(|at| now.mono.since(at) < length);
        if recent(self.leader_since, SETTLED) || recent(self.seat.asked_at, ASK_AGAIN_AFTER) {
            return;
        }
        let cluster = Arc::clone(&self.cluster);
        let Some(to) = self.better_seat(now, &cluster) else { return };
        if self.calm(now, &cluster) {
            self.seat.asked_at = Some(now.mono);
            out.push(Output::HandOver { to });
        }
    }

    /// The agent in contact whose region is the active one of the fewest services, if those are fewer than here.
    fn better_seat(&self, now: Now, cluster: &Cluster) -> Option<AgentName> {
        let hurried = |state: &&ServiceState| state.policy.timing == Timing::Lan;
        let active = |region: &RegionName| {
            cluster.services.values().filter(hurried).filter(|state| state.active == *region).count()
        };
        let here = active(&self.settings.region);
        if here == 0 {
            return None;
        }
        let live = self.live(now.mono);
        let others = cluster.members.iter().filter(|(agent, _)| live.contains(*agent));
        let best = others.map(|(agent, region)| (active(region), agent)).min()?;
        (best.0 < here).then(|| best.1.clone())
    }

    /// Every service is healthy where it is active, and nothing runs.
    fn calm(&self, now: Now, cluster: &Cluster) -> bool {
        cluster.services.iter().all(|(name, state)| {
            let evidence = self.evidence(now.mono, name, state);
            let opinion =
                tally_region(&state.policy, &cluster.members, &state.active, &evidence.votes).opinion;
            state.running.is_none() && opinion == Opinion::Healthy
        })
    }
}
