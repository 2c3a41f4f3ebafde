//! Actions by name: which room carries out which action. Each observes and acts; when to do which is decided by
//! `StepRun`, never here.

mod dns;
mod statuspage;
pub mod verify;

use dns::Converge;
use quorate_aws::{Aws, AwsAction, AwsSettings};
use quorate_policies::{
    document::AgentFile,
    effect::{Acted, AssumeRole, EffectContext, Observed},
    plan::{Action, Lag, Plan, action::VerifyProbes},
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
    Verify(&'a VerifyProbes),
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

/// How AWS is reached, by an agent's own file.
#[must_use]
pub fn aws_settings(file: &AgentFile) -> AwsSettings {
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
            Some(Room::Aws(aws)) => {
                let seen = self.aws().await.observe(aws, context).await;
                self.proven(action, seen).await
            }
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

    /// A promotion is done when the database takes writes, where the policy says how to see it: `available` may show
    /// before the reboot does.
    async fn proven(&self, action: &Action, seen: Observed) -> Observed {
        let (Action::RdsPromoteReadReplica(promote), Observed::Done { detail }) = (action, &seen) else {
            return seen;
        };
        let Some(url) = &promote.writable else { return seen };
        let probe = VerifyProbes { through: url.clone(), successes: 1 };
        match self.verify.observe(&probe).await {
            Observed::Done { detail: answer } => Observed::Done { detail: format!("{detail}; {answer}") },
            Observed::InProgress { detail: silent } => {
                Observed::InProgress { detail: format!("{detail}; it takes no writes yet: {silent}") }
            }
            other => other,
        }
    }

    /// What stands in the way of an action, as far as reading tells.
    pub async fn check(&self, action: &Action, context: &EffectContext) -> Vec<Finding> {
        self.aws().await.check(action, context).await
    }

    /// What IAM says about the calls of a plan, before any of them is made.
    pub async fn check_permissions(&self, plan: &Plan) -> Vec<Finding> {
        self.aws().await.check_permissions(plan).await
    }

    /// How far a replica is behind.
    pub async fn replica_lag(&self, region: &str, instance: &str, role: Option<&AssumeRole>) -> Lag {
        self.aws().await.replica_lag(region, instance, role).await
    }

    async fn aws(&self) -> &Aws {
        self.aws.get_or_init(|| Aws::load(self.aws_settings.clone())).await
    }
}
