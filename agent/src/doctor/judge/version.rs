//! How far two versions are apart.

/// Agents of neighbouring minor versions work together, so that they can be upgraded one after another.
pub(super) const MINORS_APART_MAX: u64 = 1;

/// Whether two versions are too far apart; none if one of them cannot be read.
pub(super) fn too_far(one: &str, other: &str) -> Option<bool> {
    let ((major, minor), (other_major, other_minor)) = (parts(one)?, parts(other)?);
    Some(major != other_major || minor.abs_diff(other_minor) > MINORS_APART_MAX)
}

fn parts(version: &str) -> Option<(u64, u64)> {
    let mut parts = version.split('.');
    let (major, minor) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    // A third part must be there, so that `1.2` of something else is not taken for a version.
    parts.next().map(|_| (major, minor))
}
