//! A sandbox, a proxy in front of its endpoints, agents that look through the proxy, and a plain driver that does
//! what the engine does: observe, act once, observe again.

use std::sync::Arc;
use std::time::Duration;

use quorate_aws::{Aws, AwsAction, AwsSettings, StaticCredentials, Timeouts};
use quorate_policies::effect::{Acted, EffectContext, Observed};
use quorate_policies::plan::Action;
use quorate_policies::plan::action::{EcsScale, RdsPromoteReadReplica, RecordKind, Route53Repoint};
use quorate_sandbox::world::effect::{Effect, Outcome};
use quorate_sandbox::world::view::WorldView;
use quorate_sandbox::{Endpoints, Options, Sandbox, Timing};

use crate::proxy::{self, Script};

/// How often the driver looks at a world that settles within a few hundred milliseconds.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// Longer than all limits of the slowest call together.
const HANG: Duration = Duration::from_secs(60);
/// A driver that needs more looks than this is stuck.
const LOOKS_MAX: u32 = 400;

pub(crate) struct Bench {
    _sandbox: Sandbox,
    pub(crate) endpoints: Endpoints,
    pub(crate) script: Arc<Script>,
    regional: String,
    global: String,
}

/// Everything the driver saw and did.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    pub(crate) observed: Vec<Observed>,
    pub(crate) acted: Vec<Acted>,
}

impl Bench {
    pub(crate) async fn start() -> Self {
        Self::with(Options::default()).await
    }

    /// A world with these options, but for its pace, and for scaling, which moves no count by itself.
    pub(crate) async fn with(options: Options) -> Self {
        let timing = Timing {
            promote_modifying_ms: 200,
            promote_rebooting_ms: 100,
            task_start_ms: 250,
            task_stop_ms: 250,
            task_stagger_ms: 5,
            target_healthy_ms: 50,
            dns_pending_ms: 300,
            alias_ttl_s: 60,
            ..Timing::default()
        };
        let sandbox =
            Sandbox::start(Options { timing, scaling_follows_minimum: false, ..options }).await.unwrap();
        let endpoints = sandbox.endpoints().clone();
        let script = Arc::<Script>::default();
        let internet = &endpoints.vantages["internet"];
        let regional = proxy::start(&internet.aws[&endpoints.service.standby], &script).await;
        let global = proxy::start(&internet.route53, &script).await;
        Bench { _sandbox: sandbox, endpoints, script, regional, global }
    }

    /// An agent's way to AWS, through the proxy, with limits that only a call that is held for ever reaches.
    pub(crate) async fn agent(&self) -> Aws {
        self.agent_within(Duration::from_secs(20)).await
    }

    /// An agent whose attempts end soon, for calls that nobody answers.
    pub(crate) async fn hasty_agent(&self) -> Aws {
        self.agent_within(Duration::from_millis(700)).await
    }

    async fn agent_within(&self, attempt: Duration) -> Aws {
        Aws::load(self.settings_within(attempt)).await
    }

    /// What an agent is loaded with: keys of its own, and the proxy for the standby region and Route 53.
    pub(crate) fn settings_within(&self, attempt: Duration) -> AwsSettings {
        let mut settings = AwsSettings::new("eu-west-1");
        settings.timeouts = Timeouts::new(attempt / 2, attempt, attempt * 5).unwrap();
        settings.credentials = Some(StaticCredentials {
            access_key_id: "AKIASANDBOX".into(),
            secret_access_key: "secret".into(),
            session_token: None,
        });
        let standby = &self.endpoints.service.standby;
        settings.endpoints.regional.insert(standby.parse().unwrap(), self.regional.clone());
        settings.endpoints.route53 = Some(self.global.clone());
        settings
    }

    pub(crate) fn promote(&self) -> Action {
        let service = &self.endpoints.service;
        let instance = service.instances[&service.standby].clone();
        Action::RdsPromoteReadReplica(RdsPromoteReadReplica {
            region: service.standby.clone(),
            instance,
            writable: None,
            heartbeat: None,
        })
    }

    pub(crate) fn scale(&self, desired: u32) -> Action {
        let service = &self.endpoints.service;
        Action::EcsScale(EcsScale {
            region: service.standby.clone(),
            cluster: service.cluster.clone(),
            service: service.ecs_service.clone(),
            desired: Some(desired),
            percent_of: None,
            enough_percent: 100,
            scaling: None,
        })
    }

