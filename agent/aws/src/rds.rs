//! What the actions on RDS instances share: reading one instance, and the way a change is sent once. Each action is
//! a module of its own with a pure `judge`. Nothing here decides.

use aws_sdk_rds::config::retry::RetryConfig;
use quorate_policies::Timestamp;
use quorate_policies::effect::{Acted, Observed};

use self::instance::Instance;
use crate::clients::Place;
use crate::fault::{Call, Fault};

mod events;
pub(crate) mod fence;
mod instance;
pub(crate) mod promote;
pub(crate) mod reboot;
pub(crate) mod replica;
pub(crate) mod restore;
pub(crate) mod unfence;

/// The wire code for an instance that does not exist.
const NOT_FOUND: &str = "DBInstanceNotFound";
/// The wire code for an instance that is not in the state that a call wants.
const INVALID_STATE: &str = "InvalidDBInstanceState";
/// The wire code for a name that is taken.
const EXISTS: &str = "DBInstanceAlreadyExists";
/// The tag of an instance that an execution made; its value is the execution's id.
const EXECUTION_TAG: &str = "quorate:execution";
/// The tag of an instance that was restored; its value is the moment that was asked for, which RDS does not tell.
const MOMENT_TAG: &str = "quorate:restored-to";
/// The tag of an old primary that gave its name to a replica; its value is the execution's id.
const RENAMED_TAG: &str = "quorate:renamed";

/// Why it is not known whether an instance is there.
#[derive(Debug, thiserror::Error)]
enum Unread {
    /// The call did not succeed.
    #[error(transparent)]
    Fault(Fault),
    /// The reply was about something else.
    #[error("{0}: answered without it")]
    Absent(Call),
}

impl Unread {
    /// What it means for an act that needed the read: its call was not made.
    fn acted(&self) -> Acted {
        Acted::Refused { reason: format!("nothing sent: {self}"), retryable: true }
    }
}

/// Reads one instance. None is RDS's own word that there is no such instance.
async fn find(place: &Place<'_>, id: &str) -> Result<Option<Instance>, Unread> {
    let call = call(place, "rds:DescribeDBInstances", id);
    match place.rds().describe_db_instances().db_instance_identifier(id).send().await {
        Ok(reply) => {
            let instances: Vec<Instance> = reply.db_instances().iter().map(Instance::from).collect();
            Instance::named(id, instances).map(Some).ok_or(Unread::Absent(call))
        }
        Err(error) => match Fault::new(call, &error) {
            fault if fault.code() == Some(NOT_FOUND) => Ok(None),
            fault => Err(Unread::Fault(fault)),
        },
    }
}

/// To which moment an instance can be restored by its automated backups; none while there is none.
pub(crate) async fn restorable(place: &Place<'_>, id: &str) -> Result<Option<Timestamp>, String> {
    let found = find(place, id).await.map_err(|unread| unread.to_string())?;
    let call = call(place, "rds:DescribeDBInstances", id);
    let instance = found.ok_or_else(|| format!("{call}: {NOT_FOUND}"))?;
    let moment = instance.restorable.and_then(|moment| moment.to_millis().ok());
    Ok(moment.and_then(|millis| u64::try_from(millis).ok()).map(Timestamp))
}

/// Reads one instance that must be there; otherwise says what that means for the observation.
async fn instance(place: &Place<'_>, id: &str) -> Result<Instance, Observed> {
    match find(place, id).await {
        Ok(Some(instance)) => Ok(instance),
        Ok(None) => {
            let call = call(place, "rds:DescribeDBInstances", id);
            Err(Observed::Impossible { reason: format!("{call}: {NOT_FOUND}") })
        }
        Err(unread) => Err(Observed::Unknown { reason: unread.to_string() }),
    }
}

/// The settings of a call that changes something: one attempt, because a retry of a call whose reply was lost turns
/// a success into a refusal.
fn once() -> aws_sdk_rds::config::Builder {
    aws_sdk_rds::config::Builder::default().retry_config(RetryConfig::disabled())
}

fn call(place: &Place<'_>, operation: &'static str, id: &str) -> Call {
    Call { operation, region: place.region.to_owned(), id: id.to_owned() }
}

/// What a change that did not succeed means, where the state that it wanted is one that passes: the call changed
/// nothing, and after another look it may be right.
fn refused_for_now(fault: &Fault) -> Acted {
    match fault.code() {
        Some(INVALID_STATE) => Acted::Refused { reason: fault.to_string(), retryable: true },
        Some(_) | None => fault.acted(),
    }
}

/// What the making of an instance that did not succeed means. A taken name is what an earlier call of ours whose reply
/// was lost looks like: the next observation tells whose it is.
fn made(fault: &Fault) -> Acted {
    match fault.code() {
        Some(EXISTS) => {
            Acted::Unknown { reason: format!("{fault}; an earlier call would look the same: observe") }
        }
        Some(_) | None => refused_for_now(fault),
    }
}

/// An act on a part that the action does not have: a mistake of the caller, and nothing is sent.
fn no_such_part(call: &Call, part: u8) -> Acted {
    Acted::Refused { reason: format!("nothing sent: {call} has no part {part}"), retryable: false }
}

/// The variant of an observation, for the judges' tables.
#[cfg(test)]
pub(crate) fn word(observed: &Observed) -> &'static str {
    match observed {
        Observed::Done { .. } => "done",
        Observed::InProgress { .. } => "in progress",
        Observed::NotDone { .. } => "not done",
        Observed::Impossible { .. } => "impossible",
        Observed::Broken { .. } => "broken",
        Observed::Unknown { .. } => "unknown",
    }
}
