//! Whether an action would work if it were needed now: its resources exist and are in a usable state, what replaces
//! something equals what it replaces, and the calls are allowed. Only reads; `rds`, `ecs` and `route53` judge what was
//! read. It must not change anything, and it must not decide whether a failover may begin.

mod ecs;
mod permissions;
mod rds;
mod route53;

use quorate_policies::effect::EffectContext;
use quorate_policies::plan::Action;
use quorate_policies::readiness::Finding;

use crate::clients::Aws;
use crate::fault::Fault;

impl Aws {
    /// What stands in the way of an action, as far as reading tells. Bounded: a few calls, each within the operation
    /// limit. An action that is not AWS's has no findings here.
    pub async fn check(&self, action: &Action, context: &EffectContext) -> Vec<Finding> {
        let role = context.role.as_ref();
        match action {
            Action::RdsPromoteReadReplica(a) => {
                rds::promotion(&self.watch(&a.region, role), &a.instance).await
            }
            Action::RdsFence(a) => rds::fence(&self.watch(&a.region, role), a).await,
            Action::RdsUnfence(a) => rds::exists(&self.watch(&a.region, role), &a.instance).await,
            Action::RdsReboot(a) => rds::exists(&self.watch(&a.region, role), &a.instance).await,
            Action::RdsRestoreToPointInTime(a) => rds::restore(&self.watch(&a.region, role), a).await,
            Action::RdsCreateCrossRegionReplica(a) => rds::replicate(&self.watch(&a.region, role), a).await,
            Action::AuroraSwitchover(a) => {
                rds::global(&self.watch(&a.region, role), &a.global_cluster, &a.target).await
            }
            Action::AuroraFailover(a) => {
                rds::global(&self.watch(&a.region, role), &a.global_cluster, &a.target).await
            }
            Action::EcsScale(a) => ecs::scale(&self.watch(&a.region, role), a).await,
            Action::Route53Repoint(a) => route53::repoint(&self.watch_control_plane(role), a).await,
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
            | Action::VerifySql(_) => Vec::new(),
        }
    }
}

/// A read that gave no answer: not allowed is known to be in the way, everything else is not known.
fn unread(fault: &Fault) -> Finding {
    if permissions::denied(fault.code()) {
        let mend = "attach the policy that `quorate iam` prints to the agents' role";
        Finding::blocking(fault.to_string(), mend)
    } else {
        Finding::unknown(fault.to_string(), "look again when the control plane answers")
    }
}
