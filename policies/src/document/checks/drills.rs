//! Drills and the way home: that each names what it can be made of, and that an isolated one touches nothing of the service.

use crate::{
    document::{
        nearest,
        problem::{FieldPath, Problem},
    },
    name::{InputName, PlanName},
    plan::{
        Action,
        expand::{ExpandError, expand},
        template::TemplateError,
    },
    policy::{Drill, DrillMode, Failback, Mode, Policy, StepTemplate, window::time_zone},
    time::Millis,
};

/// The shortest interval of a drill that the agents begin: one that failed is tried again after a day at the earliest.
const SCHEDULED_MIN: Millis = Millis::from_secs(24 * 3_600);

pub(super) fn check(policy: &Policy, problems: &mut Vec<Problem>) {
    for (name, drill) in &policy.drills {
        let field = FieldPath::from(["drills", name.as_str()]);
        match drill.mode {
            DrillMode::Live => live(policy, &field, drill, problems),
            DrillMode::Isolated => isolated(policy, &field, drill, problems),
            DrillMode::DryRun => dry_run(policy, &field, drill, problems),
        }
        schedule(&field, drill, problems);
    }
    if let Some(failback) = &policy.failback {
        way_home(policy, failback, problems);
    }
}

fn live(policy: &Policy, field: &FieldPath, drill: &Drill, problems: &mut Vec<Problem>) {
    unwritten(
        field,
        "a live drill",
        &[
            ("plan", drill.plan.is_some()),
            ("cleanup", drill.cleanup.is_some()),
            ("restores", drill.restores.is_some()),
        ],
        problems,
    );
    let Some(scenario) = &drill.scenario else {
        let mend = "name the scenario whose plan moves the service: `scenario: ...`";
        problems.push(Problem::error(field.clone(), "which scenario is drilled, is not said", mend));
        return;
    };
    if let Some(run) = scenario_of(policy, field, scenario, drill, problems) {
        moving(policy, &field.join("scenario"), run, true, problems);
    }
    if let Some(back) = &drill.back {
        plan_of(policy, &field.join("back"), back, problems);
        moving(policy, &field.join("back"), back, true, problems);
    }
}

fn isolated(policy: &Policy, field: &FieldPath, drill: &Drill, problems: &mut Vec<Problem>) {
    unwritten(
        field,
        "an isolated drill",
        &[("scenario", drill.scenario.is_some()), ("back", drill.back.is_some())],
        problems,
    );
    if let Some(backup) = drill.restores.as_ref().filter(|backup| !policy.backups.contains_key(*backup)) {
        let mend = nearest::mend(backup.as_str(), policy.backups.keys().map(AsRef::as_ref));
        problems.push(Problem::error(field.join("restores"), format!("there is no backup `{backup}`"), mend));
    }
    if drill.plan.is_none() {
        let mend = "name a plan with `moves: false` and throwaway targets: `plan: ...`";
        problems.push(Problem::error(field.clone(), "what an isolated drill runs, is not said", mend));
    }
    for (key, plan) in [("plan", &drill.plan), ("cleanup", &drill.cleanup)] {
        let Some(plan) = plan else { continue };
        let place = field.join(key);
        if !plan_of(policy, &place, plan, problems) {
            continue;
        }
        moving(policy, &place, plan, false, problems);
        asked_for(policy, field, plan, drill, problems);
        touches_nothing(policy, plan, problems);
    }
}

fn dry_run(policy: &Policy, field: &FieldPath, drill: &Drill, problems: &mut Vec<Problem>) {
    match (&drill.scenario, &drill.plan) {
        (Some(scenario), None) => drop(scenario_of(policy, field, scenario, drill, problems)),
        (None, Some(plan)) => {
            if plan_of(policy, &field.join("plan"), plan, problems) {
                asked_for(policy, field, plan, drill, problems);
            }
        }
        (Some(_), Some(_)) | (None, None) => problems.push(Problem::error(
            field.clone(),
            "what is looked at, is not said once",
            "name a `scenario` or a `plan`, and one of them",
        )),
    }
}

