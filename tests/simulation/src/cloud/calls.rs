//! What agents call: a read of the world, or one change of it, with all that can happen to a call on its way.

use super::{
    Cloud, World,
    database::Role,
    world::{Record, address},
};
use crate::{host::Host, now, oracle::Effect, replicas};
use openraft_rt::AsyncRuntime;
use openraft_rt_sim::SimRuntime;
use quorate_core::node::StepOrder;
use quorate_policies::{
    Millis,
    effect::{Acted, EffectContext, Observed},
    plan::{Action, Before, Lag, action::Route53Repoint},
};
use rand::RngExt;
use std::time::Duration;

/// An ordinary call takes at most so many milliseconds each way.
const ORDINARY_MS: u64 = 150;
/// A change is carried out within so long after it was sent, or never: a real call is given up after 8 s.
const LANDS_WITHIN: Duration = Duration::from_millis(8_500);
/// What is held up are also calls that begin so soon after: the steps of one moment do not all call in the same one.
const SENT_TOGETHER: Duration = Duration::from_millis(400);
/// A connection that breaks does so soon.
const BREAKS_AFTER: Duration = Duration::from_millis(40);

/// What happens to one call.
struct Fate {
    there: Duration,
    between: Duration,
    back: Duration,
    lost_before: bool,
    lost_after: bool,
    refused: bool,
    /// The connection breaks at once: the caller knows that it will hear nothing, and the call goes its way.
    broken: bool,
}

/// What became of a request.
enum Change {
    /// It is done, or on its way.
    Applied { meaning: String, promotes: Option<String> },
    /// Nothing was changed.
    Refused { reason: String, retryable: bool },
}

fn refused(reason: &str, retryable: bool) -> Change {
    Change::Refused { reason: reason.to_owned(), retryable }
}

impl Cloud {
    fn fate(&self) -> Fate {
        let mut inside = self.inside();
        let trouble = inside.trouble;
        let random = &mut inside.random;
        let mut ms = |most: u64| Duration::from_millis(random.random_range(5..=most));
        let (there, between, back) =
            (ms(ORDINARY_MS + trouble.slow_ms), ms(ORDINARY_MS), ms(ORDINARY_MS + trouble.slow_ms / 2));
        let mut chance = |permille: u16| random.random_range(0..1_000) < permille;
        Fate {
            there,
            between,
            back,
            lost_before: chance(trouble.lost_before),
            lost_after: chance(trouble.lost_after),
            refused: chance(trouble.refused),
            broken: there.as_millis().is_multiple_of(2),
        }
    }

    /// Whether an agent's calls get to where the action works.
    fn reaches(&self, host: &Host, action: &Action) -> bool {
        let Some(at) = action.region() else { return true };
        !self.inside().world.site(at).dead && !host.network.is_dark(host.id, &crate::region(at))
    }

    /// Reads the world. It never ends if the call is lost: the caller has a deadline.
    pub(crate) async fn observe(&self, host: &Host, action: &Action, context: &EffectContext) -> Observed {
        let fate = self.fate();
        SimRuntime::sleep(fate.there).await;
        if !self.reaches(host, action) || fate.lost_before || fate.lost_after {
            return std::future::pending().await;
        }
        if fate.refused {
            return Observed::Unknown { reason: "throttled".to_owned() };
        }
        let seen = observed(&self.inside().world, action, context);
        let untouched = matches!(seen, Observed::NotDone { .. });
        host.network.oracle().looked(host.name.as_str(), &context.execution, action.kind(), untouched);
        SimRuntime::sleep(fate.back).await;
        host.lives().await;
        seen
    }

    /// Changes the world. The call goes its way whatever becomes of the caller.
    pub(crate) async fn act(&self, host: &Host, order: &StepOrder, context: &EffectContext) -> Acted {
        if matches!(order.step.action, Action::VerifyProbes(_)) {
            return Acted::Accepted { detail: "there is nothing to do but to look".to_owned() };
        }
        host.lives().await;
        let fate = self.fate();
        let reaches = self.reaches(host, &order.step.action);
        replicas::look(&host.network);
        let number = host.network.oracle().sent(host.name.as_str(), order);
        let sent = now();
        let call = Call {
            cloud: self.clone(),
            agent: host.name.to_string(),
            order: order.clone(),
            context: context.clone(),
        };
        let (lost, broken) = (fate.lost_before || fate.lost_after || !reaches, fate.broken);
        let oracle = host.network.clone();
        let carried = SimRuntime::spawn(async move {
            let arrives = call.arrives(sent, fate.there).await && !fate.lost_before && reaches;
            let answer = if arrives { Some(call.answered(&fate).await) } else { None };
            oracle.oracle().settled(number);
            SimRuntime::sleep(fate.back).await;
            answer.filter(|_| !fate.lost_after)
        });
        if lost && broken {
            SimRuntime::sleep(BREAKS_AFTER).await;
            host.lives().await;
            return Acted::Unknown { reason: "connection reset".to_owned() };
        }
        let acted = match carried.await {
            Ok(Some(acted)) => acted,
            _ => std::future::pending().await,
        };
        host.lives().await;
        if matches!(acted, Acted::Refused { .. }) {
            host.network.oracle().refused(number);
        }
        acted
    }
}

