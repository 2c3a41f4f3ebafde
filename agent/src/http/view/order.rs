//! Steps in an order in which they can run, for tables: first those that need nothing, then those that need them.

use quorate_policies::{
    StepName,
    plan::{Plan, Step},
};
use std::collections::BTreeSet;

/// Every step of a plan, each after all that it needs; steps that could run together by name.
pub(super) fn in_running_order(plan: &Plan) -> Vec<(&StepName, &Step)> {
    let mut waiting: Vec<(&StepName, &Step)> = plan.steps.iter().collect();
    let mut ordered = Vec::with_capacity(waiting.len());
    let mut placed: BTreeSet<&StepName> = BTreeSet::new();
    while !waiting.is_empty() {
        let (ready, rest): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|(_, step)| step.needs.iter().all(|need| placed.contains(need)));
        // An expanded plan has no circle; if one had, its steps are shown all the same.
        if ready.is_empty() {
            ordered.extend(rest);
            break;
        }
        placed.extend(ready.iter().map(|(name, _)| *name));
        ordered.extend(ready);
        waiting = rest;
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::sample;

    /// Goal: no step stands before one that it needs, whatever the names. Method: the sample plan, in which `verify`
    /// comes before `warm` by name but needs it.
    #[test]
    fn needs_come_first() {
        let plan = sample::plan();
        let order: Vec<&str> = in_running_order(&plan).into_iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(order, ["announce", "fence", "promote", "warm", "repoint", "verify"]);
    }
}
