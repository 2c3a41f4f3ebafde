//! When an execution would end, by how long its steps have taken before; and that nothing is made up.

use crate::{log::*, shop::*};
use quorate_core::Body;
use quorate_policies::Millis;

/// Goal: a first run knows no end. A second one does, by the longest way through what is left, whichever step runs; a step that takes
/// longer than ever is told, and ends at any moment. Method: a whole failover in which the promotion takes a minute, then another of the
/// same plan, looked at in between.
#[test]
fn the_end_is_known_from_earlier_runs_only() {
    let mut log = Log::with(hasty());
    log.decide();
    log.release();
    let end = |log: &Log| log.cluster.expected_end(log.latest());
    assert_eq!(end(&log), None, "nothing was measured yet");
    for name in ["fence", "scale"] {
        log.run(name, succeeded());
    }
    log.start("promote");
    log.wait(Millis::from_secs(60));
    log.finish("promote", succeeded());
    log.run_all();
    assert!(log.state().ended());
    assert_eq!(end(&log), None, "it has ended");

    log.operator_decides(EAST);
    log.release();
    let left = |log: &Log| end(log).map(|end| (end.at.since(log.cluster.clock), end.late));
    // Fence, promotion, repoint and verification; the scaling is beside them.
    assert_eq!(left(&log), Some((Millis::from_secs(63), false)));
    for name in ["fence", "scale"] {
        log.run(name, succeeded());
    }
    log.start("promote");
    assert_eq!(left(&log), Some((Millis::from_secs(62), false)));
    log.wait(Millis::from_secs(90));
    log.say(NOA, Body::Notified { sequence: 0 });
    let (left, late) = left(&log).unwrap();
    assert_eq!((left, late), (Millis::from_secs(2), true));
}
