//! Template variables: a text may use what every region has, because after a failover any region may be the one that
//! is left or activated.

use crate::{
    document::{
        nearest,
        problem::{FieldPath, Problem},
    },
    name::{InputName, RegionName},
    plan::template::{self, TemplateError},
    policy::{Policy, Scenario},
};
use std::collections::{BTreeMap, BTreeSet};

/// Where a text stands: it decides which variables there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// In a probe: `{region}` and `{name}`.
    Probe,
    /// In a plan: `{from}`, `{to}`, `{from.name}` and `{to.name}`.
    Plan,
    /// In a plan's command or request: the same, and a doubled brace is a brace.
    Command,
}

/// Resolves a text once for each region. Returns the results if all are well, else pushes what is wrong.
pub(super) fn resolve(
    policy: &Policy,
    scope: Scope,
    field: &FieldPath,
    text: &str,
    problems: &mut Vec<Problem>,
) -> Option<BTreeMap<RegionName, String>> {
    let example = match scope {
        Scope::Probe => "{region}",
        Scope::Plan | Scope::Command => "{to}",
    };
    if scope == Scope::Command {
        if let Some(variable) = doubled_variable(policy, text) {
            let message = format!("`{{{{{variable}}}}}` stands for the text `{{{variable}}}` itself");
            let mend = format!("write the variable in single braces: {{{variable}}}");
            problems.push(Problem::error(field.clone(), message, mend));
            return None;
        }
    } else if text.contains("{{") || text.contains("}}") {
        let message = format!("`{text}` has doubled braces, which mean nothing here");
        problems.push(Problem::error(
            field.clone(),
            message,
            format!("write a variable in single braces: {example}"),
        ));
        return None;
    }
    let mut resolved = BTreeMap::new();
    for region in policy.regions.keys() {
        match template::resolve(text, &values(policy, scope, region)) {
            Ok(text) => {
                resolved.insert(region.clone(), text);
            }
            // Only a list of names can have one twice, and a text is none.
            Err(TemplateError::Brace { .. } | TemplateError::Twice { .. }) => {
                let message = format!("a brace in `{text}` has no partner");
                let mend = match scope {
                    Scope::Probe | Scope::Plan => "close it, or remove it",
                    Scope::Command => "close it, or write it twice if it stands for itself",
                };
                problems.push(Problem::error(field.clone(), message, mend));
                return None;
            }
            Err(TemplateError::Unknown { name, .. }) => {
                let var = variable(scope, &name);
                if !policy.regions.values().any(|other| other.vars.contains_key(var)) {
                    let message = format!("unknown variable `{{{name}}}`");
                    problems.push(Problem::error(field.clone(), message, mend(policy, scope, &name)));
                    return None;
                }
                let message = format!("region `{region}` has no variable `{var}`, which `{field}` uses");
                let place = FieldPath::from(["regions", region.as_str(), "vars"]);
                problems.push(Problem::error(place, message, format!("add `{var}:` to the region's vars")));
            }
        }
    }
    (resolved.len() == policy.regions.len()).then_some(resolved)
}

/// Whether a plan has a variable of this name, for a step's condition.
pub(super) fn known(policy: &Policy, field: &FieldPath, name: &str, problems: &mut Vec<Problem>) {
    resolve(policy, Scope::Plan, field, &format!("{{{name}}}"), problems);
}

/// A known variable in doubled braces: whoever wrote it meant its value.
fn doubled_variable(policy: &Policy, text: &str) -> Option<String> {
    let known: BTreeSet<String> =
        policy.regions.keys().flat_map(|region| values(policy, Scope::Command, region).into_keys()).collect();
    let after = text.split("{{").skip(1).filter_map(|rest| rest.split_once("}}"));
    after.map(|(name, _)| name.to_owned()).find(|name| known.contains(name))
}

/// The variables of one region in a scope. In a plan the region stands on both sides: it may be either.
fn values(policy: &Policy, scope: Scope, region: &RegionName) -> BTreeMap<String, String> {
    match scope {
        Scope::Probe => policy.probe_variables(region),
        Scope::Plan | Scope::Command => {
            let drilled = policy.drills.values().filter(|drill| drill.plan.is_some());
            let drilled = drilled.flat_map(|drill| drill.inputs.iter());
            let drilled =
                drilled.filter_map(|(name, value)| Some((name.parse::<InputName>().ok()?, value.clone())));
            let inputs = policy.scenarios.values().flat_map(Scenario::examples).chain(drilled).collect();
            crate::plan::expand::variables(policy, region, region, &inputs).unwrap_or_default()
        }
    }
}

/// The region's own variable that a name in braces means.
fn variable(scope: Scope, name: &str) -> &str {
    match scope {
        Scope::Probe => name,
        Scope::Plan | Scope::Command => {
            name.strip_prefix("from.").or_else(|| name.strip_prefix("to.")).unwrap_or_default()
        }
    }
}

fn mend(policy: &Policy, scope: Scope, name: &str) -> String {
    let own: BTreeSet<&String> = policy.regions.values().flat_map(|region| region.vars.keys()).collect();
    match scope {
        Scope::Plan | Scope::Command if name == "region" => "write {from} or {to}".to_owned(),
        Scope::Plan | Scope::Command if own.contains(&name.to_owned()) => {
            format!("write {{from.{name}}} or {{to.{name}}}")
        }
        Scope::Probe if name == "from" || name == "to" => {
            "write {region}: a probe is sent to every region".to_owned()
        }
        // What is no variable's name was meant to stand there as it is: JSON, or a regular expression.
        Scope::Command if !name.bytes().next().is_some_and(|first| first.is_ascii_alphabetic()) => {
            "write a brace that stands for itself twice: {{ and }}".to_owned()
        }
        Scope::Probe | Scope::Plan | Scope::Command => {
            let known: BTreeSet<String> =
                policy.regions.keys().flat_map(|region| values(policy, scope, region).into_keys()).collect();
            nearest::mend(name, known.iter().map(String::as_str))
        }
    }
}
