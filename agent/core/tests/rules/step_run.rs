//! One attempt of one step: observe, act once, observe until the result stands or the deadline has passed. Stories
//! against a scripted world, and properties over a random one (R4, P3).

use proptest::{collection::vec, prelude::*, sample::select};
use quorate_core::{StepEvent, StepOutcome, StepRun, StepWork};
use quorate_policies::{
    Millis, Monotonic,
    effect::{Acted, Observed},
};
use std::fmt::Write as _;

pub(crate) fn done() -> Observed {
    Observed::Done { detail: "available".to_owned() }
}
pub(crate) fn not_done() -> Observed {
    Observed::not_done("a replica".to_owned())
}
pub(crate) fn in_progress() -> Observed {
    Observed::InProgress { detail: "modifying".to_owned() }
}
pub(crate) fn no_such() -> Observed {
    Observed::Impossible { reason: "DBInstanceNotFound".to_owned() }
}
pub(crate) fn broken(again: bool) -> Observed {
    Observed::Broken { reason: "exit code 1".to_owned(), again }
}
pub(crate) fn unreadable() -> Observed {
    Observed::Unknown { reason: "read timed out".to_owned() }
}
pub(crate) fn accepted() -> Acted {
    Acted::Accepted { detail: "promote".to_owned() }
}
pub(crate) fn throttled() -> Acted {
    Acted::Refused { reason: "Throttling".to_owned(), retryable: true }
}
pub(crate) fn denied() -> Acted {
    Acted::Refused { reason: "AccessDenied".to_owned(), retryable: false }
}
pub(crate) fn lost() -> Acted {
    Acted::Unknown { reason: "no reply in 8s".to_owned() }
}

/// A world that follows a script: what each look shows, the last for ever, and what becomes of each act.
pub(crate) struct Script {
    pub(crate) timeout: Millis,
    pub(crate) failures: u32,
    pub(crate) looks: Vec<Observed>,
    pub(crate) acts: Vec<Acted>,
}

impl Script {
    pub(crate) fn new(looks: &[Observed], acts: &[Acted]) -> Self {
        Self { timeout: Millis::from_secs(600), failures: 0, looks: looks.to_vec(), acts: acts.to_vec() }
    }

    /// Runs the attempt. A look takes 10 ms, an act 100 ms; repeated looks at the same are told once.
    pub(crate) fn tell(&self) -> String {
        let mut text = String::new();
        let mut now = Monotonic(0);
        let mut run = StepRun::new(now, self.timeout, self.failures);
        let (mut looks, mut acts) = (self.looks.iter().cycle(), self.acts.iter());
        let (mut looked, mut event, mut waits, mut told) = (0, StepEvent::Ready, 0u32, String::new());
        for _ in 0..10_000 {
            let work = run.next(now, event);
            match work {
                StepWork::Wait(pause) => {
                    assert!(pause > Millis::ZERO, "a wait of nothing is a busy loop");
                    now = now.plus(pause);
                    waits += 1;
                    event = StepEvent::Ready;
                }
                StepWork::Observe => {
                    looked += 1;
                    let last = self.looks.len() - 1;
                    let seen =
                        if looked > last { self.looks[last].clone() } else { looks.next().unwrap().clone() };
                    now = now.plus(Millis(10));
                    let line = format!("{seen:?}");
                    if line != told {
                        writeln!(text, "{:>7}  {line}", now.since(Monotonic(0)).to_string()).unwrap();
                        told = line;
                    }
                    event = StepEvent::Observed(seen);
                }
                StepWork::Act { part, .. } => {
                    now = now.plus(Millis(100));
                    let acted = acts.next().expect("the script has no more acts").clone();
                    let at = now.since(Monotonic(0)).to_string();
                    writeln!(text, "{at:>7}  act on part {part}: {acted:?}").unwrap();
                    told.clear();
                    event = StepEvent::Acted(acted);
                }
                StepWork::Finish(outcome) => {
                    let at = now.since(Monotonic(0)).to_string();
                    writeln!(text, "{at:>7}  {outcome:?} after {looked} looks, {waits} waits").unwrap();
                    return text;
                }
                StepWork::Leave(why) => return text + &format!("left: {why}\n"),
            }
        }
        panic!("the attempt never ends:\n{text}");
    }
}

