//! Agents that come back with the wrong disk or the wrong list of members, and all agents at once.

use crate::tell::Story;
use quorate_simulation::{
    EAST, SHOP,
    deed::{Deed::*, Operation},
    fault::Fault::*,
};
use std::time::Duration;

/// Goal: F25, an agent with another member list is refused and does not join. Method: it is started with the list of a
/// cluster of five, must not start, and is started again with its own.
#[test]
fn f25_another_member_list_is_refused() {
    let told = Story::of(F25).at(20, WrongMembers(2)).at(30, RegionDies(EAST)).told();
    told.failed_over_once();
    insta::assert_snapshot!(told.golden());
}

/// Goal: F25, an agent comes back with an empty disk: it learns everything anew and takes nothing back. Method: its disk is
/// replaced while it is down, and the region dies soon after. A second process with its name, and a disk that is older than
/// what it has acknowledged, cannot be told: the simulated network has one seat an agent.
#[test]
fn f25_an_agent_comes_back_with_an_empty_disk() {
    let told = Story::of(F25)
        .at(20, PowerCut(2))
        .at(21, ReplaceDisk(2))
        .at(23, Boot(2))
        .at(40, RegionDies(EAST))
        .told();
    told.failed_over_once();
    insta::assert_snapshot!(told.golden());
}

/// Goal: F26, a cold restart of all agents: no action, and the service is not touched. Method: everything is well.
#[test]
fn f26_all_agents_restart_and_the_service_is_well() {
    let told = Story::of(F26).at(20, ColdRestart(Duration::from_secs(2))).told();
    told.nothing_was_done();
    insta::assert_snapshot!(told.golden());
}

/// Goal: F26, agents that start into a red region do not fire: whether it ever was healthy nobody remembers. It is left to
/// a human, and said so. Method: the region dies a second before all agents restart; an operator takes over.
#[test]
fn f26_all_agents_restart_into_a_red_region() {
    let told = Story::of(F26)
        .at(20, RegionDies(EAST))
        .at(21, ColdRestart(Duration::from_secs(2)))
        .at(60, Operate(0, SHOP, Operation::Failover { accept_data_loss: true }))
        .lasts(110)
        .told();
    assert!(told.refused("already_red_at_start"), "{}", told.golden());
    assert_eq!((told.automatic(), told.decisions(), told.succeeded()), (0, 1, 1), "{}", told.golden());
    assert!(told.when(" decided, epoch 2") >= 60.0, "{}", told.golden());
    insta::assert_snapshot!(told.golden());
}

/// Goal: F26, once the region has been seen healthy the agents are armed again. Method: the same, but the region is back
/// for a while before it dies for good.
#[test]
fn f26_agents_are_armed_once_the_region_was_healthy() {
    let told = Story::of(F26)
        .at(20, RegionDies(EAST))
        .at(21, ColdRestart(Duration::from_secs(2)))
        .at(45, RegionReturns(EAST))
        .at(60, RegionDies(EAST))
        .lasts(120)
        .told();
    assert!(told.when(" decided, epoch 2") > 60.0, "{}", told.golden());
    told.failed_over_once();
    insta::assert_snapshot!(told.golden());
}
