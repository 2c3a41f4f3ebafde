//! Regions and components: exactly one primary, somewhere to go, and no name that nobody defined.

use crate::{
    document::{
        nearest,
        problem::{FieldPath, Problem},
    },
    name::{ComponentName, StepName},
    plan::graph,
    policy::{Mode, Policy, Role},
};

pub(super) fn check(policy: &Policy, problems: &mut Vec<Problem>) {
    roles(policy, problems);
    cold(policy, problems);
    region_variables(policy, problems);
    components(policy, problems);
}

fn roles(policy: &Policy, problems: &mut Vec<Problem>) {
    let with = |role: Role| {
        policy.regions.iter().filter(move |(_, region)| region.role == role).map(|(name, _)| name)
    };
    let regions = FieldPath::from(["regions"]);
    let mut primaries = with(Role::Primary);
    match primaries.next() {
        None => problems.push(Problem::error(
            regions.clone(),
            "no region is the primary",
            "give the region that serves at first `role: primary`",
        )),
        Some(first) => {
            for other in primaries {
                let message = format!("`{first}` is the primary already: two would both be written to");
                let field = regions.join(other.as_str()).join("role");
                problems.push(Problem::error(field, message, "make all but one `role: standby`"));
            }
        }
    }
    let moves = policy.plans.values().any(|plan| plan.moves);
    if moves && with(Role::Standby).next().is_none() {
        let mend = "add a region with `role: standby`, or write `moves: false` in every plan";
        problems.push(Problem::error(regions, "no region is a standby: there is nowhere to go", mend));
    }
}

/// With a standby that is never healthy before, nobody can tell a dead region from a dead network but a person.
fn cold(policy: &Policy, problems: &mut Vec<Problem>) {
    let automatic = policy.scenarios.values().any(|scenario| scenario.mode == Mode::Automatic);
    for (name, region) in policy.regions.iter().filter(|(_, region)| region.cold) {
        let field = FieldPath::from(["regions", name.as_str(), "cold"]);
        if region.role == Role::Primary {
            let message = "the primary serves from the first moment on";
            problems.push(Problem::error(field, message, "remove `cold`, or make it the standby's"));
        } else if automatic {
            let message = "the agents would activate a region of which nobody knows whether it works";
            problems.push(Problem::error(field, message, "write `mode: approval` in the scenarios"));
        }
    }
}

fn region_variables(policy: &Policy, problems: &mut Vec<Problem>) {
    for (name, region) in &policy.regions {
        for var in region.vars.keys() {
            let reserved = var == "region" || var == "service";
            let malformed =
                var.is_empty() || var.contains(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-');
            if reserved || malformed {
                let message = if reserved {
                    format!("`{var}` is a variable of its own and cannot be redefined")
                } else {
                    format!("`{var}` cannot be written in braces")
                };
                let field = FieldPath::from(["regions", name.as_str(), "vars", var]);
                problems.push(Problem::error(field, message, "choose another name of a-z A-Z 0-9 - _"));
            }
        }
    }
}

fn components(policy: &Policy, problems: &mut Vec<Problem>) {
    let field = FieldPath::from(["components"]);
    let mut sound = true;
    for (name, component) in &policy.components {
        for (index, need) in component.needs.iter().enumerate() {
            let place = field.join(name.as_str()).join("needs").join(index.to_string());
            if need == name {
                problems.push(Problem::error(
                    place,
                    format!("`{name}` needs itself"),
                    "remove it from its own needs",
                ));
                sound = false;
            } else if !policy.components.contains_key(need) {
                let mend = nearest::mend(need.as_str(), policy.components.keys().map(ComponentName::as_str));
                problems.push(Problem::error(place, format!("there is no component `{need}`"), mend));
            }
        }
    }
    // The graph speaks of steps; the names of components follow the same rule.
    let step = |name: &ComponentName| StepName::try_from(name.as_str()).ok();
    let needs: graph::Needs = policy
        .components
        .iter()
        .filter_map(|(name, component)| {
            Some((step(name)?, component.needs.iter().filter_map(step).collect()))
        })
        .collect();
    if let (true, Some(cycle)) = (sound, graph::cycle(&needs)) {
        problems.push(cycle_problem(&field, &cycle));
    }
}

/// A circle of needs, told at its first member.
pub(super) fn cycle_problem(field: &FieldPath, cycle: &[StepName]) -> Problem {
    let first = cycle.first().map_or("", StepName::as_str);
    let names = cycle.iter().map(StepName::as_str).chain([first]).collect::<Vec<_>>().join(" -> ");
    let message = format!("they need each other in a circle: {names}");
    Problem::error(field.join(first).join("needs"), message, "remove one of these needs")
}