/// Goal: R4, every attempt looks first and never repeats what stands. Method: the result stands already.
#[test]
fn r4_what_stands_is_not_done_again() {
    insta::assert_snapshot!(Script::new(&[done()], &[]).tell());
}

/// Goal: the common case: look, act once, look until it stands. Method: a promotion that takes a while.
#[test]
fn act_once_and_look_until_it_stands() {
    let looks = [not_done(), not_done(), in_progress(), in_progress(), done()];
    insta::assert_snapshot!(Script::new(&looks, &[accepted()]).tell());
}

/// Goal: R4, what somebody else has begun is waited for, not begun again. Method: in progress from the first look.
#[test]
fn r4_what_is_under_way_is_waited_for() {
    insta::assert_snapshot!(Script::new(&[in_progress(), in_progress(), done()], &[]).tell());
}

/// Goal: P3, F22, a call whose reply was lost was perhaps applied: look, and do not act again.
/// Method: the reply is lost, the old state shows for a moment, then the result.
#[test]
fn p3_a_lost_reply_may_have_been_applied() {
    let looks = [not_done(), not_done(), not_done(), in_progress(), done()];
    insta::assert_snapshot!(Script::new(&looks, &[lost()]).tell());
}

/// Goal: P3, a call that was lost and left no trace ends the attempt as unknown, soon, so that the next one may act.
/// Method: the reply is lost and the old state shows for ever.
#[test]
fn p3_a_lost_call_is_unknown() {
    insta::assert_snapshot!(Script::new(&[not_done()], &[lost()]).tell());
}

/// Goal: a call that was refused for now was not applied, and is made again after a pause. Method: throttled twice.
#[test]
fn throttled_calls_are_made_again() {
    let looks = [not_done(), not_done(), not_done(), done()];
    insta::assert_snapshot!(Script::new(&looks, &[throttled(), throttled(), accepted()]).tell());
}

/// Goal: what cannot be done is told at once. Method: there is no such object; and the call is refused for good.
#[test]
fn what_cannot_be_done_is_told_at_once() {
    let (no_such, denied) = (Script::new(&[no_such()], &[]), Script::new(&[not_done()], &[denied()]));
    insta::assert_snapshot!(format!("{}---\n{}", no_such.tell(), denied.tell()));
}

/// Goal: what was carried out and went wrong is told at once, and never as certainly not done; whether it is tried again is for
/// the action to say. Method: both kinds, after an act and at an attempt's first look.
#[test]
fn what_went_wrong_is_told_at_once() {
    let stories = [broken(true), broken(false)].map(|end| {
        let acted = Script::new(&[not_done(), in_progress(), end.clone()], &[accepted()]);
        format!("{}{}", acted.tell(), Script::new(&[end], &[]).tell())
    });
    insta::assert_snapshot!(stories.join("---\n"));
}

/// Goal: P3, R7, at the deadline only what certainly did not happen has failed; everything else is unknown.
/// Method: a table of how an attempt can run into its deadline.
#[test]
fn p3_at_the_deadline_only_what_did_not_happen_has_failed() {
    let throttled_for_ever = vec![throttled(); 40];
    let table: [(&str, Vec<Observed>, Vec<Acted>); 6] = [
        ("refused for now, for ever", vec![not_done()], throttled_for_ever),
        ("accepted, and nothing shows", vec![not_done()], vec![accepted()]),
        ("accepted, and never finished", vec![not_done(), in_progress()], vec![accepted()]),
        ("never readable", vec![unreadable()], vec![]),
        ("accepted, then not readable", vec![not_done(), unreadable()], vec![accepted()]),
        ("under way by somebody else", vec![in_progress()], vec![]),
    ];
    let mut text = String::new();
    for (what, looks, acts) in table {
        let told = Script { timeout: Millis::from_secs(30), ..Script::new(&looks, &acts) }.tell();
        writeln!(text, "{what}\n  {}", told.lines().last().unwrap().trim()).unwrap();
    }
    insta::assert_snapshot!(text);
}

