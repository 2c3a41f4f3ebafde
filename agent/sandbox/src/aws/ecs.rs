//! ECS's awsJson1.1 protocol: the operation in a header, JSON in and out.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::world::call::{Call, Reply};
use crate::world::compute::Compute;
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
pub(super) fn decode(target: Option<&str>, body: &[u8]) -> Result<Call, Refusal> {
    match target.and_then(|target| target.strip_prefix(PREFIX)) {
        Some("DescribeServices") => {
            let DescribeServices { cluster, services } = parse(body)?;
            Ok(Call::DescribeServices { cluster, services })
        }
        Some("UpdateService") => {
            let UpdateService { cluster, service, desired_count: desired } = parse(body)?;
            Ok(Call::UpdateService { cluster, service, desired })
        }
        _ => Err(Refusal::bad("UnknownOperationException", "")),
    }
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| match error.is_data() {
        true => Refusal::bad("InvalidParameterException", error.to_string()),
        false => Refusal::bad("SerializationException", error.to_string()),
    })
}

/// Writes a reply.
pub(super) fn encode(reply: &Reply) -> String {
    match reply {
        Reply::Services((found, missing)) => {
            let failures: Vec<Value> =
                missing.iter().map(|arn| json!({"arn": arn, "reason": "MISSING"})).collect();
            let services: Vec<Value> = found.iter().map(service).collect();
            json!({"services": services, "failures": failures}).to_string()
        }
        Reply::Updated(compute) => json!({"service": service(compute)}).to_string(),
        Reply::Databases(_) | Reply::Promoting(_) | Reply::Records(_) | Reply::Change { .. } => "{}".into(),
    }
}

/// Writes a refusal.
pub(super) fn encode_refusal(refusal: &Refusal) -> String {
    match refusal.message.is_empty() {
        true => json!({"__type": refusal.code}).to_string(),
        false => json!({"__type": refusal.code, "message": refusal.message}).to_string(),
    }
}

fn service(compute: &Compute) -> Value {
    let task_definition =
        format!("arn:aws:ecs:{}:{}:task-definition/web:1", compute.region, crate::world::database::ACCOUNT);
    let settled = compute.running == compute.desired;
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
        "deployments": [{
            "id": "ecs-svc/1000000000000000001",
            "status": "PRIMARY",
            "taskDefinition": task_definition,
            "desiredCount": compute.desired,
            "runningCount": compute.running,
            "pendingCount": compute.pending,
            "rolloutState": if settled { "COMPLETED" } else { "IN_PROGRESS" },
        }],
    })
}
