//! PagerDuty, Events v2: one alert an execution, by its dedup key. A repetition is the same alert, so nothing has to be looked
//! for.

use super::{
    Parcel, alert_severity, clipped,
    line::{Line, Trouble, secret},
};
use http::Method;
use quorate_core::telling::Why;
use quorate_policies::{
    document::PagerDutyAccess,
    policy::{Moment, PagerDuty},
};
use serde_json::{Value, json};

/// PagerDuty's own limit.
const SUMMARY_CHARS_MAX: usize = 1_024;
/// Its limit is 512 KB for everything.
const TEXT_CHARS_MAX: usize = 4_000;

pub(super) async fn send(
    line: &Line,
    parcel: &Parcel,
    pagerduty: &PagerDuty,
    access: &PagerDutyAccess,
) -> Result<Option<String>, Trouble> {
    let body = event(parcel, pagerduty, &secret(&access.key_file).await?);
    let url = format!("{}/v2/enqueue", access.url.trim_end_matches('/'));
    line.call(Method::POST, &url, None, Some(&body)).await?;
    Ok(Some(parcel.dedupe()))
}

fn event(parcel: &Parcel, pagerduty: &PagerDuty, key: &str) -> Value {
    let letter = &parcel.message.letter;
    let facts = &letter.facts;
    let action = match &parcel.message.why {
        Why::Acknowledged => "acknowledge",
        Why::Moment(Moment::Ended, _) => "resolve",
        Why::Moment(..) | Why::Question(_) | Why::Step(_) | Why::Escalation(_) | Why::Postmortem => "trigger",
    };
    let mut event = json!({"routing_key": key, "event_action": action, "dedup_key": parcel.dedupe()});
    if action == "trigger" {
        event["client"] = json!("Quorate");
        event["payload"] = json!({
            "summary": clipped(&letter.subject, SUMMARY_CHARS_MAX),
            "source": facts.from,
            "severity": alert_severity(facts.severity),
            "timestamp": facts.started.to_string(),
            "component": facts.service,
            "class": facts.scenario,
            "custom_details": {"execution": facts.execution, "text": clipped(&letter.text, TEXT_CHARS_MAX)},
        });
        if let Some(group) = &pagerduty.group {
            event["payload"]["group"] = json!(group);
        }
    }
    event
}
