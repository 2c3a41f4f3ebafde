//! Plans: that the steps can be ordered, and that the order is safe. Traffic moves last: repointing before the
//! database is promoted would send writes to a replica that refuses them, or split them between two primaries.

use super::{actions, topology, variables};
use crate::{
    document::{
        nearest,
        problem::{FieldPath, Problem},
    },
    name::{NAME_BYTES_MAX, StepName},
    plan::{Action, before::UNDO_PREFIX, graph},
    policy::{OnError, PlanTemplate, Policy},
    time::Millis,
};

pub(super) fn check(policy: &Policy, problems: &mut Vec<Problem>) {
    for (name, plan) in &policy.plans {
        let field = FieldPath::from(["plans", name.as_str(), "steps"]);
        if plan.steps.is_empty() {
            problems.push(Problem::error(
                field.clone(),
                "the plan has no steps",
                "write what it does, or remove the plan",
            ));
        }
        for (step, template) in &plan.steps {
            let field = field.join(step.as_str());
            if template.timeout == Millis::ZERO {
                problems.push(Problem::error(
                    field.join("timeout"),
                    "timeout is zero",
                    "write a duration above 0s",
                ));
            }
            step_name(&field, step, problems);
            for variable in template.when.keys() {
                variables::known(policy, &field.join("when").join(variable), variable, problems);
            }
            actions::check(policy, &field, &template.action, problems);
            if let Some(role) = &template.role {
                actions::role(policy, &field, role, problems);
            }
        }
        if let Some(needs) = needs(&field, plan, problems) {
            order(&field, plan, &needs, problems);
        }
    }
}

/// A step that takes another one back is called after it, so its name must be free, and there must be room for it.
fn step_name(field: &FieldPath, step: &StepName, problems: &mut Vec<Problem>) {
    let longest = NAME_BYTES_MAX - UNDO_PREFIX.len();
    if step.as_str().starts_with(UNDO_PREFIX) {
        let message =
            format!("`{UNDO_PREFIX}` begins the names of the steps by which an abort takes others back");
        problems.push(Problem::error(field.clone(), message, "choose another name"));
    } else if step.as_str().len() > longest {
        let message =
            format!("the name leaves no room for the step that would take it back, {UNDO_PREFIX}...");
        problems.push(Problem::error(field.clone(), message, format!("use at most {longest} characters")));
    }
}

/// The graph of a plan's steps, if every need exists and there is no circle.
fn needs(field: &FieldPath, plan: &PlanTemplate, problems: &mut Vec<Problem>) -> Option<graph::Needs> {
    let before = problems.len();
    for (name, step) in &plan.steps {
        for (index, need) in step.needs.iter().enumerate() {
            let place = field.join(name.as_str()).join("needs").join(index.to_string());
            if need == name {
                problems.push(Problem::error(
                    place,
                    format!("`{name}` needs itself"),
                    "remove it from its own needs",
                ));
            } else if !plan.steps.contains_key(need) {
                let mend = nearest::mend(need.as_str(), plan.steps.keys().map(StepName::as_str));
                problems.push(Problem::error(place, format!("there is no step `{need}` in this plan"), mend));
            }
        }
    }
    if problems.len() > before {
        return None;
    }
    let needs: graph::Needs =
        plan.steps.iter().map(|(name, step)| (name.clone(), step.needs.iter().cloned().collect())).collect();
    if let Some(cycle) = graph::cycle(&needs) {
        problems.push(topology::cycle_problem(field, &cycle));
        return None;
    }
    Some(needs)
}

fn order(field: &FieldPath, plan: &PlanTemplate, needs: &graph::Needs, problems: &mut Vec<Problem>) {
    let repoints: Vec<&StepName> = plan
        .steps
        .iter()
        .filter(|(_, s)| matches!(s.action, Action::Route53Repoint(_) | Action::DnsUpdate(_)))
        .map(|(name, _)| name)
        .collect();
    for (promote, step) in plan.steps.iter().filter(|(_, step)| !step.action.reversible()) {
        for repoint in &repoints {
            if !graph::ancestors(needs, repoint).contains(promote) {
                let message = format!("traffic would move before the database is promoted by `{promote}`");
                let mend = format!("add `{promote}` to the needs of `{repoint}`");
                problems.push(Problem::error(field.join(repoint.as_str()).join("needs"), message, mend));
            }
        }
        if step.on_error == OnError::Continue && !repoints.is_empty() {
            let message = format!("traffic would move although `{promote}` failed");
            let mend = "leave `on_error` out: the plan then stops and pages";
            problems.push(Problem::error(field.join(promote.as_str()).join("on_error"), message, mend));
        }
    }
}
