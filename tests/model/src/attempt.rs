//! `StepRun` by number: what an attempt makes of what it learns is remembered, so that the pure loop is asked once. Its
//! clock begins with the attempt. Its words, and how long it pauses between two looks, make no difference here: the
//! model lets a look come at any time.

use super::{
    shop::TICK,
    state::{Outcome, Reply},
};
use quorate_core::{StepEvent, StepOutcome, StepRun, StepWork};
use quorate_policies::{
    Millis, Monotonic,
    effect::{Acted, Observed},
    plan::{Before, Step},
};
use std::collections::BTreeMap;

/// Steps of time that are counted of an attempt: its deadline is the second. Of one that may take minutes the end is
/// another number, and comes whenever it likes.
pub(super) const AGE_COUNTED: u8 = 4;
/// After the deadline of every attempt, that of an undo (ten minutes) included.
pub(super) const AGE_OVER: u8 = 130;

/// What had begun of a step before its attempt is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Begun {
    Never,
    Before,
    /// By an earlier process of the same agent.
    ThisAttempt,
}

/// What an attempt learns.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Event {
    Ready,
    Seen(Observed),
    Unanswered,
    Answered(Reply),
}

/// What it does next.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Work {
    Look,
    Act(Option<Before>),
    Wait(u8),
    Finish(Outcome),
}

/// All attempts' loops that were reached.
#[derive(Default)]
pub(super) struct Runs {
    known: Vec<StepRun>,
    texts: BTreeMap<String, u32>,
    steps: BTreeMap<(u32, u8, String), (u32, Work)>,
}

impl Runs {
    /// An attempt begins.
    pub(super) fn begin(&mut self, step: &Step, failures: u32, begun: Begun, delayed: bool) -> u32 {
        let delay = if delayed { step.delay } else { Millis::ZERO };
        let run = StepRun::new(Monotonic(0), step.timeout, failures)
            .must_be_ours(!step.reversible && begun == Begun::Never)
            .resumed(begun == Begun::ThisAttempt)
            .delayed(delay);
        self.number(run)
    }

    /// It learns something at its age.
    pub(super) fn next(&mut self, run: u32, age: u8, event: Event) -> (u32, Work) {
        let question = (run, age, format!("{event:?}"));
        if let Some(answer) = self.steps.get(&question) {
            return answer.clone();
        }
        let mut after = self.known[run as usize].clone();
        let work = match after.next(Monotonic(u64::from(age) * TICK.0), event.told()) {
            StepWork::Observe => Work::Look,
            StepWork::Act { before, .. } => Work::Act(before),
            StepWork::Wait(pause) => Work::Wait(u8::try_from(pause.0 / TICK.0).unwrap()),
            StepWork::Finish(outcome) => Work::Finish(kind(&outcome)),
            StepWork::Leave(why) => unreachable!("nobody said that it is not allowed: {why}"),
        };
        let answer = (self.number(after), work);
        self.steps.insert(question, answer.clone());
        answer
    }

    /// Its outcome if it is not carried on.
    pub(super) fn abandoned(&self, run: u32) -> Outcome {
        kind(&self.known[run as usize].abandoned())
    }

    fn number(&mut self, run: StepRun) -> u32 {
        let text = format!("{run:?}");
        let (head, rest) = text.split_once("pause: ").unwrap();
        let (_, rest) = rest.split_once(", acted: ").unwrap();
        let (middle, _) = rest.split_once("last: ").unwrap();
        let (_, tail) = rest.rsplit_once(", unsure: ").unwrap();
        let text = format!("{head}{middle}{tail}");
        *self.texts.entry(text).or_insert_with(|| {
            self.known.push(run);
            u32::try_from(self.known.len() - 1).unwrap()
        })
    }
}

impl Event {
    fn told(self) -> StepEvent {
        let words = || "because".to_owned();
        match self {
            Event::Ready => StepEvent::Ready,
            Event::Seen(observed) => StepEvent::Observed(observed),
            Event::Unanswered => StepEvent::Unanswered { within: TICK },
            Event::Answered(reply) => StepEvent::Acted(match reply {
                Reply::Accepted => Acted::Accepted { detail: words() },
                Reply::Busy => Acted::Refused { reason: words(), retryable: true },
                Reply::Denied => Acted::Refused { reason: words(), retryable: false },
                Reply::Unknown => Acted::Unknown { reason: words() },
            }),
        }
    }
}

fn kind(outcome: &StepOutcome) -> Outcome {
    match outcome {
        StepOutcome::Succeeded { .. } => Outcome::Succeeded,
        StepOutcome::Failed { .. } => Outcome::Failed,
        StepOutcome::Impossible { .. } => Outcome::Impossible,
        // No action of the model runs a program.
        StepOutcome::Unknown { .. } | StepOutcome::Broken { .. } => Outcome::Unknown,
    }
}
