//! Backups: one source each, a path that means one thing, and lengths that can be kept.

use crate::{
    document::{
        nearest,
        problem::{FieldPath, Problem},
    },
    name::ComponentName,
    policy::{Backup, Policy, S3Objects},
};

use super::address;

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
    let others = [backup.rds_automated.is_some(), backup.s3.is_some()];
    let written =
        files.iter().filter(|(_, at)| at.is_some()).count() + others.iter().filter(|is| **is).count();
    if written != 1 {
        let message =
            if written == 0 { "what it is, is not said" } else { "it is said to be more than one thing" };
        let mend = "write one of `postgres_dump`, `redis_rdb`, `files`, `rds_automated`, `s3`";
        problems.push(Problem::error(field.clone(), message, mend));
    }
    for (kind, at) in files {
        let Some(at) = at else { continue };
        if let Err((message, mend)) = path(&at.path) {
            problems.push(Problem::error(field.join(kind).join("path"), message, mend));
        }
    }
    if let Some(objects) = &backup.s3 {
        s3(&field.join("s3"), objects, problems);
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

fn s3(place: &FieldPath, objects: &S3Objects, problems: &mut Vec<Problem>) {
    if objects.region.trim().is_empty() {
        let message = "`region` is empty";
        problems.push(Problem::error(place.join("region"), message, "write the bucket's region"));
    }
    if let Err(why) = bucket(&objects.bucket) {
        problems.push(Problem::error(place.join("bucket"), why, BUCKET_MEND));
    }
    if objects.prefix.starts_with('/') {
        let message = format!("no key begins with `{}`", objects.prefix);
        problems.push(Problem::error(place.join("prefix"), message, "write it without the `/` before it"));
    }
    let wrong = objects.pattern.as_deref().and_then(|text| path(&format!("/{text}")).err());
    if let Some((message, _)) = wrong {
        let mend = "write what follows the prefix, such as *.dump";
        problems.push(Problem::error(place.join("pattern"), message.replacen("`/", "`", 1), mend));
    }
    let role = objects.role.as_ref().map(|role| role.arn.as_str());
    if let Some(arn) = role.filter(|arn| address::arn(arn, "iam", "role/").is_none()) {
        let message = format!("`{arn}` is not the ARN of a role");
        let mend = "write it as arn:aws:iam::ACCOUNT:role/NAME";
        problems.push(Problem::error(place.join("role").join("arn"), message, mend));
    }
}

/// How a bucket is named.
pub(super) const BUCKET_MEND: &str = "write the bucket's name alone, such as company-backups";

/// Whether a text can be the name of a bucket: as S3 has it, 3 to 63 small letters, digits, `-` and `.`.
pub(super) fn bucket(text: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    if (3..=63).contains(&text.len()) && text.bytes().all(plain) {
        Ok(())
    } else {
        Err(format!("`{text}` is not the name of a bucket"))
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
