//! `rds.unfence`: takes a fence away: starts the instance if it is stopped, then gives it its security groups back.
//! Only calls and converts; `judge` decides.
//!
//! Two parts: 0 starts the instance, because RDS changes nothing about one that is stopped; it comes up behind the
//! groups that it has. 1 sets the security groups.
//!
//! - **IAM:** `rds:DescribeDBInstances` (on `*`); `rds:StartDBInstance` and `rds:ModifyDBInstance` on the instance's
//!   ARN.
//! - **Called in:** the instance's region, on its RDS control plane.
//! - **Can be undone** by fencing again. It makes an old primary reachable: whether that is right is for the policy.
//! - **Observe** reads status and security groups by `DescribeDBInstances`. Done is `available` with these groups.
//! - **Unknown after an act:** a timeout, a lost or truncated reply, a 5xx. Both calls may be sent twice.

use quorate_policies::effect::{Acted, Observed};
use quorate_policies::plan::action::RdsUnfence;

use super::fence::set_groups;
use super::{call, instance, no_such_part, once, refused_for_now};
use crate::clients::Place;
use crate::fault::Fault;

mod judge;

/// Reads the instance.
pub(crate) async fn observe(place: &Place<'_>, action: &RdsUnfence) -> Observed {
    match instance(place, &action.instance).await {
        Ok(instance) => judge::standing(action, &instance),
        Err(observed) => observed,
    }
}

/// Makes one part's call, once.
pub(crate) async fn act(place: &Place<'_>, action: &RdsUnfence, part: u8) -> Acted {
    match part {
        judge::START => start(place, &action.instance).await,
        judge::GROUPS => set_groups(place, &action.instance, &action.security_groups).await,
        other => no_such_part(&call(place, "rds.unfence", &action.instance), other),
    }
}

async fn start(place: &Place<'_>, id: &str) -> Acted {
    let call = call(place, "rds:StartDBInstance", id);
    let request = place.rds().start_db_instance().db_instance_identifier(id);
    match request.customize().config_override(once()).send().await {
        Ok(_) => Acted::Accepted { detail: format!("{call}: accepted") },
        Err(error) => refused_for_now(&Fault::new(call, &error)),
    }
}
