//! What the agents' builds understand, as this one has heard it: what may be proposed while their versions differ, and when
//! the leader asks for a higher level. What must not be: a level that is agreed on for an agent that was not heard.

use super::{Node, Now, Output};
use crate::command::{Body, Command};
use quorate_policies::{
    Monotonic,
    feature_level::{Heard, permitted, understood},
    guard::Refusal,
};

impl Node {
    /// What was heard lately, this agent's own included: an agent that is being upgraded has said nothing yet.
    #[must_use]
    pub fn feature_levels(&self, now: Monotonic) -> Heard {
        let fresh = self.reports.all().filter(|(at, _)| now.since(*at) < self.settings.lost_after);
        let heard = fresh.map(|(_, report)| (report.agent.clone(), report.feature_level));
        heard.chain([(self.settings.name.clone(), self.settings.feature_level)]).collect()
    }

    /// Whether a command may be proposed. Once it is in the log it is too late: an agent that does not understand an entry has
    /// to stop. The command that raises the level is judged by what it says of everybody.
    ///
    /// # Errors
    /// When the agents have not agreed on what it needs, with those that hold it back.
    pub fn permits(&self, now: Now, command: &Command) -> Result<(), Refusal> {
        let (needs, agreed) = (command.needs, self.cluster.feature_level);
        if needs <= agreed || matches!(command.body, Body::RaiseLevel { .. }) {
            return Ok(());
        }
        permitted(needs, agreed, self.cluster.seated().keys(), &self.feature_levels(now.mono))
            .map_err(|why| Refusal::FeatureLevel { why })
    }

    /// Whether the cluster is past what this build understands. Consensus stops then; until it has, nothing is done.
    pub(super) fn outdated(&self) -> bool {
        self.cluster.feature_level > self.settings.feature_level
    }

    /// Asks for the highest level that all understand, as soon as all have said so.
    pub(super) fn raise_level(&mut self, now: Now, out: &mut Vec<Output>) {
        let heard = self.feature_levels(now.mono);
        let Some(to) = understood(self.cluster.seated().keys(), &heard) else { return };
        if to > self.cluster.feature_level {
            self.propose(now, format!("feature-level/{to}"), Body::RaiseLevel { to, heard }, out);
        }
    }
}
