//! What the facts about a source and a new instance mean for a restore. Pure: no call, no clock.

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use quorate_policies::effect::Observed;
use quorate_policies::plan::action::{LATEST, RdsRestoreToPointInTime};

use super::super::instance::{Instance, Phase};
use super::super::{EXECUTION_TAG, MOMENT_TAG};

/// Which moment is restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Moment {
    /// The latest one that RDS can restore.
    Latest,
    /// That one.
    At(DateTime),
}

impl Moment {
    /// Reads what the policy says: RFC 3339 with any offset, or `latest`.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        if text == LATEST {
            return Ok(Moment::Latest);
        }
        DateTime::from_str(text, Format::DateTimeWithOffset)
            .map(Moment::At)
            .map_err(|error| format!("`{text}` is neither RFC 3339 nor `{LATEST}`: {error}"))
    }
}

/// Where the restore stands when an instance of the new name is there. RDS tells of no instance as of when it is: the call
/// that made it said so, in a tag.
pub(super) fn restored(instance: &Instance, at: &str, execution: &str) -> Observed {
    let mut detail = format!("instance {} is {}", instance.id, instance.status());
    match instance.tags.get(EXECUTION_TAG) {
        Some(made_by) if made_by == execution => {}
        // Tags are set by the creating call, but nobody promises that they show from the first moment.
        None if instance.status() == "creating" => {
            return Observed::Unknown { reason: format!("{detail}, without the tag {EXECUTION_TAG} yet") };
        }
        Some(other) => {
            return Observed::Impossible { reason: format!("{detail}, made by execution {other}") };
        }
        None => {
            let reason = format!("{detail}, not made by this execution (no tag {EXECUTION_TAG})");
            return Observed::Impossible { reason };
        }
    }
    match instance.tags.get(MOMENT_TAG) {
        Some(asked) if asked != at => {
            return Observed::Impossible { reason: format!("{detail}, restored to {asked} and not to {at}") };
        }
        Some(asked) => detail = format!("{detail}, restored to {asked}"),
        None => {}
    }
    match instance.phase() {
        Phase::Settled => Observed::Done { detail },
        Phase::Working => Observed::InProgress { detail },
        Phase::Stopped | Phase::Stuck => Observed::Impossible { reason: detail },
        Phase::Unheard => Observed::Unknown { reason: format!("{detail}: status not known") },
    }
}

/// Whether the restore may begin, given the source, if there is one.
pub(super) fn restorable(action: &RdsRestoreToPointInTime, source: Option<&Instance>) -> Observed {
    let impossible = |why: &str| Observed::Impossible {
        reason: format!("instance {} cannot be restored from {}: {why}", action.instance, action.source),
    };
    let Some(source) = source else { return impossible("there is no such source") };
    if source.cluster.is_some() {
        return impossible("a member of a cluster is restored with its cluster");
    }
    let moment = match Moment::read(&action.at) {
        Ok(moment) => moment,
        Err(why) => return impossible(&why),
    };
    let Some(latest) = source.restorable else {
        return impossible(
            "it has no latest restorable time: backups are off, or the first is not there yet",
        );
    };
    match moment {
        Moment::At(at) if at > latest => Observed::InProgress {
            detail: format!("{} can be restored to {latest} only, waiting for {}", source.id, action.at),
        },
        Moment::At(_) | Moment::Latest => Observed::not_done(format!(
            "no instance {} yet; {} can be restored to {latest}",
            action.instance, source.id
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rds::word;

    fn action(at: &str) -> RdsRestoreToPointInTime {
        RdsRestoreToPointInTime {
            region: "us-west-2".into(),
            source: "prod".into(),
            instance: "prod-restored".into(),
            at: at.into(),
            class: None,
            subnet_group: None,
            parameter_group: None,
            security_groups: Vec::new(),
        }
    }

    /// Goal: only an instance that this execution made is done; another's is impossible, and one whose tags are not
    /// shown yet is unknown (R7). Method: status against tag.
    #[test]
    fn the_tag_says_whose_it_is() {
        let table = [
            ("available", Some("mine"), "done"),
            ("creating", Some("mine"), "in progress"),
            ("backing-up", Some("mine"), "in progress"),
            ("incompatible-restore", Some("mine"), "impossible"),
            ("transmogrifying", Some("mine"), "unknown"),
            ("available", Some("theirs"), "impossible"),
            ("creating", Some("theirs"), "impossible"),
            ("available", None, "impossible"),
            ("creating", None, "unknown"),
        ];
        for (status, tag, expected) in table {
            let mut instance = Instance::seen("prod-restored", status);
            instance.tags.extend(tag.map(|tag| (EXECUTION_TAG.to_owned(), tag.to_owned())));
            assert_eq!(word(&restored(&instance, "latest", "mine")), expected, "{status} {tag:?}");
        }
    }

    /// Goal: an instance as of another moment than the step asks for is not its result. Method: the tag of the creating call.
    #[test]
    fn the_tag_says_as_of_when_it_is() {
        let (asked, other) = ("2023-11-14T22:13:20Z", "2023-11-14T22:00:00Z");
        let mut instance = Instance::seen("prod-restored", "available");
        instance.tags.insert(EXECUTION_TAG.to_owned(), "mine".to_owned());
        assert_eq!(word(&restored(&instance, asked, "mine")), "done", "made by an earlier version");
        instance.tags.insert(MOMENT_TAG.to_owned(), asked.to_owned());
        let Observed::Done { detail } = restored(&instance, asked, "mine") else { panic!("it is there") };
        assert_eq!(detail, "instance prod-restored is available, restored to 2023-11-14T22:13:20Z");
        assert_eq!(word(&restored(&instance, other, "mine")), "impossible");
    }

    /// Goal: the moment is checked against what the backups hold before anything is sent. Method: a table of moments
    /// around the latest restorable one.
    #[test]
    fn moments_are_checked() {
        let latest = DateTime::from_secs(1_700_000_000); // 2023-11-14T22:13:20Z
        let source = Instance { restorable: Some(latest), ..Instance::seen("prod", "available") };
        let table = [
            ("latest", "not done"),
            ("2023-11-14T22:13:20Z", "not done"),
            ("2023-11-14T23:13:20+01:00", "not done"),
            ("2023-11-14T22:13:21Z", "in progress"),
            ("yesterday", "impossible"),
            ("2023-11-14", "impossible"),
        ];
        for (at, expected) in table {
            assert_eq!(word(&restorable(&action(at), Some(&source))), expected, "{at}");
        }
        let without_backups = Instance::seen("prod", "available");
        assert_eq!(word(&restorable(&action("latest"), Some(&without_backups))), "impossible");
        assert_eq!(word(&restorable(&action("latest"), None)), "impossible");
    }
}
