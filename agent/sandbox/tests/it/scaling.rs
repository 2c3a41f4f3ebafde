//! Application Auto Scaling through the SDK: ranges, suspension, and what ECS makes of them.

use aws_sdk_applicationautoscaling::Client;
use aws_sdk_applicationautoscaling::error::ProvideErrorMetadata;
use aws_sdk_applicationautoscaling::types::{
    ScalableDimension, ScalableTarget, ServiceNamespace, SuspendedState,
};

use crate::bench::{Bench, EAST, WEST, until};

const RESOURCE: &str = "service/shop/web";

async fn target(client: &Client) -> Option<ScalableTarget> {
    let found =
        client.describe_scalable_targets().service_namespace(ServiceNamespace::Ecs).resource_ids(RESOURCE);
    found.send().await.unwrap().scalable_targets().first().cloned()
}

fn register(
    client: &Client,
) -> aws_sdk_applicationautoscaling::operation::register_scalable_target::builders::RegisterScalableTargetFluentBuilder
{
    client
        .register_scalable_target()
        .service_namespace(ServiceNamespace::Ecs)
        .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
        .resource_id(RESOURCE)
}

/// Goal: a range is described, changed in part, and keeps what is left out, suspension included.
/// Method: read, change each part, read again.
#[tokio::test]
async fn ranges_are_kept() {
    let bench = Bench::start().await;
    let client = bench.scaling(WEST, WEST);
    let before = target(&client).await.unwrap();
    assert_eq!((before.min_capacity(), before.max_capacity()), (2, 20));
    assert!(before.scalable_target_arn().is_some());
    let suspended = SuspendedState::builder().dynamic_scaling_in_suspended(true).build();
    let answered = register(&client).max_capacity(40).suspended_state(suspended).send().await.unwrap();
    assert_eq!(answered.scalable_target_arn(), before.scalable_target_arn());
    register(&client).min_capacity(1).send().await.unwrap();
    let after = target(&client).await.unwrap();
    assert_eq!((after.min_capacity(), after.max_capacity()), (1, 40));
    let suspended = after.suspended_state().unwrap();
    assert_eq!(
        (suspended.dynamic_scaling_in_suspended(), suspended.dynamic_scaling_out_suspended()),
        (Some(true), Some(false))
    );
    bench.sandbox.shutdown().await;
}

/// Goal: refusals have wire codes.
/// Method: a range upside down, a service that does not exist, a target that is gone.
#[tokio::test]
async fn refusals_have_wire_codes() {
    let bench = Bench::start().await;
    let client = bench.scaling(EAST, EAST);
    let upside_down = register(&client).min_capacity(5).max_capacity(4).send().await.unwrap_err();
    assert_eq!(upside_down.code(), Some("ValidationException"));
    assert!(upside_down.as_service_error().unwrap().is_validation_exception());
    let unknown = register(&client).resource_id("service/shop/api").min_capacity(1).max_capacity(2);
    assert_eq!(unknown.send().await.unwrap_err().code(), Some("ValidationException"));
    let deregister = || {
        client
            .deregister_scalable_target()
            .service_namespace(ServiceNamespace::Ecs)
            .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
            .resource_id(RESOURCE)
            .send()
    };
    deregister().await.unwrap();
    assert!(target(&client).await.is_none());
    assert_eq!(deregister().await.unwrap_err().code(), Some("ObjectNotFoundException"));
    let half = register(&client).min_capacity(1).send().await.unwrap_err();
    assert_eq!(half.code(), Some("ValidationException"), "a new target needs both ends");
    bench.sandbox.shutdown().await;
}

/// Goal: a raised minimum brings the service up by itself, and ECS takes a count outside the range.
/// Method: raise it and wait; then order zero tasks.
#[tokio::test]
async fn a_raised_minimum_is_followed() {
    let bench = Bench::start().await;
    let (client, ecs) = (bench.scaling(WEST, WEST), bench.ecs(WEST, WEST));
    register(&client).min_capacity(6).send().await.unwrap();
    until("six tasks", || async {
        let found = ecs.describe_services().cluster("shop").services("web").send().await.unwrap();
        (found.services()[0].running_count() == 6).then_some(())
    })
    .await;
    let zero = ecs.update_service().cluster("shop").service("web").desired_count(0).send().await.unwrap();
    assert_eq!(zero.service().unwrap().desired_count(), 0);
    bench.sandbox.shutdown().await;
}
