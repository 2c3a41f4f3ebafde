//! `rds.reboot`: reboots an instance, which ends every session. Only calls and converts; `judge` decides.
//!
//! - **IAM:** `rds:DescribeDBInstances` and `rds:DescribeEvents` (on `*`), `rds:RebootDBInstance` on the instance's
//!   ARN.
//! - **Called in:** the instance's region, on its RDS control plane.
//! - **Nothing to undo:** the instance comes back by itself. With `failover` it comes back in its other zone.
//! - **Observe** reads the status by `DescribeDBInstances` and the newest restart by `DescribeEvents`. Done is a restart
//!   with another date than the one noted before the act.
//! - **Unknown after an act:** a timeout, a lost or truncated reply, a 5xx.

use quorate_policies::effect::{Acted, EffectContext, Observed};
use quorate_policies::plan::action::RdsReboot;

use super::instance::Phase;
use super::{events, fence, instance};
use crate::clients::Place;

mod judge;

/// Reads the instance, and its newest restart where that decides something.
pub(crate) async fn observe(place: &Place<'_>, action: &RdsReboot, context: &EffectContext) -> Observed {
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

/// Asks for the reboot, once.
pub(crate) async fn act(place: &Place<'_>, action: &RdsReboot) -> Acted {
    fence::reboot(place, &action.instance, action.failover).await
}
