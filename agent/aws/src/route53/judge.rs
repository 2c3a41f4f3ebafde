//! What the record, its epoch record and the change's state mean for a repoint. Pure: no call, no clock.
//!
//! The order of the questions is the safety rule: who moved the record last comes before where it points, so an
//! executor with an older epoch learns that it is stale even where the record already looks right (R4, R5).

use quorate_policies::effect::{Acted, Observed};

use super::goal::Goal;
use super::sets::{Fence, World};
use crate::fault::Fault;

/// Where a repoint stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// It will never be ours to make.
    Barred(String),
    /// The record is at our target under our epoch.
    Applied(String),
    /// It is not, and it is ours to make.
    Open(String),
}

/// How far the change that this process sent has spread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Spread {
    /// This process sent none, or Route 53 has forgotten it: the sets as read decide.
    NotKnown,
    /// All of Route 53's servers have it.
    InSync,
    /// Not yet.
    Pending,
    /// It could not be read.
    Unreadable(String),
}

/// Judges what was read.
pub(super) fn standing(goal: &Goal, world: &World) -> Standing {
    let Goal { record, fence, mark, .. } = goal;
    let ours = match &world.fence {
        Fence::Foreign(text) => {
            return Standing::Barred(format!(
                "{fence} holds `{text}`, which is no epoch of ours: who moved {record} last is not known"
            ));
        }
        Fence::Marked(seen) if seen.epoch() > mark.epoch() => {
            return Standing::Barred(format!(
                "a newer failover, epoch {} of execution {}, has already moved {record}: ours is epoch {}",
                seen.epoch(),
                seen.execution(),
                mark.epoch()
            ));
        }
        Fence::Marked(seen) if seen.epoch() == mark.epoch() && seen.execution() != mark.execution() => {
            return Standing::Barred(format!(
                "epoch {} of {record} is taken by execution {}: two executions share an epoch",
                seen.epoch(),
                seen.execution()
            ));
        }
        Fence::Marked(seen) => seen.epoch() == mark.epoch(),
        Fence::Absent => false,
    };
    if let Some(routing) = world.routing {
        return Standing::Barred(format!(
            "{record} has a routing policy ({routing}): only simple records are moved"
        ));
    }
    match (ours, world.answer.as_ref() == Some(&goal.answer)) {
        (true, true) => Standing::Applied(format!("{record} is at its target under {mark}")),
        (true, false) => Standing::Open(format!("{record} is under our epoch but not at its target")),
        (false, true) => Standing::Open(format!("{record} is at its target, not yet under {mark}")),
        (false, false) => Standing::Open(format!("{record} is not at its target")),
    }
}

/// The observation. A change that is still spreading is waited for even where a read does not show it yet.
pub(super) fn observed(standing: Standing, spread: Spread) -> Observed {
    match (standing, spread) {
        (Standing::Barred(reason), _) => Observed::Impossible { reason },
        (Standing::Applied(what), Spread::InSync) => Observed::Done { detail: format!("{what}, INSYNC") },
        (Standing::Applied(what), Spread::NotKnown) => {
            Observed::Done { detail: format!("{what}, by read-back: its change is not known to this agent") }
        }
        (Standing::Applied(what) | Standing::Open(what), Spread::Pending) => {
            Observed::InProgress { detail: format!("{what}, change PENDING") }
        }
        (Standing::Applied(what) | Standing::Open(what), Spread::Unreadable(why)) => {
            Observed::Unknown { reason: format!("{what}; {why}") }
        }
        (Standing::Open(what), Spread::InSync | Spread::NotKnown) => Observed::not_done(what),
    }
}

/// Why a batch is not sent, if it is not.
pub(super) fn withheld(standing: Standing) -> Option<Acted> {
    match standing {
        Standing::Barred(reason) => {
            Some(Acted::Refused { reason: format!("nothing sent: {reason}"), retryable: false })
        }
        Standing::Applied(what) => Some(Acted::Accepted { detail: format!("nothing sent: {what}") }),
        Standing::Open(_) => None,
    }
}

/// What Route 53's refusal of our batch means, given the world before it and as read back after it. `None` means
/// that the read-back shows no difference, which may be a stale read.
pub(super) fn refused(goal: &Goal, before: &World, after: &World, fault: &Fault) -> Option<Acted> {
    match standing(goal, after) {
        Standing::Barred(why) => {
            Some(Acted::Refused { reason: format!("{why} ({fault})"), retryable: false })
        }
        Standing::Applied(what) => {
            Some(Acted::Unknown { reason: format!("{what}, by an earlier call: {fault}") })
        }
        Standing::Open(_) if after.fence != before.fence => {
            let reason = format!("the epoch record moved between read and change: {fault}");
            Some(Acted::Refused { reason, retryable: true })
        }
        Standing::Open(_) => None,
    }
}

#[cfg(test)]
mod tests;
