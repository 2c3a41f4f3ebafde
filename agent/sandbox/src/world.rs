//! The world itself: pure and sans-IO. It holds databases, compute, a DNS zone, a status page, faults and
//! cuts; time is an argument in milliseconds. Servers lock it and call it, and all rules are tested without a
//! socket.

use std::collections::{BTreeMap, VecDeque};

use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::Value;

use crate::options::{Options, load_balancer_zone};
use aurora::Aurora;
use call::{Call, Caller, Reply};
use compute::Fleet;
use database::{Databases, Estate, Seed, replica::Wishes};
use effect::{Effect, EffectRecord, Outcome};
use fault::{ActiveFault, Behaviour, Fault};
use health::HealthChecks;
use identifier::Identifiers;
use interference::Interference;
use link::Links;
use permissions::Permissions;
use refusal::Refusal;
use scaling::Scaling;
use status_page::{Component, Incident, IncidentRequest, StatusPage};
use tokens::Tokens;
use zone::{AliasTarget, LoadBalancer, RecordSet, Zone, normal_name};

pub mod application;
pub mod aurora;
pub mod balancing;
pub mod call;
pub mod compute;
pub mod database;
pub mod effect;
pub mod fault;
pub mod health;
pub mod identifier;
pub mod interference;
pub mod link;
pub mod metrics;
pub mod permissions;
pub mod rds;
pub mod refusal;
pub mod route53;
pub mod scaling;
pub mod status_page;
pub mod tokens;
pub mod view;
pub mod zone;

/// One second: the window of Route 53's request limit.
const THROTTLE_WINDOW_MS: u64 = 1_000;

/// Everything that exists.
#[derive(Debug)]
pub struct World {
    pub(crate) databases: Databases,
    pub(crate) aurora: Aurora,
    pub(crate) fleet: Fleet,
    pub(crate) scaling: Scaling,
    pub(crate) tokens: Tokens,
    pub(crate) permissions: Permissions,
    pub(crate) zone: Zone,
    pub(crate) health: HealthChecks,
    pub(crate) status_page: StatusPage,
    /// Which paths are cut.
    pub links: Links,
    /// What is done to single operations.
    pub interference: Interference,
    /// Every mutating call so far.
    pub effects: EffectRecord,
    /// Where identifiers come from.
    pub identifiers: Identifiers,
    /// What decides between weights; apart from identifiers, so that questions do not change those.
    dns_draw: StdRng,
    faults: BTreeMap<String, ActiveFault>,
    route53_calls_ms: VecDeque<u64>,
    route53_requests_per_second: u32,
    target_healthy_ms: u64,
}

/// A service's call answered, as a call answered.
fn lift<T>(wrap: impl FnOnce(T) -> Reply, (reply, changed): (T, bool)) -> (Reply, bool) {
    (wrap(reply), changed)
}

impl World {
    /// A settled world at `now_ms`. The options must be valid.
    #[must_use]
    pub fn new(options: &Options, now_ms: u64) -> Self {
        let timing = options.timing;
        let [primary, standby] = options.regions();
        let cluster = options.service.as_str();
        let fleet = [
            (primary, cluster, options.ecs_service.as_str(), options.primary_tasks),
            (standby, cluster, options.ecs_service.as_str(), options.standby_tasks),
        ];
        let fault = |region: &str| {
            let fault = options.faults.get(region).cloned().unwrap_or(Fault::None);
            (region.to_owned(), ActiveFault { fault, since_ms: now_ms })
        };
        World {
            databases: seeded_databases(options, now_ms),
            aurora: seeded_aurora(options),
            fleet: Fleet::new(fleet, timing, now_ms),
            scaling: seeded_scaling(options, now_ms),
            tokens: Tokens::new(options.roles.clone()),
            permissions: Permissions::default(),
            target_healthy_ms: timing.target_healthy_ms,
            zone: seeded_zone(options),
            health: HealthChecks::new(timing.health_check_ms),
            dns_draw: StdRng::seed_from_u64(options.seed),
            status_page: StatusPage::new(
                &options.page,
                &options.component,
                &options.service,
                rfc3339(now_ms),
            ),
            links: Links::default(),
            interference: Interference::default(),
            effects: EffectRecord::default(),
            identifiers: Identifiers::new(options.seed),
            faults: options.regions().into_iter().map(fault).collect(),
            route53_calls_ms: VecDeque::new(),
            route53_requests_per_second: options.route53_requests_per_second,
        }
    }

