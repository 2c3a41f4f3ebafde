//! Scenarios: that each is either detected or declared, that its plan can answer it, and that it asks for what the plan's texts
//! take from it.

use crate::{
    document::{
        nearest,
        problem::{FieldPath, Problem},
    },
    name::{ComponentName, PlanName},
    plan::{
        Action,
        expand::{ExpandError, expand},
        flat::flat,
        template::TemplateError,
    },
    policy::{Mode, PlanTemplate, Policy, Priority, Role, Scenario, When},
};

pub(super) fn check(policy: &Policy, problems: &mut Vec<Problem>) {
    for (index, (name, scenario)) in policy.scenarios.iter().enumerate() {
        let field = FieldPath::from(["scenarios", name.as_str()]);
        match policy.plans.get(&scenario.run) {
            None => {
                let mend = nearest::mend(scenario.run.as_str(), policy.plans.keys().map(PlanName::as_str));
                let message = format!("there is no plan `{}`", scenario.run);
                problems.push(Problem::error(field.join("run"), message, mend));
            }
            Some(plan) => {
                detection(&field, policy, scenario, plan, problems);
                asked_for(&field, policy, scenario, problems);
            }
        }
        let waits = |other: &Scenario| other.when.is_some() && other.when == scenario.when;
        let same = policy.scenarios.iter().take(index).find(|(_, earlier)| waits(earlier));
        if let Some((earlier, _)) = same {
            let message = format!("`{earlier}` waits for the same: which plan would run is not said");
            problems.push(Problem::error(field.join("when"), message, "keep one of the two"));
        }
        inputs(&field, scenario, problems);
    }
    for (name, _) in policy.plans.iter().filter(|(_, plan)| !plan.moves) {
        stays(policy, name, problems);
    }
    environment(policy, problems);
}

/// The agents begin what they detect, and an operator what he declares.
fn detection(
    field: &FieldPath,
    policy: &Policy,
    scenario: &Scenario,
    plan: &PlanTemplate,
    problems: &mut Vec<Problem>,
) {
    if scenario.when.is_none() && !scenario.grace.is_zero() {
        let mend = "remove it: an operator has waited already";
        problems.push(Problem::error(field.join("grace"), "nothing detects it, so nothing waits", mend));
    }
    match (&scenario.when, scenario.mode) {
        (None, Mode::Automatic | Mode::Approval | Mode::Observe) => {
            let mend = "write `mode: manual`, and an operator declares it; or say with `when` what the agents detect";
            problems.push(Problem::error(
                field.clone(),
                "nothing detects it, and nobody may declare it",
                mend,
            ));
        }
        (Some(_), Mode::Manual) => {
            let message = "an operator declares it, and `when` says that the agents detect it";
            let mend = "remove `when`; or write `mode: observe`, and `quorate failover` begins its plan";
            problems.push(Problem::error(field.join("mode"), message, mend));
        }
        (Some(When { component: Some(component), region, .. }), _) => {
            of_component(field, policy, plan, component, *region, problems);
            for (input, _) in scenario.inputs.iter().filter(|(_, input)| input.default.is_none()) {
                let message = "the agents that detect it have nothing to say, and it has no default";
                let mend = "write a `default`, or `mode: manual` without `when`";
                problems.push(Problem::error(field.join("inputs").join(input.as_str()), message, mend));
            }
        }
        (Some(When { region: None, .. }), _) => {
            let mend = "write `region: primary`, or `component: NAME`";
            problems.push(Problem::error(field.join("when"), "it does not say what must be down", mend));
        }
        (Some(_), Mode::Automatic | Mode::Approval | Mode::Observe) => {
            if !plan.moves {
                let message = format!("plan `{}` moves nothing, and the region is down", scenario.run);
                problems.push(Problem::error(
                    field.join("run"),
                    message,
                    "run a plan that moves the service",
                ));
            }
            if let Some(input) = scenario.inputs.keys().next() {
                let message = "the agents that detect it have nothing to say";
                let mend = "remove it, or write `mode: manual` without `when`";
                problems.push(Problem::error(field.join("inputs").join(input.as_str()), message, mend));
            }
        }
        (None, Mode::Manual) => {}
    }
}

