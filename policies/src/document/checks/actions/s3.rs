//! Copies of objects: two places that are named in full and apart from each other, so that nothing is copied onto itself and
//! no prefix means more than it says.

use super::{super::backups, fields::Fields};
use crate::plan::action::{S3Sync, SyncTarget};

/// What to write for a prefix.
const PREFIX_MEND: &str = "write it up to a `/`, such as 2026-11-22/, or remove it for the whole bucket";

pub(super) fn sync(fields: &mut Fields<'_>, action: &S3Sync) {
    for side in ["from", "to"] {
        fields.judge_in(&[side, "bucket"], backups::bucket, backups::BUCKET_MEND);
        fields.judge_in(&[side, "prefix"], prefix, PREFIX_MEND);
    }
    let folder = |text: &str| {
        let plain = !text.contains(['*', '?', '[']) && text.trim_end_matches('/').len() > 1;
        backups::path(text)
            .map_err(|(why, _)| why)
            .and_then(|()| if plain { Ok(()) } else { Err(format!("`{text}` is not one folder")) })
    };
    fields.judge_in(&["to", "dir"], folder, "write a folder from the root, such as /backups/recovered");
    match action.to.target() {
        None => {
            let mend = "write `region` and `bucket`, with `prefix` if need be, or `dir` alone";
            fields.wrong(&["to"], "it is neither a place in a bucket nor a folder", mend);
        }
        Some(SyncTarget::Objects(to)) if to.bucket == action.from.bucket => {
            let (from, to) = (action.from.prefix(), to.prefix());
            if from.starts_with(to) || to.starts_with(from) {
                let message = "both places are in one bucket, and one is within the other";
                fields.wrong(&["to", "prefix"], message, "write a prefix beside that of `from`");
            }
        }
        Some(SyncTarget::Objects(_) | SyncTarget::Folder(_)) => {}
    }
    if action.max_age.is_some_and(|length| length.is_zero()) {
        fields.wrong(&["max_age"], "no object is as young as that", "write a length such as 25h");
    }
}

fn prefix(text: &str) -> Result<(), String> {
    let climbs =
        text.trim_end_matches('/').split('/').any(|part| part.is_empty() || part == "." || part == "..");
    if climbs {
        Err(format!("`{text}` is no path below a bucket"))
    } else if text.ends_with('/') {
        Ok(())
    } else {
        Err(format!("`{text}` means every key that begins so, such as {text}-old/"))
    }
}
