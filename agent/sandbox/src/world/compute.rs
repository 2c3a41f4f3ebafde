//! ECS as a failover meets it: a service's desired count is taken at once, and its running count follows task
//! by task, or stays behind where there is no room. Time is an argument; tasks that are due start and stop in
//! `advance`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::options::Timing;
use crate::world::World;
use crate::world::call::operations;
use crate::world::database::ACCOUNT;
use crate::world::refusal::Refusal;
use running::Running;
pub use running::Task;

mod running;

/// One call of ECS.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum EcsCall {
    /// Reads services.
    DescribeServices {
        /// Name or ARN; `default` without it.
        cluster: Option<String>,
        /// Names or ARNs.
        services: Vec<String>,
    },
    /// Changes a service.
    UpdateService {
        /// Name or ARN; `default` without it.
        cluster: Option<String>,
        /// Name or ARN.
        service: String,
        /// Tasks wanted; unchanged without it.
        desired: Option<i64>,
    },
}

operations!(EcsCall {
    EcsCall::DescribeServices { .. } => "DescribeServices",
    EcsCall::UpdateService { .. } => "UpdateService",
});

/// What ECS answers.
#[derive(Debug, Clone, PartialEq)]
pub enum EcsReply {
    /// To `DescribeServices`.
    Services(Described),
    /// To `UpdateService`.
    Updated(Compute),
}

/// One of a service's events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceEvent {
    /// Counted from 1 within the service.
    pub number: u64,
    /// When, in milliseconds.
    pub at_ms: u64,
    /// What happened, in ECS's words.
    pub message: String,
}

/// One ECS service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compute {
    /// The service's region.
    pub region: String,
    /// Its cluster's name.
    pub cluster: String,
    /// Its name.
    pub service: String,
    /// Tasks wanted.
    pub desired: u32,
    /// Tasks running.
    pub running: u32,
    /// Tasks on their way up.
    pub pending: u32,
    /// Tasks that there is room for; any number without it.
    pub room: Option<u32>,
    /// The newest events, newest first as ECS shows them.
    pub events: Vec<ServiceEvent>,
}

impl Compute {
    /// The cluster's ARN.
    #[must_use]
    pub fn cluster_arn(&self) -> String {
        format!("arn:aws:ecs:{}:{ACCOUNT}:cluster/{}", self.region, self.cluster)
    }

    /// The service's ARN.
    #[must_use]
    pub fn service_arn(&self) -> String {
        format!("arn:aws:ecs:{}:{ACCOUNT}:service/{}/{}", self.region, self.cluster, self.service)
    }

    /// The service as Application Auto Scaling names it.
    #[must_use]
    pub fn resource(&self) -> String {
        format!("service/{}/{}", self.cluster, self.service)
    }

    /// The ARN of the target group in which its tasks are registered.
    #[must_use]
    pub fn target_group_arn(&self) -> String {
        target_group_arn(&self.region, &self.service)
    }
}

/// The ARN of a service's target group.
#[must_use]
pub fn target_group_arn(region: &str, service: &str) -> String {
    format!("arn:aws:elasticloadbalancing:{region}:{ACCOUNT}:targetgroup/{service}/73e2d6bc24d8a067")
}

/// What DescribeServices found: services, and the ARNs of those it did not find.
pub type Described = (Vec<Compute>, Vec<String>);

/// Every service, by region: one cluster with one service in each.
#[derive(Debug, Clone)]
pub struct Fleet {
    by_region: BTreeMap<String, Running>,
    timing: Timing,
}

/// Ten: ECS's own limit of services in one DescribeServices.
const DESCRIBED_MAX: usize = 10;
/// 5,000: ECS's quota of tasks per service.
const TASKS_MAX: i64 = 5_000;

impl Fleet {
    /// A fleet of settled services, given as (region, cluster, service, tasks).
    #[must_use]
    pub fn new<'a>(
        services: impl IntoIterator<Item = (&'a str, &'a str, &'a str, u32)>,
        timing: Timing,
        now_ms: u64,
    ) -> Self {
        let settled = |(region, cluster, service, tasks): (&str, &str, &str, u32)| {
            let compute = Compute {
                region: region.into(),
                cluster: cluster.into(),
                service: service.into(),
                desired: tasks,
                running: 0,
                pending: 0,
                room: None,
                events: Vec::new(),
            };
            (compute.region.clone(), Running::settled(compute, now_ms))
        };
        Fleet { by_region: services.into_iter().map(settled).collect(), timing }
    }

    /// Starts and stops every task that is due at `now_ms`.
    pub fn advance(&mut self, now_ms: u64) {
        for running in self.by_region.values_mut() {
            running.advance(now_ms, self.timing);
        }
    }

    /// Says how many tasks a region has room for; any number without it.
    ///
    /// # Errors
    /// No service in that region.
    pub fn set_room(&mut self, region: &str, room: Option<u32>) -> Result<(), String> {
        let running = self.by_region.get_mut(region).ok_or_else(|| format!("no service in `{region}`"))?;
        running.compute.room = room;
        Ok(())
    }

