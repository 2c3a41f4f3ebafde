//! A sandbox whose RDS is quick, a proxy in front of each region, and the actions on its databases. The drivers call
//! as the engine does: the same agent all the time, or another one for every call.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use quorate_aws::{Aws, AwsSettings, StaticCredentials, Timeouts};
use quorate_policies::effect::{Acted, EffectContext, Observed};
use quorate_policies::plan::Action;
use quorate_policies::plan::action::{
    AuroraFailover, AuroraSwitchover, RdsCreateCrossRegionReplica, RdsFence, RdsPromoteReadReplica,
    RdsReboot, RdsRestoreToPointInTime, RdsUnfence,
};
use quorate_sandbox::world::database::Database;
use quorate_sandbox::world::effect::{Effect, Outcome};
use quorate_sandbox::world::view::WorldView;
use quorate_sandbox::{Endpoints, Options, Sandbox, Timing};
use serde_json::{Value, json};

use crate::bench::{Trail, act_on, carry_out, observe};
use crate::proxy::{self, Break, Script};

pub(crate) const EAST: &str = "us-east-1";
pub(crate) const WEST: &str = "us-west-2";
pub(crate) const PRIMARY: &str = "shop-primary";
pub(crate) const REPLICA: &str = "shop-replica";
/// The global cluster.
const GLOBAL: &str = "shop-global";
/// Looks of a driver before it is stuck, and the pause between two of them.
const LOOKS_MAX: u32 = 400;
const LOOK_AGAIN: Duration = Duration::from_millis(20);

pub(crate) struct RdsBench {
    _sandbox: Sandbox,
    pub(crate) endpoints: Endpoints,
    pub(crate) script: Arc<Script>,
    regional: BTreeMap<String, String>,
}

impl RdsBench {
    /// The primary in the east, its replica in the west, an Aurora global cluster over both.
    pub(crate) async fn start() -> Self {
        let timing = Timing {
            promote_modifying_ms: 60,
            promote_rebooting_ms: 60,
            create_ms: 120,
            backup_ms: 60,
            modify_ms: 80,
            rename_ms: 120,
            reboot_ms: 80,
            stop_ms: 80,
            start_ms: 80,
            restorable_lag_ms: 300,
            handover_ms: 150,
            ..Timing::default()
        };
        let options = Options { timing, global_cluster: Some(GLOBAL.into()), ..Options::default() };
        let sandbox = Sandbox::start(options).await.unwrap();
        let endpoints = sandbox.endpoints().clone();
        let script = Arc::<Script>::default();
        let mut regional = BTreeMap::new();
        for (region, upstream) in &endpoints.vantages["internet"].aws {
            regional.insert(region.clone(), proxy::start(upstream, &script).await);
        }
        RdsBench { _sandbox: sandbox, endpoints, script, regional }
    }

    /// An agent that has just started.
    pub(crate) async fn agent(&self) -> Aws {
        self.agent_within(Duration::from_secs(20)).await
    }

    /// One that waits for a fault no longer than it has to.
    pub(crate) async fn agent_for(&self, fault: &Break) -> Aws {
        let hangs = matches!(fault, Break::Hang | Break::HangAfter);
        self.agent_within(Duration::from_millis(if hangs { 700 } else { 20_000 })).await
    }

    async fn agent_within(&self, attempt: Duration) -> Aws {
        let mut settings = AwsSettings::new("eu-west-1");
        settings.timeouts = Timeouts::new(attempt / 2, attempt, attempt * 5).unwrap();
        settings.credentials = Some(StaticCredentials {
            access_key_id: "AKIASANDBOX".into(),
            secret_access_key: "secret".into(),
            session_token: None,
        });
        for (region, url) in &self.regional {
            settings.endpoints.regional.insert(region.parse().unwrap(), url.clone());
        }
        Aws::load(settings).await
    }

    pub(crate) async fn database(&self, region: &str, id: &str) -> Option<Database> {
        let here = |database: &Database| database.region == region && database.identifier == id;
        self.world().await.databases.into_iter().find(here)
    }

    pub(crate) async fn world(&self) -> WorldView {
        serde_json::from_slice(&proxy::get(&self.endpoints.control, "/control/world").await).unwrap()
    }

    /// The operations that changed the world, in their order.
    pub(crate) async fn changes(&self) -> Vec<String> {
        let all: Vec<Effect> =
            serde_json::from_slice(&proxy::get(&self.endpoints.control, "/control/effects").await).unwrap();
        let changed = |effect: &Effect| effect.outcome == Outcome::Applied && !effect.no_change;
        all.into_iter().filter(changed).map(|effect| effect.operation).collect()
    }