    /// Lets everything happen that is due at `now_ms`.
    pub fn advance(&mut self, now_ms: u64) {
        self.databases.advance(now_ms);
        self.aurora.advance(&self.alive(), now_ms);
        self.follow_ranges(now_ms);
        self.fleet.advance(now_ms);
        self.zone.advance(now_ms);
    }

    /// Carries out one AWS call, and records it if it asks for a change.
    ///
    /// # Errors
    /// The provider's refusal.
    pub fn call(&mut self, caller: &Caller, call: &Call, now_ms: u64) -> Result<Reply, Refusal> {
        self.advance(now_ms);
        let done = self.admit(caller, call, now_ms).and_then(|()| self.carry_out(caller, call, now_ms));
        if let Some(parameters) = call.mutation() {
            let judged = done.as_ref().map(|(_, changed)| *changed).map_err(Clone::clone);
            self.record((caller, call.service(), call.operation()), parameters, judged, now_ms);
        }
        done.map(|(reply, _)| reply)
    }

    /// Refuses a call that is to fail, or that comes too fast.
    fn admit(&mut self, caller: &Caller, call: &Call, now_ms: u64) -> Result<(), Refusal> {
        if call.service() == "route53" && self.route53_requests_per_second > 0 {
            while self.route53_calls_ms.pop_front_if(|at| *at + THROTTLE_WINDOW_MS <= now_ms).is_some() {}
            if self.route53_calls_ms.len() >= self.route53_requests_per_second as usize {
                return Err(Refusal::bad("Throttling", "Rate exceeded"));
            }
            self.route53_calls_ms.push_back(now_ms);
        }
        let failure = self.interference.take_failure(call.service(), call.operation(), &caller.region);
        failure.map_or(Ok(()), Err)
    }

    /// The reply, and whether the world changed.
    fn carry_out(&mut self, caller: &Caller, call: &Call, now_ms: u64) -> Result<(Reply, bool), Refusal> {
        let region = caller.region.as_str();
        let read = |reply| (reply, false);
        Ok(match call {
            Call::Rds(call) => lift(Reply::Rds, self.call_rds(region, call, now_ms)?),
            Call::Aurora(call) => lift(Reply::Aurora, self.call_aurora(region, call, now_ms)?),
            Call::Ecs(call) => lift(Reply::Ecs, self.call_ecs(region, call, now_ms)?),
            Call::Scaling(call) => lift(Reply::Scaling, self.call_scaling(region, call, now_ms)?),
            Call::Balancing(call) => read(Reply::Balancing(self.call_balancing(region, call, now_ms)?)),
            Call::Metrics(call) => read(Reply::Metrics(self.call_metrics(region, call, now_ms)?)),
            Call::Tokens(call) => read(Reply::Tokens(self.call_tokens(caller, call, now_ms)?)),
            Call::Permissions(call) => read(Reply::Permissions(self.call_permissions(caller, call)?)),
            Call::Route53(call) => lift(Reply::Route53, self.call_route53(call, now_ms)?),
        })
    }

    fn record(
        &mut self,
        (caller, service, operation): (&Caller, &str, &str),
        parameters: Value,
        judged: Result<bool, Refusal>,
        now_ms: u64,
    ) {
        let (outcome, no_change, detail) = match judged {
            Ok(changed) => (Outcome::Applied, !changed, String::new()),
            Err(refusal) => (Outcome::Refused, false, refusal.to_string()),
        };
        self.effects.append(Effect {
            sequence: 0,
            at_ms: now_ms,
            region: caller.region.clone(),
            service: service.into(),
            operation: operation.into(),
            caller: caller.access_key.clone(),
            role: self.tokens.role_of(&caller.access_key),
            parameters,
            outcome,
            no_change,
            detail,
        });
    }

