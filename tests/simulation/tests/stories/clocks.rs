//! Disks that are full, slow or torn, and clocks that jump.

use crate::tell::Story;
use quorate_simulation::{EAST, deed::Deed::*, fault::Fault::*};
use std::time::Duration;

/// Goal: F13, an agent whose disk is full stops voting, the others go on without it, and it recovers. Method: the disk of
/// the leader is full before its region dies, and has room again later.
#[test]
fn f13_the_leaders_disk_is_full() {
    let told =
        Story::of(F13).at(20, FullDisk(0, true)).at(25, RegionDies(EAST)).at(70, FullDisk(0, false)).told();
    assert!(told.count("eve stops: ") + told.count("eve cannot") > 0, "{}", told.golden());
    told.failed_over_once();
    told.writes_moved_once();
    assert!(told.lines("eve boots").len() > 1, "it was to recover:\n{}", told.golden());
    insta::assert_snapshot!(told.golden());
}

/// Goal: F13, what was not synced is lost, and nothing that counted was. Method: each agent in turn loses its power in the
/// middle of a failover, with torn sectors for what its disk had not synced, and comes back at once.
#[test]
fn f13_each_agent_loses_what_was_not_synced() {
    let told = Story::of(F13)
        .at(20, RegionDies(EAST))
        .at(27, PowerCut(0))
        .at(28, Boot(0))
        .at(32, PowerCut(1))
        .at(33, Boot(1))
        .at(37, PowerCut(2))
        .at(38, Boot(2))
        .lasts(120)
        .told();
    told.failed_over_once();
    told.writes_moved_once();
    insta::assert_snapshot!(told.golden());
}

/// Goal: F13, a slow disk is no outage. Method: every write of the leader's disk takes 1.5 s for a minute.
#[test]
fn f13_the_leaders_disk_is_slow() {
    let told = Story::of(F13)
        .at(20, SlowDisk(0, Duration::from_millis(1_500)))
        .at(80, SlowDisk(0, Duration::ZERO))
        .told();
    told.nothing_was_done();
    insta::assert_snapshot!(told.golden());
}

/// Goal: F14, wall clocks jump both ways: no action. Method: one agent's clock goes an hour ahead, another's an hour back,
/// the third's a little.
#[test]
fn f14_clocks_jump_and_the_service_is_well() {
    let told = Story::of(F14)
        .at(20, ClockJump(0, 3_600_000))
        .at(25, ClockJump(1, -3_600_000))
        .at(30, ClockJump(2, 2_500))
        .told();
    told.nothing_was_done();
    insta::assert_snapshot!(told.golden());
}

/// Goal: F14, the lease stays monotonic: a leader whose clock jumps an hour ahead while it waits for the old lease waits
/// no less. Method: the region is cut off, so that the lease must run out, and every clock outside jumps: one ahead, one
/// back. That R13 holds in the meantime is checked at every promise.
#[test]
fn f14_the_leaders_clock_jumps_while_a_lease_runs_out() {
    let told = Story::of(F14)
        .at(20, RegionCut(EAST))
        .at(22.5, ClockJump(1, 3_600_000))
        .at(23.5, ClockJump(2, -3_600_000))
        .told();
    told.failed_over_once();
    assert!(
        told.reached("lease", "expired") && told.count("in us-east-1 any more") == 1,
        "{}",
        told.golden()
    );
    assert!(told.when("in us-east-1 any more") < told.when("write lease of us-east-1 expired"));
    insta::assert_snapshot!(told.golden());
}
