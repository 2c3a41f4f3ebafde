//! `rds.promote_read_replica`: makes a read replica a writable instance of its own. Only calls and converts;
//! `judge` decides.
//!
//! - **IAM:** `rds:DescribeDBInstances` (on `*`), `rds:PromoteReadReplica` on the replica's ARN, and
//!   `cloudwatch:GetMetricData` (on `*`) for the lag.
//! - **Called in:** the replica's own region, on its control planes of RDS and CloudWatch. The region that is left is
//!   not needed.
//! - **Cannot be undone:** replication stops for good and the instance reboots. It takes minutes; AWS publishes
//!   no figure. Not for Aurora and not for members of a cluster.
//! - **Observe** reads the instance's status and its replica source by `DescribeDBInstances`. Done is `available`
//!   without a source: an instance that never was a replica looks the same, which readiness must exclude
//!   beforehand. Whether it takes writes is for a probe to see, not for this control plane. Before the first act it
//!   also reads the replica's lag, which nobody can read afterwards: with one call of one attempt, and a lag that
//!   cannot be read is noted as unknown and holds up nothing.
//! - **Unknown after an act:** a timeout, a lost or truncated reply, a 5xx, and `InvalidDBInstanceState`. The last
//!   says that the instance is not a replica at rest, which is exactly what an earlier promotion of ours whose
//!   reply was lost looks like. This call changed nothing, but calling it refused would let the engine fail a
//!   step whose result stands; unknown makes it observe next, and the observation tells the two apart.

use quorate_policies::effect::{Acted, EffectContext, Observed};
use quorate_policies::plan::Before;
use quorate_policies::plan::action::RdsPromoteReadReplica;

use super::{call, instance, once};
use crate::clients::Place;
use crate::fault::Fault;
use crate::lag;

mod judge;

/// Reads the instance, and its lag if nothing was noted yet.
pub(crate) async fn observe(
    place: &Place<'_>,
    action: &RdsPromoteReadReplica,
    context: &EffectContext,
) -> Observed {
    let instance = match instance(place, &action.instance).await {
        Ok(instance) => instance,
        Err(observed) => return observed,
    };
    match (judge::standing(&instance), instance.source) {
        (Observed::NotDone { detail, part, .. }, Some(source)) if context.before.is_none() => {
            let lag = lag::read(place, &action.instance).await;
            let detail = format!("{detail}; {lag}");
            Observed::NotDone { detail, part, before: Some(Before::Promoted { source, lag }) }
        }
        (seen, _) => seen,
    }
}

/// Asks for the promotion, once. Backup settings stay as they are.
pub(crate) async fn act(place: &Place<'_>, action: &RdsPromoteReadReplica) -> Acted {
    let call = call(place, "rds:PromoteReadReplica", &action.instance);
    let request = place.rds().promote_read_replica().db_instance_identifier(&action.instance);
    match request.customize().config_override(once()).send().await {
        Ok(_) => Acted::Accepted { detail: format!("{call}: accepted") },
        Err(error) => judge::refusal(&Fault::new(call, &error)),
    }
}
