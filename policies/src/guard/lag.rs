//! The lag gate: a replica of unknown position, or one that is too far behind, is not promoted (R16). An operator may
//! accept the loss, for one command, by name and with a reason.

use super::{Refusal, Situation, Trigger, situation::scenario};
use crate::{
    agreement::{LagVote, Opinion, tally_region},
    name::{AgentName, RegionName},
    plan::expand,
    time::Millis,
};
use std::collections::BTreeMap;

/// How long before the failure a reading may have been made. CloudWatch has one point a minute and is one or two late,
/// so the freshest reading before a failure is up to three minutes old; above five the monitoring itself had failed.
pub const READING_AGE_MAX: Millis = Millis::from_secs(300);

/// Why the plan may not promote what it would promote.
pub(super) fn lag(s: &Situation<'_>, trigger: &Trigger, to: &RegionName) -> Option<Refusal> {
    if matches!(trigger, Trigger::Operator { accept_data_loss: true, .. }) {
        return None;
    }
    let max = s.policy.guards.max_replica_lag;
    replicas(s, to).into_iter().find_map(|replica| match estimate(s, &replica) {
        None => Some(Refusal::ReplicaLagUnknown { replica }),
        Some(behind) if behind > max => Some(Refusal::ReplicaLagTooHigh { replica, behind, max }),
        Some(_) => bytes(s, replica),
    })
}

/// Why a replica may not be promoted that is within the limit of time: what it lacks in bytes, where the policy limits them.
/// A reading of which the bytes are not known says nothing of them; the largest of the others counts.
fn bytes(s: &Situation<'_>, replica: String) -> Option<Refusal> {
    let max = s.policy.guards.max_replica_lag_bytes?;
    let known = usable(s, &replica).filter_map(|(vote, _)| vote.bytes).max();
    match known {
        None => Some(Refusal::ReplicaLagBytesUnknown { replica, max }),
        Some(bytes) if bytes > max => Some(Refusal::ReplicaLagBytesTooHigh { replica, bytes, max }),
        Some(_) => None,
    }
}

/// What activating a region would lose, as far as is known: the most that one of the replicas lacks that its plan promotes, and
/// nothing where it promotes none.
pub(super) fn loss(s: &Situation<'_>, to: &RegionName) -> Option<Millis> {
    let each: Option<Vec<Millis>> = replicas(s, to).iter().map(|replica| estimate(s, replica)).collect();
    Some(each?.into_iter().max().unwrap_or_default())
}

/// The replicas that the plan promotes. A plan that cannot be expanded is refused by its expansion.
pub fn replicas(s: &Situation<'_>, to: &RegionName) -> Vec<String> {
    let name = s.plan.or_else(|| scenario(s.policy).map(|(name, _)| name));
    let Some(plan) = name.and_then(|name| s.policy.plans.get(name)) else {
        return Vec::new();
    };
    let inputs = name.map(|name| expand::example_inputs(s.policy, name)).unwrap_or_default();
    let Ok(variables) = expand::variables(s.policy, &s.facts.active, to, &inputs) else { return Vec::new() };
    // Which kind of action it is does not hang on the variables, so the others need none.
    let promoting = plan.steps.values().filter(|step| step.action.promotes().is_some());
    let resolved = promoting.filter_map(|step| step.action.resolved(&variables).ok());
    resolved.filter_map(|action| action.promotes()).collect()
}

/// The largest estimate of what a promotion would lose, over the agents that may be believed.
fn estimate(s: &Situation<'_>, replica: &str) -> Option<Millis> {
    usable(s, replica).map(|(_, behind)| behind).max()
}

/// The readings that say something of the moment of the failure, each with how far the replica was behind then.
fn usable<'a>(s: &'a Situation<'_>, replica: &str) -> impl Iterator<Item = (&'a LagVote, Millis)> {
    let failing = failing(s);
    let votes = s.evidence.lags.iter().filter(move |vote| vote.replica == replica && counts(s, vote));
    votes.filter_map(move |vote| Some((vote, behind_at_failure(vote.behind, vote.measured, failing)?)))
}

fn counts(s: &Situation<'_>, vote: &LagVote) -> bool {
    let member = s.members.contains_key(&vote.agent);
    member && vote.policy_matches && !vote.abstains && vote.age <= s.policy.agreement.freshness
}

/// For how long the active region has certainly been failing: as the voter that has seen it for the shortest time says, of
/// those whose votes agree that it is down. What is taken off a reading is no more than that, so one agent that was cut
/// off for an hour does not make a replica look fresh (R7).
pub(super) fn failing(s: &Situation<'_>) -> Millis {
    let active = tally_region(s.policy, s.members, &s.facts.active, &s.evidence.votes);
    let mut by_voter: BTreeMap<&AgentName, Millis> = BTreeMap::new();
    for target in active.targets.iter().filter(|target| target.opinion == Opinion::Down) {
        let votes = s.evidence.votes.iter().filter(|vote| vote.target == target.target);
        for vote in votes.filter(|vote| target.down.contains(&vote.agent)) {
            let failing = vote.failing_for.map_or(Millis::ZERO, |failing| failing.plus(vote.age));
            let longest = by_voter.entry(&vote.agent).or_default();
            *longest = failing.max(*longest);
        }
    }
    by_voter.into_values().min().unwrap_or_default()
}

/// How far the replica was behind when the failure began.
fn behind_at_failure(behind: Millis, measured: Millis, failing: Millis) -> Option<Millis> {
    if measured >= failing {
        // Made before the failure.
        return (measured.0 - failing.0 <= READING_AGE_MAX.0).then_some(behind);
    }
    // Made after it: PostgreSQL counts from the last replayed transaction, so on a dead primary the lag grows by itself
    // with nothing missing (P12).
    Some(Millis(behind.0.saturating_sub(failing.0 - measured.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: what a reading says about the moment of the failure. Method: a table of seconds: behind, measured so long
    /// ago, failing for so long.
    #[test]
    fn readings_before_and_after_the_failure() {
        let s = Millis::from_secs;
        let table = [
            // No failure: the reading stands as long as it is young.
            (2, 40, 0, Some(2)),
            (2, 300, 0, Some(2)),
            (2, 301, 0, None),
            // Before the failure: it stands, and its age counts from there.
            (2, 100, 60, Some(2)),
            (2, 361, 60, None),
            // After it: what grew by itself is taken off, never below nothing.
            (62, 0, 60, Some(2)),
            (92, 10, 60, Some(42)),
            (5, 10, 60, Some(0)),
        ];
        for (behind, measured, failing, expected) in table {
            let seen = behind_at_failure(s(behind), s(measured), s(failing));
            assert_eq!(seen, expected.map(s), "{behind} {measured} {failing}");
        }
    }
}
