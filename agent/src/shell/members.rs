//! The agents come and go: this agent keeps its connections to those that the log names, and, while it leads, makes
//! consensus's voters those that the log wants. What is next is said by `quorate_core::membership`; here it is only done.

use super::{Agent, agent::lock};
use crate::peers::wire::About;
use quorate_consensus::{ChangeError, Membership, NodeId, Seat, Standing, node_id};
use quorate_core::{
    Body, Cluster, Seat as Place, ServiceState,
    membership::{self, Step, Voters},
};
use quorate_policies::{AgentName, RegionName, ServiceName, feature_level::Heard};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

/// Between two looks: a change takes a few of them, and nobody waits for one.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How long one step of a change may take before it is looked at anew: a commit by two quorums, over an ocean and through
/// an election.
const STEP_MAX: Duration = Duration::from_secs(5);

/// What the log of this process says already, so that it is said once and not at every look.
#[derive(Default)]
struct Told {
    step: Option<Step>,
    unsettled: Option<NodeId>,
}

/// Runs until the agent stops.
pub(super) async fn run(agent: Arc<Agent>) {
    let mut told = Told::default();
    let mut known = BTreeMap::new();
    loop {
        let peers = agent.peer_addresses();
        if peers != known {
            if let Err(error) = agent.peers.set(&peers) {
                tracing::error!(%error, "an agent cannot be reached by its name");
            }
            known = peers;
        }
        let standing = agent.consensus.standing();
        if standing.is_leader && standing.has_quorum {
            agent.change_members(&standing, &mut told).await;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

impl Agent {
    /// Where the others are reached, those that are being added too: by this agent's own file where that knows them.
    fn peer_addresses(&self) -> BTreeMap<AgentName, String> {
        let cluster = self.consensus.state();
        let listed = |name: &AgentName| self.file.members.get(name).map(|member| member.address.clone());
        let names: BTreeSet<AgentName> = if cluster.members.is_empty() {
            self.file.members.keys().cloned().collect()
        } else {
            cluster.seated().into_keys().collect()
        };
        let address = |name: AgentName| {
            let address = listed(&name).or_else(|| cluster.address_of(&name).cloned());
            address.map(|address| (name, address))
        };
        names.into_iter().filter(|name| *name != self.file.name).filter_map(address).collect()
    }

    /// One step of the change that the log wants, if it wants one.
    async fn change_members(&self, standing: &Standing, told: &mut Told) {
        let cluster = self.consensus.state();
        let heard = self.with_node(|node, now| node.feature_levels(now.mono));
        let voters = Voters { heard, ..voters(&self.consensus.membership(), standing) };
        let step = membership::next(&cluster, &voters, &self.file.name, self.clock.now().wall);
        if step != Step::Rest && told.step.as_ref() != Some(&step) {
            tracing::info!(?step, "changing the agents");
            told.unsettled = None;
        }
        told.step = Some(step.clone());
        let done = match step {
            Step::Rest | Step::Wait(_) => Ok(()),
            Step::Listen(member) => {
                let seat = Seat { name: member.name.to_string(), region: member.region.to_string() };
                self.consensus.add_learner(node_id(member.name.as_str()), seat, STEP_MAX).await
            }
            Step::Drop(agent) => self.consensus.drop_learner(node_id(agent.as_str()), STEP_MAX).await,
            Step::Vote(agents) => {
                let ids = agents.iter().map(|name| node_id(name.as_str())).collect();
                self.consensus.set_voters(ids, STEP_MAX).await
            }
            Step::HandOver => self.hand_over(&cluster, standing).await,
            Step::End { number, outcome } => {
                // The same id from every leader: it is ended once.
                let id = format!("end-members/{number}");
                if let Err(error) = self.propose(Some(id), Body::EndMembers { number, outcome }).await {
                    tracing::debug!(%error, "the end of a change is not committed yet");
                }
                Ok(())
            }
        };
        match done {
            Ok(()) => {}
            Err(error @ ChangeError::Refused(_)) => tracing::error!(%error, "the agents are not changed"),
            Err(ChangeError::Unsettled(id)) if told.unsettled.replace(id) != Some(id) => {
                let agent = cluster.seated().into_keys().find(|name| node_id(name.as_str()) == id);
                let agent = agent.map_or_else(|| id.to_string(), |name| name.to_string());
                tracing::info!(agent, "an agent gets its vote once it answers and has settled");
            }
            Err(error) => tracing::debug!(%error, "the agents are not changed yet"),
        }
    }

    /// Asks the voter that answered last to lead.
    async fn hand_over(&self, cluster: &Cluster, standing: &Standing) -> Result<(), ChangeError> {
        let stays = |id: &NodeId| {
            let seated = cluster.members.keys().find(|name| node_id(name.as_str()) == *id);
            seated.is_some_and(|name| cluster.seat(name) == Place::Member)
        };
        let answered = standing.peers.iter().filter(|(id, _)| stays(id));
        let next = answered.filter_map(|(id, peer)| Some((peer.silence?, *id))).min();
        if let Some((_, id)) = next
            && let Err(error) = self.consensus.transfer_leader(id).await
        {
            tracing::debug!(%error, "leadership is not handed over");
        }
        Ok(())
    }

    /// The voters and their regions; those of this agent's file until the cluster is formed.
    #[must_use]
    pub fn voters(&self) -> BTreeMap<AgentName, RegionName> {
        let cluster = self.consensus.state();
        if cluster.members.is_empty() {
            return self
                .file
                .members
                .iter()
                .map(|(name, member)| (name.clone(), member.region.clone()))
                .collect();
        }
        cluster.members.clone()
    }

    /// In which region an agent is, as far as it has a place in the cluster.
    #[must_use]
    pub fn region_of(&self, agent: &AgentName) -> Option<RegionName> {
        let cluster = self.consensus.state();
        if cluster.members.is_empty() {
            return self.file.members.get(agent).map(|member| member.region.clone());
        }
        cluster.seated().get(agent).cloned()
    }

    /// Whether the log says that an agent was removed.
    #[must_use]
    pub fn is_removed(&self, agent: &str) -> bool {
        let name = AgentName::try_from(agent);
        name.is_ok_and(|name| self.consensus.state().seat(&name) == Place::Removed)
    }

    /// A peer has said its version.
    pub fn heard_version(&self, agent: &AgentName, version: Option<&str>) {
        let Some(version) = version else { return };
        let mut versions = lock(&self.versions);
        if versions.get(agent).is_none_or(|known| known != version) {
            versions.insert(agent.clone(), version.to_owned());
        }
    }

    /// What this agent says of itself to another one.
    #[must_use]
    pub fn about(&self) -> About {
        let (standing, moved_ms) = (self.standing(), self.clock_moved());
        let state = self.consensus.state();
        let hash = |(name, state): (&ServiceName, &ServiceState)| (name.clone(), state.policy_hash.clone());
        About {
            agent: self.file.name.clone(),
            region: self.file.region.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            cluster: self.file.cluster.clone(),
            wall_ms: self.wall().0.saturating_add_signed(moved_ms),
            moved_ms,
            members: self.voters(),
            policies: state.services.iter().map(hash).collect(),
            has_quorum: standing.has_quorum,
            leader: standing.leader,
        }
    }

    /// Which version each agent last said it has, this one included.
    #[must_use]
    pub fn versions(&self) -> BTreeMap<AgentName, String> {
        let mut versions = lock(&self.versions).clone();
        versions.insert(self.file.name.clone(), env!("CARGO_PKG_VERSION").to_owned());
        versions
    }
}

/// Consensus's membership by the agents' names.
fn voters(membership: &Membership, standing: &Standing) -> Voters {
    let name =
        |id: &NodeId| membership.seats.get(id).and_then(|seat| AgentName::try_from(seat.name.as_str()).ok());
    let last = standing.last_log_index.unwrap_or_default();
    let behind = |id: &NodeId| {
        let held = standing.peers.get(id).and_then(|peer| peer.matched_index)?;
        Some(last.saturating_sub(held))
    };
    let learners = membership.seats.keys().filter(|id| !membership.is_voter(**id));
    Voters {
        sets: membership.voters.iter().map(|set| set.iter().filter_map(name).collect()).collect(),
        learners: learners.filter_map(|id| Some((name(id)?, behind(id)))).collect(),
        heard: Heard::new(),
    }
}
