//! What a policy must mean, beyond its types. Pure functions of the values: each pushes what is wrong, with a mend.
//! The relations between settings, as inequalities:
//!
//! ```text
//! timeout < interval                                          a probe never overlaps the next one of its target
//! confirm_interval <= interval                                confirming is faster than probing
//! dwell = 0s  or  dwell >= (fall - 1) * confirm_interval + timeout     the agreement outlasts one confirmation
//! freshness >= 2s (lan: 500ms)                                reports come every second (250ms), one may be late
//! ttl >= 1s (lan: 400ms),  drift >= ttl / 20                  clocks may run unequally by a twentieth
//! ttl * 4/5 >= ask-every + max(lease-deadline, takeover) + stop-time     a guard outlives the agents' leader (lan: 350ms)
//! timing: lan  only with agents whose own files say so       a wan election is longer than a lan lease
//! ```

mod actions;
pub(super) mod address;
mod allowed;
mod backups;
mod communication;
mod database;
mod drills;
mod paperwork;
mod plans;
mod probes;
mod rules;
mod scenarios;
mod switchover;
mod together;
mod topology;
mod variables;

pub use together::{check_together, dangers, membership_problems};

use super::problem::{FieldPath, Problem};
use crate::policy::Policy;

/// Most regions. No provider has as many, and every text with variables is tried for each.
const REGIONS_MAX: usize = 50;

/// Most probes. In two regions they are 2,000 targets, twice what one agent's core is budgeted for.
const PROBES_MAX: usize = 1_000;

/// Most backups. Each is looked at by a process of its own for up to a minute, and all of them within one turn.
const BACKUPS_MAX: usize = 50;

/// Most drills. The log remembers three years of each.
const DRILLS_MAX: usize = 50;

/// Most components of a policy and most steps of a plan. Far above the largest written recovery plans (some thirty
/// steps), and small enough that following every chain of needs is always cheap.
const NODES_MAX: usize = 200;

/// Most sub-plans of a plan: each has a step of its own at the least, and every one of them is laid out for every check.
const SUB_PLANS_MAX: usize = 20;

/// Most plans. A policy is of one service, and the richest written recovery plan that was seen has some ten scenarios.
const PLANS_MAX: usize = 50;

/// Every problem of a policy by itself. They name fields but no lines: [`super::locate`] adds these.
#[must_use]
pub fn check_policy(policy: &Policy) -> Vec<Problem> {
    let mut problems = sizes(policy);
    if !problems.is_empty() {
        return problems;
    }
    topology::check(policy, &mut problems);
    probes::check(policy, &mut problems);
    backups::check(policy, &mut problems);
    rules::check(policy, &mut problems);
    plans::check(policy, &mut problems);
    switchover::check(policy, &mut problems);
    drills::check(policy, &mut problems);
    paperwork::check(policy, &mut problems);
    communication::check(policy, &mut problems);
    problems
}

/// What is too large to be checked piece by piece.
fn sizes(policy: &Policy) -> Vec<Problem> {
    let sections = [
        ("regions", policy.regions.len(), REGIONS_MAX),
        ("probes", policy.probes.len(), PROBES_MAX),
        ("components", policy.components.len(), NODES_MAX),
        ("backups", policy.backups.len(), BACKUPS_MAX),
        ("drills", policy.drills.len(), DRILLS_MAX),
    ];
    let sections = sections.map(|(name, count, most)| (FieldPath::from([name]), count, most));
    let plans = policy.plans.iter().map(|(name, plan)| {
        (FieldPath::from(["plans", name.as_str(), "steps"]), plan.steps.len(), NODES_MAX)
    });
    let sub_plans = policy.plans.iter().map(|(name, plan)| {
        (FieldPath::from(["plans", name.as_str(), "sub_plans"]), plan.sub_plans.len(), SUB_PLANS_MAX)
    });
    let sections = sections.into_iter().chain([
        (FieldPath::from(["plans"]), policy.plans.len(), PLANS_MAX),
        (FieldPath::from(["checklist"]), policy.checklist.items().count(), NODES_MAX),
        (FieldPath::from(["evidence"]), policy.evidence.len(), NODES_MAX),
    ]);
    let too_large = sections.chain(plans).chain(sub_plans).filter(|(_, count, most)| count > most);
    too_large
        .map(|(field, count, most)| {
            let message = format!("there are {count} entries, more than {most}");
            Problem::error(field, message, "split the policy by service")
        })
        .collect()
}
