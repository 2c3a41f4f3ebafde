//! Whether a drill may begin, or what is still to come of it, and which plans that would be. The same functions serve the leader before
//! it proposes, a look at a drill, and every replica when it applies; they change nothing.

use super::{DrillUnderWay, Ready, scheduled};
use crate::cluster::{Cluster, service::ServiceState};
use quorate_policies::{
    DrillName, PlanName, Policy, RegionName, ServiceName, Timestamp,
    agreement::Evidence,
    drill::{DrillRefusal, begins_itself},
    guard::{Refusal, Situation, Trigger, authorize},
    plan::{
        Action,
        expand::{Inputs, Plan, expand},
    },
    policy::{Announce, Drill, DrillMode, Role},
};

impl Cluster {
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

    /// A drill of the policy in force.
    ///
    /// # Errors
    /// When there is no such service, or no such drill.
    pub fn drill_of(
        &self,
        service: &ServiceName,
        name: &DrillName,
    ) -> Result<(&ServiceState, &Drill), Refusal> {
        let unknown = || Refusal::UnknownService { service: service.clone() };
        let state = self.services.get(service).ok_or_else(unknown)?;
        let drill = state.policy.drills.get(name).ok_or_else(|| {
            let names: Vec<&str> = state.policy.drills.keys().map(DrillName::as_str).collect();
            let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            Refusal::NotDrilled { drill: name.clone(), why: DrillRefusal::Unknown { known } }
        })?;
        Ok((state, drill))
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

pub(super) fn unfit(name: &DrillName, why: &str) -> Refusal {
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