    /// Sets a region's fault from `now_ms` on.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn set_fault(&mut self, region: &str, fault: Fault, now_ms: u64) -> Result<(), String> {
        fault.validate()?;
        let known =
            self.faults.get_mut(region).ok_or_else(|| format!("no application in region `{region}`"))?;
        *known = ActiveFault { fault, since_ms: now_ms };
        Ok(())
    }

    /// What a region's application does at `now_ms`.
    #[must_use]
    pub fn behaviour(&self, region: &str, now_ms: u64) -> Behaviour {
        self.faults.get(region).map_or(Behaviour::Serve, |active| active.behaviour(now_ms))
    }

    /// Whether a region's AWS endpoints have no listener.
    #[must_use]
    pub fn control_plane_refuses(&self, region: &str) -> bool {
        self.faults.get(region).is_some_and(ActiveFault::control_plane_refuses)
    }

    /// Whether Route 53's API is gone with a region.
    #[must_use]
    pub fn route53_is_gone(&self) -> bool {
        self.faults.values().any(ActiveFault::route53_is_gone)
    }

    /// The next moment at which a fault changes its behaviour by itself.
    #[must_use]
    pub fn next_change_ms(&self, now_ms: u64) -> Option<u64> {
        self.faults.values().filter_map(|active| active.next_change_ms(now_ms)).min()
    }

    /// Opens or updates (if `incident` is given) an incident on the status page.
    ///
    /// # Errors
    /// The page's refusal.
    pub fn put_incident(
        &mut self,
        page: &str,
        incident: Option<&str>,
        asked: &IncidentRequest,
        now_ms: u64,
    ) -> Result<Incident, Refusal> {
        let now = rfc3339(now_ms);
        let ids = [self.identifiers.statuspage(), self.identifiers.statuspage()];
        let operation = if incident.is_some() { "UpdateIncident" } else { "CreateIncident" };
        let failure = self.interference.take_failure("statuspage", operation, crate::options::GLOBAL);
        let done = failure.map_or(Ok(()), Err).and_then(|()| match incident {
            Some(incident) => self.status_page.update(page, incident, asked, ids[0].clone(), &now),
            None => self.status_page.open(page, asked, ids, &now),
        });
        let mut parameters = serde_json::to_value(asked).unwrap_or_default();
        parameters["incident"] = incident.or(done.as_ref().ok().map(|made| made.id.as_str())).into();
        let judged = done.as_ref().map(|_| true).map_err(Clone::clone);
        self.record((&Caller::anonymous(), "statuspage", operation), parameters, judged, now_ms);
        done
    }

    /// Sets the status of a component of the status page.
    ///
    /// # Errors
    /// The page's refusal.
    pub fn put_component(
        &mut self,
        page: &str,
        id: &str,
        status: &str,
        now_ms: u64,
    ) -> Result<Component, Refusal> {
        let (operation, now) = ("UpdateComponent", rfc3339(now_ms));
        let failure = self.interference.take_failure("statuspage", operation, crate::options::GLOBAL);
        let set = |()| self.status_page.set_component(page, id, status, &now);
        let done = failure.map_or(Ok(()), Err).and_then(set);
        let judged = done.as_ref().map(|_| true).map_err(Clone::clone);
        let parameters = serde_json::json!({"component": id, "status": status});
        self.record((&Caller::anonymous(), "statuspage", operation), parameters, judged, now_ms);
        done
    }
}

impl Caller {
    /// A caller of a service without regions and access keys.
    fn anonymous() -> Self {
        Caller { region: crate::options::GLOBAL.into(), access_key: String::new() }
    }
}

/// A month: how old the instances are that exist from the start.
const AGE_MS: u64 = 30 * 24 * 60 * 60 * 1_000;

