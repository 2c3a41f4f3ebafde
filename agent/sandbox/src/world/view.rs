//! The world as the control API shows it: everything at one moment, for people and for tests.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::World;
use super::aurora::GlobalCluster;
use super::compute::Compute;
use super::database::Database;
use super::fault::Fault;
use super::health::HealthCheck;
use super::interference::{Break, Failure, Hold};
use super::link::Cut;
use super::scaling::ScalableTarget;
use super::status_page::Component;
use super::zone::{ChangeInfo, RecordSet};

/// Everything at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorldView {
    /// The moment, in milliseconds since the Unix epoch by the world's steady clock.
    pub now_ms: u64,
    /// RDS instances.
    pub databases: Vec<Database>,
    /// ECS services.
    pub compute: Vec<Compute>,
    /// Aurora global clusters.
    pub global_clusters: Vec<GlobalCluster>,
    /// Ranges of Application Auto Scaling.
    pub scaling: Vec<ScalableTarget>,
    /// The hosted zone.
    pub dns: DnsView,
    /// The fault of each region's application.
    pub faults: BTreeMap<String, Fault>,
    /// Cut paths.
    pub links: Vec<Cut>,
    /// Held operations.
    pub holds: Vec<Hold>,
    /// Operations that fail.
    pub failures: Vec<Failure>,
    /// Operations whose connections break.
    pub breaks: Vec<Break>,
    /// The status page's components.
    pub components: Vec<Component>,
}

/// The hosted zone at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DnsView {
    /// The zone's id.
    pub zone: String,
    /// Record sets as the API shows them.
    pub records: Vec<RecordSet>,
    /// Health checks.
    pub health_checks: Vec<HealthCheck>,
    /// Whether each of them is healthy, by id.
    pub healthy: BTreeMap<String, bool>,
    /// Changes that DNS does not answer by yet.
    pub pending: Vec<ChangeInfo>,
}

impl World {
    /// Everything at `now_ms`.
    pub fn view(&mut self, now_ms: u64) -> WorldView {
        self.advance(now_ms);
        let (holds, failures, breaks) = self.interference.listing();
        WorldView {
            now_ms,
            databases: self.databases.all(),
            compute: self.fleet.all(),
            global_clusters: self.aurora.all(),
            scaling: self.scaling.all(),
            dns: DnsView {
                zone: self.zone.id.clone(),
                records: self.zone.all(),
                health_checks: self.health.all(),
                healthy: self.health.statuses(),
                pending: self.zone.pending_changes(now_ms),
            },
            faults: self
                .faults
                .iter()
                .map(|(region, active)| (region.clone(), active.fault.clone()))
                .collect(),
            links: self.links.cuts(),
            holds,
            failures,
            breaks,
            components: self.status_page.components(),
        }
    }
}
