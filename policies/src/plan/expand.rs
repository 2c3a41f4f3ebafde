//! Expanding a plan whole, before it starts: every region, id and count is written in it, so that execution has no
//! choice left. An expanded plan is never edited.

use super::{
    action::Action,
    flat::{self, Flat, FlatStep, flat},
    graph,
    manner::Manner,
    template::{self, TemplateError},
};
use crate::{
    effect::AssumeRole,
    name::{InputName, PlanName, RegionName, StepName},
    policy::{Near, OnError, Policy, StepTemplate},
    time::Millis,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// An expanded plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Its name in the policy.
    pub name: PlanName,
    /// The region that is left.
    pub from: RegionName,
    /// The region that is activated.
    pub to: RegionName,
    /// Whether the service moves. Where it does not, both regions are the active one.
    #[serde(default = "moves_default", skip_serializing_if = "is_true")]
    pub moves: bool,
    /// Its steps.
    pub steps: BTreeMap<StepName, Step>,
}

/// Plans from before there were others moved the service.
const fn moves_default() -> bool {
    true
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde asks for a reference.
const fn is_true(moves: &bool) -> bool {
    *moves
}

/// What an operator said when declaring the scenario, by name.
pub type Inputs = BTreeMap<InputName, String>;

/// A step of an expanded plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What is done.
    pub action: Action,
    /// Which steps must have ended before.
    pub needs: BTreeSet<StepName>,
    /// How long one attempt may take.
    pub timeout: Millis,
    /// How many attempts may follow the first.
    pub retries: u32,
    /// What a final failure means.
    pub on_error: OnError,
    /// Whether it can be undone. An irreversible step waits for the write lease (R13).
    pub reversible: bool,
    /// Where it should run.
    pub place: StepPlace,
    /// The role in which it acts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<AssumeRole>,
    /// How long its agent waits before it looks for the first time.
    #[serde(default, skip_serializing_if = "Millis::is_zero")]
    pub delay: Millis,
    /// The manner in which alone it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Manner>,
}

impl Plan {
    /// The same plan without the steps that `out` names. What needed one of them needs what that one needed.
    #[must_use]
    pub fn without(mut self, out: impl Fn(&Step) -> bool) -> Self {
        let left_out: Vec<StepName> =
            self.steps.iter().filter(|(_, step)| out(step)).map(|(name, _)| name.clone()).collect();
        for name in left_out {
            let Some(step) = self.steps.remove(&name) else { continue };
            for other in self.steps.values_mut().filter(|other| other.needs.contains(&name)) {
                other.needs.remove(&name);
                other.needs.extend(step.needs.iter().cloned());
            }
        }
        self
    }

    /// Whether `later` needs `earlier`, directly or through others.
    #[must_use]
    pub fn comes_after(&self, later: &StepName, earlier: &StepName) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![later];
        while let Some(step) = open.pop() {
            for need in self.steps.get(step).into_iter().flat_map(|step| &step.needs) {
                if need == earlier {
                    return true;
                }
                if seen.insert(need) {
                    open.push(need);
                }
            }
        }
        false
    }
}

/// Where a step should run: in one region if an agent there can, else anywhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepPlace(pub RegionName);

/// Why a plan cannot be expanded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpandError {
    /// There is no such plan.
    #[error("the policy has no plan `{0}`")]
    NoPlan(PlanName),
    /// There is no such region.
    #[error("the policy has no region `{0}`")]
    NoRegion(RegionName),
    /// A variable or a brace is wrong.
    #[error("step `{step}`: {source}")]
    Template {
        /// Which step.
        step: StepName,
        /// What is wrong.
        source: TemplateError,
    },
    /// The steps wait for each other.
    #[error("steps need each other in a circle: {}", .0.iter().map(StepName::as_str).collect::<Vec<_>>().join(" -> "))]
    Cycle(Vec<StepName>),
    /// A step needs one that is not there.
    #[error("step `{step}` needs `{need}`, which the plan does not have")]
    NoStep {
        /// Which step.
        step: StepName,
        /// What it needs.
        need: StepName,
    },
    /// Plans stand too deep in one another, or in themselves.
    #[error("plan `{plan}` stands more than {most} plans deep, or in itself")]
    TooDeep {
        /// The innermost one.
        plan: PlanName,
        /// How deep they may stand.
        most: usize,
    },
    /// Too many steps.
    #[error("plan `{plan}` has {steps} steps with those of its sub-plans; at most {most} are taken")]
    TooLong {
        /// Which one.
        plan: PlanName,
        /// How many.
        steps: usize,
        /// How many it may have.
        most: usize,
    },
    /// A step of a sub-plan is called like another step.
    #[error("there are two steps `{0}`: a step of a sub-plan is called by the sub-plan's name and its own")]
    Twice(StepName),
    /// A step of a sub-plan has no room for its name.
    #[error("`{0}` is too long for the name of a step: use shorter names for the sub-plan or the step")]
    LongName(String),
}

/// The variables of a plan that moves a service from one region to another.
///
/// # Errors
/// When the policy does not have one of the regions.
pub fn variables(
    policy: &Policy,
    from: &RegionName,
    to: &RegionName,
    inputs: &Inputs,
) -> Result<BTreeMap<String, String>, ExpandError> {
    let mut variables = BTreeMap::from([("service".to_owned(), policy.service.to_string())]);
    variables.extend(inputs.iter().map(|(name, value)| (format!("input.{name}"), value.clone())));
    for (side, name) in [("from", from), ("to", to)] {
        let region = policy.regions.get(name).ok_or_else(|| ExpandError::NoRegion(name.clone()))?;
        variables.insert(side.to_owned(), name.to_string());
        variables.extend(region.vars.iter().map(|(key, value)| (format!("{side}.{key}"), value.clone())));
    }
    Ok(variables)
}