fn schedule(field: &FieldPath, drill: &Drill, problems: &mut Vec<Problem>) {
    if let Some(every) =
        drill.every.filter(|every| every.is_zero() || (drill.scheduled && *every < SCHEDULED_MIN))
    {
        let message = format!("{every} is shorter than what a drill needs");
        problems.push(Problem::error(
            field.join("every"),
            message,
            "write a length such as 90d, at least 1d",
        ));
    }
    if drill.scheduled && drill.every.is_none() {
        let message = "the agents would begin it, and how often is not said";
        problems.push(Problem::error(
            field.join("scheduled"),
            message,
            "write `every: 90d`, or leave it out",
        ));
    }
    if time_zone(&drill.zone).is_none() {
        let message = format!("`{}` is no time zone", drill.zone);
        problems.push(Problem::error(
            field.join("zone"),
            message,
            "write an IANA name such as Europe/Berlin",
        ));
    }
    for (key, windows) in [("windows", &drill.windows), ("blocked", &drill.blocked)] {
        for (index, _) in windows.iter().enumerate().filter(|(_, window)| window.is_empty()) {
            let place = field.join(key).join(index.to_string());
            let mend = "write `days`, `hours` or `dates`";
            problems.push(Problem::error(place, "it says no time", mend));
        }
    }
}

/// What means nothing for a drill of this mode must not look as if it did.
fn unwritten(field: &FieldPath, what: &str, keys: &[(&str, bool)], problems: &mut Vec<Problem>) {
    for (key, _) in keys.iter().filter(|(_, written)| *written) {
        problems.push(Problem::error(field.join(*key), format!("{what} has no `{key}`"), "remove it"));
    }
}

/// The plan of a scenario that can be asked for with what the drill says.
fn scenario_of<'a>(
    policy: &'a Policy,
    field: &FieldPath,
    name: &PlanName,
    drill: &Drill,
    problems: &mut Vec<Problem>,
) -> Option<&'a PlanName> {
    let Some(scenario) = policy.scenarios.get(name) else {
        let mend = nearest::mend(name.as_str(), policy.scenarios.keys().map(PlanName::as_str));
        problems.push(Problem::error(field.join("scenario"), format!("there is no scenario `{name}`"), mend));
        return None;
    };
    if let Err(error) = scenario.values(&drill.inputs) {
        let mend = "say in `inputs` what an operator would say";
        problems.push(Problem::error(field.join("inputs"), error.to_string(), mend));
    }
    Some(&scenario.run)
}

fn plan_of(policy: &Policy, field: &FieldPath, name: &PlanName, problems: &mut Vec<Problem>) -> bool {
    let known = policy.plans.contains_key(name);
    if !known {
        let mend = nearest::mend(name.as_str(), policy.plans.keys().map(PlanName::as_str));
        problems.push(Problem::error(field.clone(), format!("there is no plan `{name}`"), mend));
    }
    known
}

fn moving(policy: &Policy, field: &FieldPath, name: &PlanName, moves: bool, problems: &mut Vec<Problem>) {
    let Some(plan) = policy.plans.get(name).filter(|plan| plan.moves != moves) else { return };
    let (message, mend) = if plan.moves {
        (format!("plan `{name}` moves the service"), "name a plan with `moves: false`")
    } else {
        (format!("plan `{name}` moves nothing"), "name one that moves the service")
    };
    problems.push(Problem::error(field.clone(), message, mend));
}

