//! Reads the health of a service's target groups. Only calls and converts; `judge` says what is enough.

use aws_sdk_elasticloadbalancingv2::types::{TargetHealthDescription, TargetHealthStateEnum};
use quorate_policies::effect::Observed;
use quorate_policies::plan::action::EcsScale;

use super::judge::{Group, Tasks};
use crate::clients::Place;
use crate::fault::{Call, Fault};

/// Reads each of the service's target groups. One that cannot be read is unknown, not empty (R7).
pub(super) async fn read(
    place: &Place<'_>,
    action: &EcsScale,
    tasks: &Tasks,
) -> Result<Vec<Group>, Observed> {
    let mut groups = Vec::new();
    for arn in &tasks.groups {
        let call = Call {
            operation: "elasticloadbalancing:DescribeTargetHealth",
            region: action.region.clone(),
            id: arn.clone(),
        };
        let request = place.balancing().describe_target_health().target_group_arn(arn);
        let reply = request.send().await.map_err(|error| Fault::new(call, &error).observed(&[]))?;
        groups.extend(group(arn, reply.target_health_descriptions()));
    }
    Ok(groups)
}

/// Counts the healthy targets. A group of functions or of load balancers holds no tasks and is left out: its targets
/// are named by ARN, tasks by address or instance.
fn group(arn: &str, targets: &[TargetHealthDescription]) -> Option<Group> {
    let id = |target: &TargetHealthDescription| {
        target.target().and_then(|target| target.id()).unwrap_or_default().to_owned()
    };
    let tasks: Vec<_> = targets.iter().filter(|target| !id(target).starts_with("arn:")).collect();
    if tasks.is_empty() && !targets.is_empty() {
        return None;
    }
    let healthy = tasks.iter().filter(|target| {
        let state = target.target_health().and_then(|health| health.state());
        state == Some(&TargetHealthStateEnum::Healthy)
    });
    let healthy = u32::try_from(healthy.count()).unwrap_or(u32::MAX);
    let name = arn.split('/').nth(1).unwrap_or(arn).to_owned();
    Some(Group { name, healthy })
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_elasticloadbalancingv2::types::{TargetDescription, TargetHealth};

    fn target(id: &str, state: TargetHealthStateEnum) -> TargetHealthDescription {
        TargetHealthDescription::builder()
            .target(TargetDescription::builder().id(id).build())
            .target_health(TargetHealth::builder().state(state).build())
            .build()
    }

    /// Goal: only healthy targets that can be tasks count, and a group without any target counts none. Method: rows.
    #[test]
    fn only_healthy_tasks_count() {
        use TargetHealthStateEnum::{Draining, Healthy, Initial, Unused};
        let arn = "arn:aws:elasticloadbalancing:us-west-2:111122223333:targetgroup/web/0123456789abcdef";
        let web = |healthy| Some(Group { name: "web".into(), healthy });
        let mixed = [
            target("10.0.0.1", Healthy),
            target("10.0.0.2", Initial),
            target("10.0.0.3", Draining),
            target("i-0123", Healthy),
        ];
        assert_eq!(group(arn, &mixed), web(2));
        assert_eq!(group(arn, &[target("10.0.0.1", Unused)]), web(0));
        assert_eq!(group(arn, &[]), web(0));
        assert_eq!(group(arn, &[target("arn:aws:lambda:us-west-2:111122223333:function:f", Healthy)]), None);
    }
}
