//! `ecs.scale`: sets the desired count of a service. Only calls and converts; `judge` decides.
//!
//! - **IAM:** `ecs:DescribeServices` and `ecs:UpdateService` on the service, with an `ecs:cluster` condition.
//! - **Called in:** the service's own region, on its ECS control plane. Scaling the old primary to zero therefore
//!   needs the region that is left and is best effort (R15).
//! - **Can be undone** by scaling back to the count that the observation before the act showed.
//! - **Observe** reads desired, running and pending counts by `DescribeServices`. Tasks that run are not targets
//!   that are healthy: that is for the verification's probes. A service that DescribeServices does not know comes
//!   back as a `failure`, not as an error.
//! - **Application Auto Scaling is not touched:** ECS takes a count outside the scaling range without complaint,
//!   and scaling may later move it; set the range's minimum beforehand (P15).
//! - **Unknown after an act:** a timeout, a lost or truncated reply, a 5xx. Sending the same count twice is harmless.

use aws_sdk_ecs::config::retry::RetryConfig;
use aws_sdk_ecs::types::Service;
use quorate_policies::effect::{Acted, Observed};
use quorate_policies::plan::action::EcsScale;

use self::judge::{Failure, Tasks};
use crate::clients::Place;
use crate::fault::{Call, Fault};

mod judge;

/// The wire codes for things that do not exist.
const NOT_FOUND: [&str; 2] = ["ClusterNotFoundException", "ServiceNotFoundException"];

/// Reads the service's counts.
pub(crate) async fn observe(place: &Place<'_>, action: &EcsScale) -> Observed {
    let call = call("ecs:DescribeServices", action);
    match place.ecs().describe_services().cluster(&action.cluster).services(&action.service).send().await {
        Ok(reply) => {
            let services: Vec<Tasks> = reply.services().iter().map(facts).collect();
            let failures: Vec<Failure> = reply.failures().iter().map(failure).collect();
            judge::standing(action, &services, &failures)
        }
        Err(error) => Fault::new(call, &error).observed(&NOT_FOUND),
    }
}

/// Sets the desired count, once.
pub(crate) async fn act(place: &Place<'_>, action: &EcsScale) -> Acted {
    let call = call("ecs:UpdateService", action);
    let Ok(desired) = i32::try_from(action.desired.unwrap_or_default()) else {
        let reason = format!("{call}: desired count {:?} is more than ECS can hold", action.desired);
        return Acted::Refused { reason, retryable: false };
    };
    let once = aws_sdk_ecs::config::Builder::default().retry_config(RetryConfig::disabled());
    let request =
        place.ecs().update_service().cluster(&action.cluster).service(&action.service).desired_count(desired);
    match request.customize().config_override(once).send().await {
        Ok(_) => Acted::Accepted { detail: format!("{call}: desired count {desired} accepted") },
        Err(error) => Fault::new(call, &error).acted(),
    }
}

fn call(operation: &'static str, action: &EcsScale) -> Call {
    let id = format!("{}/{}", action.cluster, action.service);
    Call { operation, region: action.region.clone(), id }
}

fn facts(service: &Service) -> Tasks {
    Tasks {
        name: service.service_name().unwrap_or_default().to_owned(),
        arn: service.service_arn().unwrap_or_default().to_owned(),
        status: service.status().unwrap_or_default().to_owned(),
        scheduling: service.scheduling_strategy().map(|strategy| strategy.as_str().to_owned()),
        desired: i64::from(service.desired_count()),
        running: i64::from(service.running_count()),
        pending: i64::from(service.pending_count()),
    }
}

fn failure(failure: &aws_sdk_ecs::types::Failure) -> Failure {
    Failure {
        reason: failure.reason().unwrap_or_default().to_owned(),
        detail: failure.detail().unwrap_or_default().to_owned(),
    }
}
