//! Which region to activate, where there are several to choose from. It authorizes nothing: every guard is asked about the one
//! that is chosen.

use super::{Situation, lag};
use crate::{
    agreement::{Opinion, tally_region},
    name::RegionName,
};

/// Of the regions that the agents see healthy the one whose replicas lack least (R16), a known lag before an unknown one; of
/// equals the first by name. Where none is healthy the first by name, so that the refusal can name it.
#[must_use]
pub fn best<'a>(s: &Situation<'a>) -> Option<&'a RegionName> {
    let others: Vec<_> = s.policy.regions.keys().filter(|region| **region != s.facts.active).collect();
    // A service in two regions has nothing to choose from, and is asked for it many times a second.
    if let [only] = others[..] {
        return Some(only);
    }
    let healthy = |region: &&&RegionName| {
        tally_region(s.policy, s.members, region, &s.evidence.votes).opinion == Opinion::Healthy
    };
    let lacks = |region: &&&RegionName| {
        let lost = lag::loss(s, region);
        (lost.is_none(), lost)
    };
    others.iter().filter(healthy).min_by_key(lacks).or(others.first()).copied()
}
