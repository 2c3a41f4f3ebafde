//! What the facts about a fenced instance mean for taking the fence away. Pure: no call, no clock.

use quorate_policies::effect::Observed;
use quorate_policies::plan::action::RdsUnfence;

use super::super::instance::{Instance, Phase};

/// Part 0: starts the instance.
pub(super) const START: u8 = 0;
/// Part 1: sets the security groups.
pub(super) const GROUPS: u8 = 1;

/// Where it stands.
pub(super) fn standing(action: &RdsUnfence, instance: &Instance) -> Observed {
    let groups = instance.group_ids().join(", ");
    let detail = format!("instance {} is {} with security groups {groups}", instance.id, instance.status());
    if action.security_groups.is_empty() {
        return Observed::Impossible { reason: format!("{detail}: no security groups are named") };
    }
    if let Some(cluster) = &instance.cluster {
        let reason = format!("{detail}: a member of cluster {cluster} has its cluster's security groups");
        return Observed::Impossible { reason };
    }
    let not_done = |part| Observed::NotDone { detail: detail.clone(), part, before: None };
    match instance.phase() {
        Phase::Stopped => not_done(START),
        Phase::Settled if instance.groups_move() => Observed::InProgress { detail },
        Phase::Settled if instance.has_groups(&action.security_groups) => Observed::Done { detail },
        Phase::Settled => not_done(GROUPS),
        Phase::Working => Observed::InProgress { detail },
        Phase::Stuck => Observed::Impossible { reason: detail },
        Phase::Unheard => Observed::Unknown { reason: format!("{detail}: status not known") },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rds::word;

    /// Goal: a stopped instance is started first, and done is available with the groups. Method: a table.
    #[test]
    fn start_then_groups() {
        let action = RdsUnfence {
            region: "us-east-1".into(),
            instance: "prod".into(),
            security_groups: vec!["sg-app".into()],
        };
        let table = [
            ("stopped", "sg-quarantine", "not done", Some(START)),
            ("starting", "sg-quarantine", "in progress", None),
            ("available", "sg-quarantine", "not done", Some(GROUPS)),
            ("modifying", "sg-app", "in progress", None),
            ("available", "sg-app:adding", "in progress", None),
            ("available", "sg-app", "done", None),
            ("stopping", "sg-app", "in progress", None),
            ("failed", "sg-app", "impossible", None),
            ("transmogrifying", "sg-app", "unknown", None),
        ];
        for (status, group, expected, part) in table {
            let seen = standing(&action, &Instance::seen("prod", status).with_groups(&[group]));
            assert_eq!(word(&seen), expected, "{status} {group}");
            let next = if let Observed::NotDone { part, .. } = seen { Some(part) } else { None };
            assert_eq!(next, part, "{status} {group}");
        }
        let nothing = RdsUnfence { security_groups: Vec::new(), ..action };
        assert_eq!(word(&standing(&nothing, &Instance::seen("prod", "available"))), "impossible");
    }
}
