//! The latest result of a probe under blackbox_exporter's names.

/// How old the result is, in seconds.
pub const AGE: &str = "quorate_probe_age_seconds";
