//! Faults of the cloud: its control plane, its databases, its DNS, its capacity, and what stands around it.

use super::Draw;
use crate::{
    EAST, WEST,
    cue::Cue,
    deed::{Deed, Operation, Replication, Trouble},
};
use std::time::Duration;

fn trouble(draw: &mut Draw, trouble: Trouble) {
    let at = draw.moment();
    draw.at(at, Deed::Cloud(trouble));
    let end = at + draw.ms(20_000..150_000);
    draw.at(end, Deed::Cloud(Trouble::default()));
}

pub(super) fn hangs(draw: &mut Draw) {
    trouble(draw, Trouble { slow_ms: 30_000, lost_after: 200, ..Trouble::default() });
    if draw.chance(600) {
        let (from, length) = (draw.from(), draw.ms(2_000..9_000));
        draw.on(from, Cue::Calls, Duration::ZERO, Deed::Straggle(length));
        if draw.chance(500) {
            let (through, service, after) = (draw.agent(), draw.service(), draw.ms(0..1_000));
            draw.on(from, Cue::Calls, after, Deed::Operate(through, service, Operation::Abort));
        }
    }
}

pub(super) fn lags(draw: &mut Draw) {
    let at = draw.moment();
    let how = match draw.ms(0..3).as_millis() {
        0 => Replication::Unknown,
        1 => Replication::Broken,
        _ => Replication::Behind(u64::try_from(draw.ms(1_000..600_000).as_millis()).unwrap()),
    };
    draw.at(at, Deed::Replication(how));
    let dies = at + draw.ms(1_000..60_000);
    draw.at(dies, Deed::RegionDies(EAST));
}

pub(super) fn fence_lies(draw: &mut Draw) {
    let at = draw.moment();
    draw.at(at, Deed::FenceLies(true));
    let cut = at + draw.ms(1_000..10_000);
    draw.at(cut, Deed::RegionCut(EAST));
    let whole = cut + draw.ms(5_000..90_000);
    draw.at(whole, Deed::NetworkRepaired);
}

pub(super) fn dns(draw: &mut Draw) {
    let denied = draw.chance(200);
    trouble(draw, Trouble { slow_ms: 6_000, lost_before: 150, lost_after: 300, refused: 250, denied });
    let at = draw.moment();
    let to = if draw.chance(500) { EAST } else { WEST };
    draw.at(at, Deed::ForeignEdit(to));
    if draw.chance(400) {
        draw.at(at, Deed::StaleResolvers(true));
    }
}

pub(super) fn no_capacity(draw: &mut Draw) {
    let at = draw.moment();
    draw.at(at, Deed::Quota(WEST, true));
    let dies = at + draw.ms(500..10_000);
    draw.at(dies, Deed::RegionDies(EAST));
    let end = dies + draw.ms(10_000..120_000);
    draw.at(end, Deed::Quota(WEST, false));
}

pub(super) fn status_page(draw: &mut Draw) {
    let at = draw.moment();
    draw.at(at, Deed::StatusPage(true));
    let dies = at + draw.ms(500..10_000);
    draw.at(dies, Deed::RegionDies(EAST));
}
