//! Faults of the agents themselves: their processes, links, disks and clocks.

use super::Draw;
use crate::{
    EAST, WEST,
    cue::Cue,
    deed::{Deed, Operation, Trouble},
};
use std::time::Duration;

/// The leader is whoever leads when it strikes; by convention this number stands for it.
pub const LEADER: usize = usize::MAX;
/// And this one for whoever has the attempt whose moment a deed waits for.
pub const EXECUTOR: usize = usize::MAX - 1;

const SECOND: Duration = Duration::from_secs(1);

/// A moment at which an attempt is at its most vulnerable.
fn tender(draw: &mut Draw) -> Cue {
    [Cue::Assigned, Cue::Begun, Cue::Calls][usize::from(draw.chance(666)) + usize::from(draw.chance(500))]
}

fn leader_or_any(draw: &mut Draw) -> usize {
    if draw.chance(500) { LEADER } else { draw.agent() }
}

pub(super) fn stopped(draw: &mut Draw) {
    for _ in 0..3 {
        let (at, who, length) = (draw.moment(), leader_or_any(draw), draw.ms(5_000..60_000));
        draw.at(at, Deed::Pause(who, length));
    }
    if draw.chance(600) {
        let (from, cue, length) = (draw.from(), tender(draw), draw.ms(5_000..45_000));
        let after = draw.ms(0..300);
        draw.on(from, cue, after, Deed::Pause(EXECUTOR, length));
        if draw.chance(500) {
            paused_meanwhile(draw, from, cue, after);
        }
    }
}

