//! The AWS calls that the world understands and what it answers to them, free of any wire format. Each
//! service has its calls and replies in its own module; what all of them share is here.

use serde::Serialize;
use serde_json::Value;

use super::aurora::{AuroraCall, AuroraReply};
use super::balancing::{BalancingCall, TargetHealth};
use super::compute::{EcsCall, EcsReply};
use super::metrics::{MetricsCall, Series};
use super::permissions::{Evaluation, PermissionsCall};
use super::rds::{RdsCall, RdsReply};
use super::route53::{Route53Call, Route53Reply};
use super::scaling::{ScalingCall, ScalingReply};
use super::tokens::{TokensCall, TokensReply};

/// Who calls, and through which endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The endpoint's region, or `global`.
    pub region: String,
    /// The access key id that signed the call.
    pub access_key: String,
}

/// One AWS call.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Call {
    /// RDS.
    Rds(RdsCall),
    /// Aurora, which is a part of RDS.
    Aurora(AuroraCall),
    /// ECS.
    Ecs(EcsCall),
    /// Application Auto Scaling.
    Scaling(ScalingCall),
    /// Elastic Load Balancing, version 2.
    Balancing(BalancingCall),
    /// CloudWatch.
    Metrics(MetricsCall),
    /// STS.
    Tokens(TokensCall),
    /// IAM.
    Permissions(PermissionsCall),
    /// Route 53.
    Route53(Route53Call),
}

/// What the world answers, by service.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// RDS.
    Rds(RdsReply),
    /// Aurora.
    Aurora(AuroraReply),
    /// ECS.
    Ecs(EcsReply),
    /// Application Auto Scaling.
    Scaling(ScalingReply),
    /// Elastic Load Balancing: the health of targets.
    Balancing(Vec<TargetHealth>),
    /// CloudWatch: one series for each query.
    Metrics(Vec<Series>),
    /// STS.
    Tokens(TokensReply),
    /// IAM: one evaluation for each call that was asked about.
    Permissions(Vec<Evaluation>),
    /// Route 53.
    Route53(Route53Reply),
}

/// Writes the names of a service's operations once, for the record and for the fault layer.
macro_rules! operations {
    ($call:ident { $($pattern:pat => $name:literal,)* }) => {
        impl $call {
            /// Every operation of the service that the sandbox knows.
            pub const OPERATIONS: &[&str] = &[$($name),*];

            /// The operation's name on the wire.
            #[must_use]
            pub const fn operation(&self) -> &'static str {
                match self { $($pattern => $name,)* }
            }
        }
    };
}
pub(crate) use operations;

/// How the names of operations begin that change nothing in the world. A new session of a role is no change:
/// it is the caller's own.
const READS: [&str; 5] = ["Describe", "Get", "List", "Assume", "Simulate"];

/// Whether an operation of this name asks for a change.
#[must_use]
pub fn mutates(operation: &str) -> bool {
    !READS.iter().any(|read| operation.starts_with(read))
}

impl Call {
    /// The operation's name on the wire.
    #[must_use]
    pub const fn operation(&self) -> &'static str {
        match self {
            Call::Rds(call) => call.operation(),
            Call::Aurora(call) => call.operation(),
            Call::Ecs(call) => call.operation(),
            Call::Scaling(call) => call.operation(),
            Call::Balancing(call) => call.operation(),
            Call::Metrics(call) => call.operation(),
            Call::Tokens(call) => call.operation(),
            Call::Permissions(call) => call.operation(),
            Call::Route53(call) => call.operation(),
        }
    }

    /// The service that the operation belongs to.
    #[must_use]
    pub const fn service(&self) -> &'static str {
        match self {
            Call::Rds(_) | Call::Aurora(_) => "rds",
            Call::Ecs(_) => "ecs",
            Call::Scaling(_) => "application-autoscaling",
            Call::Balancing(_) => "elasticloadbalancing",
            Call::Metrics(_) => "cloudwatch",
            Call::Tokens(_) => "sts",
            Call::Permissions(_) => "iam",
            Call::Route53(_) => "route53",
        }
    }

    /// What a mutating call asks for, for the effect record; `None` for one that only reads.
    #[must_use]
    pub fn mutation(&self) -> Option<Value> {
        mutates(self.operation()).then(|| serde_json::to_value(self).unwrap_or_default())
    }
}
