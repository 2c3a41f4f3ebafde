//! A plan's steps in one list: those of its sub-plans under their names, what a gate needs, and the order that the service's
//! components ask for. Says what follows what; nothing is resolved here and no condition is judged.

use super::{Action, expand::ExpandError, graph};
use crate::{
    name::{ComponentName, PlanName, StepName},
    policy::{Component, PlanTemplate, Policy, Priority, StepTemplate},
};
use std::collections::{BTreeMap, BTreeSet};

/// How deep plans may stand in one another. What is nested deeper nobody reads at night.
const DEPTH_MAX: usize = 4;
/// Most steps of a plan, those of its sub-plans included, as of a plan without any. The longest written plan that was seen has
/// some thirty; each is an entry of the log and a line of the report.
const STEPS_MAX: usize = 200;

/// A step in its place.
#[derive(Debug, Clone)]
pub struct FlatStep<'a> {
    /// The step as its plan writes it.
    pub template: &'a StepTemplate,
    /// What it is called there is what it is called here without this.
    pub prefix: String,
    /// What must have ended before.
    pub needs: BTreeSet<StepName>,
    /// Its conditions, those of the sub-plans around it included.
    pub when: Vec<(&'a String, &'a String)>,
}

/// The steps of a plan, by the names that they have when it runs.
pub type Flat<'a> = BTreeMap<StepName, FlatStep<'a>>;

/// A plan's steps with those of its sub-plans, in the order that needs, gates and components ask for.
///
/// # Errors
/// When a plan, a step or room is missing, or plans stand too deep in one another.
pub fn flat<'a>(policy: &'a Policy, name: &PlanName) -> Result<Flat<'a>, ExpandError> {
    let mut steps = laid_out(policy, name, 0)?;
    order_components(policy, &mut steps);
    Ok(steps)
}

/// What follows what.
#[must_use]
pub fn needs(flat: &Flat<'_>) -> graph::Needs {
    flat.iter().map(|(name, step)| (name.clone(), step.needs.clone())).collect()
}

fn laid_out<'a>(policy: &'a Policy, name: &PlanName, depth: usize) -> Result<Flat<'a>, ExpandError> {
    if depth == DEPTH_MAX {
        return Err(ExpandError::TooDeep { plan: name.clone(), most: DEPTH_MAX });
    }
    let plan = policy.plans.get(name).ok_or_else(|| ExpandError::NoPlan(name.clone()))?;
    let subs: BTreeMap<&StepName, Flat<'a>> = plan
        .sub_plans
        .iter()
        .map(|(place, sub)| Ok((place, laid_out(policy, &sub.run, depth + 1)?)))
        .collect::<Result<_, ExpandError>>()?;
    let ends: BTreeMap<&StepName, BTreeSet<StepName>> = subs
        .iter()
        .map(|(place, steps)| {
            Ok((*place, last(steps).map(|end| inside(place, end)).collect::<Result<_, _>>()?))
        })
        .collect::<Result<_, ExpandError>>()?;
    let needed = |step: &StepName, needs: &[StepName]| needed(plan, &ends, step, needs);
    let mut flat = Flat::new();
    for (step, template) in &plan.steps {
        let mut needs = needed(step, &template.needs)?;
        if let Action::Gate(gate) = &template.action {
            needs.extend(needed(step, &gate.succeeded)?);
        }
        let when = template.when.iter().collect();
        flat.insert(step.clone(), FlatStep { template, prefix: String::new(), needs, when });
    }
    for (place, steps) in &subs {
        let sub = &plan.sub_plans[*place];
        let before = needed(place, &sub.needs)?;
        for (inner, step) in steps {
            let mut needs: BTreeSet<StepName> =
                step.needs.iter().map(|need| inside(place, need)).collect::<Result<_, _>>()?;
            if needs.is_empty() {
                needs.clone_from(&before);
            }
            let when = sub.when.iter().chain(step.when.iter().copied()).collect();
            let prefix = format!("{place}.{}", step.prefix);
            let name = inside(place, inner)?;
            if flat.insert(name.clone(), FlatStep { needs, when, prefix, ..step.clone() }).is_some() {
                return Err(ExpandError::Twice(name));
            }
        }
    }
    if flat.len() > STEPS_MAX {
        return Err(ExpandError::TooLong { plan: name.clone(), steps: flat.len(), most: STEPS_MAX });
    }
    Ok(flat)
}

