//! `rds.fence`: keeps clients away from the old primary. Only calls and converts; `judge` decides.
//!
//! Three parts, in this order. 0: the security groups are replaced by quarantine groups without ingress, which keeps
//! new connections out. 1: a reboot, because connections that are open live on through a change of security groups. 2,
//! if the policy says `stop`: the instance is stopped.
//!
//! - **IAM:** `rds:DescribeDBInstances` and `rds:DescribeEvents` (on `*`); `rds:ModifyDBInstance`,
//!   `rds:RebootDBInstance` and, with `stop`, `rds:StopDBInstance` on the instance's ARN.
//! - **Called in:** the region that is left, on its RDS control plane. When that region is gone, the fence is unknown;
//!   so it is best effort, and never all that keeps two writers apart (R15).
//! - **Can be undone** by `rds.unfence` with the groups that were noted.
//! - **Observe** reads status, security groups and replicas by `DescribeDBInstances`, and the newest restart by
//!   `DescribeEvents`. A reboot is proven by a restart with another date than the one noted before part 0; a restart
//!   by somebody else between the note and part 0 would pass for ours.
//! - **Stopping** is refused by RDS while the instance has a replica or is one, so it waits for the promotion to
//!   detach the replica, and says so. RDS starts a stopped instance again after seven days: behind the quarantine
//!   groups, if they are in place.
//! - **Unknown after an act:** a timeout, a lost or truncated reply, a 5xx. Setting the same groups twice and rebooting
//!   twice harm nothing.

use quorate_policies::effect::{Acted, EffectContext, Observed};
use quorate_policies::plan::action::RdsFence;

use super::instance::Phase;
use super::{call, events, instance, no_such_part, once, refused_for_now};
use crate::clients::Place;
use crate::fault::Fault;

mod judge;

/// Reads the instance, and its newest restart where that decides something.
pub(crate) async fn observe(place: &Place<'_>, action: &RdsFence, context: &EffectContext) -> Observed {
    let instance = match instance(place, &action.instance).await {
        Ok(instance) => instance,
        Err(observed) => return observed,
    };
    let newest = match instance.phase() {
        Phase::Settled => events::newest_restart(place, &action.instance).await,
        Phase::Working | Phase::Stopped | Phase::Stuck | Phase::Unheard => Ok(None),
    };
    match newest {
        Ok(newest) => judge::standing(action, &instance, newest, context.before.as_ref()),
        Err(fault) => Observed::Unknown { reason: fault.to_string() },
    }
}

/// Makes one part's call, once.
pub(crate) async fn act(place: &Place<'_>, action: &RdsFence, part: u8) -> Acted {
    match part {
        judge::GROUPS => set_groups(place, &action.instance, &action.quarantine_groups).await,
        judge::REBOOT => reboot(place, &action.instance, false).await,
        judge::STOP => stop(place, &action.instance).await,
        other => no_such_part(&call(place, "rds.fence", &action.instance), other),
    }
}

/// Replaces an instance's security groups, once.
pub(super) async fn set_groups(place: &Place<'_>, id: &str, groups: &[String]) -> Acted {
    let call = call(place, "rds:ModifyDBInstance", id);
    let request = place
        .rds()
        .modify_db_instance()
        .db_instance_identifier(id)
        .set_vpc_security_group_ids(Some(groups.to_vec()))
        .apply_immediately(true);
    match request.customize().config_override(once()).send().await {
        Ok(_) => {
            Acted::Accepted { detail: format!("{call}: security groups {} accepted", groups.join(", ")) }
        }
        Err(error) => refused_for_now(&Fault::new(call, &error)),
    }
}

/// Reboots an instance, once.
pub(super) async fn reboot(place: &Place<'_>, id: &str, failover: bool) -> Acted {
    let call = call(place, "rds:RebootDBInstance", id);
    // Not said at all unless wanted: RDS refuses the parameter, false or true, for some engines.
    let failover = failover.then_some(true);
    let request = place.rds().reboot_db_instance().db_instance_identifier(id).set_force_failover(failover);
    match request.customize().config_override(once()).send().await {
        Ok(_) => Acted::Accepted { detail: format!("{call}: accepted") },
        Err(error) => refused_for_now(&Fault::new(call, &error)),
    }
}

async fn stop(place: &Place<'_>, id: &str) -> Acted {
    let call = call(place, "rds:StopDBInstance", id);
    match place
        .rds()
        .stop_db_instance()
        .db_instance_identifier(id)
        .customize()
        .config_override(once())
        .send()
        .await
    {
        Ok(_) => Acted::Accepted { detail: format!("{call}: accepted") },
        Err(error) => refused_for_now(&Fault::new(call, &error)),
    }
}