    /// Tells the sandbox's control API something.
    pub(crate) async fn tell(&self, path: &str, what: Value) {
        proxy::post(&self.endpoints.control, path, &what).await;
    }

    /// Takes a region's control plane away.
    pub(crate) async fn lose(&self, region: &str) {
        self.tell("/control/fault", json!({"region": region, "kind": "kill", "control_plane": true})).await;
    }

    /// Promotes the replica, for what comes after.
    pub(crate) async fn promoted(&self) {
        let trail = carry_out(&self.agent().await, &promote(), &context()).await;
        assert!(trail.is_done(), "{trail:?}");
    }
}

pub(crate) fn context() -> EffectContext {
    crate::bench::context(5)
}

pub(crate) fn promote() -> Action {
    Action::RdsPromoteReadReplica(RdsPromoteReadReplica {
        region: WEST.into(),
        instance: REPLICA.into(),
        writable: None,
        heartbeat: None,
    })
}

pub(crate) fn fence(stop: bool) -> Action {
    Action::RdsFence(RdsFence {
        region: EAST.into(),
        instance: PRIMARY.into(),
        quarantine_groups: vec!["sg-quarantine".into()],
        stop,
    })
}

pub(crate) fn unfence() -> Action {
    Action::RdsUnfence(RdsUnfence {
        region: EAST.into(),
        instance: PRIMARY.into(),
        security_groups: vec!["sg-application".into()],
    })
}

pub(crate) fn reboot() -> Action {
    Action::RdsReboot(RdsReboot { region: EAST.into(), instance: PRIMARY.into(), failover: false })
}

pub(crate) fn restore(at: &str) -> Action {
    Action::RdsRestoreToPointInTime(RdsRestoreToPointInTime {
        region: EAST.into(),
        source: PRIMARY.into(),
        instance: "shop-restored".into(),
        at: at.into(),
        class: None,
        subnet_group: None,
        parameter_group: None,
        security_groups: Vec::new(),
    })
}

pub(crate) fn rebuild() -> Action {
    Action::RdsCreateCrossRegionReplica(RdsCreateCrossRegionReplica {
        region: EAST.into(),
        instance: PRIMARY.into(),
        source_region: WEST.into(),
        source: REPLICA.into(),
        kms_key: None,
        security_groups: Vec::new(),
    })
}

/// ARN of the global cluster's member in a region.
pub(crate) fn member(region: &str) -> String {
    format!("arn:aws:rds:{region}:111122223333:cluster:{GLOBAL}-{region}")
}

pub(crate) fn switchover() -> Action {
    Action::AuroraSwitchover(AuroraSwitchover {
        region: WEST.into(),
        global_cluster: GLOBAL.into(),
        target: member(WEST),
    })
}

pub(crate) fn failover() -> Action {
    Action::AuroraFailover(AuroraFailover {
        region: WEST.into(),
        global_cluster: GLOBAL.into(),
        target: member(WEST),
        allow_data_loss: true,
    })
}

/// Carries an action out with an agent that has just started for every single call: what an agent knows only by its own
/// memory is lost each time, as after a crash, or when another agent gets the step. What was noted is given back.
pub(crate) async fn by_turns(bench: &RdsBench, action: &Action, context: &EffectContext) -> Trail {
    let mut trail = Trail::default();
    let mut context = context.clone();
    for _ in 0..LOOKS_MAX {
        let observed = observe(&bench.agent().await, action, &context).await;
        trail.observed.push(observed.clone());
        match observed {
            Observed::Done { .. } | Observed::Broken { .. } | Observed::Impossible { .. } => return trail,
            Observed::NotDone { part, before, .. } => {
                context.before = context.before.or(before);
                trail.acted.push(act_on(&bench.agent().await, action, part, &context).await);
            }
            Observed::InProgress { .. } | Observed::Unknown { .. } => tokio::time::sleep(LOOK_AGAIN).await,
        }
    }
    panic!("not done after {LOOKS_MAX} looks: {trail:?}");
}

/// The text of the last observation.
pub(crate) fn last_text(trail: &Trail) -> &str {
    match trail.observed.last().unwrap() {
        Observed::Done { detail } | Observed::InProgress { detail } | Observed::NotDone { detail, .. } => {
            detail
        }
        Observed::Impossible { reason } | Observed::Broken { reason, .. } | Observed::Unknown { reason } => {
            reason
        }
    }
}

/// Whether every act was accepted.
pub(crate) fn all_accepted(trail: &Trail) -> bool {
    trail.acted.iter().all(|acted| matches!(acted, Acted::Accepted { .. }))
}
