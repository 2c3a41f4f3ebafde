//! The feature level in the log: nothing above it is folded into the state, and it rises by one entry for everybody. Which
//! level may be agreed on is `quorate_policies::feature_level`'s to say.

use super::{Cluster, audit::AuditEvent};
use crate::command::{Body, Command, Response};
use quorate_policies::{
    AgentName, FeatureLevel,
    feature_level::{Heard, permitted, raised},
    guard::Refusal,
};

impl Cluster {
    /// Whether the agents have agreed on what a command needs. Its proposer has asked the same; what is refused here says
    /// nothing of who holds it back, because the log does not know whom anybody has heard.
    pub(super) fn agreed(&self, command: &Command) -> Result<(), Refusal> {
        if matches!(command.body, Body::RaiseLevel { .. }) {
            return Ok(());
        }
        permitted(command.needs, self.feature_level, [], &Heard::new())
            .map_err(|why| Refusal::FeatureLevel { why })
    }

    /// One that is being added counts, too: it will have to read what comes after.
    pub(super) fn raise_level(
        &mut self,
        by: &AgentName,
        to: FeatureLevel,
        heard: &Heard,
    ) -> Result<Response, Refusal> {
        raised(to, self.feature_level, self.seated().keys(), heard)
            .map_err(|why| Refusal::FeatureLevel { why })?;
        self.feature_level = to;
        self.audit.record(self.clock, by.as_str(), None, None, AuditEvent::FeatureLevelRaised { level: to });
        Ok(Response::Done)
    }
}
