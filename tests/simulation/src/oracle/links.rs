//! Who really reaches whom, since when, and whether the agents are left in peace: the network's own truth, looked at all
//! the time. What the agents believe of each other is not asked.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// An agent's name.
pub(crate) type Agent = &'static str;

/// The network at one moment.
#[derive(Debug, Default)]
pub(crate) struct Around {
    /// How many agents there are.
    pub(crate) members: usize,
    /// Agents whose process runs and is not stopped, each with the number of its start.
    pub(crate) awake: BTreeMap<Agent, u64>,
    /// Pairs of them of which the first one's messages arrive at the second.
    pub(crate) carried: BTreeSet<(Agent, Agent)>,
    /// Agents that speak another version: consensus goes on, their reports are not read.
    pub(crate) foreign: BTreeSet<Agent>,
    /// Whether no link is lossy or congested and no disk slow.
    pub(crate) sound: bool,
}

/// What is remembered of it.
#[derive(Debug, Default)]
pub(crate) struct Links {
    /// Since when each agent has been awake without an interruption.
    pub(crate) awake_since: BTreeMap<Agent, Duration>,
    /// When the reports of the first could last reach the second.
    pub(crate) heard: BTreeMap<(Agent, Agent), Duration>,
    /// Since when they have done so without an interruption and a loss.
    pub(crate) heard_since: BTreeMap<(Agent, Agent), Duration>,
    /// When each agent could last have an answer from a majority, of its own or through one other.
    pub(crate) quorate: BTreeMap<Agent, Duration>,
    /// Since when a majority is in good contact and nothing has happened to any agent.
    pub(crate) calm_since: Option<Duration>,
    awake: BTreeMap<Agent, u64>,
}

impl Around {
    fn both_ways(&self, one: Agent, other: Agent) -> bool {
        one == other || self.carried.contains(&(one, other)) && self.carried.contains(&(other, one))
    }

    /// Agents that are in contact with a majority, which could be their own followers.
    fn centres(&self) -> Vec<Agent> {
        let met = |one: Agent| self.awake.keys().filter(|other| self.both_ways(one, other)).count();
        self.awake.keys().copied().filter(|one| met(one) > self.members / 2).collect()
    }

    /// Whether there is a majority of whom each reaches each other. A star of agents has no leader for long: what its centre
    /// missed while it was apart from the last one, nobody may tell it but a leader.
    fn in_good_contact(&self) -> bool {
        let agents: Vec<Agent> = self.awake.keys().copied().collect();
        let reaches = |one: &Agent| {
            let bits = agents.iter().enumerate().filter(|(_, other)| self.both_ways(one, other));
            bits.fold(0_u32, |bits, (index, _)| bits | 1 << index)
        };
        let contacts: Vec<u32> = agents.iter().map(reaches).collect();
        (0..1_u32 << agents.len()).filter(|group| group.count_ones() as usize > self.members / 2).any(
            |group| {
                contacts
                    .iter()
                    .enumerate()
                    .all(|(index, contact)| group & 1 << index == 0 || group & !contact == 0)
            },
        )
    }
}

impl Links {
    /// Takes the network as it is now.
    pub(crate) fn see(&mut self, now: Duration, around: &Around) {
        self.awake_since.retain(|agent, _| self.awake.get(agent) == around.awake.get(agent));
        for agent in around.awake.keys() {
            self.awake_since.entry(agent).or_insert(now);
        }
        let readable =
            |(from, to): &(Agent, Agent)| !around.foreign.contains(from) && !around.foreign.contains(to);
        let pairs: BTreeSet<(Agent, Agent)> = around.carried.iter().copied().filter(readable).collect();
        self.heard_since.retain(|pair, _| around.sound && pairs.contains(pair));
        for pair in pairs {
            self.heard.insert(pair, now);
            if around.sound {
                self.heard_since.entry(pair).or_insert(now);
            }
        }
        let centres = around.centres();
        for agent in around.awake.keys() {
            if centres.iter().any(|centre| around.both_ways(agent, centre)) {
                self.quorate.insert(agent, now);
            }
        }
        if !around.in_good_contact() || !around.sound || self.awake != around.awake {
            self.calm_since = None;
        } else {
            self.calm_since.get_or_insert(now);
        }
        self.awake.clone_from(&around.awake);
    }

    /// Something has happened to the agents or their links.
    pub(crate) fn disturbed(&mut self) {
        self.calm_since = None;
    }
}
