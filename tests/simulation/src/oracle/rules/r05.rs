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

#[cfg(test)]
mod tests {
    use super::{super::crafted::*, *};

    /// Goal: an act of an overtaken attempt is seen. Method: the newer one began just now, and a minute ago.
    #[test]
    fn an_overtaken_attempt() {
        let state = decided();
        let (order, mut facts) = (order(&state, "scale"), facts(&state));
        let newer = (order.execution.clone(), "scale".to_owned(), 2);
        facts.started.insert(newer.clone(), NOW - secs(1));
        let sent = Seen::Sent { agent: "wes", order: &order };
        assert_eq!(NoEffectOfAnOvertakenAttempt.see(&facts, &sent), None);
        facts.started.insert(newer, NOW - secs(60));
        assert!(NoEffectOfAnOvertakenAttempt.see(&facts, &sent).is_some());
    }
}
