//! R11: losing the agents' quorum means freeze: whoever has no majority changes nothing. Stolon #790: all clients were cut
//! off although the database was healthy.

use super::{Facts, Rule, Seen};
use std::time::Duration;

/// How old a permission may be when a call is sent: 3 s by the agent's clock, a pause that is too short to be noticed
/// (2.2 s), and messages that were under way when the links broke (1 s).
const PERMISSION_MAX: Duration = Duration::from_millis(6_300);

pub(super) struct NothingWithoutAQuorum;

impl Rule for NothingWithoutAQuorum {
    fn id(&self) -> &'static str {
        "R11"
    }

    fn see(&mut self, facts: &Facts, seen: &Seen<'_>) -> Option<String> {
        let Seen::Sent { agent, order } = seen else { return None };
        let last = facts.links.quorate(agent);
        let alone = last.is_none_or(|at| at + PERMISSION_MAX < facts.now);
        alone.then(|| format!("{agent} acts in step {} and has had no majority since {last:?}", order.name))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::crafted::*, *};

    /// Goal: an act of an agent that has long been alone is seen. Method: it had a majority just now, and a minute ago.
    #[test]
    fn an_act_without_a_majority() {
        let state = decided();
        let (order, mut facts) = (order(&state, "promote"), facts(&state));
        calm(&mut facts, &["eve", "wes", "noa"]);
        assert_eq!(NothingWithoutAQuorum.see(&facts, &Seen::Sent { agent: "wes", order: &order }), None);
        apart(&mut facts, &["eve", "wes", "noa"], NOW - secs(60));
        assert!(NothingWithoutAQuorum.see(&facts, &Seen::Sent { agent: "wes", order: &order }).is_some());
    }
}
