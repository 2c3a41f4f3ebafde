//! The settings of our detector that are tried. The first one is the example policy's, read from its file: what is drawn
//! is what is shipped.

use quorate_core::{Actor, Body, Cluster, Command};
use quorate_policies::{
    AgentName, Millis, Policy, RegionName, Timestamp,
    document::read_policy,
    policy::{Mode, Role},
};
use std::collections::BTreeMap;

/// The example policy, for agents in regions that are far from each other.
const EXAMPLE: &str = include_str!("../../../../policies/examples/starter.yaml");
/// The third region of the example: the witness's.
const WITNESS: &str = "eu-west-1";

/// How long the agreement must hold, in seconds, beside what the example says.
const DWELLS: [u64; 4] = [0, 5, 15, 30];

/// Failures until down, and the probes' interval and time-out in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Consecutive failures until down.
    pub misses: u32,
    /// Between two probes.
    pub interval: u64,
    /// Of one probe.
    pub timeout: u64,
}

impl Setting {
    /// The example policy's own.
    #[must_use]
    pub fn example() -> Self {
        let policy = example();
        let probe = policy.probes.values().next().expect("the example probes something");
        Self { misses: probe.fall, interval: probe.interval.0, timeout: probe.timeout.0 }
    }

    /// The example's, and others around it.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let example = Self::example();
        let misses = [1, 2, 5].map(|misses| Self { misses, ..example });
        let half = Self { interval: example.interval / 2, timeout: example.timeout / 2, ..example };
        let slower = Self { interval: example.interval * 3, ..example };
        [example].into_iter().chain(misses).chain([half, slower]).collect()
    }

    /// In a few words.
    #[must_use]
    pub fn name(&self) -> String {
        let Self { misses, interval, timeout } = self;
        format!("{misses} x {}, time-out {}", Millis(*interval), Millis(*timeout))
    }

    /// The example policy with this setting, for automatic mode.
    #[must_use]
    pub fn policy(&self) -> Policy {
        let mut policy = example();
        for probe in policy.probes.values_mut() {
            probe.fall = self.misses;
            probe.interval = Millis(self.interval);
            probe.timeout = Millis(self.timeout);
            probe.confirm_interval = probe.confirm_interval.min(probe.interval);
        }
        policy
    }
}

/// The example with the one check that can take the region down, and with the agents to act on it.
fn example() -> Policy {
    let mut policy = read_policy("starter.yaml", EXAMPLE).expect("the example is tested");
    policy.probes.retain(|_, probe| probe.component.as_ref().is_some_and(|name| name.as_str() == "web"));
    for scenario in policy.scenarios.values_mut() {
        scenario.mode = Mode::Automatic;
    }
    policy
}

/// The dwells that are tried, the example's own last.
#[must_use]
pub fn dwells() -> Vec<Millis> {
    DWELLS.map(Millis::from_secs).into_iter().chain([example().agreement.dwell]).collect()
}

/// The region of a policy with this role.
pub(super) fn region_of(policy: &Policy, role: Role) -> RegionName {
    let found = policy.regions.iter().find(|(_, region)| region.role == role);
    found.map(|(name, _)| name.clone()).expect("the example has both")
}

/// The agents, in the order of the trace: in the primary region, in the standby's, and the witness.
pub(super) fn agents(policy: &Policy) -> [(AgentName, RegionName); 3] {
    let [primary, standby] = [Role::Primary, Role::Standby].map(|role| region_of(policy, role));
    [("eve", primary), ("wes", standby), ("noa", crate::region(WITNESS))]
        .map(|(name, region)| (crate::agent(name), region))
}

/// The log's state as every agent has it.
pub(super) fn cluster(policy: &Policy) -> Cluster {
    let agents = agents(policy);
    let by = agents[0].0.clone();
    let actor = Actor { name: "curve".to_owned(), reason: "to be measured".to_owned() };
    let members: BTreeMap<AgentName, RegionName> = agents.into_iter().collect();
    let mut cluster = Cluster::default();
    for body in [Body::SetMembers { members }, Body::apply_policy(policy.clone(), actor)] {
        let id = format!("curve-{}", cluster.members.len());
        cluster.apply(&Command::new(id, Timestamp(1), by.clone(), body));
    }
    cluster
}
