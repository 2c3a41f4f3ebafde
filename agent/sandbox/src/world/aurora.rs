//! Aurora global databases: one cluster in each region, one of them the writer, and the two ways to move it.
//! Their data is not modelled; which cluster writes is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::World;
use super::call::operations;
use super::database::ACCOUNT;
use super::refusal::Refusal;

/// One call of Aurora.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum AuroraCall {
    /// Reads global clusters.
    DescribeGlobalClusters {
        /// Identifier; all without it.
        identifier: Option<String>,
    },
    /// Moves a global cluster's writer without losing anything.
    SwitchoverGlobalCluster(Handover),
    /// Moves a global cluster's writer.
    FailoverGlobalCluster(Handover),
    /// Reads the clusters of a region.
    DescribeDbClusters {
        /// Identifier or ARN; all of the region without it.
        identifier: Option<String>,
    },
}

operations!(AuroraCall {
    AuroraCall::DescribeGlobalClusters { .. } => "DescribeGlobalClusters",
    AuroraCall::SwitchoverGlobalCluster(_) => "SwitchoverGlobalCluster",
    AuroraCall::FailoverGlobalCluster(_) => "FailoverGlobalCluster",
    AuroraCall::DescribeDbClusters { .. } => "DescribeDBClusters",
});

/// What Aurora answers.
#[derive(Debug, Clone, PartialEq)]
pub enum AuroraReply {
    /// Global clusters that were looked for.
    GlobalClusters(Vec<GlobalCluster>),
    /// The global cluster that a change works on.
    GlobalCluster(Box<GlobalCluster>),
    /// Clusters that were looked for, each with its global cluster's identifier and status.
    Clusters(Vec<(Member, String)>),
}

/// What a switchover or a failover asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Handover {
    /// The global cluster's identifier.
    pub global_cluster: String,
    /// ARN of the cluster that shall write.
    pub target: String,
    /// Whether data may be lost.
    pub allow_data_loss: bool,
    /// Whether a switchover is meant, in a failover call.
    pub switchover: bool,
}

/// A cluster of a global cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The cluster's region.
    pub region: String,
    /// The cluster's identifier.
    pub cluster: String,
    /// Whether it is the writer.
    pub writer: bool,
    /// Whether its storage follows the writer's: `connected` or `pending-resync`.
    pub synchronization: String,
    /// Its status, such as `available`.
    pub status: String,
}

impl Member {
    /// The cluster's ARN.
    #[must_use]
    pub fn arn(&self) -> String {
        format!("arn:aws:rds:{}:{ACCOUNT}:cluster:{}", self.region, self.cluster)
    }
}

/// A handover on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailoverState {
    /// ARN of the old writer.
    pub from: String,
    /// ARN of the new writer.
    pub to: String,
    /// Whether data may be lost.
    pub data_loss: bool,
    /// When it ends, in milliseconds.
    pub due_ms: u64,
}

/// A global cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GlobalCluster {
    /// Its identifier.
    pub identifier: String,
    /// Its clusters.
    pub members: Vec<Member>,
    /// The handover on its way, if there is one.
    pub failover: Option<FailoverState>,
}

impl GlobalCluster {
    /// The status as RDS writes it.
    #[must_use]
    pub fn status(&self) -> &'static str {
        match &self.failover {
            None => "available",
            Some(FailoverState { data_loss: true, .. }) => "failing-over",
            Some(FailoverState { data_loss: false, .. }) => "switching-over",
        }
    }
}

/// Every global cluster, by its identifier.
#[derive(Debug, Clone, Default)]
pub struct Aurora {
    globals: BTreeMap<String, GlobalCluster>,
    handover_ms: u64,
}

/// Which regions' control planes answer.
pub type Alive = BTreeMap<String, bool>;

impl Aurora {
    /// No global cluster. A handover will take `handover_ms`.
    #[must_use]
    pub fn new(handover_ms: u64) -> Self {
        Aurora { globals: BTreeMap::new(), handover_ms }
    }

