//! What a look at both sides of `s3.sync` means. Pure: no call, no clock, no file.

use quorate_aws::s3::{Object, sync::Survey};
use quorate_policies::{
    Millis, Timestamp,
    effect::Observed,
    plan::{Before, action::S3Sync},
    readiness::Finding,
};

/// So many checksums stand in the log one by one; of more the list's own, which tells as much to whoever has the list. A
/// restore fetches a handful, and an entry of the log stays below some kilobytes.
const NOTED_MAX: usize = 40;
/// How far into the future an object may be dated; beyond it its age says nothing.
const FUTURE_MAX: Millis = Millis::from_secs(5 * 60);

/// What this attempt and the log know already.
#[derive(Debug, Clone, Copy)]
pub(super) struct Past<'a> {
    /// What was noted before the first act, by any attempt.
    pub(super) noted: Option<&'a Before>,
    /// This attempt has copied, and its copy ended well.
    pub(super) copied: bool,
}

pub(super) fn judge(action: &S3Sync, survey: &Survey, past: Past<'_>, now: Timestamp) -> Observed {
    let impossible = |reason: String| Observed::Impossible { reason };
    let Some(newest) = survey.newest() else {
        return impossible(format!("there is nothing under {}", action.from));
    };
    let (count, bytes, list) = (survey.items.len(), survey.bytes(), survey.list_sha256());
    if let Some(Before::Synced { objects, bytes: noted_bytes, list: noted, .. }) = past.noted
        && *noted != list
    {
        return impossible(format!(
            "{} was changed since it was noted: it had {objects} objects, {noted_bytes} bytes, and the list with \
             SHA-256 {noted}; now {count} objects, {bytes} bytes, {list}",
            action.from
        ));
    }
    let left = wanted(action, survey) + if action.delete { survey.extra.len() } else { 0 };
    let kept = if action.replace { None } else { survey.other.first() };
    if let Some(other) = kept {
        return impossible(format!(
            "{} of {count} are there with another content, such as {other}, and the step does not say `replace: true`",
            survey.other.len()
        ));
    }
    if left == 0 {
        let detail =
            format!("{count} objects, {bytes} bytes, as at {}; list with SHA-256 {list}", action.from);
        return Observed::Done { detail };
    }
    if past.copied {
        let reason = format!("{left} are not as at {} after they were copied", action.from);
        return Observed::Broken { reason, again: true };
    }
    if past.noted.is_none()
        && let Err(reason) = fresh(action, newest, now)
    {
        return impossible(reason);
    }
    let sha256 = survey.items.iter().filter(|_| count <= NOTED_MAX);
    let before = Before::Synced {
        objects: count as u64,
        bytes,
        newest,
        list,
        sha256: Box::new(sha256.map(|(name, item)| (name.clone(), item.sha256.clone())).collect()),
        there: there(action, survey),
    };
    let detail = format!("{} of {count} objects are not there yet", wanted(action, survey));
    Observed::NotDone { detail, part: 0, before: Some(before) }
}

/// How many objects a copy has to put.
pub(super) fn wanted(action: &S3Sync, survey: &Survey) -> usize {
    survey.missing.len() + if action.replace { survey.other.len() } else { 0 }
}

/// What is there, and what becomes of it.
fn there(action: &S3Sync, survey: &Survey) -> String {
    let same = survey.items.len() - survey.missing.len() - survey.other.len();
    let mut text = format!("{same} of them are there");
    if !survey.other.is_empty() {
        text.push_str(&format!(", {} with another content are replaced", survey.other.len()));
    }
    if !survey.extra.is_empty() {
        let becomes = if action.delete { "are deleted" } else { "stay" };
        text.push_str(&format!(", {} others {becomes}", survey.extra.len()));
    }
    text
}

fn fresh(action: &S3Sync, newest: Timestamp, now: Timestamp) -> Result<(), String> {
    let Some(most) = action.max_age else { return Ok(()) };
    let ahead = newest.since(now);
    if ahead > FUTURE_MAX {
        return Err(format!("the newest object is dated {ahead} in the future, so its age is not known"));
    }
    if now.since(newest) > most {
        return Err(format!(
            "no fresh backup: the newest object under {} is of {newest}, older than {most}",
            action.from
        ));
    }
    Ok(())
}

