//! Targets, components and regions, as this agent sees them and as all of them agree. The votes were taken under the node's
//! lock; they are counted here, where nobody waits.

use super::{
    super::{Snapshot, declared::*, page::Page},
    flag, length, seconds,
};
use quorate_core::ServiceState;
use quorate_policies::{
    AgentName, Policy, ServiceName, TargetName, Timestamp,
    agreement::{Evidence, Opinion, RegionTally, TargetTally, Vote, tally_component, tally_region},
    health::Verdict,
    postgres::DatabaseRole,
};
use std::collections::BTreeMap;

const VERDICTS: [&str; 4] = ["healthy", "suspect", "down", "unknown"];
const OPINIONS: [&str; 3] = ["healthy", "down", "unsure"];

pub(super) fn health(page: &mut Page, s: &Snapshot) {
    for (name, state) in &s.cluster.services {
        let Some(evidence) = s.evidence.get(name) else { continue };
        checks(page, s, name, state, evidence);
        let members = &s.cluster.members;
        for region in state.policy.regions.keys() {
            let tally = tally_region(&state.policy, members, region, &evidence.votes);
            agreement(page, name, &tally);
            for component in probed_components(&state.policy) {
                let tally = tally_component(&state.policy, members, region, component, &evidence.votes);
                let of = [name.as_str(), component.as_str(), region.as_str()];
                page.state(&COMPONENT_VERDICT, &of, &OPINIONS, Some(word(tally.opinion)));
            }
        }
        active_region(page, s, name, state, evidence);
    }
}

/// What this agent itself says of each target; nothing is unknown.
fn checks(page: &mut Page, s: &Snapshot, name: &ServiceName, state: &ServiceState, evidence: &Evidence) {
    let service = name.as_str();
    let own: BTreeMap<&TargetName, &Vote> = own_votes(&s.agent, evidence);
    for (check, probe) in &state.policy.probes {
        page.set(&PROBE_INTERVAL, &[service, check.as_str()], length(probe.interval));
        for region in state.policy.regions.keys() {
            let target = TargetName { check: check.clone(), region: region.clone() };
            let labels = [service, check.as_str(), region.as_str()];
            let vote = own.get(&target);
            let verdict = vote.map_or(Verdict::Unknown, |vote| vote.verdict).to_string();
            page.state(&CHECK_VERDICT, &labels, &VERDICTS, Some(&verdict));
            page.set(&CHECK_ARMED, &labels, flag(vote.is_some_and(|vote| vote.armed)));
            let seen = s.probed.get(&(name.clone(), target));
            page.set(&PROBE_LAST, &labels, seconds(seen.map_or(Timestamp(0), |seen| s.at(seen.at))));
        }
    }
}

fn own_votes<'a>(agent: &AgentName, evidence: &'a Evidence) -> BTreeMap<&'a TargetName, &'a Vote> {
    let own = evidence.votes.iter().filter(|vote| vote.agent == *agent);
    own.map(|vote| (&vote.target, vote)).collect()
}

fn agreement(page: &mut Page, name: &ServiceName, tally: &RegionTally) {
    let (service, region) = (name.as_str(), tally.region.as_str());
    page.state(&VERDICT, &[service, region], &OPINIONS, Some(word(tally.opinion)));
    for target in &tally.targets {
        for (vote, count) in counts(target) {
            page.set(&VOTES, &[service, target.target.check.as_str(), region, vote], count as f64);
        }
    }
}

fn active_region(
    page: &mut Page,
    s: &Snapshot,
    name: &ServiceName,
    state: &ServiceState,
    evidence: &Evidence,
) {
    let labels = [name.as_str()];
    let down = (evidence.down_for.0 > 0).then(|| Timestamp(s.now.0.saturating_sub(evidence.down_for.0)));
    page.set(&DOWN_SINCE, &labels, seconds(down.unwrap_or_default()));
    page.set(&FLAPS, &labels, f64::from(evidence.flaps));
    page.set(&FLAPPING, &labels, flag(evidence.flaps > state.policy.guards.flaps_max));
}

fn probed_components(policy: &Policy) -> impl Iterator<Item = &quorate_policies::ComponentName> {
    policy
        .components
        .keys()
        .filter(|name| policy.probes.values().any(|probe| probe.component.as_ref() == Some(name)))
}

const fn word(opinion: Opinion) -> &'static str {
    match opinion {
        Opinion::Healthy => "healthy",
        Opinion::Down => "down",
        Opinion::Unsure => "unsure",
    }
}

/// Each voter once.
fn counts(tally: &TargetTally) -> [(&'static str, usize); 6] {
    [
        ("healthy", tally.healthy.len()),
        ("suspect", tally.suspect.len()),
        ("down", tally.down.len()),
        ("unarmed", tally.unarmed.len()),
        ("mismatched", tally.mismatched.len()),
        ("silent", tally.silent.difference(&tally.mismatched).count()),
    ]
}

/// Of the latest probe of each PostgreSQL target that got an answer; a server that does not answer has no series, because
/// its role is not known.
pub(super) fn databases(page: &mut Page, s: &Snapshot) {
    for ((service, target), seen) in &s.probed {
        let labels = [service.as_str(), target.check.as_str(), target.region.as_str()];
        if let Some(expiry) = seen.certificate_expiry {
            page.set(&CERTIFICATE_EXPIRY, &labels, seconds(expiry));
        }
        let Some(database) = &seen.result.database else { continue };
        page.set(&POSTGRES_PRIMARY, &labels, flag(database.is_primary()));
        page.set(&POSTGRES_TIMELINE, &labels, f64::from(database.timeline));
        let positions = match database.role {
            DatabaseRole::Primary { written } => vec![("written", Some(written))],
            DatabaseRole::Standby { received, replayed, .. } => {
                vec![("received", received), ("replayed", replayed)]
            }
        };
        for (position, at) in positions {
            let Some(at) = at else { continue };
            let [service, check, region] = labels;
            page.set(&POSTGRES_LSN, &[service, check, region, position], at.0 as f64);
        }
    }
}
