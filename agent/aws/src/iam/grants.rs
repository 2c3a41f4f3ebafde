//! What each action may call on what. An action that calls something else fails the test that compares the calls of an
//! end-to-end run with this list.

use std::collections::{BTreeMap, BTreeSet};

use quorate_policies::plan::Action;
use quorate_policies::plan::action::{
    EcsScale, RdsCreateCrossRegionReplica, RdsRestoreToPointInTime, Route53Repoint, S3Prefix, S3Sync,
    SyncTarget,
};

use crate::route53::epoch::epoch_record_name;

/// Why a call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// To know how things stand.
    Read,
    /// To change them.
    Change,
}

/// Calls that are allowed on resources, under conditions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// IAM's names of the calls.
    pub actions: BTreeSet<String>,
    /// ARNs, or `*` where IAM knows no resource for the call.
    pub resources: BTreeSet<String>,
    /// Operator, key and values.
    pub conditions: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
}

impl Grant {
    /// One call on resources.
    #[must_use]
    pub fn on(action: &str, resources: impl IntoIterator<Item = String>) -> Self {
        Self::all(&[action], resources)
    }

    fn all(actions: &[&str], resources: impl IntoIterator<Item = String>) -> Self {
        Grant {
            actions: actions.iter().map(|action| (*action).to_owned()).collect(),
            resources: resources.into_iter().collect(),
            conditions: BTreeMap::new(),
        }
    }

    /// Calls for which IAM knows no resource.
    fn anywhere(actions: &[&str]) -> Self {
        Self::all(actions, ["*".to_owned()])
    }

    fn when(mut self, operator: &str, key: &str, values: impl IntoIterator<Item = String>) -> Self {
        let values = values.into_iter().collect();
        self.conditions.entry(operator.to_owned()).or_default().insert(key.to_owned(), values);
        self
    }
}

/// What an action calls, and why. Actions that are not AWS's call nothing here.
#[must_use]
pub fn grants(action: &Action, account: &str) -> Vec<(Purpose, Grant)> {
    let db = |region: &str, instance: &str| rds(region, account, "db", instance);
    // Readiness also looks at a replica's source, whose name stands in AWS and not in the plan.
    let instances = format!("arn:{}:rds:*:{account}:db:*", action.region().map_or("aws", partition));
    let reads_instances = || (Purpose::Read, Grant::on("rds:DescribeDBInstances", [instances.clone()]));
    let reads_events = || (Purpose::Read, Grant::anywhere(&["rds:DescribeEvents"]));
    let reads_quotas = || (Purpose::Read, Grant::anywhere(&["rds:DescribeAccountAttributes"]));
    let reads_metrics = || (Purpose::Read, Grant::anywhere(&["cloudwatch:GetMetricData"]));
    let changes = |actions: &[&str], resource: String| (Purpose::Change, Grant::all(actions, [resource]));
    match action {
        Action::RdsPromoteReadReplica(a) => vec![
            reads_instances(),
            reads_metrics(),
            changes(&["rds:PromoteReadReplica"], db(&a.region, &a.instance)),
        ],
        Action::RdsRestoreToPointInTime(a) => vec![
            reads_instances(),
            reads_quotas(),
            (Purpose::Change, restore(a, account)),
            changes(&["rds:AddTagsToResource"], db(&a.region, &a.instance)),
        ],
        Action::RdsCreateCrossRegionReplica(a) => {
            let mut all = vec![reads_instances(), reads_quotas()];
            all.extend(replicate(a, account).into_iter().map(|grant| (Purpose::Change, grant)));
            all
        }
        Action::RdsFence(a) => {
            let calls: &[&str] = if a.stop {
                &["rds:ModifyDBInstance", "rds:RebootDBInstance", "rds:StopDBInstance"]
            } else {
                &["rds:ModifyDBInstance", "rds:RebootDBInstance"]
            };
            // An abort takes the fence away again.
            let undo = changes(&["rds:StartDBInstance"], db(&a.region, &a.instance));
            vec![reads_instances(), reads_events(), changes(calls, db(&a.region, &a.instance)), undo]
        }
        Action::RdsUnfence(a) => vec![
            reads_instances(),
            changes(&["rds:ModifyDBInstance", "rds:StartDBInstance"], db(&a.region, &a.instance)),
        ],
        Action::RdsReboot(a) => vec![
            reads_instances(),
            reads_events(),
            changes(&["rds:RebootDBInstance"], db(&a.region, &a.instance)),
        ],
        Action::AuroraSwitchover(a) => {
            global(&a.global_cluster, &a.target, account, "rds:SwitchoverGlobalCluster")
        }
        Action::AuroraFailover(a) => {
            global(&a.global_cluster, &a.target, account, "rds:FailoverGlobalCluster")
        }
        Action::EcsScale(a) => scale(a, account),
        Action::Route53Repoint(a) => repoint(a),
        Action::S3Sync(a) => sync(a),
        Action::Route53Signal(_)
        | Action::DnsUpdate(_)
        | Action::DnsConverged(_)
        | Action::Exec(_)
        | Action::Http(_)
        | Action::StatuspageIncident(_)
        | Action::PostgresPromote(_)
        | Action::PostgresFence(_)
        | Action::PostgresUnfence(_)
        | Action::PostgresSwitchover(_)
        | Action::PostgresRejoin(_)
        | Action::VerifyProbes(_)
        | Action::Approval(_)
        | Action::Gate(_)
        | Action::Notify(_)
        | Action::Wait(_)
        | Action::PostgresRestore(_)
        | Action::RedisRestore(_)
        | Action::VerifySql(_) => Vec::new(),
    }
}

