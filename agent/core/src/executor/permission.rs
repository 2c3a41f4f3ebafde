//! May this attempt begin, and may it act now: read barrier, check, intent, note. Every answer is younger than the
//! question by the length of a quorum round, and too old an answer is none.

use super::propose;
use crate::{Body, Response, StepState, node::StepOrder, surroundings::Surroundings};
use quorate_policies::{Millis, guard::Refusal, plan::Before};
use std::time::Duration;

/// The quorum round before an intent and before an effect. An agent without quorum does nothing (R11).
const BARRIER_MAX: Duration = Duration::from_secs(2);
/// How old a permission may be: the barrier's own deadline, and room for a busy machine.
const ALLOWED_FOR: Millis = Millis(3_000);

/// What the log knew of a step before this agent began with it.
pub(super) struct Begun {
    /// An earlier attempt, or this one before, may have acted.
    pub(super) acted: bool,
    /// This attempt was, by an earlier process of this agent or before it let go.
    pub(super) resumed: bool,
    /// An attempt that had begun was lost or stayed unknown.
    pub(super) unheard: bool,
}

/// The write-ahead intent (R1), also for an attempt that this agent had begun before it stopped or let go: whatever was
/// under way then may still land, and who takes the step back must know (R4). What had been begun is read from the log
/// after the barrier: the order may come from the older state with which a restarted agent began.
pub(super) async fn begin(around: &impl Surroundings, order: &StepOrder) -> Result<Begun, String> {
    allowed(around, order).await?;
    let state = around.state();
    let progress =
        state.executions.get(&order.execution).and_then(|execution| execution.steps.get(&order.name));
    // What was begun may have acted, unless it would have left a note: an attempt whose looks were never answered has not.
    let acted = progress.is_some_and(|progress| {
        progress.started_at.is_some() && (progress.before.is_some() || !order.step.action.notes_first())
    });
    let resumed = progress.is_some_and(|progress| matches!(progress.state, StepState::Started { .. }));
    let unheard = progress.is_some_and(|progress| progress.unheard);
    let begun = Begun { acted, resumed, unheard };
    let (execution, step, attempt) = (order.execution.clone(), order.name.clone(), order.attempt);
    let (what, body) = if begun.resumed {
        ("resume", Body::ResumeStep { execution, step, attempt })
    } else {
        ("start", Body::StartStep { execution, step, attempt })
    };
    match propose(around, order, what, body).await {
        Ok(Response::Refused { refusal }) => Err(refusal.to_string()),
        Ok(_) => Ok(begun),
        Err(why) => Err(why),
    }
}

/// The last permission before an effect: the check, and a note of what the effect takes away. Committing the note is a
/// quorum round of its own, so the check is made after it.
pub(super) async fn permit(
    around: &impl Surroundings,
    order: &StepOrder,
    before: Option<Before>,
) -> Result<(), String> {
    if let Some(before) = before.filter(|_| noted(around, order).is_none()) {
        let (execution, step, attempt) = (order.execution.clone(), order.name.clone(), order.attempt);
        let body = Body::NoteStep { execution, step, attempt, before };
        if let Response::Refused { refusal } = propose(around, order, "note", body).await? {
            return Err(refusal.to_string());
        }
    }
    allowed(around, order).await
}

/// Read barrier, then the check that the step is still ours and nothing holds (R5).
async fn allowed(around: &impl Surroundings, order: &StepOrder) -> Result<(), String> {
    let asked = around.now().mono;
    around.barrier(BARRIER_MAX).await?;
    let state = around.state();
    if let Some(why) = around.with_node(|node, now| node.abstains(now.mono)) {
        return Err(why);
    }
    let now = state.clock.max(around.now().wall);
    let may = state.may_act_at(now, around.name(), &order.execution, &order.name, order.attempt);
    may.map_err(|refusal: Refusal| refusal.to_string())?;
    // A process that was stopped since it asked holds an old answer.
    let old = around.now().mono.since(asked) > ALLOWED_FOR;
    if old { Err("the permission has grown old".to_owned()) } else { Ok(()) }
}

/// What was noted before the step's first act, by any agent.
pub(super) fn noted(around: &impl Surroundings, order: &StepOrder) -> Option<Before> {
    let state = around.state();
    state.executions.get(&order.execution)?.steps.get(&order.name)?.before.clone()
}
