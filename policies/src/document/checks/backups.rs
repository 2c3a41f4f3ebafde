//! Backups: one source each, a path that means one thing, and lengths that can be kept.

use crate::{
    document::{
        nearest,
        problem::{FieldPath, Problem},
    },
    name::ComponentName,
    policy::{Backup, Policy},
};

/// Sizes that differ by more than the usual size are no trend.
const PERCENT_MAX: u32 = 1_000;

pub(super) fn check(policy: &Policy, problems: &mut Vec<Problem>) {
    for (name, backup) in &policy.backups {
        let field = FieldPath::from(["backups", name.as_str()]);
        if let Some(component) = &backup.component
            && !policy.components.contains_key(component)
        {
            let mend = nearest::mend(component.as_str(), policy.components.keys().map(ComponentName::as_str));
            let message = format!("there is no component `{component}`");
            problems.push(Problem::error(field.join("component"), message, mend));
        }
        source(&field, backup, problems);
        lengths(&field, backup, problems);
    }
}

fn source(field: &FieldPath, backup: &Backup, problems: &mut Vec<Problem>) {
    let files = [
        ("postgres_dump", &backup.postgres_dump),
        ("redis_rdb", &backup.redis_rdb),
        ("files", &backup.files),
    ];
    let written =
        files.iter().filter(|(_, at)| at.is_some()).count() + usize::from(backup.rds_automated.is_some());
    if written != 1 {
        let message =
            if written == 0 { "what it is, is not said" } else { "it is said to be more than one thing" };
        let mend = "write one of `postgres_dump`, `redis_rdb`, `files`, `rds_automated`";
        problems.push(Problem::error(field.clone(), message, mend));
    }
    for (kind, at) in files {
        let Some(at) = at else { continue };
        if let Err((message, mend)) = path(&at.path) {
            problems.push(Problem::error(field.join(kind).join("path"), message, mend));
        }
    }
    let Some(rds) = &backup.rds_automated else { return };
    let place = field.join("rds_automated");
    for (key, text) in [("region", &rds.region), ("instance", &rds.instance)] {
        if text.trim().is_empty() {
            problems.push(Problem::error(place.join(key), format!("`{key}` is empty"), "write its value"));
        }
    }
    for (key, is) in
        [("keep", backup.keep.is_some()), ("size_within_percent", backup.size_within_percent.is_some())]
    {
        if is {
            let message =
                format!("`{key}` says nothing of automated backups: RDS tells neither sizes nor single ones");
            problems.push(Problem::error(field.join(key), message, "remove it"));
        }
    }
}

fn lengths(field: &FieldPath, backup: &Backup, problems: &mut Vec<Problem>) {
    if backup.fresh_within.is_zero() {
        let message = "no backup is as young as that";
        problems.push(Problem::error(field.join("fresh_within"), message, "write a length such as 25h"));
    }
    if let Some(keep) = backup.keep.filter(|keep| *keep < backup.fresh_within) {
        let message =
            format!("backups that are kept for {keep} are gone before {} have passed", backup.fresh_within);
        problems.push(Problem::error(
            field.join("keep"),
            message,
            "keep them for longer than `fresh_within`",
        ));
    }
    if let Some(percent) = backup.size_within_percent.filter(|percent| !(1..=PERCENT_MAX).contains(percent)) {
        let message = format!("{percent} is not 1 to {PERCENT_MAX}");
        let mend = "write how many percent the newest may differ from the others, such as 50";
        problems.push(Problem::error(field.join("size_within_percent"), message, mend));
    }
}

/// A path or a pattern.
pub(super) fn path(text: &str) -> Result<(), (String, &'static str)> {
    if !text.starts_with('/') {
        let mend = "write it from the root, such as /backups/database/*.dump";
        return Err((format!("`{text}` is not an absolute path"), mend));
    }
    if text.split('/').any(|part| part == ".." || part == ".") {
        return Err((format!("`{text}` climbs"), "write the path without `.` and `..`"));
    }
    if text.split('/').any(|part| part.contains("**") && part != "**") {
        let mend = "write `**` as a folder of its own: /srv/uploads/**";
        return Err((format!("`{text}` has `**` beside other letters"), mend));
    }
    if text.contains('[') && !text.contains(']') {
        return Err((format!("a `[` in `{text}` has no partner"), "close it, or remove it"));
    }
    Ok(())
}
