//! What the facts about an ECS service mean for its scaling. Pure: no call, no clock.

use quorate_policies::effect::Observed;
use quorate_policies::plan::action::ScalingRange;

use super::events;
use super::goal::Goal;

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
    /// Tasks wanted by the service.
    pub(super) desired: u32,
    /// Tasks running.
    pub(super) running: u32,
    /// Tasks on their way up.
    pub(super) pending: u32,
    /// ARNs of the target groups that its tasks register with.
    pub(super) groups: Vec<String>,
    /// What happened, in ECS's words, newest first.
    pub(super) events: Vec<String>,
}

/// The health of one target group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    /// Its name.
    pub(super) name: String,
    /// Healthy targets.
    pub(super) healthy: u32,
}

/// Why a service was not described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// The API's word, such as `MISSING`.
    pub(super) reason: String,
    /// More text, mostly empty.
    pub(super) detail: String,
}

impl Tasks {
    /// Whether the plan's name or ARN means this service.
    pub(super) fn is_named(&self, service: &str) -> bool {
        self.name == service || self.arn == service
    }
}

/// The service of that name, if it can be scaled.
///
/// # Errors
/// What it means for the step if it cannot, or if the reply does not tell.
pub(super) fn scalable<'a>(
    name: &str,
    service: &str,
    services: &'a [Tasks],
    failures: &[Failure],
) -> Result<&'a Tasks, Observed> {
    let impossible = |reason| Err(Observed::Impossible { reason });
    let unknown = |reason| Err(Observed::Unknown { reason });
    let Some(tasks) = services.iter().find(|tasks| tasks.is_named(service)) else {
        return match failures.first() {
            Some(failure) if failure.reason == "MISSING" => {
                impossible(format!("{name} does not exist (MISSING)"))
            }
            Some(failure) => {
                unknown(format!("{name}: {} {}", failure.reason, failure.detail).trim().to_owned())
            }
            None => unknown(format!("DescribeServices answered without {name}")),
        };
    };
    match (tasks.status.as_str(), tasks.scheduling.as_deref()) {
        ("ACTIVE", Some("DAEMON")) => {
            impossible(format!("{name} is a DAEMON service, which has no desired count"))
        }
        ("ACTIVE", _) => Ok(tasks),
        ("DRAINING" | "INACTIVE", _) => impossible(format!("{name} is {}", tasks.status)),
        (other, _) => unknown(format!("{name} has the unknown status `{other}`")),
    }
}

/// The text while something is still to be changed.
pub(super) fn to_do(goal: &Goal, tasks: &Tasks, range: Option<ScalingRange>) -> String {
    let scaling = range.map_or(String::new(), |range| format!(", scaling {} to {}", range.min, range.max));
    format!("{}{scaling} ({})", counts(goal, tasks), goal.because)
}

/// Where a service stands whose count and range are as wanted. A fence is done when nothing runs and nothing is on its
/// way up (R14); else enough tasks must run, and as many be healthy in each target group.
pub(super) fn standing(goal: &Goal, tasks: &Tasks, groups: &[Group]) -> Observed {
    let mut detail = counts(goal, tasks);
    for group in groups {
        detail += &format!(", healthy in {} {}", group.name, group.healthy);
    }
    let done = if goal.wanted == 0 {
        tasks.running == 0 && tasks.pending == 0
    } else {
        tasks.running >= goal.enough && groups.iter().all(|group| group.healthy >= goal.enough)
    };
    if done {
        return Observed::Done { detail };
    }
    if tasks.running < goal.enough
        && let Some(trouble) = events::trouble(&tasks.events)
    {
        detail += &format!("; {trouble}");
    }
    Observed::InProgress { detail }
}

fn counts(goal: &Goal, tasks: &Tasks) -> String {
    let Tasks { desired, running, pending, .. } = tasks;
    let enough =
        if goal.enough == goal.wanted { String::new() } else { format!(" (enough {})", goal.enough) };
    let Goal { name, wanted, .. } = goal;
    format!("{name}: wanted {wanted}{enough}, desired {desired}, running {running}, pending {pending}")
}

#[cfg(test)]
mod tests;
