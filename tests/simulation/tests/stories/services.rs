//! Services that answer and do not work, are overloaded, or flap.

use crate::tell::Story;
use quorate_simulation::{
    EAST, SHOP, WEST,
    deed::{Deed::*, Mode, Mode::*},
    fault::Fault::*,
};

fn shop_in_east(mode: Mode) -> quorate_simulation::deed::Deed {
    Service { service: SHOP, region: EAST, mode }
}

/// Goal: F2, the primary is stopped and goes on: no two regions take writes. Method: it hangs, is failed over, and goes on
/// as if nothing had been, with its old connections and its old clients.
#[test]
fn f02_the_primary_is_stopped_and_goes_on() {
    let told = Story::of(F2).at(20, shop_in_east(Hangs)).at(45, shop_in_east(Up)).told();
    told.failed_over_once();
    told.writes_moved_once();
    insta::assert_snapshot!(told.golden());
}

/// Goal: F15, writes fail and the health check is well: the deep check reaches agreement, and the service moves. Method:
/// the service takes no writes and answers `/health` with 200.
#[test]
fn f15_writes_fail_and_the_health_check_is_well() {
    let told = Story::of(F15).at(20, shop_in_east(ReadOnly)).told();
    told.failed_over_once();
    told.writes_moved_once();
    insta::assert_snapshot!(told.golden());
}

/// Goal: F16, overload: degraded is not down, and nothing flaps. Method: for a minute every fourth request fails or is too
/// slow.
#[test]
fn f16_overload_is_not_an_outage() {
    let told = Story::of(F16).at(20, shop_in_east(BrownOut(250))).at(80, shop_in_east(Up)).told();
    told.nothing_was_done();
    insta::assert_snapshot!(told.golden());
}

/// Goal: F17, a flapping target: at most one failover a cool-down. Method: the service is up and down, three seconds each,
/// for half a minute; the dwell is longer than that.
#[test]
fn f17_a_service_flaps() {
    let told = Story::of(F17).at(20, shop_in_east(Flaps)).lasts(50).told();
    told.nothing_was_done();
    insta::assert_snapshot!(told.golden());
}

/// Goal: F17, where flapping gets the better of a short dwell, it does so once: the service never flaps back by itself.
/// Method: the dwell is a second, and a minute later it is in the new region that the service flaps.
#[test]
fn f17_a_service_flaps_and_the_dwell_is_too_short() {
    let told = Story::of(F17)
        .dwell(1)
        .at(20, shop_in_east(Flaps))
        .at(80, Service { service: SHOP, region: WEST, mode: Flaps })
        .lasts(120)
        .told();
    told.failed_over_once();
    assert!(told.refused("unusable_region"), "{}", told.golden());
    insta::assert_snapshot!(told.golden());
}
