//! `ecs.scale`: brings a service to a count of tasks, and keeps Application Auto Scaling from taking it back. Only
//! calls and converts; `wanted`, `goal` and `judge` decide.
//!
//! - **IAM:** `ecs:DescribeServices` and `ecs:UpdateService` on the service, with an `ecs:cluster` condition;
//!   `application-autoscaling:DescribeScalableTargets` and `application-autoscaling:RegisterScalableTarget`;
//!   `elasticloadbalancing:DescribeTargetHealth`. With `percent_of` also `cloudwatch:GetMetricData` and
//!   `ecs:DescribeServices` on the other service.
//! - **Called in:** the service's own region, on the control planes of ECS and Application Auto Scaling. Scaling the
//!   old primary to zero therefore needs the region that is left and is best effort (R15). `percent_of` asks the
//!   other region once, with one attempt, and goes on without an answer.
//! - **Can be undone** by scaling back to the count and the range that were noted before the first act.
//! - **Parts:** the range, then the count, because a count outside the range may be moved by scaling. Where the new
//!   range itself would make scaling choose another count than the wanted one, the count goes first (see `goal`). A
//!   service that is no scalable target has the count alone, as part 1, and is not made one.
//! - **Observe** reads desired, running and pending counts and the events by `DescribeServices`, the range by
//!   `DescribeScalableTargets`, and, once counts and range are as wanted, the health of each target group by
//!   `DescribeTargetHealth`. If one of them cannot be read, the step waits: unknown is not absent (R7). A service that
//!   DescribeServices does not know comes back as a `failure`, not as an error.
//! - **Unknown after an act:** a timeout, a lost or truncated reply, a 5xx. Sending the same count or range twice is
//!   harmless.

use aws_sdk_applicationautoscaling::config::retry::RetryConfig;
use aws_sdk_applicationautoscaling::types::{ScalableDimension, ServiceNamespace};
use quorate_policies::effect::{Acted, EffectContext, Observed};
use quorate_policies::plan::Before;
use quorate_policies::plan::action::{EcsScale, ScalingRange};

use self::goal::{Change, Goal};
use self::judge::Tasks;
use self::wanted::Wanted;
use crate::clients::Place;
use crate::fault::{Call, Fault};

mod elsewhere;
pub(crate) mod events;
mod goal;
mod health;
mod judge;
mod tasks;
mod wanted;

/// Reads the service, its range and its targets.
pub(crate) async fn observe(place: &Place<'_>, action: &EcsScale, context: &EffectContext) -> Observed {
    match look(place, action, context).await {
        Ok(observed) | Err(observed) => observed,
    }
}

async fn look(place: &Place<'_>, action: &EcsScale, context: &EffectContext) -> Result<Observed, Observed> {
    let tasks = tasks::read(place, &action.region, &action.cluster, &action.service).await?;
    let range = range(place, action).await?;
    let (before, noted) = match &context.before {
        Some(before) => (before.clone(), None),
        None => {
            let wanted = settle(place, action, &tasks).await?;
            let Wanted { wanted, because } = wanted;
            let before = Before::Scaled { wanted, because, desired: tasks.desired, scaling: range };
            (before.clone(), Some(before))
        }
    };
    let goal = Goal::new(action, &before).map_err(|reason| Observed::Impossible { reason })?;
    if let Some(change) = goal.next(tasks.desired, range) {
        let detail = judge::to_do(&goal, &tasks, range);
        return Ok(Observed::NotDone { detail, part: goal.part(change), before: noted });
    }
    let groups = if goal.wanted == 0 { Vec::new() } else { health::read(place, action, &tasks).await? };
    Ok(judge::standing(&goal, &tasks, &groups))
}

