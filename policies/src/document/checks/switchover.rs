//! Planned switchovers of a PostgreSQL pair, as relations between steps and scenarios: writes are stopped by a step before,
//! whose undo gives them back; the standby is promoted in one way only; and nothing begins one when its primary is down.
//! Servers are compared as they are written.

use crate::{
    document::problem::{FieldPath, Problem},
    name::StepName,
    plan::{
        Action,
        action::{PostgresFence, PostgresPromote, PostgresSwitchover},
        flat::{FlatStep, flat},
        graph,
        manner::Manner,
    },
    policy::{Mode, PlanTemplate, Policy},
};

pub(super) fn check(policy: &Policy, problems: &mut Vec<Problem>) {
    for (name, plan) in &policy.plans {
        let field = FieldPath::from(["plans", name.as_str(), "steps"]);
        for (step, action) in switchovers(plan) {
            let field = field.join(step.as_str());
            fenced(&field, plan, step, action, problems);
            attempts(&field, plan, step, problems);
            promoted_twice(&field, plan, step, action, problems);
        }
    }
    scenarios(policy, problems);
}

fn switchovers(plan: &PlanTemplate) -> impl Iterator<Item = (&StepName, &PostgresSwitchover)> {
    plan.steps.iter().filter_map(|(name, template)| {
        let Action::PostgresSwitchover(action) = &template.action else { return None };
        Some((name, action))
    })
}

/// The manner in which alone a step runs.
fn only(plan: &PlanTemplate, step: &StepName) -> Option<Manner> {
    plan.steps.get(step)?.only
}

/// Without the fence before it a switchover is refused when it runs, and nothing would give the writes back.
fn fenced(
    field: &FieldPath,
    plan: &PlanTemplate,
    step: &StepName,
    action: &PostgresSwitchover,
    problems: &mut Vec<Problem>,
) {
    let needs: graph::Needs =
        plan.steps.iter().map(|(name, step)| (name.clone(), step.needs.iter().cloned().collect())).collect();
    let from = (&action.from.host, action.from.port);
    let only = only(plan, step);
    let fences = |name: &StepName| {
        plan.steps.get(name).is_some_and(|step| {
            let there = step.only.is_none() || step.only == only;
            there && matches!(&step.action, Action::PostgresFence(PostgresFence { host, port, .. }) if (host, *port) == from)
        })
    };
    if !graph::ancestors(&needs, step).iter().any(fences) {
        let message = format!("nothing stops the writes of `{}` before the switchover", action.from.host);
        let mend = "add a step with postgres.fence of the same host and port, and name it in the needs";
        problems.push(Problem::error(field.join("needs"), message, mend));
    }
}

/// Only the failure of a first attempt is certain to have changed nothing: then an abort takes the fence away again.
fn attempts(field: &FieldPath, plan: &PlanTemplate, step: &StepName, problems: &mut Vec<Problem>) {
    let retries = plan.steps.get(step).map_or(0, |step| step.retries);
    if retries > 0 {
        let message = format!("after {retries} retries an abort would not give the writes back");
        let mend = "write `retries: 0`; one attempt waits for the standby until `timeout`";
        problems.push(Problem::error(field.join("retries"), message, mend));
    }
}

fn promoted_twice(
    field: &FieldPath,
    plan: &PlanTemplate,
    step: &StepName,
    action: &PostgresSwitchover,
    problems: &mut Vec<Problem>,
) {
    let standby = (&action.host, action.port);
    let only = only(plan, step);
    let other = plan.steps.iter().find(|(_, step)| {
        Manner::shared(step.only, only)
            && matches!(&step.action, Action::PostgresPromote(PostgresPromote { host, port, .. }) if (host, *port) == standby)
    });
    if let Some((other, _)) = other {
        let message = format!("`{other}` promotes the same standby, and may lose what this step does not");
        let mend = "write `only: graceful` beside postgres.switchover and `only: ungraceful` beside postgres.promote, or keep one of them";
        problems.push(Problem::error(field.clone(), message, mend));
    }
}

/// A scenario begins when the primary region is down, and a switchover needs a primary that answers.
fn scenarios(policy: &Policy, problems: &mut Vec<Problem>) {
    let automatic = policy.scenarios.iter().filter(|(_, scenario)| scenario.mode == Mode::Automatic);
    for (name, scenario) in automatic {
        let Ok(flat) = flat(policy, &scenario.run) else { continue };
        // What the agents begin is ungraceful.
        let switches = |step: &FlatStep<'_>| {
            matches!(step.template.action, Action::PostgresSwitchover(_))
                && step.template.only != Some(Manner::Graceful)
        };
        if let Some((step, _)) = flat.iter().find(|(_, step)| switches(step)) {
            let field = FieldPath::from(["scenarios", name.as_str(), "mode"]);
            let message = format!("it begins when the primary is down, and `{step}` needs a healthy one");
            let mend = "run a plan with postgres.promote, or write `mode: observe` and begin it with quorate failover";
            problems.push(Problem::error(field, message, mend));
        }
    }
}
