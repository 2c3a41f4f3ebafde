//! Faults that people make, or walk into.

use super::{
    Draw,
    agents::{EXECUTOR, LEADER},
};
use crate::{
    EAST,
    cue::Cue,
    deed::{Deed, Operation, Trouble},
};
use std::time::Duration;

pub(super) fn applies(draw: &mut Draw) {
    let at = draw.moment();
    draw.at(at, Deed::PowerCut(LEADER));
    for _ in 0..3 {
        let (when, through, service) = (at + draw.ms(0..3_000), draw.agent(), draw.service());
        draw.at(when, Deed::Operate(through, service, Operation::Apply));
    }
    if draw.chance(500) {
        let dies = at + draw.ms(0..3_000);
        draw.at(dies, Deed::RegionDies(EAST));
        // More of them around the decision, so that some agents know of the newest one and some do not yet.
        for _ in 0..8 {
            let (when, through, service) = (dies + draw.ms(3_000..12_000), draw.agent(), draw.service());
            draw.at(when, Deed::Operate(through, service, Operation::Apply));
        }
    }
}

pub(super) fn race(draw: &mut Draw) {
    let at = draw.moment();
    if draw.chance(500) {
        draw.at(at, Deed::RegionDies(EAST));
    }
    let service = draw.service();
    for _ in 0..3 {
        let (when, through) = (at + draw.ms(0..8_000), draw.agent());
        let accept_data_loss = draw.chance(300);
        draw.at(when, Deed::Operate(through, service, Operation::Failover { accept_data_loss }));
    }
    if draw.chance(500) {
        let (when, through) = (at + draw.ms(1_000..15_000), draw.agent());
        draw.at(when, Deed::Operate(through, service, Operation::Abort));
    }
    if draw.chance(600) {
        abort_at_a_tender_moment(draw);
    }
}

/// An operator aborts while a call is under way, slow, and its agent perhaps gone; or when nobody can say what came of it.
fn abort_at_a_tender_moment(draw: &mut Draw) {
    let (from, through, service) = (draw.from(), draw.agent(), draw.service());
    let abort = Deed::Operate(through, service, Operation::Abort);
    if draw.chance(600) {
        // Perhaps so late that another agent has done the step meanwhile, or just when it has: then the lost agent's call may
        // land after what takes it back.
        let (length, when) = (draw.ms(4_000..9_000), draw.ms(0..600));
        let (after, lost) = (when + draw.ms(0..7_000), draw.chance(700));
        if lost && draw.chance(500) {
            let soon = draw.ms(0..500);
            draw.on(from, Cue::Begun, Duration::ZERO, Deed::Straggle(length));
            draw.on(from, Cue::Calls, when, Deed::PowerCut(EXECUTOR));
            draw.on(from, Cue::Redone, soon, abort);
        } else {
            draw.on(from, Cue::Calls, when, Deed::Straggle(length));
            if lost {
                draw.on(from, Cue::Calls, when, Deed::PowerCut(EXECUTOR));
            }
            draw.on(from, Cue::Calls, after, abort);
        }
    } else {
        let (blind, after) = (draw.ms(32_000..60_000), draw.ms(20_000..60_000));
        let trouble = Trouble { lost_before: 1_000, ..Trouble::default() };
        draw.on(from, Cue::Calls, Duration::ZERO, Deed::Cloud(trouble));
        draw.on(from, Cue::Calls, blind, Deed::Cloud(Trouble::default()));
        draw.on(from, Cue::Calls, after, abort);
    }
}

pub(super) fn pause(draw: &mut Draw) {
    // Half of the time the pause comes first, and what runs later is somebody's own wish or a mistake.
    let (first, second) = (draw.moment(), draw.ms(0..20_000));
    let (at, when) = if draw.chance(500) { (first, first + second) } else { (first + second, first) };
    draw.at(at, Deed::RegionDies(EAST));
    let service = draw.service();
    let through = draw.agent();
    let until = draw.chance(600).then(|| draw.ms(5..60).as_millis()).map(|s| u64::try_from(s).unwrap());
    draw.at(when, Deed::Operate(through, service, Operation::Pause(until)));
    if until.is_none() {
        let (when, through) = (when + draw.ms(5_000..60_000), draw.agent());
        draw.at(when, Deed::Operate(through, service, Operation::Resume));
    }
    if draw.chance(300) {
        let (when, through) = (when + Duration::from_secs(1), draw.agent());
        draw.at(when, Deed::Operate(through, service, Operation::Abort));
    }
    if draw.chance(500) {
        let (from, through, service) = (draw.from(), draw.agent(), draw.service());
        let cue = if draw.chance(500) { Cue::Decided } else { Cue::Begun };
        let seconds = u64::try_from(draw.ms(10..40).as_millis()).ok();
        draw.on(from, cue, Duration::ZERO, Deed::Operate(through, service, Operation::Pause(seconds)));
    }
}
