//! Plans: that the steps, those of sub-plans included, can be ordered, and that the order is safe. Traffic moves last: repointing before the
//! database is promoted would send writes to a replica that refuses them, or split them between two primaries.

use super::{actions, topology, variables};
use crate::{
    document::{
        nearest,
        problem::{FieldPath, Problem},
    },
    name::{NAME_BYTES_MAX, PlanName, StepName},
    plan::{
        Action,
        before::UNDO_PREFIX,
        expand::ExpandError,
        flat::{self, Flat, FlatStep, flat},
        graph,
        manner::Manner,
    },
    policy::{Mode, OnError, PlanTemplate, Policy, Scenario, StepTemplate},
    time::Millis,
};

pub(super) fn check(policy: &Policy, problems: &mut Vec<Problem>) {
    for (name, plan) in &policy.plans {
        let place = FieldPath::from(["plans", name.as_str()]);
        let field = place.join("steps");
        if plan.steps.is_empty() && plan.sub_plans.is_empty() {
            problems.push(Problem::error(
                field.clone(),
                "the plan has no steps",
                "write what it does, or remove the plan",
            ));
        }
        for (step, template) in &plan.steps {
            each_step(policy, plan, &field.join(step.as_str()), (step, template), problems);
        }
        let before = problems.len();
        needs(&field, plan, problems);
        sub_plans(policy, &place, plan, problems);
        if problems.len() > before {
            continue;
        }
        match flat(policy, name) {
            // Told where it stands.
            Err(ExpandError::NoStep { .. } | ExpandError::NoPlan(_)) => {}
            Err(error) => {
                let mend = "write fewer or shorter ones, or make two plans of it";
                problems.push(Problem::error(place.join("sub_plans"), error.to_string(), mend));
            }
            Ok(flat) => laid_out(policy, name, &place, &flat, problems),
        }
    }
}

fn each_step(
    policy: &Policy,
    plan: &PlanTemplate,
    field: &FieldPath,
    (step, template): (&StepName, &StepTemplate),
    problems: &mut Vec<Problem>,
) {
    if template.timeout == Millis::ZERO {
        problems.push(Problem::error(field.join("timeout"), "timeout is zero", "write a duration above 0s"));
    }
    step_name(field, step, problems);
    for variable in template.when.keys() {
        variables::known(policy, &field.join("when").join(variable), variable, problems);
    }
    actions::check(policy, field, &template.action, problems);
    if let Action::Gate(gate) = &template.action {
        let field = field.join("gate").join("succeeded");
        if gate.succeeded.is_empty() {
            problems.push(Problem::error(
                field.clone(),
                "nothing to wait for",
                "name the steps that must have succeeded",
            ));
        }
        known(&field, plan, step, &gate.succeeded, problems);
    }
    if let Some(role) = &template.role {
        actions::role(policy, field, role, problems);
    }
    if let Some(component) = template.component.as_ref().filter(|name| !policy.components.contains_key(*name))
    {
        let mend = nearest::mend(component.as_str(), policy.components.keys().map(AsRef::as_ref));
        let message = format!("there is no component `{component}`");
        problems.push(Problem::error(field.join("component"), message, mend));
    }
}

/// The plans that stand in this one.
fn sub_plans(policy: &Policy, place: &FieldPath, plan: &PlanTemplate, problems: &mut Vec<Problem>) {
    for (name, sub) in &plan.sub_plans {
        let field = place.join("sub_plans").join(name.as_str());
        if !policy.plans.contains_key(&sub.run) {
            let mend = nearest::mend(sub.run.as_str(), policy.plans.keys().map(AsRef::as_ref));
            problems.push(Problem::error(field.join("run"), format!("there is no plan `{}`", sub.run), mend));
        }
        if plan.steps.contains_key(name) {
            let message = format!("there is a step `{name}` too, and a need of it would mean either");
            problems.push(Problem::error(field.clone(), message, "choose another name"));
        }
        for variable in sub.when.keys() {
            variables::known(policy, &field.join("when").join(variable), variable, problems);
        }
        known(&field.join("needs"), plan, name, &sub.needs, problems);
    }
}

