//! Runs one attempt of one step: read barrier, check, intent, then what [`StepRun`] says. The loop only carries messages
//! between it, the log and the world; it decides nothing and knows no runtime.

mod own;
mod permission;
mod signal;

use crate::{
    Body, Command, Execution, ExecutionState, Response, StepEvent, StepOutcome, StepRun, StepState, StepWork,
    node::{Input, StepOrder},
    surroundings::{StepNews, Surroundings},
};
use permission::{Begun, begin, noted, permit};
use quorate_policies::{
    Millis,
    effect::{Acted, EffectContext},
    plan::Action,
};
use std::time::Duration;

/// The longest single call to the world: an AWS operation gives up after 8 s by itself.
pub const CALL_MAX: Duration = Duration::from_secs(12);
/// The least time for a look, also when the step's own is over: the last look decides what is reported.
const LAST_LOOK: Duration = Duration::from_millis(500);
/// Pause before a step that could not begin is offered again: a hold or a lost quorum does not end sooner.
const OFFER_AGAIN: Duration = Duration::from_millis(250);
/// What an attempt has beside its job's own time: a look before it (10 s), the job's end (5 s), and a look behind it (10 s).
const AROUND_A_JOB: Millis = Millis::from_secs(30);
/// How often the log is looked at while a job runs: an abort ends it within a second, its own end included.
const JOB_ASKED: Duration = Duration::from_millis(250);

/// Runs an attempt until its outcome is in the log, or the step is somebody else's.
pub async fn run(around: &impl Surroundings, order: &StepOrder) {
    let begun = match begin(around, order).await {
        Ok(begun) => begun,
        Err(why) if aborted(around, order) => {
            let reason = format!("the execution was aborted, and this agent began anew: {why}");
            return finish(around, order, StepOutcome::Unknown { reason }).await;
        }
        Err(why) => {
            around.tell(order, StepNews::NotBegun(&why));
            return leave(around, order).await;
        }
    };
    around.tell(order, StepNews::Begins { resumed: begun.resumed });
    let mut context = context(around, order, &begun);
    let mut attempt = StepRun::new(around.now().mono, longest(order), order.failures)
        .must_be_ours(!order.step.reversible && !begun.acted && !order.step.action.knows_its_own())
        .resumed(begun.resumed)
        .only_asks(matches!(order.step.action, Action::Approval(_)))
        .delayed(order.step.delay);
    let mut event = StepEvent::Ready;
    loop {
        event = match attempt.next(around.now().mono, event) {
            StepWork::Observe => {
                let left = attempt.deadline().since(around.now().mono).duration().clamp(LAST_LOOK, CALL_MAX);
                observe(around, order, &context, left).await
            }
            StepWork::Act { part, before } => match permit(around, order, before).await {
                Ok(()) => {
                    context.before = noted(around, order);
                    StepEvent::Acted(act(around, order, part, &context).await)
                }
                Err(why) => StepEvent::NotAllowed(why),
            },
            StepWork::Wait(pause) => {
                if forsaken(around, order, pause).await {
                    if undoing(around, order).is_some() {
                        return finish(around, order, attempt.abandoned()).await;
                    }
                    around.tell(order, StepNews::Left("another attempt has its place"));
                    return leave(around, order).await;
                }
                StepEvent::Ready
            }
            StepWork::Finish(outcome) => return finish(around, order, outcome).await,
            StepWork::Leave(_) if aborted(around, order) => {
                return finish(around, order, attempt.abandoned()).await;
            }
            StepWork::Leave(why) => {
                around.tell(order, StepNews::Left(&why));
                return leave(around, order).await;
            }
        };
    }
}

/// How long the attempt may take. A job has the step's whole time for itself: it is looked at before it, ended behind it
/// and looked at again, so that its end is known before the attempt is over.
fn longest(order: &StepOrder) -> Millis {
    if order.step.action.runs_a_job() { order.step.timeout.plus(AROUND_A_JOB) } else { order.step.timeout }
}

/// Waits; whether the attempt is to be given up then. Nothing of it is under way in this process but a job, and that can
/// be ended: so a job is not gone on with once its execution takes everything back, or another attempt has its place.
async fn forsaken(around: &impl Surroundings, order: &StepOrder, pause: Millis) -> bool {
    if !order.step.action.runs_a_job() {
        around.sleep(pause.duration()).await;
        // Nobody waits for it any more.
        return undoing(around, order) == Some(true);
    }
    let mut left = pause.duration();
    while !left.is_zero() {
        let slice = left.min(JOB_ASKED);
        around.sleep(slice).await;
        left -= slice;
        if around.state().executions.get(&order.execution).is_some_and(|e| !holds(around, order, e)) {
            return true;
        }
    }
    false
}

