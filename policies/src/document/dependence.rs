//! What the plans of a policy need from outside, and what they can do without, as lines that a person reads. They are
//! comments, so that they may stand below an explained policy and it still reads back.

use crate::{
    name::{RegionName, StepName},
    plan::{
        Plan, Step,
        dependence::{dependences, losses, usable_without, verdict},
        expand::expand,
    },
    policy::{Policy, Role},
};

/// Prints, for every plan and each way that it may lead from the primary region, what each step needs and what becomes
/// of the plan when a region is gone. A plan that cannot be expanded is left out: checking the policy names its fault.
#[must_use]
pub fn explain_plans(policy: &Policy) -> String {
    let with = |role: Role| policy.regions.iter().filter(move |(_, region)| region.role == role);
    let ways = with(Role::Primary).flat_map(|(from, _)| with(Role::Standby).map(move |(to, _)| (from, to)));
    let mut lines = vec!["# What the plans need, and what they can do without".to_owned()];
    for (from, to) in ways {
        let plans = policy.plans.keys().filter_map(|name| expand(policy, name, from, to).ok());
        lines.extend(plans.flat_map(|plan| one(&plan)));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn one(plan: &Plan) -> Vec<String> {
    let width = plan.steps.keys().map(|name| name.as_str().len()).max().unwrap_or(0);
    let needs = |(name, step): (&StepName, &Step)| {
        let needed: Vec<String> = dependences(plan, step).iter().map(ToString::to_string).collect();
        format!("#   {:width$}  needs {}", name.as_str(), needed.join(" and "))
    };
    let head = ["#".to_owned(), format!("# {}, {} -> {}", plan.name, plan.from, plan.to)];
    let losses = losses(plan);
    let without = losses.iter().flat_map(|gone| without(plan, gone, width));
    head.into_iter().chain(plan.steps.iter().map(needs)).chain(without).collect()
}

fn without(plan: &Plan, gone: &RegionName, width: usize) -> Vec<String> {
    let verdict = format!("# usable if {gone} is gone: {}", verdict(plan, gone));
    let steps = usable_without(plan, gone).into_iter();
    let steps = steps.map(|(name, usable)| format!("#   {:width$}  {}", name.as_str(), usable.word()));
    std::iter::once(verdict).chain(steps).collect()
}
