//! Runs one attempt of one step as `agent/src/shell/steps.rs` does: read barrier, check, intent, then what [`StepRun`]
//! says. Only the waits are the simulation's own.

use super::{
    Broken,
    host::{Host, PROPOSE_MAX},
};
use quorate_core::{
    Body, Command, ExecutionState, Response, StepEvent, StepOutcome, StepRun, StepState, StepWork,
    node::{Input, StepOrder},
};
use quorate_policies::{
    Millis,
    effect::{Acted, EffectContext},
    guard::Refusal,
    plan::Before,
};
use std::time::Duration;

/// These five are as the agent's shell has them.
const ALLOWED_FOR: Millis = Millis(3_000);
const BARRIER_MAX: Duration = Duration::from_secs(2);
const CALL_MAX: Duration = Duration::from_secs(12);
const LAST_LOOK: Duration = Duration::from_millis(500);
const OFFER_AGAIN: Duration = Duration::from_millis(250);

/// Runs an attempt until its outcome is in the log, the step is somebody else's, or the host is dead.
pub(super) async fn run(host: &Host, order: &StepOrder) {
    let Ok(begun_before) = begin(host, order).await else { return leave(host, order).await };
    let context = context(host, order);
    let mut attempt = StepRun::new(host.now().mono, order.step.timeout, order.failures)
        .must_be_ours(!order.step.reversible && !begun_before)
        .delayed(order.step.delay);
    let mut event = StepEvent::Ready;
    while host.runs().await {
        event = match attempt.next(host.now().mono, event) {
            StepWork::Observe => {
                let left = attempt.deadline().since(host.now().mono).duration().clamp(LAST_LOOK, CALL_MAX);
                observe(host, order, &context, left).await
            }
            StepWork::Act { before, .. } => match permit(host, order, before).await {
                Ok(()) => StepEvent::Acted(act(host, order, &context).await),
                Err(why) => StepEvent::NotAllowed(why),
            },
            StepWork::Wait(pause) => {
                host.sleep(pause.duration()).await;
                StepEvent::Ready
            }
            StepWork::Finish(outcome) => return finish(host, order, outcome).await,
            StepWork::Leave(_) if aborted(host, order) => {
                return finish(host, order, attempt.abandoned()).await;
            }
            StepWork::Leave(_) => return leave(host, order).await,
        };
    }
}

/// The write-ahead intent (R1). A step that this agent began before is only checked. Whether any attempt had ever been
/// begun before: the order may be too old to know.
async fn begin(host: &Host, order: &StepOrder) -> Result<bool, String> {
    if host.broken == Some(Broken::NoIntent) {
        return Ok(false);
    }
    allowed(host, order).await?;
    let state = host.consensus.state();
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
    let answer = propose(host, order, "start", body).await;
    match answer {
        _ if host.broken == Some(Broken::NoCheck) => Ok(begun_before),
        Ok(Response::Refused { refusal }) => Err(refusal.to_string()),
        Ok(_) => Ok(begun_before),
        Err(why) => Err(why),
    }
}

/// Read barrier, then the check that the step is still ours and nothing holds (R5).
async fn allowed(host: &Host, order: &StepOrder) -> Result<(), String> {
    if host.broken == Some(Broken::NoCheck) {
        return Ok(());
    }
    let asked = host.now().mono;
    host.consensus.barrier(BARRIER_MAX).await.map_err(|error| error.to_string())?;
    host.runs().await;
    let state = host.consensus.state();
    if let Some(why) = host.with_node(|node, now| node.abstains(now.mono)) {
        return Err(why);
    }
    let now = state.clock.max(host.now().wall);
    let may = state.may_act_at(now, &host.name, &order.execution, &order.name, order.attempt);
    may.map_err(|refusal: Refusal| refusal.to_string())?;
    // A process that was stopped since it asked holds an old answer.
    let old = host.now().mono.since(asked) > ALLOWED_FOR;
    if old { Err("the permission has grown old".to_owned()) } else { Ok(()) }
}

async fn observe(host: &Host, order: &StepOrder, context: &EffectContext, left: Duration) -> StepEvent {
    let look = host.cloud.observe(host, &order.step.action, context);
    let within = Millis(u64::try_from(left.as_millis()).unwrap_or(u64::MAX));
    host.within(left, look).await.map_or(StepEvent::Unanswered { within }, StepEvent::Observed)
}

async fn act(host: &Host, order: &StepOrder, context: &EffectContext) -> Acted {
    if !host.alive() {
        return Acted::Unknown { reason: "the host is dead".to_owned() };
    }
    let call = host.cloud.act(host, order, context);
    // A call without a reply may have been applied (P3).
    let late = || Acted::Unknown { reason: format!("no reply within {CALL_MAX:?}") };
    host.within(CALL_MAX, call).await.unwrap_or_else(late)
}

/// Reports until the log has taken it, or another assignment has taken its place.
async fn finish(host: &Host, order: &StepOrder, outcome: StepOutcome) {
    let body = Body::FinishStep {
        execution: order.execution.clone(),
        step: order.name.clone(),
        attempt: order.attempt,
        outcome,
    };
    while host.runs().await && propose(host, order, "finish", body.clone()).await.is_err() {
        host.sleep(OFFER_AGAIN).await;
    }
}

async fn leave(host: &Host, order: &StepOrder) {
    host.sleep(OFFER_AGAIN).await;
    host.input(Input::StepLeft {
        execution: order.execution.clone(),
        step: order.name.clone(),
        attempt: order.attempt,
    });
}

/// The id names the attempt, so that a repetition after a lost reply is applied once.
async fn propose(host: &Host, order: &StepOrder, what: &str, body: Body) -> Result<Response, String> {
    let id = format!("{}/{}/{}/{what}", order.execution, order.name, order.attempt);
    let command = Command { id, at: host.now().wall, by: host.name.clone(), body };
    let response = host.consensus.propose(command, PROPOSE_MAX).await.map_err(|error| error.to_string());
    host.runs().await;
    host.refresh();
    response
}

/// The last permission before an effect, as the shell asks for it: a note of what the effect takes away, and the check.
async fn permit(host: &Host, order: &StepOrder, before: Option<Before>) -> Result<(), String> {
    if let Some(before) = before.filter(|_| noted(host, order).is_none()) {
        let body = Body::NoteStep {
            execution: order.execution.clone(),
            step: order.name.clone(),
            attempt: order.attempt,
            before,
        };
        if let Response::Refused { refusal } = propose(host, order, "note", body).await? {
            return Err(refusal.to_string());
        }
    }
    allowed(host, order).await
}

fn noted(host: &Host, order: &StepOrder) -> Option<Before> {
    let state = host.consensus.state();
    state.executions.get(&order.execution)?.steps.get(&order.name)?.before.clone()
}

fn aborted(host: &Host, order: &StepOrder) -> bool {
    let state = host.consensus.state();
    let Some(execution) = state.executions.get(&order.execution) else { return false };
    let undoing =
        matches!(execution.state, ExecutionState::Undoing { .. }) && !execution.may_run(&order.name);
    let started = StepState::Started { agent: host.name.clone() };
    let progress = execution.steps.get(&order.name);
    undoing && progress.is_some_and(|p| p.state == started && p.attempt == order.attempt)
}

fn context(host: &Host, order: &StepOrder) -> EffectContext {
    EffectContext {
        service: order.service.to_string(),
        execution: order.execution.clone(),
        epoch: order.epoch,
        attempt: order.attempt,
        from: order.from.to_string(),
        to: order.to.to_string(),
        before: noted(host, order),
        role: order.step.role.clone(),
    }
}
