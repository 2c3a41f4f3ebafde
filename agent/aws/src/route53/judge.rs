//! What the record, its epoch record and the change's state mean for a repoint. Pure: no call, no clock.
//!
//! The order of the questions is the safety rule: who moved the record last comes before where it points, so an
//! executor with an older epoch learns that it is stale even where the record already looks right (R4, R5).

use quorate_policies::effect::{Acted, Observed};
use quorate_policies::plan::Before;

use super::goal::Goal;
use super::sets::World;
use super::shape;
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
    let ours = match mark.has_moved(&world.fence, record, fence) {
        Ok(ours) => ours,
        Err(why) => return Standing::Barred(why),
    };
    if let Some(why) = shape::misfit(goal, world) {
        return Standing::Barred(why);
    }
    match (ours, world.record.answers(&goal.answer)) {
        (true, true) => Standing::Applied(format!("{record} is at its target under {mark}")),
        (true, false) => Standing::Open(format!("{record} is under our epoch but not at its target")),
        (false, true) => Standing::Open(format!("{record} is at its target, not yet under {mark}")),
        (false, false) => Standing::Open(format!("{record} is not at its target")),
    }
}

/// Waits for a change that is still spreading: until it has, the sets need not be read. `None` means that they decide.
pub(super) fn waited(goal: &Goal, spread: &Spread) -> Option<Observed> {
    let Goal { record, mark, .. } = goal;
    match spread {
        Spread::Pending => {
            Some(Observed::InProgress { detail: format!("{record}: the change of {mark} is PENDING") })
        }
        Spread::Unreadable(why) => Some(Observed::Unknown { reason: format!("{record}: {why}") }),
        Spread::InSync | Spread::NotKnown => None,
    }
}

/// The observation by the sets as read.
pub(super) fn observed(goal: &Goal, world: &World, spread: &Spread) -> Observed {
    match standing(goal, world) {
        Standing::Barred(reason) => Observed::Impossible { reason },
        Standing::Applied(what) => match spread {
            Spread::InSync => Observed::Done { detail: format!("{what}, INSYNC") },
            Spread::NotKnown | Spread::Pending | Spread::Unreadable(_) => Observed::Done {
                detail: format!("{what}, by read-back: its change is not known to this agent"),
            },
        },
        Standing::Open(detail) => {
            let before = world.record.before().map(|answer| Before::Repointed { answer });
            Observed::NotDone { detail, part: 0, before }
        }
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
