//! The agent, its peers and consensus.

use super::{Family, Kind::*, Metric, There::*, family, labels::*};

/// From a report within one machine room to one across an ocean over a bad line.
const ROUND_TRIP_BUCKETS: [f64; 9] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0];

family! {
    FAMILY, "The agent and its peers",
    "Every agent tells these of itself. What an agent says of a peer is its own view: two agents that cannot hear each \
     other say so of each other, and both are right.",
    {
        BUILD_INFO = Gauge, "quorate_build_info", [VERSION, REVISION], Always,
            "The agent's version; always 1.";
        CONFIG_INFO = Gauge, "quorate_config_info", [SHA256], Always,
            "Which settings this agent runs with: the beginning of their SHA-256; always 1. They are read once, at the start.";
        START_TIME = Gauge, "quorate_start_time_seconds", [], Always,
            "When this process started.";
        READY = Gauge, "quorate_ready", [], Always,
            "Whether the agent has a quorum and its cluster is formed.";
        ABSTAINING = Gauge, "quorate_abstaining", [], Always,
            "Whether this agent abstains from voting and deciding, because it cannot trust itself.";
        CLOCK_OFFSET = Gauge, "quorate_clock_offset_seconds", [], Always,
            "By how much the system's clock has moved against the agent's own, which was set by it once, at the start.";
        STALLS = Counter, "quorate_runtime_stalls_total", [], Always,
            "Times at which the process was half a second late for its own tick, or more.";
        OWN_CERTIFICATE_EXPIRY = Gauge, "quorate_agent_certificate_expiry_timestamp_seconds", [OWN_CERTIFICATE], Always,
            "When the first expires of the certificates in use: the agent's own, and the authorities whose peers it trusts.";
        STORE_FAILURES = Counter, "quorate_store_failures_total", [], Always,
            "How often this agent has stopped because a read, write or sync of its store failed; counted in its data directory.";
        STORE_FAILED = Gauge, "quorate_store_last_failure_timestamp_seconds", [], Always,
            "When it last stopped for that; 0 if it never did.";
        MEMBERS = Gauge, "quorate_members", [], Always,
            "Configured voters.";
        QUORUM_REQUIRED = Gauge, "quorate_quorum_required", [], Always,
            "Voters that make a majority.";
        HAS_QUORUM = Gauge, "quorate_has_quorum", [], Always,
            "Whether this agent is in contact with a majority; without one nothing is decided.";
        SELF_ISOLATED = Gauge, "quorate_self_isolated", [], Always,
            "Whether this agent has heard none of its peers lately.";
        IS_LEADER = Gauge, "quorate_is_leader", [], Always,
            "Whether this agent leads.";
        TERM = Gauge, "quorate_term", [], Always,
            "The consensus term, which grows with each election.";
        ELECTIONS = Counter, "quorate_elections_total", [], Always,
            "New terms that this agent has seen since it started.";
        PEER_UP = Gauge, "quorate_peer_up", [PEER], Configured,
            "Whether this agent has heard the peer lately.";
        PEER_LAST_SEEN = Gauge, "quorate_peer_last_seen_timestamp_seconds", [PEER], Configured,
            "When this agent last heard the peer; 0 if never.";
        PEER_ROUND_TRIP = Histogram(&ROUND_TRIP_BUCKETS), "quorate_peer_rtt_seconds", [PEER], Configured,
            "From sending a report to the peer until its answer.";
        PEER_REPORTS = Counter, "quorate_peer_reports_total", [PEER, REPORT_OUTCOME], Configured,
            "Reports that this agent sent to the peer; one that found no connection, or no answer in time, has failed.";
        PEER_MISMATCH = Gauge, "quorate_peer_config_mismatch", [PEER], Configured,
            "Whether the peer judges a service by another policy than the one in force here, so that its votes do not count.";
    }
}
