//! Which change of the agents may be made, and why not (F28). Pure: the members, the policies, the leases and who was
//! heard lately come in as arguments.
//!
//! A change must never leave fewer agents than the policies count on, never remove the only one who can give a region's
//! write lease up, and never be made under a running execution, whose steps and votes it would move. How it is carried
//! out, one quorum after the other, is consensus's business.

use crate::{
    document::{membership_problems, port_of},
    name::{AgentName, RegionName, ServiceName},
    policy::Policy,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

pub use crate::document::MEMBERS_MAX;

/// An agent that is to be added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewMember {
    /// Its name, which its certificate says too.
    pub name: AgentName,
    /// Where it runs.
    pub region: RegionName,
    /// Where the others reach it, for example `10.0.0.4:7951`.
    pub address: String,
}

/// One change of the agents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "change")]
pub enum MemberChange {
    /// One more.
    Add {
        /// Who.
        member: NewMember,
    },
    /// One less.
    Remove {
        /// Who.
        agent: AgentName,
    },
    /// One in the place of another.
    Replace {
        /// Who goes.
        old: AgentName,
        /// Who comes.
        member: NewMember,
    },
}

impl MemberChange {
    /// Who comes.
    #[must_use]
    pub const fn comes(&self) -> Option<&NewMember> {
        match self {
            MemberChange::Add { member } | MemberChange::Replace { member, .. } => Some(member),
            MemberChange::Remove { .. } => None,
        }
    }

    /// Who goes.
    #[must_use]
    pub const fn goes(&self) -> Option<&AgentName> {
        match self {
            MemberChange::Remove { agent } | MemberChange::Replace { old: agent, .. } => Some(agent),
            MemberChange::Add { .. } => None,
        }
    }

    /// The members once it is made.
    #[must_use]
    pub fn made(&self, members: &BTreeMap<AgentName, RegionName>) -> BTreeMap<AgentName, RegionName> {
        let mut after = members.clone();
        if let Some(agent) = self.goes() {
            after.remove(agent);
        }
        if let Some(member) = self.comes() {
            after.insert(member.name.clone(), member.region.clone());
        }
        after
    }
}

impl std::fmt::Display for MemberChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            MemberChange::Add { member } => write!(f, "add {} in {}", member.name, member.region),
            MemberChange::Remove { agent } => write!(f, "remove {agent}"),
            MemberChange::Replace { old, member } => {
                write!(f, "replace {old} by {} in {}", member.name, member.region)
            }
        }
    }
}

/// Why the agents are not changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum MemberRefusal {
    /// The cluster is not formed.
    #[error("the cluster is not formed yet")]
    NotFormed,
    /// One at a time.
    #[error("another change is under way ({change}): wait for it, or cancel it")]
    UnderWay {
        /// Which one.
        change: String,
    },
    /// There is none to cancel.
    #[error("no change is under way")]
    NothingUnderWay,
    /// Nobody of that name.
    #[error("`{agent}` is no member")]
    NotAMember {
        /// Who.
        agent: AgentName,
    },
    /// The name is taken.
    #[error(
        "`{agent}` is a member already; a lost disk needs no change: start the agent on an empty directory"
    )]
    AlreadyAMember {
        /// Who.
        agent: AgentName,
    },
    /// The address cannot be one.
    #[error("`{address}` is not a host with a port, for example 10.0.0.4:7951")]
    Address {
        /// What was given.
        address: String,
    },
    /// Too many agents make every commit slow.
    #[error("there would be {count} agents, at most {max} are possible")]
    TooMany {
        /// How many there would be.
        count: usize,
        /// How many may be.
        max: usize,
    },
    /// Its version cannot read the command: it would have to stop.
    #[error("`{agent}` runs an earlier version, which knows no changes of the agents: upgrade it first")]
    EarlierVersion {
        /// Who.
        agent: AgentName,
    },
    /// Nobody would be left.
    #[error("it is the last agent")]
    LastOne,
    /// Its steps and votes would move under it (R2).
    #[error("execution {execution} is running: wait for its end, or abort it")]
    ExecutionRunning {
        /// Which one.
        execution: String,
    },
    /// The agents that were heard lately would be no majority of the new ones.
    #[error(
        "of the {voters} agents that would be left only {live} were heard lately, which is no majority: replace a lost agent instead, or start it"
    )]
    NoMajority {
        /// Heard lately, or to be added.
        live: usize,
        /// How many there would be.
        voters: usize,
    },
    /// A policy counts on more agents, or on more regions (R12).
    #[error(
        "the policy of `{service}` counts on more agents: {problem}; replace the agent instead, or change the policy first"
    )]
    PolicyNeedsMore {
        /// Which service.
        service: ServiceName,
        /// What would be wrong.
        problem: String,
    },
    /// It is the only agent of the region that holds a write lease, which its applications could not renew (R13).
    #[error(
        "it is the only agent in `{region}`, which holds the write lease of `{service}`: replace it by one in the same region, or move the service first"
    )]
    HoldsLease {
        /// Of which service.
        service: ServiceName,
        /// Which region.
        region: RegionName,
    },
    /// It is the only agent of a region to which a service may move, where applications could get no write lease (R13).
    #[error(
        "it is the only agent in `{region}`, to which `{service}` may move: its applications there could get no write lease; replace it by one in the same region"
    )]
    LastThere {
        /// Which service.
        service: ServiceName,
        /// Which region.
        region: RegionName,
    },
}

