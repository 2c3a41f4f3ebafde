//! What people write: policies, agent files, and the bodies of the HTTP API that carry them. Promised: an accepted
//! document reads back equal from every form in which it is printed and can be used for all that it is for; a refused one
//! is told where, what and how to mend it; no text costs more than the named limits allow.

use quorate_api::{ApplyPolicy, Command, Failover, Pause};
use quorate_core::{Actor, Body, Cluster, Command as LogCommand, Response, node::targets};
use quorate_policies::{
    Millis, Policy, Timestamp,
    agreement::policy_hash,
    document::{DOCUMENT_BYTES_MAX, Problem, explain, read_agent_file, read_policy},
    plan::expand,
};
use quorate_probes::Target;
use serde::{Serialize, de::DeserializeOwned};
use std::fmt::Debug;

/// What problems call the document.
const FILE: &str = "document.yaml";

/// A policy.
///
/// # Panics
/// When a promise is broken.
pub fn policy_file(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match read_policy(FILE, &text) {
        Err(problems) => told_properly(&text, &problems),
        Ok(policy) => {
            reads_back(&policy, &explain(&policy));
            reads_back(&policy, &serde_json::to_string(&policy).expect("a policy can be printed"));
            can_be_used(&policy);
        }
    }
}

/// An agent's own file.
///
/// # Panics
/// When a promise is broken.
pub fn agent_file(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match read_agent_file(FILE, &text) {
        Err(problems) => told_properly(&text, &problems),
        Ok(file) => {
            let printed = serde_json::to_string(&file).expect("an agent file can be printed");
            if printed.len() <= DOCUMENT_BYTES_MAX {
                assert_eq!(read_agent_file(FILE, &printed), Ok(file), "{printed}");
            }
        }
    }
}

/// The body of a change, read as each of the kinds there are.
///
/// # Panics
/// When a promise is broken.
pub fn api_body(data: &[u8]) {
    same_again::<Command>(data);
    same_again::<Failover>(data);
    if let Some(pause) = same_again::<Pause>(data) {
        let _ = pause.lasting.as_deref().map(Millis::parse);
    }
    if let Some(apply) = same_again::<ApplyPolicy>(data) {
        policy_file(apply.policy.as_bytes());
    }
}

fn same_again<T: Serialize + DeserializeOwned + PartialEq + Debug>(data: &[u8]) -> Option<T> {
    let value: T = serde_json::from_slice(data).ok()?;
    let text = serde_json::to_vec(&value).expect("what was read can be written");
    assert_eq!(serde_json::from_slice::<T>(&text).expect("what was written can be read"), value);
    Some(value)
}

fn told_properly(text: &str, problems: &[Problem]) {
    assert!(!problems.is_empty(), "refused without a problem");
    // A text whose last line ends has one more, empty, line at its end.
    let lines = text.split(['\n', '\r']).count() as u64;
    for problem in problems {
        assert!((1..=lines).contains(&problem.line), "{problem}: the text has {lines} lines");
        assert!(problem.column > 0, "{problem}: no column");
        assert!(!problem.message.trim().is_empty() && !problem.mend.trim().is_empty(), "{problem}: not told");
    }
    let mut sorted = problems.to_vec();
    sorted.sort_by_key(|problem| problem.line);
    let order = |problems: &[Problem]| problems.iter().map(|problem| problem.line).collect::<Vec<_>>();
    assert_eq!(order(&sorted), order(problems), "the problems are not in the order of the text");
}

fn reads_back(policy: &Policy, printed: &str) {
    // With every default written out, a document near the limit grows beyond it.
    if printed.len() <= DOCUMENT_BYTES_MAX {
        assert_eq!(read_policy(FILE, printed).as_ref(), Ok(policy), "{printed}");
    }
}

/// Whatever is accepted at the door must not be refused later, when it is needed.
fn can_be_used(policy: &Policy) {
    for target in targets::of_policy(policy) {
        let target = target.expect("the check resolves every variable");
        let probe = Target::new(target.name, &target.looks, target.probe.timeout);
        probe.unwrap_or_else(|error| panic!("an accepted probe cannot be made: {error}"));
    }
    let moves = policy.regions.keys().flat_map(|from| policy.regions.keys().map(move |to| (from, to)));
    for (from, to) in moves.filter(|(from, to)| from != to) {
        for plan in policy.plans.keys() {
            expand::expand(policy, plan, from, to, &expand::example_inputs(policy, plan))
                .unwrap_or_else(|error| panic!("{plan} of an accepted policy, {from} -> {to}: {error}"));
        }
    }
    let hash = policy_hash(policy);
    let actor = Actor { name: "operator".to_owned(), reason: "first".to_owned() };
    let body = Body::apply_policy(policy.clone(), actor);
    let command = LogCommand::new("1".to_owned(), Timestamp(1), "a".try_into().expect("a name"), body);
    let mut cluster = Cluster::default();
    assert_eq!(cluster.apply(&command), Response::Policy { version: 1, hash });
}
