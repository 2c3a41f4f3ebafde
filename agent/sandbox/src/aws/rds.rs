//! RDS's calls and replies in the query protocol.

use super::element;
use super::query::{Form, unknown_action};
use crate::world::aurora::{AuroraCall, AuroraReply, Handover};
use crate::world::call::Call;
use crate::world::database::Tags;
use crate::world::database::change::Modification;
use crate::world::database::event::EventQuery;
use crate::world::database::promotion::Promotion;
use crate::world::database::replica::{NewReplica, Wishes};
use crate::world::database::restore::Restore;
use crate::world::rds::{RdsCall, RdsReply};
use crate::world::refusal::Refusal;

mod clusters;
mod instances;
mod notes;

pub(super) const VERSION: &str = "2014-10-31";
pub(super) const NAMESPACE: &str = "http://rds.amazonaws.com/doc/2014-10-31/";

/// Reads a call.
pub(super) fn decode(form: &Form) -> Result<Call, Refusal> {
    let action = form.action()?;
    if let Some(call) = aurora(&action, form)? {
        return Ok(Call::Aurora(call));
    }
    let instance = || form.required("DBInstanceIdentifier");
    Ok(Call::Rds(match action.as_str() {
        "DescribeDBInstances" => {
            form.refuse("Filters.")?;
            RdsCall::DescribeDbInstances { instance: form.text("DBInstanceIdentifier") }
        }
        "PromoteReadReplica" => RdsCall::PromoteReadReplica(Promotion {
            instance: instance()?,
            backup_retention_days: form.number("BackupRetentionPeriod")?,
            backup_window: form.text("PreferredBackupWindow"),
        }),
        "RestoreDBInstanceToPointInTime" => RdsCall::RestoreDbInstanceToPointInTime(Restore {
            wishes: wishes(form, "TargetDBInstanceIdentifier")?,
            source: form.required("SourceDBInstanceIdentifier")?,
            at_ms: form.moment("RestoreTime")?,
            latest: form.flag("UseLatestRestorableTime")?.unwrap_or(false),
        }),
        "CreateDBInstanceReadReplica" => RdsCall::CreateDbInstanceReadReplica(NewReplica {
            wishes: wishes(form, "DBInstanceIdentifier")?,
            source: form.required("SourceDBInstanceIdentifier")?,
            kms_key: form.text("KmsKeyId"),
            presigned: form.text("PreSignedUrl").is_some(),
        }),
        "ModifyDBInstance" => RdsCall::ModifyDbInstance(Modification {
            instance: instance()?,
            security_groups: form.list("VpcSecurityGroupIds.VpcSecurityGroupId"),
            new_identifier: form.text("NewDBInstanceIdentifier"),
            multi_az: form.flag("MultiAZ")?,
            backup_retention_days: form.number("BackupRetentionPeriod")?,
            apply_immediately: form.flag("ApplyImmediately")?.unwrap_or(false),
        }),
        "RebootDBInstance" => RdsCall::RebootDbInstance {
            instance: instance()?,
            force_failover: form.flag("ForceFailover")?.unwrap_or(false),
        },
        "StopDBInstance" => RdsCall::StopDbInstance { instance: instance()? },
        "StartDBInstance" => RdsCall::StartDbInstance { instance: instance()? },
        "AddTagsToResource" => {
            RdsCall::AddTagsToResource { resource: form.required("ResourceName")?, tags: tags(form) }
        }
        "RemoveTagsFromResource" => RdsCall::RemoveTagsFromResource {
            resource: form.required("ResourceName")?,
            keys: form.list("TagKeys.member"),
        },
        "ListTagsForResource" => RdsCall::ListTagsForResource { resource: form.required("ResourceName")? },
        "DescribeEvents" => RdsCall::DescribeEvents(events(form)?),
        "DescribeAccountAttributes" => RdsCall::DescribeAccountAttributes,
        other => return Err(unknown_action(other, VERSION)),
    }))
}

fn aurora(action: &str, form: &Form) -> Result<Option<AuroraCall>, Refusal> {
    Ok(Some(match action {
        "DescribeGlobalClusters" => {
            form.refuse("Filters.")?;
            AuroraCall::DescribeGlobalClusters { identifier: form.text("GlobalClusterIdentifier") }
        }
        "DescribeDBClusters" => {
            form.refuse("Filters.")?;
            AuroraCall::DescribeDbClusters { identifier: form.text("DBClusterIdentifier") }
        }
        "SwitchoverGlobalCluster" => AuroraCall::SwitchoverGlobalCluster(handover(form)?),
        "FailoverGlobalCluster" => AuroraCall::FailoverGlobalCluster(handover(form)?),
        _ => return Ok(None),
    }))
}

fn handover(form: &Form) -> Result<Handover, Refusal> {
    Ok(Handover {
        global_cluster: form.required("GlobalClusterIdentifier")?,
        target: form.required("TargetDbClusterIdentifier")?,
        allow_data_loss: form.flag("AllowDataLoss")?.unwrap_or(false),
        switchover: form.flag("Switchover")?.unwrap_or(false),
    })
}

fn wishes(form: &Form, identifier: &str) -> Result<Wishes, Refusal> {
    Ok(Wishes {
        instance: form.required(identifier)?,
        class: form.text("DBInstanceClass"),
        subnet_group: form.text("DBSubnetGroupName"),
        parameter_group: form.text("DBParameterGroupName"),
        option_group: form.text("OptionGroupName"),
        security_groups: form.list("VpcSecurityGroupIds.VpcSecurityGroupId"),
        multi_az: form.flag("MultiAZ")?,
        tags: tags(form),
    })
}

fn tags(form: &Form) -> Tags {
    let tags = form.pairs("Tags.Tag", "Key", "Value").into_iter();
    tags.map(|(key, value)| (key, value.unwrap_or_default())).collect()
}

fn events(form: &Form) -> Result<EventQuery, Refusal> {
    Ok(EventQuery {
        source: form.text("SourceIdentifier"),
        source_type: form.text("SourceType"),
        minutes: form.number("Duration")?,
        from_ms: form.moment("StartTime")?,
        to_ms: form.moment("EndTime")?,
        categories: form.list("EventCategories.EventCategory"),
        max_records: form.number("MaxRecords")?,
        marker: form.number("Marker")?,
    })
}

/// Writes a reply's result.
pub(super) fn encode(reply: &RdsReply) -> String {
    match reply {
        RdsReply::Instances(found) => instances::list(found),
        RdsReply::Instance(one) => instances::one(one),
        RdsReply::Tags(tags) => element("TagList", &notes::TagList::of(tags)),
        RdsReply::Events(events, next) => notes::events(events, *next),
        RdsReply::Quotas(quotas) => notes::quotas(quotas),
        RdsReply::Done => String::new(),
    }
}

/// Writes the result of a reply of Aurora.
pub(super) fn encode_aurora(reply: &AuroraReply) -> String {
    match reply {
        AuroraReply::GlobalClusters(found) => clusters::globals(found),
        AuroraReply::GlobalCluster(one) => clusters::global(one),
        AuroraReply::Clusters(found) => clusters::members(found),
    }
}
