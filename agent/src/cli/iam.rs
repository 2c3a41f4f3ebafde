//! `quorate iam`: the IAM policies that a service's plans need, written offline from the policy file. It prints; who
//! attaches them to which role is their owner's business.

use super::{
    connection::{Format, document_text, note, read_text},
    exit::{Exit, Failure},
    screen::Screen,
};
use clap::{Args, ValueEnum};
use quorate_aws::iam::{self, Principal, Scope, Watched};
use quorate_policies::{
    Policy,
    document::{self, Problem},
    plan::{Plan, action::S3Prefix, expand},
    policy::S3Objects,
};
use serde_json::{Value, json};
use std::path::PathBuf;

/// `quorate iam`.
#[derive(Debug, Args)]
pub struct IamArgs {
    /// The service's policy.
    #[arg(value_name = "POLICY")]
    policy: PathBuf,
    /// What the agents shall be able to do.
    #[arg(long, value_enum, default_value = "act")]
    scope: ScopeArg,
    /// The account of the agents.
    #[arg(long, value_name = "DIGITS", value_parser = account)]
    account: String,
    /// The role of the agents, which they ask IAM about in a dry run.
    #[arg(long, default_value = "quorate-agent")]
    role: String,
}

/// What the agents shall be able to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ScopeArg {
    /// Watch: evidence and readiness.
    Observe,
    /// Also ask IAM beforehand whether the plan would be allowed.
    DryRun,
    /// Also carry the plan out.
    Act,
}

fn account(text: &str) -> Result<String, String> {
    let digits = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits {
        Ok(text.to_owned())
    } else {
        Err("an account has twelve digits, for example 123456789012".to_owned())
    }
}

/// Prints the policy of the agents' role, or, when steps assume roles of their own, one for each role.
///
/// # Errors
/// When the file cannot be read or is no good policy.
pub fn iam(args: &IamArgs) -> Result<Exit, Failure> {
    let text = read_text(&args.policy)?;
    let policy = match document::read_policy(&args.policy.display().to_string(), &text) {
        Ok(policy) => policy,
        Err(problems) => {
            problems.iter().for_each(|problem: &Problem| note(&problem.to_string()));
            return Ok(Exit::Failed);
        }
    };
    let scope = match args.scope {
        ScopeArg::Observe => Scope::Observe,
        ScopeArg::DryRun => Scope::DryRun,
        ScopeArg::Act => Scope::Act,
    };
    let principal = Principal { account: args.account.clone(), role: args.role.clone() };
    Screen::detect().print(&document_text(Format::Json, &written(&policy, scope, &principal))?)?;
    Ok(Exit::Done)
}

/// The one document, or, with roles, all of them by role.
#[must_use]
pub fn written(policy: &Policy, scope: Scope, principal: &Principal) -> Value {
    let plans = plans(policy);
    let watched = watched(policy);
    let own = iam::document_watching(&plans, &watched, scope, principal);
    let roles = iam::roles(&plans, &watched);
    if roles.is_empty() {
        return own;
    }
    let own = (format!("arn:aws:iam::{}:role/{}", principal.account, principal.role), own);
    let others =
        roles.into_iter().map(|arn| (arn.clone(), iam::role_document(&plans, &watched, scope, &arn)));
    json!(std::iter::once(own).chain(others).collect::<serde_json::Map<_, _>>())
}

/// The backups on AWS that are watched.
fn watched(policy: &Policy) -> Watched {
    let automated = policy.backups.values().filter_map(|backup| backup.rds_automated.as_ref());
    let objects = policy.backups.values().filter_map(|backup| backup.s3.as_ref());
    let prefix = |of: &S3Objects| S3Prefix {
        region: of.region.clone(),
        bucket: of.bucket.clone(),
        prefix: Some(of.prefix.clone()),
    };
    Watched {
        instances: automated.map(|rds| (rds.region.clone(), rds.instance.clone())).collect(),
        objects: objects.map(|of| (prefix(of), of.role.clone())).collect(),
    }
}

/// Every plan in every direction: a failover may go to any region, and home again.
fn plans(policy: &Policy) -> Vec<Plan> {
    expand::every_way(policy).collect()
}
