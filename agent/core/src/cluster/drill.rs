//! Drills in the log. A drill is one or two executions, each like any other: under an epoch, in the service's one slot, asked of
//! the same guards. Of a live drill the second is the way back, of an isolated one the cleanup; what is still to come stands in
//! the service's state, so that it is done whoever leads by then.
//!
//! A drill gives way: an isolated one, and a live one that has stopped, are ended in the very entry that decides a failover.
//! Windows and conditions are the proposer's to judge: they are no safety rule, and a replica must not read a calendar.

use super::{
    Cluster,
    audit::AuditEvent,
    decide::Opening,
    execution::{Execution, ExecutionState},
    service::ServiceState,
};
use crate::command::{Actor, Command, ExecutionId, Response};
use quorate_policies::{
    AgentName, DrillName, Millis, PlanName, RegionName, ServiceName, Timestamp,
    agreement::Evidence,
    drill::{DrillRecord, DrillRefusal, DrillRun, Due, begins_itself, due},
    guard::{Refusal, ServiceFacts, Situation, Trigger, authorize},
    plan::{
        Action, Lag,
        expand::{Inputs, Plan, expand},
    },
    policy::{Announce, Drill, DrillMode, Policy, Role},
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
        let mut facts = state.facts();
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
            DrillOrder::Record { outcome, actor } => self.record_dry_run(service, name, outcome, actor),
        }
    }

    /// Whether a drill may begin: what the log refuses by itself. Windows and conditions are asked beside it.
    ///
    /// # Errors
    /// Why it may not.
    pub fn may_drill(
        &self,
        now: Timestamp,
        service: &ServiceName,
        name: &DrillName,
        (to, trigger, evidence, count): (Option<&RegionName>, &Trigger, &Evidence, u64),
    ) -> Result<Ready, Refusal> {
        let (state, drill) = self.drill_of(service, name)?;
        let refuse = |why: DrillRefusal| Refusal::NotDrilled { drill: name.clone(), why };
        if drill.mode == DrillMode::DryRun {
            let why = "it is a dry run, which changes nothing and has no execution".to_owned();
            return Err(refuse(DrillRefusal::Unfit { why }));
        }
        if let Some(under_way) = &state.drill {
            let (drill, rest) = (under_way.drill.clone(), under_way.rest().to_owned());
            return Err(refuse(DrillRefusal::UnderWay { drill, rest }));
        }
        free(state, now)?;
        let record = state.drills.get(name);
        let known = record.is_some_and(|record| {
            record.count == count && (!scheduled(trigger) || begins_itself(drill, record, now))
        });
        if !known {
            return Err(refuse(DrillRefusal::NotDue));
        }
        if drill.mode == DrillMode::Isolated {
            let plan = drill.plan.as_ref().ok_or_else(|| unfit(name, "it names no plan"))?;
            let inputs = drill.plan_inputs();
            let plan = expanded(&state.policy, drill, plan, (&state.active, &state.active), &inputs)?;
            return Ok(Ready { plan, scenario: None, inputs });
        }
        let home = state.policy.regions.get(&state.active).is_some_and(|r| r.role == Role::Primary);
        if !home {
            return Err(refuse(DrillRefusal::AwayFromHome { active: state.active.clone() }));
        }
        let scenario = drill.scenario.as_ref().ok_or_else(|| unfit(name, "it names no scenario"))?;
        let known = state.policy.scenarios.get(scenario);
        let rehearsed = known.ok_or_else(|| unfit(name, "its scenario is not there"))?;
        let inputs = rehearsed.values(&drill.inputs).map_err(|error| unfit(name, &error.to_string()))?;
        let to = to.ok_or_else(|| unfit(name, "there is no region to move to"))?;
        self.allowed(state, now, &rehearsed.run, (trigger, evidence, to))?;
        let plan = expanded(&state.policy, drill, &rehearsed.run, (&state.active, to), &inputs)?;
        Ok(Ready { plan, scenario: Some(scenario.clone()), inputs })
    }

    /// What a drill runs, and what then, asked of no guard.
    ///
    /// # Errors
    /// When there is no such drill, nowhere to go, or a plan cannot be expanded.
    pub fn drill_plans(
        &self,
        service: &ServiceName,
        name: &DrillName,
        to: Option<&RegionName>,
    ) -> Result<(Plan, Option<Plan>), Refusal> {
        let (state, drill) = self.drill_of(service, name)?;
        let (policy, active) = (&state.policy, &state.active);
        let scenario = drill.scenario.as_ref().and_then(|name| policy.scenarios.get(name));
        let said = scenario.and_then(|scenario| scenario.values(&drill.inputs).ok());
        let inputs = said.unwrap_or_else(|| drill.plan_inputs());
        let run = scenario.map(|scenario| &scenario.run).or(drill.plan.as_ref());
        let run = run.ok_or_else(|| unfit(name, "it names no plan"))?;
        let moves = policy.plans.get(run).is_some_and(|plan| plan.moves);
        let there =
            if moves { to.ok_or_else(|| unfit(name, "there is no region to move to"))? } else { active };
        let plan = expanded(policy, drill, run, (active, there), &inputs)?;
        let then = match drill.mode {
            DrillMode::Live => Some((drill.back.as_ref().unwrap_or(run), there, active)),
            DrillMode::Isolated => drill.cleanup.as_ref().map(|cleanup| (cleanup, active, active)),
            DrillMode::DryRun => None,
        };
        let then = then.map(|(plan, from, to)| expanded(policy, drill, plan, (from, to), &inputs));
        Ok((plan, then.transpose()?))
    }

    /// Whether what is still to come of a drill may begin.
    ///
    /// # Errors
    /// Why it may not.
    pub fn may_finish_drill(
        &self,
        now: Timestamp,
        service: &ServiceName,
        name: &DrillName,
        evidence: &Evidence,
    ) -> Result<Ready, Refusal> {
        let (state, drill) = self.drill_of(service, name)?;
        let owed = |under_way: &&DrillUnderWay| {
            under_way.drill == *name && under_way.owed_at.is_some_and(|at| at <= now)
        };
        let not_due = || Refusal::NotDrilled { drill: name.clone(), why: DrillRefusal::NotDue };
        let under_way = state.drill.as_ref().filter(owed).ok_or_else(not_due)?;
        free(state, now)?;
        let home = &under_way.home;
        if under_way.mode == DrillMode::Live {
            let scenario = drill.scenario.as_ref().and_then(|name| state.policy.scenarios.get(name));
            let run = drill.back.as_ref().or(scenario.map(|scenario| &scenario.run));
            let run = run.ok_or_else(|| unfit(name, "its way back has no plan"))?;
            let inputs =
                scenario.and_then(|scenario| scenario.values(&drill.inputs).ok()).unwrap_or_default();
            self.allowed(state, now, run, (&under_way.trigger, evidence, home))?;
            let plan = expanded(&state.policy, drill, run, (&state.active, home), &inputs)?;
            return Ok(Ready { plan, scenario: None, inputs });
        }
        let run = drill.cleanup.as_ref().ok_or_else(|| unfit(name, "it has no cleanup"))?;
        let inputs = drill.plan_inputs();
        // What it made stands where it ran, wherever the service is by now.
        let plan = expanded(&state.policy, drill, run, (home, home), &inputs)?;
        Ok(Ready { plan, scenario: None, inputs })
    }

    fn allowed(
        &self,
        state: &ServiceState,
        now: Timestamp,
        plan: &PlanName,
        (trigger, evidence, to): (&Trigger, &Evidence, &RegionName),
    ) -> Result<(), Refusal> {
        let facts = state.facts();
        let situation = Situation {
            policy: &state.policy,
            members: &self.members,
            facts: &facts,
            evidence,
            now,
            plan: Some(plan),
        };
        authorize(&situation, trigger, to)
    }

    fn drill_of(&self, service: &ServiceName, name: &DrillName) -> Result<(&ServiceState, &Drill), Refusal> {
        let unknown = || Refusal::UnknownService { service: service.clone() };
        let state = self.services.get(service).ok_or_else(unknown)?;
        let drill = state.policy.drills.get(name).ok_or_else(|| {
            let names: Vec<&str> = state.policy.drills.keys().map(DrillName::as_str).collect();
            let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            Refusal::NotDrilled { drill: name.clone(), why: DrillRefusal::Unknown { known } }
        })?;
        Ok((state, drill))
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
        actor: &Actor,
    ) -> Result<Response, Refusal> {
        let now = self.clock;
        let (state, drill) = self.drill_of(service, name)?;
        if drill.mode != DrillMode::DryRun {
            return Err(unfit(name, "it goes further than a dry run, which does not count for it"));
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
            objective,
            ..run(DrillMode::DryRun, actor.name.clone(), now)
        };
        let state = self.service_mut(service)?;
        state.drills.entry(name.clone()).or_insert_with(|| DrillRecord::new(now)).add(run);
        Ok(Response::Done)
    }

    /// What the end of any execution means for the service's drill.
    pub(super) fn drill_after(&mut self, id: &ExecutionId) {
        let now = self.clock;
        let Some(execution) = self.executions.get(id) else { return };
        let Some(state) = self.services.get_mut(&execution.service) else { return };
        let succeeded = matches!(execution.state, ExecutionState::Succeeded { .. });
        match &execution.drill {
            Some(of) if of.second => second_ended(state, execution, of, now),
            Some(of) => first_ended(state, execution, of, now),
            // The service has been moved otherwise: there is no way back left to go.
            None if execution.plan.moves && succeeded => {
                let live = |under_way: &DrillUnderWay| under_way.mode == DrillMode::Live;
                if let Some(over) = state.drill.take_if(|under_way| live(under_way))
                    && let Some(run) = state.run_of(&over.drill, &over.first)
                {
                    run.second_outcome = format!("execution {id} has moved the service");
                }
            }
            None => {}
        }
    }
}

