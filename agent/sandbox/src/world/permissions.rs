//! IAM, as much of it as a simulation needs: the policies of principals, and what they allow. Calls of other services
//! are not judged by them. A principal without a policy may do everything; one with a policy only what it allows, and
//! what is not modelled here is refused when the policy is attached, because leaving it out would be another policy.

use std::collections::BTreeMap;

use serde::Serialize;

use self::policy::{Decision, Policy, Request};
use super::World;
use super::call::{Caller, operations};
use super::database::ACCOUNT;
use super::refusal::Refusal;

pub mod policy;

/// One call of IAM.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum PermissionsCall {
    /// Asks what the policies of a principal allow.
    SimulatePrincipalPolicy {
        /// ARN of the role or user whose policies are meant.
        source: String,
        /// Names of calls.
        actions: Vec<String>,
        /// ARNs; `*` stands for all.
        resources: Vec<String>,
        /// What is known of the request: values by key.
        context: BTreeMap<String, Vec<String>>,
    },
}

operations!(PermissionsCall {
    PermissionsCall::SimulatePrincipalPolicy { .. } => "SimulatePrincipalPolicy",
});

/// What the policies say of one call, on each resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluation {
    /// The call.
    pub action: String,
    /// The gravest decision of all resources.
    pub decision: Decision,
    /// By resource, with the keys that a policy asks for and the request did not bring.
    pub resources: Vec<(String, Decision, Vec<String>)>,
}

/// The policies of principals, by ARN.
#[derive(Debug, Clone, Default)]
pub struct Permissions {
    policies: BTreeMap<String, Policy>,
}

impl Permissions {
    /// Attaches a policy document to a principal in place of the one that it has.
    ///
    /// # Errors
    /// What the document says and the sandbox does not model, in words.
    pub fn attach(&mut self, principal: &str, document: &serde_json::Value) -> Result<(), String> {
        self.policies.insert(principal.to_owned(), Policy::read(document)?);
        Ok(())
    }

    /// What a principal may do.
    fn decide(&self, principal: &str, request: &Request<'_>) -> (Decision, Vec<String>) {
        self.policies.get(principal).map_or((Decision::Allowed, Vec::new()), |policy| policy.decide(request))
    }
}

impl World {
    /// The reply to a call of IAM.
    pub(super) fn call_permissions(
        &self,
        caller: &Caller,
        call: &PermissionsCall,
    ) -> Result<Vec<Evaluation>, Refusal> {
        let PermissionsCall::SimulatePrincipalPolicy { source, actions, resources, context } = call;
        let role = self.tokens.role_of(&caller.access_key);
        let asker = if role.is_empty() { user() } else { role };
        let nothing = BTreeMap::new();
        let own = Request { action: "iam:SimulatePrincipalPolicy", resource: source, context: &nothing };
        if self.permissions.decide(&asker, &own).0 != Decision::Allowed {
            let message =
                format!("User: {asker} is not authorized to perform: {} on resource: {source}", own.action);
            return Err(Refusal::new(403, "AccessDenied", message));
        }
        if !(*source == user() || self.permissions.policies.contains_key(source) || self.tokens.knows(source))
        {
            let message = format!("The principal {source} cannot be found.");
            return Err(Refusal::new(404, "NoSuchEntity", message));
        }
        let everything = ["*".to_owned()];
        let resources = if resources.is_empty() { &everything[..] } else { resources };
        Ok(actions
            .iter()
            .map(|action| {
                let judge = |resource: &String| {
                    let (decision, missing) =
                        self.permissions.decide(source, &Request { action, resource, context });
                    (resource.clone(), decision, missing)
                };
                let resources: Vec<_> = resources.iter().map(judge).collect();
                let gravest = resources.iter().map(|(_, decision, _)| *decision).max();
                Evaluation {
                    action: action.clone(),
                    decision: gravest.unwrap_or(Decision::Allowed),
                    resources,
                }
            })
            .collect())
    }
}

/// Who calls with keys that belong to no session.
fn user() -> String {
    format!("arn:aws:iam::{ACCOUNT}:user/quorate")
}
