//! One attempt of one step, as a pure loop: observe, act once, observe until the result stands or the deadline has
//! passed. An action of several parts acts once for each, in their order. After a call that was accepted, or may have
//! been applied, the same part is never acted on again in the same attempt, and nothing is acted on that could not be
//! read (R4, P3).

use crate::command::StepOutcome;
use quorate_policies::{
    Millis, Monotonic,
    effect::{Acted, Observed},
    plan::Before,
};

/// First pause between two looks; doubles until [`POLL_MAX`]. Short, so that a fast provider costs no second.
const POLL_FIRST: Millis = Millis(25);
/// How long after a call without a reply the old state must show before the call counts as lost: longer than the
/// longest call takes (8 s), because until then it may still be applied.
const LOST_AFTER: Millis = Millis(10_000);
/// First pause before an attempt that follows a failed one; doubles with each failure, at most [`BACKOFF_MAX`].
const BACKOFF_FIRST: Millis = Millis(250);
/// Longest pause before an attempt: an outage is no time to sleep.
const BACKOFF_MAX: Millis = Millis(5_000);
/// Longest pause between two looks: AWS throttles readers, and a promotion takes minutes.
const POLL_MAX: Millis = Millis(2_000);

/// What the shell has learnt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepEvent {
    /// The attempt begins, or a pause has passed.
    Ready,
    /// What reading the world showed.
    Observed(Observed),
    /// The look was given up because it took too long: it showed nothing.
    Unanswered {
        /// How long it was waited for.
        within: Millis,
    },
    /// What became of the act.
    Acted(Acted),
    /// The read barrier and the check before the effect refused: the step is not ours any more, or held.
    NotAllowed(String),
}

/// What the shell shall do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepWork {
    /// Read the world.
    Observe,
    /// Ask whether the step is still ours, commit what stands before, then act, once.
    Act {
        /// Which part of the action.
        part: u8,
        /// What stands before and is lost with the act.
        before: Option<Before>,
    },
    /// Wait so long, then come again with [`StepEvent::Ready`].
    Wait(Millis),
    /// Report.
    Finish(StepOutcome),
    /// Leave without a word: another agent has the step, or a hold stands.
    Leave(String),
}

/// One attempt.
#[derive(Debug, Clone)]
pub struct StepRun {
    deadline: Monotonic,
    backoff: Option<Millis>,
    must_be_ours: bool,
    resumed: bool,
    pause: Millis,
    /// The part that was acted on last.
    acted: Option<u8>,
    /// The one before it: a call that was certainly not applied counts as never made.
    acted_before: Option<u8>,
    lost_at: Option<Monotonic>,
    last: String,
    /// How long a look that showed nothing was waited for after that.
    unanswered: Option<Millis>,
    /// The last look did not rule out that something is under way.
    unsure: bool,
    /// Nothing is ever under way: an answer is waited for, and none came.
    only_asks: bool,
}

impl StepRun {
    /// An attempt that began at `now`, may take `timeout`, and follows so many failed ones.
    #[must_use]
    pub fn new(now: Monotonic, timeout: Millis, failures: u32) -> Self {
        let backoff = (failures > 0)
            .then(|| Millis(BACKOFF_FIRST.0 << failures.min(8).saturating_sub(1)).min(BACKOFF_MAX));
        Self {
            deadline: now.plus(timeout),
            backoff,
            must_be_ours: false,
            resumed: false,
            pause: POLL_FIRST,
            acted: None,
            acted_before: None,
            lost_at: None,
            last: "nothing was observed".to_owned(),
            unanswered: None,
            unsure: true,
            only_asks: false,
        }
    }

    /// Nobody has acted in this irreversible step: its result cannot stand already. A database that is no replica before
    /// anybody promoted it is another one than the plan means, perhaps an old primary with old data (R24, R18).
    #[must_use]
    pub fn must_be_ours(self, must: bool) -> Self {
        Self { must_be_ours: must, ..self }
    }

    /// An earlier process of this agent had begun the attempt, and may have acted: what it did may be on its way.
    #[must_use]
    pub fn resumed(self, resumed: bool) -> Self {
        Self { resumed, ..self }
    }

    /// Only waits for an answer, so that its end is certain whatever was seen.
    #[must_use]
    pub fn only_asks(self, only: bool) -> Self {
        Self { only_asks: only, ..self }
    }

    /// Waits so long before the first look.
    #[must_use]
    pub fn delayed(self, delay: Millis) -> Self {
        let backoff = if delay.is_zero() { self.backoff } else { Some(delay) };
        Self { backoff, deadline: self.deadline.plus(delay), ..self }
    }

    /// The outcome of an attempt that is not carried on: its execution was aborted.
    #[must_use]
    pub fn abandoned(&self) -> StepOutcome {
        let reason = format!("the execution was aborted; last seen: {}", self.seen());
        self.without_end(reason)
    }

