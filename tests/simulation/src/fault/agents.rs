//! Faults of the agents themselves: their processes, links, disks and clocks.

use super::Draw;
use crate::{EAST, WEST, deed::Deed};
use std::time::Duration;

/// The leader is whoever leads when it strikes; by convention this number stands for it.
pub const LEADER: usize = usize::MAX;

const SECOND: Duration = Duration::from_secs(1);

fn leader_or_any(draw: &mut Draw) -> usize {
    if draw.chance(500) { LEADER } else { draw.agent() }
}

pub(super) fn stopped(draw: &mut Draw) {
    for _ in 0..3 {
        let (at, who, length) = (draw.moment(), leader_or_any(draw), draw.ms(5_000..60_000));
        draw.at(at, Deed::Pause(who, length));
    }
}

pub(super) fn one_way(draw: &mut Draw) {
    let at = draw.moment();
    let (from, to) = (draw.agent(), draw.agent());
    if draw.chance(500) {
        draw.at(at, Deed::Cut(from, to));
    } else {
        draw.at(at, Deed::Dark(from, if draw.nodes.is_multiple_of(2) { WEST } else { EAST }));
    }
    let repair = at + draw.ms(5_000..60_000);
    draw.at(repair, Deed::NetworkRepaired);
}

/// Every agent but one reaches every other but one: a half-dead switch.
pub(super) fn intransitive(draw: &mut Draw) {
    let at = draw.moment();
    let first = draw.agent();
    for step in 0..draw.nodes.div_ceil(3) {
        let (one, other) = ((first + step * 2) % draw.nodes, (first + step * 2 + 1) % draw.nodes);
        draw.at(at, Deed::Cut(one, other));
        draw.at(at, Deed::Cut(other, one));
    }
    let repair = at + draw.ms(10_000..90_000);
    draw.at(repair, Deed::NetworkRepaired);
}

pub(super) fn lossy(draw: &mut Draw) {
    let (at, who) = (draw.moment(), draw.agent());
    let permille = u16::try_from(draw.ms(300..800).as_millis()).unwrap();
    draw.at(at, Deed::Lossy(who, permille));
    if draw.chance(300) {
        draw.at(at, Deed::Congested(900));
    }
    if draw.chance(300) {
        draw.at(at, Deed::Duplicated(100));
    }
    let repair = at + draw.ms(10_000..90_000);
    draw.at(repair, Deed::NetworkRepaired);
}

pub(super) fn leaders_die(draw: &mut Draw) {
    let mut at = draw.moment();
    for _ in 0..6 {
        draw.at(at, Deed::PowerCut(LEADER));
        at += draw.ms(1_000..12_000);
    }
}

pub(super) fn leader_cut_off(draw: &mut Draw) {
    let at = draw.moment();
    for other in 0..draw.nodes {
        draw.at(at, Deed::Cut(LEADER, other));
        if draw.chance(500) {
            draw.at(at, Deed::Cut(other, LEADER));
        }
    }
    let repair = at + draw.ms(3_000..40_000);
    draw.at(repair, Deed::NetworkRepaired);
}

pub(super) fn quorum_lost(draw: &mut Draw) {
    let at = draw.moment();
    for who in 0..=draw.nodes / 2 {
        draw.at(at, Deed::PowerCut(draw.nodes - 1 - who));
    }
    let dies = at + draw.ms(2_000..10_000);
    draw.at(dies, Deed::RegionDies(EAST));
    let back = dies + draw.ms(10_000..60_000);
    for who in 0..draw.nodes {
        draw.at(back, Deed::Boot(who));
    }
}

pub(super) fn disks(draw: &mut Draw) {
    let (at, who) = (draw.moment(), draw.agent());
    let length = draw.ms(5_000..40_000);
    if draw.chance(500) {
        draw.at(at, Deed::FullDisk(who, true));
        draw.at(at + length, Deed::FullDisk(who, false));
    } else {
        let each = draw.ms(50..1_500);
        draw.at(at, Deed::SlowDisk(who, each));
        draw.at(at + length, Deed::SlowDisk(who, Duration::ZERO));
    }
    let (torn, who) = (draw.moment(), draw.agent());
    draw.at(torn, Deed::PowerCut(who));
    let boot = torn + draw.ms(500..8_000);
    draw.at(boot, Deed::Boot(who));
    if draw.chance(600) {
        let (at, who) = (draw.moment(), draw.agent());
        draw.at(at, Deed::NoSockets(who, true));
        let end = at + draw.ms(10_000..150_000);
        draw.at(end, Deed::NoSockets(who, false));
    }
}

pub(super) fn clocks(draw: &mut Draw) {
    for _ in 0..4 {
        let (at, who) = (draw.moment(), draw.agent());
        let far = i64::try_from(draw.ms(1..7_200_000).as_millis()).unwrap();
        let by = if draw.chance(500) { far } else { -far };
        draw.at(at, Deed::ClockJump(who, by));
    }
}

pub(super) fn other_version(draw: &mut Draw) {
    let (at, who) = (draw.moment(), draw.agent());
    draw.at(at, Deed::Foreign(who, true));
    let end = at + draw.ms(20_000..120_000);
    draw.at(end, Deed::Foreign(who, false));
}

pub(super) fn wrong_disks(draw: &mut Draw) {
    let (at, who) = (draw.moment(), draw.agent());
    if draw.chance(500) {
        draw.at(at, Deed::PowerCut(who));
        draw.at(at + SECOND, Deed::ReplaceDisk(who));
        let boot = at + draw.ms(2_000..10_000);
        draw.at(boot, Deed::Boot(who));
    } else {
        draw.at(at, Deed::WrongMembers(who));
    }
}

pub(super) fn cold_restart(draw: &mut Draw) {
    let (at, gap) = (draw.moment(), draw.ms(0..8_000));
    if draw.chance(500) {
        let dies = at - SECOND;
        draw.at(dies, Deed::RegionDies(EAST));
    }
    draw.at(at, Deed::ColdRestart(gap));
}

pub(super) fn come_and_go(draw: &mut Draw) {
    let mut at = draw.moment();
    for _ in 0..4 {
        let who = draw.agent();
        draw.at(at, Deed::PowerCut(who));
        let back = at + draw.ms(1_000..15_000);
        draw.at(back, Deed::Boot(who));
        at = back + draw.ms(500..5_000);
    }
}

pub(super) fn churn(draw: &mut Draw) {
    let mut at = draw.moment();
    for _ in 0..10 {
        let who = draw.agent();
        draw.at(at, Deed::PowerCut(who));
        let back = at + draw.ms(300..12_000);
        draw.at(back, Deed::Boot(who));
        at += draw.ms(300..6_000);
    }
}
