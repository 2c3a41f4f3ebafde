//! Whether the calls of a plan are allowed: by the answers to real reads, and for what cannot be tried by IAM's own
//! simulation of the policies of whoever will call. Only calls and converts; `judge` decides. IAM has one control plane,
//! which is asked here and nowhere in a failover.

mod judge;

use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, EvaluationResult};
use quorate_policies::effect::AssumeRole;
use quorate_policies::plan::Plan;
use quorate_policies::readiness::Finding;

use self::judge::{Answer, Question};
use crate::clients::{Aws, Place};
use crate::fault::{Call, Fault};

/// The wire codes by which the services say that a call is not allowed.
const DENIED: [&str; 6] = [
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "NotAuthorized",
    "AuthorizationError",
    "AuthorizationErrorException",
];
/// What IAM gives on one page at the most; a question has a few calls on a few resources.
const RESULTS_MAX: i32 = 1_000;

/// Whether a refusal means that the call is not allowed.
pub(super) fn denied(code: Option<&str>) -> bool {
    code.is_some_and(|code| DENIED.contains(&code))
}

impl Aws {
    /// What IAM says about the calls that a plan makes, for the agents' own principal and for each role that its steps
    /// assume. One call of IAM for each different set of resources, one after the other, because IAM allows few. Whoever
    /// may not ask is told so in a note; what IAM does not answer is unknown.
    pub async fn check_permissions(&self, plan: &Plan) -> Vec<Finding> {
        let mut findings = Vec::new();
        for role in judge::callers(plan) {
            findings.extend(self.simulated(plan, role.as_ref()).await);
        }
        findings
    }

    async fn simulated(&self, plan: &Plan, role: Option<&AssumeRole>) -> Vec<Finding> {
        // A plan that calls nobody needs no permission, and nobody is asked who the agent is.
        if judge::questions(plan, role, "").is_empty() {
            return Vec::new();
        }
        let Some(place) = self.watch_permissions(role) else {
            return vec![judge::by_reads_only("`aws.endpoints` has no address of IAM")];
        };
        let source = match role {
            Some(role) => role.arn.clone(),
            None => match principal(&place).await {
                Ok(source) => source,
                Err(finding) => return vec![finding],
            },
        };
        let mut findings = Vec::new();
        for question in judge::questions(plan, role, &source) {
            match ask(&place, &source, &question).await {
                Ok(answers) => {
                    findings.extend(answers.iter().flat_map(|a| judge::findings(&source, &question, a)))
                }
                // What stands in the way of one question stands in the way of all.
                Err(finding) => {
                    findings.push(finding);
                    break;
                }
            }
        }
        findings
    }
}

/// The role or user whose policies the agent's own calls are judged by.
async fn principal(place: &Place<'_>) -> Result<String, Finding> {
    let call = Call {
        operation: "sts:GetCallerIdentity",
        region: place.region.to_owned(),
        id: "this agent".to_owned(),
    };
    let reply = place.sts().get_caller_identity().send().await;
    let reply = reply.map_err(|error| judge::unanswered(&Fault::new(call, &error)))?;
    let arn = reply.arn().unwrap_or_default();
    judge::principal(arn).ok_or_else(|| judge::by_reads_only(&format!("{arn} is neither a role nor a user")))
}

async fn ask(place: &Place<'_>, source: &str, question: &Question) -> Result<Vec<Answer>, Finding> {
    let call = Call {
        operation: "iam:SimulatePrincipalPolicy",
        region: place.region.to_owned(),
        id: source.to_owned(),
    };
    let mut request = place
        .iam()
        .simulate_principal_policy()
        .policy_source_arn(source)
        .set_action_names(Some(question.actions.keys().cloned().collect()))
        .set_resource_arns(Some(question.resources.iter().cloned().collect()))
        .max_items(RESULTS_MAX);
    for entry in context(question) {
        request = request.context_entries(entry);
    }
    let reply = request.send().await.map_err(|error| {
        let fault = Fault::new(call, &error);
        match fault.code() {
            code if denied(code) => judge::by_reads_only(&format!("{source} may not ask IAM ({fault})")),
            Some("NoSuchEntity" | "NoSuchEntityException") => judge::by_reads_only(&format!(
                "IAM does not find {source}; a role with a path is not asked about"
            )),
            _ => judge::unanswered(&fault),
        }
    })?;
    Ok(reply.evaluation_results().iter().flat_map(answers).collect())
}

/// What is known of the request beforehand: the values that the action will send.
fn context(question: &Question) -> Vec<ContextEntry> {
    let entries = question.conditions.iter().flat_map(|(operator, keys)| {
        let list = operator.starts_with("ForAllValues:");
        keys.iter().map(move |(key, values)| {
            let kind = if list { ContextKeyTypeEnum::StringList } else { ContextKeyTypeEnum::String };
            let values = values.iter().cloned().collect();
            ContextEntry::builder()
                .context_key_name(key)
                .context_key_type(kind)
                .set_context_key_values(Some(values))
                .build()
        })
    });
    entries.collect()
}

/// One answer for each resource. IAM tells the whole of a call first, and each resource within it.
fn answers(result: &EvaluationResult) -> Vec<Answer> {
    let organization = result.organizations_decision_detail().map(|detail| detail.allowed_by_organizations());
    let boundary = result.permissions_boundary_decision_detail();
    let boundary = boundary.map(|detail| detail.allowed_by_permissions_boundary());
    let whole = Answer {
        action: result.eval_action_name().to_owned(),
        resource: result.eval_resource_name().unwrap_or("*").to_owned(),
        decision: result.eval_decision().as_str().to_owned(),
        missing: result.missing_context_values().to_vec(),
        outside_organization: organization == Some(false),
        outside_boundary: boundary == Some(false),
    };
    let each = result.resource_specific_results().iter().map(|part| {
        let boundary = part.permissions_boundary_decision_detail();
        let boundary = boundary.map(|detail| detail.allowed_by_permissions_boundary());
        Answer {
            resource: part.eval_resource_name().to_owned(),
            decision: part.eval_resource_decision().as_str().to_owned(),
            missing: part.missing_context_values().to_vec(),
            outside_boundary: boundary.map_or(whole.outside_boundary, |allowed| !allowed),
            ..whole.clone()
        }
    });
    let each: Vec<Answer> = each.collect();
    if each.is_empty() { vec![whole] } else { each }
}
