//! Faults of the services and of whole regions.

use super::{Draw, agents::LEADER};
use crate::{
    EAST, WEST,
    cue::Cue,
    deed::{Deed, Mode, Operation, Replication},
};
use std::time::Duration;

/// Long enough for the last grants to have been late ones.
const LATE_BEFORE: Duration = Duration::from_secs(5);

fn mode(draw: &mut Draw, at: Duration, region: &'static str, mode: Mode, length: Duration) {
    let service = draw.service();
    draw.at(at, Deed::Service { service, region, mode });
    draw.at(at + length, Deed::Service { service, region, mode: Mode::Up });
}

pub(super) fn dies(draw: &mut Draw) {
    let at = draw.moment();
    if draw.chance(700) {
        draw.at(at, Deed::RegionDies(EAST));
        if draw.chance(400) {
            draw.at(at, Deed::PowerCut(0));
        }
    } else {
        let length = draw.ms(60_000..600_000);
        let how = if draw.chance(500) { Mode::Dead } else { Mode::Hangs };
        mode(draw, at, EAST, how, length);
    }
}

pub(super) fn lost_for_43_s(draw: &mut Draw) {
    let at = draw.moment();
    draw.at(at, Deed::RegionCut(EAST));
    draw.at(at + Duration::from_secs(43), Deed::NetworkRepaired);
}

pub(super) fn cut_off(draw: &mut Draw) {
    let at = draw.moment();
    if draw.chance(600) {
        lost_while_the_lease_moves(draw, at);
    } else {
        draw.at(at, Deed::RegionCut(EAST));
    }
}

/// An operator moves a service just when its writers are lost with a lease that was granted a moment ago: perhaps by an answer
/// that was long on its way, perhaps by a leader that is lost as well.
fn lost_while_the_lease_moves(draw: &mut Draw, at: Duration) {
    let service = draw.service();
    if draw.chance(500) {
        let late = u64::try_from(draw.ms(600..1_900).as_millis()).unwrap();
        draw.at(at.saturating_sub(LATE_BEFORE), Deed::Late(0, late));
    }
    match draw.ms(0..5).as_millis() {
        0 | 1 => draw.at(at, Deed::RegionCut(EAST)),
        // It hears what it is told, and nobody hears it.
        2 => (1..draw.nodes).for_each(|other| draw.at(at, Deed::Cut(0, other))),
        3 => {
            let length = draw.ms(500..5_000);
            draw.at(at, Deed::Pause(0, length));
        }
        _ => {}
    }
    if draw.chance(400) {
        let after = draw.ms(0..300);
        draw.at(at + after, Deed::PowerCut(LEADER));
    }
    // Some come when there is a new leader, if the old one was lost.
    for _ in 0..14 {
        let (when, through) = (at + draw.ms(0..6_000), 1 + draw.agent() % (draw.nodes - 1));
        draw.at(when, Deed::Operate(through, service, Operation::Failover { accept_data_loss: true }));
    }
}

pub(super) fn replication_cut(draw: &mut Draw) {
    let at = draw.moment();
    draw.at(at, Deed::Replication(Replication::Broken));
    let end = at + draw.ms(30_000..120_000);
    draw.at(end, Deed::Replication(Replication::Behind(500)));
}

pub(super) fn read_only(draw: &mut Draw) {
    let (at, length) = (draw.moment(), draw.ms(60_000..300_000));
    mode(draw, at, EAST, Mode::ReadOnly, length);
}

pub(super) fn overloaded(draw: &mut Draw) {
    let (at, length) = (draw.moment(), draw.ms(20_000..120_000));
    let permille = u16::try_from(draw.ms(100..600).as_millis()).unwrap();
    mode(draw, at, EAST, Mode::BrownOut(permille), length);
}

pub(super) fn flaps(draw: &mut Draw) {
    let (at, length) = (draw.moment(), draw.ms(20_000..120_000));
    let region = if draw.chance(700) { EAST } else { WEST };
    mode(draw, at, region, Mode::Flaps, length);
}

pub(super) fn everything(draw: &mut Draw) {
    let at = draw.moment();
    let apart = draw.ms(0..2_000);
    draw.at(at, Deed::RegionDies(EAST));
    if draw.chance(500) {
        draw.at(at + apart, Deed::RegionDies(WEST));
        let back = at + draw.ms(20_000..90_000);
        draw.at(back, Deed::RegionReturns(WEST));
    }
}

pub(super) fn returns(draw: &mut Draw) {
    let at = draw.moment();
    draw.at(at, Deed::RegionDies(EAST));
    let back = at + draw.ms(1_000..40_000);
    draw.at(back, Deed::RegionReturns(EAST));
    if draw.chance(300) {
        let garbled = back + draw.ms(1..20_000);
        mode(draw, garbled, EAST, Mode::Garbled, Duration::from_secs(20));
    }
    // It is made into the standby, and then the region fails that has taken over: the way home is for a human to take.
    if draw.chance(400) {
        let rebuilt = back + draw.ms(15_000..45_000);
        draw.at(rebuilt, Deed::Rebuild(EAST));
        let fails = rebuilt + draw.ms(40_000..70_000);
        draw.at(fails, Deed::RegionDies(WEST));
    }
    // It is back after the failover, as it was, with its old data; and somebody who does not know that orders the way home.
    if draw.chance(400) {
        let (from, service, through) = (draw.from(), draw.service(), draw.agent());
        let (back, home) = (draw.ms(1_000..15_000), draw.ms(20_000..60_000));
        draw.on(from, Cue::Ended, back, Deed::RegionReturns(EAST));
        let order = Operation::Failover { accept_data_loss: true };
        draw.on(from, Cue::Ended, home, Deed::Operate(through, service, order));
    }
}
