//! Drills in the log. A drill is one or two executions, each like any other: under an epoch, in the service's one slot, asked of
//! the same guards. Of a live drill the second is the way back, of an isolated one the cleanup; what is still to come stands in
//! the service's state, so that it is done whoever leads by then.
//!
//! A drill gives way: an isolated one, and a live one that has stopped, are ended in the very entry that decides a failover.
//! Windows and conditions are the proposer's to judge: they are no safety rule, and a replica must not read a calendar.

mod ended;
mod judge;

use super::{
    Cluster,
    audit::AuditEvent,
    decide::Opening,
    execution::{Execution, ExecutionState},
    service::ServiceState,
};
use crate::command::{Actor, Command, ExecutionId, Response};
use judge::unfit;
use quorate_policies::{
    AgentName, DrillName, Millis, PlanName, RegionName, ServiceName, Timestamp,
    agreement::Evidence,
    drill::{DrillRecord, DrillRefusal, DrillRun, Due, begins_itself, due},
    guard::{Refusal, ServiceFacts, Trigger},
    plan::expand::{Inputs, Plan},
    policy::{Announce, DrillMode},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Who begins a drill that the policy schedules.
pub const SCHEDULE: &str = "schedule";
/// After a drill that was broken off, so much later its cleanup begins: a call that was under way may land for
/// `executor::CALL_MAX` (12 s).
const SETTLED: Millis = Millis(15_000);
/// How often a cleanup is tried: what three could not clear away, a fourth will not.
const CLEANUPS_MAX: u32 = 3;
/// How long after one that failed the next is tried: a session that kept a database from being dropped is gone by then.
const CLEANUP_AGAIN: Millis = Millis::from_secs(300);

/// What is ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "order")]
pub enum DrillOrder {
    /// That it begins.
    Begin {
        /// Where to, of a live one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<RegionName>,
        /// Who wants it; the schedule too has a name.
        trigger: Trigger,
        /// What the proposer saw.
        evidence: Evidence,
        /// Agents from which it heard lately.
        live: BTreeSet<AgentName>,
        /// How many runs there were: the same one is not begun twice.
        count: u64,
    },
    /// That what is still to come of it begins: the way back, or the cleanup.
    Finish {
        /// What the leader saw.
        evidence: Evidence,
        /// Agents from which it heard lately.
        live: BTreeSet<AgentName>,
    },
    /// That people are told that it is due.
    Announce,
    /// That a dry run was made, and what it showed.
    Record {
        /// What.
        outcome: DryRun,
        /// Who and why.
        actor: Actor,
        /// How many runs there were, of one that is scheduled: it is recorded once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        count: Option<u64>,
    },
}

/// What a dry run showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DryRun {
    /// Whether nothing known stands in the way.
    pub ready: bool,
    /// The sentence that says so, or what stands there.
    pub outcome: String,
    /// The recovery time to expect; none where a step was never measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted: Option<Millis>,
}

/// Of which drill an execution is a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillOf {
    /// Its name.
    pub name: DrillName,
    /// How far it goes.
    pub mode: DrillMode,
    /// Whether it is the way back, or the cleanup.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub second: bool,
    /// Who may hear of it.
    #[serde(default)]
    pub announce: Announce,
}

impl DrillOf {
    /// What this part is called.
    #[must_use]
    pub const fn part(&self) -> &'static str {
        match (self.mode, self.second) {
            (DrillMode::Live, true) => "way back",
            (_, true) => "cleanup",
            (_, false) => "drill",
        }
    }
}

/// A drill that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillUnderWay {
    /// Which one.
    pub drill: DrillName,
    /// How far it goes.
    pub mode: DrillMode,
    /// Who wanted it.
    pub trigger: Trigger,
    /// Its first execution.
    pub first: ExecutionId,
    /// The region from which it began.
    pub home: RegionName,
    /// When its second execution is due; none while one runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owed_at: Option<Timestamp>,
    /// How many second executions there were.
    #[serde(default)]
    pub tried: u32,
}

impl DrillUnderWay {
    /// What is still to come.
    #[must_use]
    pub const fn rest(&self) -> &'static str {
        match (self.mode, self.owed_at) {
            (_, None) => "end",
            (DrillMode::Live, Some(_)) => "way back",
            (DrillMode::Isolated | DrillMode::DryRun, Some(_)) => "cleanup",
        }
    }
}