/// The partition of AWS in which a region lies.
pub(crate) fn partition(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}

fn rds(region: &str, account: &str, kind: &str, name: &str) -> String {
    format!("arn:{}:rds:{region}:{account}:{kind}:{name}", partition(region))
}

/// A restore names the source, the new instance and every group that the new one gets.
fn restore(a: &RdsRestoreToPointInTime, account: &str) -> Grant {
    let group =
        |kind: &str, name: Option<&String>| rds(&a.region, account, kind, name.map_or("*", String::as_str));
    Grant::all(
        &["rds:RestoreDBInstanceToPointInTime"],
        [
            rds(&a.region, account, "db", &a.source),
            rds(&a.region, account, "db", &a.instance),
            rds(&a.region, account, "auto-backup", "*"),
            group("subgrp", a.subnet_group.as_ref()),
            group("pg", a.parameter_group.as_ref()),
            rds(&a.region, account, "og", "*"),
        ],
    )
}

/// What is below a prefix may be listed, and nothing else of the bucket.
pub(crate) fn listed(at: &S3Prefix) -> Grant {
    let grant = Grant::on("s3:ListBucket", [format!("arn:{}:s3:::{}", partition(&at.region), at.bucket)]);
    match at.prefix() {
        "" => grant,
        prefix => grant.when("StringLike", "s3:prefix", [format!("{prefix}*")]),
    }
}

/// Both sides are listed and read, because both are compared; only the other one is written to.
fn sync(a: &S3Sync) -> Vec<(Purpose, Grant)> {
    let below = |at: &S3Prefix| format!("arn:{}:s3:::{}/{}*", partition(&at.region), at.bucket, at.prefix());
    let reads = |at: &S3Prefix| {
        [(Purpose::Read, listed(at)), (Purpose::Read, Grant::on("s3:GetObject", [below(at)]))]
    };
    let mut all = Vec::from(reads(&a.from));
    if let Some(SyncTarget::Objects(to)) = a.to.target() {
        all.extend(reads(&to));
        let calls: &[&str] = if a.delete {
            &["s3:PutObject", "s3:AbortMultipartUpload", "s3:DeleteObject"]
        } else {
            &["s3:PutObject", "s3:AbortMultipartUpload"]
        };
        all.push((Purpose::Change, Grant::all(calls, [below(&to)])));
    }
    all
}

/// The old primary is renamed, then its name is given to the new replica.
fn replicate(a: &RdsCreateCrossRegionReplica, account: &str) -> Vec<Grant> {
    let here = |kind: &str, name: &str| rds(&a.region, account, kind, name);
    let renamed = here("db", &format!("{}-before-*", a.instance));
    let mut all = vec![
        Grant::all(&["rds:ModifyDBInstance", "rds:AddTagsToResource"], [here("db", &a.instance), renamed]),
        Grant::all(
            &["rds:CreateDBInstanceReadReplica"],
            [
                here("db", &a.instance),
                rds(&a.source_region, account, "db", &a.source),
                here("subgrp", "*"),
                here("pg", "*"),
                here("og", "*"),
            ],
        ),
    ];
    if let Some(key) = &a.kms_key {
        let service = format!("rds.{}.amazonaws.com", a.region);
        let grant = Grant::all(&["kms:CreateGrant", "kms:DescribeKey"], [key.clone()]);
        all.push(grant.when("StringEquals", "kms:ViaService", [service]));
    }
    all
}

