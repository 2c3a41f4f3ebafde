//! ECS as a failover meets it: a service's desired count is taken at once, and its running count follows task
//! by task. Time is an argument; tasks that are due start and stop in `advance`.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::options::Timing;
use crate::world::database::ACCOUNT;
use crate::world::refusal::Refusal;

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
}

/// What DescribeServices found: services, and the ARNs of those it did not find.
pub type Described = (Vec<Compute>, Vec<String>);

#[derive(Debug, Clone)]
struct Running {
    compute: Compute,
    /// When each of the next tasks starts, or stops, in milliseconds, in order.
    due_ms: VecDeque<u64>,
}

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
    ) -> Self {
        let settled = |(region, cluster, service, tasks): (&str, &str, &str, u32)| {
            let (region, cluster, service) = (region.to_owned(), cluster.to_owned(), service.to_owned());
            let compute = Compute { region, cluster, service, desired: tasks, running: tasks, pending: 0 };
            (compute.region.clone(), Running { compute, due_ms: VecDeque::new() })
        };
        Fleet { by_region: services.into_iter().map(settled).collect(), timing }
    }

    /// Starts and stops every task that is due at `now_ms`.
    pub fn advance(&mut self, now_ms: u64) {
        for Running { compute, due_ms } in self.by_region.values_mut() {
            while due_ms.front().is_some_and(|due| *due <= now_ms) {
                due_ms.pop_front();
                compute.running = match compute.running < compute.desired {
                    true => compute.running + 1,
                    false => compute.running - 1,
                };
            }
            compute.pending = compute.desired.saturating_sub(compute.running);
        }
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
        let changed = here.compute.desired != desired;
        if changed {
            here.reschedule(desired, now_ms, timing);
        }
        Ok((here.compute.clone(), changed))
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

impl Running {
    /// Orders as many starts or stops as are missing. Tasks already on their way in the same direction keep
    /// their time; a change of direction forgets them.
    fn reschedule(&mut self, desired: u32, now_ms: u64, timing: Timing) {
        let running = self.compute.running;
        let was_up = self.compute.desired > running;
        let up = desired > running;
        if was_up != up {
            self.due_ms.clear();
        }
        let missing = desired.abs_diff(running) as usize;
        self.due_ms.truncate(missing);
        let first_ms = now_ms + if up { timing.task_start_ms } else { timing.task_stop_ms };
        let mut next_ms =
            self.due_ms.back().map_or(first_ms, |last| first_ms.max(last + timing.task_stagger_ms));
        while self.due_ms.len() < missing {
            self.due_ms.push_back(next_ms);
            next_ms += timing.task_stagger_ms;
        }
        self.compute.desired = desired;
        self.compute.pending = desired.saturating_sub(running);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEST: &str = "us-west-2";

    fn fleet() -> Fleet {
        let timing =
            Timing { task_start_ms: 100, task_stop_ms: 50, task_stagger_ms: 10, ..Timing::default() };
        Fleet::new([("us-east-1", "shop", "web", 10), (WEST, "shop", "web", 2)], timing)
    }

    /// Goal: the desired count holds at once and the running count ramps up one task at a time, then down.
    /// Method: order five tasks, then zero, and look at moments in between.
    #[test]
    fn the_running_count_ramps() {
        let mut fleet = fleet();
        let (ordered, changed) = fleet.update(WEST, Some("shop"), "web", Some(5), 1_000).unwrap();
        assert_eq!((ordered.desired, ordered.running, ordered.pending, changed), (5, 2, 3, true));
        let running = |fleet: &mut Fleet, now| {
            fleet.advance(now);
            fleet.running(WEST)
        };
        assert_eq!(running(&mut fleet, 1_099), 2);
        assert_eq!(running(&mut fleet, 1_100), 3);
        assert_eq!(running(&mut fleet, 1_110), 4);
        fleet.update(WEST, Some("shop"), "web", Some(0), 1_115).unwrap();
        assert_eq!(running(&mut fleet, 1_164), 4);
        assert_eq!(running(&mut fleet, 1_165), 3);
        assert_eq!(running(&mut fleet, 5_000), 0);
    }

    /// Goal: asking again for the same count changes nothing and delays nothing.
    /// Method: repeat the order just before the first task starts.
    #[test]
    fn a_repeated_order_changes_nothing() {
        let mut fleet = fleet();
        fleet.update(WEST, Some("shop"), "web", Some(3), 0).unwrap();
        let (_, changed) = fleet.update(WEST, Some("shop"), "web", Some(3), 99).unwrap();
        fleet.advance(100);
        assert_eq!((changed, fleet.running(WEST)), (false, 3));
    }

    /// Goal: a larger order keeps the tasks that are already on their way.
    /// Method: raise the count during the ramp and look when the first task starts.
    #[test]
    fn a_larger_order_keeps_started_tasks() {
        let mut fleet = fleet();
        fleet.update(WEST, Some("shop"), "web", Some(3), 0).unwrap();
        fleet.update(WEST, Some("shop"), "web", Some(4), 90).unwrap();
        fleet.advance(100);
        assert_eq!(fleet.running(WEST), 3);
        fleet.advance(190);
        assert_eq!(fleet.running(WEST), 4);
    }

    /// Goal: an unknown service is a failure entry when described and an error when updated; an unknown
    /// cluster is an error in both.
    /// Method: ask for each and compare wire codes.
    #[test]
    fn unknown_names_are_answered_as_ecs_does() {
        let mut fleet = fleet();
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let arn = "arn:aws:ecs:us-west-2:111122223333:service/shop/web";
        let (found, missing) = fleet.describe(WEST, Some("shop"), &names(&["web", "api", arn])).unwrap();
        assert_eq!(
            (found.len(), missing),
            (2, names(&["arn:aws:ecs:us-west-2:111122223333:service/shop/api"]))
        );
        let code = |result: Result<Described, Refusal>| result.unwrap_err().code;
        assert_eq!(code(fleet.describe(WEST, Some("other"), &names(&["web"]))), "ClusterNotFoundException");
        assert_eq!(code(fleet.describe(WEST, None, &names(&["web"]))), "ClusterNotFoundException");
        assert_eq!(code(fleet.describe(WEST, Some("shop"), &[])), "InvalidParameterException");
        let mut update = |cluster, service, desired| {
            fleet.update(WEST, Some(cluster), service, desired, 0).unwrap_err().code
        };
        assert_eq!(update("shop", "api", Some(1)), "ServiceNotFoundException");
        assert_eq!(update("other", "web", Some(1)), "ClusterNotFoundException");
        assert_eq!(update("shop", "web", Some(-1)), "InvalidParameterException");
    }
}
