//! Which part of the audit is wanted: by time, service and execution. It selects; it must not reorder or change.

use quorate_api::AuditEntry;
use quorate_policies::Timestamp;

/// A part of the audit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Part {
    /// From this moment on.
    pub since: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
    /// Only of this service.
    pub service: Option<String>,
    /// Only of this execution.
    pub execution: Option<String>,
}

impl Part {
    /// Whether an entry belongs to it. What belongs to no service, such as the cluster's forming, belongs to none's part.
    #[must_use]
    pub fn holds(&self, entry: &AuditEntry) -> bool {
        let same = |wanted: &Option<String>, is: &Option<String>| wanted.is_none() || wanted == is;
        self.covers(moment(&entry.at))
            && same(&self.service, &entry.service)
            && same(&self.execution, &entry.execution)
    }

    /// Whether a moment lies within its time. One that cannot be read does: an entry is rather shown than lost.
    #[must_use]
    pub fn covers(&self, at: Option<Timestamp>) -> bool {
        let Some(at) = at else { return true };
        self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at < until)
    }

    /// Whether entries between its first and its last may be missing.
    #[must_use]
    pub const fn has_gaps(&self) -> bool {
        self.service.is_some() || self.execution.is_some()
    }
}

/// A moment of the API, in RFC 3339.
#[must_use]
pub fn moment(text: &str) -> Option<Timestamp> {
    let ms = text.parse::<jiff::Timestamp>().ok()?.as_millisecond();
    u64::try_from(ms).ok().map(Timestamp)
}

/// The length between two moments of the API, in milliseconds; none if either cannot be read.
#[must_use]
pub fn between(from: &str, to: &str) -> Option<u64> {
    Some(moment(to)?.since(moment(from)?).0)
}