/// A service, as far as the agents' number matters to it.
#[derive(Debug, Clone, Copy)]
pub struct Served<'a> {
    /// Its policy.
    pub policy: &'a Policy,
    /// The one region that may hold the write lease now, or may hold it still.
    pub holder: &'a RegionName,
}

/// What a change is judged by.
#[derive(Debug, Clone)]
pub struct Roll<'a> {
    /// The members and their regions.
    pub members: &'a BTreeMap<AgentName, RegionName>,
    /// The change that is under way.
    pub under_way: Option<&'a MemberChange>,
    /// An execution that is running or being taken back.
    pub running: Option<&'a str>,
    /// All services.
    pub services: BTreeMap<&'a ServiceName, Served<'a>>,
    /// Agents that were heard lately by whoever proposes.
    pub live: &'a BTreeSet<AgentName>,
}

/// Whether a change may be begun.
///
/// # Errors
/// Why not; the first reason, from what is wrong with the wish to what is wrong with the world.
pub fn judge(change: &MemberChange, roll: &Roll<'_>) -> Result<(), MemberRefusal> {
    if roll.members.is_empty() {
        return Err(MemberRefusal::NotFormed);
    }
    if let Some(other) = roll.under_way {
        return Err(MemberRefusal::UnderWay { change: other.to_string() });
    }
    let after = change.made(roll.members);
    names(change, roll, after.len())?;
    // One more disturbs no execution; after a recovery one that is held must not keep agents out.
    if let Some(execution) = roll.running.filter(|_| change.goes().is_some()) {
        return Err(MemberRefusal::ExecutionRunning { execution: execution.to_owned() });
    }
    let comes = change.comes().map(|member| &member.name);
    let live = after.keys().filter(|name| roll.live.contains(*name) || comes == Some(*name)).count();
    if live * 2 <= after.len() {
        return Err(MemberRefusal::NoMajority { live, voters: after.len() });
    }
    if change.goes().is_some() {
        enough(change, roll, &after)?;
    }
    Ok(())
}

/// Whether every agent that was heard lately can read the command: an earlier version says none.
///
/// # Errors
/// Names the first that cannot.
pub fn understood(
    live: &BTreeSet<AgentName>,
    versions: &BTreeMap<AgentName, String>,
) -> Result<(), MemberRefusal> {
    match live.iter().find(|agent| !versions.contains_key(*agent)) {
        Some(agent) => Err(MemberRefusal::EarlierVersion { agent: agent.clone() }),
        None => Ok(()),
    }
}

fn names(change: &MemberChange, roll: &Roll<'_>, count: usize) -> Result<(), MemberRefusal> {
    if let Some(agent) = change.goes().filter(|agent| !roll.members.contains_key(*agent)) {
        return Err(MemberRefusal::NotAMember { agent: agent.clone() });
    }
    if let Some(member) = change.comes() {
        if roll.members.contains_key(&member.name) {
            return Err(MemberRefusal::AlreadyAMember { agent: member.name.clone() });
        }
        if port_of(&member.address).is_none() {
            return Err(MemberRefusal::Address { address: member.address.clone() });
        }
    }
    match count {
        0 => Err(MemberRefusal::LastOne),
        count if count > MEMBERS_MAX => Err(MemberRefusal::TooMany { count, max: MEMBERS_MAX }),
        _ => Ok(()),
    }
}

/// Whether who stays is enough for every service.
fn enough(
    change: &MemberChange,
    roll: &Roll<'_>,
    after: &BTreeMap<AgentName, RegionName>,
) -> Result<(), MemberRefusal> {
    let serves = |members: &BTreeMap<AgentName, RegionName>, region: &RegionName| {
        members.values().any(|other| other == region)
    };
    // What was too few before is no reason against one in the place of another.
    let replaces = change.comes().is_some();
    for (name, service) in &roll.services {
        let service_name = || (*name).clone();
        let problems = |members| membership_problems(service.policy, members);
        if let Some(problem) = problems(after).into_iter().next()
            && (!replaces || problems(roll.members).is_empty())
        {
            return Err(MemberRefusal::PolicyNeedsMore { service: service_name(), problem });
        }
        if serves(roll.members, service.holder) && !serves(after, service.holder) {
            let region = service.holder.clone();
            return Err(MemberRefusal::HoldsLease { service: service_name(), region });
        }
        let left = |region: &&RegionName| serves(roll.members, region) && !serves(after, region);
        if let Some(region) = service.policy.regions.keys().find(left) {
            return Err(MemberRefusal::LastThere { service: service_name(), region: region.clone() });
        }
    }
    Ok(())
}
