//! Tags, events and quotas in XML.

use serde::Serialize;

use super::super::{element, escape};
use crate::world::database::Tags;
use crate::world::database::event::DbEvent;
use crate::world::rfc3339;

#[derive(Serialize)]
pub(super) struct TagList {
    #[serde(rename = "Tag")]
    tags: Vec<Tag>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    value: String,
}

impl TagList {
    pub(super) fn of(tags: &Tags) -> Self {
        let tag = |(key, value): (&String, &String)| Tag { key: key.clone(), value: value.clone() };
        TagList { tags: tags.iter().map(tag).collect() }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    source_identifier: String,
    source_type: &'static str,
    message: String,
    event_categories: Categories,
    date: String,
    source_arn: String,
}

#[derive(Serialize)]
struct Categories {
    #[serde(rename = "EventCategory")]
    category: String,
}

/// Events, and the marker of the next page.
pub(super) fn events(events: &[DbEvent], next: Option<usize>) -> String {
    let one = |event: &DbEvent| {
        let event = Event {
            source_identifier: event.source.clone(),
            source_type: "db-instance",
            message: event.message.clone(),
            event_categories: Categories { category: event.category.clone() },
            date: rfc3339(event.at_ms),
            source_arn: event.source_arn.clone(),
        };
        element("Event", &event)
    };
    let all: String = events.iter().map(one).collect();
    let marker =
        next.map_or_else(String::new, |next| format!("<Marker>{}</Marker>", escape(&next.to_string())));
    format!("<Events>{all}</Events>{marker}")
}

/// Quotas: name, used, most.
pub(super) fn quotas(quotas: &[(&str, usize, usize)]) -> String {
    let one = |(name, used, max): &(&str, usize, usize)| {
        format!(
            "<AccountQuota><AccountQuotaName>{name}</AccountQuotaName><Used>{used}</Used><Max>{max}</Max>\
             </AccountQuota>"
        )
    };
    format!("<AccountQuotas>{}</AccountQuotas>", quotas.iter().map(one).collect::<String>())
}
