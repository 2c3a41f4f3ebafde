//! RDS instances in XML: what a failover and a recovery read of one.

use serde::Serialize;

use super::super::element;
use super::notes::TagList;
use crate::world::database::{Database, DatabaseStatus, Membership, Pending, STORAGE_GIB};
use crate::world::rfc3339;

const ENGINE: &str = "postgres";
const ENGINE_VERSION: &str = "16.4";
const PORT: u16 = 5432;

/// A list of instances.
pub(super) fn list(found: &[Database]) -> String {
    element("DBInstances", &InstanceList { instances: found.iter().map(Instance::of).collect() })
}

/// One instance.
pub(super) fn one(database: &Database) -> String {
    element("DBInstance", &Instance::of(database))
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
    class: String,
    engine: &'static str,
    engine_version: &'static str,
    #[serde(rename = "DBInstanceStatus")]
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<Endpoint>,
    allocated_storage: u32,
    instance_create_time: String,
    preferred_backup_window: String,
    backup_retention_period: u32,
    vpc_security_groups: Groups,
    #[serde(rename = "DBParameterGroups")]
    parameter_groups: ParameterGroups,
    availability_zone: String,
    #[serde(rename = "DBSubnetGroup")]
    subnet_group: SubnetGroup,
    pending_modified_values: PendingValues,
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_restorable_time: Option<String>,
    #[serde(rename = "MultiAZ")]
    multi_az: bool,
    #[serde(rename = "ReadReplicaSourceDBInstanceIdentifier", skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(rename = "ReadReplicaDBInstanceIdentifiers")]
    replicas: Replicas,
    option_group_memberships: OptionGroups,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_infos: Option<StatusInfos>,
    storage_encrypted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key_id: Option<String>,
    dbi_resource_id: String,
    #[serde(rename = "DBInstanceArn")]
    arn: String,
    tag_list: TagList,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Endpoint {
    address: String,
    port: u16,
}

#[derive(Serialize)]
struct Groups {
    #[serde(rename = "VpcSecurityGroupMembership")]
    groups: Vec<Group>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Group {
    vpc_security_group_id: String,
    status: String,
}

#[derive(Serialize)]
struct ParameterGroups {
    #[serde(rename = "DBParameterGroup")]
    group: ParameterGroup,
}

#[derive(Serialize)]
struct ParameterGroup {
    #[serde(rename = "DBParameterGroupName")]
    name: String,
    #[serde(rename = "ParameterApplyStatus")]
    status: &'static str,
}

#[derive(Serialize)]
struct SubnetGroup {
    #[serde(rename = "DBSubnetGroupName")]
    name: String,
    #[serde(rename = "VpcId")]
    vpc: &'static str,
    #[serde(rename = "SubnetGroupStatus")]
    status: &'static str,
}

#[derive(Serialize)]
struct OptionGroups {
    #[serde(rename = "OptionGroupMembership")]
    group: OptionGroup,
}

#[derive(Serialize)]
struct OptionGroup {
    #[serde(rename = "OptionGroupName")]
    name: String,
    #[serde(rename = "Status")]
    status: &'static str,
}

#[derive(Serialize)]
struct PendingValues {
    #[serde(rename = "BackupRetentionPeriod", skip_serializing_if = "Option::is_none")]
    backup_retention: Option<u32>,
    #[serde(rename = "MultiAZ", skip_serializing_if = "Option::is_none")]
    multi_az: Option<bool>,
    #[serde(rename = "DBInstanceIdentifier", skip_serializing_if = "Option::is_none")]
    identifier: Option<String>,
}

#[derive(Serialize)]
struct Replicas {
    #[serde(rename = "ReadReplicaDBInstanceIdentifier")]
    names: Vec<String>,
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
        let replicating = database.source.is_some() && database.status.connects();
        let info = StatusInfo { status_type: "read replication", normal: true, status: "replicating" };
        let address = format!("{}.c1a2b3c4d5e6.{}.rds.amazonaws.com", database.identifier, database.region);
        // An instance that is being made has no address yet.
        let endpoint =
            (database.status != DatabaseStatus::Creating).then_some(Endpoint { address, port: PORT });
        let group = |group: &Membership| Group {
            vpc_security_group_id: group.id.clone(),
            status: group.status.clone(),
        };
        let Pending { id, multi_az, backup_retention_days } = database.pending.clone();
        Instance {
            identifier: database.identifier.clone(),
            class: database.class.clone(),
            engine: ENGINE,
            engine_version: ENGINE_VERSION,
            status: database.status.as_str(),
            endpoint,
            allocated_storage: STORAGE_GIB,
            instance_create_time: rfc3339(database.created_ms),
            preferred_backup_window: database.backup_window.clone(),
            backup_retention_period: database.backup_retention_days,
            vpc_security_groups: Groups { groups: database.security_groups.iter().map(group).collect() },
            parameter_groups: ParameterGroups {
                group: ParameterGroup { name: database.parameter_group.clone(), status: "in-sync" },
            },
            availability_zone: format!("{}a", database.region),
            subnet_group: SubnetGroup {
                name: database.subnet_group.clone(),
                vpc: "vpc-0a1b2c3d4e5f60718",
                status: "Complete",
            },
            pending_modified_values: PendingValues {
                backup_retention: backup_retention_days,
                multi_az,
                identifier: id,
            },
            latest_restorable_time: database.restorable_ms.map(rfc3339),
            multi_az: database.multi_az,
            source: database.source.as_ref().map(|source| seen_from(&database.region, source)),
            replicas: Replicas {
                names: database.replicas.iter().map(|replica| seen_from(&database.region, replica)).collect(),
            },
            option_group_memberships: OptionGroups {
                group: OptionGroup { name: database.option_group.clone(), status: "in-sync" },
            },
            status_infos: replicating.then_some(StatusInfos { info }),
            storage_encrypted: database.kms_key.is_some(),
            kms_key_id: database.kms_key.clone(),
            dbi_resource_id: database.resource_id.clone(),
            arn: database.arn(),
            tag_list: TagList::of(&database.tags),
        }
    }
}

/// An instance is named by its identifier within its region, and by its ARN outside.
fn seen_from(region: &str, arn: &str) -> String {
    let here = format!("arn:aws:rds:{region}:");
    match arn.strip_prefix(&here) {
        Some(rest) => rest.rsplit(':').next().unwrap_or(rest).to_owned(),
        None => arn.to_owned(),
    }
}
