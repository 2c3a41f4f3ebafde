//! Whether the calls that were seen are allowed by the policy document that Quorate writes for the same plan.

use std::collections::BTreeSet;

use quorate_aws::iam::{self, Principal, Scope};
use quorate_policies::Millis;
use quorate_policies::plan::{Action, Plan, Step, StepPlace};
use quorate_policies::policy::OnError;

use crate::proxy::Call;

/// The account of both emulators.
const ACCOUNT: &str = "123456789012";

/// A plan of these actions.
fn plan(actions: &[&Action]) -> Plan {
    let step = |action: &Action| Step {
        action: action.clone(),
        needs: BTreeSet::new(),
        timeout: Millis(60_000),
        retries: 0,
        on_error: OnError::Stop,
        reversible: action.reversible(),
        place: StepPlace("us-west-2".parse().unwrap()),
        role: None,
        delay: Millis(0),
        only: None,
    };
    let steps = actions.iter().enumerate();
    Plan {
        name: "failover".parse().unwrap(),
        from: "us-east-1".parse().unwrap(),
        to: "us-west-2".parse().unwrap(),
        moves: true,
        steps: steps.map(|(n, action)| (format!("step-{n}").parse().unwrap(), step(action))).collect(),
    }
}

/// The calls that the document for acting does not allow.
pub(crate) fn missing(actions: &[&Action], calls: &[Call]) -> Vec<String> {
    let principal = Principal { account: ACCOUNT.into(), role: "quorate".into() };
    let document = iam::document(&[plan(actions)], Scope::Act, &principal);
    let mut allowed = BTreeSet::new();
    for statement in document["Statement"].as_array().unwrap() {
        allowed.extend(statement["Action"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()));
    }
    let made: BTreeSet<String> =
        calls.iter().map(|call| format!("{}:{}", call.service, call.operation)).collect();
    let missing = made.iter().filter(|name| !allowed.contains(name.as_str()));
    missing.map(|name| format!("{name} was called and is not in the policy for acting")).collect()
}
