//! Agreement, lease, scenarios and webhooks: that what decides can decide, and cannot decide alone.

use super::address;
use crate::{
    document::{
        nearest,
        problem::{FieldPath, Problem},
    },
    name::PlanName,
    policy::{Mode, Policy, Votes},
    time::Millis,
};
use std::collections::BTreeSet;

/// Reports come every second. Below two seconds one late report would count as silence, and an agreement would break
/// up on every hiccup of the network.
const FRESHNESS_MIN: Millis = Millis::from_secs(2);

/// A lease is renewed every third of it over the log, whose commits take up to a third of a second between regions.
const TTL_MIN: Millis = Millis::from_secs(1);

/// The waiting side adds at least a twentieth of the lease: ten thousand times the drift of a sound clock, and still
/// enough for a virtual machine that was slowed down.
const DRIFT_PARTS: u64 = 20;

pub(super) fn check(policy: &Policy, problems: &mut Vec<Problem>) {
    agreement(policy, problems);
    lease(policy, problems);
    scenarios(policy, problems);
    webhooks(policy, problems);
}

/// The first scenario that acts without a person.
pub(super) fn automatic(policy: &Policy) -> Option<&PlanName> {
    policy.scenarios.iter().find(|(_, scenario)| scenario.mode == Mode::Automatic).map(|(name, _)| name)
}

fn agreement(policy: &Policy, problems: &mut Vec<Problem>) {
    let field = FieldPath::from(["agreement"]);
    let rules = &policy.agreement;
    if rules.freshness < FRESHNESS_MIN {
        let message = format!(
            "freshness {} is below {FRESHNESS_MIN}: reports come every second, and one may be late",
            rules.freshness
        );
        let mend = format!("set it to {FRESHNESS_MIN} or more; 3s lets two reports be lost");
        problems.push(Problem::error(field.join("freshness"), message, mend));
    }
    if policy.unsafe_topology {
        return;
    }
    if rules.min_vantages == 0 {
        let message = "min_vantages is 0: a region could be called down by nobody outside it";
        let mend = "set it to 1 or more, or `unsafe_topology: true` for development";
        problems.push(Problem::error(field.join("min_vantages"), message, mend));
    }
    if let (Votes::Count(1), Some(scenario)) = (rules.votes, automatic(policy)) {
        let message = format!(
            "one vote would suffice for `{scenario}`, which is automatic: one agent's bad network could fail over"
        );
        let mend = "write `votes: majority`, or make the scenario `mode: approval`";
        problems.push(Problem::error(field.join("votes"), message, mend));
    }
}

fn lease(policy: &Policy, problems: &mut Vec<Problem>) {
    let field = FieldPath::from(["lease"]);
    let rules = &policy.lease;
    if rules.ttl < TTL_MIN {
        let message =
            format!("ttl {} is below {TTL_MIN}: a renewal could not cross regions in time", rules.ttl);
        problems.push(Problem::error(
            field.join("ttl"),
            message,
            format!("set it to {TTL_MIN} or more; 6s is the default"),
        ));
    }
    if rules.drift.0.saturating_mul(DRIFT_PARTS) < rules.ttl.0 {
        let least = Millis(rules.ttl.0.div_ceil(DRIFT_PARTS));
        let message = format!(
            "drift {} is below a twentieth of ttl {}: two regions could hold the lease",
            rules.drift, rules.ttl
        );
        problems.push(Problem::error(field.join("drift"), message, format!("set it to {least} or more")));
    }
}

fn scenarios(policy: &Policy, problems: &mut Vec<Problem>) {
    let field = FieldPath::from(["scenarios"]);
    for (index, (name, scenario)) in policy.scenarios.iter().enumerate() {
        if !policy.plans.contains_key(&scenario.run) {
            let mend = nearest::mend(scenario.run.as_str(), policy.plans.keys().map(PlanName::as_str));
            let message = format!("there is no plan `{}`", scenario.run);
            problems.push(Problem::error(field.join(name.as_str()).join("run"), message, mend));
        }
        let same = policy.scenarios.iter().take(index).find(|(_, earlier)| earlier.when == scenario.when);
        if let Some((earlier, _)) = same {
            let message = format!("`{earlier}` waits for the same: which plan would run is not said");
            problems.push(Problem::error(
                field.join(name.as_str()).join("when"),
                message,
                "keep one of the two",
            ));
        }
    }
}

fn webhooks(policy: &Policy, problems: &mut Vec<Problem>) {
    let mut seen = BTreeSet::new();
    for (index, webhook) in policy.communication.webhooks.iter().enumerate() {
        let field = FieldPath::from(["communication", "webhooks"]).join(index.to_string());
        if webhook.name.trim().is_empty() {
            let mend = "name it: logs, metrics and the agents' secrets speak of it by this name";
            problems.push(Problem::error(field.join("name"), "the webhook's name is empty", mend));
        } else if !seen.insert(&webhook.name) {
            let message = format!("another webhook is called `{}`", webhook.name);
            problems.push(Problem::error(field.join("name"), message, "give each its own name"));
        }
        if let Err(wrong) = address::web(&webhook.url) {
            problems.push(Problem::error(
                field.join("url"),
                wrong,
                "write for example https://hooks.example.com/quorate",
            ));
        }
    }
}
