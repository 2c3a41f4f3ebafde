//! When an instance was last restarted, by RDS's events: the only trace of a reboot that is over, because the status
//! is `available` before and after. The newest restart's date is noted before a reboot; another one afterwards proves
//! it, whoever looks.
//!
//! - **IAM:** `rds:DescribeEvents`, which knows no resources.

use aws_sdk_rds::types::{Event, SourceType};
use aws_smithy_types::DateTime;

use super::call;
use crate::clients::Place;
use crate::fault::Fault;

/// One day: a step that reboots is over within hours, and a noted restart that leaves the window is proof of nothing,
/// because proof is a restart that is there. RDS keeps 14 days.
const LOOK_BACK_MINUTES: i32 = 24 * 60;
/// Ten pages of a hundred: an instance with more restarts and failovers in a day is not one to wait for.
const PAGES_MAX: u32 = 10;
/// Categories of the events below.
const CATEGORIES: [&str; 2] = ["availability", "failover"];
/// What RDS says when an instance has come back with all its sessions ended (RDS-EVENT-0006, RDS-EVENT-0049).
const RESTARTED: [&str; 2] = ["DB instance restarted", "Multi-AZ instance failover completed"];

/// The date of the instance's newest restart, if there was one within [`LOOK_BACK_MINUTES`].
pub(super) async fn newest_restart(place: &Place<'_>, id: &str) -> Result<Option<String>, Fault> {
    let (mut newest, mut marker) = (None, None);
    for _ in 0..PAGES_MAX {
        let request = place
            .rds()
            .describe_events()
            .source_type(SourceType::DbInstance)
            .source_identifier(id)
            .duration(LOOK_BACK_MINUTES)
            .set_event_categories(Some(CATEGORIES.map(str::to_owned).into()))
            .set_marker(marker);
        let reply = match request.send().await {
            Ok(reply) => reply,
            Err(error) => return Err(Fault::new(call(place, "rds:DescribeEvents", id), &error)),
        };
        newest = newest.max(restart(reply.events().iter().filter_map(said)));
        marker = reply.marker().filter(|marker| !marker.is_empty()).map(str::to_owned);
        if marker.is_none() {
            break;
        }
    }
    Ok(newest.map(|date| date.to_string()))
}

fn said(event: &Event) -> Option<(&str, DateTime)> {
    Some((event.message()?, *event.date()?))
}

/// The date of the newest restart among events in any order.
fn restart<'a>(events: impl Iterator<Item = (&'a str, DateTime)>) -> Option<DateTime> {
    events
        .filter(|(message, _)| RESTARTED.iter().any(|said| message.starts_with(said)))
        .map(|(_, date)| date)
        .max()
}

/// Whether an instance was restarted since the note was taken. Dates are compared as the same on both sides, so that
/// no clock but RDS's own is in it.
pub(super) fn restarted_since(noted: Option<&str>, newest: Option<&str>) -> bool {
    newest.is_some() && newest != noted
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: only restarts count, and the newest of them, in whatever order. Method: a mixed list.
    #[test]
    fn the_newest_restart_counts() {
        let at = DateTime::from_secs;
        let events = [
            ("DB instance shutdown", at(50)),
            ("DB instance restarted", at(40)),
            ("DB instance restarted", at(30)),
            ("Multi-AZ instance failover started", at(60)),
        ];
        assert_eq!(restart(events.into_iter()), Some(at(40)));
        assert_eq!(restart([("Multi-AZ instance failover completed", at(7))].into_iter()), Some(at(7)));
        assert_eq!(restart([("DB instance stopped", at(7))].into_iter()), None);
    }

    /// Goal: a restart is proven by a date that was not noted, never by the lack of one. Method: a table.
    #[test]
    fn another_date_is_proof() {
        for (noted, newest, expected) in [
            (None, None, false),
            (None, Some("b"), true),
            (Some("a"), Some("b"), true),
            (Some("a"), Some("a"), false),
            (Some("a"), None, false),
        ] {
            assert_eq!(restarted_since(noted, newest), expected, "{noted:?} {newest:?}");
        }
    }
}
