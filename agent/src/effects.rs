//! Actions by name: which room carries out which action. Each observes and acts; when to do which is decided by
//! `StepRun`, never here.

mod dns;
mod statuspage;
pub mod verify;

use dns::Converge;
use quorate_aws::{Aws, AwsAction, AwsSettings};
use quorate_policies::{
    document::AgentFile,
    effect::{Acted, EffectContext, Observed},
    plan::Action,
    readiness::Finding,
};
use quorate_probes::Prober;
use statuspage::Statuspage;
use std::{path::Path, sync::Arc};
use verify::Verify;

/// All rooms.
pub struct Effects {
    aws: tokio::sync::OnceCell<Aws>,
    aws_settings: AwsSettings,
    statuspage: Statuspage,
    verify: Verify,
    converge: Converge,
}

/// An action, by its room.
enum Room<'a> {
    Aws(AwsAction<'a>),
    Statuspage(&'a quorate_policies::plan::action::StatuspageIncident),
    Verify(&'a quorate_policies::plan::action::VerifyProbes),
    Converge(&'a quorate_policies::plan::action::DnsConverged),
}

fn room(action: &Action) -> Option<Room<'_>> {
    match action {
        Action::StatuspageIncident(action) => Some(Room::Statuspage(action)),
        Action::VerifyProbes(action) => Some(Room::Verify(action)),
        Action::DnsConverged(action) => Some(Room::Converge(action)),
        other => AwsAction::try_from(other).ok().map(Room::Aws),
    }
}

fn unknown_kind(action: &Action) -> String {
    format!("this agent does not carry out {}", action.kind())
}

fn aws_settings(file: &AgentFile) -> AwsSettings {
    // Regional calls name the step's region; this one is for what has none.
    AwsSettings { endpoints: file.aws.endpoints.clone(), ..AwsSettings::new(file.region.as_str()) }
}

impl Effects {
    /// The rooms, by the agent's own file; relative paths are below `base`.
    #[must_use]
    pub fn new(file: &AgentFile, base: &Path, prober: Arc<Prober>) -> Self {
        Self {
            aws: tokio::sync::OnceCell::new(),
            aws_settings: aws_settings(file),
            statuspage: Statuspage::new(file, base),
            verify: Verify::new(prober),
            converge: Converge::new(&file.resolvers),
        }
    }

    /// Reads the world.
    pub async fn observe(&self, action: &Action, context: &EffectContext) -> Observed {
        match room(action) {
            Some(Room::Aws(action)) => self.aws().await.observe(action, context).await,
            Some(Room::Statuspage(action)) => self.statuspage.observe(action, context).await,
            Some(Room::Verify(action)) => self.verify.observe(action).await,
            Some(Room::Converge(action)) => self.converge.observe(action).await,
            None => Observed::Impossible { reason: unknown_kind(action) },
        }
    }

    /// Acts, once, on the part of the action that the last look named.
    pub async fn act(&self, action: &Action, part: u8, context: &EffectContext) -> Acted {
        match room(action) {
            Some(Room::Aws(action)) => self.aws().await.act(action, part, context).await,
            Some(Room::Statuspage(action)) => self.statuspage.act(action, context).await,
            Some(Room::Verify(_)) => Verify::act(),
            Some(Room::Converge(_)) => Converge::act(),
            None => Acted::Refused { reason: unknown_kind(action), retryable: false },
        }
    }

    /// What stands in the way of an action, as far as reading tells.
    pub async fn check(&self, action: &Action, context: &EffectContext) -> Vec<Finding> {
        self.aws().await.check(action, context).await
    }

    async fn aws(&self) -> &Aws {
        self.aws.get_or_init(|| Aws::load(self.aws_settings.clone())).await
    }
}