/// The databases as the service's owners made them: a primary and its replica in the other region.
fn seeded_databases(options: &Options, now_ms: u64) -> Databases {
    let [primary, standby] = options.regions();
    let instance = |role: &str| format!("{}-{role}", options.service);
    let (names, own) = ([instance("primary"), instance("replica")], options.service.as_str());
    let endpoints = [(primary.to_owned(), names[0].clone()), (standby.to_owned(), names[1].clone())];
    let estate = Estate {
        security_groups: options.security_groups(),
        subnet_groups: [database::DEFAULT_SUBNET_GROUP.into(), format!("{own}-db")].into(),
        parameter_groups: [database::DEFAULT_PARAMETER_GROUP.into(), format!("{own}-postgres16")].into(),
    };
    let mut databases = Databases::new(endpoints.into(), estate, options.timing);
    let wishes = |instance: &str| Wishes {
        instance: instance.into(),
        subnet_group: Some(format!("{own}-db")),
        parameter_group: Some(format!("{own}-postgres16")),
        security_groups: vec![options.security_group.clone()],
        tags: [("service".to_owned(), own.to_owned())].into(),
        ..Wishes::default()
    };
    let kms_key = |region: &str| options.encrypted.then(|| options.kms_key(region));
    let created_ms = now_ms.saturating_sub(AGE_MS);
    let source = Seed { kms_key: kms_key(primary), backup_retention_days: 7, source: None, created_ms };
    let arn = database::arn(primary, &names[0]);
    let copy = Seed { kms_key: kms_key(standby), backup_retention_days: 0, source: Some(arn), created_ms };
    for (region, name, seed) in [(primary, &names[0], source), (standby, &names[1], copy)] {
        // Only names that the options cannot make valid are refused, and those make a world without
        // databases.
        if let Err(refusal) = databases.seed(region, &wishes(name), &seed) {
            tracing::error!(%refusal, name, "the sandbox has no such database");
        }
    }
    databases.advance(now_ms);
    databases
}

fn seeded_aurora(options: &Options) -> Aurora {
    let mut aurora = Aurora::new(options.timing.handover_ms);
    if let Some(identifier) = &options.global_cluster {
        aurora.create(identifier, &options.regions()).expect("there is no global cluster before the first");
    }
    aurora
}

fn seeded_scaling(options: &Options, now_ms: u64) -> Scaling {
    let mut scaling = Scaling::new(options.scaling_follows_minimum.then_some(options.timing.scaling_ms));
    let resource = format!("service/{}/{}", options.service, options.ecs_service);
    let counts = [options.primary_tasks, options.standby_tasks];
    // Twice the larger side: what a range looks like that was made for the load of one region.
    let max = counts[0].max(counts[1]).saturating_mul(2);
    for (region, min) in options.regions().into_iter().zip(counts) {
        scaling.seed(region, &resource, (min, max), now_ms);
    }
    scaling
}

/// The zone as the service's owners made it: one public alias and one regional alias for each region.
fn seeded_zone(options: &Options) -> Zone {
    let balancers: Vec<LoadBalancer> = options
        .regions()
        .into_iter()
        .map(|region| LoadBalancer {
            region: region.into(),
            name: normal_name(&options.load_balancer(region)),
            zone: load_balancer_zone(region).unwrap_or_default().into(),
        })
        .collect();
    let timing = options.timing;
    let zone_name = &options.zone_name;
    let mut zone =
        Zone::new(&options.zone_id, zone_name, balancers.clone(), timing.dns_pending_ms, timing.alias_ttl_s);
    let alias = |name: String, balancer: &LoadBalancer| RecordSet {
        name: normal_name(&name),
        kind: "A".into(),
        ttl_s: None,
        values: Vec::new(),
        alias: Some(AliasTarget {
            zone: balancer.zone.clone(),
            name: balancer.name.clone(),
            evaluate_target_health: false,
        }),
        routing: zone::routing::Routing::default(),
    };
    for balancer in &balancers {
        zone.seed(alias(format!("api.{}.{zone_name}", balancer.region), balancer));
    }
    let public = options.more_records.iter().cloned().chain([format!("www.{zone_name}")]);
    for name in public {
        zone.seed(alias(name, &balancers[0]));
    }
    zone
}

/// A moment as the status page writes it.
pub(crate) fn rfc3339(now_ms: u64) -> String {
    let moment = i64::try_from(now_ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    moment.unwrap_or_default().to_string()
}

#[cfg(test)]
#[path = "world/world_tests.rs"]
mod tests;
