//! What the gauges are made of: one look at the node. Under its lock things are only copied; they are counted and judged
//! afterwards, so that a scrape keeps probes, votes and leases waiting for a copy and no longer.

use crate::shell::{BackupCheck, PlanCheck, ProbeSeen};
use quorate_core::{Cluster, Node, Standing, node::Now};
use quorate_policies::{
    AgentName, BackupName, Millis, Monotonic, RegionName, ServiceName, TargetName, Timestamp,
    agreement::Evidence,
};
use std::{collections::BTreeMap, sync::Arc};

/// What is known beside the node.
#[derive(Debug, Clone, Default)]
pub struct Beside {
    /// When the process started: where the monotonic clock is zero.
    pub started_at: Timestamp,
    /// By how many milliseconds the system's clock has moved against the agent's own.
    pub clock_offset: i64,
    /// The latest result of each target.
    pub probes: Vec<Arc<ProbeSeen>>,
    /// What was found about each plan last.
    pub plan_checks: BTreeMap<(ServiceName, RegionName), PlanCheck>,
    /// What this agent's latest look at each backup showed.
    pub backups: BTreeMap<(ServiceName, BackupName), BackupCheck>,
}

/// What the node knows, copied.
#[derive(Debug, Clone)]
pub struct Inside {
    now: Now,
    agent: AgentName,
    members: BTreeMap<AgentName, RegionName>,
    heard: BTreeMap<AgentName, Millis>,
    lost_after: Millis,
    standing: Standing,
    abstains: bool,
    cluster: Arc<Cluster>,
    evidence: BTreeMap<ServiceName, Evidence>,
    leases: BTreeMap<ServiceName, Millis>,
}

/// One look at the node and what is beside it.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// When it was taken.
    pub now: Timestamp,
    /// When the process started.
    pub started_at: Timestamp,
    /// By how many milliseconds the system's clock has moved against the agent's own.
    pub clock_offset: i64,
    /// The beginning of the hash of the agent's settings.
    pub config_hash: String,
    /// This agent.
    pub agent: AgentName,
    /// All voters of this agent's file.
    pub members: BTreeMap<AgentName, RegionName>,
    /// How long ago each agent was heard.
    pub heard: BTreeMap<AgentName, Millis>,
    /// Silence of so long means lost.
    pub lost_after: Millis,
    /// What the agent knows of consensus.
    pub standing: Standing,
    /// Whether it abstains.
    pub abstains: bool,
    /// The log's state.
    pub cluster: Arc<Cluster>,
    /// What the agents see, by service.
    pub evidence: BTreeMap<ServiceName, Evidence>,
    /// How long this agent still holds each write lease.
    pub leases: BTreeMap<ServiceName, Millis>,
    /// What was found about each plan last.
    pub plan_checks: BTreeMap<(ServiceName, RegionName), PlanCheck>,
    /// What this agent's latest look at each backup showed.
    pub backups: BTreeMap<(ServiceName, BackupName), BackupCheck>,
    /// The latest result of each target.
    pub probed: BTreeMap<(ServiceName, TargetName), Arc<ProbeSeen>>,
}

impl Inside {
    /// Looks at the node; called under its lock.
    #[must_use]
    pub fn of(node: &Node, now: Now) -> Self {
        let services = || node.cluster().services.keys();
        let lease = |name: &ServiceName| Some((name.clone(), node.lease_left(now.mono, name)?));
        Self {
            now,
            agent: node.settings().name.clone(),
            members: node.settings().members.clone(),
            heard: node.peers(now.mono),
            lost_after: node.settings().lost_after,
            standing: node.standing().clone(),
            abstains: node.abstains(now.mono).is_some(),
            cluster: node.cluster().clone(),
            evidence: services().map(|name| (name.clone(), node.evidence_now(now, name))).collect(),
            leases: services().filter_map(lease).collect(),
        }
    }

    /// Puts it beside the rest.
    #[must_use]
    pub fn with(self, beside: Beside, config_hash: &str) -> Snapshot {
        let probed = |seen: Arc<ProbeSeen>| ((seen.service.clone(), seen.target.clone()), seen);
        Snapshot {
            now: self.now.wall,
            started_at: beside.started_at,
            clock_offset: beside.clock_offset,
            config_hash: config_hash.to_owned(),
            agent: self.agent,
            members: self.members,
            heard: self.heard,
            lost_after: self.lost_after,
            standing: self.standing,
            abstains: self.abstains,
            cluster: self.cluster,
            evidence: self.evidence,
            leases: self.leases,
            plan_checks: beside.plan_checks,
            backups: beside.backups,
            probed: beside.probes.into_iter().map(probed).collect(),
        }
    }
}

impl Snapshot {
    /// When something happened that this process' monotonic clock has stamped.
    #[must_use]
    pub const fn at(&self, mono: Monotonic) -> Timestamp {
        Timestamp(self.started_at.0.saturating_add(mono.0))
    }
}
