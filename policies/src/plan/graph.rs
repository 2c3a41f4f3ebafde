//! The order of a plan's steps: `needs` makes a directed graph, which must have no cycle.

use crate::name::StepName;
use std::collections::{BTreeMap, BTreeSet};

/// What each step needs.
pub type Needs = BTreeMap<StepName, BTreeSet<StepName>>;

/// A cycle, as the list of its steps in order, if there is one.
#[must_use]
pub fn cycle(needs: &Needs) -> Option<Vec<StepName>> {
    let mut finished: BTreeSet<&StepName> = BTreeSet::new();
    needs.keys().find_map(|start| visit(start, needs, &mut Vec::new(), &mut finished))
}

fn visit<'a>(
    step: &'a StepName,
    needs: &'a Needs,
    path: &mut Vec<&'a StepName>,
    finished: &mut BTreeSet<&'a StepName>,
) -> Option<Vec<StepName>> {
    if let Some(position) = path.iter().position(|seen| *seen == step) {
        return Some(path[position..].iter().map(|step| (*step).clone()).collect());
    }
    if finished.contains(step) {
        return None;
    }
    path.push(step);
    let found = needs.get(step).into_iter().flatten().find_map(|need| visit(need, needs, path, finished));
    path.pop();
    finished.insert(step);
    found
}

/// Every step that must have ended before `step` may start.
#[must_use]
pub fn ancestors(needs: &Needs, step: &StepName) -> BTreeSet<StepName> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&StepName> = needs.get(step).into_iter().flatten().collect();
    while let Some(next) = open.pop() {
        if found.insert(next.clone()) {
            open.extend(needs.get(next).into_iter().flatten());
        }
    }
    found
}
