//! What the facts about an RDS instance mean for its promotion. Pure: no call, no clock.

use quorate_policies::effect::{Acted, Observed};

use super::super::INVALID_STATE;
use super::super::instance::{Instance, Phase};
use crate::fault::Fault;

/// Where the promotion of an instance stands.
pub(super) fn standing(instance: &Instance) -> Observed {
    let detail = describe(instance);
    if let Some(cluster) = &instance.cluster {
        let reason = format!("{detail}: a member of cluster {cluster} is not promoted by PromoteReadReplica");
        return Observed::Impossible { reason };
    }
    match (instance.phase(), &instance.source) {
        (Phase::Settled, None) => Observed::Done { detail },
        (Phase::Settled, Some(_)) => Observed::not_done(detail),
        (Phase::Working, Some(_)) if instance.status() == "backing-up" => {
            Observed::InProgress { detail: format!("{detail}: promotion waits out the backup") }
        }
        // A replica cannot be stopped, and a stopped instance comes back only after days or by hand.
        (Phase::Working, Some(_) | None) if instance.status() == "stopping" => {
            Observed::Impossible { reason: detail }
        }
        (Phase::Working, Some(_) | None) => Observed::InProgress { detail },
        (Phase::Stuck | Phase::Stopped, Some(_) | None) => Observed::Impossible { reason: detail },
        (Phase::Unheard, Some(_) | None) => {
            Observed::Unknown { reason: format!("{detail}: status not known") }
        }
    }
}

/// What a promotion that did not succeed means.
pub(super) fn refusal(fault: &Fault) -> Acted {
    match fault.code() {
        Some(INVALID_STATE) => {
            Acted::Unknown { reason: format!("{fault}; an earlier promotion would look the same: observe") }
        }
        Some(_) | None => fault.acted(),
    }
}

fn describe(instance: &Instance) -> String {
    let role = match (&instance.source, &instance.replication) {
        (Some(source), Some(state)) => format!("replica of {source} ({state})"),
        (Some(source), None) => format!("replica of {source}"),
        (None, Some(_) | None) => "no replica source".to_owned(),
    };
    format!("instance {} is {}, {role}", instance.id, instance.status())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Call, FaultKind};
    use crate::rds::word;

    fn instance(status: &str, source: Option<&str>) -> Instance {
        Instance { source: source.map(Into::into), ..Instance::seen("dr-database", status) }
    }

    /// Goal: each status means one thing with and one thing without a replica source; the source alone says
    /// whether the instance is a replica (P11). Method: cross one status of each phase with both.
    #[test]
    fn statuses() {
        let table = [
            ("available", "not done", "done"),
            ("storage-optimization", "not done", "done"),
            ("modifying", "in progress", "in progress"),
            ("rebooting", "in progress", "in progress"),
            ("backing-up", "in progress", "in progress"),
            ("starting", "in progress", "in progress"),
            ("stopped", "impossible", "impossible"),
            ("stopping", "impossible", "impossible"),
            ("failed", "impossible", "impossible"),
            ("storage-full", "impossible", "impossible"),
            ("deleting", "impossible", "impossible"),
            ("transmogrifying", "unknown", "unknown"),
        ];
        for (status, replica, alone) in table {
            let seen = |source| word(&standing(&instance(status, source)));
            assert_eq!(seen(Some("prod-database")), replica, "{status} replica");
            assert_eq!(seen(None), alone, "{status} without a source");
        }
    }

    /// Goal: a replica that is backed up is waited for, and the text says so. Method: read the detail.
    #[test]
    fn a_backup_is_waited_out() {
        let Observed::InProgress { detail } = standing(&instance("backing-up", Some("prod"))) else {
            panic!("not in progress");
        };
        assert!(detail.contains("waits out the backup"), "{detail}");
    }

    /// Goal: missing facts are unknown, never done (R7). Method: no status; then the names that a reply may hold.
    #[test]
    fn missing_facts_are_unknown() {
        let silent = Instance { status: None, ..instance("available", None) };
        assert_eq!(word(&standing(&silent)), "unknown");
        let reply = || vec![instance("available", None)];
        assert!(Instance::named("other", reply()).is_none());
        assert!(Instance::named("DR-Database", reply()).is_some());
    }

    /// Goal: a cluster's member is refused before anything is sent. Method: set its cluster.
    #[test]
    fn cluster_members_are_impossible() {
        let member = Instance { cluster: Some("aurora".into()), ..instance("available", Some("prod")) };
        assert_eq!(word(&standing(&member)), "impossible");
    }

    /// Goal: a refusal that an earlier promotion of ours may have caused is unknown, others keep their meaning.
    /// Method: two codes.
    #[test]
    fn an_invalid_state_may_be_ours() {
        let refused = |code: &str| {
            let call =
                Call { operation: "rds:PromoteReadReplica", region: "us-west-2".into(), id: "db".into() };
            let kind = FaultKind::Answered { status: 400, code: Some(code.into()), message: String::new() };
            refusal(&Fault { call, kind })
        };
        assert!(matches!(refused("InvalidDBInstanceState"), Acted::Unknown { .. }));
        assert!(matches!(refused("DBInstanceNotFound"), Acted::Refused { retryable: false, .. }));
        assert!(matches!(refused("Throttling"), Acted::Refused { retryable: true, .. }));
    }
}
