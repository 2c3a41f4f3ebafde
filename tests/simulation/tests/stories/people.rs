//! People: policies that are applied at a bad moment, overrides that race, pauses.

use crate::tell::{Story, Told};
use quorate_simulation::{
    EAST, SHOP,
    deed::{Deed::*, Operation},
    fault::{Fault::*, LEADER},
};

const FAILOVER: Operation = Operation::Failover { accept_data_loss: false };

/// Goal: F27, a policy is applied during an election: there are never two executors. Method: the region and the leader die,
/// and two operators apply a new policy through the agents that are left, before they have a leader.
#[test]
fn f27_a_policy_is_applied_during_an_election() {
    let told = Story::of(F27)
        .at(20, RegionDies(EAST))
        .at(20.5, PowerCut(LEADER))
        .at(20.6, Operate(1, SHOP, Operation::Apply))
        .at(21, Operate(2, SHOP, Operation::Apply))
        .told();
    assert!(told.count("policy version ") >= 2, "{}", told.golden());
    told.failed_over_once();
    told.writes_moved_once();
    insta::assert_snapshot!(told.golden());
}

fn one_failover(told: &Told) {
    assert_eq!((told.decisions(), told.succeeded()), (1, 1), "serialised, one winner:\n{}", told.golden());
    assert_eq!(told.count("cloud: promote "), 1, "{}", told.golden());
}

/// Goal: F29, an operator races automation: one winner, and the other is told about it. Method: he asks for the failover
/// about when the agents decide it, and again later.
#[test]
fn f29_an_operator_races_automation() {
    let told = Story::of(F29)
        .at(20, RegionDies(EAST))
        .at(25.7, Operate(2, SHOP, FAILOVER))
        .at(27, Operate(1, SHOP, FAILOVER))
        .told();
    one_failover(&told);
    assert!(told.count("was under way already") >= 1, "{}", told.golden());
    insta::assert_snapshot!(told.golden());
}

/// Goal: F29, two operators race each other: one execution, and the later command counts for both. Method: everything is
/// well; both ask for a failover in the same moment, and a third would abort it when it is past the point of no return.
#[test]
fn f29_two_operators_race_each_other() {
    let told = Story::of(F29)
        .at(20, Operate(1, SHOP, FAILOVER))
        .at(20, Operate(2, SHOP, FAILOVER))
        .at(35, Operate(0, SHOP, Operation::Abort))
        .told();
    one_failover(&told);
    assert_eq!(told.automatic(), 0, "{}", told.golden());
    told.writes_moved_once();
    insta::assert_snapshot!(told.golden());
}

/// Goal: F29, one begins and another ends it in time: what was done is taken back. Method: the abort comes before the
/// promotion.
#[test]
fn f29_one_fails_over_and_another_aborts() {
    let told =
        Story::of(F29).at(20, Operate(1, SHOP, FAILOVER)).at(21.2, Operate(2, SHOP, Operation::Abort)).told();
    assert_eq!((told.decisions(), told.succeeded()), (1, 0), "{}", told.golden());
    assert!(told.reached("execution", "aborted"), "{}", told.golden());
    assert_eq!(told.count("cloud: promote "), 0, "{}", told.golden());
    insta::assert_snapshot!(told.golden());
}

/// Goal: F30, a pause holds automation, and when it expires in the middle of the outage the agents go on by themselves.
/// Method: automation is paused for half a minute, and the region dies.
#[test]
fn f30_a_pause_expires_in_an_outage() {
    let told = Story::of(F30)
        .at(18, Operate(2, SHOP, Operation::Pause(Some(30))))
        .at(20, RegionDies(EAST))
        .lasts(110)
        .told();
    assert!(told.refused("held"), "{}", told.golden());
    told.failed_over_once();
    assert!(told.when(" decided, epoch 2") > 48.0, "{}", told.golden());
    insta::assert_snapshot!(told.golden());
}

/// Goal: F30, a pause in the middle of a plan: it stops at a safe point, and goes on when it is resumed. Method: automation
/// is paused right after the decision, and resumed half a minute later.
#[test]
fn f30_a_pause_in_the_middle_of_a_plan() {
    let told = Story::of(F30)
        .at(20, RegionDies(EAST))
        .at(27, Operate(2, SHOP, Operation::Pause(None)))
        .at(60, Operate(1, SHOP, Operation::Resume))
        .lasts(130)
        .told();
    one_failover(&told);
    insta::assert_snapshot!(told.golden());
}
