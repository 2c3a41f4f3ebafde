//! What to ask IAM about a plan, and what its answers mean. Pure: no call.

use std::collections::{BTreeMap, BTreeSet};

use quorate_policies::StepName;
use quorate_policies::effect::AssumeRole;
use quorate_policies::plan::Plan;
use quorate_policies::readiness::Finding;

use crate::fault::Fault;
use crate::iam::{Grant, Purpose, grants};

/// What to do about a call that is not allowed.
const MEND: &str = "attach the policy that `quorate iam` prints to that role";

/// Calls that are asked about together: on the same resources, under the same conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    /// The steps that make each call.
    pub(super) actions: BTreeMap<String, BTreeSet<StepName>>,
    /// ARNs, or `*`.
    pub(super) resources: BTreeSet<String>,
    /// Operator, key and values.
    pub(super) conditions: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
}

/// What IAM says of one call on one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) action: String,
    pub(super) resource: String,
    /// In IAM's own word.
    pub(super) decision: String,
    /// Keys that a policy asks for and the question did not bring.
    pub(super) missing: Vec<String>,
    /// A service control policy does not allow it.
    pub(super) outside_organization: bool,
    /// The permissions boundary does not allow it.
    pub(super) outside_boundary: bool,
}

/// Who calls: the agents themselves, and each role that steps assume.
pub(super) fn callers(plan: &Plan) -> BTreeSet<Option<AssumeRole>> {
    let roles = plan.steps.values().map(|step| step.role.clone());
    // A step that assumes a role needs the agents' own permission to assume it.
    let own = plan.steps.values().any(|step| step.role.is_some()).then_some(None);
    roles.chain(own).collect()
}

/// What to ask about the calls that a caller makes. `source` is its ARN, whose account the resources are in.
pub(super) fn questions(plan: &Plan, role: Option<&AssumeRole>, source: &str) -> Vec<Question> {
    let account = source.split(':').nth(4).unwrap_or_default();
    let mut by_target = BTreeMap::<_, BTreeMap<String, BTreeSet<StepName>>>::new();
    for (name, step) in &plan.steps {
        let made = match (&step.role, role) {
            (own, asked) if own.as_ref() == asked => grants(&step.action, account),
            (Some(assumed), None) => {
                vec![(Purpose::Change, Grant::on("sts:AssumeRole", [assumed.arn.clone()]))]
            }
            (None | Some(_), _) => Vec::new(),
        };
        for (purpose, grant) in made {
            let resources = asked_about(purpose, &grant.resources);
            if resources.is_empty() {
                continue;
            }
            let question = by_target.entry((resources, grant.conditions)).or_default();
            for action in grant.actions {
                question.entry(action).or_default().insert(name.clone());
            }
        }
    }
    let question = |((resources, conditions), actions)| Question { actions, resources, conditions };
    by_target.into_iter().map(question).collect()
}

/// The resources that a question names. A wildcard in an ARN stands for what is not known beforehand, and a narrower
/// policy that is right would be told to be wrong; so it is asked about only where nothing else is named, and not for
/// reads, which are made when a plan is looked at.
fn asked_about(purpose: Purpose, resources: &BTreeSet<String>) -> BTreeSet<String> {
    let exact = |resource: &&String| *resource == "*" || !resource.contains('*');
    let named: BTreeSet<String> = resources.iter().filter(exact).cloned().collect();
    match purpose {
        Purpose::Change if named.is_empty() => resources.clone(),
        Purpose::Change | Purpose::Read => named,
    }
}

/// The role or user behind who calls, as IAM knows it; none for a root user or a federated one.
pub(super) fn principal(arn: &str) -> Option<String> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [_, partition, _, _, account, name] = parts[..] else { return None };
    match name.split_once('/')? {
        ("assumed-role", role) => {
            let (role, _session) = role.split_once('/')?;
            Some(format!("arn:{partition}:iam::{account}:role/{role}"))
        }
        ("user" | "role", _) => Some(arn.to_owned()),
        _ => None,
    }
}

/// What an answer means for the steps that make the call.
pub(super) fn findings(source: &str, question: &Question, answer: &Answer) -> Vec<Finding> {
    let Some(finding) = finding(source, answer) else { return Vec::new() };
    match question.actions.get(&answer.action) {
        Some(steps) => steps.iter().map(|step| finding.clone().of(step)).collect(),
        None => vec![finding],
    }
}

fn finding(source: &str, answer: &Answer) -> Option<Finding> {
    let Answer { action, resource, decision, missing, .. } = answer;
    let why = match decision.as_str() {
        "allowed" => return None,
        "explicitDeny" => "a policy denies it",
        "implicitDeny" if answer.outside_organization => "the organization's policies do not allow it",
        "implicitDeny" if answer.outside_boundary => "its permissions boundary does not allow it",
        "implicitDeny" if !missing.is_empty() => {
            let keys = missing.join(", ");
            let what = format!(
                "IAM cannot say whether {source} may call {action} on {resource}: it depends on {keys}"
            );
            return Some(Finding::unknown(what, "see whether the plan's call meets that condition"));
        }
        "implicitDeny" => "no policy allows it",
        other => {
            let what = format!("IAM says `{other}` of {action} on {resource} by {source}");
            return Some(Finding::unknown(what, "see what it means"));
        }
    };
    let what = format!("{source} may not call {action} on {resource}: {why}");
    // A key's own policy can allow what the caller's policies do not, and is not part of the simulation.
    let by_key = action.starts_with("kms:") && decision == "implicitDeny";
    Some(if by_key {
        Finding::warning(what, format!("{MEND}, or be sure that the key's own policy allows it"))
    } else {
        Finding::blocking(what, MEND)
    })
}

/// Nobody could be asked about what was not tried.
pub(super) fn by_reads_only(why: &str) -> Finding {
    Finding::note(format!("permissions were judged by describe calls only: {why}"))
}

/// IAM or STS did not answer.
pub(super) fn unanswered(fault: &Fault) -> Finding {
    Finding::unknown(
        format!("whether the plan's calls are allowed is not known: {fault}"),
        "look again later",
    )
}

#[cfg(test)]
mod tests;