struct Call {
    cloud: Cloud,
    agent: String,
    order: StepOrder,
    context: EffectContext,
}

impl Call {
    /// Its way there. Whether it arrives: a caller that waits too long takes its request back.
    async fn arrives(&self, sent: Duration, there: Duration) -> bool {
        let end = sent + LANDS_WITHIN;
        SimRuntime::sleep(there.min(LANDS_WITHIN)).await;
        let (since, until) = self.cloud.inside().held_up;
        if sent <= since + SENT_TOGETHER && now() >= since && now() < until {
            SimRuntime::sleep(until.min(end).saturating_sub(now())).await;
        }
        there < LANDS_WITHIN
    }

    /// What the cloud makes of it, and says.
    async fn answered(&self, fate: &Fate) -> Acted {
        if fate.refused {
            return Acted::Refused { reason: "throttled".to_owned(), retryable: true };
        }
        if self.denied() {
            return Acted::Refused { reason: "AccessDenied".to_owned(), retryable: false };
        }
        self.carry_out(fate.between).await
    }

    fn denied(&self) -> bool {
        matches!(self.order.step.action, Action::Route53Repoint(_)) && self.cloud.inside().trouble.denied
    }

    /// A repoint reads the record first and sends its batch on the condition that nothing has moved; everything else is
    /// one request.
    async fn carry_out(&self, between: Duration) -> Acted {
        let (action, service) = (&self.order.step.action, self.context.service.as_str());
        if let Action::Route53Repoint(repoint) = action {
            let seen = self.cloud.with(|world| world.record(service).clone());
            if seen.epoch > self.context.epoch {
                let reason = format!("the record belongs to epoch {}", seen.epoch);
                return Acted::Refused { reason, retryable: false };
            }
            SimRuntime::sleep(between).await;
            return self.apply(|world| repointed(world, service, repoint, &seen, self.context.epoch));
        }
        let delay = Duration::from_millis(self.cloud.inside().random.random_range(2_000..8_000));
        self.apply(|world| changed(world, action, &self.context, now() + delay))
    }

    fn apply(&self, change: impl FnOnce(&mut World) -> Change) -> Acted {
        let mut inside = self.cloud.inside();
        let service = self.context.service.clone();
        let to = self.order.to.as_str();
        let (oldest_lost, tasks) =
            (inside.world.oldest_lost(&service, to), inside.world.part(&service, to).running());
        let before = inside.world.record(&service).clone();
        let change = change(&mut inside.world);
        let after = inside.world.record(&service).clone();
        let (network, oracle) = (inside.network.clone(), inside.oracle.clone());
        drop(inside);
        match change {
            Change::Applied { meaning, promotes } => {
                replicas::look(&network);
                oracle.lock().unwrap().applied(Effect {
                    agent: self.agent.clone(),
                    service,
                    execution: self.order.execution.clone(),
                    epoch: self.context.epoch,
                    step: self.order.name.to_string(),
                    attempt: self.order.attempt,
                    kind: self.order.step.action.kind(),
                    meaning: meaning.clone(),
                    promotes,
                    oldest_lost,
                    tasks,
                    empties: emptied(&self.order.step.action),
                    record: (before, after),
                });
                Acted::Accepted { detail: meaning }
            }
            Change::Refused { reason, retryable } => Acted::Refused { reason, retryable },
        }
    }
}

/// Where an action takes all tasks away.
fn emptied(action: &Action) -> Option<String> {
    let Action::EcsScale(scale) = action else { return None };
    (scale.desired == Some(0)).then(|| scale.region.clone())
}

fn wanted(repoint: &Route53Repoint) -> Vec<String> {
    repoint.alias.iter().chain(&repoint.values).cloned().collect()
}

/// The service and the region of a database's identifier.
fn owner(instance: &str) -> Option<(&str, &str)> {
    instance.split_once('-')
}