    /// Makes a global cluster of `{identifier}-{region}` clusters, the first region's the writer.
    ///
    /// # Errors
    /// `GlobalClusterAlreadyExistsFault`.
    pub fn create(&mut self, identifier: &str, regions: &[&str]) -> Result<(), Refusal> {
        if self.globals.contains_key(identifier) {
            return Err(Refusal::bad("GlobalClusterAlreadyExistsFault", "Global cluster already exists."));
        }
        let member = |(index, region): (usize, &&str)| Member {
            region: (*region).to_owned(),
            cluster: format!("{identifier}-{region}"),
            writer: index == 0,
            synchronization: "connected".into(),
            status: "available".into(),
        };
        let members = regions.iter().enumerate().map(member).collect();
        let global = GlobalCluster { identifier: identifier.into(), members, failover: None };
        self.globals.insert(identifier.into(), global);
        Ok(())
    }

    /// Ends handovers that are due, and lets old writers come back whose region does.
    pub fn advance(&mut self, alive: &Alive, now_ms: u64) {
        for global in self.globals.values_mut() {
            if let Some(state) = global.failover.take_if(|state| state.due_ms <= now_ms) {
                for member in &mut global.members {
                    let was_writer = member.writer;
                    member.writer = member.arn() == state.to;
                    member.status = "available".into();
                    if was_writer && state.data_loss {
                        member.synchronization = "pending-resync".into();
                    }
                }
            }
            if global.failover.is_none() {
                for member in &mut global.members {
                    if alive.get(&member.region).copied().unwrap_or(true) {
                        member.synchronization = "connected".into();
                    }
                }
            }
        }
    }

    /// Global clusters with a cluster in the region, or the one that is named.
    ///
    /// # Errors
    /// `GlobalClusterNotFoundFault`.
    pub fn describe(&self, region: &str, identifier: Option<&str>) -> Result<Vec<GlobalCluster>, Refusal> {
        let here = |global: &&GlobalCluster| global.members.iter().any(|member| member.region == region);
        match identifier {
            None => Ok(self.globals.values().filter(here).cloned().collect()),
            Some(identifier) => {
                let found = self.globals.get(identifier).filter(here).cloned();
                found.map(|global| vec![global]).ok_or_else(|| no_global(identifier))
            }
        }
    }

    /// Clusters of a region, each with its global cluster's identifier.
    ///
    /// # Errors
    /// `DBClusterNotFoundFault`.
    pub fn clusters(&self, region: &str, identifier: Option<&str>) -> Result<Vec<(Member, String)>, Refusal> {
        let all = self.globals.values().flat_map(|global| {
            global.members.iter().map(|member| (member.clone(), global.identifier.clone()))
        });
        let mut here: Vec<(Member, String)> = all.filter(|(member, _)| member.region == region).collect();
        if let Some(identifier) = identifier {
            here.retain(|(member, _)| member.cluster == identifier || member.arn() == identifier);
            if here.is_empty() {
                return Err(no_cluster(identifier));
            }
        }
        Ok(here)
    }

    /// Every global cluster.
    #[must_use]
    pub fn all(&self) -> Vec<GlobalCluster> {
        self.globals.values().cloned().collect()
    }

    /// Begins a switchover, which needs both sides healthy.
    ///
    /// # Errors
    /// `GlobalClusterNotFoundFault`, `DBClusterNotFoundFault`, `InvalidGlobalClusterStateFault`,
    /// `InvalidDBClusterStateFault`.
    pub fn switchover(
        &mut self,
        asked: &Handover,
        alive: &Alive,
        now_ms: u64,
    ) -> Result<GlobalCluster, Refusal> {
        self.hand_over(asked, alive, now_ms, false)
    }

