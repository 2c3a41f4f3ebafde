//! The AWS calls that the world understands and what it answers to them, free of any wire format.

use serde_json::{Value, json};

use super::compute::{Compute, Described};
use super::database::{Database, Promotion};
use super::zone::change::ChangeBatch;
use super::zone::{ChangeInfo, Page};

/// Who calls, and through which endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The endpoint's region, or `global`.
    pub region: String,
    /// The access key id that signed the call.
    pub access_key: String,
}

/// One AWS call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// RDS: read instances.
    DescribeDbInstances {
        /// Identifier or ARN; all of the region without it.
        identifier: Option<String>,
    },
    /// RDS: promote a replica.
    PromoteReadReplica(Promotion),
    /// ECS: read services.
    DescribeServices {
        /// Name or ARN; `default` without it.
        cluster: Option<String>,
        /// Names or ARNs.
        services: Vec<String>,
    },
    /// ECS: change a service.
    UpdateService {
        /// Name or ARN; `default` without it.
        cluster: Option<String>,
        /// Name or ARN.
        service: String,
        /// Tasks wanted; unchanged without it.
        desired: Option<i64>,
    },
    /// Route 53: read record sets.
    ListResourceRecordSets {
        /// The hosted zone's id.
        zone: String,
        /// Name to start at.
        name: Option<String>,
        /// Type to start at.
        kind: Option<String>,
        /// Page size.
        max_items: Option<usize>,
    },
    /// Route 53: change record sets.
    ChangeResourceRecordSets {
        /// The hosted zone's id.
        zone: String,
        /// The changes.
        batch: ChangeBatch,
    },
    /// Route 53: read a change's progress.
    GetChange {
        /// The change's id, without `/change/`.
        id: String,
    },
}

/// What the world answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// To `DescribeDBInstances`.
    Databases(Vec<Database>),
    /// To `PromoteReadReplica`.
    Promoting(Database),
    /// To `DescribeServices`.
    Services(Described),
    /// To `UpdateService`.
    Updated(Compute),
    /// To `ListResourceRecordSets`.
    Records(Page),
    /// To `ChangeResourceRecordSets` and `GetChange`.
    Change {
        /// The change.
        info: ChangeInfo,
        /// Whether DNS answers by it.
        insync: bool,
    },
}

impl Call {
    /// The operation's name on the wire.
    #[must_use]
    pub const fn operation(&self) -> &'static str {
        match self {
            Call::DescribeDbInstances { .. } => "DescribeDBInstances",
            Call::PromoteReadReplica(_) => "PromoteReadReplica",
            Call::DescribeServices { .. } => "DescribeServices",
            Call::UpdateService { .. } => "UpdateService",
            Call::ListResourceRecordSets { .. } => "ListResourceRecordSets",
            Call::ChangeResourceRecordSets { .. } => "ChangeResourceRecordSets",
            Call::GetChange { .. } => "GetChange",
        }
    }

    /// The service that the operation belongs to.
    #[must_use]
    pub const fn service(&self) -> &'static str {
        match self {
            Call::DescribeDbInstances { .. } | Call::PromoteReadReplica(_) => "rds",
            Call::DescribeServices { .. } | Call::UpdateService { .. } => "ecs",
            Call::ListResourceRecordSets { .. }
            | Call::ChangeResourceRecordSets { .. }
            | Call::GetChange { .. } => "route53",
        }
    }

    /// What a mutating call asks for, for the effect record; `None` for one that only reads.
    #[must_use]
    pub fn mutation(&self) -> Option<Value> {
        match self {
            Call::PromoteReadReplica(asked) => Some(json!({
                "instance": asked.identifier,
                "backup_retention_days": asked.backup_retention_days,
            })),
            Call::UpdateService { cluster, service, desired } => {
                Some(json!({"cluster": cluster, "service": service, "desired": desired}))
            }
            Call::ChangeResourceRecordSets { zone, batch } => Some(json!({"zone": zone, "batch": batch})),
            Call::DescribeDbInstances { .. }
            | Call::DescribeServices { .. }
            | Call::ListResourceRecordSets { .. }
            | Call::GetChange { .. } => None,
        }
    }
}
