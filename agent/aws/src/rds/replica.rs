//! `rds.create_cross_region_replica`: rebuilds the redundancy after a failover, in the region that was left. Only calls
//! and converts; `judge` decides.
//!
//! Three parts. 0: the old primary is renamed to `NAME-before-EPOCH`. 1: it gets the tag `quorate:renamed`, because a
//! rename takes no tags. 2: a replica of the new primary is made under the old name, with the old primary's class,
//! parameter group, option group, subnet group, KMS key and security groups. Without an old primary only part 2 is
//! left, with RDS's defaults. The old primary is never deleted: it goes on running, and costing, until somebody does.
//!
//! - **IAM:** `rds:DescribeDBInstances` (on `*`); `rds:ModifyDBInstance` and `rds:AddTagsToResource` on the old
//!   primary under both names; `rds:CreateDBInstanceReadReplica` on the replica, its groups and the source;
//!   `kms:CreateGrant` and `kms:DescribeKey` where storage is encrypted.
//! - **Called in:** the region that was left, on its RDS control plane; the new primary is read in its own region.
//! - **Cannot be undone:** the old primary's name is taken. Its data stay where they are, under the new name.
//! - **Observe** reads the instance of that name, the renamed one, and the new primary. A replica of the new primary
//!   under that name is done, whoever made it.
//! - **After `rds.fence`** the old primary has the quarantine groups, and a copy of it would be cut off: name the
//!   replica's `security_groups` then. RDS changes nothing about a stopped instance, so one must be started first.
//! - **Encrypted storage** across regions needs a key of the replica's region. In the China and GovCloud partitions it
//!   also needs a presigned URL, which is not made here: impossible there.
//! - **Unknown after an act:** a timeout, a lost or truncated reply, a 5xx, and `DBInstanceAlreadyExists`.

use aws_sdk_rds::types::Tag;
use quorate_policies::effect::{Acted, EffectContext, Observed};
use quorate_policies::plan::action::RdsCreateCrossRegionReplica;

use self::judge::Scene;
use super::instance::Instance;
use super::{EXECUTION_TAG, RENAMED_TAG, call, find, instance, made, no_such_part, once, refused_for_now};
use crate::clients::Place;
use crate::fault::Fault;

mod judge;

/// Reads the new primary, the instance of that name and the renamed one.
pub(crate) async fn observe(
    place: &Place<'_>,
    action: &RdsCreateCrossRegionReplica,
    context: &EffectContext,
) -> Observed {
    let source = match instance(&place.in_region(&action.source_region), &action.source).await {
        Ok(source) => source,
        Err(observed) => return observed,
    };
    let unread = |unread: super::Unread| Observed::Unknown { reason: unread.to_string() };
    let here = match find(place, &action.instance).await {
        Ok(here) => here,
        Err(error) => return unread(error),
    };
    let old = match find(place, &judge::name_of_old(&action.instance, context.epoch)).await {
        Ok(old) => old,
        Err(error) => return unread(error),
    };
    let scene = Scene { source: &source, here: here.as_ref(), old: old.as_ref() };
    judge::standing(action, context.epoch, &scene, context.before.as_ref())
}

/// Makes one part's call, once.
pub(crate) async fn act(
    place: &Place<'_>,
    action: &RdsCreateCrossRegionReplica,
    part: u8,
    context: &EffectContext,
) -> Acted {
    let old = judge::name_of_old(&action.instance, context.epoch);
    match part {
        judge::RENAME => rename(place, &action.instance, &old).await,
        judge::TAG => tag(place, &old, &context.execution).await,
        judge::CREATE => create(place, action, &old, &context.execution).await,
        other => no_such_part(&call(place, "rds.create_cross_region_replica", &action.instance), other),
    }
}

async fn rename(place: &Place<'_>, id: &str, new: &str) -> Acted {
    let call = call(place, "rds:ModifyDBInstance", id);
    let request = place
        .rds()
        .modify_db_instance()
        .db_instance_identifier(id)
        .new_db_instance_identifier(new)
        .apply_immediately(true);
    match request.customize().config_override(once()).send().await {
        Ok(_) => Acted::Accepted { detail: format!("{call}: new name {new} accepted") },
        Err(error) => refused_for_now(&Fault::new(call, &error)),
    }
}

async fn tag(place: &Place<'_>, id: &str, execution: &str) -> Acted {
    let call = call(place, "rds:AddTagsToResource", id);
    let arn = match find(place, id).await {
        Ok(Some(Instance { arn: Some(arn), .. })) => arn,
        Ok(_) => {
            let reason = format!("nothing sent: {call}: no instance with an ARN of that name");
            return Acted::Refused { reason, retryable: true };
        }
        Err(unread) => return unread.acted(),
    };
    let tag = Tag::builder().key(RENAMED_TAG).value(execution).build();
    let request = place.rds().add_tags_to_resource().resource_name(arn).tags(tag);
    match request.customize().config_override(once()).send().await {
        Ok(_) => Acted::Accepted { detail: format!("{call}: accepted") },
        Err(error) => refused_for_now(&Fault::new(call, &error)),
    }
}

async fn create(
    place: &Place<'_>,
    action: &RdsCreateCrossRegionReplica,
    old: &str,
    execution: &str,
) -> Acted {
    let call = call(place, "rds:CreateDBInstanceReadReplica", &action.instance);
    let source = match find(&place.in_region(&action.source_region), &action.source).await {
        Ok(Some(Instance { arn: Some(arn), .. })) => arn,
        Ok(_) => {
            let reason = format!("nothing sent: {call}: no source {} with an ARN", action.source);
            return Acted::Refused { reason, retryable: true };
        }
        Err(unread) => return unread.acted(),
    };
    let old = match find(place, old).await {
        Ok(old) => old,
        Err(unread) => return unread.acted(),
    };
    let groups = judge::groups(action, old.as_ref());
    let settings = old.map(|old| old.settings).unwrap_or_default();
    let request = place
        .rds()
        .create_db_instance_read_replica()
        .db_instance_identifier(&action.instance)
        .source_db_instance_identifier(&source)
        .set_db_instance_class(settings.class)
        .set_db_subnet_group_name(settings.subnet_group)
        .set_db_parameter_group_name(settings.parameter_group)
        .set_option_group_name(settings.option_group)
        .set_multi_az(settings.multi_az)
        .set_publicly_accessible(settings.public)
        .set_kms_key_id(action.kms_key.clone().or(settings.kms_key))
        .set_vpc_security_group_ids((!groups.is_empty()).then_some(groups))
        .tags(Tag::builder().key(EXECUTION_TAG).value(execution).build());
    match request.customize().config_override(once()).send().await {
        Ok(_) => Acted::Accepted { detail: format!("{call}: replica of {source} accepted") },
        Err(error) => made(&Fault::new(call, &error)),
    }
}