/// A plan that may begin.
#[derive(Debug)]
pub struct Ready {
    /// The plan, as it would run.
    pub plan: Plan,
    scenario: Option<PlanName>,
    inputs: Inputs,
}

impl Cluster {
    /// What the guards look at. A drill that gives way stands in nobody's.
    #[must_use]
    pub fn facts(&self, state: &ServiceState) -> ServiceFacts {
        let running = state.running.as_ref().and_then(|id| self.executions.get(id));
        let mut facts = ServiceFacts { in_place: self.in_place(&state.policy.service), ..state.facts() };
        if running.is_some_and(Execution::gives_way) {
            facts.running = None;
        }
        facts
    }

    pub(super) fn drill(
        &mut self,
        command: &Command,
        service: &ServiceName,
        name: &DrillName,
        order: &DrillOrder,
    ) -> Result<Response, Refusal> {
        match order {
            DrillOrder::Begin { to, trigger, evidence, live, count } => {
                let judged =
                    self.may_drill(self.clock, service, name, (to.as_ref(), trigger, evidence, *count));
                let ready = match judged {
                    Ok(ready) => ready,
                    Err(refusal) => {
                        // The schedule asks again and again; a person once.
                        if !scheduled(trigger) {
                            self.record_refusal(command, service, trigger, &refusal);
                        }
                        return Err(refusal);
                    }
                };
                self.begin_drill(command, service, name, ready, (trigger, evidence, live))
            }
            DrillOrder::Finish { evidence, live } => {
                let ready = self.may_finish_drill(self.clock, service, name, evidence)?;
                self.finish_drill(command, service, name, ready, (evidence, live))
            }
            DrillOrder::Announce => self.announce_drill(command, service, name),
            DrillOrder::Record { outcome, actor, count } => {
                self.record_dry_run(service, name, outcome, (actor, *count))
            }
        }
    }

    fn begin_drill(
        &mut self,
        command: &Command,
        service: &ServiceName,
        name: &DrillName,
        ready: Ready,
        (trigger, evidence, live): (&Trigger, &Evidence, &BTreeSet<AgentName>),
    ) -> Result<Response, Refusal> {
        let (state, drill) = self.drill_of(service, name)?;
        let (mode, announce, home) = (drill.mode, drill.announce, state.active.clone());
        let of = DrillOf { name: name.clone(), mode, second: false, announce };
        let response = self.open(command, service, opening(ready, of, (trigger, evidence, live)))?;
        let Response::Execution { id, .. } = &response else { return Ok(response) };
        let objective = self.executions.get(id).and_then(|execution| execution.objective);
        let now = self.clock;
        let state = self.service_mut(service)?;
        state.drill = Some(DrillUnderWay {
            drill: name.clone(),
            mode,
            trigger: trigger.clone(),
            first: id.clone(),
            home,
            owed_at: None,
            tried: 0,
        });
        let by = by(trigger).to_owned();
        let run = DrillRun { execution: Some(id.clone()), objective, ..run(mode, by, now) };
        state.drills.entry(name.clone()).or_insert_with(|| DrillRecord::new(now)).add(run);
        Ok(response)
    }

    fn finish_drill(
        &mut self,
        command: &Command,
        service: &ServiceName,
        name: &DrillName,
        ready: Ready,
        (evidence, live): (&Evidence, &BTreeSet<AgentName>),
    ) -> Result<Response, Refusal> {
        let (state, drill) = self.drill_of(service, name)?;
        let of = DrillOf { name: name.clone(), mode: drill.mode, second: true, announce: drill.announce };
        let Some(DrillUnderWay { trigger, first, .. }) = state.drill.clone() else {
            return Ok(Response::Done);
        };
        let response = self.open(command, service, opening(ready, of, (&trigger, evidence, live)))?;
        let Response::Execution { id, .. } = &response else { return Ok(response) };
        let state = self.service_mut(service)?;
        if let Some(under_way) = &mut state.drill {
            under_way.owed_at = None;
            under_way.tried += 1;
        }
        if let Some(run) = state.run_of(name, &first) {
            run.second = Some(id.clone());
        }
        Ok(response)
    }

