//! `rds.restore_to_point_in_time`: restores an instance's backups into a new instance. Only calls and converts; `judge`
//! decides.
//!
//! - **IAM:** `rds:DescribeDBInstances` (on `*`); `rds:RestoreDBInstanceToPointInTime` and `rds:AddTagsToResource` on
//!   the ARNs of source and new instance, and on the groups that the new one gets.
//! - **Called in:** the region of both instances, on its RDS control plane. The source is only read.
//! - **Can be undone** by deleting the new instance, which nothing here does.
//! - **Observe** reads the new instance and, while it is not there, the source. Done is `available` with the tag
//!   `quorate:execution` of this execution and `quorate:restored-to` with the moment that was asked for, which the creating
//!   call sets. An instance of that name without the one is somebody else's, and one with another moment is not what the
//!   step asks for: both are impossible. What is in it, `verify.sql` asks in a later step.
//! - **Settings** that the policy does not give are the source's, read right before the call: RDS itself would take the
//!   engine's default parameter group and the VPC's default security group.
//! - **Unknown after an act:** a timeout, a lost or truncated reply, a 5xx, and `DBInstanceAlreadyExists`, which an
//!   earlier call of ours whose reply was lost looks like.

use aws_sdk_rds::types::Tag;
use quorate_policies::effect::{Acted, EffectContext, Observed};
use quorate_policies::plan::action::RdsRestoreToPointInTime;

use self::judge::Moment;
use super::{EXECUTION_TAG, MOMENT_TAG, call, find, made, once};
use crate::clients::Place;
use crate::fault::Fault;

mod judge;

/// Reads the new instance and, while there is none, the source.
pub(crate) async fn observe(
    place: &Place<'_>,
    action: &RdsRestoreToPointInTime,
    context: &EffectContext,
) -> Observed {
    match find(place, &action.instance).await {
        Ok(Some(instance)) => judge::restored(&instance, &action.at, &context.execution),
        Ok(None) => match find(place, &action.source).await {
            Ok(source) => judge::restorable(action, source.as_ref()),
            Err(unread) => Observed::Unknown { reason: unread.to_string() },
        },
        Err(unread) => Observed::Unknown { reason: unread.to_string() },
    }
}

/// Asks for the restore, once, with the source's settings where the policy gives none.
pub(crate) async fn act(
    place: &Place<'_>,
    action: &RdsRestoreToPointInTime,
    context: &EffectContext,
) -> Acted {
    let call = call(place, "rds:RestoreDBInstanceToPointInTime", &action.instance);
    let source = match find(place, &action.source).await {
        Ok(Some(source)) => source,
        Ok(None) => {
            let reason = format!("nothing sent: {call}: there is no source {}", action.source);
            return Acted::Refused { reason, retryable: false };
        }
        Err(unread) => return unread.acted(),
    };
    let (restore_time, latest) = match Moment::read(&action.at) {
        Ok(Moment::At(at)) => (Some(at), None),
        Ok(Moment::Latest) => (None, Some(true)),
        Err(why) => {
            return Acted::Refused { reason: format!("nothing sent: {call}: {why}"), retryable: false };
        }
    };
    let groups =
        if action.security_groups.is_empty() { source.group_ids() } else { action.security_groups.clone() };
    let settings = source.settings;
    let request = place
        .rds()
        .restore_db_instance_to_point_in_time()
        .source_db_instance_identifier(&action.source)
        .target_db_instance_identifier(&action.instance)
        .set_restore_time(restore_time)
        .set_use_latest_restorable_time(latest)
        .set_db_instance_class(action.class.clone().or(settings.class))
        .set_db_subnet_group_name(action.subnet_group.clone().or(settings.subnet_group))
        .set_db_parameter_group_name(action.parameter_group.clone().or(settings.parameter_group))
        .set_option_group_name(settings.option_group)
        .set_multi_az(settings.multi_az)
        .set_publicly_accessible(settings.public)
        .set_vpc_security_group_ids(Some(groups))
        .tags(Tag::builder().key(EXECUTION_TAG).value(&context.execution).build())
        .tags(Tag::builder().key(MOMENT_TAG).value(&action.at).build());
    match request.customize().config_override(once()).send().await {
        Ok(_) => Acted::Accepted { detail: format!("{call}: from {} to {}", action.source, action.at) },
        Err(error) => made(&Fault::new(call, &error)),
    }
}