/// An operator pauses automation while an agent is stopped that was just allowed to act, and looks again long after.
fn paused_meanwhile(draw: &mut Draw, from: Duration, cue: Cue, stopped: Duration) {
    let (when, through, service) = (stopped + draw.ms(300..2_000), draw.agent(), draw.service());
    draw.on(from, cue, when, Deed::Operate(through, service, Operation::Pause(None)));
    let (when, through) = (when + draw.ms(60_000..90_000), draw.agent());
    draw.on(from, cue, when, Deed::Operate(through, service, Operation::Resume));
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
    // And whoever has an attempt, who may be back before anybody misses him.
    if draw.chance(600) {
        let (from, cue, back) = (draw.from(), tender(draw), draw.ms(200..6_000));
        draw.on(from, cue, Duration::ZERO, Deed::PowerCut(EXECUTOR));
        draw.on(from, cue, back, Deed::Boot(EXECUTOR));
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
    if draw.chance(600) {
        executor_cut_off(draw);
    }
}

/// Whoever has an attempt loses the others, reaches the cloud, and perhaps cannot even read there for a while.
fn executor_cut_off(draw: &mut Draw) {
    let (from, cue, length) = (draw.from(), tender(draw), draw.ms(3_000..40_000));
    for other in 0..draw.nodes {
        draw.on(from, cue, Duration::ZERO, Deed::Cut(EXECUTOR, other));
        draw.on(from, cue, Duration::ZERO, Deed::Cut(other, EXECUTOR));
    }
    if draw.chance(500) {
        let blind = draw.ms(3_000..30_000).min(length);
        let trouble = Trouble { lost_before: 900, ..Trouble::default() };
        draw.on(from, cue, Duration::ZERO, Deed::Cloud(trouble));
        draw.on(from, cue, blind, Deed::Cloud(Trouble::default()));
    }
    draw.on(from, cue, length, Deed::NetworkRepaired);
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
    // All of them lose their sockets while they see a region fail under a hold, and it is well again before they have them
    // back: what they saw has grown old when the hold ends.
    if draw.chance(300) {
        let (dies, through) = (draw.moment(), draw.agent());
        let blind = dies + draw.ms(3_000..7_000);
        let (well, end) = (blind + draw.ms(100..2_000), blind + draw.ms(35_000..50_000));
        let hold = u64::try_from(draw.ms(15..30).as_millis()).ok();
        for service in draw.services.clone() {
            draw.at(dies, Deed::Operate(through, service, Operation::Pause(hold)));
        }
        draw.at(dies, Deed::RegionDies(EAST));
        draw.at(well, Deed::RegionReturns(EAST));
        for who in 0..draw.nodes {
            draw.at(blind, Deed::NoSockets(who, true));
            draw.at(end, Deed::NoSockets(who, false));
        }
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
    if draw.chance(500) {
        disk_lost_behind_a_laggard(draw);
    }
    if draw.nodes == 3 && draw.chance(600) {
        disk_lost_beside_a_deposed_leader(draw);
    }
}

/// Perhaps the leader is cut off and deposed; one of those who deposed it loses its disk, and then those two meet without the
/// third: the one that knows nothing must not help the other to commit in the place of what the third holds.
fn disk_lost_beside_a_deposed_leader(draw: &mut Draw) {
    let (at, deposed) = (draw.moment(), draw.agent());
    let (bare, third) = ((deposed + 1) % 3, (deposed + 2) % 3);
    let parted = |draw: &mut Draw, when: Duration, one: usize| {
        for other in [(one + 1) % 3, (one + 2) % 3] {
            draw.at(when, Deed::Cut(one, other));
            draw.at(when, Deed::Cut(other, one));
        }
    };
    parted(draw, at, deposed);
    let says = |draw: &mut Draw, second: u32, who: usize| {
        let service = draw.service();
        draw.at(at + second * SECOND, Deed::Operate(who, service, Operation::Apply));
    };
    says(draw, 1, deposed);
    (5..8).for_each(|second| says(draw, second, third));
    draw.at(at + 9 * SECOND, Deed::PowerCut(bare));
    draw.at(at + 10 * SECOND, Deed::ReplaceDisk(bare));
    draw.at(at + 10 * SECOND, Deed::NetworkRepaired);
    parted(draw, at + 10 * SECOND, third);
    draw.at(at + 10 * SECOND, Deed::Boot(bare));
    (11..20).for_each(|second| says(draw, second, deposed));
    draw.at(at + 25 * SECOND, Deed::NetworkRepaired);
}

/// One agent misses what the others agree on; another loses its disk, and the leader its power: those two alone must not elect.
fn disk_lost_behind_a_laggard(draw: &mut Draw) {
    let (at, laggard) = (draw.moment(), draw.agent());
    let bare = (laggard + 1) % draw.nodes;
    for other in (0..draw.nodes).filter(|other| *other != laggard) {
        draw.at(at, Deed::Cut(laggard, other));
        draw.at(at, Deed::Cut(other, laggard));
    }
    for second in 1..=3 {
        let (when, service) = (at + second * SECOND, draw.service());
        draw.at(when, Deed::Operate((bare + 1) % draw.nodes, service, Operation::Apply));
    }
    let dies = at + draw.ms(4_000..6_000);
    draw.at(dies, Deed::PowerCut(bare));
    draw.at(dies + SECOND, Deed::ReplaceDisk(bare));
    let gone = dies + draw.ms(1_100..1_500);
    for other in (0..draw.nodes).filter(|other| *other != laggard && *other != bare) {
        draw.at(gone, Deed::PowerCut(other));
    }
    draw.at(gone, Deed::NetworkRepaired);
    draw.at(gone, Deed::Boot(bare));
    let back = gone + draw.ms(5_000..30_000);
    for other in 0..draw.nodes {
        draw.at(back, Deed::Boot(other));
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
    join_and_leave(draw);
}

/// Somebody comes for good, in the place of another or before another goes: around a decision, or at any time. Mostly
/// not those beside the primary and its standby, whose regions keep theirs.
fn join_and_leave(draw: &mut Draw) {
    let goes = if draw.chance(800) { 2 + draw.agent() % (draw.nodes - 2) } else { draw.agent() };
    let replaced = draw.chance(500);
    let joins = Deed::Joins(replaced.then_some(goes));
    if draw.chance(500) {
        let (from, cue, after) = (draw.from(), tender(draw), draw.ms(0..3_000));
        draw.on(from, cue, after, joins);
    } else {
        let at = draw.moment();
        draw.at(at, joins);
        let (later, who) = (at + draw.ms(2_000..40_000), if replaced { draw.agent() } else { goes });
        draw.at(later, Deed::Leaves(who));
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
    // All at once, between a decision and its first step.
    if draw.chance(500) {
        let (from, after, gap) = (draw.from(), draw.ms(0..150), draw.ms(6_000..12_000));
        draw.on(from, Cue::Decided, after, Deed::ColdRestart(gap));
    }
}