/// The same before anything is executed.
pub(super) fn finding(action: &S3Sync, objects: &[Object], now: Timestamp) -> Finding {
    let Some(newest) = objects.iter().map(|object| object.changed).max() else {
        return Finding::blocking(
            format!("there is nothing under {}", action.from),
            "the step would be refused",
        );
    };
    if let Err(why) = fresh(action, newest, now) {
        return Finding::blocking(why, "the step would be refused");
    }
    if let Some(object) = objects.iter().find(|object| object.archived()) {
        let why = format!("{}{} lies in {}", action.from, object.name, object.storage);
        return Finding::blocking(why, "bring it back from the archive first: that takes hours");
    }
    let bytes: u64 = objects.iter().map(|object| object.bytes).sum();
    Finding::note(format!(
        "{} objects, {bytes} bytes under {}, the newest of {newest}",
        objects.len(),
        action.from
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_aws::s3::sync::Item;

    const NOW: Timestamp = Timestamp(1_700_000_000_000);

    fn action(more: &str) -> S3Sync {
        let text = format!(
            r#"{{"region": "west", "from": {{"region": "west", "bucket": "backups", "prefix": "day/"}},
                "to": {{"dir": "/srv/recovered"}}, "max_age": "25h"{more}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    /// Two objects of an hour ago, of which these stand at the other side so.
    fn survey(missing: &[&str], other: &[&str], extra: &[&str]) -> Survey {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let item = |name: &str| Item {
            object: Object {
                name: name.to_owned(),
                bytes: 10,
                changed: Timestamp(NOW.0 - 3_600_000),
                etag: "e".to_owned(),
                storage: "STANDARD".to_owned(),
            },
            sha256: format!("sum of {name}"),
        };
        let items = ["a", "b/c"].map(|name| (name.to_owned(), item(name))).into();
        Survey { items, missing: names(missing), other: names(other), extra: names(extra) }
    }

    fn told(action: &S3Sync, survey: &Survey, past: Past<'_>) -> String {
        match judge(action, survey, past, NOW) {
            Observed::Done { detail } => format!("done: {detail}"),
            Observed::NotDone { detail, before: Some(before), .. } => format!("not done: {detail}; {before}"),
            Observed::Impossible { reason } => format!("impossible: {reason}"),
            Observed::Broken { reason, again: true } => format!("again: {reason}"),
            other => format!("{other:?}"),
        }
    }

    const NEW: Past<'_> = Past { noted: None, copied: false };

    /// Goal: done is every object with its content and, where that is asked, nothing else; what may not be replaced stops the
    /// step. Method: a table of surveys.
    #[test]
    fn what_a_survey_means() {
        let list = survey(&[], &[], &[]).list_sha256();
        let told = |more: &str, of: Survey| told(&action(more), &of, NEW).replace(&list, "LIST");
        let done = "done: 2 objects, 20 bytes, as at s3://backups/day/; list with SHA-256 LIST";
        assert_eq!(told("", survey(&[], &[], &[])), done);
        assert_eq!(told("", survey(&[], &[], &["x"])), done, "what else is there is nobody's business");
        let note = "2 objects, 20 bytes, the newest of 2023-11-14T21:13:20.000Z, list with SHA-256 LIST";
        assert_eq!(
            told(r#", "delete": true"#, survey(&[], &[], &["x"])),
            format!(
                "not done: 0 of 2 objects are not there yet; 2 of them are there, 1 others are deleted; {note}"
            )
        );
        assert_eq!(
            told("", survey(&["a"], &[], &["x"])),
            format!("not done: 1 of 2 objects are not there yet; 1 of them are there, 1 others stay; {note}")
        );
        assert_eq!(
            told("", survey(&["a"], &["b/c"], &[])),
            "impossible: 1 of 2 are there with another content, such as b/c, and the step does not say `replace: true`"
        );
        assert_eq!(
            told(r#", "replace": true"#, survey(&["a"], &["b/c"], &[])),
            format!(
                "not done: 2 of 2 objects are not there yet; 0 of them are there, 1 with another content are replaced; {note}"
            )
        );
        assert_eq!(told("", Survey::default()), "impossible: there is nothing under s3://backups/day/");
    }

    /// Goal: what was noted is what is copied, however old it has become; what is not noted must be fresh; and a copy that left
    /// something is not called done. Method: a note, another source, and an old one.
    #[test]
    fn what_was_noted_counts() {
        let of = survey(&["a"], &[], &[]);
        let Observed::NotDone { before, .. } = judge(&action(""), &of, NEW, NOW) else {
            panic!("not to be done")
        };
        let Some(Before::Synced { sha256, .. }) = &before else { panic!("no note") };
        assert_eq!(sha256.get("b/c").map(String::as_str), Some("sum of b/c"));
        let past = Past { noted: before.as_ref(), copied: false };
        let later = Timestamp(NOW.0 + 48 * 3_600_000);
        assert!(matches!(judge(&action(""), &of, past, later), Observed::NotDone { .. }));
        let Observed::Impossible { reason } = judge(&action(""), &of, NEW, later) else {
            panic!("it is old")
        };
        assert!(reason.starts_with("no fresh backup: the newest object under s3://backups/day/"), "{reason}");
        let mut changed = of.clone();
        changed.items.remove("b/c");
        assert!(
            told(&action(""), &changed, past).contains("was changed since it was noted: it had 2 objects")
        );
        let copied = Past { copied: true, ..past };
        assert_eq!(
            told(&action(""), &of, copied),
            "again: 1 are not as at s3://backups/day/ after they were copied"
        );
    }

    /// Goal: readiness says what the step would be refused for. Method: nothing, something old, something archived, something
    /// good.
    #[test]
    fn what_stands_in_the_way() {
        let object = survey(&[], &[], &[]).items["a"].object.clone();
        let said = |objects: &[Object], now| finding(&action(""), objects, now).what;
        assert!(said(&[], NOW).starts_with("there is nothing under"));
        assert!(
            said(std::slice::from_ref(&object), Timestamp(NOW.0 + 48 * 3_600_000))
                .starts_with("no fresh backup")
        );
        let frozen = Object { storage: "GLACIER".to_owned(), ..object.clone() };
        assert_eq!(said(&[frozen], NOW), "s3://backups/day/a lies in GLACIER");
        assert!(said(&[object], NOW).starts_with("1 objects, 10 bytes under s3://backups/day/"));
    }
}