    fn announce_drill(
        &mut self,
        command: &Command,
        service: &ServiceName,
        name: &DrillName,
    ) -> Result<Response, Refusal> {
        let now = self.clock;
        let (state, drill) = self.drill_of(service, name)?;
        let not_due = || Refusal::NotDrilled { drill: name.clone(), why: DrillRefusal::NotDue };
        let record = state.drills.get(name).ok_or_else(not_due)?;
        let Due::Now { since, overdue } = due(drill, record, now) else { return Err(not_due()) };
        if record.announced.is_some_and(|at| at >= since) {
            return Err(not_due());
        }
        let (event, by) = (AuditEvent::DrillDue { drill: name.clone(), since, overdue }, command.by.as_str());
        self.audit.record(now, by, Some(service), None, event);
        if let Some(record) = self.service_mut(service)?.drills.get_mut(name) {
            record.announced = Some(now);
        }
        Ok(Response::Done)
    }

    fn record_dry_run(
        &mut self,
        service: &ServiceName,
        name: &DrillName,
        shown: &DryRun,
        (actor, count): (&Actor, Option<u64>),
    ) -> Result<Response, Refusal> {
        let now = self.clock;
        let (state, drill) = self.drill_of(service, name)?;
        if drill.mode != DrillMode::DryRun {
            return Err(unfit(name, "it goes further than a dry run, which does not count for it"));
        }
        let record = state.drills.get(name);
        let fits = |count| record.is_some_and(|it| it.count == count && begins_itself(drill, it, now));
        if count.is_some_and(|count| !fits(count)) {
            return Err(Refusal::NotDrilled { drill: name.clone(), why: DrillRefusal::NotDue });
        }
        let scenario = drill.scenario.clone();
        let objective = Some(state.policy.objective(scenario.as_ref()));
        let event = AuditEvent::DryRunMade {
            drill: name.clone(),
            ready: shown.ready,
            outcome: shown.outcome.clone(),
            predicted: shown.predicted,
            reason: actor.reason.clone(),
        };
        self.audit.record(now, &actor.name, Some(service), None, event);
        let run = DrillRun {
            ended: Some(now),
            succeeded: Some(shown.ready),
            outcome: shown.outcome.clone(),
            predicted: shown.predicted,
            objective,
            ..run(DrillMode::DryRun, actor.name.clone(), now)
        };
        let state = self.service_mut(service)?;
        state.drills.entry(name.clone()).or_insert_with(|| DrillRecord::new(now)).add(run);
        Ok(Response::Done)
    }
}

impl Execution {
    /// Whether it is a drill beside the service.
    #[must_use]
    pub fn isolated(&self) -> bool {
        self.drill.as_ref().is_some_and(|of| of.mode == DrillMode::Isolated)
    }

    /// Whether it is ended when the service needs its slot: a drill that touches nothing of it, or one that has stopped.
    #[must_use]
    pub fn gives_way(&self) -> bool {
        let stopped = self.drill.is_some() && matches!(self.state, ExecutionState::Stopped { .. });
        stopped || self.isolated()
    }
}

fn opening<'a>(
    ready: Ready,
    of: DrillOf,
    (trigger, evidence, live): (&'a Trigger, &'a Evidence, &'a BTreeSet<AgentName>),
) -> Opening<'a> {
    let Ready { plan, scenario, inputs } = ready;
    Opening { plan, scenario, inputs, trigger, evidence, live, waits: false, drill: Some(of) }
}

const fn run(mode: DrillMode, by: String, begun: Timestamp) -> DrillRun {
    DrillRun {
        mode,
        by,
        begun,
        ended: None,
        execution: None,
        succeeded: None,
        outcome: String::new(),
        predicted: None,
        rto: None,
        rpo: None,
        objective: None,
        second: None,
        second_outcome: String::new(),
    }
}

fn by(trigger: &Trigger) -> &str {
    match trigger {
        Trigger::Automatic => SCHEDULE,
        Trigger::Operator { by, .. } => by,
    }
}

fn scheduled(trigger: &Trigger) -> bool {
    by(trigger) == SCHEDULE
}
