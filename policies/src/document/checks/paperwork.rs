//! Checklists, cost and evidence: that what they name is there, and that nothing is said twice or empty.

use crate::{
    document::{
        nearest,
        problem::{FieldPath, Problem},
    },
    name::PlanName,
    plan::flat::flat,
    policy::Policy,
};
use std::collections::BTreeMap;

pub(super) fn check(policy: &Policy, problems: &mut Vec<Problem>) {
    checklist(policy, problems);
    if let Some(cost) = &policy.cost {
        let field = FieldPath::from(["cost"]);
        not_empty(&field.join("currency"), &cost.currency, "write it as USD or EUR", problems);
        if cost.of.is_empty() {
            problems.push(Problem::error(
                field.join("of"),
                "nothing has a price",
                "write `of: {database: {normal: 0, active: 0}}` with yours, or leave `cost` out",
            ));
        }
    }
    for (index, control) in policy.evidence.iter().enumerate() {
        let field = FieldPath::from(["evidence", &index.to_string()]);
        not_empty(&field.join("standard"), &control.standard, "name the standard", problems);
        not_empty(&field.join("requires"), &control.requires, "say what it asks for", problems);
        if control.shown_by.is_empty() {
            let mend = "name the parts of a report, such as [objectives, audit]";
            problems.push(Problem::error(field.join("shown_by"), "nothing shows it", mend));
        }
    }
}

fn not_empty(field: &FieldPath, text: &str, mend: &str, problems: &mut Vec<Problem>) {
    if text.trim().is_empty() {
        problems.push(Problem::error(field.clone(), "the text is empty", mend));
    }
}

fn checklist(policy: &Policy, problems: &mut Vec<Problem>) {
    let mut seen = BTreeMap::new();
    for (phase, name, item) in policy.checklist.items() {
        let field = FieldPath::from(["checklist", &phase.to_string(), name.as_str()]);
        not_empty(&field.join("what"), &item.what, "say what is to be seen to", problems);
        if let Some(earlier) = seen.insert(name, phase) {
            let message = format!("`{earlier}` has an item of that name, and both would be ticked together");
            problems.push(Problem::error(field.clone(), message, "choose another name"));
        }
        for (index, scenario) in item.scenarios.iter().enumerate() {
            if !policy.scenarios.contains_key(scenario) {
                let there = policy.scenarios.keys().map(PlanName::as_str);
                let place = field.join("scenarios").join(index.to_string());
                let message = format!("there is no scenario `{scenario}`");
                problems.push(Problem::error(place, message, nearest::mend(scenario.as_str(), there)));
            }
        }
        let Some(step) = &item.step else { continue };
        let plans: Vec<_> = policy.plans.keys().filter_map(|plan| flat(policy, plan).ok()).collect();
        if !plans.iter().any(|plan| plan.contains_key(step)) {
            let there = plans.iter().flat_map(|plan| plan.keys()).map(AsRef::as_ref);
            let mend = nearest::mend(step.as_str(), there);
            problems.push(Problem::error(field.join("step"), format!("no plan has a step `{step}`"), mend));
        }
    }
}
