//! DescribeScalableTargets: the range that an undo has to give back.

use aws_sdk_applicationautoscaling::types::{ScalableDimension, ScalableTarget, ServiceNamespace};

use crate::world::{Tasks, World};

contract!(shows_the_range, shows_nothing_for_what_is_not_there);

/// The name that scaling has for a service.
pub(crate) fn resource(tasks: &Tasks) -> String {
    format!("service/{}/{}", tasks.cluster, tasks.service)
}

/// The targets of one service: none or one.
pub(crate) async fn shown(world: &World, tasks: &Tasks) -> Vec<ScalableTarget> {
    let asked = world.scaling(&tasks.region).describe_scalable_targets();
    let asked = asked.service_namespace(ServiceNamespace::Ecs).resource_ids(resource(tasks));
    let reply = asked.scalable_dimension(ScalableDimension::EcsServiceDesiredCount).send().await.unwrap();
    reply.scalable_targets().to_vec()
}

/// Minimum and maximum. The service must have a range.
pub(crate) async fn range(world: &World, tasks: &Tasks) -> (i32, i32) {
    let targets = shown(world, tasks).await;
    (targets[0].min_capacity(), targets[0].max_capacity())
}

/// Goal: the range is shown with what it is for, and nothing is suspended. Method: read it.
async fn shows_the_range(world: &World) {
    let tasks = world.tasks(1).await;
    let targets = shown(world, &tasks).await;
    let [target] = targets.as_slice() else { panic!("not one target: {targets:?}") };
    assert_eq!(target.resource_id(), resource(&tasks));
    assert_eq!(*target.service_namespace(), ServiceNamespace::Ecs);
    assert!(target.min_capacity() <= target.max_capacity(), "{target:?}");
    let suspended = target.suspended_state().unwrap();
    assert_eq!(suspended.dynamic_scaling_in_suspended(), Some(false));
    assert_eq!(suspended.dynamic_scaling_out_suspended(), Some(false));
}

/// Goal: a service without a range is an empty list, not an error. Method: no such service.
async fn shows_nothing_for_what_is_not_there(world: &World) {
    let tasks = world.tasks(1).await;
    let nowhere = Tasks { service: "nowhere".into(), ..tasks };
    assert_eq!(shown(world, &nowhere).await, []);
}
