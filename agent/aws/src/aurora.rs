//! `aurora.switchover` and `aurora.failover`: move the writer of an Aurora global database. Only calls and converts;
//! `judge` decides.
//!
//! - **IAM:** `rds:DescribeGlobalClusters`, and `rds:SwitchoverGlobalCluster` or `rds:FailoverGlobalCluster` on the global
//!   cluster and its member clusters.
//! - **Called in:** both are observed in the region of the cluster that becomes the writer. A failover is called there,
//!   because the writer's region may be gone. A switchover is called in the region of the present writer, which is
//!   read right before: the API reference names no region, but the Aurora user guide's instructions do, and a
//!   switchover needs a healthy writer anyway.
//! - **Which call means what:** `FailoverGlobalCluster` with neither flag is a switchover. So a switchover is
//!   `SwitchoverGlobalCluster`, which has no flag and can mean nothing else, and a failover is `FailoverGlobalCluster`
//!   with `AllowDataLoss` alone. The target is named by its ARN.
//! - **Cannot be undone:** the way back is another switchover, decided anew. A failover loses what was not replicated;
//!   AWS keeps the old volume as a snapshot for a while, and the old writer rejoins by itself.
//! - **Observe** reads the members and the failover state by `DescribeGlobalClusters`. Done is the target as the writer
//!   and no failover state.
//! - **Unknown after an act:** a timeout, a lost or truncated reply, a 5xx, and the two invalid-state codes, which an
//!   earlier call of ours whose reply was lost looks like.

use aws_sdk_rds::config::retry::RetryConfig;
use aws_sdk_rds::types::GlobalCluster;
use quorate_policies::effect::{Acted, Observed};
use quorate_policies::plan::action::{AuroraFailover, AuroraSwitchover};

use self::judge::{Global, Kind, Member, Moving};
use crate::clients::Place;
use crate::fault::{Call, Fault};

mod judge;

/// The wire code for a global cluster that does not exist.
const NOT_FOUND: &str = "GlobalClusterNotFoundFault";

/// Reads the global cluster for a switchover.
pub(crate) async fn observe_switchover(place: &Place<'_>, action: &AuroraSwitchover) -> Observed {
    observe(place, &action.global_cluster, &action.target, Kind::Switchover).await
}

/// Reads the global cluster for a failover.
pub(crate) async fn observe_failover(place: &Place<'_>, action: &AuroraFailover) -> Observed {
    if !action.allow_data_loss {
        return Observed::Impossible { reason: without_consent(action) };
    }
    observe(place, &action.global_cluster, &action.target, Kind::Failover).await
}

async fn observe(place: &Place<'_>, id: &str, target: &str, kind: Kind) -> Observed {
    match read(place, id).await {
        Ok(globals) => judge::standing(id, target, kind, &globals),
        Err(fault) => fault.observed(&[NOT_FOUND]),
    }
}

/// Asks for the switchover, once, in the region of the present writer.
pub(crate) async fn switchover(place: &Place<'_>, action: &AuroraSwitchover) -> Acted {
    let globals = match read(place, &action.global_cluster).await {
        Ok(globals) => globals,
        Err(fault) => return fault.acted_before_sending(&[NOT_FOUND]),
    };
    let Some(region) = judge::region_of_writer(&action.global_cluster, &globals) else {
        let reason = format!("nothing sent: global cluster {} shows no writer", action.global_cluster);
        return Acted::Refused { reason, retryable: true };
    };
    let there = place.in_region(&region);
    let call = call(&there, "rds:SwitchoverGlobalCluster", &action.global_cluster);
    let request = there
        .rds()
        .switchover_global_cluster()
        .global_cluster_identifier(&action.global_cluster)
        .target_db_cluster_identifier(&action.target);
    match request.customize().config_override(once()).send().await {
        Ok(_) => Acted::Accepted { detail: format!("{call}: to {}", action.target) },
        Err(error) => judge::refusal(&Fault::new(call, &error)),
    }
}

/// Asks for the failover, once, in the region of the cluster that becomes the writer.
pub(crate) async fn failover(place: &Place<'_>, action: &AuroraFailover) -> Acted {
    if !action.allow_data_loss {
        return Acted::Refused { reason: without_consent(action), retryable: false };
    }
    let call = call(place, "rds:FailoverGlobalCluster", &action.global_cluster);
    let request = place
        .rds()
        .failover_global_cluster()
        .global_cluster_identifier(&action.global_cluster)
        .target_db_cluster_identifier(&action.target)
        .allow_data_loss(true);
    match request.customize().config_override(once()).send().await {
        Ok(_) => Acted::Accepted { detail: format!("{call}: to {}, data loss allowed", action.target) },
        Err(error) => judge::refusal(&Fault::new(call, &error)),
    }
}

fn without_consent(action: &AuroraFailover) -> String {
    format!("a failover of {} loses data: `allow_data_loss: true` must be written", action.global_cluster)
}

async fn read(place: &Place<'_>, id: &str) -> Result<Vec<Global>, Fault> {
    let call = call(place, "rds:DescribeGlobalClusters", id);
    match place.rds().describe_global_clusters().global_cluster_identifier(id).send().await {
        Ok(reply) => Ok(reply.global_clusters().iter().map(facts).collect()),
        Err(error) => Err(Fault::new(call, &error)),
    }
}

fn once() -> aws_sdk_rds::config::Builder {
    aws_sdk_rds::config::Builder::default().retry_config(RetryConfig::disabled())
}

fn call(place: &Place<'_>, operation: &'static str, id: &str) -> Call {
    Call { operation, region: place.region.to_owned(), id: id.to_owned() }
}

fn facts(global: &GlobalCluster) -> Global {
    let member = |member: &aws_sdk_rds::types::GlobalClusterMember| Member {
        arn: member.db_cluster_arn().unwrap_or_default().to_owned(),
        writer: member.is_writer() == Some(true),
        synchronisation: member.synchronization_status().map(|status| status.as_str().to_owned()),
    };
    // The element is there and empty when nothing moves.
    let moving = global.failover_state().and_then(|state| {
        Some(Moving {
            status: state.status()?.as_str().to_owned(),
            to: state.to_db_cluster_arn().unwrap_or_default().to_owned(),
        })
    });
    Global {
        id: global.global_cluster_identifier().unwrap_or_default().to_owned(),
        status: global.status().map(str::to_owned),
        members: global.global_cluster_members().iter().map(member).collect(),
        moving,
    }
}
