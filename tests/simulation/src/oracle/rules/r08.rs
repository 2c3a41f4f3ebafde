//! R8: an agent whose process was stopped may not act at once. Sentinel's TILT; keepalived #2238 (pauses of machines).

use super::{Facts, Rule, Seen};
use std::time::Duration;

/// A pause that the node must notice, with a tick's tolerance, and how long it then abstains, less the tolerance.
const PAUSE_NOTICED: Duration = Duration::from_millis(2_200);
const ABSTAINS_FOR: Duration = Duration::from_millis(9_700);

pub(super) struct NoActRightAfterAPause;

impl Rule for NoActRightAfterAPause {
    fn id(&self) -> &'static str {
        "R8"
    }

    fn see(&mut self, facts: &Facts, seen: &Seen<'_>) -> Option<String> {
        let Seen::Sent { agent, order } = seen else { return None };
        let waking = |(from, until): &(Duration, Duration)| {
            *until - *from > PAUSE_NOTICED && *from < facts.now && facts.now < *until + ABSTAINS_FOR
        };
        let woke = facts.pauses.get(*agent)?.iter().any(waking);
        woke.then(|| format!("{agent} acts in step {} right after a pause", order.name))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::crafted::*, *};

    /// Goal: an act right after a pause is seen. Method: the agent woke a second ago, and a minute ago.
    #[test]
    fn an_act_right_after_a_pause() {
        let state = decided();
        let (order, mut facts) = (order(&state, "scale"), facts(&state));
        let sent = Seen::Sent { agent: "wes", order: &order };
        facts.pauses.insert("wes".to_owned(), vec![(NOW - secs(70), NOW - secs(60))]);
        assert_eq!(NoActRightAfterAPause.see(&facts, &sent), None);
        facts.pauses.insert("wes".to_owned(), vec![(NOW - secs(70), NOW - secs(1))]);
        assert!(NoActRightAfterAPause.see(&facts, &sent).is_some());
    }
}
