//! Looking from outside, as a client would: what the public name resolves to, who answers there, whether a write is
//! taken, and what the sandbox's own record says was done. Nothing here asks an agent.

use super::stage::Stage;
use crate::{cli::demo::Fault, effects::verify::public_target};
use anyhow::Context as _;
use quorate_policies::{Millis, health::Observation, policy::Expect};
use quorate_probes::{Prober, ProberSettings, Target};
use serde_json::Value;

/// One look: slower than this is not serving.
const LOOK_MAX: Millis = Millis(1_500);

/// A client of the service.
pub(super) struct Outside {
    prober: Prober,
    target: Target,
    port: u16,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) what: String,
    pub(super) good: bool,
}

fn look(good: bool, what: impl Into<String>) -> Look {
    Look { what: what.into(), good }
}

impl Outside {
    /// A client that expects to be answered from a region.
    pub(super) fn new(stage: &Stage, region: &str) -> anyhow::Result<Self> {
        let view = stage.endpoints.vantages.get("internet").context("the sandbox has no clients' vantage")?;
        let prober = Prober::new(ProberSettings {
            resolvers: vec![view.resolver.parse()?],
            ..ProberSettings::default()
        })?;
        let expect = Expect { body: Some(region.to_owned()), ..Expect::default() };
        let url = format!("{}/health", stage.endpoints.service.public_url.trim_end_matches('/'));
        let target = public_target(&url, expect, LOOK_MAX)?;
        Ok(Self { prober, target, port: stage.endpoints.service.port })
    }

    /// Whether the public name leads to the region, and a write is taken there.
    pub(super) async fn serves(&self, stage: &Stage) -> bool {
        let result = self.prober.probe(&self.target).await;
        if result.observation() != Observation::Success {
            return false;
        }
        let Some(address) = result.address else { return false };
        let application =
            super::api::Api::new(&stage.client, format!("http://{address}:{}", self.port), None);
        application.post("/write", &Value::Null).await.is_ok()
    }
}

impl Stage {
    /// Everything that must be so after a failover.
    pub(super) async fn verify_failed_over(
        &self,
        outside: &Outside,
        fault: Fault,
    ) -> anyhow::Result<Vec<Look>> {
        let service = &self.endpoints.service;
        let to = &service.standby;
        let world: Value = self.control.get("/control/world").await?;
        let effects: Vec<Value> = self.control.get("/control/effects").await?;
        let incidents: Vec<Value> = self.control.get("/control/incidents").await?;
        let replica = &service.instances[to];
        let database = find(&world["databases"], &[("id", replica)]);
        let writable = database.is_some_and(|d| d["status"] == "available" && d["source"].is_null());
        let compute = find(&world["compute"], &[("region", to)]);
        let running = compute.and_then(|c| c["running"].as_u64()).unwrap_or_default();
        let (promotions, scalings, repoints) = (
            applied(&effects, "PromoteReadReplica", to),
            applied(&effects, "UpdateService", to),
            applied(&effects, "ChangeResourceRecordSets", "global"),
        );
        let mut looks = vec![
            look(
                outside.serves(self).await,
                format!("{} answers from {to} and takes a write, by the sandbox's DNS", service.record),
            ),
            look(writable, format!("database {replica} is a writable primary")),
            look(running == 10, format!("{running} of 10 tasks run in {to}")),
            look(incidents.len() == 1, format!("the status page has {} incident", incidents.len())),
            look(
                (promotions, scalings, repoints) == (1, 1, 1),
                format!("effects applied: {promotions} promotion, {scalings} scaling, {repoints} DNS change"),
            ),
        ];
        if fault == Fault::Partition {
            let inside = find(&world["databases"], &[("id", &service.instances[&service.primary])]);
            looks.push(look(inside.is_some(), format!("{} went on serving inside", service.primary)));
        }
        Ok(looks)
    }

    /// The world is as it was.
    pub(super) async fn verify_unchanged(&self) -> anyhow::Result<Vec<Look>> {
        let effects: Vec<Value> = self.control.get("/control/effects").await?;
        let incidents: Vec<Value> = self.control.get("/control/incidents").await?;
        let changed = effects.iter().filter(|effect| effect["outcome"] == "applied").count();
        Ok(vec![
            look(changed == 0, format!("{changed} changes in the sandbox's own record")),
            look(incidents.is_empty(), format!("{} incidents on the status page", incidents.len())),
        ])
    }

    /// Whether the promotion has been applied.
    pub(super) async fn promotion_applied(&self) -> anyhow::Result<bool> {
        let effects: Vec<Value> = self.control.get("/control/effects").await?;
        Ok(applied(&effects, "PromoteReadReplica", &self.endpoints.service.standby) > 0)
    }
}

fn find<'a>(list: &'a Value, fields: &[(&str, &str)]) -> Option<&'a Value> {
    let fits = |item: &&Value| fields.iter().all(|(field, value)| item[*field] == **value);
    list.as_array()?.iter().find(fits)
}

fn applied(effects: &[Value], operation: &str, region: &str) -> usize {
    let fits = |effect: &&Value| {
        effect["operation"] == operation
            && effect["region"] == region
            && effect["outcome"] == "applied"
            && effect["no_change"] != true
    };
    effects.iter().filter(fits).count()
}
