//! Which region serves, who may write, and what keeps a failover from being decided.

use super::{Family, Kind::*, Metric, There::*, family, labels::*};

family! {
    FAMILY, "Services and decisions",
    "Most of it comes from the replicated log, so that every agent tells the same: ask for `max by (service, ...)`, not for a sum.",
    {
        ACTIVE_REGION = Gauge, "quorate_active_region", [SERVICE, REGION], Configured,
            "The region that serves is 1.";
        POLICY_VERSION = Gauge, "quorate_policy_version", [SERVICE], Configured,
            "How many policies the service has had; agents that differ for long do not hear each other.";
        EPOCH = Gauge, "quorate_epoch", [SERVICE], Configured,
            "The epoch of the latest decision, the fencing token; it only grows.";
        LEASE_HOLDER = Gauge, "quorate_lease_holder", [SERVICE, REGION], Configured,
            "The region that may hold the write lease now, or may hold it still, is 1.";
        LEASE_RELEASING = Gauge, "quorate_lease_releasing", [SERVICE], Configured,
            "Whether the write lease is on its way to another region, and nobody is granted it.";
        LEASE_EXPIRY = Gauge, "quorate_lease_expiry_timestamp_seconds", [SERVICE], Configured,
            "Until when this agent itself holds the write lease, if it is not renewed; 0 if it does not.";
        BLOCKED = Counter, "quorate_failover_blocked_total", [SERVICE, PLAN, GUARD], Configured,
            "Failovers that were wanted and refused, by the guard that refused.";
        COOLDOWN_END = Gauge, "quorate_failover_cooldown_end_timestamp_seconds", [SERVICE], Configured,
            "Until when automation waits after the latest execution; 0 if there was none.";
        OBJECTIVE_RTO = Gauge, "quorate_objective_recovery_seconds", [SERVICE], Configured,
            "How long a recovery from the loss of the primary region may take (RTO).";
        OBJECTIVE_RPO = Gauge, "quorate_objective_data_loss_seconds", [SERVICE], Configured,
            "How much data, as time, the loss of the primary region may cost (RPO).";
        OVERRIDE_ACTIVE = Gauge, "quorate_override_active", [SCOPE, KIND], Configured,
            "Whether an operator's override stands; the scope is the service.";
        OVERRIDE_START = Gauge, "quorate_override_start_timestamp_seconds", [SCOPE, KIND], Configured,
            "Since when the override stands; 0 without one.";
        OVERRIDE_EXPIRY = Gauge, "quorate_override_expiry_timestamp_seconds", [SCOPE, KIND], Configured,
            "When the override ends by itself; 0 without one, or if it ends only by hand.";
        AUDIT_ENTRIES = Counter, "quorate_audit_entries_total", [EVENT], Always,
            "Audit entries by event.";
        AUDIT_WRITE_ERRORS = Counter, "quorate_audit_write_errors_total", [], Always,
            "Audit entries that could not be written to this agent's own file.";
    }
}
