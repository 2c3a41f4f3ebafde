//! Which object of a bucket is the newest backup, out of a list of all. Pure: whoever lists them asks S3. Their content is not
//! looked at; a step that fetches them compares it.

use glob::{MatchOptions, Pattern};
use quorate_aws::s3::Object;
use quorate_policies::backup::{BackupContent, BackupFound, BackupSeen};

/// How many sizes make the usual one: a month of daily backups.
const EARLIER_MAX: usize = 30;

/// The newest object whose name, behind the prefix, is as the pattern says.
#[must_use]
pub fn newest(prefix: &str, pattern: Option<&str>, mut all: Vec<Object>) -> BackupSeen {
    // The check has seen that it means something; a name of its own is matched by whole folders, as on a disk.
    let as_path = MatchOptions { require_literal_separator: true, ..MatchOptions::new() };
    match pattern.map(Pattern::new) {
        Some(Err(error)) => return BackupSeen::Unknown { why: format!("the pattern: {error}") },
        Some(Ok(pattern)) => all.retain(|object| pattern.matches_with(&object.name, as_path)),
        None => {}
    }
    all.sort_by(|a, b| b.changed.cmp(&a.changed).then_with(|| a.name.cmp(&b.name)));
    let (Some(newest), Some(oldest)) = (all.first(), all.last()) else { return BackupSeen::Nothing };
    let content = if newest.archived() {
        BackupContent::Unchecked {
            why: format!("it lies in {}, and takes hours to come back", newest.storage),
        }
    } else {
        // Its age and size are all that a list can tell.
        BackupContent::Sound
    };
    BackupSeen::Found(BackupFound {
        name: format!("{prefix}{}", newest.name),
        taken: newest.changed,
        size: Some(newest.bytes),
        earlier: all.iter().skip(1).take(EARLIER_MAX).map(|object| object.bytes).collect(),
        oldest: Some(oldest.changed),
        content,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_policies::Timestamp;

    fn object(name: &str, day: u64, bytes: u64) -> Object {
        Object {
            name: name.to_owned(),
            bytes,
            changed: Timestamp(day * 86_400_000),
            etag: String::new(),
            storage: "STANDARD".to_owned(),
        }
    }

    /// Goal: the newest that is meant is found, with the sizes of those before it; a pattern means one folder unless it says
    /// more; and what lies in an archive is told. Method: a list in no order, by several patterns.
    #[test]
    fn which_object_counts() {
        let all = || {
            vec![
                object("day-2.dump", 2, 20),
                object("day-1.dump", 1, 10),
                object("old/day-9.dump", 9, 90),
                object("day-3.log", 3, 30),
            ]
        };
        let found = |pattern: Option<&str>| match newest("s3://b/db/", pattern, all()) {
            BackupSeen::Found(found) => {
                let oldest = found.oldest.unwrap().0 / 86_400_000;
                format!("{} {:?} {:?} since {oldest}", found.name, found.size, found.earlier)
            }
            other => format!("{other:?}"),
        };
        assert_eq!(found(None), "s3://b/db/old/day-9.dump Some(90) [30, 20, 10] since 1");
        assert_eq!(found(Some("*.dump")), "s3://b/db/day-2.dump Some(20) [10] since 1");
        assert_eq!(found(Some("**/*.dump")), "s3://b/db/old/day-9.dump Some(90) [20, 10] since 1");
        assert_eq!(found(Some("x*")), "Nothing");
        let frozen = Object { storage: "DEEP_ARCHIVE".to_owned(), ..object("a", 1, 1) };
        let BackupSeen::Found(found) = newest("s3://b/", None, vec![frozen]) else { panic!("it is there") };
        assert!(matches!(found.content, BackupContent::Unchecked { .. }));
    }
}
