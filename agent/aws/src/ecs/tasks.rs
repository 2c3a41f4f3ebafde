//! Reads one service by `ecs:DescribeServices` and turns the reply into plain facts. Judges nothing but whether the
//! service can be scaled at all, by `judge`.

use aws_sdk_ecs::types::Service;
use quorate_policies::effect::Observed;

use super::judge::{self, Failure, Tasks};
use crate::clients::Place;
use crate::fault::{Call, Fault};

/// The wire codes for things that do not exist.
const NOT_FOUND: [&str; 2] = ["ClusterNotFoundException", "ServiceNotFoundException"];

/// Reads the service; what cannot be scaled or read is an observation.
pub(super) async fn read(
    place: &Place<'_>,
    region: &str,
    cluster: &str,
    service: &str,
) -> Result<Tasks, Observed> {
    let id = format!("{cluster}/{service}");
    let call = Call { operation: "ecs:DescribeServices", region: region.to_owned(), id: id.clone() };
    match place.ecs().describe_services().cluster(cluster).services(service).send().await {
        Ok(reply) => {
            let services: Vec<Tasks> = reply.services().iter().map(facts).collect();
            let failures: Vec<Failure> = reply.failures().iter().map(failure).collect();
            judge::scalable(&format!("service {id}"), service, &services, &failures).cloned()
        }
        Err(error) => Err(Fault::new(call, &error).observed(&NOT_FOUND)),
    }
}

/// A count as AWS writes it; it is never negative.
pub(super) fn count(count: i32) -> u32 {
    u32::try_from(count).unwrap_or_default()
}

/// The facts about one service.
pub(super) fn facts(service: &Service) -> Tasks {
    Tasks {
        name: service.service_name().unwrap_or_default().to_owned(),
        arn: service.service_arn().unwrap_or_default().to_owned(),
        status: service.status().unwrap_or_default().to_owned(),
        scheduling: service.scheduling_strategy().map(|strategy| strategy.as_str().to_owned()),
        desired: count(service.desired_count()),
        running: count(service.running_count()),
        pending: count(service.pending_count()),
        groups: service
            .load_balancers()
            .iter()
            .filter_map(|balancer| balancer.target_group_arn().map(str::to_owned))
            .collect(),
        events: service.events().iter().filter_map(|event| event.message().map(str::to_owned)).collect(),
    }
}

fn failure(failure: &aws_sdk_ecs::types::Failure) -> Failure {
    Failure {
        reason: failure.reason().unwrap_or_default().to_owned(),
        detail: failure.detail().unwrap_or_default().to_owned(),
    }
}
