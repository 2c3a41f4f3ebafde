//! What the facts about an ECS service mean for its scaling. Pure: no call, no clock.

use quorate_policies::effect::Observed;
use quorate_policies::plan::action::EcsScale;

/// What was read about one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tasks {
    /// The service's name.
    pub(super) name: String,
    /// The service's ARN.
    pub(super) arn: String,
    /// `ACTIVE`, `DRAINING` or `INACTIVE`.
    pub(super) status: String,
    /// `REPLICA` or `DAEMON`, where it was said.
    pub(super) scheduling: Option<String>,
    /// Tasks wanted.
    pub(super) desired: i64,
    /// Tasks running.
    pub(super) running: i64,
    /// Tasks on their way up.
    pub(super) pending: i64,
}

/// Why a service was not described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// The API's word, such as `MISSING`.
    pub(super) reason: String,
    /// More text, mostly empty.
    pub(super) detail: String,
}

/// Where the scaling stands, given all that the reply held.
pub(super) fn standing(action: &EcsScale, services: &[Tasks], failures: &[Failure]) -> Observed {
    let name = format!("service {}/{}", action.cluster, action.service);
    let ours = |tasks: &&Tasks| tasks.name == action.service || tasks.arn == action.service;
    let Some(tasks) = services.iter().find(ours) else {
        return match failures.first() {
            Some(failure) if failure.reason == "MISSING" => {
                Observed::Impossible { reason: format!("{name} does not exist (MISSING)") }
            }
            Some(failure) => Observed::Unknown {
                reason: format!("{name}: {} {}", failure.reason, failure.detail).trim().into(),
            },
            None => Observed::Unknown { reason: format!("DescribeServices answered without {name}") },
        };
    };
    match tasks.status.as_str() {
        "ACTIVE" => {}
        "DRAINING" | "INACTIVE" => {
            return Observed::Impossible { reason: format!("{name} is {}", tasks.status) };
        }
        other => return Observed::Unknown { reason: format!("{name} has the unknown status `{other}`") },
    }
    if tasks.scheduling.as_deref() == Some("DAEMON") {
        return Observed::Impossible {
            reason: format!("{name} is a DAEMON service, which has no desired count"),
        };
    }
    counts(&name, i64::from(action.desired.unwrap_or_default()), tasks)
}

/// Judges an active service by its counts. A fence is done when nothing runs and nothing is on its way up (R14).
fn counts(name: &str, wanted: i64, tasks: &Tasks) -> Observed {
    let Tasks { desired, running, pending, .. } = tasks;
    let detail = format!("{name}: wanted {wanted}, desired {desired}, running {running}, pending {pending}");
    let reached = if wanted == 0 { *running == 0 && *pending == 0 } else { *running >= wanted };
    match (*desired == wanted, reached) {
        (true, true) => Observed::Done { detail },
        (true, false) => Observed::InProgress { detail },
        (false, true | false) => Observed::not_done(detail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(desired: u32) -> EcsScale {
        EcsScale {
            region: "us-west-2".into(),
            cluster: "dr".into(),
            service: "web".into(),
            desired: Some(desired),
            percent_of: None,
            enough_percent: 100,
            scaling: None,
        }
    }

    fn tasks(desired: i64, running: i64, pending: i64) -> Tasks {
        Tasks {
            name: "web".into(),
            arn: "arn:aws:ecs:us-west-2:123456789012:service/dr/web".into(),
            status: "ACTIVE".into(),
            scheduling: Some("REPLICA".into()),
            desired,
            running,
            pending,
        }
    }

    /// The variant of an observation.
    fn word(observed: &Observed) -> &'static str {
        match observed {
            Observed::Done { .. } => "done",
            Observed::InProgress { .. } => "in progress",
            Observed::NotDone { .. } => "not done",
            Observed::Impossible { .. } => "impossible",
            Observed::Unknown { .. } => "unknown",
        }
    }

    /// Goal: the counts alone decide, and zero is reached only when nothing runs or comes up. Method: a table.
    #[test]
    fn counts_decide() {
        let table = [
            (10, (10, 10, 0), "done"),
            (10, (10, 12, 0), "done"),
            (10, (10, 9, 1), "in progress"),
            (10, (10, 0, 0), "in progress"),
            (10, (2, 2, 0), "not done"),
            (10, (12, 12, 0), "not done"),
            (10, (2, 10, 0), "not done"),
            (0, (0, 0, 0), "done"),
            (0, (0, 1, 0), "in progress"),
            (0, (0, 0, 1), "in progress"),
            (0, (3, 0, 0), "not done"),
        ];
        for (wanted, (desired, running, pending), expected) in table {
            let seen = standing(&action(wanted), &[tasks(desired, running, pending)], &[]);
            assert_eq!(word(&seen), expected, "{seen:?}");
        }
    }

    /// Goal: the counts are in the text, for the progress line. Method: read one.
    #[test]
    fn progress_shows_counts() {
        let Observed::InProgress { detail } = standing(&action(10), &[tasks(10, 4, 6)], &[]) else {
            panic!("not in progress");
        };
        assert_eq!(detail, "service dr/web: wanted 10, desired 10, running 4, pending 6");
    }

    /// Goal: a service that is gone, going or unscalable is impossible; what is not understood is unknown (R7).
    /// Method: one row for each.
    #[test]
    fn states_that_cannot_be_scaled() {
        let state = |status: &str| Tasks { status: status.into(), ..tasks(10, 10, 0) };
        assert_eq!(word(&standing(&action(10), &[state("DRAINING")], &[])), "impossible");
        assert_eq!(word(&standing(&action(10), &[state("INACTIVE")], &[])), "impossible");
        assert_eq!(word(&standing(&action(10), &[state("")], &[])), "unknown");
        let daemon = Tasks { scheduling: Some("DAEMON".into()), ..tasks(10, 10, 0) };
        assert_eq!(word(&standing(&action(10), &[daemon], &[])), "impossible");
        let failed = |reason: &str| Failure { reason: reason.into(), detail: String::new() };
        assert_eq!(word(&standing(&action(10), &[], &[failed("MISSING")])), "impossible");
        assert_eq!(word(&standing(&action(10), &[], &[failed("THROTTLED")])), "unknown");
        assert_eq!(word(&standing(&action(10), &[], &[])), "unknown");
        let other = Tasks { name: "worker".into(), ..tasks(10, 10, 0) };
        assert_eq!(word(&standing(&action(10), &[other], &[])), "unknown");
    }
}