fn first_ended(state: &mut ServiceState, execution: &Execution, of: &DrillOf, now: Timestamp) {
    let succeeded = matches!(execution.state, ExecutionState::Succeeded { .. });
    if let Some(run) = state.run_of(&of.name, &execution.id) {
        run.ended = Some(now);
        run.succeeded = Some(succeeded);
        run.outcome = execution.state.to_string();
        run.rto = execution.recovery_time().map(|time| time.total());
        let known = |lag: &Lag| if let Lag::Known { behind, .. } = lag { Some(*behind) } else { None };
        let losses: Vec<Option<Millis>> = execution.losses().map(|(_, lag)| known(lag)).collect();
        run.rpo = losses.iter().copied().max().flatten().filter(|_| losses.iter().all(Option::is_some));
    }
    let drill = state.policy.drills.get(&of.name);
    let away = state.active != *execution.from();
    let owed_at = match of.mode {
        DrillMode::Live => drill.filter(|_| away).map(|drill| now.plus(drill.stay_for)),
        DrillMode::Isolated | DrillMode::DryRun => drill
            .filter(|drill| drill.cleanup.is_some())
            .map(|_| if succeeded { now } else { now.plus(SETTLED) }),
    };
    match (owed_at, &mut state.drill) {
        (Some(at), Some(under_way)) => under_way.owed_at = Some(at),
        (None, under_way) => *under_way = None,
        (Some(_), None) => {}
    }
}

