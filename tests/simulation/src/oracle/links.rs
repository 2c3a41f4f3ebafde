//! Who really reaches whom, since when, and whether the agents are left in peace: the network's own truth, looked at all
//! the time, so it is kept in bits and rows. What the agents believe of each other is not asked.

use crate::{AGENTS, NODES_MAX};
use std::time::Duration;

/// An agent's place in `AGENTS`.
type Place = usize;

/// Some of the agents, a bit each.
type Group = u8;

const fn bit(place: Place) -> Group {
    1 << place
}

fn places(group: Group) -> impl Iterator<Item = Place> {
    (0..NODES_MAX).filter(move |place| group & bit(*place) != 0)
}

fn place(agent: &str) -> Option<Place> {
    AGENTS.iter().position(|(name, _)| *name == agent)
}

/// The network at one moment.
#[derive(Debug, Default)]
pub(crate) struct Around {
    /// How many agents there are.
    pub(crate) members: usize,
    /// Of each agent whose process runs and is not stopped the number of its start.
    pub(crate) awake: [Option<u64>; NODES_MAX],
    /// At whom the messages of each arrive.
    pub(crate) carried: [Group; NODES_MAX],
    /// Agents that hold everything they may ever have acknowledged. Others hardly vote: a disk that was lost counts as one
    /// agent that is lost, until it has heard all others.
    pub(crate) settled: Group,
    /// Agents that speak another version: consensus goes on, their reports are not read.
    pub(crate) foreign: Group,
    /// Whether no link is lossy or congested and no disk slow.
    pub(crate) sound: bool,
}

/// What is remembered of it.
#[derive(Debug, Default)]
pub(crate) struct Links {
    /// Since when each agent has been awake without an interruption.
    awake_since: [Option<Duration>; NODES_MAX],
    /// By sender and receiver: when the reports of the first could last reach the second.
    heard: [[Option<Duration>; NODES_MAX]; NODES_MAX],
    /// Since when they have done so without an interruption and a loss.
    heard_since: [[Option<Duration>; NODES_MAX]; NODES_MAX],
    /// When each agent could last have an answer from a majority, of its own or through one other.
    quorate: [Option<Duration>; NODES_MAX],
    /// Since when a majority is in good contact and nothing has happened to any agent.
    pub(crate) calm_since: Option<Duration>,
    awake: [Option<u64>; NODES_MAX],
}

impl Around {
    /// An agent's process runs, by the number of its start.
    pub(crate) const fn wakes(&mut self, place: Place, boot: u64) {
        self.awake[place] = Some(boot);
    }

    /// The messages of the first arrive at the second.
    pub(crate) const fn carries(&mut self, from: Place, to: Place) {
        self.carried[from] |= bit(to);
    }

    /// An agent holds everything it may ever have acknowledged.
    pub(crate) const fn settles(&mut self, place: Place) {
        self.settled |= bit(place);
    }

    /// An agent speaks another version.
    pub(crate) const fn estranges(&mut self, place: Place) {
        self.foreign |= bit(place);
    }

    fn everybody(&self) -> Group {
        (0..NODES_MAX).filter(|at| self.awake[*at].is_some()).fold(0, |group, at| group | bit(at))
    }

    /// Whom an agent reaches and is reached by, itself among them.
    fn contacts(&self, one: Place) -> Group {
        let answers = |other: &Place| self.carried[*other] & bit(one) != 0;
        places(self.carried[one]).filter(answers).fold(bit(one), |group, other| group | bit(other))
    }

    fn is_majority(&self, group: Group) -> bool {
        group.count_ones() as usize > self.members / 2
    }

    /// Agents that are in contact with a majority, which could be their own followers.
    fn centres(&self) -> Group {
        let everybody = self.everybody();
        let met = |one: &Place| self.is_majority(self.contacts(*one) & everybody);
        places(everybody).filter(met).fold(0, |group, one| group | bit(one))
    }

    /// Whether there is a majority that may vote, of whom each reaches each other. A star of agents has no leader for long: what its centre
    /// missed while it was apart from the last one, nobody may tell it but a leader.
    fn in_good_contact(&self) -> bool {
        let voting = self.everybody() & self.settled;
        let mut contacts = [0; NODES_MAX];
        places(voting).for_each(|one| contacts[one] = self.contacts(one));
        let close = |group: Group| places(group).all(|one| group & !contacts[one] == 0);
        (0..=voting).any(|group| group & !voting == 0 && self.is_majority(group) && close(group))
    }
}

impl Links {
    /// Takes the network as it is now.
    pub(crate) fn see(&mut self, now: Duration, around: &Around) {
        for one in 0..NODES_MAX {
            let goes_on = self.awake[one] == around.awake[one];
            let since = self.awake_since[one].filter(|_| goes_on).unwrap_or(now);
            self.awake_since[one] = around.awake[one].map(|_| since);
            for other in 0..NODES_MAX {
                let readable = around.foreign & (bit(one) | bit(other)) == 0;
                let carried = readable && around.carried[one] & bit(other) != 0;
                if carried {
                    self.heard[one][other] = Some(now);
                }
                let since = &mut self.heard_since[one][other];
                *since = (carried && around.sound).then(|| since.unwrap_or(now));
            }
        }
        let centres = around.centres();
        for one in places(around.everybody()) {
            if around.contacts(one) & centres != 0 {
                self.quorate[one] = Some(now);
            }
        }
        if !around.sound || self.awake != around.awake || !around.in_good_contact() {
            self.calm_since = None;
        } else {
            self.calm_since.get_or_insert(now);
        }
        self.awake = around.awake;
    }

    /// Something has happened to the agents or their links.
    pub(crate) const fn disturbed(&mut self) {
        self.calm_since = None;
    }

    /// Agents that are awake, and since when without an interruption.
    pub(crate) fn awake(&self) -> impl Iterator<Item = (&'static str, Duration)> {
        let of = |(since, (name, _)): (&Option<Duration>, &(&'static str, _))| Some((*name, (*since)?));
        self.awake_since.iter().zip(&AGENTS).filter_map(of)
    }

    /// Since when an agent has been awake, if it is.
    pub(crate) fn awake_since(&self, agent: &str) -> Option<Duration> {
        self.awake_since[place(agent)?]
    }

    /// When the reports of the first could last reach the second.
    pub(crate) fn heard(&self, one: &str, other: &str) -> Option<Duration> {
        self.heard[place(one)?][place(other)?]
    }

    /// Since when they have done so without an interruption and a loss.
    pub(crate) fn heard_since(&self, one: &str, other: &str) -> Option<Duration> {
        self.heard_since[place(one)?][place(other)?]
    }

    /// When an agent could last have an answer from a majority.
    pub(crate) fn quorate(&self, agent: &str) -> Option<Duration> {
        self.quorate[place(agent)?]
    }
}
