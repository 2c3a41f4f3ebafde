//! The readiness gate (R21): what stood in the way of the plan before the failure began keeps automation from half a
//! failover. What was found later does not count: a region that dies makes much look broken that is only gone. What
//! nobody could look at does not count either; it is not known to be in the way (R7).

use super::{Refusal, Situation, lag::failing};
use crate::{agreement::LookVote, name::RegionName, time::Millis};

/// How long before the failure a look may have been made: three turns of half an hour each. An older one tells of an agent
/// that no longer looks.
pub const LOOK_AGE_MAX: Millis = Millis::from_secs(90 * 60);

/// Why the plan is not ready, as the latest look before the failure found it.
pub(super) fn ready(s: &Situation<'_>, to: &RegionName) -> Option<Refusal> {
    if !s.policy.guards.require_ready {
        return None;
    }
    let failing = failing(s);
    let before = |vote: &&LookVote| {
        vote.to == *to
            && counts(s, vote)
            && vote.measured >= failing
            && vote.measured.0 - failing.0 <= LOOK_AGE_MAX.0
    };
    let latest =
        s.evidence.looks.iter().filter(before).min_by_key(|vote| (vote.measured, vote.agent.clone()))?;
    let finding = latest.blocked.clone()?;
    Some(Refusal::PlanNotReady { region: to.clone(), agent: latest.agent.clone(), finding })
}

fn counts(s: &Situation<'_>, vote: &LookVote) -> bool {
    let member = s.members.contains_key(&vote.agent);
    member && vote.policy_matches && !vote.abstains && vote.age <= s.policy.agreement.freshness
}