/// Settles the wanted count, with what the other region tells if the action asks for it.
async fn settle(place: &Place<'_>, action: &EcsScale, tasks: &Tasks) -> Result<Wanted, Observed> {
    match (action.desired, &action.percent_of) {
        (Some(desired), _) => Ok(wanted::fixed(desired)),
        (None, Some(share)) => Ok(wanted::share(
            share,
            tasks.desired,
            &elsewhere::read(&place.in_region(&share.region), share).await,
        )),
        (None, None) => Err(Observed::Impossible {
            reason: "ecs.scale has neither `desired` nor `percent_of`".to_owned(),
        }),
    }
}

/// Changes the part's one thing, once.
pub(crate) async fn act(place: &Place<'_>, action: &EcsScale, part: u8, context: &EffectContext) -> Acted {
    let goal = context.before.as_ref().ok_or_else(|| "what stood before is not noted".to_owned());
    match goal.and_then(|before| Goal::new(action, before)) {
        Ok(goal) => match goal.change(part) {
            Some(Change::Count) => set_count(place, action, goal.wanted).await,
            Some(Change::Range(range)) => set_range(place, action, range).await,
            None => Acted::Refused { reason: format!("ecs.scale has no part {part} here"), retryable: false },
        },
        Err(reason) => Acted::Refused { reason, retryable: false },
    }
}

async fn set_count(place: &Place<'_>, action: &EcsScale, wanted: u32) -> Acted {
    let call = call("ecs:UpdateService", action);
    let Ok(desired) = i32::try_from(wanted) else { return too_many(&call, wanted) };
    let once = aws_sdk_ecs::config::Builder::default().retry_config(RetryConfig::disabled());
    let request =
        place.ecs().update_service().cluster(&action.cluster).service(&action.service).desired_count(desired);
    match request.customize().config_override(once).send().await {
        Ok(_) => Acted::Accepted { detail: format!("{call}: desired count {desired} accepted") },
        Err(error) => Fault::new(call, &error).acted(),
    }
}

async fn set_range(place: &Place<'_>, action: &EcsScale, range: ScalingRange) -> Acted {
    let call = call("application-autoscaling:RegisterScalableTarget", action);
    let (Ok(min), Ok(max)) = (i32::try_from(range.min), i32::try_from(range.max)) else {
        return too_many(&call, range.max);
    };
    let once =
        aws_sdk_applicationautoscaling::config::Builder::default().retry_config(RetryConfig::disabled());
    // What is not named here, such as what is suspended, stays as it is.
    let request = place
        .autoscaling()
        .register_scalable_target()
        .service_namespace(ServiceNamespace::Ecs)
        .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
        .resource_id(goal::resource(&action.cluster, &action.service))
        .min_capacity(min)
        .max_capacity(max);
    match request.customize().config_override(once).send().await {
        Ok(_) => Acted::Accepted { detail: format!("{call}: range {min} to {max} accepted") },
        Err(error) => goal::refusal(&Fault::new(call, &error)),
    }
}

/// The range of Application Auto Scaling; `None` if the service is no scalable target.
async fn range(place: &Place<'_>, action: &EcsScale) -> Result<Option<ScalingRange>, Observed> {
    let call = call("application-autoscaling:DescribeScalableTargets", action);
    let resource = goal::resource(&action.cluster, &action.service);
    let request = place
        .autoscaling()
        .describe_scalable_targets()
        .service_namespace(ServiceNamespace::Ecs)
        .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
        .resource_ids(&resource);
    let reply = request.send().await.map_err(|error| Fault::new(call, &error).observed(&[]))?;
    let ours = reply.scalable_targets().iter().find(|target| target.resource_id() == resource);
    Ok(ours.map(|target| ScalingRange {
        min: tasks::count(target.min_capacity()),
        max: tasks::count(target.max_capacity()),
    }))
}

fn too_many(call: &Call, count: u32) -> Acted {
    Acted::Refused { reason: format!("{call}: {count} is more than AWS can hold"), retryable: false }
}

fn call(operation: &'static str, action: &EcsScale) -> Call {
    let id = format!("{}/{}", action.cluster, action.service);
    Call { operation, region: action.region.clone(), id }
}