fn second_ended(state: &mut ServiceState, execution: &Execution, of: &DrillOf, now: Timestamp) {
    let succeeded = matches!(execution.state, ExecutionState::Succeeded { .. });
    let Some(under_way) = &mut state.drill else { return };
    let first = under_way.first.clone();
    let again = of.mode == DrillMode::Isolated && !succeeded && under_way.tried < CLEANUPS_MAX;
    if again {
        under_way.owed_at = Some(now.plus(CLEANUP_AGAIN));
    } else {
        state.drill = None;
    }
    if let Some(run) = state.run_of(&of.name, &first) {
        run.second_outcome = execution.state.to_string();
    }
}

impl ServiceState {
    /// The run of a drill that began with this execution.
    fn run_of(&mut self, drill: &DrillName, first: &ExecutionId) -> Option<&mut DrillRun> {
        let runs = &mut self.drills.get_mut(drill)?.runs;
        runs.iter_mut().rev().find(|run| run.execution.as_ref() == Some(first))
    }

    /// Remembers the drills of the policy in force, and forgets those that it has no longer.
    pub(super) fn keep_drills(&mut self, now: Timestamp) {
        let Self { policy, drills, drill, .. } = self;
        drills.retain(|name, _| policy.drills.contains_key(name));
        for name in policy.drills.keys() {
            drills.entry(name.clone()).or_insert_with(|| DrillRecord::new(now));
        }
        drill.take_if(|under_way| !policy.drills.contains_key(&under_way.drill));
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

/// A drill has time: it waits for a pause to end, and for every execution.
fn free(state: &ServiceState, now: Timestamp) -> Result<(), Refusal> {
    if let Some(hold) = state.hold.as_ref().filter(|hold| hold.active(now)) {
        let (by, reason, until) = (hold.by.clone(), hold.reason.clone(), hold.until);
        return Err(Refusal::Held { by, reason, until });
    }
    match &state.running {
        Some(execution) => Err(Refusal::ExecutionInProgress { execution: execution.clone() }),
        None => Ok(()),
    }
}

fn unfit(name: &DrillName, why: &str) -> Refusal {
    Refusal::NotDrilled { drill: name.clone(), why: DrillRefusal::Unfit { why: why.to_owned() } }
}

/// The plan as the drill runs it: no public page hears of one that is not announced there.
fn expanded(
    policy: &Policy,
    drill: &Drill,
    plan: &PlanName,
    (from, to): (&RegionName, &RegionName),
    inputs: &Inputs,
) -> Result<Plan, Refusal> {
    let plan = expand(policy, plan, from, to, inputs)
        .map_err(|error| Refusal::PolicyRefused { why: error.to_string() })?;
    let public = drill.announce == Announce::Public;
    Ok(plan.without(|step| !public && matches!(step.action, Action::StatuspageIncident(_))))
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
