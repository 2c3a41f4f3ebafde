//! Replicas that are far behind, of which nobody knows, or that have lost their primary.

use crate::tell::Story;
use quorate_simulation::{
    EAST, SHOP,
    deed::{Deed::*, Operation, Replication::*},
    fault::Fault::*,
};

/// Goal: F6, primary and standby lose each other and the agents see both: no failover. Method: replication is broken for
/// two minutes. That somebody is alerted is not told: the simulation has no notifiers; `replica_lag` is exported by the
/// agent.
#[test]
fn f06_primary_and_standby_lose_each_other() {
    let told = Story::of(F6).at(20, Replication(Broken)).at(140, Replication(Behind(500))).lasts(180).told();
    told.nothing_was_done();
    insta::assert_snapshot!(told.golden());
}

/// Goal: F19, the replica is too far behind: refuse and explain, to the agents and to a human who does not accept the loss.
/// Method: it is ten minutes behind before the region dies; an operator asks twice.
#[test]
fn f19_the_replica_is_far_behind() {
    let told = Story::of(F19)
        .at(20, Replication(Behind(600_000)))
        .at(130, RegionDies(EAST))
        .at(150, Operate(1, SHOP, Operation::Failover { accept_data_loss: false }))
        .at(155, Operate(1, SHOP, Operation::Failover { accept_data_loss: true }))
        .lasts(200)
        .told();
    assert!(told.refused("replica_lag_too_high"), "{}", told.golden());
    assert_eq!((told.automatic(), told.decisions(), told.succeeded()), (0, 1, 1), "{}", told.golden());
    assert!(told.when(" decided, epoch 2") >= 155.0, "{}", told.golden());
    insta::assert_snapshot!(told.golden());
}

/// Goal: F19, nobody knows how far the replica is behind: unknown is not little. A human who accepts the loss may go on.
/// Method: monitoring had its last point six minutes before the region dies, which is more than the five that are
/// believed; an operator asks without accepting a loss, and then with. Two replicas that differ cannot be told: there is one standby.
#[test]
fn f19_nobody_knows_how_far_the_replica_is_behind() {
    let told = Story::of(F19)
        .at(14, Replication(Unknown))
        .at(380, RegionDies(EAST))
        .at(405, Operate(1, SHOP, Operation::Failover { accept_data_loss: false }))
        .at(410, Operate(1, SHOP, Operation::Failover { accept_data_loss: true }))
        .lasts(450)
        .told();
    assert!(told.refused("replica_lag_unknown"), "{}", told.golden());
    assert_eq!((told.automatic(), told.decisions(), told.succeeded()), (0, 1, 1), "{}", told.golden());
    assert!(told.when(" decided, epoch 2") >= 410.0, "{}", told.golden());
    insta::assert_snapshot!(told.golden());
}
