//! RegisterScalableTarget: raises the range before the service is scaled, and gives it back.

use aws_sdk_applicationautoscaling::types::{ScalableDimension, ServiceNamespace, SuspendedState};

use crate::describe_scalable_targets::{range, resource, shown};
use crate::wire::refused;
use crate::world::{Tasks, World};

contract!(
    changes_what_is_named,
    both_calls_reach_the_count,
    refuses_a_range_upside_down,
    refuses_a_missing_service,
);

type Register =
    aws_sdk_applicationautoscaling::operation::register_scalable_target::builders::RegisterScalableTargetFluentBuilder;

fn register(world: &World, tasks: &Tasks) -> Register {
    let register = world.scaling(&tasks.region).register_scalable_target();
    let register = register.service_namespace(ServiceNamespace::Ecs).resource_id(resource(tasks));
    register.scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
}

/// Goal: what is not named stays, suspensions too. Method: change the maximum, one suspension, the minimum.
async fn changes_what_is_named(world: &World) {
    let tasks = world.tasks(1).await;
    let before = range(world, &tasks).await;
    register(world, &tasks).max_capacity(before.1 + 5).send().await.unwrap();
    assert_eq!(range(world, &tasks).await, (before.0, before.1 + 5));
    let suspend = SuspendedState::builder().dynamic_scaling_in_suspended(true).build();
    register(world, &tasks).suspended_state(suspend).send().await.unwrap();
    register(world, &tasks).min_capacity(1).send().await.unwrap();
    assert_eq!(range(world, &tasks).await, (1, before.1 + 5));
    let suspended = shown(world, &tasks).await[0].suspended_state().cloned().unwrap();
    assert_eq!(suspended.dynamic_scaling_in_suspended(), Some(true));
    assert_eq!(suspended.dynamic_scaling_out_suspended(), Some(false));
    let resume = SuspendedState::builder().dynamic_scaling_in_suspended(false).build();
    let back = register(world, &tasks).min_capacity(before.0).max_capacity(before.1).suspended_state(resume);
    back.send().await.unwrap();
    assert_eq!(range(world, &tasks).await, before);
}

/// Goal: whatever a new minimum does by itself, range and order together reach the count. Method: raise the minimum,
/// order as much, look.
async fn both_calls_reach_the_count(world: &World) {
    let tasks = world.tasks(2).await;
    let before = range(world, &tasks).await;
    register(world, &tasks).min_capacity(6).max_capacity(before.1.max(6)).send().await.unwrap();
    let order = world.ecs(&tasks.region).update_service().cluster(&tasks.cluster).service(&tasks.service);
    order.desired_count(6).send().await.unwrap();
    world.watch(|| world.counts(&tasks), |seen| *seen == (6, 6, 0)).await;
    register(world, &tasks).min_capacity(before.0).max_capacity(before.1).send().await.unwrap();
    assert_eq!(range(world, &tasks).await, before);
}

/// Goal: a range that is upside down is refused and changes nothing. Method: minimum above maximum.
async fn refuses_a_range_upside_down(world: &World) {
    let tasks = world.tasks(1).await;
    let before = range(world, &tasks).await;
    let wrong = register(world, &tasks).min_capacity(before.1 + 1).max_capacity(before.1);
    refused(wrong.send().await, "ValidationException", 400);
    assert_eq!(range(world, &tasks).await, before);
}

/// Goal: what does not exist cannot be scaled. Method: no such service.
async fn refuses_a_missing_service(world: &World) {
    let tasks = world.tasks(1).await;
    let nowhere = Tasks { service: "nowhere".into(), ..tasks };
    let wrong = register(world, &nowhere).min_capacity(1).max_capacity(2);
    refused(wrong.send().await, "ValidationException", 400);
}
