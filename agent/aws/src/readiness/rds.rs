//! Readiness of what the actions on RDS and Aurora need. Only calls and converts; `judge` decides.

mod judge;

use aws_sdk_rds::types::DbInstance;
use quorate_policies::plan::action::{RdsCreateCrossRegionReplica, RdsFence, RdsRestoreToPointInTime};
use quorate_policies::readiness::Finding;

use self::judge::{Instance, Quota};
use super::unread;
use crate::clients::Place;
use crate::fault::{Call, Fault};

/// The replica and its source, compared.
pub(super) async fn promotion(place: &Place<'_>, instance: &str) -> Vec<Finding> {
    let replica = match read(place, instance).await {
        Ok(replica) => replica,
        Err(finding) => return vec![finding],
    };
    let mut findings = judge::replica(&replica);
    // The source is asked in its own region, which its ARN names; within a region it is a plain name.
    if let Some(source) = &replica.source {
        let parts: Vec<&str> = source.split(':').collect();
        let (region, name) = match parts[..] {
            [_, _, _, region, _, _, name] => (region, name),
            _ => (place.region, source.as_str()),
        };
        match read(&place.in_region(region), name).await {
            Ok(source) => findings.extend(judge::parity(&replica, &source)),
            Err(finding) => findings.push(finding),
        }
    }
    findings
}

/// The instance that is to be fenced.
pub(super) async fn fence(place: &Place<'_>, action: &RdsFence) -> Vec<Finding> {
    match read(place, &action.instance).await {
        Ok(instance) => judge::fence(&instance, action),
        Err(finding) => vec![finding],
    }
}

/// An instance that has to be there.
pub(super) async fn exists(place: &Place<'_>, instance: &str) -> Vec<Finding> {
    read(place, instance).await.err().into_iter().collect()
}

/// The source of a restore, and the name of the new instance.
pub(super) async fn restore(place: &Place<'_>, action: &RdsRestoreToPointInTime) -> Vec<Finding> {
    let (mut findings, storage_gib) = match read(place, &action.source).await {
        Ok(source) => (judge::restorable(&source), source.storage_gib),
        Err(finding) => (vec![finding], None),
    };
    if let Ok(there) = read(place, &action.instance).await {
        findings.push(judge::taken(&there));
    }
    findings.extend(room(place, storage_gib).await);
    findings
}

/// The source of a new replica, and whether there is room for it in its region.
pub(super) async fn replicate(place: &Place<'_>, action: &RdsCreateCrossRegionReplica) -> Vec<Finding> {
    match read(&place.in_region(&action.source_region), &action.source).await {
        Ok(source) => room(place, source.storage_gib).await,
        Err(finding) => vec![finding],
    }
}

/// Whether the account's quotas in the region have room for one more instance with so much storage.
async fn room(place: &Place<'_>, storage_gib: Option<i32>) -> Vec<Finding> {
    let call = Call {
        operation: "rds:DescribeAccountAttributes",
        region: place.region.to_owned(),
        id: "the account".to_owned(),
    };
    match place.rds().describe_account_attributes().send().await {
        Ok(reply) => {
            let quotas = reply.account_quotas().iter().filter_map(|quota| {
                let name = quota.account_quota_name()?.to_owned();
                Some(Quota { name, used: quota.used()?, max: quota.max()? })
            });
            judge::room(place.region, &quotas.collect::<Vec<_>>(), storage_gib)
        }
        Err(error) => vec![unread(&Fault::new(call, &error))],
    }
}

/// The global cluster and its target member.
pub(super) async fn global(place: &Place<'_>, id: &str, target: &str) -> Vec<Finding> {
    let call =
        Call { operation: "rds:DescribeGlobalClusters", region: place.region.to_owned(), id: id.to_owned() };
    match place.rds().describe_global_clusters().global_cluster_identifier(id).send().await {
        Ok(reply) => {
            let found = reply.global_clusters().iter().find(|g| g.global_cluster_identifier() == Some(id));
            let members = found.map(|global| {
                let arns = global.global_cluster_members().iter();
                arns.filter_map(|member| {
                    Some((member.db_cluster_arn()?.to_owned(), member.is_writer() == Some(true)))
                })
                .collect::<Vec<_>>()
            });
            judge::global(id, target, found.and_then(|global| global.status()), members.as_deref())
        }
        Err(error) => {
            let fault = Fault::new(call, &error);
            let missing = fault.code() == Some("GlobalClusterNotFoundFault");
            vec![if missing { judge::missing(&fault.to_string()) } else { unread(&fault) }]
        }
    }
}

async fn read(place: &Place<'_>, id: &str) -> Result<Instance, Finding> {
    let call =
        Call { operation: "rds:DescribeDBInstances", region: place.region.to_owned(), id: id.to_owned() };
    match place.rds().describe_db_instances().db_instance_identifier(id).send().await {
        Ok(reply) => {
            let found =
                reply.db_instances().iter().map(facts).find(|instance| instance.id.eq_ignore_ascii_case(id));
            found.ok_or_else(|| judge::missing(&format!("{call}: answered without it")))
        }
        Err(error) => {
            let fault = Fault::new(call, &error);
            let missing = fault.code() == Some("DBInstanceNotFound");
            Err(if missing { judge::missing(&fault.to_string()) } else { unread(&fault) })
        }
    }
}

fn facts(instance: &DbInstance) -> Instance {
    let text = |value: Option<&str>| value.filter(|text| !text.is_empty()).map(str::to_owned);
    let replication =
        instance.status_infos().iter().find(|info| info.status_type() == Some("read replication"));
    Instance {
        id: text(instance.db_instance_identifier()).unwrap_or_default(),
        status: text(instance.db_instance_status()),
        source: text(instance.read_replica_source_db_instance_identifier()),
        replicas: instance.read_replica_db_instance_identifiers().to_vec(),
        replication: replication.and_then(|info| text(info.status())),
        engine: text(instance.engine()),
        engine_version: text(instance.engine_version()),
        class: text(instance.db_instance_class()),
        parameter_groups: instance
            .db_parameter_groups()
            .iter()
            .filter_map(|group| text(group.db_parameter_group_name()))
            .collect(),
        multi_az: instance.multi_az(),
        storage_gib: instance.allocated_storage(),
        backup_days: instance.backup_retention_period(),
        backup_window: text(instance.preferred_backup_window()),
        groups: instance
            .vpc_security_groups()
            .iter()
            .filter_map(|g| text(g.vpc_security_group_id()))
            .collect(),
    }
}
