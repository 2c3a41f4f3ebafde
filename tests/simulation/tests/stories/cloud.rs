//! The cloud around a failover: calls that hang, fences that lie, DNS in trouble, no capacity, no status page.

use crate::tell::{CLOSE_TOGETHER, Story, TWO_SERVICES};
use quorate_simulation::{
    EAST, SHOP, WEST,
    deed::{Deed::*, Operation, Trouble},
    fault::Fault::*,
};

/// Goal: F11, steps hang beyond their time: another failover is not begun beside the first, and an abort ends it. Method:
/// every call takes up to half a minute; one operator asks for the same failover and gets the one under way, another aborts
/// it before anything irreversible was begun, and asks for another when the cloud is quick again. A hook that forks and
/// lives on cannot be told here, as the simulation runs no hooks.
#[test]
fn f11_a_step_hangs_and_is_aborted() {
    let hangs = Trouble { slow_ms: 30_000, lost_before: 1_000, ..Trouble::default() };
    let failover = Operation::Failover { accept_data_loss: false };
    let told = Story::of(F11)
        .at(20, Cloud(hangs))
        .at(20, RegionDies(EAST))
        .at(26.5, Operate(1, SHOP, failover))
        .at(27, Operate(2, SHOP, Operation::Abort))
        .at(60, Cloud(Trouble::default()))
        .at(70, Operate(1, SHOP, failover))
        .lasts(150)
        .told();
    assert!(told.reached("execution", "aborted"), "{}", told.golden());
    assert!(told.when("execution aborted") < told.when(" decided, epoch 3"), "{}", told.golden());
    assert_eq!((told.decisions(), told.succeeded()), (2, 1), "{}", told.golden());
    told.writes_moved_once();
    insta::assert_snapshot!(told.golden());
}

/// Goal: F11, a step that hangs is tried again and the plan comes to its end. Method: for a while calls take up to half a
/// minute, and every fifth reply is lost.
#[test]
fn f11_steps_hang_and_are_tried_again() {
    let hangs = Trouble { slow_ms: 30_000, lost_after: 200, ..Trouble::default() };
    let told = Story::of(F11)
        .at(20, RegionDies(EAST))
        .at(22, Cloud(hangs))
        .at(100, Cloud(Trouble::default()))
        .lasts(200)
        .told();
    assert!(told.reached("step", "unknown"), "{}", told.golden());
    told.failed_over_once();
    insta::assert_snapshot!(told.golden());
}

/// Goal: F21, the fence says that it worked and the target still writes: nothing is promoted on its word. Method: scaling
/// to nothing is accepted, reported as done, and does nothing, behind a cut. The promotion waits for the lease all the
/// same, and no write is taken in the old region after it.
#[test]
fn f21_the_fence_lies() {
    let told = Story::of(F21).at(20, FenceLies(true)).at(25, RegionCut(EAST)).told();
    told.failed_over_once();
    told.writes_moved_once();
    assert!(told.when("write lease of us-east-1 expired") < told.when("cloud: promote"), "{}", told.golden());
    insta::assert_snapshot!(told.golden());
}

/// Goal: F21, the fence says that it worked, and the region is in everybody's reach: the same. Method: the service takes no
/// writes, so its region is left; its agent gives the lease up, and only then is there a promotion.
#[test]
fn f21_the_fence_lies_within_reach() {
    let sick = Service { service: SHOP, region: EAST, mode: quorate_simulation::deed::Mode::ReadOnly };
    let told = Story::of(F21).at(20, FenceLies(true)).at(25, sick).told();
    told.failed_over_once();
    told.writes_moved_once();
    assert!(told.when("step fence succeeded") > 25.0, "the lie was to be told:\n{}", told.golden());
    assert!(told.when("write lease ") < told.when("cloud: promote"), "{}", told.golden());
    insta::assert_snapshot!(told.golden());
}

/// Goal: F22, calls to DNS are slow, fail and lose their replies, and somebody else edits: the record converges by
/// compare-and-set, and is never empty (R23 is checked at every change). Method: all of it at once, with the edit during
/// the plan.
#[test]
fn f22_dns_is_slow_lossy_and_edited() {
    let trouble = Trouble { slow_ms: 6_000, lost_before: 150, lost_after: 300, refused: 250, denied: false };
    let told = Story::of(F22)
        .at(20, RegionDies(EAST))
        .at(21, Cloud(trouble))
        .at(40, ForeignEdit(EAST))
        .at(100, Cloud(Trouble::default()))
        .lasts(200)
        .told();
    told.failed_over_once();
    insta::assert_snapshot!(told.golden());
}

/// Goal: F22, somebody else points the name back right after the plan did: the plan sees it before it calls itself done.
/// Method: the edit comes between the repoint and the verification.
#[test]
fn f22_somebody_edits_the_record_back() {
    let dies = || Story::of(F22).seed(CLOSE_TOGETHER).at(20, RegionDies(EAST));
    let repointed = dies().told().when("cloud: point ");
    let told = dies().at(repointed + 0.05, ForeignEdit(EAST)).lasts(200).told();
    told_of_a_foreign_edit(&told);
    insta::assert_snapshot!(told.golden());
}

fn told_of_a_foreign_edit(told: &crate::tell::Told) {
    assert_eq!(told.automatic(), 1, "{}", told.golden());
    assert_eq!(told.count("cloud: promote "), 1, "{}", told.golden());
}

/// Goal: F23, the standby cannot be scaled: traffic is not moved. Method: no task can be started in the standby region for
/// a minute; DNS moves after there is room.
#[test]
fn f23_the_standby_cannot_be_scaled() {
    let told = Story::of(F23)
        .at(18, Quota(WEST, true))
        .at(20, RegionDies(EAST))
        .at(80, Quota(WEST, false))
        .lasts(150)
        .told();
    assert!(told.when("cloud: point ") > 80.0, "no traffic without capacity:\n{}", told.golden());
    told.failed_over_once();
    insta::assert_snapshot!(told.golden());
}

/// Goal: F32, the status page is down: the failover is unaffected, and the page is told later if it can be. Method: it is
/// down from before the region dies until after the failover.
#[test]
fn f32_the_status_page_is_down() {
    let dies = || Story::of(F32).at(20, RegionDies(EAST));
    let calm = dies().told();
    let told = dies().at(18, StatusPage(true)).at(60, StatusPage(false)).told();
    told.failed_over_once();
    told.writes_moved_once();
    let (with, without) = (told.when("step verify succeeded"), calm.when("step verify succeeded"));
    assert!(with < without + 10.0, "it was to be no slower: {with} and {without}");
    insta::assert_snapshot!(told.golden());
}

/// Goal: F32, one service's trouble with the page is not another's. Method: two services leave the region at once while
/// the page is down.
#[test]
fn f32_the_status_page_is_down_for_two_services() {
    let told = Story::of(F32).seed(TWO_SERVICES).at(18, StatusPage(true)).at(20, RegionDies(EAST)).told();
    assert_eq!((told.automatic(), told.succeeded()), (2, 2), "{}", told.golden());
    insta::assert_snapshot!(told.golden());
}
