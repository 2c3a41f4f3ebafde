//! What the facts about an RDS instance mean for its promotion. Pure: no call, no clock.

use quorate_policies::effect::{Acted, Observed};

use crate::fault::Fault;

/// What was read about one instance. `None` is "not said".
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Instance {
    /// The DB instance identifier.
    pub(super) id: String,
    /// The status in the API's words.
    pub(super) status: Option<String>,
    /// What it replicates from: it is a replica as long as this is there.
    pub(super) source: Option<String>,
    /// The cluster that it belongs to.
    pub(super) cluster: Option<String>,
    /// State of the replication in the API's words.
    pub(super) replication: Option<String>,
}

/// What a status means for a promotion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// At rest and serving.
    Settled,
    /// RDS is at work and will be done by itself.
    Working,
    /// Only a human gets it out of this.
    Stuck,
    /// Not a status that this version knows.
    Unheard,
}

/// The wire code for an instance that is not a replica at rest.
const INVALID_STATE: &str = "InvalidDBInstanceState";

/// Statuses as RDS documents them. `storage-optimization` can last for a day and the instance serves meanwhile.
fn phase(status: &str) -> Phase {
    match status {
        "available" | "storage-optimization" => Phase::Settled,
        "backing-up"
        | "configuring-associated-roles"
        | "configuring-enhanced-monitoring"
        | "configuring-iam-database-auth"
        | "configuring-log-exports"
        | "converting-to-vpc"
        | "creating"
        | "maintenance"
        | "modifying"
        | "moving-to-vpc"
        | "promoting"
        | "rebooting"
        | "renaming"
        | "resetting-master-credentials"
        | "starting"
        | "storage-config-upgrade"
        | "storage-initialization"
        | "upgrading" => Phase::Working,
        "delete-precheck"
        | "deleting"
        | "failed"
        | "inaccessible-encryption-credentials"
        | "inaccessible-encryption-credentials-recoverable"
        | "incompatible-create"
        | "incompatible-credentials"
        | "incompatible-network"
        | "incompatible-option-group"
        | "incompatible-parameters"
        | "incompatible-restore"
        | "insufficient-capacity"
        | "restore-error"
        | "stopped"
        | "stopping"
        | "storage-full" => Phase::Stuck,
        _ => Phase::Unheard,
    }
}

/// Where the promotion of `wanted` stands, given every instance of the reply.
pub(super) fn standing(wanted: &str, instances: &[Instance]) -> Observed {
    // RDS keeps identifiers in lower case whatever was written.
    let Some(instance) = instances.iter().find(|instance| instance.id.eq_ignore_ascii_case(wanted)) else {
        let reason = format!("DescribeDBInstances answered without {wanted}: {} instances", instances.len());
        return Observed::Unknown { reason };
    };
    let detail = describe(instance);
    if let Some(cluster) = &instance.cluster {
        let reason = format!("{detail}: a member of cluster {cluster} is not promoted by PromoteReadReplica");
        return Observed::Impossible { reason };
    }
    let Some(status) = instance.status.as_deref() else {
        return Observed::Unknown { reason: detail };
    };
    match (phase(status), &instance.source) {
        (Phase::Settled, None) => Observed::Done { detail },
        (Phase::Settled, Some(_)) => Observed::not_done(detail),
        (Phase::Working, Some(_)) if status == "backing-up" => {
            Observed::InProgress { detail: format!("{detail}: promotion waits out the backup") }
        }
        (Phase::Working, Some(_) | None) => Observed::InProgress { detail },
        (Phase::Stuck, Some(_) | None) => Observed::Impossible { reason: detail },
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
    let status = instance.status.as_deref().unwrap_or("without a status");
    let role = match (&instance.source, &instance.replication) {
        (Some(source), Some(state)) => format!("replica of {source} ({state})"),
        (Some(source), None) => format!("replica of {source}"),
        (None, Some(_) | None) => "no replica source".to_owned(),
    };
    format!("instance {} is {status}, {role}", instance.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Call, FaultKind};

    fn instance(status: &str, source: Option<&str>) -> Instance {
        Instance {
            id: "dr-database".into(),
            status: Some(status.into()),
            source: source.map(Into::into),
            cluster: None,
            replication: None,
        }
    }

    /// The variant of an observation.
    fn word(observed: &Observed) -> &'static str {
        match observed {
            Observed::Done { .. } => "done",
            Observed::InProgress { .. } => "in progress",
            Observed::NotDone { .. } => "not done",
            Observed::Impossible { .. } => "impossible",
            Observed::Unknown { .. } => "unknown",
        }
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
            ("failed", "impossible", "impossible"),
            ("storage-full", "impossible", "impossible"),
            ("deleting", "impossible", "impossible"),
            ("transmogrifying", "unknown", "unknown"),
        ];
        for (status, replica, alone) in table {
            let seen = |source| word(&standing("dr-database", &[instance(status, source)]));
            assert_eq!(seen(Some("prod-database")), replica, "{status} replica");
            assert_eq!(seen(None), alone, "{status} without a source");
        }
    }

    /// Goal: a replica that is backed up is waited for, and the text says so. Method: read the detail.
    #[test]
    fn a_backup_is_waited_out() {
        let Observed::InProgress { detail } =
            standing("dr-database", &[instance("backing-up", Some("prod"))])
        else {
            panic!("not in progress");
        };
        assert!(detail.contains("waits out the backup"), "{detail}");
    }

    /// Goal: missing facts are unknown, never done (R7). Method: no status, no instance, another instance.
    #[test]
    fn missing_facts_are_unknown() {
        let silent = Instance { status: None, ..instance("available", None) };
        assert_eq!(word(&standing("dr-database", &[silent])), "unknown");
        assert_eq!(word(&standing("dr-database", &[])), "unknown");
        assert_eq!(word(&standing("other", &[instance("available", None)])), "unknown");
        assert_eq!(word(&standing("DR-Database", &[instance("available", None)])), "done");
    }

    /// Goal: a cluster's member is refused before anything is sent. Method: set its cluster.
    #[test]
    fn cluster_members_are_impossible() {
        let member = Instance { cluster: Some("aurora".into()), ..instance("available", Some("prod")) };
        assert_eq!(word(&standing("dr-database", &[member])), "impossible");
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