/// Goal: an attempt that follows failed ones waits, longer each time and never long. Method: the first work of each.
#[test]
fn attempts_back_off() {
    let pause = |failures| match StepRun::new(Monotonic(0), Millis::from_secs(60), failures)
        .next(Monotonic(0), StepEvent::Ready)
    {
        StepWork::Wait(pause) => pause.to_string(),
        other => format!("{other:?}"),
    };
    let pauses: Vec<String> = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 100, u32::MAX].map(pause).into();
    assert_eq!(pauses.join(" "), "Observe 250ms 500ms 1s 2s 4s 5s 5s 5s 5s 5s 5s");
}

/// Goal: R4, an attempt does not end while its call may still be applied, however short its time is: the next one would act
/// beside it. Method: a timeout of 3 s, a reply that is lost at once, and looks that show the old state or nothing.
#[test]
fn r4_a_lost_call_outlasts_a_short_timeout() {
    for look in [not_done(), unreadable()] {
        let mut run = StepRun::new(Monotonic(0), Millis::from_secs(3), 0);
        assert_eq!(
            run.next(Monotonic(0), StepEvent::Observed(not_done())),
            StepWork::Act { part: 0, before: None }
        );
        let (mut now, mut event) = (Monotonic(100), StepEvent::Acted(lost()));
        let outcome = loop {
            event = match run.next(now, event) {
                StepWork::Wait(pause) => {
                    now = now.plus(pause);
                    StepEvent::Ready
                }
                StepWork::Observe => StepEvent::Observed(look.clone()),
                StepWork::Finish(outcome) => break outcome,
                other => panic!("{other:?}"),
            };
        };
        assert!(matches!(outcome, StepOutcome::Unknown { .. }), "{outcome:?}");
        assert!(now >= Monotonic(10_100), "it ended at {now:?}");
    }
}

/// Goal: R5, when the check before the effect refuses, the attempt ends without a word: the step is another's.
/// Method: refuse instead of acting.
#[test]
fn r5_who_may_not_act_leaves() {
    let mut run = StepRun::new(Monotonic(0), Millis::from_secs(60), 0);
    assert_eq!(run.next(Monotonic(0), StepEvent::Ready), StepWork::Observe);
    assert_eq!(
        run.next(Monotonic(0), StepEvent::Observed(not_done())),
        StepWork::Act { part: 0, before: None }
    );
    let refused = StepEvent::NotAllowed("paused by olga".to_owned());
    assert_eq!(run.next(Monotonic(0), refused), StepWork::Leave("paused by olga".to_owned()));
}

/// Goal: P4, the last look, which is cut short where the attempt's time ends, does not hide what the look before it told;
/// and it is no proof that nothing is under way (R7). Method: a region that refuses at first, then hangs.
#[test]
fn a_look_without_an_answer_hides_nothing() {
    let mut run = StepRun::new(Monotonic(0), Millis::from_secs(20), 0);
    assert_eq!(run.next(Monotonic(0), StepEvent::Ready), StepWork::Observe);
    let waits = run.next(Monotonic(8_000), StepEvent::Observed(unreadable()));
    assert!(matches!(waits, StepWork::Wait(_)), "{waits:?}");
    assert_eq!(run.next(Monotonic(9_000), StepEvent::Ready), StepWork::Observe);
    let end = run.next(Monotonic(20_000), StepEvent::Unanswered { within: Millis::from_secs(11) });
    let reason =
        "not done in time; last seen: read timed out; then the world did not answer within 11s".to_owned();
    assert_eq!(end, StepWork::Finish(StepOutcome::Unknown { reason }));
}