/// Whether the attempt is still this agent's to go on with, as far as the log is applied here.
fn holds(around: &impl Surroundings, order: &StepOrder, execution: &Execution) -> bool {
    let over = matches!(execution.state, ExecutionState::Undoing { .. } | ExecutionState::Aborted { .. });
    let own = execution.steps.get(&order.name).is_some_and(|progress| {
        progress.attempt == order.attempt && progress.state.agent() == Some(around.name())
    });
    own && !over
}

/// Whether the step is begun and ours, and its execution takes everything back: it must be reported, because the undo
/// waits for it.
fn aborted(around: &impl Surroundings, order: &StepOrder) -> bool {
    let state = around.state();
    let Some(execution) = state.executions.get(&order.execution) else { return false };
    let undoing = undoing(around, order).is_some() && !execution.may_run(&order.name);
    let started = StepState::Started { agent: around.name().clone() };
    let progress = execution.steps.get(&order.name);
    undoing && progress.is_some_and(|p| p.state == started && p.attempt == order.attempt)
}

/// Whether its execution takes back what it did; and if so, whether an operator has given that up.
fn undoing(around: &impl Surroundings, order: &StepOrder) -> Option<bool> {
    let state = around.state();
    let ExecutionState::Undoing { given_up, .. } = &state.executions.get(&order.execution)?.state else {
        return None;
    };
    Some(*given_up)
}

/// A look changes nothing, so it is cut short where the step's own time ends.
async fn observe(
    around: &impl Surroundings,
    order: &StepOrder,
    context: &EffectContext,
    left: Duration,
) -> StepEvent {
    if let Action::Route53Signal(action) = &order.step.action {
        return StepEvent::Observed(signal::observe(&around.state(), order, action));
    }
    if let Some(seen) = own::observe(&around.state(), order) {
        return StepEvent::Observed(seen);
    }
    let look = around.within(left, around.observe(order, context)).await;
    let within = Millis::of(left);
    look.map_or(StepEvent::Unanswered { within }, StepEvent::Observed)
}

async fn act(around: &impl Surroundings, order: &StepOrder, part: u8, context: &EffectContext) -> Acted {
    if let Action::Route53Signal(action) = &order.step.action {
        return signal::act(around, order, action).await;
    }
    // A call without a reply may have been applied (P3).
    let late = || Acted::Unknown { reason: format!("no reply within {CALL_MAX:?}") };
    around.within(CALL_MAX, around.act(order, part, context)).await.unwrap_or_else(late)
}

/// Reports until the log has taken it, or another assignment has taken its place.
async fn finish(around: &impl Surroundings, order: &StepOrder, outcome: StepOutcome) {
    let_go(around, order).await;
    around.tell(order, StepNews::Ends(&outcome));
    let (execution, step, attempt) = (order.execution.clone(), order.name.clone(), order.attempt);
    let body = Body::FinishStep { execution, step, attempt, outcome };
    loop {
        match propose(around, order, "finish", body.clone()).await {
            Ok(Response::Refused { refusal }) => return around.tell(order, StepNews::NotTaken(&refusal)),
            Ok(_) => return,
            Err(why) => {
                around.tell(order, StepNews::NotInLog(&why));
                around.sleep(OFFER_AGAIN).await;
            }
        }
    }
}

/// Whatever comes next may run the same program, so none of this attempt runs any more.
async fn let_go(around: &impl Surroundings, order: &StepOrder) {
    if order.step.action.runs_a_job() {
        around.let_go(order).await;
    }
}

async fn leave(around: &impl Surroundings, order: &StepOrder) {
    let_go(around, order).await;
    around.sleep(OFFER_AGAIN).await;
    let (execution, step, attempt) = (order.execution.clone(), order.name.clone(), order.attempt);
    around.input(Input::StepLeft { execution, step, attempt });
}

/// The id names the attempt, so that a repetition after a lost reply is applied once.
async fn propose(
    around: &impl Surroundings,
    order: &StepOrder,
    what: &str,
    body: Body,
) -> Result<Response, String> {
    let id = format!("{}/{}/{}/{what}", order.execution, order.name, order.attempt);
    let command = Command::new(id, around.now().wall, around.name().clone(), body);
    let response = around.propose(command).await;
    around.refresh();
    response
}

fn context(around: &impl Surroundings, order: &StepOrder, begun: &Begun) -> EffectContext {
    EffectContext {
        service: order.service.to_string(),
        execution: order.execution.clone(),
        epoch: order.epoch,
        attempt: order.attempt,
        from: order.from.to_string(),
        to: order.to.to_string(),
        before: noted(around, order),
        role: order.step.role.clone(),
        step: order.name.to_string(),
        timeout: order.step.timeout,
        unheard: begun.unheard,
        resumed: begun.resumed,
    }
}
