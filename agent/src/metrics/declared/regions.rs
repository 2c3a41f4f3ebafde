//! What is thought of targets, components and regions: by this agent alone, and by all of them.

use super::{Family, Kind::*, Metric, There::*, family, labels::*};

family! {
    FAMILY, "Verdicts and agreement",
    "A state is one series for each of its values, of which one is 1. `quorate_check_state` is this agent's own opinion; \
     `quorate_verdict` and `quorate_component_state` are what follows from the votes of all, as this agent has heard them. \
     `unsure` is neither: no action follows from it.",
    {
        CHECK_VERDICT = Gauge, "quorate_check_state", [SERVICE, CHECK, REGION, CHECK_STATE], Configured,
            "This agent's own verdict on a target: the series of the verdict is 1.";
        CHECK_ARMED = Gauge, "quorate_check_armed", [SERVICE, CHECK, REGION], Configured,
            "Whether this agent has seen the target healthy since it started; before that its vote for down does not count.";
        VOTES = Gauge, "quorate_votes", [SERVICE, CHECK, REGION, VOTE], Configured,
            "How many voters see a critical target so; all together are the configured voters.";
        VERDICT = Gauge, "quorate_verdict", [SERVICE, REGION, OPINION], Configured,
            "What the agents agree on about a region: the series of the verdict is 1.";
        COMPONENT_VERDICT = Gauge, "quorate_component_state", [SERVICE, COMPONENT, REGION, COMPONENT_STATE],
            If("a component has a probe"),
            "What the agents agree on about a component in a region: the series of the state is 1.";
        DOWN_SINCE = Gauge, "quorate_active_region_down_timestamp_seconds", [SERVICE], Configured,
            "Since when the agents agree that the region that serves is down, by this agent's clock; 0 if they do not.";
        FLAPS = Gauge, "quorate_active_region_flaps", [SERVICE], Configured,
            "How often the state of the region that serves has changed within the policy's window.";
        FLAPPING = Gauge, "quorate_active_region_flapping", [SERVICE], Configured,
            "Whether that is oftener than the policy allows, so that automation holds still.";
        POSTGRES_PRIMARY = Gauge, "quorate_postgres_primary", [SERVICE, CHECK, REGION],
            If("a PostgreSQL probe has an answer"),
            "Whether the PostgreSQL server says that it is a primary; absent while it does not answer.";
        POSTGRES_TIMELINE = Gauge, "quorate_postgres_timeline", [SERVICE, CHECK, REGION],
            If("a PostgreSQL probe has an answer"),
            "The timeline of the PostgreSQL server; absent while it does not answer.";
        POSTGRES_LSN = Gauge, "quorate_postgres_lsn_bytes", [SERVICE, CHECK, REGION, POSITION],
            If("a PostgreSQL probe has an answer"),
            "How far the server's write-ahead log reaches, in bytes since its beginning.";
    }
}
