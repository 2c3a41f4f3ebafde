//! Services and executions, from the log: every agent tells the same, but for the lease that it holds itself.

use super::{
    super::{Snapshot, declared::*, page::Page},
    flag, length, seconds,
};
use quorate_core::{
    Execution, ServiceState,
    cluster::{losses::Lost, service::LeaseRecord},
};
use quorate_policies::{
    Millis, PlanName, Policy, ServiceName, StepName, Timestamp,
    plan::Action,
    policy::{PlanTemplate, Role, Scenario},
};

pub(super) fn services(page: &mut Page, s: &Snapshot) {
    for (service, state) in &s.cluster.services {
        let name = [service.as_str()];
        for region in state.policy.regions.keys() {
            let labels = [service.as_str(), region.as_str()];
            page.set(&ACTIVE_REGION, &labels, flag(*region == state.active));
            page.set(&LEASE_HOLDER, &labels, flag(region == state.lease.holder()));
        }
        let cooldown_end =
            state.last_ended.map_or(Timestamp(0), |ended| ended.plus(state.policy.guards.cooldown));
        let left = s.leases.get(service).copied().filter(|left| left.0 > 0);
        let held_until = left.map_or(Timestamp(0), |left| s.now.plus(left));
        let objective = state.policy.objective(region_lost(&state.policy));
        for (metric, value) in [
            (&POLICY_VERSION, state.version as f64),
            (&EPOCH, state.epoch as f64),
            (&LEASE_RELEASING, flag(matches!(state.lease, LeaseRecord::Releasing { .. }))),
            (&LEASE_EXPIRY, seconds(held_until)),
            (&COOLDOWN_END, seconds(cooldown_end)),
            (&OBJECTIVE_RTO, length(objective.rto)),
            (&OBJECTIVE_RPO, length(objective.rpo)),
        ] {
            page.set(metric, &name, value);
        }
    }
}

/// The scenario of the primary region's loss.
fn region_lost(policy: &Policy) -> Option<&PlanName> {
    let detects =
        |scenario: &Scenario| scenario.when.as_ref().is_some_and(|when| when.region == Some(Role::Primary));
    policy.scenarios.iter().find(|(_, scenario)| detects(scenario)).map(|(name, _)| name)
}

/// Of every plan's latest execution, and of every step that the policy's plan has.
pub(super) fn executions(page: &mut Page, s: &Snapshot) {
    for (service, state) in &s.cluster.services {
        let running = s.cluster.running(service);
        for (plan, template) in &state.policy.plans {
            let labels = [service.as_str(), plan.as_str()];
            let of_plan = || of_plan(s, service, plan);
            let latest = of_plan().max_by_key(|execution| execution.epoch);
            page.set(&IN_PROGRESS, &labels, flag(running.is_some_and(|running| running.plan.name == *plan)));
            let word = latest.map(|execution| execution.state.word());
            page.state(&EXECUTION_STATE_NOW, &labels, &EXECUTION_STATES, word);
            page.set(
                &LAST_START,
                &labels,
                seconds(latest.map_or(Timestamp(0), |execution| execution.decided_at)),
            );
            let ended = of_plan().filter_map(|execution| execution.ended_at).max();
            page.set(&LAST_END, &labels, seconds(ended.unwrap_or_default()));
            for step in template.steps.keys() {
                let progress = latest.and_then(|execution| execution.steps.get(step));
                let labels = [service.as_str(), plan.as_str(), step.as_str()];
                page.state(&STEP_STATE_NOW, &labels, &STEP_STATES, progress.map(|step| step.state.word()));
                let time = |time: Option<Timestamp>| seconds(time.unwrap_or_default());
                page.set(&STEP_START, &labels, time(progress.and_then(|step| step.started_at)));
                page.set(&STEP_END, &labels, time(progress.and_then(|step| step.ended_at)));
            }
            asking(page, s, &labels, template, latest);
            let succeeded = of_plan().filter(|execution| execution.recovery_time().is_some());
            parts(page, &labels, succeeded.max_by_key(|execution| execution.epoch));
            losses(page, &labels, latest);
        }
    }
}

/// Of each `approval` step of the policy's plan, also while nobody is asked. What asks is assigned first, and starts within a moment.
fn asking(page: &mut Page, s: &Snapshot, of: &[&str; 2], plan: &PlanTemplate, latest: Option<&Execution>) {
    let asked: Vec<&StepName> = s
        .cluster
        .questions()
        .filter(|(id, ..)| latest.is_some_and(|latest| latest.id == **id))
        .map(|(_, step, _)| step)
        .collect();
    for (step, _) in plan.steps.iter().filter(|(_, step)| matches!(step.action, Action::Approval(_))) {
        let progress = latest.and_then(|latest| latest.steps.get(step)).filter(|_| asked.contains(&step));
        let since = progress.and_then(|progress| progress.started_at).unwrap_or_default();
        page.set(&ASKING_SINCE, &[of[0], of[1], step.as_str()], seconds(since));
    }
}

fn of_plan<'a>(
    s: &'a Snapshot,
    service: &'a ServiceName,
    plan: &'a PlanName,
) -> impl Iterator<Item = &'a Execution> {
    s.cluster.executions.values().filter(move |e| e.service == *service && e.plan.name == *plan)
}

fn parts(page: &mut Page, &[service, plan]: &[&str; 2], succeeded: Option<&Execution>) {
    let Some(time) = succeeded.and_then(Execution::recovery_time) else { return };
    for (part, took) in PARTS.into_iter().zip([time.detect, time.decide, time.execute, time.converge]) {
        page.set(&LAST_PARTS, &[service, plan, part], length(took));
    }
}

/// The largest loss counts: what one step has lost another one cannot bring back. One unknown makes all of it unknown (R7).
fn losses(page: &mut Page, labels: &[&str; 2], latest: Option<&Execution>) {
    let lost: Vec<Lost> =
        latest.map(|execution| execution.losses().map(|(_, lost)| lost).collect()).unwrap_or_default();
    let windows: Vec<Option<Millis>> = lost.iter().map(Lost::window).collect();
    let unmeasured = windows.iter().filter(|window| window.is_none()).count();
    page.set(&LAST_UNMEASURED, labels, unmeasured as f64);
    if let Some(worst) =
        windows.into_iter().collect::<Option<Vec<Millis>>>().and_then(|all| all.into_iter().max())
    {
        page.set(&LAST_LOSS, labels, length(worst));
    }
}

pub(super) fn holds(page: &mut Page, s: &Snapshot) {
    // The log's clock stands still while nothing is proposed.
    let now = s.cluster.clock.max(s.now);
    for (service, ServiceState { hold, .. }) in &s.cluster.services {
        let hold = hold.as_ref().filter(|hold| hold.active(now));
        let labels = [service.as_str(), "pause"];
        page.set(&OVERRIDE_ACTIVE, &labels, flag(hold.is_some()));
        page.set(&OVERRIDE_START, &labels, seconds(hold.map_or(Timestamp(0), |hold| hold.since)));
        page.set(&OVERRIDE_EXPIRY, &labels, seconds(hold.and_then(|hold| hold.until).unwrap_or_default()));
    }
}
