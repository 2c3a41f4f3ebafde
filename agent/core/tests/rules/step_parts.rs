//! Actions of several parts: each part is acted on once, in order, and every rule for one act holds for each (R4, P3).

use crate::step_run::*;
use proptest::{collection::vec, prelude::*, sample::select};
use quorate_core::{StepEvent, StepOutcome, StepRun, StepWork};
use quorate_policies::{
    Millis, Monotonic,
    effect::{Acted, Observed},
    plan::Before,
};

fn part(part: u8) -> Observed {
    Observed::NotDone { detail: format!("part {part} is to be done"), part, before: None }
}

/// Goal: each part is acted on once, and in order. Method: three parts, each of which takes a while to show.
#[test]
fn each_part_is_acted_on_once() {
    let looks = [part(0), part(0), part(1), part(1), part(2), in_progress(), done()];
    insta::assert_snapshot!(Script::new(&looks, &[accepted(), accepted(), accepted()]).tell());
}

/// Goal: R4, an attempt that finds some parts standing begins with the one that is missing. Method: the last of three.
#[test]
fn r4_what_stands_is_skipped() {
    insta::assert_snapshot!(Script::new(&[part(2), done()], &[accepted()]).tell());
}

/// Goal: R4, a provider that shows an older state for a moment is not believed into acting again. Method: part 0 shows
/// once more after part 1 was acted on.
#[test]
fn r4_an_older_part_is_not_acted_on_again() {
    let looks = [part(0), part(1), part(0), part(1), part(0), done()];
    insta::assert_snapshot!(Script::new(&looks, &[accepted(), accepted()]).tell());
}

/// Goal: P3, a lost reply in the middle: if the next part shows, the lost one was applied, and the attempt goes on.
/// Method: the second of three replies is lost.
#[test]
fn p3_a_lost_reply_that_was_applied() {
    let looks = [part(0), part(1), part(1), part(1), part(2), done()];
    insta::assert_snapshot!(Script::new(&looks, &[accepted(), lost(), accepted()]).tell());
}

/// Goal: P3, a lost reply in the middle that left no trace ends the attempt as unknown, soon. Method: the second reply is
/// lost and its part shows for ever.
#[test]
fn p3_a_lost_reply_that_left_no_trace() {
    insta::assert_snapshot!(Script::new(&[part(0), part(1)], &[accepted(), lost()]).tell());
}

/// Goal: a part that was refused for now is acted on again, and the part before it is not. Method: throttled once in each
/// part.
#[test]
fn a_throttled_part_is_acted_on_again() {
    let looks = [part(0), part(0), part(1), part(1), done()];
    let acts = [throttled(), accepted(), throttled(), accepted()];
    insta::assert_snapshot!(Script::new(&looks, &acts).tell());
}

/// Goal: P3, once a part may stand, an attempt that runs out of time is unknown, never failed. Method: the second part is
/// throttled for ever.
#[test]
fn p3_half_done_is_not_failed() {
    let acts = [vec![accepted()], vec![throttled(); 40]].concat();
    let script = Script { timeout: Millis::from_secs(30), ..Script::new(&[part(0), part(1)], &acts) };
    let told = script.tell();
    assert!(told.lines().last().unwrap().contains("Unknown"), "{told}");
}

/// Goal: what stands before an act is handed to whoever asks for permission. Method: a look that notes it.
#[test]
fn what_stands_before_goes_with_the_act() {
    let before = Some(Before::Rebooted { restarted: None });
    let mut run = StepRun::new(Monotonic(0), Millis::from_secs(60), 0);
    let seen = Observed::NotDone { detail: "up".to_owned(), part: 1, before: before.clone() };
    assert_eq!(run.next(Monotonic(0), StepEvent::Observed(seen)), StepWork::Act { part: 1, before });
}

/// Goal: an attempt whose execution was aborted says what may stand. Method: aborted before the first look, after a look,
/// and after an act.
#[test]
fn an_abandoned_attempt_says_what_may_stand() {
    let abandoned = |events: Vec<StepEvent>| {
        let mut run = StepRun::new(Monotonic(0), Millis::from_secs(60), 0);
        events.into_iter().for_each(|event| drop(run.next(Monotonic(0), event)));
        match run.abandoned() {
            StepOutcome::Failed { .. } => "failed",
            StepOutcome::Unknown { .. } => "unknown",
            StepOutcome::Succeeded { .. } | StepOutcome::Impossible { .. } | StepOutcome::Broken { .. } => {
                "neither"
            }
        }
    };
    let looked = || StepEvent::Observed(part(0));
    assert_eq!(abandoned(vec![]), "unknown", "an earlier attempt may have acted");
    assert_eq!(abandoned(vec![StepEvent::Observed(in_progress())]), "unknown");
    assert_eq!(abandoned(vec![looked(), StepEvent::Acted(accepted())]), "unknown");
    assert_eq!(abandoned(vec![looked(), StepEvent::Acted(throttled())]), "failed", "certainly not applied");
}

proptest! {
    /// Goal: R4, P3, whatever the world shows, the parts that are acted on only grow within an attempt, but for one that
    /// was certainly not applied; nothing is acted on that was not just read; nothing is called failed that may stand.
    /// Method: a random world of four parts; every rule checked at every piece of work.
    #[test]
    fn r4_parts_only_grow(
        looks in vec(select(vec![part(0), part(1), part(2), part(3), in_progress(), unreadable()]), 1..30),
        acts in vec(select(vec![accepted(), accepted(), throttled(), lost()]), 1..30),
        delays in vec(0u64..4_000, 1..20),
    ) {
        let mut now = Monotonic(0);
        let mut run = StepRun::new(now, Millis::from_secs(40), 0);
        let (mut looks, mut acts, mut delays) = (looks.iter().cycle(), acts.iter().cycle(), delays.iter().cycle());
        let (mut event, mut may_stand, mut seen) = (StepEvent::Ready, None::<u8>, None);
        let outcome = loop {
            match run.next(now, event) {
                StepWork::Observe => {
                    now = now.plus(Millis(*delays.next().unwrap()));
                    seen = looks.next().cloned();
                    event = StepEvent::Observed(seen.clone().unwrap());
                }
                StepWork::Act { part: next, .. } => {
                    prop_assert!(may_stand.is_none_or(|part| part < next), "{next} after {may_stand:?}");
                    prop_assert_eq!(&seen, &Some(part(next)), "an act on what was not read");
                    now = now.plus(Millis(*delays.next().unwrap()));
                    let acted = acts.next().unwrap().clone();
                    if !matches!(acted, Acted::Refused { .. }) {
                        may_stand = Some(next);
                    }
                    event = StepEvent::Acted(acted);
                }
                StepWork::Wait(pause) => {
                    now = now.plus(pause);
                    event = StepEvent::Ready;
                }
                StepWork::Leave(why) => return Err(TestCaseError::fail(why)),
                StepWork::Finish(outcome) => break outcome,
            }
        };
        let failed = matches!(outcome, StepOutcome::Failed { .. });
        prop_assert!(may_stand.is_none() || !failed, "called failed, and part {:?} may stand", may_stand);
    }
}
