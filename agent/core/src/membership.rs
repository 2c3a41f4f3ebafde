//! What the leader does next so that consensus's voters become those that the log wants. Pure: the log's state, consensus's
//! membership and the time in, one step out. It is asked again after every step and by every new leader, so that nothing
//! is lost with the one that began.
//!
//! What it must not do: name a step for which no committed change stands, or give a change up once voters have moved.

use crate::cluster::{
    Cluster,
    members::{ChangeOutcome, Changing},
};
use quorate_policies::{AgentName, Millis, Timestamp, feature_level::Heard, membership::NewMember};
use std::collections::{BTreeMap, BTreeSet};

/// How long a new agent may take until it has caught up: a machine that is still being set up, and a person who is asked
/// why it does not answer.
pub const JOIN_MAX: Millis = Millis::from_secs(600);
/// Entries by which a new agent may be behind when it is given a vote: one append. The last of them it is sent before its
/// answer is waited for.
pub const BEHIND_ENTRIES_MAX: u64 = 100;

/// Consensus's membership as the leader sees it, and the agents' builds as it has heard of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Voters {
    /// The voters, two sets while they change.
    pub sets: Vec<BTreeSet<AgentName>>,
    /// Those that only listen, and by how many entries each is behind; none if it never answered.
    pub learners: BTreeMap<AgentName, Option<u64>>,
    /// The feature levels that the agents have said lately.
    pub heard: Heard,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing is wanted.
    Rest,
    /// A new agent is waited for, and why.
    Wait(String),
    /// Let an agent listen.
    Listen(NewMember),
    /// Let a listener go.
    Drop(AgentName),
    /// Somebody else shall lead, because this agent goes.
    HandOver,
    /// Make these the voters.
    Vote(BTreeSet<AgentName>),
    /// Commit the end.
    End {
        /// Of which change.
        number: u64,
        /// What came of it.
        outcome: ChangeOutcome,
    },
}

/// The leader's next step.
#[must_use]
pub fn next(cluster: &Cluster, voters: &Voters, leader: &AgentName, now: Timestamp) -> Step {
    let Some(changing) = &cluster.roster.changing else { return astray(cluster, voters) };
    let wanted: BTreeSet<AgentName> = changing.change.made(&cluster.members).into_keys().collect();
    match voters.sets.as_slice() {
        [only] if *only == wanted => Step::End { number: changing.number, outcome: ChangeOutcome::Done },
        // Two sets: a predecessor's change, to be finished.
        [_, _, ..] => Step::Vote(wanted),
        _ => begin(cluster, changing, voters, wanted, leader, now),
    }
}

/// No change is wanted, so the voters are those of the log. They are others only where a leader that was deposed meanwhile
/// has had the end of a change committed as it had seen it.
fn astray(cluster: &Cluster, voters: &Voters) -> Step {
    let members: BTreeSet<AgentName> = cluster.members.keys().cloned().collect();
    let unformed = members.is_empty() || voters.sets.is_empty();
    if unformed || voters.sets == [members.clone()] { Step::Rest } else { Step::Vote(members) }
}

/// Before the voters move.
fn begin(
    cluster: &Cluster,
    changing: &Changing,
    voters: &Voters,
    wanted: BTreeSet<AgentName>,
    leader: &AgentName,
    now: Timestamp,
) -> Step {
    let comes = changing.change.comes();
    let listening = comes.and_then(|member| voters.learners.get(&member.name));
    if let Some(why) = unwanted(cluster, changing, &voters.heard, now) {
        return match comes.filter(|_| listening.is_some()) {
            Some(member) => Step::Drop(member.name.clone()),
            None => Step::End { number: changing.number, outcome: ChangeOutcome::GivenUp { why } },
        };
    }
    if let Some(member) = comes {
        match listening {
            // At the first level everybody understands everything.
            None if !cluster.feature_level.is_first() && !voters.heard.contains_key(&member.name) => {
                return Step::Wait(format!("{} has not said what it understands yet", member.name));
            }
            None => return Step::Listen(member.clone()),
            Some(None) => return Step::Wait(format!("{} has not answered yet", member.name)),
            Some(Some(behind)) if *behind > BEHIND_ENTRIES_MAX => {
                return Step::Wait(format!("{} is {behind} entries behind", member.name));
            }
            Some(Some(_)) => {}
        }
    }
    if changing.change.goes() == Some(leader) {
        return Step::HandOver;
    }
    Step::Vote(wanted)
}

fn unwanted(cluster: &Cluster, changing: &Changing, heard: &Heard, now: Timestamp) -> Option<String> {
    if let Some(actor) = &changing.cancelled {
        return Some(format!("cancelled by {}: {}", actor.name, actor.reason));
    }
    // Without a new agent nothing is waited for.
    let member = changing.change.comes()?;
    let agreed = cluster.feature_level;
    if let Some(level) = heard.get(&member.name).filter(|level| **level < agreed) {
        let name = &member.name;
        return Some(format!(
            "{name} understands feature level {level}, and the agents have agreed on {agreed}: give it the version of the others"
        ));
    }
    let late = now.since(changing.since) > JOIN_MAX;
    late.then(|| format!("{} had not caught up after {JOIN_MAX}", member.name))
}
