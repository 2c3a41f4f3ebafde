//! Application Auto Scaling's calls and replies in JSON.

use serde::Deserialize;
use serde_json::{Value, json};

use super::json::{moment, parse, unknown_operation};
use crate::world::call::Call;
use crate::world::database::ACCOUNT;
use crate::world::refusal::Refusal;
use crate::world::scaling::{
    DIMENSION, NAMESPACE, Registration, ScalableTarget, ScalingCall, ScalingReply, SuspendedWish,
};

pub(super) const PREFIX: &str = "AnyScaleFrontendService.";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Describe {
    service_namespace: String,
    #[serde(default)]
    resource_ids: Vec<String>,
    scalable_dimension: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Register {
    service_namespace: String,
    resource_id: String,
    scalable_dimension: String,
    min_capacity: Option<i64>,
    max_capacity: Option<i64>,
    #[serde(default)]
    suspended_state: SuspendedWish,
}

/// Reads a call from the target header and the body.
pub(super) fn decode(target: &str, body: &[u8]) -> Result<Call, Refusal> {
    const INVALID: &str = "ValidationException";
    Ok(Call::Scaling(match target.strip_prefix(PREFIX) {
        Some("DescribeScalableTargets") => {
            let Describe {
                service_namespace: namespace,
                resource_ids: resources,
                scalable_dimension: dimension,
            } = parse(body, INVALID)?;
            ScalingCall::DescribeScalableTargets { namespace, resources, dimension }
        }
        Some("RegisterScalableTarget") => {
            let asked: Register = parse(body, INVALID)?;
            ScalingCall::RegisterScalableTarget(Registration {
                namespace: asked.service_namespace,
                resource: asked.resource_id,
                dimension: asked.scalable_dimension,
                min: asked.min_capacity,
                max: asked.max_capacity,
                suspended: asked.suspended_state,
            })
        }
        Some("DeregisterScalableTarget") => {
            let asked: Register = parse(body, INVALID)?;
            ScalingCall::DeregisterScalableTarget {
                namespace: asked.service_namespace,
                resource: asked.resource_id,
                dimension: asked.scalable_dimension,
            }
        }
        _ => return Err(unknown_operation()),
    }))
}

/// Writes a reply.
pub(super) fn encode(reply: &ScalingReply) -> String {
    match reply {
        ScalingReply::Targets(targets) => {
            let targets: Vec<Value> = targets.iter().map(target).collect();
            json!({"ScalableTargets": targets}).to_string()
        }
        ScalingReply::Registered(arn) => json!({"ScalableTargetARN": arn}).to_string(),
        ScalingReply::Done => "{}".into(),
    }
}

fn target(target: &ScalableTarget) -> Value {
    let role = format!(
        "arn:aws:iam::{ACCOUNT}:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/\
         AWSServiceRoleForApplicationAutoScaling_ECSService"
    );
    json!({
        "ServiceNamespace": NAMESPACE,
        "ResourceId": target.resource,
        "ScalableDimension": DIMENSION,
        "MinCapacity": target.min,
        "MaxCapacity": target.max,
        "RoleARN": role,
        "CreationTime": moment(target.created_ms),
        "SuspendedState": {
            "DynamicScalingInSuspended": target.suspended.scale_in,
            "DynamicScalingOutSuspended": target.suspended.scale_out,
            "ScheduledScalingSuspended": target.suspended.scheduled,
        },
        "ScalableTargetARN": target.arn,
    })
}
