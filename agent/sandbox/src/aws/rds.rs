//! RDS's query protocol: form parameters in, XML out. Only what a promotion needs is written of an instance.

use std::collections::BTreeMap;

use serde::Serialize;

use super::element;
use crate::world::call::{Call, Reply};
use crate::world::database::{Database, DatabaseStatus, Promotion};
use crate::world::refusal::Refusal;

const VERSION: &str = "2014-10-31";

/// Reads a call from a request's body.
pub(super) fn decode(body: &[u8]) -> Result<Call, Refusal> {
    let fields: BTreeMap<String, String> = url::form_urlencoded::parse(body).into_owned().collect();
    let field = |name: &str| fields.get(name).filter(|value| !value.is_empty()).cloned();
    let action = field("Action")
        .ok_or_else(|| Refusal::bad("MissingAction", "The request must contain the parameter Action"))?;
    match action.as_str() {
        "DescribeDBInstances" => {
            if fields.keys().any(|name| name.starts_with("Filters.")) {
                return Err(Refusal::bad("InvalidParameterValue", "the sandbox knows no filters"));
            }
            Ok(Call::DescribeDbInstances { identifier: field("DBInstanceIdentifier") })
        }
        "PromoteReadReplica" => {
            let missing = "The request must contain the parameter DBInstanceIdentifier";
            let identifier =
                field("DBInstanceIdentifier").ok_or_else(|| Refusal::bad("MissingParameter", missing))?;
            let retention = field("BackupRetentionPeriod").map(|days| {
                days.parse().map_err(|_| {
                    Refusal::bad("InvalidParameterValue", format!("Invalid backup retention period: {days}"))
                })
            });
            let (backup_retention_days, backup_window) =
                (retention.transpose()?, field("PreferredBackupWindow"));
            Ok(Call::PromoteReadReplica(Promotion { identifier, backup_retention_days, backup_window }))
        }
        other => Err(Refusal::bad(
            "InvalidAction",
            format!("Could not find operation {other} for version {VERSION}"),
        )),
    }
}

/// Writes a reply.
pub(super) fn encode(call: &Call, reply: &Reply, request_id: &str) -> String {
    let operation = call.operation();
    let result = match reply {
        Reply::Databases(databases) => {
            let list = InstanceList { instances: databases.iter().map(Instance::of).collect() };
            element("DBInstances", &list)
        }
        Reply::Promoting(database) => element("DBInstance", &Instance::of(database)),
        Reply::Services(_) | Reply::Updated(_) | Reply::Records(_) | Reply::Change { .. } => String::new(),
    };
    format!(
        "<{operation}Response xmlns=\"http://rds.amazonaws.com/doc/{VERSION}/\"><{operation}Result>{result}\
         </{operation}Result><ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>\
         </{operation}Response>"
    )
}

#[derive(Serialize)]
struct InstanceList {
    #[serde(rename = "DBInstance")]
    instances: Vec<Instance>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Instance {
    #[serde(rename = "DBInstanceIdentifier")]
    identifier: String,
    #[serde(rename = "DBInstanceClass")]
    class: &'static str,
    engine: &'static str,
    engine_version: &'static str,
    #[serde(rename = "DBInstanceStatus")]
    status: &'static str,
    endpoint: Endpoint,
    allocated_storage: u32,
    preferred_backup_window: String,
    backup_retention_period: u32,
    availability_zone: String,
    #[serde(rename = "MultiAZ")]
    multi_az: bool,
    #[serde(rename = "ReadReplicaSourceDBInstanceIdentifier", skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(rename = "ReadReplicaDBInstanceIdentifiers")]
    replicas: Replicas,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_infos: Option<StatusInfos>,
    #[serde(rename = "DBInstanceArn")]
    arn: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Endpoint {
    address: String,
    port: u16,
}

#[derive(Serialize)]
struct Replicas {
    #[serde(rename = "ReadReplicaDBInstanceIdentifier")]
    arns: Vec<String>,
}

#[derive(Serialize)]
struct StatusInfos {
    #[serde(rename = "DBInstanceStatusInfo")]
    info: StatusInfo,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct StatusInfo {
    status_type: &'static str,
    normal: bool,
    status: &'static str,
}

impl Instance {
    fn of(database: &Database) -> Self {
        let replicating = database.source.is_some() && database.status == DatabaseStatus::Available;
        let info = StatusInfo { status_type: "read replication", normal: true, status: "replicating" };
        Instance {
            identifier: database.identifier.clone(),
            class: "db.m6g.large",
            engine: "postgres",
            engine_version: "16.4",
            status: database.status.as_str(),
            endpoint: Endpoint {
                address: format!(
                    "{}.c1a2b3c4d5e6.{}.rds.amazonaws.com",
                    database.identifier, database.region
                ),
                port: 5432,
            },
            allocated_storage: 100,
            preferred_backup_window: database.backup_window.clone(),
            backup_retention_period: database.backup_retention_days,
            availability_zone: format!("{}a", database.region),
            multi_az: false,
            source: database.source.clone(),
            replicas: Replicas { arns: database.replicas.clone() },
            status_infos: replicating.then_some(StatusInfos { info }),
            arn: database.arn(),
        }
    }
}