    /// Raises a region's desired count to `min` if it is below.
    pub(super) fn raise(&mut self, region: &str, min: u32, now_ms: u64) {
        if let Some(running) = self.by_region.get_mut(region).filter(|here| here.compute.desired < min) {
            running.want(min, now_ms, self.timing);
        }
    }

    /// The tasks of a region's service, oldest first.
    #[must_use]
    pub fn tasks(&self, region: &str) -> &[Task] {
        self.by_region.get(region).map_or(&[], |running| &running.tasks)
    }

    /// How many tasks ran, and from when on each count held, oldest first.
    pub fn history(&self, region: &str) -> impl Iterator<Item = (u64, u32)> {
        self.by_region.get(region).into_iter().flat_map(|running| running.counts.iter().copied())
    }

    /// The service of a region.
    #[must_use]
    pub fn service(&self, region: &str) -> Option<&Compute> {
        self.by_region.get(region).map(|running| &running.compute)
    }

    /// Tasks running in a region.
    #[must_use]
    pub fn running(&self, region: &str) -> u32 {
        self.by_region.get(region).map_or(0, |running| running.compute.running)
    }

    /// Every service.
    #[must_use]
    pub fn all(&self) -> Vec<Compute> {
        self.by_region.values().map(|running| running.compute.clone()).collect()
    }

    /// Looks services up by name or ARN.
    ///
    /// # Errors
    /// `ClusterNotFoundException`; `InvalidParameterException` for no service or more than ten.
    pub fn describe(
        &self,
        region: &str,
        cluster: Option<&str>,
        services: &[String],
    ) -> Result<Described, Refusal> {
        let here = &self.cluster(region, cluster)?.compute;
        if services.is_empty() {
            return Err(Refusal::bad("InvalidParameterException", "Services cannot be empty."));
        }
        if services.len() > DESCRIBED_MAX {
            return Err(Refusal::bad(
                "InvalidParameterException",
                "Services cannot have more than 10 elements.",
            ));
        }
        let mut described: Described = Default::default();
        for name in services {
            match names_service(here, name) {
                true => described.0.push(here.clone()),
                false if name.starts_with("arn:") => described.1.push(name.clone()),
                false => described.1.push(Compute { service: name.clone(), ..here.clone() }.service_arn()),
            }
        }
        Ok(described)
    }

    /// Sets the desired count, and answers the service and whether anything changed.
    ///
    /// # Errors
    /// `ClusterNotFoundException`, `ServiceNotFoundException`, `InvalidParameterException`.
    pub fn update(
        &mut self,
        region: &str,
        cluster: Option<&str>,
        service: &str,
        desired: Option<i64>,
        now_ms: u64,
    ) -> Result<(Compute, bool), Refusal> {
        self.cluster(region, cluster)?;
        let timing = self.timing;
        let here = self.by_region.get_mut(region).expect("the cluster was found in this region");
        if !names_service(&here.compute, service) {
            return Err(Refusal::bad("ServiceNotFoundException", "Service not found."));
        }
        let Some(desired) = desired else { return Ok((here.compute.clone(), false)) };
        let desired = u32::try_from(desired).ok().filter(|count| i64::from(*count) <= TASKS_MAX);
        let Some(desired) = desired else {
            return Err(Refusal::bad(
                "InvalidParameterException",
                "desiredCount must be between 0 and 5000.",
            ));
        };
        Ok(here.want(desired, now_ms, timing))
    }

    fn cluster(&self, region: &str, cluster: Option<&str>) -> Result<&Running, Refusal> {
        let asked = cluster.unwrap_or("default");
        let names =
            |running: &&Running| running.compute.cluster == asked || running.compute.cluster_arn() == asked;
        let not_found = || Refusal::bad("ClusterNotFoundException", "Cluster not found.");
        self.by_region.get(region).filter(names).ok_or_else(not_found)
    }
}

fn names_service(compute: &Compute, name: &str) -> bool {
    compute.service == name || compute.service_arn() == name
}

impl World {
    /// The reply to a call of ECS, and whether the world changed.
    pub(super) fn call_ecs(
        &mut self,
        region: &str,
        call: &EcsCall,
        now_ms: u64,
    ) -> Result<(EcsReply, bool), Refusal> {
        Ok(match call {
            EcsCall::DescribeServices { cluster, services } => {
                (EcsReply::Services(self.fleet.describe(region, cluster.as_deref(), services)?), false)
            }
            EcsCall::UpdateService { cluster, service, desired } => {
                let (compute, changed) =
                    self.fleet.update(region, cluster.as_deref(), service, *desired, now_ms)?;
                (EcsReply::Updated(compute), changed)
            }
        })
    }
}

#[cfg(test)]
#[path = "compute/tests.rs"]
mod tests;
