//! RDS's events: what happened to an instance, in RDS's own words. They are the only trace of a restart that
//! is over.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{Database, Databases, invalid_combination, invalid_value};
use crate::world::refusal::Refusal;

/// What RDS says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) category: &'static str,
    pub(super) message: String,
}

impl Said {
    pub(super) fn new(category: &'static str, message: impl Into<String>) -> Self {
        Said { category, message: message.into() }
    }
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DbEvent {
    /// The region in which it can be read.
    pub region: String,
    /// The instance's identifier at that moment.
    pub source: String,
    /// The instance's ARN at that moment.
    pub source_arn: String,
    /// What happened.
    pub message: String,
    /// RDS's category, such as `availability`.
    pub category: String,
    /// When, in milliseconds.
    pub at_ms: u64,
}

/// Which events are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct EventQuery {
    /// The instance's identifier.
    pub source: Option<String>,
    /// The kind of source.
    pub source_type: Option<String>,
    /// The last so many minutes; 60 without any time.
    pub minutes: Option<u64>,
    /// From this moment on, in milliseconds.
    pub from_ms: Option<u64>,
    /// Up to this moment, in milliseconds.
    pub to_ms: Option<u64>,
    /// Categories; all without any.
    pub categories: Vec<String>,
    /// The most events of one page.
    pub max_records: Option<usize>,
    /// Where the page begins, as the page before said.
    pub marker: Option<usize>,
}

/// A thousand events: an instance's life in a test has a dozen. RDS keeps 14 days.
const EVENTS_MAX: usize = 1_000;
/// 14 days in minutes: the longest time that RDS looks back.
const MINUTES_MAX: u64 = 14 * 24 * 60;
/// One hour: how far RDS looks back when it is not told.
const MINUTES_DEFAULT: u64 = 60;
/// RDS's own range of one page.
const PAGE: std::ops::RangeInclusive<usize> = 20..=100;
const SOURCE_TYPES: [&str; 8] = [
    "db-instance",
    "db-parameter-group",
    "db-security-group",
    "db-snapshot",
    "db-cluster",
    "db-cluster-snapshot",
    "custom-engine-version",
    "db-proxy",
];

/// The newest events, oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct DbEvents(VecDeque<DbEvent>);

impl DbEvents {
    pub(super) fn say(&mut self, database: &Database, said: Said, at_ms: u64) {
        if self.0.len() == EVENTS_MAX {
            self.0.pop_front();
        }
        self.0.push_back(DbEvent {
            region: database.region.clone(),
            source: database.identifier.clone(),
            source_arn: database.arn(),
            message: said.message,
            category: said.category.into(),
            at_ms,
        });
    }
}

impl Databases {
    /// Events of a region, oldest first, and where the next page begins.
    ///
    /// # Errors
    /// `InvalidParameterCombination` for a source without its type; `InvalidParameterValue`.
    pub fn events(
        &self,
        region: &str,
        query: &EventQuery,
        now_ms: u64,
    ) -> Result<(Vec<DbEvent>, Option<usize>), Refusal> {
        if query.source.is_some() && query.source_type.is_none() {
            return Err(invalid_combination("SourceType must be provided if SourceIdentifier is provided"));
        }
        if let Some(kind) = query.source_type.as_ref().filter(|kind| !SOURCE_TYPES.contains(&kind.as_str())) {
            return Err(invalid_value(format!("Invalid source type: {kind}")));
        }
        if query.minutes.is_some_and(|minutes| minutes > MINUTES_MAX) {
            return Err(invalid_value("Duration must be within the last 14 days."));
        }
        let page = query.max_records.unwrap_or(*PAGE.end());
        if !PAGE.contains(&page) {
            return Err(invalid_value(format!(
                "Invalid value {page} for MaxRecords. Must be between 20 and 100"
            )));
        }
        let (from_ms, to_ms) = query.window(now_ms);
        let wanted = |event: &&DbEvent| {
            event.region == region
                && query.source.as_ref().is_none_or(|source| event.source.eq_ignore_ascii_case(source))
                && query.source_type.as_ref().is_none_or(|kind| kind == "db-instance")
                && (query.categories.is_empty() || query.categories.contains(&event.category))
                && (from_ms..=to_ms).contains(&event.at_ms)
        };
        let from = query.marker.unwrap_or_default();
        let mut found = self.events.0.iter().filter(wanted).skip(from);
        let events: Vec<DbEvent> = found.by_ref().take(page).cloned().collect();
        Ok((events, found.next().map(|_| from + page)))
    }
}

impl EventQuery {
    /// The moments between which events are wanted. RDS lets a start or end go before a duration.
    fn window(&self, now_ms: u64) -> (u64, u64) {
        let minutes = self.minutes.unwrap_or(MINUTES_DEFAULT);
        let to_ms = self.to_ms.unwrap_or(now_ms);
        (self.from_ms.unwrap_or(to_ms.saturating_sub(minutes * 60_000)), to_ms)
    }
}
