//! The actions that this crate carries out, narrowed from the closed list of all actions, so that nobody can
//! hand it one that is not AWS's. It must not do anything with them.

use quorate_policies::plan::Action;
use quorate_policies::plan::action::{
    AuroraFailover, AuroraSwitchover, EcsScale, RdsCreateCrossRegionReplica, RdsFence, RdsPromoteReadReplica,
    RdsReboot, RdsRestoreToPointInTime, RdsUnfence, Route53Repoint,
};

/// An action on AWS, borrowed from the plan's step. Its texts are resolved already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AwsAction<'a> {
    /// See [`RdsPromoteReadReplica`].
    RdsPromoteReadReplica(&'a RdsPromoteReadReplica),
    /// See [`RdsFence`].
    RdsFence(&'a RdsFence),
    /// See [`RdsUnfence`].
    RdsUnfence(&'a RdsUnfence),
    /// See [`RdsReboot`].
    RdsReboot(&'a RdsReboot),
    /// See [`RdsRestoreToPointInTime`].
    RdsRestoreToPointInTime(&'a RdsRestoreToPointInTime),
    /// See [`RdsCreateCrossRegionReplica`].
    RdsCreateCrossRegionReplica(&'a RdsCreateCrossRegionReplica),
    /// See [`AuroraSwitchover`].
    AuroraSwitchover(&'a AuroraSwitchover),
    /// See [`AuroraFailover`].
    AuroraFailover(&'a AuroraFailover),
    /// See [`EcsScale`].
    EcsScale(&'a EcsScale),
    /// See [`Route53Repoint`].
    Route53Repoint(&'a Route53Repoint),
}

/// The action is carried out elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`{kind}` is not an action on AWS")]
pub struct NotAws {
    /// The action's name in the policy.
    pub kind: &'static str,
}

impl<'a> TryFrom<&'a Action> for AwsAction<'a> {
    type Error = NotAws;

    fn try_from(action: &'a Action) -> Result<Self, NotAws> {
        match action {
            Action::RdsPromoteReadReplica(promote) => Ok(AwsAction::RdsPromoteReadReplica(promote)),
            Action::RdsFence(fence) => Ok(AwsAction::RdsFence(fence)),
            Action::RdsUnfence(unfence) => Ok(AwsAction::RdsUnfence(unfence)),
            Action::RdsReboot(reboot) => Ok(AwsAction::RdsReboot(reboot)),
            Action::RdsRestoreToPointInTime(restore) => Ok(AwsAction::RdsRestoreToPointInTime(restore)),
            Action::RdsCreateCrossRegionReplica(replica) => {
                Ok(AwsAction::RdsCreateCrossRegionReplica(replica))
            }
            Action::AuroraSwitchover(switchover) => Ok(AwsAction::AuroraSwitchover(switchover)),
            Action::AuroraFailover(failover) => Ok(AwsAction::AuroraFailover(failover)),
            Action::EcsScale(scale) => Ok(AwsAction::EcsScale(scale)),
            Action::Route53Repoint(repoint) => Ok(AwsAction::Route53Repoint(repoint)),
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
            | Action::S3Sync(_)
            | Action::VerifySql(_) => Err(NotAws { kind: action.kind() }),
        }
    }
}
