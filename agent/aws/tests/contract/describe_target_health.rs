//! DescribeTargetHealth: running is not serving; only a healthy target takes traffic.

use aws_sdk_elasticloadbalancingv2::types::TargetHealthStateEnum;

use crate::wire::refused;
use crate::world::{Tasks, World};

contract!(follows_the_tasks, refuses_what_is_not_there);

/// The service's target group.
async fn group(world: &World, tasks: &Tasks) -> String {
    let asked = world.ecs(&tasks.region).describe_services().cluster(&tasks.cluster).services(&tasks.service);
    let reply = asked.send().await.unwrap();
    reply.services()[0].load_balancers()[0].target_group_arn().unwrap().to_owned()
}

/// Goal: each running task becomes a target, which is `initial` before it is `healthy`. Method: from one to four.
async fn follows_the_tasks(world: &World) {
    let tasks = world.tasks(1).await;
    let group = group(world, &tasks).await;
    let look = || async {
        let reply = world.balancing(&tasks.region).describe_target_health().target_group_arn(&group);
        let reply = reply.send().await.unwrap();
        let mut states: Vec<TargetHealthStateEnum> = reply
            .target_health_descriptions()
            .iter()
            .filter_map(|target| target.target_health()?.state().cloned())
            .filter(|state| *state != TargetHealthStateEnum::Draining)
            .collect();
        states.sort();
        states
    };
    world.watch(look, |states| *states == [TargetHealthStateEnum::Healthy]).await;
    let order = world.ecs(&tasks.region).update_service().cluster(&tasks.cluster).service(&tasks.service);
    order.desired_count(4).send().await.unwrap();
    let seen = world.watch(look, |states| *states == vec![TargetHealthStateEnum::Healthy; 4]).await;
    assert!(seen.iter().any(|states| states.contains(&TargetHealthStateEnum::Initial)), "{seen:?}");
}

/// Goal: a missing target group has its own code. Method: an ARN of nothing.
async fn refuses_what_is_not_there(world: &World) {
    let tasks = world.tasks(1).await;
    let (before, _) =
        group(world, &tasks).await.rsplit_once('/').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let asked = world
        .balancing(&tasks.region)
        .describe_target_health()
        .target_group_arn(format!("{before}/0123456789abcdef"));
    refused(asked.send().await, "TargetGroupNotFound", 400);
}
