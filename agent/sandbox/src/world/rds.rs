//! The calls of RDS, and which rule answers each. The rules themselves are in `database`.

use serde::Serialize;

use super::World;
use super::call::operations;
use super::database::change::Modification;
use super::database::event::{DbEvent, EventQuery};
use super::database::promotion::Promotion;
use super::database::replica::NewReplica;
use super::database::restore::Restore;
use super::database::{Database, Tags};
use super::refusal::Refusal;

/// One call of RDS.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum RdsCall {
    /// Reads instances.
    DescribeDbInstances {
        /// Identifier or ARN; all of the region without it.
        instance: Option<String>,
    },
    /// Promotes a replica.
    PromoteReadReplica(Promotion),
    /// Makes a new instance from another one's backups.
    RestoreDbInstanceToPointInTime(Restore),
    /// Makes a new replica.
    CreateDbInstanceReadReplica(NewReplica),
    /// Changes settings.
    ModifyDbInstance(Modification),
    /// Restarts an instance.
    RebootDbInstance {
        /// Its identifier.
        instance: String,
        /// Whether a Multi-AZ instance moves to its other zone.
        force_failover: bool,
    },
    /// Stops an instance.
    StopDbInstance {
        /// Its identifier.
        instance: String,
    },
    /// Starts a stopped instance.
    StartDbInstance {
        /// Its identifier.
        instance: String,
    },
    /// Sets tags.
    AddTagsToResource {
        /// The instance's ARN.
        resource: String,
        /// The tags.
        tags: Tags,
    },
    /// Takes tags away.
    RemoveTagsFromResource {
        /// The instance's ARN.
        resource: String,
        /// Their keys.
        keys: Vec<String>,
    },
    /// Reads tags.
    ListTagsForResource {
        /// The instance's ARN.
        resource: String,
    },
    /// Reads events.
    DescribeEvents(EventQuery),
    /// Reads the account's quotas.
    DescribeAccountAttributes,
}

/// What RDS answers.
#[derive(Debug, Clone, PartialEq)]
pub enum RdsReply {
    /// Instances that were looked for.
    Instances(Vec<Database>),
    /// The instance that a change works on.
    Instance(Box<Database>),
    /// A resource's tags.
    Tags(Tags),
    /// Nothing but success.
    Done,
    /// Events, and where the next page begins.
    Events(Vec<DbEvent>, Option<usize>),
    /// Quotas of the region: name, used, most.
    Quotas([(&'static str, usize, usize); 2]),
}

operations!(RdsCall {
    RdsCall::DescribeDbInstances { .. } => "DescribeDBInstances",
    RdsCall::PromoteReadReplica(_) => "PromoteReadReplica",
    RdsCall::RestoreDbInstanceToPointInTime(_) => "RestoreDBInstanceToPointInTime",
    RdsCall::CreateDbInstanceReadReplica(_) => "CreateDBInstanceReadReplica",
    RdsCall::ModifyDbInstance(_) => "ModifyDBInstance",
    RdsCall::RebootDbInstance { .. } => "RebootDBInstance",
    RdsCall::StopDbInstance { .. } => "StopDBInstance",
    RdsCall::StartDbInstance { .. } => "StartDBInstance",
    RdsCall::AddTagsToResource { .. } => "AddTagsToResource",
    RdsCall::RemoveTagsFromResource { .. } => "RemoveTagsFromResource",
    RdsCall::ListTagsForResource { .. } => "ListTagsForResource",
    RdsCall::DescribeEvents(_) => "DescribeEvents",
    RdsCall::DescribeAccountAttributes => "DescribeAccountAttributes",
});

impl World {
    /// The reply to a call of RDS, and whether the world changed.
    pub(super) fn call_rds(
        &mut self,
        region: &str,
        call: &RdsCall,
        now_ms: u64,
    ) -> Result<(RdsReply, bool), Refusal> {
        let databases = &mut self.databases;
        let changed = |database: Database| (RdsReply::Instance(Box::new(database)), true);
        Ok(match call {
            RdsCall::DescribeDbInstances { instance } => {
                (RdsReply::Instances(databases.describe(region, instance.as_deref())?), false)
            }
            RdsCall::PromoteReadReplica(asked) => changed(databases.promote(region, asked, now_ms)?),
            RdsCall::RestoreDbInstanceToPointInTime(asked) => {
                changed(databases.restore(region, asked, now_ms)?)
            }
            RdsCall::CreateDbInstanceReadReplica(asked) => {
                changed(databases.create_replica(region, asked, now_ms)?)
            }
            RdsCall::ModifyDbInstance(asked) => {
                let (database, altered) = databases.modify(region, asked, now_ms)?;
                (RdsReply::Instance(Box::new(database)), altered)
            }
            RdsCall::RebootDbInstance { instance, force_failover } => {
                changed(databases.reboot(region, instance, *force_failover, now_ms)?)
            }
            RdsCall::StopDbInstance { instance } => changed(databases.stop(region, instance, now_ms)?),
            RdsCall::StartDbInstance { instance } => changed(databases.start(region, instance, now_ms)?),
            RdsCall::AddTagsToResource { resource, tags } => {
                (RdsReply::Done, databases.tag(region, resource, tags)?)
            }
            RdsCall::RemoveTagsFromResource { resource, keys } => {
                (RdsReply::Done, databases.untag(region, resource, keys)?)
            }
            RdsCall::ListTagsForResource { resource } => {
                (RdsReply::Tags(databases.tags(region, resource)?), false)
            }
            RdsCall::DescribeEvents(query) => {
                let (events, next) = databases.events(region, query, now_ms)?;
                (RdsReply::Events(events, next), false)
            }
            RdsCall::DescribeAccountAttributes => (RdsReply::Quotas(databases.quotas(region)), false),
        })
    }
}
