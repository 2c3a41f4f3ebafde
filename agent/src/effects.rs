//! Actions by name: which room carries out which action. Each observes and acts; when to do which is decided by
//! `StepRun`, never here.

mod statuspage;
pub mod verify;

use quorate_aws::{Aws, AwsAction, AwsSettings, Endpoints};
use quorate_policies::{
    RegionName,
    document::AgentFile,
    effect::{Acted, EffectContext, Observed},
    plan::Action,
};
use quorate_probes::Prober;
use statuspage::Statuspage;
use std::{collections::BTreeMap, path::Path, sync::Arc};
use verify::Verify;

/// All rooms.
pub struct Effects {
    aws: tokio::sync::OnceCell<Aws>,
    aws_settings: AwsSettings,
    statuspage: Statuspage,
    verify: Verify,
}

/// An action, by its room.
enum Room<'a> {
    Aws(AwsAction<'a>),
    Statuspage(&'a quorate_policies::plan::action::StatuspageIncident),
    Verify(&'a quorate_policies::plan::action::VerifyProbes),
}

fn room(action: &Action) -> Room<'_> {
    match action {
        Action::RdsPromoteReadReplica(action) => Room::Aws(AwsAction::RdsPromoteReadReplica(action)),
        Action::EcsScale(action) => Room::Aws(AwsAction::EcsScale(action)),
        Action::Route53Repoint(action) => Room::Aws(AwsAction::Route53Repoint(action)),
        Action::StatuspageIncident(action) => Room::Statuspage(action),
        Action::VerifyProbes(action) => Room::Verify(action),
    }
}

fn aws_settings(file: &AgentFile) -> AwsSettings {
    let by_region = |urls: &BTreeMap<RegionName, String>| {
        urls.iter().map(|(region, url)| (region.to_string(), url.clone())).collect()
    };
    let endpoints = Endpoints {
        rds: by_region(&file.aws.endpoints.rds),
        ecs: by_region(&file.aws.endpoints.ecs),
        route53: file.aws.endpoints.route53.clone(),
    };
    // Regional calls name the step's region; this one is for what has none.
    AwsSettings { endpoints, ..AwsSettings::new(file.region.as_str()) }
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
        }
    }

    /// Reads the world.
    pub async fn observe(&self, action: &Action, context: &EffectContext) -> Observed {
        match room(action) {
            Room::Aws(action) => self.aws().await.observe(action, context).await,
            Room::Statuspage(action) => self.statuspage.observe(action, context).await,
            Room::Verify(action) => self.verify.observe(action).await,
        }
    }

    /// Acts, once.
    pub async fn act(&self, action: &Action, context: &EffectContext) -> Acted {
        match room(action) {
            Room::Aws(action) => self.aws().await.act(action, context).await,
            Room::Statuspage(action) => self.statuspage.act(action, context).await,
            Room::Verify(_) => Verify::act(),
        }
    }

    async fn aws(&self) -> &Aws {
        self.aws.get_or_init(|| Aws::load(self.aws_settings.clone())).await
    }
}