/// The steps in the order in which they would run.
fn laid_out(
    policy: &Policy,
    name: &PlanName,
    place: &FieldPath,
    flat: &Flat<'_>,
    problems: &mut Vec<Problem>,
) {
    let needs = flat::needs(flat);
    let field = place.join("steps");
    if let Some(cycle) = graph::cycle(&needs) {
        problems.push(topology::cycle_problem(&field, &cycle));
        return;
    }
    for inner in flat.keys().filter(|inner| inner.as_str().contains('.')) {
        step_name(&field.join(inner.as_str()), inner, problems);
    }
    let traffic_first = policy.plans.get(name).is_some_and(|plan| plan.traffic_first);
    order(&field, flat, &needs, traffic_first, problems);
    let detected = |scenario: &&Scenario| {
        scenario.run == *name && matches!(scenario.mode, Mode::Automatic | Mode::Approval)
    };
    if traffic_first && policy.scenarios.values().any(|scenario| detected(&scenario)) {
        let message = "the agents would move the traffic to a database that refuses writes";
        let mend = "take it out, or let only people begin the plan: `mode: manual`";
        problems.push(Problem::error(place.join("traffic_first"), message, mend));
    }
}

/// What is allowed because a person is there, and dangerous all the same: `quorate check` says why.
pub(super) fn dangers(policy: &Policy, problems: &mut Vec<Problem>) {
    for (name, _) in policy.plans.iter().filter(|(_, plan)| plan.traffic_first) {
        let Ok(flat) = flat(policy, name) else { continue };
        for (repoint, promote) in early_traffic(&flat, &flat::needs(&flat)) {
            let message = format!(
                "traffic moves before `{promote}`: until that is done clients write to a replica that refuses them, or, if \
                 the old primary still takes writes from those that have not heard of it, to both sides of a split"
            );
            let mend = format!("let `{repoint}` need `{promote}`, and take `traffic_first` out");
            let field = FieldPath::from(["plans", name.as_str(), "steps", repoint.as_str()]);
            problems.push(Problem::warning(field, message, mend));
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

/// That every need of a plan's steps exists.
fn needs(field: &FieldPath, plan: &PlanTemplate, problems: &mut Vec<Problem>) {
    for (name, step) in &plan.steps {
        known(&field.join(name.as_str()).join("needs"), plan, name, &step.needs, problems);
    }
}

/// That what somebody needs exists, and is somebody else.
fn known(
    field: &FieldPath,
    plan: &PlanTemplate,
    name: &StepName,
    needs: &[StepName],
    problems: &mut Vec<Problem>,
) {
    for (index, need) in needs.iter().enumerate() {
        let place = field.join(index.to_string());
        if need == name {
            problems.push(Problem::error(
                place,
                format!("`{name}` needs itself"),
                "remove it from its own needs",
            ));
        } else if !plan.steps.contains_key(need) && !plan.sub_plans.contains_key(need) {
            let there = plan.steps.keys().chain(plan.sub_plans.keys()).map(StepName::as_str);
            let mend = nearest::mend(need.as_str(), there);
            problems.push(Problem::error(place, format!("there is no step `{need}` in this plan"), mend));
        }
    }
}

const fn moves_traffic(step: &FlatStep<'_>) -> bool {
    matches!(step.template.action, Action::Route53Repoint(_) | Action::DnsUpdate(_))
}

/// Each step that moves traffic, and a promotion that it does not wait for.
fn early_traffic<'f>(flat: &'f Flat<'_>, needs: &graph::Needs) -> Vec<(&'f StepName, &'f StepName)> {
    let promotions = flat.iter().filter(|(_, step)| !step.template.action.reversible());
    let pairs = promotions.flat_map(|(promote, _)| {
        flat.iter().filter(|(_, step)| moves_traffic(step)).map(move |(repoint, _)| (repoint, promote))
    });
    let only = |step: &StepName| flat.get(step).and_then(|step| step.template.only);
    let pairs = pairs.filter(|(repoint, promote)| Manner::shared(only(repoint), only(promote)));
    pairs.filter(|(repoint, promote)| !graph::ancestors(needs, repoint).contains(*promote)).collect()
}

fn order(
    field: &FieldPath,
    flat: &Flat<'_>,
    needs: &graph::Needs,
    traffic_first: bool,
    problems: &mut Vec<Problem>,
) {
    for (repoint, promote) in early_traffic(flat, needs).into_iter().filter(|_| !traffic_first) {
        let message = format!("traffic would move before the database is promoted by `{promote}`");
        let mend = format!("add `{promote}` to the needs of `{repoint}`");
        problems.push(Problem::error(field.join(repoint.as_str()).join("needs"), message, mend));
    }
    let despite = |step: &FlatStep<'_>| {
        !step.template.action.reversible() && step.template.on_error == OnError::Continue
    };
    for (promote, _) in flat.iter().filter(|(_, step)| despite(step)) {
        if flat.values().any(moves_traffic) {
            let message = format!("traffic would move although `{promote}` failed");
            let mend = "leave `on_error` out: the plan then stops and pages";
            problems.push(Problem::error(field.join(promote.as_str()).join("on_error"), message, mend));
        }
    }
}
