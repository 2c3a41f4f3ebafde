//! The IAM policy that the actions of a plan need, no more: written from the actions' own declarations, so that the two
//! cannot drift apart. Pure: it reads no account and calls nothing.

mod grants;

use std::collections::{BTreeMap, BTreeSet};

use quorate_policies::effect::AssumeRole;
use quorate_policies::plan::action::S3Prefix;
use quorate_policies::plan::{Plan, Step};
use serde_json::{Value, json};

pub(crate) use grants::partition;
pub use grants::{Grant, Purpose, grants};

/// What a policy is for. Each includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Watching: the evidence and the readiness of the plan. Changes nothing.
    Observe,
    /// Asking IAM beforehand whether the plan would be allowed, as well.
    DryRun,
    /// Carrying the plan out, as well.
    Act,
}

impl Scope {
    /// All of them.
    pub const ALL: [Scope; 3] = [Scope::Observe, Scope::DryRun, Scope::Act];

    /// The scope's name, as files and the command line have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Scope::Observe => "observe",
            Scope::DryRun => "dry-run",
            Scope::Act => "act",
        }
    }

    const fn covers(self, purpose: Purpose) -> bool {
        match purpose {
            Purpose::Read => true,
            Purpose::Change => matches!(self, Scope::Act),
        }
    }
}

/// Whose resources, and how the agent itself appears in IAM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The twelve digits of the account.
    pub account: String,
    /// The agent's role, which it asks IAM about in a dry run.
    pub role: String,
}

/// The policy document for these plans, as IAM reads it. Steps that act in a role of their own need no more here than
/// to assume it; [`role_document`] is what that role needs.
#[must_use]
pub fn document(plans: &[Plan], scope: Scope, principal: &Principal) -> Value {
    document_watching(plans, &Watched::default(), scope, principal)
}

/// The backups on AWS that agents watch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Watched {
    /// Instances with automated backups, each by its region and identifier.
    pub instances: Vec<(String, String)>,
    /// Objects, with the role as which they are listed.
    pub objects: Vec<(S3Prefix, Option<AssumeRole>)>,
}

/// The same for agents that also watch backups.
#[must_use]
pub fn document_watching(plans: &[Plan], watched: &Watched, scope: Scope, principal: &Principal) -> Value {
    let mut statements = Statements::default();
    for (region, instance) in &watched.instances {
        let (account, partition) = (&principal.account, partition(region));
        let arn = format!("arn:{partition}:rds:{region}:{account}:db:{instance}");
        statements.grant(Grant::on("rds:DescribeDBInstances", [arn]));
    }
    for (objects, role) in &watched.objects {
        match role {
            None => statements.grant(grants::listed(objects)),
            Some(role) => statements.grant(Grant::on("sts:AssumeRole", [role.arn.clone()])),
        }
    }
    for step in plans.iter().flat_map(|plan| plan.steps.values()) {
        match &step.role {
            None => statements.add(step, scope, &principal.account),
            Some(role) => statements.grant(Grant::on("sts:AssumeRole", [role.arn.clone()])),
        }
    }
    if scope >= Scope::DryRun {
        let role = format!("arn:aws:iam::{}:role/{}", principal.account, principal.role);
        statements.grant(Grant::on("iam:SimulatePrincipalPolicy", [role]));
    }
    statements.document()
}

/// The policy document of a role that steps and watches assume.
#[must_use]
pub fn role_document(plans: &[Plan], watched: &Watched, scope: Scope, arn: &str) -> Value {
    let account = arn.split(':').nth(4).unwrap_or_default();
    let mut statements = Statements::default();
    for (objects, _) in
        watched.objects.iter().filter(|(_, role)| role.as_ref().is_some_and(|role| role.arn == arn))
    {
        statements.grant(grants::listed(objects));
    }
    for step in plans.iter().flat_map(|plan| plan.steps.values()) {
        if step.role.as_ref().is_some_and(|role| role.arn == arn) {
            statements.add(step, scope, account);
        }
    }
    if scope >= Scope::DryRun {
        statements.grant(Grant::on("iam:SimulatePrincipalPolicy", [arn.to_owned()]));
    }
    statements.document()
}

/// The roles that the steps of these plans, and the watches, assume.
#[must_use]
pub fn roles(plans: &[Plan], watched: &Watched) -> BTreeSet<String> {
    let steps = plans.iter().flat_map(|plan| plan.steps.values()).filter_map(|step| step.role.as_ref());
    let watches = watched.objects.iter().filter_map(|(_, role)| role.as_ref());
    steps.chain(watches).map(|role| role.arn.clone()).collect()
}

/// What a statement is about: resources and conditions.
type Target = (BTreeSet<String>, BTreeMap<String, BTreeMap<String, BTreeSet<String>>>);

/// Grants with equal resources and conditions are one statement.
#[derive(Debug, Default)]
struct Statements {
    by_target: BTreeMap<Target, BTreeSet<String>>,
}

impl Statements {
    fn add(&mut self, step: &Step, scope: Scope, account: &str) {
        for (purpose, grant) in grants(&step.action, account) {
            if scope.covers(purpose) {
                self.grant(grant);
            }
        }
    }

    fn grant(&mut self, grant: Grant) {
        let target = (grant.resources, grant.conditions);
        self.by_target.entry(target).or_default().extend(grant.actions);
    }

    fn document(self) -> Value {
        let statements: Vec<Value> = self
            .by_target
            .into_iter()
            .enumerate()
            .map(|(index, ((resources, conditions), actions))| {
                let mut statement = json!({
                    "Sid": format!("Quorate{}", index + 1),
                    "Effect": "Allow",
                    "Action": actions,
                    "Resource": resources,
                });
                if !conditions.is_empty() {
                    statement["Condition"] = json!(conditions);
                }
                statement
            })
            .collect();
        json!({"Version": "2012-10-17", "Statement": statements})
    }
}
