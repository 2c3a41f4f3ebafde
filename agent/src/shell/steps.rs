//! Runs one attempt of one step: read barrier, check, intent, then what [`StepRun`] says. The loop here only carries
//! messages between it, the log and the world.

use super::{Agent, agent::PROPOSE_MAX, signal};
use quorate_core::{
    Body, Command, Response, StepOutcome,
    cluster::execution::{ExecutionState, StepState},
    node::{Input, StepOrder},
    step_run::{StepEvent, StepRun, StepWork},
};
use quorate_policies::{
    Millis,
    effect::{Acted, EffectContext},
    guard::Refusal,
    plan::{Action, Before},
};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// The quorum round before an intent and before an effect. An agent without quorum does nothing (R11).
const BARRIER_MAX: Duration = Duration::from_secs(2);
/// How old a permission may be: the barrier's own deadline, and room for a busy machine.
const ALLOWED_FOR: Millis = Millis(3_000);
/// The longest single call to the world: an AWS operation gives up after 8 s by itself.
const CALL_MAX: Duration = Duration::from_secs(12);
/// The least time for a look, also when the step's own is over: the last look decides what is reported.
const LAST_LOOK: Duration = Duration::from_millis(500);
/// Pause before a step that could not begin is offered again: a hold or a lost quorum does not end sooner.
const OFFER_AGAIN: Duration = Duration::from_millis(250);

/// Runs an attempt until its outcome is in the log, or the step is somebody else's.
pub(super) async fn run(agent: &Agent, order: &StepOrder) {
    let span = format!("{}/{}#{}", order.execution, order.name, order.attempt);
    let begun_before = match begin(agent, order).await {
        Ok(begun_before) => begun_before,
        Err(why) if aborted(agent, order) => {
            let reason = format!("the execution was aborted, and this agent began anew: {why}");
            return finish(agent, order, StepOutcome::Unknown { reason }).await;
        }
        Err(why) => {
            tracing::debug!(step = %span, %why, "not begun");
            return leave(agent, order).await;
        }
    };
    tracing::info!(step = %span, action = order.step.action.kind(), resumed = order.started, "step begins");
    let mut context = context(agent, order);
    let mut attempt = StepRun::new(mono(agent), order.step.timeout, order.failures)
        .must_be_ours(!order.step.reversible && !begun_before)
        .delayed(order.step.delay);
    let mut event = StepEvent::Ready;
    loop {
        event = match attempt.next(mono(agent), event) {
            StepWork::Observe => {
                let left = attempt.deadline().since(mono(agent)).duration().clamp(LAST_LOOK, CALL_MAX);
                observe(agent, order, &context, left).await
            }
            StepWork::Act { part, before } => match permit(agent, order, before).await {
                Ok(()) => {
                    context.before = noted(agent, order);
                    StepEvent::Acted(act(agent, order, part, &context).await)
                }
                Err(why) => StepEvent::NotAllowed(why),
            },
            StepWork::Wait(Millis(pause)) => {
                sleep(Duration::from_millis(pause)).await;
                StepEvent::Ready
            }
            StepWork::Finish(outcome) => {
                tracing::info!(step = %span, outcome = ?outcome, "step ends");
                return finish(agent, order, outcome).await;
            }
            StepWork::Leave(_) if aborted(agent, order) => {
                tracing::info!(step = %span, "step ends: the execution was aborted");
                return finish(agent, order, attempt.abandoned()).await;
            }
            StepWork::Leave(why) => {
                tracing::info!(step = %span, %why, "step left");
                return leave(agent, order).await;
            }
        };
    }
}

/// The write-ahead intent (R1). A step that this agent began before is only checked. Whether any attempt had ever been
/// begun before: the order does not know, because it may come from the state with which a restarted agent began.
async fn begin(agent: &Agent, order: &StepOrder) -> Result<bool, String> {
    allowed(agent, order).await?;
    let state = agent.consensus.state();
    let progress =
        state.executions.get(&order.execution).and_then(|execution| execution.steps.get(&order.name));
    let begun_before = progress.is_some_and(|progress| progress.started_at.is_some());
    if order.started {
        return Ok(begun_before);
    }
    let body = Body::StartStep {
        execution: order.execution.clone(),
        step: order.name.clone(),
        attempt: order.attempt,
    };
    match propose(agent, order, "start", body).await {
        Ok(Response::Refused { refusal }) => Err(refusal.to_string()),
        Ok(_) => Ok(begun_before),
        Err(why) => Err(why),
    }
}

/// Read barrier, then the check that the step is still ours and nothing holds (R5).
async fn allowed(agent: &Agent, order: &StepOrder) -> Result<(), String> {
    let asked = mono(agent);
    agent.consensus.barrier(BARRIER_MAX).await.map_err(|error| error.to_string())?;
    let state = agent.consensus.state();
    let abstains = agent.with_node(|node, now| node.abstains(now.mono));
    if let Some(why) = abstains {
        return Err(why);
    }
    let now = state.clock.max(agent.clock.now().wall);
    let may = state.may_act_at(now, &agent.file.name, &order.execution, &order.name, order.attempt);
    may.map_err(|refusal: Refusal| refusal.to_string())?;
    // A process that was stopped since it asked holds an old answer.
    if mono(agent).since(asked) > ALLOWED_FOR {
        Err("the permission has grown old".to_owned())
    } else {
        Ok(())
    }
}

