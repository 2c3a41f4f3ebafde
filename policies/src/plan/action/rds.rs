//! What the actions on RDS instances say. Identifiers are those of DB instances; regions are where they live.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The latest moment that can be restored, instead of a date.
pub const LATEST: &str = "latest";

/// Fields of `rds.promote_read_replica`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RdsPromoteReadReplica {
    /// The replica's region, usually `{to}`.
    pub region: String,
    /// The replica's DB instance identifier.
    pub instance: String,
    /// A URL that answers with 2xx only when the database takes writes: the promotion is done when it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writable: Option<String>,
    /// A row that is written on the primary every few seconds: how old it is on the replica is how far the replica is
    /// behind. It is read beside CloudWatch's `ReplicaLag`, which grows on an idle PostgreSQL primary with nothing
    /// missing. PostgreSQL only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat: Option<Heartbeat>,
}

/// Where the heartbeat row is read: on the replica itself, with the password of the agent's file. The newest moment in
/// the table counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Heartbeat {
    /// The replica's host, as the agents reach it and as its certificate names it.
    pub host: String,
    /// Its port.
    #[serde(default = "postgres_port")]
    pub port: u16,
    /// The database.
    pub database: String,
    /// Who reads: needs `CONNECT` on the database and `SELECT` on the table, no more.
    pub user: String,
    /// The table, with its schema where that is not on the user's search path: `ops.quorate_heartbeat`. As PostgreSQL
    /// keeps it: upper and lower case differ.
    #[serde(default = "heartbeat_table")]
    pub table: String,
    /// Its column of the type `timestamptz`.
    #[serde(default = "heartbeat_column")]
    pub column: String,
}

fn postgres_port() -> u16 {
    5432
}

fn heartbeat_table() -> String {
    "quorate_heartbeat".to_owned()
}

fn heartbeat_column() -> String {
    "at".to_owned()
}

/// Fields of `rds.restore_to_point_in_time`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RdsRestoreToPointInTime {
    /// The region of both instances.
    pub region: String,
    /// The instance whose backups are restored.
    pub source: String,
    /// The new instance's identifier.
    pub instance: String,
    /// The moment to restore, as RFC 3339, or `latest`.
    #[serde(default = "latest")]
    pub at: String,
    /// The new instance's class; by default the source's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The new instance's subnet group; by default the source's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet_group: Option<String>,
    /// The new instance's parameter group; by default the source's. RDS itself would take the engine's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameter_group: Option<String>,
    /// The new instance's security groups; by default the source's. RDS itself would take the VPC's default group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub security_groups: Vec<String>,
}

fn latest() -> String {
    LATEST.to_owned()
}

/// Fields of `rds.create_cross_region_replica`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RdsCreateCrossRegionReplica {
    /// The region that gets the replica: the one that was left.
    pub region: String,
    /// The replica's identifier: the old primary's, which is renamed first and left alone otherwise.
    pub instance: String,
    /// The region of the new primary.
    pub source_region: String,
    /// The new primary's identifier.
    pub source: String,
    /// The replica's KMS key in its own region; needed when the source is encrypted and no old primary is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
    /// The replica's security groups; by default the old primary's. After a fence those are the quarantine groups, so
    /// name the right ones here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub security_groups: Vec<String>,
}

/// Fields of `rds.fence`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RdsFence {
    /// The old primary's region, usually `{from}`.
    pub region: String,
    /// The old primary's identifier.
    pub instance: String,
    /// Security groups without any ingress rule, prepared beforehand, which replace the instance's own.
    pub quarantine_groups: Vec<String>,
    /// Also stops the instance. RDS refuses that while it has a replica, so it belongs behind the promotion; and RDS
    /// starts it again after seven days.
    #[serde(default)]
    pub stop: bool,
}

/// Fields of `rds.unfence`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RdsUnfence {
    /// The instance's region.
    pub region: String,
    /// The instance's identifier.
    pub instance: String,
    /// The security groups that it shall have.
    pub security_groups: Vec<String>,
}

/// Fields of `rds.reboot`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RdsReboot {
    /// The instance's region.
    pub region: String,
    /// The instance's identifier.
    pub instance: String,
    /// Whether a Multi-AZ instance moves to its other zone.
    #[serde(default)]
    pub failover: bool,
}
