//! `rds.promote_read_replica`: makes a read replica a writable instance of its own. Only calls and converts;
//! `judge` decides.
//!
//! - **IAM:** `rds:DescribeDBInstances` (on `*`) and `rds:PromoteReadReplica` on the replica's ARN.
//! - **Called in:** the replica's own region, on its RDS control plane. The region that is left is not needed.
//! - **Cannot be undone:** replication stops for good and the instance reboots. It takes minutes; AWS publishes
//!   no figure. Not for Aurora and not for members of a cluster.
//! - **Observe** reads the instance's status and its replica source by `DescribeDBInstances`. Done is `available`
//!   without a source: an instance that never was a replica looks the same, which readiness must exclude
//!   beforehand. Whether it takes writes is for a probe to see, not for this control plane.
//! - **Unknown after an act:** a timeout, a lost or truncated reply, a 5xx, and `InvalidDBInstanceState`. The last
//!   says that the instance is not a replica at rest, which is exactly what an earlier promotion of ours whose
//!   reply was lost looks like. This call changed nothing, but calling it refused would let the engine fail a
//!   step whose result stands; unknown makes it observe next, and the observation tells the two apart.

use aws_sdk_rds::config::retry::RetryConfig;
use aws_sdk_rds::types::DbInstance;
use quorate_policies::effect::{Acted, Observed};
use quorate_policies::plan::action::RdsPromoteReadReplica;

use self::judge::Instance;
use crate::clients::Place;
use crate::fault::{Call, Fault};

mod judge;

/// The wire code for an instance that does not exist.
const NOT_FOUND: &str = "DBInstanceNotFound";

/// Reads the instance.
pub(crate) async fn observe(place: &Place<'_>, action: &RdsPromoteReadReplica) -> Observed {
    let call = call("rds:DescribeDBInstances", action);
    match place.rds().describe_db_instances().db_instance_identifier(&action.instance).send().await {
        Ok(reply) => {
            let instances: Vec<Instance> = reply.db_instances().iter().map(facts).collect();
            judge::standing(&action.instance, &instances)
        }
        Err(error) => Fault::new(call, &error).observed(&[NOT_FOUND]),
    }
}

/// Asks for the promotion, once. Backup settings stay as they are.
pub(crate) async fn act(place: &Place<'_>, action: &RdsPromoteReadReplica) -> Acted {
    let call = call("rds:PromoteReadReplica", action);
    let once = aws_sdk_rds::config::Builder::default().retry_config(RetryConfig::disabled());
    let request = place.rds().promote_read_replica().db_instance_identifier(&action.instance);
    match request.customize().config_override(once).send().await {
        Ok(_) => Acted::Accepted { detail: format!("{call}: accepted") },
        Err(error) => judge::refusal(&Fault::new(call, &error)),
    }
}

fn call(operation: &'static str, action: &RdsPromoteReadReplica) -> Call {
    Call { operation, region: action.region.clone(), id: action.instance.clone() }
}

fn facts(instance: &DbInstance) -> Instance {
    let text = |value: Option<&str>| value.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let instance_source = text(instance.read_replica_source_db_instance_identifier());
    let cluster_source = text(instance.read_replica_source_db_cluster_identifier());
    let replication =
        instance.status_infos().iter().find(|info| info.status_type() == Some("read replication"));
    Instance {
        id: text(instance.db_instance_identifier()).unwrap_or_default(),
        status: text(instance.db_instance_status()),
        source: instance_source.or(cluster_source),
        cluster: text(instance.db_cluster_identifier()),
        replication: replication.and_then(|info| text(info.status())),
    }
}
