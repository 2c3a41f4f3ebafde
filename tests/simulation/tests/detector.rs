//! The detector's curve on a small scale: what ours promises about false alarms and detection, beside a fixed threshold.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

use quorate_simulation::curve::{
    measure::{Curve, Detector, Effort, Measured, Row, rows},
    picture,
    sentinel::Sentinel,
    setting::Setting,
    table,
    weather::{CONDITIONS, Condition, Death},
};

/// Some two hours of a living target for each condition and detector, and twenty deaths.
const SMALL: Effort = Effort { hours: 1, deaths: 20, seed: 7, jobs: 2 };

fn condition(name: &str) -> Condition {
    CONDITIONS.into_iter().find(|condition| condition.name == name).unwrap()
}

fn run(name: &str, death: Death) -> Row {
    rows(SMALL, &[(condition(name), death, vec![Setting::example()])]).remove(0)
}

fn one(row: &Row, wanted: impl Fn(&Detector) -> bool) -> &Measured {
    row.measured.iter().find(|measured| wanted(&measured.detector)).unwrap()
}

fn agreed(row: &Row) -> &Measured {
    one(row, |detector| matches!(detector, Detector::Agreed(_)))
}

/// The fixed threshold that finds fastest among those with no more false alarms than these.
fn fastest_fixed(row: &Row, false_alarms: u64) -> u64 {
    let fixed = row.measured.iter().filter(|m| matches!(m.detector, Detector::Threshold(_)));
    let as_good = fixed.filter(|m| m.score.false_alarms <= false_alarms);
    as_good.filter_map(|m| m.score.quantile(0.5)).min().unwrap()
}

/// Goal: on usual networks ours is never wrong, finds every death, and a target that refuses is found before any fixed
/// threshold with as few false alarms finds it. Method: 0 to 5 % loss; hosts that refuse, twenty deaths each.
#[test]
fn a_target_that_refuses_is_found_before_any_fixed_threshold_finds_it() {
    for name in ["no loss", "1 % loss", "2 % loss", "5 % loss"] {
        let row = run(name, Death::Refuses);
        let ours = &agreed(&row).score;
        assert_eq!((ours.false_alarms, ours.missed, ours.found.len()), (0, 0, 20), "{name}");
        let (found, fixed) = (ours.quantile(0.5).unwrap(), fastest_fixed(&row, 0));
        assert!(found <= fixed, "{name}: ours takes {found} ms, the best fixed threshold {fixed} ms");
    }
}

/// Goal: a target that falls silent is found no later than by a fixed threshold of as many seconds as ours has misses of a
/// second, and never falsely; the example's dwell comes on top of it and nothing else does. (A threshold of one or two
/// seconds is faster: three time-outs in a row take longer. The table shows it.) Method: 0 to 5 % loss.
#[test]
fn a_silent_target_is_found_within_as_many_intervals_as_misses() {
    let example = Setting::example();
    let evidence = u64::from(example.misses) * example.interval;
    for name in ["no loss", "1 % loss", "2 % loss", "5 % loss"] {
        let row = run(name, Death::Silent);
        let ours = &agreed(&row).score;
        assert_eq!((ours.false_alarms, ours.missed, ours.found.len()), (0, 0, 20), "{name}");
        let fixed = one(&row, |detector| *detector == Detector::Threshold(evidence));
        let (found, same) = (ours.quantile(0.5).unwrap(), fixed.score.quantile(0.5).unwrap());
        assert!(found <= same, "{name}: ours takes {found} ms, a threshold of {evidence} ms {same} ms");
        let dwell = example.policy().agreement.dwell;
        let decided = one(&row, |detector| *detector == Detector::Decided(example, dwell));
        let waited = decided.score.quantile(0.5).unwrap() - found;
        assert!((dwell.0..dwell.0 + example.interval).contains(&waited), "{name}: waited {waited} ms");
    }
}

/// Goal: the measure can tell a bad detector from a good one. Method: one miss in place of three, and a target that
/// stalls: both must raise alarms that the example's policy with its dwell does not.
#[test]
fn a_hasty_detector_is_caught() {
    let example = Setting::example();
    let hasty = Setting { misses: 1, ..example };
    let row = rows(SMALL, &[(condition("40 % loss"), Death::Silent, vec![hasty])]).remove(0);
    assert!(agreed(&row).score.false_alarms > 0, "one lost probe is an outage, and nobody noticed");
    let row = run("stalling target", Death::Silent);
    assert!(agreed(&row).score.false_alarms > 0, "a stall of seconds is seen by all three agents at once");
    let dwell = example.policy().agreement.dwell;
    let decided = one(&row, |detector| *detector == Detector::Decided(example, dwell));
    assert_eq!(decided.score.false_alarms, 0, "no stall is as long as the dwell");
}

/// Goal: the same seed gives the same table and picture, whatever the number of threads. Method: twice, on one and two.
#[test]
fn the_same_seed_draws_the_same_curve() {
    let effort = Effort { deaths: 4, ..SMALL };
    let drawn = |jobs| {
        let traces = [(condition("20 % loss"), Death::Silent, vec![Setting::example()])];
        let curve = Curve { conditions: rows(Effort { jobs, ..effort }, &traces), deaths: Vec::new() };
        (table::text(&curve), picture::svg(&curve))
    };
    assert_eq!(drawn(1), drawn(2));
}

/// Goal: the fixed threshold counts from the oldest ping without a reply, asks oftener while it waits, and says nothing
/// after a pause. Method: one Sentinel's timer by hand, with replies that come, stay away, and come again.
#[test]
fn a_sentinel_counts_from_its_oldest_unanswered_ping() {
    let mut sentinel = Sentinel::default();
    let pings = |sentinel: &mut Sentinel, from: u64, to: u64| {
        (from..=to).step_by(100).filter(|now| sentinel.tick(*now)).collect::<Vec<_>>()
    };
    assert_eq!(pings(&mut sentinel, 100, 2_400), [1_100, 1_700, 2_300]);
    assert!(!sentinel.subjectively_down(2_100, 1_000), "not more than `down-after` has passed");
    assert!(sentinel.subjectively_down(2_101, 1_000));
    assert!(!sentinel.subjectively_down(2_101, 2_000));
    sentinel.pong(2_450);
    assert!(!sentinel.subjectively_down(9_000, 1_000), "a reply ends it, whichever ping it was for");
    assert_eq!(pings(&mut sentinel, 2_500, 3_500), [3_500], "a second after the last reply");
    sentinel.tick(6_000);
    assert!(
        !sentinel.subjectively_down(35_999, 1_000),
        "its timer was late: it says nothing for half a minute"
    );
    assert!(sentinel.subjectively_down(36_000, 1_000));
}
