//! Executions, their steps, and what a recovery took and lost.

use super::{Family, Kind::*, Metric, There::*, family, labels::*};

/// From a call that is answered at once to a promotion of an hour.
const STEP_BUCKETS: [f64; 11] = [0.1, 0.5, 1.0, 5.0, 15.0, 30.0, 60.0, 180.0, 600.0, 1_200.0, 3_600.0];
/// From three quick probes to the longest sensible dwell.
const DETECTION_BUCKETS: [f64; 9] = [0.5, 1.0, 2.0, 5.0, 15.0, 30.0, 60.0, 120.0, 600.0];
/// From the fastest failover to the commonest written recovery objective, four hours.
const RECOVERY_BUCKETS: [f64; 12] =
    [1.0, 2.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 3_600.0, 14_400.0];
/// A part may be nearly nothing, and each may be nearly all.
const PART_BUCKETS: [f64; 12] = [0.1, 0.5, 1.0, 2.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3_600.0];

family! {
    FAMILY, "Executions and steps",
    "An execution is one run of a plan: a failover, a declared scenario or one leg of a drill. All agents tell the same, from \
     the log. The gauges of states and times are of the plan's latest execution that is remembered. The counters and \
     histograms count what was committed while the process ran: one that starts again begins at zero, without counting \
     the past anew.",
    {
        IN_PROGRESS = Gauge, "quorate_failover_in_progress", [SERVICE, PLAN], Configured,
            "Whether an execution of the plan was decided and has not ended; one that stopped has not ended.";
        EXECUTION_STATE_NOW = Gauge, "quorate_failover_execution_state", [SERVICE, PLAN, EXECUTION_STATE], Configured,
            "Where the latest execution of the plan stands: the series of the state is 1; all are 0 if there was none.";
        EXECUTIONS = Counter, "quorate_failover_executions_total", [SERVICE, PLAN, TRIGGER, OUTCOME], Configured,
            "Executions that ended, each once: a stopped one waits for an operator, and is not counted again when it is aborted.";
        LAST_START = Gauge, "quorate_failover_last_start_timestamp_seconds", [SERVICE, PLAN], Configured,
            "When the latest execution was decided; 0 if none was.";
        LAST_END = Gauge, "quorate_failover_last_end_timestamp_seconds", [SERVICE, PLAN], Configured,
            "When the latest execution ended; 0 if none has.";
        STEP_STATE_NOW = Gauge, "quorate_failover_step_state", [SERVICE, PLAN, STEP, STEP_STATE], Configured,
            "Where a step of the latest execution stands: the series of the state is 1; all are 0 if there was none.";
        STEP_START = Gauge, "quorate_failover_step_start_timestamp_seconds", [SERVICE, PLAN, STEP], Configured,
            "When the step first started in the latest execution; 0 if it did not.";
        STEP_END = Gauge, "quorate_failover_step_end_timestamp_seconds", [SERVICE, PLAN, STEP], Configured,
            "When the step ended for good in the latest execution; 0 if it has not.";
        ASKING_SINCE = Gauge, "quorate_failover_asking_since_timestamp_seconds", [SERVICE, PLAN, STEP],
            If("the plan has an approval step"),
            "Since when an approval step of the latest execution waits for a person's answer; 0 if it does not.";
        STEP_ATTEMPTS = Counter, "quorate_failover_step_attempts_total", [SERVICE, PLAN, STEP, STEP_OUTCOME], Configured,
            "Attempts of steps that ended, by outcome; the effect of an unknown one may stand.";
        STEP_DURATION = Histogram(&STEP_BUCKETS), "quorate_failover_step_duration_seconds", [SERVICE, PLAN, STEP], Configured,
            "From a step's first start to its end.";
        DETECTION = Histogram(&DETECTION_BUCKETS), "quorate_failover_detection_seconds", [SERVICE, PLAN], Configured,
            "From the first failed probe to the agreement that the region is down, of automatic failovers.";
        RECOVERY = Histogram(&RECOVERY_BUCKETS), "quorate_failover_recovery_seconds", [SERVICE, PLAN], Configured,
            "From the first failed probe to verified service, of failovers that succeeded.";
        RECOVERY_PARTS = Histogram(&PART_BUCKETS), "quorate_failover_part_seconds", [SERVICE, PLAN, PART], Configured,
            "Where that time went: until the agreement, the decision, the last step, and the verified service.";
        LAST_PARTS = Gauge, "quorate_failover_last_part_seconds", [SERVICE, PLAN, PART],
            If("an execution of the plan has succeeded"),
            "The same of the latest execution that succeeded.";
        LAST_LOSS = Gauge, "quorate_failover_last_data_loss_seconds", [SERVICE, PLAN],
            If("the latest execution promoted or restored something, and all of what it lost was measured"),
            "How much data, as time, the latest execution lost at the most; absent if that is not known, which is not zero.";
        LAST_UNMEASURED = Gauge, "quorate_failover_last_unmeasured_losses", [SERVICE, PLAN], Configured,
            "Steps of the latest execution that lost data, and nobody knows how much.";
    }
}