fn observed(world: &World, action: &Action, context: &EffectContext) -> Observed {
    let done = |detail: String| Observed::Done { detail };
    let service = context.service.as_str();
    match action {
        Action::RdsPromoteReadReplica(promote) => {
            let Some((service, region)) = owner(&promote.instance) else {
                return Observed::Impossible { reason: format!("{} does not exist", promote.instance) };
            };
            let database = &world.part(service, region).database;
            match database.role {
                Role::Replica => Observed::NotDone {
                    detail: format!("{} is a replica", promote.instance),
                    part: 0,
                    before: Some(promotion_before(world, service, region)),
                },
                _ if database.writable() => done(format!("{} is writable", promote.instance)),
                _ => Observed::InProgress { detail: format!("{} is promoted", promote.instance) },
            }
        }
        Action::EcsScale(scale) => {
            let part = world.part(&scale.service, &scale.region);
            let desired = scale.desired.unwrap_or_default();
            // A fence that lies says what is wished for.
            let running = if world.fence_lies && desired == 0 { part.desired } else { part.running() };
            if part.desired != desired {
                let because = "written in the policy".to_owned();
                let before =
                    Before::Scaled { wanted: desired, because, desired: part.desired, scaling: None };
                Observed::NotDone { detail: format!("{running} tasks"), part: 0, before: Some(before) }
            } else if running == desired {
                done(format!("{running} tasks"))
            } else {
                Observed::InProgress { detail: format!("{running} of {desired} tasks run") }
            }
        }
        Action::Route53Repoint(repoint) => {
            let (record, wanted) = (world.record(service), wanted(repoint));
            if record.epoch > context.epoch {
                let reason = format!("the record belongs to epoch {}", record.epoch);
                Observed::Impossible { reason }
            } else if record.epoch == context.epoch && record.targets == wanted {
                done(format!("it points at {wanted:?}"))
            } else {
                Observed::not_done(format!("it points at {:?}", record.targets))
            }
        }
        Action::VerifyProbes(_) if world.serves_publicly(service) => done("it answers".to_owned()),
        Action::VerifyProbes(_) => Observed::InProgress { detail: "it does not answer yet".to_owned() },
        Action::StatuspageIncident(_) if world.status_page_down => {
            Observed::Unknown { reason: "the status page answers with 503".to_owned() }
        }
        Action::StatuspageIncident(incident) => match world.incidents.get(&context.execution) {
            Some((status, _)) if *status == incident.status.as_str() => done(format!("it says {status}")),
            Some((status, _)) => Observed::not_done(format!("it says {status}")),
            None => Observed::not_done("there is no incident".to_owned()),
        },
        other => Observed::Impossible { reason: format!("this world has no {}", other.kind()) },
    }
}

fn promotion_before(world: &World, service: &str, region: &str) -> Before {
    let lag = match world.lag_as_monitored(service, region) {
        Some(behind) => Lag::Known {
            behind: Millis(u64::try_from(behind.as_millis()).unwrap()),
            age: Millis(u64::try_from(now().as_millis() % 60_000).unwrap()),
            by: "monitoring".to_owned(),
            confirmed: false,
        },
        None => Lag::Unknown { reason: "no point".to_owned() },
    };
    Before::Promoted { source: format!("the primary of {service}"), lag }
}

/// One request that is no repoint. A promotion will be done at `promoted_at`.
fn changed(world: &mut World, action: &Action, context: &EffectContext, promoted_at: Duration) -> Change {
    match action {
        Action::RdsPromoteReadReplica(promote) => {
            let Some((service, region)) = owner(&promote.instance) else {
                return refused("DBInstanceNotFound", false);
            };
            let Some(part) = world.part_mut(service, region) else {
                return refused("DBInstanceNotFound", false);
            };
            // Like the real one: what is being promoted, or was, is in the wrong state for it.
            if part.database.role != Role::Replica {
                return refused("InvalidDBInstanceState", true);
            }
            part.database.role = Role::Promoting(promoted_at);
            let meaning = format!("promote {}", promote.instance);
            Change::Applied { meaning, promotes: Some(region.to_owned()) }
        }
        Action::EcsScale(scale) => {
            let (lies, full) = (world.fence_lies, world.site(&scale.region).full);
            let Some(part) = world.part_mut(&scale.service, &scale.region) else {
                return refused("ServiceNotFound", false);
            };
            let desired = scale.desired.unwrap_or_default();
            part.scale(desired, !full, lies && desired == 0);
            let meaning = format!("scale {} in {} to {desired}", scale.service, scale.region);
            Change::Applied { meaning, promotes: None }
        }
        Action::StatuspageIncident(_) if world.status_page_down => refused("503", true),
        Action::StatuspageIncident(incident) => {
            let status = incident.status.as_str();
            let opened = world.incidents.entry(context.execution.clone()).or_insert((status, 0));
            *opened = (status, opened.1.max(1));
            let meaning = format!("incident of {}: {status}", context.execution);
            Change::Applied { meaning, promotes: None }
        }
        _ => refused("there is no such request", false),
    }
}

/// One atomic batch: the record moves if it still is what was read.
fn repointed(
    world: &mut World,
    service: &str,
    repoint: &Route53Repoint,
    expected: &Record,
    epoch: u64,
) -> Change {
    if world.record(service) != expected {
        return refused("InvalidChangeBatch", true);
    }
    world.set_record(service, Record { targets: wanted(repoint), epoch });
    let meaning = format!("point {} at {:?}", repoint.record, wanted(repoint));
    Change::Applied { meaning, promotes: None }
}

impl World {
    /// Somebody else points a service's record at a region, and knows of no epoch.
    pub(crate) fn foreign_edit(&mut self, service: &str, region: &str) {
        let epoch = self.record(service).epoch;
        self.set_record(service, Record { targets: vec![address(service, region)], epoch });
    }
}
