//! ECS's calls and replies in JSON.

use serde::Deserialize;
use serde_json::{Value, json};

use super::json::{moment, parse, unknown_operation};
use crate::world::balancing::TARGET_PORT;
use crate::world::call::Call;
use crate::world::compute::{Compute, EcsCall, EcsReply, ServiceEvent};
use crate::world::refusal::Refusal;

const PREFIX: &str = "AmazonEC2ContainerServiceV20141113.";

#[derive(Deserialize)]
struct DescribeServices {
    cluster: Option<String>,
    #[serde(default)]
    services: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UpdateService {
    cluster: Option<String>,
    service: String,
    desired_count: Option<i64>,
}

/// Reads a call from the target header and the body.
pub(super) fn decode(target: &str, body: &[u8]) -> Result<Call, Refusal> {
    const INVALID: &str = "InvalidParameterException";
    Ok(Call::Ecs(match target.strip_prefix(PREFIX) {
        Some("DescribeServices") => {
            let DescribeServices { cluster, services } = parse(body, INVALID)?;
            EcsCall::DescribeServices { cluster, services }
        }
        Some("UpdateService") => {
            let UpdateService { cluster, service, desired_count: desired } = parse(body, INVALID)?;
            EcsCall::UpdateService { cluster, service, desired }
        }
        _ => return Err(unknown_operation()),
    }))
}

/// Writes a reply.
pub(super) fn encode(reply: &EcsReply) -> String {
    match reply {
        EcsReply::Services((found, missing)) => {
            let failures: Vec<Value> =
                missing.iter().map(|arn| json!({"arn": arn, "reason": "MISSING"})).collect();
            let services: Vec<Value> = found.iter().map(service).collect();
            json!({"services": services, "failures": failures}).to_string()
        }
        EcsReply::Updated(compute) => json!({"service": service(compute)}).to_string(),
    }
}

fn service(compute: &Compute) -> Value {
    let task_definition =
        format!("arn:aws:ecs:{}:{}:task-definition/web:1", compute.region, crate::world::database::ACCOUNT);
    let settled = compute.running == compute.desired;
    let events: Vec<Value> = compute.events.iter().map(event).collect();
    json!({
        "serviceArn": compute.service_arn(),
        "serviceName": compute.service,
        "clusterArn": compute.cluster_arn(),
        "status": "ACTIVE",
        "desiredCount": compute.desired,
        "runningCount": compute.running,
        "pendingCount": compute.pending,
        "launchType": "FARGATE",
        "schedulingStrategy": "REPLICA",
        "taskDefinition": task_definition,
        "loadBalancers": [{
            "targetGroupArn": compute.target_group_arn(),
            "containerName": compute.service,
            "containerPort": TARGET_PORT,
        }],
        "deployments": [{
            "id": "ecs-svc/1000000000000000001",
            "status": "PRIMARY",
            "taskDefinition": task_definition,
            "desiredCount": compute.desired,
            "runningCount": compute.running,
            "pendingCount": compute.pending,
            "rolloutState": if settled { "COMPLETED" } else { "IN_PROGRESS" },
        }],
        "events": events,
    })
}

fn event(event: &ServiceEvent) -> Value {
    let id = format!("00000000-0000-4000-8000-{:012x}", event.number);
    json!({"id": id, "createdAt": moment(event.at_ms), "message": event.message})
}