fn global(cluster: &str, target: &str, account: &str, call: &str) -> Vec<(Purpose, Grant)> {
    let region = target.split(':').nth(3).unwrap_or_default();
    let partition = partition(region);
    let resources = [
        format!("arn:{partition}:rds::{account}:global-cluster:{cluster}"),
        // The cluster that hands over is one of its members; which one, is seen when it happens.
        format!("arn:{partition}:rds:*:{account}:cluster:*"),
    ];
    vec![
        (Purpose::Read, Grant::on("rds:DescribeGlobalClusters", [resources[0].clone()])),
        (Purpose::Change, Grant::all(&[call], resources)),
    ]
}

fn scale(a: &EcsScale, account: &str) -> Vec<(Purpose, Grant)> {
    let service = |region: &str, cluster: &str, service: &str| {
        format!(
            "arn:{}:ecs:{region}:{account}:service/{}/{service}",
            partition(region),
            cluster_name(cluster)
        )
    };
    let ours = service(&a.region, &a.cluster, &a.service);
    let mut described = vec![ours.clone()];
    if let Some(of) = &a.percent_of {
        described.push(service(&of.region, &of.cluster, &of.service));
    }
    let cluster = format!(
        "arn:{}:ecs:{}:{account}:cluster/{}",
        partition(&a.region),
        a.region,
        cluster_name(&a.cluster)
    );
    let range = format!(
        "arn:{}:application-autoscaling:{}:{account}:scalable-target/*",
        partition(&a.region),
        a.region
    );
    let mut all = vec![
        (Purpose::Read, Grant::on("ecs:DescribeServices", described)),
        (
            Purpose::Read,
            Grant::anywhere(&[
                "application-autoscaling:DescribeScalableTargets",
                "elasticloadbalancing:DescribeTargetHealth",
            ]),
        ),
        (Purpose::Change, Grant::on("ecs:UpdateService", [ours]).when("ArnEquals", "ecs:cluster", [cluster])),
        (
            Purpose::Change,
            Grant::on("application-autoscaling:RegisterScalableTarget", [range]).when(
                "StringEquals",
                "application-autoscaling:service-namespace",
                ["ecs".to_owned()],
            ),
        ),
    ];
    if a.percent_of.is_some() {
        all.push((Purpose::Read, Grant::anywhere(&["cloudwatch:GetMetricData"])));
    }
    all
}

/// A cluster may be written as its ARN.
fn cluster_name(cluster: &str) -> &str {
    cluster.rsplit_once('/').map_or(cluster, |(_, name)| name)
}

/// The one record and its epoch record, and only as the fence's batch changes them: the record itself is never left
/// deleted, but a routed one is replaced by a DELETE and a CREATE in one batch.
fn repoint(a: &Route53Repoint) -> Vec<(Purpose, Grant)> {
    let zone = format!("arn:aws:route53:::hostedzone/{}", a.zone.trim_start_matches("/hostedzone/"));
    let record = a.record.trim_end_matches('.').to_ascii_lowercase();
    let fence = epoch_record_name(&record).to_ascii_lowercase();
    let change = Grant::on("route53:ChangeResourceRecordSets", [zone.clone()])
        .when(
            "ForAllValues:StringEquals",
            "route53:ChangeResourceRecordSetsNormalizedRecordNames",
            [record, fence.trim_end_matches('.').to_owned()],
        )
        .when(
            "ForAllValues:StringEquals",
            "route53:ChangeResourceRecordSetsRecordTypes",
            [a.kind.as_str().to_owned(), "TXT".to_owned()],
        )
        .when(
            "ForAllValues:StringEquals",
            "route53:ChangeResourceRecordSetsActions",
            ["CREATE".to_owned(), "DELETE".to_owned(), "UPSERT".to_owned()],
        );
    vec![
        (Purpose::Read, Grant::all(&["route53:ListResourceRecordSets", "route53:GetHostedZone"], [zone])),
        (Purpose::Read, Grant::on("route53:GetChange", ["arn:aws:route53:::change/*".to_owned()])),
        (Purpose::Change, change),
    ]
}
