//! One service: where it runs, what the agents agree on, and what stands in the way of a failover.

use super::{opinion, refused};
use quorate_api::service::{Hold, Region, Service, TargetVotes};
use quorate_core::{LeaseRecord, ServiceState, node::explain::Explanation};
use quorate_policies::{
    ServiceName, TargetName,
    agreement::{Evidence, RegionTally, TargetTally},
    policy::{Mode, Policy, Role},
};
use std::collections::{BTreeMap, BTreeSet};

/// `GET /v1/services/{service}`.
pub(in crate::http) fn service(
    name: &ServiceName,
    state: &ServiceState,
    explanation: &Explanation,
) -> Service {
    Service {
        name: name.to_string(),
        active: state.active.to_string(),
        epoch: state.epoch,
        policy_version: state.version,
        policy_hash: state.policy_hash.clone(),
        mode: mode(explanation.mode).to_owned(),
        regions: regions(&state.policy, explanation),
        hold: state.hold.as_ref().map(|hold| Hold {
            by: hold.by.clone(),
            reason: hold.reason.clone(),
            since: hold.since.to_string(),
            until: hold.until.map(|until| until.to_string()),
        }),
        execution: state.running.clone(),
        refusal: explanation.refusal.as_ref().map(refused),
        lease: lease(&state.lease),
    }
}

/// Without a scenario nobody starts anything, as with one that only observes.
const fn mode(mode: Option<Mode>) -> &'static str {
    match mode {
        Some(Mode::Automatic) => "automatic",
        Some(Mode::Approval) => "approval",
        Some(Mode::Observe | Mode::Manual) | None => "observe",
    }
}

fn lease(lease: &LeaseRecord) -> String {
    match lease {
        LeaseRecord::Held { region, epoch } => format!("{region} may hold it, epoch {epoch}"),
        LeaseRecord::Releasing { from, to, epoch } => {
            format!(
                "moves from {from} to {to}, epoch {epoch}: nobody is granted it until {from} has certainly lost it"
            )
        }
    }
}

/// What the agents see, by region.
pub(super) fn regions(policy: &Policy, explanation: &Explanation) -> Vec<Region> {
    explanation.regions.iter().map(|tally| region(policy, tally, &explanation.evidence)).collect()
}

fn region(policy: &Policy, tally: &RegionTally, evidence: &Evidence) -> Region {
    let role = match policy.regions.get(&tally.region).map(|region| region.role) {
        Some(Role::Primary) => "primary",
        Some(Role::Standby) | None => "standby",
    };
    Region {
        name: tally.region.to_string(),
        role: role.to_owned(),
        opinion: opinion(tally.opinion).to_owned(),
        targets: tally.targets.iter().map(|target| votes(target, evidence)).collect(),
    }
}

fn votes(tally: &TargetTally, evidence: &Evidence) -> TargetVotes {
    TargetVotes {
        target: tally.target.to_string(),
        opinion: opinion(tally.opinion).to_owned(),
        needed: tally.needed,
        down: names(&tally.down),
        unarmed: names(&tally.unarmed),
        healthy: names(&tally.healthy),
        suspect: names(&tally.suspect),
        // One that judges by another policy is not silent: it is listed for what it is.
        silent: tally.silent.difference(&tally.mismatched).map(ToString::to_string).collect(),
        mismatched: names(&tally.mismatched),
        reasons: reasons(&tally.target, evidence),
    }
}

fn names<T: ToString>(names: &BTreeSet<T>) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

/// Why the target fails, by agent.
fn reasons(target: &TargetName, evidence: &Evidence) -> BTreeMap<String, String> {
    let of_target = evidence.votes.iter().filter(|vote| vote.target == *target);
    of_target.filter_map(|vote| Some((vote.agent.to_string(), vote.reason?.to_string()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::sample;

    /// Goal: a service is shown with its votes, its reasons and its refusal. Method: a primary that two of three agents
    /// see down, as JSON.
    #[test]
    fn a_failing_service() {
        let (state, explanation) = sample::failing();
        let mut shown = service(&"shop".parse().unwrap(), &state, &explanation);
        assert_eq!(std::mem::take(&mut shown.policy_hash), state.policy_hash);
        insta::assert_snapshot!(serde_json::to_string_pretty(&shown).unwrap());
    }

    /// Goal: a pause and a moving lease are shown. Method: the same service, held, in the midst of a failover.
    #[test]
    fn a_held_service_whose_lease_moves() {
        let (mut state, explanation) = sample::failing();
        state.hold = Some(sample::hold());
        let (from, to) = ("us-east-1".parse().unwrap(), "us-west-2".parse().unwrap());
        state.lease = LeaseRecord::Releasing { from, to, epoch: 2 };
        let shown = service(&"shop".parse().unwrap(), &state, &explanation);
        assert_eq!(shown.hold.unwrap().until.as_deref(), Some("2023-11-14T22:43:20.000Z"));
        assert!(shown.lease.starts_with("moves from us-east-1 to us-west-2, epoch 2"), "{}", shown.lease);
    }
}
