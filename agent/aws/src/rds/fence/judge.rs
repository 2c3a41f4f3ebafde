//! What the facts about an old primary mean for its fence. Pure: no call, no clock. Its texts claim no more than was
//! seen.

use quorate_policies::effect::Observed;
use quorate_policies::plan::Before;
use quorate_policies::plan::action::RdsFence;

use super::super::events::restarted_since;
use super::super::instance::{Instance, Phase};

/// Part 0: replaces the security groups.
pub(super) const GROUPS: u8 = 0;
/// Part 1: ends the sessions.
pub(super) const REBOOT: u8 = 1;
/// Part 2: stops the instance.
pub(super) const STOP: u8 = 2;

/// Where the fence stands, given the instance's newest restart and what was noted before the first act.
pub(super) fn standing(
    action: &RdsFence,
    instance: &Instance,
    newest: Option<String>,
    noted: Option<&Before>,
) -> Observed {
    let name = format!("instance {} is {}", instance.id, instance.status());
    if action.quarantine_groups.is_empty() {
        return Observed::Impossible { reason: format!("{name}: no quarantine groups are named") };
    }
    if let Some(cluster) = &instance.cluster {
        let reason = format!("{name}: a member of cluster {cluster} has its cluster's security groups");
        return Observed::Impossible { reason };
    }
    match instance.phase() {
        Phase::Settled => settled(action, instance, newest, noted, &name),
        Phase::Stopped => stopped(action, instance, &name),
        Phase::Working => Observed::InProgress { detail: name },
        Phase::Stuck => Observed::Impossible { reason: name },
        Phase::Unheard => Observed::Unknown { reason: format!("{name}: status not known") },
    }
}

/// A stopped instance serves nobody, whatever its groups are.
fn stopped(action: &RdsFence, instance: &Instance, name: &str) -> Observed {
    let again = match &instance.starts_by_itself {
        Some(date) => format!("RDS starts it again by itself at {date}"),
        None => "RDS starts it again by itself after seven days".to_owned(),
    };
    let behind = if instance.has_groups(&action.quarantine_groups) {
        "behind quarantine security groups".to_owned()
    } else {
        format!("with its security groups {}: clients come back then", instance.group_ids().join(", "))
    };
    Observed::Done { detail: format!("{name}; {again}, {behind}") }
}

fn settled(
    action: &RdsFence,
    instance: &Instance,
    newest: Option<String>,
    noted: Option<&Before>,
    name: &str,
) -> Observed {
    let groups = instance.group_ids().join(", ");
    let not_done = |detail: String, part: u8| {
        // Only what was there before the first act may be noted.
        let before = noted
            .is_none()
            .then(|| Before::Fenced { groups: instance.group_ids(), restarted: newest.clone() });
        Observed::NotDone { detail, part, before }
    };
    if instance.groups_move() {
        return Observed::InProgress { detail: format!("{name}, its security groups change") };
    }
    if !instance.has_groups(&action.quarantine_groups) {
        return not_done(format!("{name} with security groups {groups}"), GROUPS);
    }
    let rebooted = match noted {
        Some(Before::Fenced { restarted, .. }) => restarted_since(restarted.as_deref(), newest.as_deref()),
        Some(_) | None => false,
    };
    if !rebooted {
        let detail =
            format!("{name}, security groups replaced by {groups}; open sessions live on, not rebooted");
        return not_done(detail, REBOOT);
    }
    let detail = format!("{name}, security groups replaced by {groups} and rebooted");
    if !action.stop {
        return Observed::Done { detail };
    }
    match (&instance.source, instance.replicas.as_slice()) {
        (None, []) => not_done(format!("{detail}; not stopped"), STOP),
        // RDS would refuse. The promotion detaches the replica; until then there is nothing to do but look.
        (None, replicas) => Observed::InProgress {
            detail: format!("{detail}; not stopped: still the source of {}", replicas.join(", ")),
        },
        (Some(source), _) => {
            Observed::InProgress { detail: format!("{detail}; not stopped: still a replica of {source}") }
        }
    }
}

#[cfg(test)]
mod tests;
