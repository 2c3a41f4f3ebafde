//! Carries one step out as an agent does: [`StepRun`] decides, what stands before is kept as the log keeps it, failed
//! attempts are followed by others, and where an agent is killed another one goes on.
//!
//! Time runs [`FASTER`] times as fast for `StepRun` as for the wire, so that its pauses of seconds cost little; the
//! agents' limits of calls are shortened with it, so that the longest call still ends before a lost one counts as lost.

use std::time::{Duration, Instant};

use quorate_aws::{Aws, AwsAction};
use quorate_core::{StepEvent, StepOutcome, StepRun, StepWork};
use quorate_policies::effect::{Acted, EffectContext};
use quorate_policies::plan::{Action, Before};
use quorate_policies::{Millis, Monotonic};

use crate::bench::{Bench, Patience};

/// With it the 10 s after which a lost call counts as lost are 1.25 s, more than a short-patience call's one.
const FASTER: u32 = 8;
/// Attempts that may follow the first. More than any one fault costs for every part of an action.
const RETRIES: u32 = 5;
/// The least time for a look, as the agent has it.
const LAST_LOOK: Duration = Duration::from_millis(500);
/// What an agent's own work on the machine may cost above the limits of its calls.
const SLACK: Duration = Duration::from_secs(5);

/// One step of a failover.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) action: Action,
    pub(crate) epoch: u64,
    /// How long one attempt may take, in `StepRun`'s time.
    pub(crate) timeout: Millis,
    pub(crate) retries: u32,
    pub(crate) patience: Patience,
}

impl Order {
    /// A step with more time than it needs.
    pub(crate) fn new(action: &Action, patience: Patience) -> Self {
        let action = action.clone();
        Order { action, epoch: 5, timeout: Millis(300_000), retries: RETRIES, patience }
    }

    /// One attempt, with time for a few looks: for what cannot be done.
    pub(crate) fn in_vain(action: &Action, patience: Patience) -> Self {
        Order { timeout: Millis(40_000), retries: 0, ..Order::new(action, patience) }
    }

    pub(crate) fn context(&self, attempt: u32, before: Option<Before>) -> EffectContext {
        EffectContext {
            service: "shop".into(),
            execution: format!("execution-{}", self.epoch),
            epoch: self.epoch,
            attempt,
            from: "us-east-1".into(),
            to: "us-west-2".into(),
            before,
            role: None,
            step: "step".to_owned(),
            timeout: quorate_policies::Millis::from_secs(60),
            unheard: false,
            resumed: false,
        }
    }
}

/// How a step ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) outcome: StepOutcome,
    /// How many agents had it in hand.
    pub(crate) agents: u32,
}

/// `StepRun`'s time.
struct Clock(Instant);

impl Clock {
    fn now(&self) -> Monotonic {
        Monotonic(u64::try_from((self.0.elapsed() * FASTER).as_millis()).unwrap())
    }

    const fn real(length: Millis) -> Duration {
        Duration::from_millis(length.0 / FASTER as u64)
    }
}

/// Carries a step out to its final outcome.
///
/// # Panics
/// When an attempt goes on beyond its own deadline and the limit of the call it is in.
pub(crate) async fn carry_out(bench: &Bench, order: &Order) -> Ended {
    let (mut noted, mut failures, mut agents, mut attempt) = (None, 0, 1, 0);
    let mut aws = bench.agent(order.patience).await;
    let limit = Clock::real(order.timeout) + 2 * order.patience.operation() + SLACK;
    loop {
        attempt += 1;
        let outcome = tokio::select! {
            biased;
            () = bench.script.killed() => None,
            ended = tokio::time::timeout(limit, one_attempt(&aws, order, attempt, failures, &mut noted)) => {
                Some(ended.unwrap_or_else(|_| panic!("attempt {attempt} is not over after {limit:?}")))
            }
        };
        match outcome {
            None => {
                agents += 1;
                aws = bench.agent(order.patience).await;
            }
            Some(StepOutcome::Failed { .. } | StepOutcome::Unknown { .. }) if failures < order.retries => {
                failures += 1;
            }
            Some(outcome) => return Ended { outcome, agents },
        }
    }
}

async fn one_attempt(
    aws: &Aws,
    order: &Order,
    attempt: u32,
    failures: u32,
    noted: &mut Option<Before>,
) -> StepOutcome {
    let (clock, call_max) = (Clock(Instant::now()), order.patience.operation() * 3 / 2);
    let mut run = StepRun::new(clock.now(), order.timeout, failures)
        .must_be_ours(!order.action.reversible() && attempt == 1);
    let action = AwsAction::try_from(&order.action).unwrap();
    let mut event = StepEvent::Ready;
    loop {
        event = match run.next(clock.now(), event) {
            StepWork::Observe => {
                let left = Clock::real(run.deadline().since(clock.now())).clamp(LAST_LOOK, call_max);
                let context = order.context(attempt, noted.clone());
                let look = tokio::time::timeout(left, aws.observe(action, &context)).await;
                let within = Millis(u64::try_from(left.as_millis()).unwrap());
                look.map_or(StepEvent::Unanswered { within }, StepEvent::Observed)
            }
            StepWork::Act { part, before } => {
                if noted.is_none() {
                    *noted = before;
                }
                let context = order.context(attempt, noted.clone());
                let act = tokio::time::timeout(call_max, aws.act(action, part, &context)).await;
                let late = format!("no reply within {call_max:?}");
                StepEvent::Acted(act.unwrap_or(Acted::Unknown { reason: late }))
            }
            StepWork::Wait(pause) => {
                tokio::time::sleep(Clock::real(pause)).await;
                StepEvent::Ready
            }
            StepWork::Finish(outcome) => return outcome,
            StepWork::Leave(why) => panic!("nobody refuses here: {why}"),
        };
    }
}
