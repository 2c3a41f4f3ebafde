//! The ids of traces and spans: hashes of what the log calls them. Never random, so that whoever makes a trace makes the same.

use quorate_core::Execution;
use sha2::{Digest as _, Sha256};
use std::fmt;

/// A trace's id: never all zero, which means "none" in OpenTelemetry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceId(pub [u8; 16]);

/// A span's id: never all zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpanId(pub [u8; 8]);

impl TraceId {
    /// Of an execution. Its id is unique in its cluster; the clusters of two environments may have one name and one service, so the
    /// moment of the decision belongs to it.
    pub(crate) fn of(cluster: &str, execution: &Execution) -> Self {
        let decided = execution.decided_at.0.to_string();
        Self(whole(&["quorate trace", cluster, &execution.id, &decided]))
    }
}

impl SpanId {
    /// Of a part of a trace: what it is, and which one.
    pub(crate) fn of(trace: TraceId, what: &str, step: &str, attempt: u32) -> Self {
        Self(whole(&["quorate span", &trace.to_string(), what, step, &attempt.to_string()]))
    }
}

/// The beginning of a hash over texts, each behind its length, so that no two lists of texts are one.
fn whole<const N: usize>(parts: &[&str]) -> [u8; N] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let digest = hash.finalize();
    let mut id = [0; N];
    id.copy_from_slice(&digest[..N]);
    // One bit less to tell them apart by, and none is "none".
    id[N - 1] |= 1;
    id
}

fn hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: two lists of texts that read alike when they are written behind each other have two ids, no id is zero, and an id stays
    /// the same from version to version, because it is how a later export finds the earlier one. Method: such lists, and one id by
    /// its bytes.
    #[test]
    fn ids_tell_apart_and_stay() {
        let trace = TraceId(whole(&["quorate trace", "prod", "shop-3", "7"]));
        assert_eq!(trace.to_string(), "b60a6bd37792d3132f2af8e894b70805");
        let spans = [("step", "a", 1), ("stepa", "", 1), ("step", "a1", 1), ("step", "a", 11)];
        let ids: std::collections::BTreeSet<SpanId> =
            spans.iter().map(|(what, step, attempt)| SpanId::of(trace, what, step, *attempt)).collect();
        assert_eq!(ids.len(), spans.len());
        assert!(ids.iter().all(|id| id.0[7] & 1 == 1));
    }
}
