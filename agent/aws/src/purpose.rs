//! What calls are made for.

/// What calls are made for. Each purpose has clients, and a retry budget, of its own: the SDK shares one budget of
/// retries between all clients of a service and region, so that a storm of failing looks would leave none for a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    /// The steps of a failover.
    Execute,
    /// Watching: readiness and lag.
    Watch,
}

impl Purpose {
    pub(crate) const fn retry_partition(self) -> &'static str {
        match self {
            Purpose::Execute => "quorate-execute",
            Purpose::Watch => "quorate-watch",
        }
    }
}
