//! R5: freshness is validated right before each effect. AWS, October 2025: it was checked once, at the start of a long
//! job.

use super::{Facts, Rule, Seen};
use std::time::Duration;

/// How long after a newer attempt has begun the effect of an older one may still arrive: a read barrier (2 s), a pause
/// that is too short to be noticed (2 s), and the longest call (12 s).
const OVERTAKEN_MAX: Duration = Duration::from_secs(16);

pub(super) struct NoEffectOfAnOvertakenAttempt;

impl Rule for NoEffectOfAnOvertakenAttempt {
    fn id(&self) -> &'static str {
        "R5"
    }

    fn see(&mut self, facts: &Facts, seen: &Seen<'_>) -> Option<String> {
        let Seen::Sent { agent, order } = seen else { return None };
        let newer = facts.started.iter().find(|((execution, step, attempt), at)| {
            *execution == order.execution
                && *step == order.name.as_str()
                && *attempt > order.attempt
                && **at + OVERTAKEN_MAX < facts.now
        });
        newer.map(|((_, step, newer), at)| {
            format!(
                "{agent} acts in attempt {} of {step} {:?} after attempt {newer} had begun",
                order.attempt,
                facts.now - *at
            )
        })
    }
}