/// What a step of the plan needs: of a sub-plan, its last steps.
fn needed(
    plan: &PlanTemplate,
    ends: &BTreeMap<&StepName, BTreeSet<StepName>>,
    step: &StepName,
    needs: &[StepName],
) -> Result<BTreeSet<StepName>, ExpandError> {
    let mut all = BTreeSet::new();
    for need in needs {
        if let Some(ends) = ends.get(need) {
            all.extend(ends.iter().cloned());
        } else if plan.steps.contains_key(need) {
            all.insert(need.clone());
        } else {
            return Err(ExpandError::NoStep { step: step.clone(), need: need.clone() });
        }
    }
    Ok(all)
}

/// A step's name when its plan stands in another.
fn inside(place: &StepName, step: &StepName) -> Result<StepName, ExpandError> {
    let text = format!("{place}.{step}");
    StepName::try_from(text.clone()).map_err(|_| ExpandError::LongName(text))
}

/// The steps that no other one of them needs.
fn last<'f>(steps: &'f Flat<'_>) -> impl Iterator<Item = &'f StepName> {
    let needed: BTreeSet<&StepName> = steps.values().flat_map(|step| &step.needs).collect();
    steps.keys().filter(move |name| !needed.contains(name))
}

/// Every step of a component comes after all steps of the components that it needs, and of the more important ones.
fn order_components(policy: &Policy, steps: &mut Flat<'_>) {
    let mut of: BTreeMap<&ComponentName, BTreeSet<StepName>> = BTreeMap::new();
    for (name, step) in steps.iter() {
        if let Some(component) = &step.template.component {
            of.entry(component).or_default().insert(name.clone());
        }
    }
    let ranks = ranks(&policy.components);
    let comes_before = |earlier: &ComponentName, later: &ComponentName| {
        let rank = |component| ranks.get(component).copied().unwrap_or_default();
        rank(earlier) < rank(later) || component_needs(&policy.components, later).contains(earlier)
    };
    for step in steps.values_mut() {
        let Some(later) = &step.template.component else { continue };
        let earlier = of.iter().filter(|(earlier, _)| **earlier != later && comes_before(earlier, later));
        step.needs.extend(earlier.flat_map(|(_, names)| names.iter().cloned()));
    }
}

/// All components that one needs, directly or through others.
#[must_use]
pub fn component_needs<'p>(
    components: &'p BTreeMap<ComponentName, Component>,
    of: &ComponentName,
) -> BTreeSet<&'p ComponentName> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&ComponentName> = components.get(of).into_iter().flat_map(|c| &c.needs).collect();
    while let Some(next) = open.pop() {
        if found.insert(next) {
            open.extend(components.get(next).into_iter().flat_map(|component| &component.needs));
        }
    }
    found
}

/// How important each component is: as its own priority, or that of the most important one that needs it.
fn ranks(components: &BTreeMap<ComponentName, Component>) -> BTreeMap<&ComponentName, u8> {
    let own = |component: &Component| match component.priority {
        Priority::Critical => 0,
        Priority::High => 1,
        Priority::Low => 2,
    };
    let mut ranks: BTreeMap<&ComponentName, u8> =
        components.iter().map(|(name, component)| (name, own(component))).collect();
    for (name, component) in components {
        for needed in component_needs(components, name) {
            if let Some(rank) = ranks.get_mut(needed) {
                *rank = (*rank).min(own(component));
            }
        }
    }
    ranks
}
