//! Faults that people make, or walk into.

use super::{Draw, agents::LEADER};
use crate::{
    EAST,
    deed::{Deed, Operation},
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
}
