//! IAM's calls and replies in the query protocol.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::escape;
use super::query::{Form, unknown_action};
use crate::world::call::Call;
use crate::world::permissions::{Evaluation, PermissionsCall};
use crate::world::refusal::Refusal;

pub(super) const VERSION: &str = "2010-05-08";
pub(super) const NAMESPACE: &str = "https://iam.amazonaws.com/doc/2010-05-08/";
/// The one region of IAM's control plane.
pub(super) const REGION: &str = "us-east-1";

/// Reads a call.
pub(super) fn decode(form: &Form) -> Result<Call, Refusal> {
    let action = form.action()?;
    if action != "SimulatePrincipalPolicy" {
        return Err(unknown_action(&action, VERSION));
    }
    for unknown in [
        "PolicyInputList",
        "PermissionsBoundary",
        "ResourcePolicy",
        "CallerArn",
        "ResourceHandling",
        "Marker",
    ] {
        form.refuse(unknown)?;
    }
    let actions = form.list("ActionNames.member");
    if actions.is_empty() {
        return Err(Refusal::bad("ValidationError", "ActionNames is empty"));
    }
    Ok(Call::Permissions(PermissionsCall::SimulatePrincipalPolicy {
        source: form.required("PolicySourceArn")?,
        actions,
        resources: form.list("ResourceArns.member"),
        context: context(form)?,
    }))
}

fn context(form: &Form) -> Result<BTreeMap<String, Vec<String>>, Refusal> {
    let mut context = BTreeMap::new();
    for (index, (key, kind)) in
        (1..).zip(form.pairs("ContextEntries.member", "ContextKeyName", "ContextKeyType"))
    {
        let values = form.list(&format!("ContextEntries.member.{index}.ContextKeyValues.member"));
        match (kind.as_deref(), values.len()) {
            (Some("stringList"), _) | (Some("string"), 1) => {}
            (kind, count) => {
                let message = format!("{key}: {count} values of type {}", kind.unwrap_or("none"));
                return Err(Refusal::bad("InvalidInput", message));
            }
        }
        context.insert(key, values);
    }
    Ok(context)
}

/// Writes a reply's result: one evaluation for each call, and within it one for each resource.
pub(super) fn encode(evaluations: &[Evaluation]) -> String {
    let mut members = String::new();
    for evaluation in evaluations {
        let mut resources = String::new();
        for (resource, decision, missing) in &evaluation.resources {
            let keys: String =
                missing.iter().map(|key| format!("<member>{}</member>", escape(key))).collect();
            // Writing into a string does not fail.
            let _ = write!(
                resources,
                "<member><EvalResourceName>{}</EvalResourceName><EvalResourceDecision>{}</EvalResourceDecision>\
                 <MissingContextValues>{keys}</MissingContextValues></member>",
                escape(resource),
                decision.as_str()
            );
        }
        let _ = write!(
            members,
            "<member><EvalActionName>{}</EvalActionName><EvalResourceName>*</EvalResourceName>\
             <EvalDecision>{}</EvalDecision><ResourceSpecificResults>{resources}</ResourceSpecificResults></member>",
            escape(&evaluation.action),
            evaluation.decision.as_str()
        );
    }
    format!("<EvaluationResults>{members}</EvaluationResults><IsTruncated>false</IsTruncated>")
}
