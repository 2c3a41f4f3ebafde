//! The wall clock. Leases, elections and freshness never use it; the audit's stamps, pauses, cool-downs, certificates and
//! the signatures that AWS checks do.

use super::spoken;
use crate::{
    doctor::{
        facts::{Installation, Peer},
        finding::{Area, Finding},
    },
    peers::{server::AHEAD_MAX, visit::Answered},
};
use std::time::Duration;

/// Hosts that are synchronised are within some tens of milliseconds of each other over the internet. With half a second
/// between them one of the two is not, whatever it says.
pub(super) const APART_WARNING: Duration = Duration::from_millis(500);
/// What the agents forgive a stamp: one that is further ahead is set back, and pauses and cool-downs last by that much
/// longer or shorter than was said.
pub(super) const APART_MAX: Duration = Duration::from_millis(AHEAD_MAX.0);
/// An agent keeps the wall clock of its start and moves it by the monotonic one. Clocks drift by some seconds a month; after
/// as much as this its stamps are seen to be wrong.
pub(super) const MOVED_WARNING: Duration = Duration::from_secs(2);

const SYNCHRONISE: &str =
    "let chrony, systemd-timesyncd or the platform's time service run on the host that is wrong";

pub(super) fn judge(facts: &Installation) -> Vec<Finding> {
    let mut findings = vec![synchronized(facts)];
    for peer in &facts.peers {
        match &peer.told {
            Ok(told) => {
                findings.push(apart(peer, told));
                findings.extend(moved(peer, told));
            }
            Err(_) => findings.push(Finding::skipped(
                Area::Clock,
                "clock_apart",
                peer.name.as_str(),
                "it does not say what its clock shows: see Peers",
            )),
        }
    }
    findings
}

fn synchronized(facts: &Installation) -> Finding {
    let (area, check, subject) = (Area::Clock, "clock_synchronized", "this host");
    match &facts.synchronized {
        None => Finding::skipped(
            area,
            check,
            subject,
            "neither timedatectl, chronyc nor systemd-timesyncd is here to say whether the clock is synchronised",
        ),
        Some(known) if known.yes => {
            Finding::ok(area, check, subject, format!("the clock is synchronised, says {}", known.by))
        }
        Some(known) => Finding::warning(
            area,
            check,
            subject,
            format!("the clock is not synchronised, says {}", known.by),
            SYNCHRONISE,
        ),
    }
}

fn apart(peer: &Peer, told: &Answered) -> Finding {
    let (area, check, subject) = (Area::Clock, "clock_apart", peer.name.as_str());
    let half = told.round_trip / 2;
    let size = Duration::from_millis(told.ahead_ms.unsigned_abs());
    let side = if told.ahead_ms < 0 { "behind" } else { "ahead of" };
    let found = format!("its clock is {} {side} this host's, give or take {}", spoken(size), spoken(half));
    // What may be the way's delay is not held against the clock.
    match size.saturating_sub(half) {
        apart if apart > APART_MAX => Finding::failed(
            area,
            check,
            subject,
            format!("{found}; the log forgives {}", spoken(APART_MAX)),
            SYNCHRONISE,
        ),
        apart if apart > APART_WARNING => Finding::warning(area, check, subject, found, SYNCHRONISE),
        _ => Finding::ok(area, check, subject, found),
    }
}

fn moved(peer: &Peer, told: &Answered) -> Option<Finding> {
    let size = Duration::from_millis(told.about.moved_ms.unsigned_abs());
    (size > MOVED_WARNING).then(|| {
        Finding::warning(
            Area::Clock,
            "clock_moved",
            peer.name.as_str(),
            format!(
                "its host's clock has moved by {} since the agent started, which keeps the old time",
                spoken(size)
            ),
            "restart that agent: it reads the clock once, when it starts",
        )
    })
}