/// What the plan's texts take must be said.
fn asked_for(
    policy: &Policy,
    field: &FieldPath,
    plan: &PlanName,
    drill: &Drill,
    problems: &mut Vec<Problem>,
) {
    for name in drill.inputs.keys().filter(|name| name.parse::<InputName>().is_err()) {
        let place = field.join("inputs").join(name.as_str());
        problems.push(Problem::error(place, format!("`{name}` is not a name"), "choose another name"));
    }
    let Some(region) = policy.regions.keys().next() else { return };
    let expanded = expand(policy, plan, region, region, &drill.plan_inputs());
    let Err(ExpandError::Template { step, source: TemplateError::Unknown { name, .. } }) = expanded else {
        return;
    };
    // What nobody asks for is no variable at all, and that is told where it stands.
    let known = |input: &&str| {
        let scenario = policy.scenarios.values().any(|other| other.inputs.contains_key(*input));
        scenario
            || policy.drills.values().any(|other| other.plan.is_some() && other.inputs.contains_key(*input))
    };
    if let Some(input) = name.strip_prefix("input.").filter(known) {
        let message = format!("step `{step}` of plan `{plan}` takes `{{{name}}}`, and it does not say that");
        problems.push(Problem::error(field.join("inputs"), message, format!("add `{input}: ...`")));
    }
}

/// A rehearsal beside the service must end by itself, and must not reach what the service lives on.
fn touches_nothing(policy: &Policy, name: &PlanName, problems: &mut Vec<Problem>) {
    let Some(plan) = policy.plans.get(name).filter(|plan| !plan.moves) else { return };
    for (step, template) in &plan.steps {
        let field = FieldPath::from(["plans", name.as_str(), "steps", step.as_str()]);
        let kind = template.action.kind();
        if reaches_clients(&template.action) {
            let message =
                format!("an isolated drill runs plan `{name}`, and `{kind}` reaches the service's clients");
            problems.push(Problem::error(field, message, "leave the step out"));
        } else if !template.action.reversible() {
            let message = format!("an isolated drill runs plan `{name}`, and `{kind}` cannot be undone");
            let mend = "name throwaway targets, which nobody needs to have back";
            problems.push(Problem::error(field, message, mend));
        } else if let Some(other) = same_database(policy, name, template) {
            let message = format!("the drill would fill the database that plan `{other}` restores");
            let mend = "name a throwaway database";
            problems.push(Problem::error(field.join("postgres.restore").join("database"), message, mend));
        }
    }
}

const fn reaches_clients(action: &Action) -> bool {
    matches!(
        action,
        Action::Route53Repoint(_)
            | Action::Route53Signal(_)
            | Action::DnsUpdate(_)
            | Action::PostgresFence(_)
            | Action::StatuspageIncident(_)
    )
}

/// The plan outside of all drills that restores the same database of the same server.
fn same_database<'a>(policy: &'a Policy, own: &PlanName, template: &StepTemplate) -> Option<&'a PlanName> {
    let Action::PostgresRestore(restore) = &template.action else { return None };
    let drilled = |name: &PlanName| policy.drills.values().any(|drill| drill.plans().contains(&name));
    let others = policy.plans.iter().filter(|(name, _)| *name != own && !drilled(name));
    others
        .filter(|(_, plan)| {
            plan.steps.values().any(|step| {
                let Action::PostgresRestore(other) = &step.action else { return false };
                (&other.host, other.port, &other.database) == (&restore.host, restore.port, &restore.database)
            })
        })
        .map(|(name, _)| name)
        .next()
}

fn way_home(policy: &Policy, failback: &Failback, problems: &mut Vec<Problem>) {
    let stages = [
        ("rebuild", Some(&failback.rebuild), false),
        ("switch", Some(&failback.switch), true),
        ("after", failback.after.as_ref(), false),
    ];
    for (key, name, moves) in stages {
        let Some(name) = name else { continue };
        let field = FieldPath::from(["failback", key]);
        let Some(scenario) = policy.scenarios.get(name) else {
            let mend = nearest::mend(name.as_str(), policy.scenarios.keys().map(PlanName::as_str));
            problems.push(Problem::error(field, format!("there is no scenario `{name}`"), mend));
            continue;
        };
        if scenario.mode == Mode::Manual {
            moving(policy, &field, &scenario.run, moves, problems);
        } else {
            let message = format!("scenario `{name}` is not an operator's to declare");
            problems.push(Problem::error(
                field,
                message,
                "name one with `mode: manual`: nobody else fails back",
            ));
        }
    }
}
