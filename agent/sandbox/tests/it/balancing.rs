//! Elastic Load Balancing through the SDK, and what ECS says of tasks that start or cannot.

use aws_sdk_elasticloadbalancingv2::error::ProvideErrorMetadata;
use aws_sdk_elasticloadbalancingv2::types::{TargetDescription, TargetHealthStateEnum};
use serde_json::json;

use crate::bench::{Bench, WEST, until};

/// Goal: each running task is a target, `initial` first and `healthy` later; a failing application's targets
/// are unhealthy.
/// Method: find the group through ECS, scale, count the states, break the application.
#[tokio::test]
async fn targets_follow_tasks() {
    let bench = Bench::start().await;
    let (balancing, ecs) = (bench.balancing(WEST, WEST), bench.ecs(WEST, WEST));
    let found = ecs.describe_services().cluster("shop").services("web").send().await.unwrap();
    let group = found.services()[0].load_balancers()[0].target_group_arn().unwrap().to_owned();
    assert_eq!(group, bench.sandbox.endpoints().service.target_groups[WEST]);
    let states = || async {
        let health = balancing.describe_target_health().target_group_arn(&group).send().await.unwrap();
        let state = |one: &aws_sdk_elasticloadbalancingv2::types::TargetHealthDescription| {
            one.target_health().unwrap().state().unwrap().clone()
        };
        health.target_health_descriptions().iter().map(state).collect::<Vec<_>>()
    };
    assert_eq!(states().await, [TargetHealthStateEnum::Healthy, TargetHealthStateEnum::Healthy]);
    ecs.update_service().cluster("shop").service("web").desired_count(4).send().await.unwrap();
    until("an initial target", || async {
        states().await.contains(&TargetHealthStateEnum::Initial).then_some(())
    })
    .await;
    until("four healthy targets", || async {
        (states().await == vec![TargetHealthStateEnum::Healthy; 4]).then_some(())
    })
    .await;
    bench.control("fault", json!({"region": WEST, "kind": "errors", "status": 500})).await;
    assert_eq!(states().await, vec![TargetHealthStateEnum::Unhealthy; 4]);
    bench.sandbox.shutdown().await;
}

/// Goal: an unknown group is refused by its code, and an unknown target is `unused`.
/// Method: ask for each.
#[tokio::test]
async fn unknown_targets_are_told() {
    let bench = Bench::start().await;
    let client = bench.balancing(WEST, WEST);
    let unknown = client.describe_target_health().target_group_arn("arn:none").send().await.unwrap_err();
    assert_eq!(unknown.code(), Some("TargetGroupNotFound"));
    assert!(unknown.as_service_error().unwrap().is_target_group_not_found_exception());
    let group = &bench.sandbox.endpoints().service.target_groups[WEST];
    let target = TargetDescription::builder().id("192.0.2.1").port(80).build();
    let one = client.describe_target_health().target_group_arn(group).targets(target).send().await.unwrap();
    let [one] = one.target_health_descriptions() else { panic!("{one:?}") };
    assert_eq!(one.target_health().unwrap().state(), Some(&TargetHealthStateEnum::Unused));
    bench.sandbox.shutdown().await;
}

/// Goal: where there is no room the desired count is taken and tasks stay away, and the service says so; they
/// start when there is room again.
/// Method: room for three, order five, read the events, make room.
#[tokio::test]
async fn a_lack_of_room_is_told() {
    let bench = Bench::start().await;
    bench.control("room", json!({"region": WEST, "tasks": 3})).await;
    let ecs = bench.ecs(WEST, WEST);
    ecs.update_service().cluster("shop").service("web").desired_count(5).send().await.unwrap();
    let service = || async {
        let found = ecs.describe_services().cluster("shop").services("web").send().await.unwrap();
        found.services()[0].clone()
    };
    let stuck = until("the event", || async {
        let service = service().await;
        let unable = |message: &str| message.contains("was unable to place a task");
        service.events().iter().any(|event| event.message().is_some_and(unable)).then_some(service)
    })
    .await;
    assert_eq!((stuck.desired_count(), stuck.running_count(), stuck.pending_count()), (5, 3, 2));
    assert!(stuck.events()[0].created_at().is_some());
    bench.control("room", json!({"region": WEST})).await;
    until("five tasks", || async { (service().await.running_count() == 5).then_some(()) }).await;
    assert!(service().await.events()[0].message().unwrap().ends_with("has reached a steady state."));
    bench.sandbox.shutdown().await;
}
