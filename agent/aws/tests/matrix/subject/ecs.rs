//! The action on ECS services.

use aws_sdk_applicationautoscaling::types::ServiceNamespace;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use quorate_policies::plan::Action;
use serde_json::{Value, json};

use super::{Prepared, Subject, action};
use crate::world::World;

/// Tasks before and after.
const TASKS: (i32, i32) = (2, 6);
/// The most tasks that scaling may choose afterwards.
const MOST: i32 = 8;

pub(crate) fn subjects() -> Vec<Subject> {
    vec![Subject {
        name: "ecs.scale",
        changes: &["RegisterScalableTarget", "UpdateService"],
        reads: &["DescribeServices", "DescribeScalableTargets", "DescribeTargetHealth"],
        prepare: |world| scale(world).boxed(),
    }]
}

/// The scaling of a world's service to a number of tasks.
pub(crate) async fn scale(world: &World) -> Prepared {
    scaling(world, json!({ "desired": TASKS.1 })).await
}

/// The scaling of a world's service to what another region's runs, of which nothing can be known when that is gone.
pub(crate) async fn scale_as(world: &World, region: &str) -> Prepared {
    let other = json!({ "region": region, "cluster": "shop", "service": "web", "at_least": TASKS.1 });
    scaling(world, json!({ "percent_of": other })).await
}

/// The new range alone moves no count, because AWS does not say when it would.
async fn scaling(world: &World, mut fields: Value) -> Prepared {
    let tasks = world.tasks(TASKS.0).await;
    fields["region"] = json!(tasks.region);
    fields["cluster"] = json!(tasks.cluster);
    fields["service"] = json!(tasks.service);
    fields["scaling"] = json!({ "min": TASKS.0, "max": MOST });
    let done = format!("desired {0}, running {0}, range {1} to {MOST}", TASKS.1, TASKS.0);
    Prepared { action: action("ecs.scale", fields), look: counts, done }
}

fn counts<'a>(world: &'a World, action: &'a Action) -> BoxFuture<'a, String> {
    async move {
        let Action::EcsScale(scale) = action else { panic!("another action") };
        let shown =
            world.ecs(&scale.region).describe_services().cluster(&scale.cluster).services(&scale.service);
        let shown = shown.send().await.unwrap();
        let service = &shown.services()[0];
        let resource = format!("service/{}/{}", scale.cluster, scale.service);
        let targets = world.scaling(&scale.region).describe_scalable_targets();
        let targets = targets.service_namespace(ServiceNamespace::Ecs).resource_ids(resource);
        let targets = targets.send().await.unwrap();
        let range = targets.scalable_targets().first();
        format!(
            "desired {}, running {}, range {} to {}",
            service.desired_count(),
            service.running_count(),
            range.map_or(-1, |target| target.min_capacity()),
            range.map_or(-1, |target| target.max_capacity()),
        )
    }
    .boxed()
}
