//! What the facts about the old primary and the new one mean for the rebuilding of the redundancy. Pure: no call, no
//! clock. It must never lead to the loss of an old primary: whatever has its name is renamed or left alone.

use quorate_policies::effect::Observed;
use quorate_policies::plan::Before;
use quorate_policies::plan::action::RdsCreateCrossRegionReplica;

use super::super::RENAMED_TAG;
use super::super::instance::{Instance, Phase};

/// Part 0: renames the old primary.
pub(super) const RENAME: u8 = 0;
/// Part 1: tags it.
pub(super) const TAG: u8 = 1;
/// Part 2: makes the replica.
pub(super) const CREATE: u8 = 2;

/// 63 characters: RDS's own limit of an identifier.
const IDENTIFIER_CHARS_MAX: usize = 63;

/// What was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene<'a> {
    /// The new primary.
    pub(super) source: &'a Instance,
    /// What has the replica's name.
    pub(super) here: Option<&'a Instance>,
    /// What has the old primary's new name.
    pub(super) old: Option<&'a Instance>,
}

/// The old primary's new name. The epoch makes it another one for each failover.
pub(super) fn name_of_old(instance: &str, epoch: u64) -> String {
    format!("{instance}-before-{epoch}")
}

/// The replica's security groups: those that the policy names, or else the old primary's.
pub(super) fn groups(action: &RdsCreateCrossRegionReplica, old: Option<&Instance>) -> Vec<String> {
    if action.security_groups.is_empty() {
        old.map(Instance::group_ids).unwrap_or_default()
    } else {
        action.security_groups.clone()
    }
}

/// Where it stands.
pub(super) fn standing(
    action: &RdsCreateCrossRegionReplica,
    epoch: u64,
    scene: &Scene<'_>,
    noted: Option<&Before>,
) -> Observed {
    let Scene { source, here, old } = *scene;
    if let Some(replica) = here.filter(|here| replicates(here, source)) {
        return replica_standing(replica);
    }
    if let Some(refused) = refused(action, epoch, scene) {
        return refused;
    }
    match (here, old) {
        (Some(primary), _) => primary_standing(primary, &name_of_old(&action.instance, epoch), noted),
        (None, Some(old)) => old_standing(action, source, old),
        // While an instance is renamed, neither name may show.
        (None, None) if matches!(noted, Some(Before::Renamed { .. })) => Observed::Unknown {
            reason: format!("the old primary shows neither as {} nor under its new name", action.instance),
        },
        (None, None) => create(
            source,
            format!(
                "there is no instance {} and none that was renamed: the replica gets RDS's defaults",
                action.instance
            ),
        ),
    }
}

/// Whether one instance is a replica of another. Within a region the source is told as a plain name.
fn replicates(replica: &Instance, source: &Instance) -> bool {
    replica.source.as_ref().is_some_and(|from| Some(from) == source.arn.as_ref() || *from == source.id)
}

fn replica_standing(replica: &Instance) -> Observed {
    let from = replica.source.as_deref().unwrap_or_default();
    let detail = format!("instance {} is {}, replica of {from}", replica.id, replica.status());
    match replica.phase() {
        Phase::Settled => Observed::Done { detail },
        Phase::Working => Observed::InProgress { detail },
        Phase::Stopped | Phase::Stuck => Observed::Impossible { reason: detail },
        Phase::Unheard => Observed::Unknown { reason: format!("{detail}: status not known") },
    }
}

/// What forbids the whole, seen before anything is renamed.
fn refused(action: &RdsCreateCrossRegionReplica, epoch: u64, scene: &Scene<'_>) -> Option<Observed> {
    let Scene { source, here, old } = *scene;
    let impossible = |reason: String| Some(Observed::Impossible { reason });
    if let Some(from) = &source.source {
        return impossible(format!(
            "the source {} is itself a replica, of {from}: promote it first",
            source.id
        ));
    }
    if let Some(from) = here.and_then(|here| here.source.as_ref()) {
        return impossible(format!(
            "instance {} is a replica of {from}: not an old primary",
            action.instance
        ));
    }
    if let Some(cluster) = here.and_then(|here| here.cluster.as_ref()) {
        return impossible(format!("instance {} is a member of cluster {cluster}", action.instance));
    }
    let name = name_of_old(&action.instance, epoch);
    if here.is_some() && name.len() > IDENTIFIER_CHARS_MAX {
        return impossible(format!("`{name}` is longer than {IDENTIFIER_CHARS_MAX} characters"));
    }
    if source.settings.kms_key.is_some() {
        let key = action.kms_key.as_ref().or_else(|| here.or(old)?.settings.kms_key.as_ref());
        if key.is_none() {
            return impossible(format!(
                "the source {} is encrypted: name a `kms_key` of {}",
                source.id, action.region
            ));
        }
        if action.region.starts_with("cn-") || action.region.starts_with("us-gov-") {
            return impossible(format!(
                "an encrypted replica across regions needs a presigned URL in {}",
                action.region
            ));
        }
    }
    None
}

/// The old primary still has its name.
fn primary_standing(primary: &Instance, new: &str, noted: Option<&Before>) -> Observed {
    let detail = format!("instance {} is {} and has its name still", primary.id, primary.status());
    match primary.phase() {
        Phase::Settled => Observed::NotDone {
            detail,
            part: RENAME,
            before: noted.is_none().then(|| Before::Renamed { old: primary.id.clone(), new: new.to_owned() }),
        },
        Phase::Working => Observed::InProgress { detail },
        Phase::Stopped => Observed::Impossible {
            reason: format!("{detail}: RDS renames no stopped instance; start it behind quarantine groups"),
        },
        Phase::Stuck => Observed::Impossible { reason: detail },
        Phase::Unheard => Observed::Unknown { reason: format!("{detail}: status not known") },
    }
}

/// The old primary has its new name.
fn old_standing(action: &RdsCreateCrossRegionReplica, source: &Instance, old: &Instance) -> Observed {
    let detail = format!("the old primary is {} and {}", old.id, old.status());
    if old.phase() == Phase::Working {
        return Observed::InProgress { detail };
    }
    if !old.tags.contains_key(RENAMED_TAG) {
        let detail = format!("{detail}, without the tag {RENAMED_TAG}");
        return Observed::NotDone { detail, part: TAG, before: None };
    }
    let groups = groups(action, Some(old)).join(", ");
    create(source, format!("{detail}; no replica yet, which gets its settings and security groups {groups}"))
}

/// The replica can be made if the new primary is at rest.
fn create(source: &Instance, detail: String) -> Observed {
    let state = format!("{detail}; the source {} is {}", source.id, source.status());
    match source.phase() {
        Phase::Settled => Observed::NotDone { detail, part: CREATE, before: None },
        Phase::Working => Observed::InProgress { detail: state },
        Phase::Stopped | Phase::Stuck => Observed::Impossible { reason: state },
        Phase::Unheard => Observed::Unknown { reason: format!("{state}: status not known") },
    }
}

#[cfg(test)]
mod tests;
