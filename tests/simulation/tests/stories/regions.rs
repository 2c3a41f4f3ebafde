//! Regions that die, are cut off, come back, or die all at once.

use crate::tell::{BUDGET_SECONDS, CLOSE_TOGETHER, Story, TWO_SERVICES};
use quorate_simulation::{
    EAST, SHOP, WEST,
    deed::{Deed::*, Mode::*, Operation},
    fault::Fault::*,
};

/// Goal: F1, the primary service is killed: exactly one failover, within its budget. Method: nothing listens any more in
/// the primary region, everything else there lives on.
#[test]
fn f01_the_service_is_killed() {
    let told = Story::of(F1).at(20, Service { service: SHOP, region: EAST, mode: Dead }).told();
    told.failed_over_once();
    told.writes_moved_once();
    assert!(told.when("execution succeeded") - 20.0 < BUDGET_SECONDS);
    insta::assert_snapshot!(told.golden());
}

/// Goal: F1, a whole region dies with the agent in it: exactly one failover, within its budget. Method: nobody is left to
/// give the lease up, so it must run out.
#[test]
fn f01_a_whole_region_dies() {
    let told = Story::of(F1).at(20, RegionDies(EAST)).at(20, PowerCut(0)).told();
    told.failed_over_once();
    told.writes_moved_once();
    assert!(told.reached("lease", "expired"));
    assert!(told.when("execution succeeded") - 20.0 < BUDGET_SECONDS);
    insta::assert_snapshot!(told.golden());
}

/// Goal: F3, the partition of 43 s: no failover across regions. Method: the policy has the dwell across regions, a minute.
#[test]
fn f03_regions_lose_each_other_for_43_s() {
    let told = Story::of(F3).dwell(60).at(20, RegionCut(EAST)).at(63, NetworkRepaired).lasts(150).told();
    told.nothing_was_done();
    insta::assert_snapshot!(told.golden());
}

/// Goal: F4, the primary's region is cut off for good: the lease is waited for, then there is exactly one promotion.
/// Method: the region lives behind the cut, and its agent cannot give the lease up.
#[test]
fn f04_the_region_is_cut_off_for_good() {
    let told = Story::of(F4).at(20, RegionCut(EAST)).told();
    told.failed_over_once();
    told.writes_moved_once();
    assert!(told.reached("lease", "expired") && !told.reached("lease", "given up"));
    assert!(told.when("write lease of us-east-1 expired") < told.when("cloud: promote"));
    insta::assert_snapshot!(told.golden());
}

/// Goal: F18, two services fail together: each moves once, at the same time, and none waits for the other. Method: the
/// region of both dies.
#[test]
fn f18_both_services_of_a_region_fail_together() {
    let told = Story::of(F18).seed(TWO_SERVICES).at(20, RegionDies(EAST)).told();
    assert_eq!((told.automatic(), told.decisions(), told.succeeded()), (2, 2, 2), "{}", told.golden());
    let decided = told.lines(" decided, epoch 2");
    assert!(decided.iter().any(|line| line.contains(" shop-2")), "{decided:?}");
    assert!(decided.iter().any(|line| line.contains(" ledger-2")), "{decided:?}");
    insta::assert_snapshot!(told.golden());
}

/// Goal: F18, everything fails together: freeze, say so, and move only when there is somewhere to go. Method: both regions
/// die within half a second; the standby returns.
#[test]
fn f18_all_regions_fail_together() {
    let told =
        Story::of(F18).at(20, RegionDies(EAST)).at(20.5, RegionDies(WEST)).at(50, RegionReturns(WEST)).told();
    assert!(told.refused("everything_down"), "{}", told.golden());
    told.failed_over_once();
    assert!(told.when(" decided, epoch 2") > 50.0, "nothing was to be decided while all was down");
    insta::assert_snapshot!(told.golden());
}

/// Goal: F20, the old primary returns at every step of the plan: it is fenced and gets no traffic. Method: one story
/// without its return gives the moments; one more story for each of them. The golden timeline is the return right after
/// the promotion; of the others, how many steps it took.
#[test]
fn f20_the_old_primary_returns_at_every_step() {
    let dies = || Story::of(F20).seed(CLOSE_TOGETHER).at(20, RegionDies(EAST));
    let calm = dies().told();
    let moments: Vec<f64> = calm
        .lines("log ")
        .into_iter()
        .map(quorate_simulation::timeline::at)
        .filter(|moment| *moment > 20.0)
        .collect();
    assert!(moments.len() > 12, "a plan has more steps than that:\n{}", calm.golden());
    for moment in moments {
        let told = dies().at(moment + 0.05, RegionReturns(EAST)).told();
        // While nothing is decided yet, its return may settle the matter.
        if told.decisions() > 0 {
            told.failed_over_once();
            told.writes_moved_once();
        }
    }
    let told = dies().at(calm.when("cloud: promote") + 0.05, RegionReturns(EAST)).told();
    told.failed_over_once();
    told.writes_moved_once();
    insta::assert_snapshot!(told.golden());
}

/// Goal: F20, an old primary is not taken for promoted by an attempt that follows one whose looks were never answered: nothing
/// was noted, so nobody has acted (R24). Method: the old primary is back and writable, and no standby was made of it; an
/// operator moves there, and the region is out of reach until the first attempt is over.
#[test]
fn f20_an_old_primary_out_of_reach_is_not_taken_for_promoted() {
    let there = Operation::Failover { accept_data_loss: true };
    let told = Story::of(F20)
        .at(20, RegionDies(EAST))
        .at(45, RegionReturns(EAST))
        .at(120, RegionCut(EAST))
        .at(120.5, Operate(1, SHOP, there))
        .at(175, RegionReturns(EAST))
        .lasts(190)
        .told();
    assert!(told.when("step promote is unknown: not done in time; last seen: nothing was observed") < 175.0);
    assert!(told.when("step promote is impossible: it stands before anything was done") > 175.0);
}

/// Goal: F20, a failback leaves a region behind in which nothing runs. When the region it went to dies, the agents do not
/// move into an empty one: they say that everything is down, also to an operator, until he has restored it; then a failover
/// ends well. Method: there and back, and nobody makes a standby of the region that was left.
#[test]
fn f20_the_region_dies_after_a_failback_that_left_no_standby() {
    let home = Operation::Failover { accept_data_loss: false };
    let told = Story::of(F20)
        .at(20, RegionDies(EAST))
        .at(45, RegionReturns(EAST))
        .at(50, Rebuild(EAST))
        .at(120, Operate(1, SHOP, home))
        .at(160, RegionDies(EAST))
        .lasts(190)
        .told();
    assert_eq!((told.decisions(), told.succeeded()), (3, 3), "{}", told.golden());
    assert!(told.reached("left to a human", "everything_down"), "{}", told.outcome.coverage);
    let restored = told.when("an operator restores shop in us-west-2");
    let decided =
        told.lines("failover us-east-1 -> us-west-2 decided").pop().map(quorate_simulation::timeline::at);
    assert!(decided > Some(restored), "it was to be healthy first:\n{}", told.outcome.trace.join("\n"));
    insta::assert_snapshot!(told.golden());
}