    /// Points the public record at the load balancer of a region.
    pub(crate) fn repoint(&self, region: &str) -> Action {
        let service = &self.endpoints.service;
        let alias = &service.aliases[region];
        Action::Route53Repoint(Route53Repoint {
            zone: service.zone.clone(),
            record: service.record.to_uppercase(),
            kind: RecordKind::A,
            alias: Some(alias.target.clone()),
            alias_zone: Some(alias.zone.clone()),
            values: Vec::new(),
            ttl_s: 60,
            weights: Default::default(),
            primary: None,
        })
    }

    pub(crate) fn to_standby(&self) -> Action {
        self.repoint(&self.endpoints.service.standby)
    }

    /// The record's current alias target.
    pub(crate) async fn target(&self) -> String {
        let record = format!("{}.", self.endpoints.service.record);
        let world = self.world().await;
        let set = world.dns.records.into_iter().find(|set| set.name == record && set.kind == "A").unwrap();
        set.alias.unwrap().name
    }

    /// The epoch record's current text.
    pub(crate) async fn mark(&self) -> Option<String> {
        let name = format!("{}.", quorate_aws::epoch_record_name(&self.endpoints.service.record));
        let world = self.world().await;
        world.dns.records.into_iter().find(|set| set.name == name).map(|set| set.values.join(" "))
    }

    pub(crate) async fn world(&self) -> WorldView {
        serde_json::from_slice(&proxy::get(&self.endpoints.control, "/control/world").await).unwrap()
    }

    /// The mutating calls that changed the world.
    pub(crate) async fn changes(&self) -> Vec<Effect> {
        let all: Vec<Effect> =
            serde_json::from_slice(&proxy::get(&self.endpoints.control, "/control/effects").await).unwrap();
        all.into_iter().filter(|effect| effect.outcome == Outcome::Applied && !effect.no_change).collect()
    }
}

pub(crate) fn context(epoch: u64) -> EffectContext {
    EffectContext {
        service: "shop".into(),
        execution: format!("execution-{epoch}"),
        epoch,
        attempt: 1,
        from: "us-east-1".into(),
        to: "us-west-2".into(),
        before: None,
        role: None,
        step: "step".to_owned(),
        timeout: quorate_policies::Millis::from_secs(60),
        unheard: false,
        resumed: false,
    }
}

pub(crate) async fn observe(aws: &Aws, action: &Action, context: &EffectContext) -> Observed {
    bounded(aws.observe(AwsAction::try_from(action).unwrap(), context)).await
}

/// Acts on the action's first part, which for most is the only one.
pub(crate) async fn act(aws: &Aws, action: &Action, context: &EffectContext) -> Acted {
    act_on(aws, action, 0, context).await
}

pub(crate) async fn act_on(aws: &Aws, action: &Action, part: u8, context: &EffectContext) -> Acted {
    bounded(aws.act(AwsAction::try_from(action).unwrap(), part, context)).await
}

/// Everything ends by its own limits; this one is only there to turn a hang into a failure.
async fn bounded<T>(call: impl Future<Output = T>) -> T {
    tokio::time::timeout(HANG, call).await.expect("a call that ends by its own limits")
}

/// Observes and acts until the action is done or cannot be. Keeps what stood before the first act, as the log does.
pub(crate) async fn carry_out(aws: &Aws, action: &Action, context: &EffectContext) -> Trail {
    let mut trail = Trail::default();
    let mut context = context.clone();
    for _ in 0..LOOKS_MAX {
        let observed = observe(aws, action, &context).await;
        trail.observed.push(observed.clone());
        match observed {
            Observed::Done { .. } | Observed::Broken { .. } | Observed::Impossible { .. } => return trail,
            Observed::NotDone { part, before, .. } => {
                context.before = context.before.or(before);
                let acted = act_on(aws, action, part, &context).await;
                trail.acted.push(acted.clone());
                if matches!(acted, Acted::Refused { retryable: false, .. }) {
                    return trail;
                }
            }
            Observed::InProgress { .. } | Observed::Unknown { .. } => tokio::time::sleep(LOOK_AGAIN).await,
        }
    }
    panic!("not done after {LOOKS_MAX} looks: {trail:?}");
}

impl Trail {
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.observed.last(), Some(Observed::Done { .. }))
    }

    pub(crate) fn waited(&self) -> bool {
        self.observed.iter().any(|seen| matches!(seen, Observed::InProgress { .. }))
    }
}
