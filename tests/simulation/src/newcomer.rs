//! Agents that come for good and go for good (F28): what an operator does and says, and how a leader carries it out, as
//! `agent/src/shell/members.rs` does. It decides nothing: `quorate_core::membership` says what is next.

use super::{
    AGENTS, agent,
    host::Host,
    ids, region,
    stage::say,
    world::{World, name_of},
};
use openraft_rt::AsyncRuntime;
use openraft_rt_sim::SimRuntime;
use quorate_consensus::{ChangeError, NodeId, Seat, Standing};
use quorate_core::{
    Actor, Body, Cluster, Command, Seat as Place, Surroundings as _,
    membership::{self, Step, Voters},
};
use quorate_policies::{
    AgentName,
    membership::{MemberChange, NewMember},
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};

/// As the agent's shell has it.
const STEP_MAX: Duration = Duration::from_secs(5);

/// A new agent is started on an empty disk, and an operator adds it, or puts it in the place of another. A run has one.
pub(super) async fn joins(world: &mut World, old: Option<usize>) {
    let Some(index) = world.admit() else { return };
    world.boot(index).await;
    let (name, at) = AGENTS[index];
    let member = NewMember { name: agent(name), region: region(at), address: format!("{name}:7951") };
    ask(
        world,
        match old {
            Some(old) => MemberChange::Replace { old: agent(AGENTS[old].0), member },
            None => MemberChange::Add { member },
        },
    );
}

/// An operator removes an agent; its process goes on, as one does that nobody has stopped.
pub(super) fn leaves(world: &World, index: usize) {
    ask(world, MemberChange::Remove { agent: agent(AGENTS[index].0) });
}

fn ask(world: &World, change: MemberChange) {
    let members = world.state().members.clone();
    let host = world.network.hosts().into_iter().find(|host| members.contains_key(&host.name));
    let Some(host) = host else { return };
    let actor = Actor { name: format!("olga at {}", host.name), reason: "another machine".to_owned() };
    let live = host.look(|node, now| node.live_now(now));
    drop(SimRuntime::spawn(say(host, Body::ChangeMembers { change, live, actor })));
}

impl Host {
    /// One step of the change that the log wants, if this agent leads and none is under way.
    pub(super) fn change_members(&self) {
        let cluster = self.consensus.state();
        // Who has never been asked to change has nothing to put right either.
        if cluster.roster.changes == 0 {
            return;
        }
        let standing = self.consensus.standing();
        if !standing.is_leader || !standing.has_quorum {
            return;
        }
        let step = membership::next(&cluster, &self.voters(&standing), &self.name, self.clock.now().wall);
        if matches!(step, Step::Rest | Step::Wait(_)) || self.changing.begin() {
            return;
        }
        let Some(host) = self.me() else { return };
        drop(SimRuntime::spawn(async move {
            let done = host.carry_change_out(step, &cluster, &standing).await;
            if let Err(ChangeError::Refused(why)) = done {
                host.network.oracle().violated(&format!("F28: {} is refused a change: {why}", host.name));
            }
            host.changing.end();
        }));
    }

    async fn carry_change_out(
        &self,
        step: Step,
        cluster: &Cluster,
        standing: &Standing,
    ) -> Result<(), ChangeError> {
        match step {
            Step::Rest | Step::Wait(_) => Ok(()),
            Step::Listen(member) => {
                let seat = Seat { name: member.name.to_string(), region: member.region.to_string() };
                self.consensus.add_learner(id(&member.name), seat, STEP_MAX).await
            }
            Step::Drop(agent) => self.consensus.drop_learner(id(&agent), STEP_MAX).await,
            Step::Vote(agents) => self.consensus.set_voters(agents.iter().map(id).collect(), STEP_MAX).await,
            Step::HandOver => {
                let stays = |node: &NodeId| {
                    cluster
                        .members
                        .keys()
                        .any(|name| id(name) == *node && cluster.seat(name) == Place::Member)
                };
                let answered = standing.peers.iter().filter(|(node, _)| stays(node));
                let next = answered.filter_map(|(node, peer)| Some((peer.silence?, *node))).min();
                if let Some((_, node)) = next {
                    drop(self.consensus.transfer_leader(node).await);
                }
                Ok(())
            }
            Step::End { number, outcome } => {
                let body = Body::EndMembers { number, outcome };
                let (id, at) = (format!("end-members/{number}"), self.clock.now().wall);
                let command = Command::new(id, at, self.name.clone(), body);
                self.network.oracle().proposed(self.name.as_str(), &command);
                drop(self.propose(command).await);
                Ok(())
            }
        }
    }

    /// Consensus's membership by the agents' names.
    fn voters(&self, standing: &Standing) -> Voters {
        let membership = self.consensus.membership();
        let last = standing.last_log_index.unwrap_or_default();
        let behind = |node: &NodeId| {
            let held = standing.peers.get(node).and_then(|peer| peer.matched_index)?;
            Some(last.saturating_sub(held))
        };
        let learners = membership.seats.keys().filter(|node| !membership.is_voter(**node));
        Voters {
            sets: membership.voters.iter().map(|set| set.iter().filter_map(named).collect()).collect(),
            learners: learners.filter_map(|node| Some((named(node)?, behind(node)))).collect(),
            heard: self.look(|node, now| node.feature_levels(now.mono)),
        }
    }
}

/// That the quorum is that of the agents whom the log names, and never shrinks beneath it (F28).
pub(super) fn shrunk(host: &Arc<Host>) -> Option<String> {
    let cluster = host.consensus.state();
    if cluster.roster.changes == 0 {
        return None;
    }
    let standing = host.consensus.standing();
    if !standing.is_leader || !standing.has_quorum {
        return None;
    }
    let made = cluster.roster.changing.as_ref().map(|changing| changing.change.made(&cluster.members));
    let least = made.map_or(cluster.members.len(), |made| made.len().min(cluster.members.len()));
    let sets = host.voters(&standing).sets;
    let small = sets.iter().find(|set| set.len() < least)?;
    Some(format!("F28: {} leads with the voters {small:?}, and the log names at least {least}", host.name))
}

/// That a change has come to its end once everything is repaired, and the voters are those of the log.
pub(super) fn unsettled(host: &Arc<Host>) -> Option<String> {
    let (cluster, standing) = (host.consensus.state(), host.consensus.standing());
    if cluster.roster.changes == 0 || !standing.is_leader {
        return None;
    }
    let named: BTreeSet<AgentName> = cluster.members.keys().cloned().collect();
    let sets = host.voters(&standing).sets;
    let changing = cluster.roster.changing.as_ref();
    (changing.is_some() || sets != [named]).then(|| {
        let change = changing.map_or_else(|| "no change".to_owned(), |changing| changing.change.to_string());
        format!("F28: {change} is under way and {sets:?} vote, long after everything was repaired")
    })
}

/// Whether a step of a change is under way.
#[derive(Debug, Default)]
pub(super) struct Changing(std::sync::atomic::AtomicBool);

impl Changing {
    /// Whether one was already.
    fn begin(&self) -> bool {
        self.0.swap(true, std::sync::atomic::Ordering::Relaxed)
    }

    fn end(&self) {
        self.0.store(false, std::sync::atomic::Ordering::Relaxed);
    }
}

fn id(name: &AgentName) -> NodeId {
    quorate_consensus::node_id(name.as_str())
}

fn named(node: &NodeId) -> Option<AgentName> {
    debug_assert!(ids().contains(node), "only agents of this world vote");
    name_of(*node).map(agent)
}
