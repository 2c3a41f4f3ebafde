//! Agreement, lease and webhooks: that what decides can decide, and cannot decide alone.

use super::{address, scenarios};
use crate::{
    document::problem::{FieldPath, Problem},
    name::PlanName,
    plan::Action,
    policy::{Mode, PlanTemplate, Policy, Timing, Votes},
    renewal::{Needs, sure},
    time::Millis,
};
use std::collections::BTreeSet;

/// The waiting side adds at least a twentieth of the lease: ten thousand times the drift of a sound clock, and still
/// enough for a virtual machine that was slowed down.
const DRIFT_PARTS: u64 = 20;

pub(super) fn check(policy: &Policy, problems: &mut Vec<Problem>) {
    agreement(policy, problems);
    lease(policy, problems);
    lag(policy, problems);
    scenarios::check(policy, problems);
    webhooks(policy, problems);
}

/// The first scenario that acts without a person.
pub(super) fn automatic(policy: &Policy) -> Option<&PlanName> {
    policy.scenarios.iter().find(|(_, scenario)| scenario.mode == Mode::Automatic).map(|(name, _)| name)
}

fn agreement(policy: &Policy, problems: &mut Vec<Problem>) {
    let field = FieldPath::from(["agreement"]);
    let rules = &policy.agreement;
    let (least, every) = (policy.timing.freshness_min(), policy.timing.report_interval());
    if rules.freshness < least {
        let message = format!(
            "freshness {} is below {least}: reports come every {every}, and one may be late",
            rules.freshness
        );
        let mend = format!("set it to {least} or more; {} lets two reports be lost", Millis(every.0 * 3));
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
    let least = policy.timing.ttl_min();
    if rules.ttl < least {
        let (message, mend) = match policy.timing {
            Timing::Wan => (
                format!("ttl {} is below {least}: a renewal could not cross regions in time", rules.ttl),
                format!(
                    "set it to {least} or more; 6s is the default. Agents in one building may have `timing: lan`, and {} then",
                    Timing::Lan.ttl_min()
                ),
            ),
            Timing::Lan => (
                format!("ttl {} is below {least}: a busy machine could not renew it in time", rules.ttl),
                format!("set it to {least} or more"),
            ),
        };
        problems.push(Problem::error(field.join("ttl"), message, mend));
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

/// A guard keeps a promoted PostgreSQL server a primary where no step fences the old one, and it has to hear of the lease
/// often enough. Its own lengths may be others, so this is no error; it says so itself of those.
pub(super) fn renewal(policy: &Policy, problems: &mut Vec<Problem>) {
    let takeover = policy.timing.takeover_max();
    let (needs, ttl) = (Needs::DEFAULT.through(takeover), policy.lease.ttl);
    let acts =
        |plan: &PlanTemplate, is: fn(&Action) -> bool| plan.steps.values().any(|step| is(&step.action));
    let guarded = |plan: &PlanTemplate| {
        acts(plan, |action| matches!(action, Action::PostgresPromote(_)))
            && !acts(plan, |action| matches!(action, Action::PostgresFence(_)))
    };
    let Some((plan, _)) = policy.plans.iter().find(|(_, plan)| guarded(plan)) else { return };
    if needs.length() > sure(ttl) {
        let message = format!(
            "ttl {ttl} is short for the guards of plan `{plan}`: when the agents' leader dies, the next one stands within \
             {takeover}, for which they need {} of each renewal, and {} is sure to be left",
            needs.length(),
            sure(ttl)
        );
        let mend = format!(
            "set it to {} or more, or a dead leader costs a healthy primary its lease",
            needs.ttl_min()
        );
        problems.push(Problem::warning(FieldPath::from(["lease", "ttl"]), message, mend));
    }
}

/// A limit in bytes: only of what a `postgres` probe sees are bytes known.
fn lag(policy: &Policy, problems: &mut Vec<Problem>) {
    let Some(max) = policy.guards.max_replica_lag_bytes else { return };
    let field = FieldPath::from(["guards", "max_replica_lag_bytes"]);
    if max == 0 {
        let message = "0 bytes may be lost: a standby that no commit waits for could hardly ever be promoted";
        let mend =
            "set it to some seconds of writes, such as 16777216; a synchronous pair needs no limit in bytes";
        problems.push(Problem::error(field, message, mend));
        return;
    }
    let plans = policy.scenarios.values().filter_map(|scenario| policy.plans.get(&scenario.run));
    let promotions = plans.flat_map(|plan| &plan.steps).filter(|(_, step)| step.action.promotes().is_some());
    let seen_by_probes = |action: &Action| {
        matches!(action, Action::PostgresPromote(_)) || matches!(action, Action::PostgresSwitchover(_))
    };
    let (seen, other): (Vec<_>, Vec<_>) = promotions.partition(|(_, step)| seen_by_probes(&step.action));
    let mend = "remove it; max_replica_lag limits the time for every replica";
    if let Some((name, _)) = other.first() {
        let message =
            format!("`{name}` would always be refused: how many bytes its replica lacks nobody knows");
        problems.push(Problem::error(field, message, mend));
    } else if seen.is_empty() {
        let message = "no scenario's plan has a postgres.promote or postgres.switchover";
        problems.push(Problem::error(field, message, mend));
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