    /// What is known of an attempt that ends without its result.
    fn without_end(&self, reason: String) -> StepOutcome {
        let under_way = (self.acted.is_some() || self.resumed || self.unsure) && !self.only_asks;
        // Never acted on, and seen not to be done: nothing is under way, ours or an earlier attempt's.
        if under_way { StepOutcome::Unknown { reason } } else { StepOutcome::Failed { reason } }
    }

    /// What cannot be done any further. With a part of it done, or perhaps done, it is not known what stands.
    fn impossible(&self, acted: Option<u8>, reason: String) -> StepWork {
        StepWork::Finish(if acted.is_some() || self.resumed {
            StepOutcome::Unknown { reason: format!("it cannot be done any further, and was begun: {reason}") }
        } else {
            StepOutcome::Impossible { reason }
        })
    }

    /// When the attempt must end.
    #[must_use]
    pub const fn deadline(&self) -> Monotonic {
        self.deadline
    }

    /// Takes what was learnt and says what comes next.
    pub fn next(&mut self, now: Monotonic, event: StepEvent) -> StepWork {
        match event {
            StepEvent::Ready => self.backoff.take().map_or(StepWork::Observe, StepWork::Wait),
            StepEvent::NotAllowed(why) => StepWork::Leave(why),
            StepEvent::Observed(observed) => self.observed(now, observed),
            StepEvent::Unanswered { within } => self.unanswered(now, within),
            StepEvent::Acted(acted) => self.acted(now, acted),
        }
    }

    /// What was seen before stays what was last seen: it says more than a look that showed nothing.
    fn unanswered(&mut self, now: Monotonic, within: Millis) -> StepWork {
        (self.unsure, self.unanswered) = (true, Some(within));
        self.pause(now)
    }

    fn observed(&mut self, now: Monotonic, observed: Observed) -> StepWork {
        self.unanswered = None;
        self.unsure = matches!(observed, Observed::Unknown { .. } | Observed::InProgress { .. });
        match observed {
            Observed::Done { detail } if self.must_be_ours && self.acted.is_none() => {
                let reason =
                    format!("it stands before anything was done, so it is not what the plan means: {detail}");
                StepWork::Finish(StepOutcome::Impossible { reason })
            }
            Observed::Done { detail } => StepWork::Finish(StepOutcome::Succeeded { detail }),
            Observed::Impossible { reason } => self.impossible(self.acted, reason),
            // It did something, so no outcome may call it undone.
            Observed::Broken { reason, again: true } => StepWork::Finish(StepOutcome::Unknown { reason }),
            Observed::Broken { reason, again: false } => StepWork::Finish(StepOutcome::Broken { reason }),
            Observed::NotDone { detail, part, before } if self.acted.is_none_or(|acted| acted < part) => {
                self.last = detail;
                if now >= self.deadline {
                    return self.give_up();
                }
                self.acted_before = self.acted;
                self.acted = Some(part);
                self.lost_at = None;
                StepWork::Act { part, before }
            }
            // The reply was lost and nothing came of the call: the next attempt observes and may act.
            Observed::NotDone { detail, .. }
                if self.lost_at.is_some_and(|at| now.since(at) >= LOST_AFTER) =>
            {
                StepWork::Finish(StepOutcome::Unknown {
                    reason: format!("the call's reply was lost; {detail}"),
                })
            }
            // After the act the provider may show the old state for a while: look again, never act twice.
            Observed::NotDone { detail: seen, .. }
            | Observed::InProgress { detail: seen }
            | Observed::Unknown { reason: seen } => {
                self.last = seen;
                self.pause(now)
            }
        }
    }

    fn acted(&mut self, now: Monotonic, acted: Acted) -> StepWork {
        match acted {
            Acted::Accepted { .. } => {
                self.pause = POLL_FIRST;
                StepWork::Observe
            }
            // Certainly not applied: after a pause, look and act again.
            Acted::Refused { reason, retryable: true } => {
                self.acted = self.acted_before;
                self.last = reason;
                self.pause(now)
            }
            Acted::Refused { reason, retryable: false } => self.impossible(self.acted_before, reason),
            Acted::Unknown { reason } => {
                self.lost_at = Some(now);
                self.last = reason;
                self.pause(now)
            }
        }
    }

    fn pause(&mut self, now: Monotonic) -> StepWork {
        // A call without a reply may still be applied, and the next attempt must not act beside it.
        let end = self.lost_at.map_or(self.deadline, |at| self.deadline.max(at.plus(LOST_AFTER)));
        if now >= end {
            return self.give_up();
        }
        let left = end.since(now);
        let pause = self.pause.min(left);
        self.pause = Millis(self.pause.0 * 2).min(POLL_MAX);
        StepWork::Wait(pause)
    }

    fn give_up(&self) -> StepWork {
        let reason = format!("not done in time; last seen: {}", self.seen());
        StepWork::Finish(self.without_end(reason))
    }

    /// What was seen last, and that nothing was seen since.
    fn seen(&self) -> String {
        match self.unanswered {
            Some(within) => format!("{}; then the world did not answer within {within}", self.last),
            None => self.last.clone(),
        }
    }
}