proptest! {
    /// Goal: R4, P3, in one attempt nothing follows an act that may have been applied but looks; nothing is begun
    /// after the deadline; success is seen, never assumed; failed is only what certainly did not happen; and after the
    /// deadline the attempt ends. Method: a random world, slow at random; every rule checked at every piece of work.
    #[test]
    fn r4_one_act_an_attempt(
        looks in vec(select(vec![done(), not_done(), not_done(), not_done(), in_progress(), no_such(), broken(true), broken(false), unreadable()]), 1..30),
        acts in vec(select(vec![accepted(), throttled(), throttled(), denied(), lost()]), 1..30),
        delays in vec(0u64..4_000, 1..20),
        timeout in 0u64..40_000,
        failures in 0u32..12,
    ) {
        let mut now = Monotonic(0);
        let mut run = StepRun::new(now, Millis(timeout), failures);
        let (mut looks, mut acts, mut delays) = (looks.iter().cycle(), acts.iter().cycle(), delays.iter().cycle());
        let (mut event, mut may_be_applied, mut last_seen, mut late) = (StepEvent::Ready, false, None, 0);
        let outcome = loop {
            // After the deadline: 10 s for a lost call, one look (under 4 s here) and one pause (5 s at most). The count
            // is for a loop that takes no time.
            late += u32::from(now >= run.deadline());
            let end = run.deadline().plus(Millis(19_000));
            prop_assert!(now <= end && late < 100, "the attempt goes on after its deadline");
            match run.next(now, event) {
                StepWork::Observe => {
                    now = now.plus(Millis(*delays.next().unwrap()));
                    // Most worlds would be done at once: let only some of the looks say so.
                    let seen = looks.next().unwrap().clone();
                    last_seen = Some(seen.clone());
                    event = StepEvent::Observed(seen);
                }
                StepWork::Act { .. } => {
                    prop_assert!(!may_be_applied, "a second act in one attempt");
                    prop_assert!(now < run.deadline(), "an act after the deadline");
                    prop_assert_eq!(&last_seen, &Some(not_done()), "an act on what was not read");
                    now = now.plus(Millis(*delays.next().unwrap()));
                    let acted = acts.next().unwrap().clone();
                    may_be_applied |= matches!(acted, Acted::Accepted { .. } | Acted::Unknown { .. });
                    event = StepEvent::Acted(acted);
                }
                StepWork::Wait(pause) => {
                    prop_assert!(pause > Millis::ZERO);
                    now = now.plus(pause);
                    event = StepEvent::Ready;
                }
                StepWork::Leave(why) => return Err(TestCaseError::fail(why)),
                StepWork::Finish(outcome) => break outcome,
            }
        };
        match outcome {
            StepOutcome::Succeeded { .. } => prop_assert_eq!(last_seen, Some(done())),
            StepOutcome::Failed { .. } => {
                prop_assert!(!may_be_applied);
                prop_assert_eq!(last_seen, Some(not_done()));
            }
            StepOutcome::Impossible { .. } | StepOutcome::Broken { .. } | StepOutcome::Unknown { .. } => {}
        }
    }
}

/// Goal: R4, what cannot be done any further after it was begun is unknown, never certainly not done: an abort must take
/// it back. Method: impossible after an accepted act; a refusal for good of the second part; the same refusals of an
/// attempt that acted on nothing, and of one that an earlier process began.
#[test]
fn r4_impossible_after_an_act_is_unknown() {
    let run = |resumed: bool, events: Vec<StepEvent>| {
        let mut run = StepRun::new(Monotonic(0), Millis::from_secs(20), 0).resumed(resumed);
        let works = events.into_iter().map(|event| run.next(Monotonic(0), event));
        match works.last().unwrap() {
            StepWork::Finish(outcome) => outcome,
            other => panic!("{other:?}"),
        }
    };
    let seen = |observed: Observed| StepEvent::Observed(observed);
    let second = Observed::NotDone { detail: "half".to_owned(), part: 1, before: None };
    let acted = || vec![seen(not_done()), StepEvent::Acted(accepted())];
    let after = run(false, [acted(), vec![seen(no_such())]].concat());
    assert!(matches!(after, StepOutcome::Unknown { .. }), "{after:?}");
    let half = run(false, [acted(), vec![seen(second), StepEvent::Acted(denied())]].concat());
    assert!(matches!(half, StepOutcome::Unknown { .. }), "{half:?}");
    for (resumed, events) in [
        (false, vec![seen(no_such())]),
        (true, vec![seen(no_such())]),
        (false, vec![seen(not_done()), StepEvent::Acted(denied())]),
        (true, vec![seen(not_done()), StepEvent::Acted(denied())]),
    ] {
        let outcome = run(resumed, events);
        assert_eq!(matches!(outcome, StepOutcome::Unknown { .. }), resumed, "{outcome:?}");
        assert_eq!(matches!(outcome, StepOutcome::Impossible { .. }), !resumed, "{outcome:?}");
    }
}