/// Expands a plan.
///
/// # Errors
/// When it does not exist, names what does not exist, or its steps need each other in a circle.
pub fn expand(
    policy: &Policy,
    name: &PlanName,
    from: &RegionName,
    to: &RegionName,
    inputs: &Inputs,
) -> Result<Plan, ExpandError> {
    let template = policy.plans.get(name).ok_or_else(|| ExpandError::NoPlan(name.clone()))?;
    let variables = variables(policy, from, to, inputs)?;
    let all = flat(policy, name)?;
    let mut needs = flat::needs(&all);
    if let Some(cycle) = graph::cycle(&needs) {
        return Err(ExpandError::Cycle(cycle));
    }
    leave_out(&all, &variables, &mut needs)?;
    let steps = needs
        .iter()
        .filter_map(|(step, needed)| Some((all.get(step)?, step, needed)))
        .map(|(flat, step, needed)| {
            let mut expanded = expand_step(step, flat.template, &variables, from, to)?;
            expanded.needs.clone_from(needed);
            if let Action::Gate(gate) = &mut expanded.action {
                gate.succeeded = passed(flat, &needs);
            }
            Ok((step.clone(), expanded))
        })
        .collect::<Result<_, ExpandError>>()?;
    Ok(Plan { name: name.clone(), from: from.clone(), to: to.clone(), moves: template.moves, steps })
}

/// Leaves out the steps whose condition does not hold. What needed one of them needs what that one needed.
fn leave_out(
    all: &Flat<'_>,
    variables: &BTreeMap<String, String>,
    needs: &mut graph::Needs,
) -> Result<(), ExpandError> {
    for (name, step) in all {
        let mut holds = true;
        for (variable, wanted) in &step.when {
            let unknown = || TemplateError::Unknown {
                name: (*variable).clone(),
                known: variables.keys().map(|key| format!("{{{key}}}")).collect(),
            };
            let value = variables.get(*variable).ok_or_else(unknown);
            holds &= value.map_err(|source| ExpandError::Template { step: name.clone(), source })? == *wanted;
        }
        let Some(inherited) = (!holds).then(|| needs.remove(name)).flatten() else { continue };
        for needed in needs.values_mut().filter(|needed| needed.contains(name)) {
            needed.remove(name);
            needed.extend(inherited.iter().cloned());
        }
    }
    Ok(())
}

/// What a gate waits for, by the names that the steps have now; without those that were left out.
fn passed(gate: &FlatStep<'_>, left: &graph::Needs) -> Vec<StepName> {
    let Action::Gate(template) = &gate.template.action else { return Vec::new() };
    let asked = template.succeeded.iter().map(|name| format!("{}{name}", gate.prefix));
    let asked: Vec<(String, String)> = asked.map(|name| (format!("{name}."), name)).collect();
    // A sub-plan is passed when all of its steps have succeeded.
    let meant = |step: &&StepName| {
        asked
            .iter()
            .any(|(sub_plan, name)| step.as_str() == name || step.as_str().starts_with(sub_plan.as_str()))
    };
    left.keys().filter(meant).cloned().collect()
}

/// Every plan of a policy in every way in which it could run, with an example of each input: for a look at what it would
/// need before anybody runs it. A plan that cannot be expanded is left out.
pub fn every_way(policy: &Policy) -> impl Iterator<Item = Plan> + '_ {
    let regions = move |moves: bool| {
        let pairs = policy.regions.keys().flat_map(|from| policy.regions.keys().map(move |to| (from, to)));
        pairs.filter(move |(from, to)| (from == to) != moves)
    };
    policy.plans.iter().flat_map(move |(name, template)| {
        let inputs = example_inputs(policy, name);
        regions(template.moves).filter_map(move |(from, to)| expand(policy, name, from, to, &inputs).ok())
    })
}

/// An example of every input that a scenario which runs the plan asks for.
#[must_use]
pub fn example_inputs(policy: &Policy, plan: &PlanName) -> Inputs {
    let runs = policy.scenarios.values().filter(|scenario| scenario.run == *plan);
    let drills = policy.drills.values().filter(|drill| drill.plans().contains(&plan));
    let said = drills.flat_map(|drill| drill.plan_inputs());
    said.chain(runs.flat_map(|scenario| scenario.examples())).collect()
}

fn expand_step(
    name: &StepName,
    template: &StepTemplate,
    variables: &BTreeMap<String, String>,
    from: &RegionName,
    to: &RegionName,
) -> Result<Step, ExpandError> {
    let wrong = |source| ExpandError::Template { step: name.clone(), source };
    let action = template.action.resolved(variables).map_err(wrong)?;
    let resolve = |text: &String| template::resolve(text, variables).map_err(wrong);
    let role = template.role.as_ref().map(|role| {
        let external_id = role.external_id.as_ref().map(resolve).transpose()?;
        Ok(AssumeRole { arn: resolve(&role.arn)?, external_id })
    });
    Ok(Step {
        needs: BTreeSet::new(),
        timeout: template.timeout,
        // A question is asked once, for as long as the step's timeout says.
        retries: if matches!(action, Action::Approval(_)) { 0 } else { template.retries },
        on_error: template.on_error,
        reversible: action.reversible(),
        place: StepPlace(match template.near {
            Near::To => to.clone(),
            Near::From => from.clone(),
        }),
        role: role.transpose()?,
        delay: if let Action::Wait(wait) = &action { wait.lasting } else { Millis::ZERO },
        action,
        only: template.only,
    })
}