    /// Begins a failover; without `AllowDataLoss` it is a switchover.
    ///
    /// # Errors
    /// Those of a switchover; `InvalidParameterCombination` for both wishes at once.
    pub fn failover(
        &mut self,
        asked: &Handover,
        alive: &Alive,
        now_ms: u64,
    ) -> Result<GlobalCluster, Refusal> {
        if asked.allow_data_loss && asked.switchover {
            return Err(Refusal::bad(
                "InvalidParameterCombination",
                "AllowDataLoss and Switchover can't be specified at the same time.",
            ));
        }
        self.hand_over(asked, alive, now_ms, asked.allow_data_loss)
    }

    fn hand_over(
        &mut self,
        asked: &Handover,
        alive: &Alive,
        now_ms: u64,
        data_loss: bool,
    ) -> Result<GlobalCluster, Refusal> {
        let due_ms = now_ms + self.handover_ms;
        let global =
            self.globals.get_mut(&asked.global_cluster).ok_or_else(|| no_global(&asked.global_cluster))?;
        let invalid = |code, message: String| Refusal::bad(code, message);
        if global.failover.is_some() {
            let message = format!("Global cluster {} is {}.", global.identifier, global.status());
            return Err(invalid("InvalidGlobalClusterStateFault", message));
        }
        let target = global.members.iter().find(|member| member.arn() == asked.target);
        let target = target.ok_or_else(|| no_cluster(&asked.target))?;
        if target.writer {
            let message = format!("{} is the primary cluster already.", asked.target);
            return Err(invalid("InvalidDBClusterStateFault", message));
        }
        let healthy = |member: &Member| {
            member.status == "available" && alive.get(&member.region).copied().unwrap_or(true)
        };
        let writer = global.members.iter().find(|member| member.writer);
        let from = writer.map(Member::arn).unwrap_or_default();
        // A failover needs the target alone; a switchover waits for the old writer's last page.
        if !healthy(target) || target.synchronization != "connected" && !data_loss {
            let message = format!("{} is not available.", asked.target);
            return Err(invalid("InvalidDBClusterStateFault", message));
        }
        if !data_loss && !writer.is_some_and(healthy) {
            let message = format!("The primary cluster {from} is not healthy, which a switchover needs.");
            return Err(invalid("InvalidDBClusterStateFault", message));
        }
        for member in &mut global.members {
            if member.writer || member.arn() == asked.target {
                member.status = if data_loss { "failing-over".into() } else { "switching-over".into() };
            }
        }
        global.failover = Some(FailoverState { from, to: asked.target.clone(), data_loss, due_ms });
        Ok(global.clone())
    }
}

fn no_global(identifier: &str) -> Refusal {
    Refusal::new(404, "GlobalClusterNotFoundFault", format!("Global cluster {identifier} not found."))
}

fn no_cluster(identifier: &str) -> Refusal {
    Refusal::new(404, "DBClusterNotFoundFault", format!("DBCluster {identifier} not found."))
}

impl World {
    /// Which regions' control planes answer.
    pub(super) fn alive(&self) -> Alive {
        self.faults.keys().map(|region| (region.clone(), !self.control_plane_refuses(region))).collect()
    }

    /// The reply to a call of Aurora, and whether the world changed.
    pub(super) fn call_aurora(
        &mut self,
        region: &str,
        call: &AuroraCall,
        now_ms: u64,
    ) -> Result<(AuroraReply, bool), Refusal> {
        let alive = self.alive();
        let begun = |global| (AuroraReply::GlobalCluster(Box::new(global)), true);
        Ok(match call {
            AuroraCall::SwitchoverGlobalCluster(asked) => {
                begun(self.aurora.switchover(asked, &alive, now_ms)?)
            }
            AuroraCall::FailoverGlobalCluster(asked) => begun(self.aurora.failover(asked, &alive, now_ms)?),
            AuroraCall::DescribeGlobalClusters { identifier } => {
                let found = self.aurora.describe(region, identifier.as_deref())?;
                (AuroraReply::GlobalClusters(found), false)
            }
            AuroraCall::DescribeDbClusters { identifier } => {
                (AuroraReply::Clusters(self.aurora.clusters(region, identifier.as_deref())?), false)
            }
        })
    }
}
