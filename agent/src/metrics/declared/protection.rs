//! What must be in order before trouble comes: plans, replicas, backups and drills.

use super::{Family, Kind::*, Metric, There::*, family, labels::*};

family! {
    FAMILY, "Readiness: plans, replicas, backups and drills",
    "What this agent found when it looked last, and the log's memory of drills. A timestamp tells how old a finding is.",
    {
        PLAN_READY = Gauge, "quorate_plan_ready", [SERVICE, TO], Configured,
            "Whether nothing known stands in the way of the plan that activates the region; 0 until looked at.";
        PLAN_CHECKED = Gauge, "quorate_plan_last_check_timestamp_seconds", [SERVICE, TO], Configured,
            "When this agent last looked at the plan; 0 if it never did.";
        PLAN_FINDINGS = Gauge, "quorate_plan_findings", [SERVICE, TO, SEVERITY], Configured,
            "What this agent found about the plan last, by severity.";
        REPLICA_LAG = Gauge, "quorate_replica_lag_seconds", [SERVICE, REPLICA], If("the replica's lag was read"),
            "How far the replica was behind its source when this agent read that last.";
        REPLICA_LAG_BYTES = Gauge, "quorate_replica_lag_bytes", [SERVICE, REPLICA],
            If("the replica's lag was read from a PostgreSQL server itself"),
            "How many bytes of its source's log the replica lacked when this agent read that last.";
        REPLICA_MEASURED = Gauge, "quorate_replica_lag_measured_timestamp_seconds", [SERVICE, REPLICA],
            If("the replica's lag was read"),
            "When that was measured; a figure that is too old for the policy keeps a failover from being decided.";
        BACKUP_FRESH = Gauge, "quorate_backup_fresh", [SERVICE, BACKUP], If("the backup was looked at"),
            "Whether a restore could be made of the backup: it is there, whole, young enough and of a usual size.";
        BACKUP_AGE = Gauge, "quorate_backup_age_seconds", [SERVICE, BACKUP], If("the backup was found"),
            "How old the newest backup is.";
        BACKUP_SIZE = Gauge, "quorate_backup_size_bytes", [SERVICE, BACKUP], If("the backup was found"),
            "How large the newest backup is; of files, all together.";
        BACKUP_CHECKED = Gauge, "quorate_backup_last_check_timestamp_seconds", [SERVICE, BACKUP],
            If("the backup was looked at"),
            "When this agent looked at the backup last.";
        DRILL_LAST = Gauge, "quorate_drill_last_timestamp_seconds", [SERVICE, DRILL], If("the policy has the drill"),
            "When the latest run began; 0 if none has.";
        DRILL_LAST_SUCCESS = Gauge, "quorate_drill_last_success_timestamp_seconds", [SERVICE, DRILL],
            If("the policy has the drill"),
            "When the latest run that succeeded ended; 0 if none has.";
        DRILL_DUE = Gauge, "quorate_drill_due_timestamp_seconds", [SERVICE, DRILL], If("the policy has the drill"),
            "When the next run is, or was, due; 0 if nobody asks for it regularly.";
        DRILL_OVERDUE = Gauge, "quorate_drill_overdue", [SERVICE, DRILL], If("the policy has the drill"),
            "Whether a run has been due for more than a tenth of its interval.";
        DRILL_RECOVERY = Gauge, "quorate_drill_recovery_seconds", [SERVICE, DRILL], If("a run has succeeded"),
            "The recovery time that the latest run that succeeded measured; absent without one.";
        DRILL_OBJECTIVE = Gauge, "quorate_drill_recovery_objective_seconds", [SERVICE, DRILL], If("a run has succeeded"),
            "What that may be.";
        RESTORE_LAST = Gauge, "quorate_backup_test_restore_timestamp_seconds", [SERVICE, BACKUP],
            If("a drill restores the backup"),
            "When the latest test restore of the backup that succeeded ended; 0 if none has.";
        RESTORE_OK = Gauge, "quorate_backup_test_restore_succeeded", [SERVICE, BACKUP], If("a drill restores the backup"),
            "Whether the latest test restore of the backup succeeded; 0 before the first.";
    }
}