/// What is put right where it is: a part that is probed and whose loss does not take the region with it.
fn of_component(
    field: &FieldPath,
    policy: &Policy,
    plan: &PlanTemplate,
    component: &ComponentName,
    region: Option<Role>,
    problems: &mut Vec<Problem>,
) {
    let place = field.join("when").join("component");
    if region.is_some() {
        let mend = "keep one of the two: a component is looked at where the service is";
        problems.push(Problem::error(
            field.join("when").join("region"),
            "it waits for a region and for a component",
            mend,
        ));
    }
    let Some(known) = policy.components.get(component) else {
        let mend = nearest::mend(component.as_str(), policy.components.keys().map(AsRef::as_ref));
        problems.push(Problem::error(place, format!("there is no component `{component}`"), mend));
        return;
    };
    if !policy.probes.values().any(|probe| probe.component.as_ref() == Some(component)) {
        let mend = format!("add a probe with `component: {component}`");
        problems.push(Problem::error(place.clone(), "nothing probes it, so it is never down", mend));
    }
    let whole = |other: &Scenario| other.when.as_ref().is_some_and(|when| when.region.is_some());
    if known.priority == Priority::Critical && policy.scenarios.values().any(whole) {
        let message = "its loss is the region's loss, and that has a plan of its own";
        let mend = format!("give `{component}` another priority, or write `mode: manual` without `when`");
        problems.push(Problem::error(place, message, mend));
    }
    if plan.moves {
        let message = "its plan moves the service, and only a part of it is down";
        problems.push(Problem::error(field.join("run"), message, "run a plan with `moves: false`"));
    }
}

/// What the plan's texts take from an operator, the scenario must ask for.
fn asked_for(field: &FieldPath, policy: &Policy, scenario: &Scenario, problems: &mut Vec<Problem>) {
    let Some(region) = policy.regions.keys().next() else { return };
    let expanded = expand(policy, &scenario.run, region, region, &scenario.examples());
    let Err(ExpandError::Template { step, source: TemplateError::Unknown { name, .. } }) = expanded else {
        return;
    };
    // What no scenario asks for is no variable at all, and that is told where it stands.
    let asked = |input: &&str| policy.scenarios.values().any(|other| other.inputs.contains_key(*input));
    if let Some(input) = name.strip_prefix("input.").filter(asked) {
        let message = format!("step `{step}` of its plan takes `{{{name}}}`, and it does not ask for that");
        let mend = format!("add `{input}: {{description: ...}}`");
        problems.push(Problem::error(field.join("inputs"), message, mend));
    }
}

fn inputs(field: &FieldPath, scenario: &Scenario, problems: &mut Vec<Problem>) {
    for (name, input) in &scenario.inputs {
        let field = field.join("inputs").join(name.as_str());
        if input.description.trim().is_empty() {
            let mend = "say what is asked for: at three in the morning it is the only help";
            problems.push(Problem::error(field.join("description"), "the description is empty", mend));
        }
        if let Some(Err(why)) = input.default.as_ref().map(|default| input.takes(default)) {
            problems.push(Problem::error(field.join("default"), why, "correct it, or leave it out"));
        }
    }
}

/// A plan that moves nothing runs beside the region that serves; a promotion there would make a second primary.
fn stays(policy: &Policy, name: &PlanName, problems: &mut Vec<Problem>) {
    let moving = |action: &Action| {
        action.promotes().is_some()
            || matches!(action, Action::AuroraSwitchover(_))
            || matches!(action, Action::AuroraFailover(_))
    };
    let Ok(flat) = flat(policy, name) else { return };
    if let Some((step, template)) =
        flat.iter().map(|(name, step)| (name, step.template)).find(|(_, step)| moving(&step.action))
    {
        let field = FieldPath::from(["plans", name.as_str(), "steps", step.as_str()]);
        let message =
            format!("`{}` moves the service, and the plan says `moves: false`", template.action.kind());
        problems.push(Problem::error(field, message, "leave `moves` out"));
    }
}

fn environment(policy: &Policy, problems: &mut Vec<Problem>) {
    let known = &policy.objectives.environments;
    let Some(name) =
        policy.environment.as_ref().filter(|name| !known.is_empty() && !known.contains_key(*name))
    else {
        return;
    };
    let mend = nearest::mend(name.as_str(), known.keys().map(AsRef::as_ref));
    let message = format!("objectives.environments has no `{name}`");
    problems.push(Problem::error(FieldPath::from(["environment"]), message, mend));
}
