//! Gauges, made anew at each scrape. A state is one series for each of its values, of which one is 1. A time that has
//! not come yet is 0.

mod agent;
mod drills;
mod health;
mod protection;
mod services;

use super::{Snapshot, page::Page};
use quorate_policies::{Millis, Timestamp};

/// Every gauge.
pub(super) fn page(snapshot: &Snapshot) -> Page {
    let mut page = Page::default();
    agent::agent(&mut page, snapshot);
    agent::peers(&mut page, snapshot);
    health::health(&mut page, snapshot);
    health::databases(&mut page, snapshot);
    services::services(&mut page, snapshot);
    services::executions(&mut page, snapshot);
    services::holds(&mut page, snapshot);
    protection::plans(&mut page, snapshot);
    protection::replicas(&mut page, snapshot);
    protection::backups(&mut page, snapshot);
    drills::drills(&mut page, snapshot);
    page
}

pub(super) fn seconds(time: Timestamp) -> f64 {
    time.0 as f64 / 1_000.0
}

pub(super) fn length(length: Millis) -> f64 {
    length.0 as f64 / 1_000.0
}

pub(super) fn flag(value: bool) -> f64 {
    f64::from(u8::from(value))
}