/// The last permission before an effect: the check, and a note of what the effect takes away. Committing the note is a
/// quorum round of its own, so the check is made in it.
async fn permit(agent: &Agent, order: &StepOrder, before: Option<Before>) -> Result<(), String> {
    if let Some(before) = before.filter(|_| noted(agent, order).is_none()) {
        let body = Body::NoteStep {
            execution: order.execution.clone(),
            step: order.name.clone(),
            attempt: order.attempt,
            before,
        };
        if let Response::Refused { refusal } = propose(agent, order, "note", body).await? {
            return Err(refusal.to_string());
        }
    }
    allowed(agent, order).await
}

/// What was noted before the step's first act, by any agent.
fn noted(agent: &Agent, order: &StepOrder) -> Option<Before> {
    let state = agent.consensus.state();
    state.executions.get(&order.execution)?.steps.get(&order.name)?.before.clone()
}

/// Whether the step is begun and ours, and its execution takes everything back: it must be reported, because the undo
/// waits for it.
fn aborted(agent: &Agent, order: &StepOrder) -> bool {
    let state = agent.consensus.state();
    let Some(execution) = state.executions.get(&order.execution) else { return false };
    let undoing =
        matches!(execution.state, ExecutionState::Undoing { .. }) && !execution.may_run(&order.name);
    let started = StepState::Started { agent: agent.file.name.clone() };
    let progress = execution.steps.get(&order.name);
    undoing && progress.is_some_and(|p| p.state == started && p.attempt == order.attempt)
}

/// A look changes nothing, so it is cut short where the step's own time ends.
async fn observe(agent: &Agent, order: &StepOrder, context: &EffectContext, left: Duration) -> StepEvent {
    if let Action::Route53Signal(action) = &order.step.action {
        return StepEvent::Observed(signal::observe(agent, order, action));
    }
    let look = timeout(left, agent.effects.observe(&order.step.action, context)).await;
    let within = Millis(u64::try_from(left.as_millis()).unwrap_or(u64::MAX));
    look.map_or(StepEvent::Unanswered { within }, StepEvent::Observed)
}

async fn act(agent: &Agent, order: &StepOrder, part: u8, context: &EffectContext) -> Acted {
    if let Action::Route53Signal(action) = &order.step.action {
        return signal::act(agent, order, action).await;
    }
    let call = agent.effects.act(&order.step.action, part, context);
    // A call without a reply may have been applied (P3).
    let late = || Acted::Unknown { reason: format!("no reply within {CALL_MAX:?}") };
    timeout(CALL_MAX, call).await.unwrap_or_else(|_| late())
}

/// Reports until the log has taken it, or another assignment has taken its place.
async fn finish(agent: &Agent, order: &StepOrder, outcome: StepOutcome) {
    let body = Body::FinishStep {
        execution: order.execution.clone(),
        step: order.name.clone(),
        attempt: order.attempt,
        outcome,
    };
    loop {
        match propose(agent, order, "finish", body.clone()).await {
            Ok(Response::Refused { refusal }) => {
                tracing::info!(execution = %order.execution, step = %order.name, %refusal, "outcome not taken");
                return;
            }
            Ok(_) => return,
            Err(why) => {
                tracing::warn!(execution = %order.execution, step = %order.name, %why, "outcome not in the log yet");
                sleep(OFFER_AGAIN).await;
            }
        }
    }
}

async fn leave(agent: &Agent, order: &StepOrder) {
    sleep(OFFER_AGAIN).await;
    agent.input(Input::StepLeft {
        execution: order.execution.clone(),
        step: order.name.clone(),
        attempt: order.attempt,
    });
}

/// The id names the attempt, so that a repetition after a lost reply is applied once.
pub(super) async fn propose(
    agent: &Agent,
    order: &StepOrder,
    what: &str,
    body: Body,
) -> Result<Response, String> {
    let id = format!("{}/{}/{}/{what}", order.execution, order.name, order.attempt);
    let command = Command { id, at: agent.clock.now().wall, by: agent.file.name.clone(), body };
    let response = agent.consensus.propose(command, PROPOSE_MAX).await.map_err(|error| error.to_string());
    agent.refresh();
    response
}

fn context(agent: &Agent, order: &StepOrder) -> EffectContext {
    EffectContext {
        service: order.service.to_string(),
        execution: order.execution.clone(),
        epoch: order.epoch,
        attempt: order.attempt,
        from: order.from.to_string(),
        to: order.to.to_string(),
        before: noted(agent, order),
        role: order.step.role.clone(),
    }
}

fn mono(agent: &Agent) -> quorate_policies::Monotonic {
    agent.clock.now().mono
}
