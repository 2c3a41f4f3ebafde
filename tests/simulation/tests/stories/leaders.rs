//! Leaders that die, are cut off or are stopped while a plan runs.

use crate::tell::{CLOSE_TOGETHER, Story};
use quorate_simulation::{
    EAST, SHOP,
    deed::{Deed::*, Mode::*, Trouble},
    fault::{Fault::*, LEADER},
    timeline::at,
};
use std::time::Duration;

/// Goal: F2, a stopped agent abstains after waking, and nothing is done twice. Method: the leader, which also carries steps
/// out, is stopped for 20 s in the middle of a failover.
#[test]
fn f02_the_leader_is_stopped_while_a_plan_runs() {
    let told = Story::of(F2).at(20, RegionDies(EAST)).at(28, Pause(LEADER, Duration::from_secs(20))).told();
    told.failed_over_once();
    let late = told.lines(" by eve (").into_iter().filter(|line| at(line) > 28.0).count();
    assert_eq!(late, 0, "it was to abstain:\n{}", told.golden());
    told.writes_moved_once();
    insta::assert_snapshot!(told.golden());
}

/// Goal: F2, stopped agents alone are no outage. Method: with everything healthy, each agent in turn is stopped for 5 to
/// 60 s.
#[test]
fn f02_agents_are_stopped_and_the_service_is_well() {
    let told = Story::of(F2)
        .at(20, Pause(0, Duration::from_secs(60)))
        .at(30, Pause(1, Duration::from_secs(5)))
        .at(50, Pause(2, Duration::from_secs(20)))
        .told();
    told.nothing_was_done();
    insta::assert_snapshot!(told.golden());
}

/// Goal: F9, the leader dies after the intent, and before and after each step: the plan is carried on, and no effect is
/// repeated. Method: one story without a death gives the moments of all log entries; one more story for each of them. The
/// golden timeline is the death right after the promotion was sent.
#[test]
fn f09_the_leader_dies_at_every_step() {
    let dies = || Story::of(F9).seed(CLOSE_TOGETHER).at(20, RegionDies(EAST));
    let calm = dies().told();
    let moments: Vec<f64> = calm.lines("log ").into_iter().map(at).filter(|moment| *moment > 20.0).collect();
    assert!(moments.len() > 12, "a plan has more steps than that:\n{}", calm.golden());
    for moment in moments {
        let told = dies().at(moment, PowerCut(LEADER)).told();
        told.failed_over_once();
        told.writes_moved_once();
    }
    let told = dies().at(calm.when("cloud: promote"), PowerCut(LEADER)).told();
    told.failed_over_once();
    insta::assert_snapshot!(told.golden());
}

/// Goal: F10, the old leader goes on late and is refused: nothing of an overtaken attempt counts. Method: the leader is
/// cut off from the other agents, and not from the cloud, at each second of a plan whose calls take long; where it has a call
/// under way its result comes when another has the step.
#[test]
fn f10_the_leader_is_cut_off_while_a_plan_runs() {
    let slow = Trouble { slow_ms: 6_000, ..Trouble::default() };
    let cut_at = |second: u32| {
        let story =
            Story::of(F10).at(20, Service { service: SHOP, region: EAST, mode: Hangs }).at(20, Cloud(slow));
        let cut = (0..3)
            .fold(story, |story, other| story.at(second, Cut(LEADER, other)).at(second, Cut(other, LEADER)));
        cut.at(second + 18, NetworkRepaired).at(second + 19, Cloud(Trouble::default())).lasts(150).told()
    };
    let all: Vec<_> = (27..37).map(cut_at).collect();
    for told in &all {
        told.failed_over_once();
        told.writes_moved_once();
    }
    let late = all.iter().find(|told| told.reached("recovery", "late outcome refused"));
    insta::assert_snapshot!(late.expect("a call is under way at one of them").golden());
}
