//! What a scaling works towards: a count, a range for Application Auto Scaling, and in which order the two are set.
//! Pure, and a function of the plan and of what was noted before the first act, so that it is the same at every look
//! and on every agent.

use quorate_policies::effect::Acted;
use quorate_policies::plan::Before;
use quorate_policies::plan::action::{EcsScale, ScalingRange};

use super::wanted::part_of;
use crate::fault::Fault;

/// The service as error texts name it, the counts, and the range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Goal {
    /// The service, as texts name it.
    pub(super) name: String,
    /// Tasks wanted.
    pub(super) wanted: u32,
    /// Tasks that must run for the step to be done.
    pub(super) enough: u32,
    /// Where the wanted count comes from.
    pub(super) because: String,
    range: Option<RangeGoal>,
    count_first: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct RangeGoal {
    range: ScalingRange,
    /// A larger maximum does as well: it was only widened to hold the count.
    wider_will_do: bool,
}

/// One thing to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// The desired count.
    Count,
    /// Application Auto Scaling's range.
    Range(ScalingRange),
}

impl Goal {
    /// The goal, by the plan and what stood before.
    ///
    /// # Errors
    /// If what was noted is another action's.
    pub(super) fn new(action: &EcsScale, before: &Before) -> Result<Self, String> {
        let Before::Scaled { wanted, because, desired, scaling } = before else {
            return Err(format!("what was noted is not a scaling's: {before}"));
        };
        let range = scaling.map(|old| range(action, *wanted, old));
        let enough = part_of(*wanted, action.enough_percent).max(u32::from(*wanted > 0));
        Ok(Goal {
            name: format!("service {}/{}", action.cluster, action.service),
            wanted: *wanted,
            enough,
            because: because.clone(),
            count_first: range.is_some_and(|goal| moves_elsewhere(goal.range, *desired, *wanted)),
            range,
        })
    }

    /// What comes next, or `None` if count and range are as wanted. A range that has gone is not made again.
    pub(super) fn next(&self, desired: u32, present: Option<ScalingRange>) -> Option<Change> {
        let range = self
            .range
            .zip(present)
            .and_then(|(goal, present)| (!goal.is_met_by(present)).then_some(Change::Range(goal.range)));
        let count = (desired != self.wanted).then_some(Change::Count);
        if self.count_first { count.or(range) } else { range.or(count) }
    }

    /// The part of a change. The count is part 1 unless it goes first.
    pub(super) const fn part(&self, change: Change) -> u8 {
        match (change, self.count_first) {
            (Change::Range(_), false) | (Change::Count, true) => 0,
            (Change::Range(_), true) | (Change::Count, false) => 1,
        }
    }

    /// The change that a part makes.
    pub(super) fn change(&self, part: u8) -> Option<Change> {
        let range = self.range.map(|goal| Change::Range(goal.range));
        [Some(Change::Count), range].into_iter().flatten().find(|change| self.part(*change) == part)
    }
}

impl RangeGoal {
    const fn is_met_by(self, present: ScalingRange) -> bool {
        let max_met =
            if self.wider_will_do { present.max >= self.range.max } else { present.max == self.range.max };
        present.min == self.range.min && max_met
    }
}

/// The range to work towards: the plan's own; nothing at all for a fence, which must not be scaled out again (R14);
/// else one that starts at the wanted count and ends where it did.
fn range(action: &EcsScale, wanted: u32, old: ScalingRange) -> RangeGoal {
    match (action.scaling, wanted) {
        (Some(range), _) => RangeGoal { range, wider_will_do: false },
        (None, 0) => RangeGoal { range: ScalingRange { min: 0, max: 0 }, wider_will_do: false },
        (None, _) => {
            let range = ScalingRange { min: wanted, max: old.max.max(wanted) };
            RangeGoal { range, wider_will_do: true }
        }
    }
}

/// Application Auto Scaling brings a count that is outside a new range to its nearer end. Where that is another count
/// than the wanted one, it would race with the count that is set next, so the count goes first: scaling in from 10 to 2
/// with a range of 1 to 4, it would choose 4.
const fn moves_elsewhere(range: ScalingRange, present: u32, wanted: u32) -> bool {
    let chosen = if present < range.min {
        range.min
    } else if present > range.max {
        range.max
    } else {
        present
    };
    chosen != present && chosen != wanted
}

/// What a refused range means: a target that another update holds may be tried again.
pub(super) fn refusal(fault: &Fault) -> Acted {
    match (fault.acted(), fault.code()) {
        (Acted::Refused { reason, .. }, Some("ConcurrentUpdateException")) => {
            Acted::Refused { reason, retryable: true }
        }
        (acted, _) => acted,
    }
}

/// The service as Application Auto Scaling names it, from names or ARNs.
pub(super) fn resource(cluster: &str, service: &str) -> String {
    format!("service/{}/{}", short_name(cluster), short_name(service))
}

/// The last part of an ARN, or the name itself.
pub(super) fn short_name(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

#[cfg(test)]
mod tests;
