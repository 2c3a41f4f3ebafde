//! The actions on AWS, and the only crate that sees the AWS SDK. It reads what an action would change
//! ([`Aws::observe`]) and changes it with exactly one attempt ([`Aws::act`]); when to do which, how often and
//! whether at all is the engine's business. It must not decide about failover, keep state that matters after a
//! restart, or put a credential into a text.
//!
//! Every decision is a pure function of plain facts in a file of its own (`rds/*/judge.rs`, `ecs/judge.rs`,
//! `aurora/judge.rs`, `route53/judge.rs`, `fault.rs`); the code that calls AWS only calls and converts.
//!
//! | action | IAM actions | called in | can be undone |
//! |---|---|---|---|
//! | `rds.promote_read_replica` | `rds:DescribeDBInstances`, `rds:PromoteReadReplica`, `cloudwatch:GetMetricData` | the replica's region | no |
//! | `rds.fence` | `rds:DescribeDBInstances`, `rds:DescribeEvents`, `rds:ModifyDBInstance`, `rds:RebootDBInstance`, `rds:StopDBInstance` | the old primary's region | yes, by `rds.unfence` |
//! | `rds.unfence` | `rds:DescribeDBInstances`, `rds:ModifyDBInstance`, `rds:StartDBInstance` | the instance's region | yes, by fencing again |
//! | `rds.reboot` | `rds:DescribeDBInstances`, `rds:DescribeEvents`, `rds:RebootDBInstance` | the instance's region | nothing to undo |
//! | `rds.restore_to_point_in_time` | `rds:DescribeDBInstances`, `rds:DescribeAccountAttributes`, `rds:RestoreDBInstanceToPointInTime`, `rds:AddTagsToResource` | the region of both instances | yes, by deleting the new instance |
//! | `rds.create_cross_region_replica` | `rds:DescribeDBInstances`, `rds:DescribeAccountAttributes`, `rds:ModifyDBInstance`, `rds:AddTagsToResource`, `rds:CreateDBInstanceReadReplica` | the region that was left; the new primary's is read | no |
//! | `aurora.switchover` | `rds:DescribeGlobalClusters`, `rds:SwitchoverGlobalCluster` | the present writer's region; observed in the target's | no |
//! | `aurora.failover` | `rds:DescribeGlobalClusters`, `rds:FailoverGlobalCluster` | the target's region | no |
//! | `ecs.scale` | `ecs:DescribeServices`, `ecs:UpdateService`, `application-autoscaling:DescribeScalableTargets`, `application-autoscaling:RegisterScalableTarget`, `elasticloadbalancing:DescribeTargetHealth`, `cloudwatch:GetMetricData` | the service's region; once the other service's for a share of it | yes, by scaling back |
//! | `route53.repoint` | `route53:ListResourceRecordSets`, `route53:GetHostedZone`, `route53:ChangeResourceRecordSets`, `route53:GetChange` | the partition's one Route 53 control plane (us-east-1) | yes, by repointing at a higher epoch |
//! | `s3.sync` ([`s3::sync`]) | `s3:ListBucket`, `s3:GetObject`, `s3:PutObject`, `s3:AbortMultipartUpload`, `s3:DeleteObject` with `delete` | both buckets' regions | nothing to undo, unless it replaces or deletes |
#![deny(clippy::unwrap_used, clippy::wildcard_enum_match_arm, clippy::expect_used)]

mod action;
mod aurora;
mod calls;
mod clients;
mod credentials;
mod ecs;
mod fault;
pub mod iam;
mod lag;
mod purpose;
mod rds;
mod readiness;
mod route53;
pub mod s3;
mod settings;
pub mod signal;

pub use action::{AwsAction, NotAws};
pub use calls::{Answer, CallSeen, CallWatch, OPERATIONS};
pub use clients::Aws;
pub use credentials::CredentialsState;
pub use route53::epoch::{EpochMark, EpochMarkError, Fence as EpochFence, epoch_record_name};
pub use route53::zone::{AcceleratedRecovery, ZoneFacts};
pub use settings::{
    ATTEMPT_TIMEOUT, AwsSettings, CONNECT_TIMEOUT, OPERATION_TIMEOUT, StaticCredentials, Timeouts,
    TimeoutsError,
};
