//! What the gauges are made of: one look at the node.

use crate::shell::{BackupCheck, PlanCheck, ProbeSeen};
use quorate_core::{
    Cluster, Node, Standing,
    node::{Now, explain::Explanation},
};
use quorate_policies::{
    AgentName, BackupName, Millis, RegionName, ServiceName, TargetName, Timestamp, postgres::Database,
};
use std::{collections::BTreeMap, sync::Arc};

/// One look at the node.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// When it was taken.
    pub now: Timestamp,
    /// When the process started.
    pub started_at: Timestamp,
    /// This agent.
    pub agent: AgentName,
    /// All voters; those of this agent's file until the cluster is formed.
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
    pub explanations: BTreeMap<ServiceName, Explanation>,
    /// What was found about each plan last.
    pub plan_checks: BTreeMap<(ServiceName, RegionName), PlanCheck>,
    /// What this agent's latest look at each backup showed.
    pub backups: BTreeMap<(ServiceName, BackupName), BackupCheck>,
    /// When the latest probe of each target ended.
    pub probed: BTreeMap<(ServiceName, TargetName), Timestamp>,
    /// What PostgreSQL servers said about themselves in their latest probes.
    pub databases: BTreeMap<(ServiceName, TargetName), Database>,
}

impl Snapshot {
    /// Looks at the node. `started_at` is where the monotonic clock is zero.
    #[must_use]
    pub fn of(
        node: &Node,
        now: Now,
        started_at: Timestamp,
        probes: &[ProbeSeen],
        plan_checks: BTreeMap<(ServiceName, RegionName), PlanCheck>,
        backups: BTreeMap<(ServiceName, BackupName), BackupCheck>,
    ) -> Self {
        let probed = |seen: &ProbeSeen| {
            ((seen.service.clone(), seen.target.clone()), Timestamp(started_at.0.saturating_add(seen.at.0)))
        };
        let database = |seen: &ProbeSeen| {
            Some(((seen.service.clone(), seen.target.clone()), seen.result.database.clone()?))
        };
        let services = node.cluster().services.keys();
        Self {
            now: now.wall,
            started_at,
            agent: node.settings().name.clone(),
            members: node.voters().clone(),
            heard: node.peers(now.mono),
            lost_after: node.settings().lost_after,
            standing: node.standing().clone(),
            abstains: node.abstains(now.mono).is_some(),
            cluster: node.cluster().clone(),
            explanations: services
                .filter_map(|name| Some((name.clone(), node.explain(now, name).ok()?)))
                .collect(),
            plan_checks,
            backups,
            probed: probes.iter().map(probed).collect(),
            databases: probes.iter().filter_map(database).collect(),
        }
    }
}
