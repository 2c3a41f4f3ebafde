//! Alertmanager, v2: one alert an execution, known by its labels. It forgets an alert that is not sent again, so each stands
//! for a few minutes and is sent again long before. Every instance is told, because they do not share alerts.

use super::{
    Parcel, alert_severity,
    line::{Line, Trouble, secret},
};
use http::Method;
use quorate_core::telling::Why;
use quorate_policies::{
    Millis, Timestamp,
    document::AlertmanagerAccess,
    policy::{Alertmanager, Moment},
};
use serde_json::{Value, json};

/// How long an alert stands unless it is sent again: Alertmanager's own default, and five times as long as it takes until then.
const STANDS: Millis = Millis::from_secs(300);
/// The alert's name.
const NAME: &str = "QuorateExecution";

pub(super) async fn send(
    line: &Line,
    parcel: &Parcel,
    alertmanager: &Alertmanager,
    access: &AlertmanagerAccess,
    now: Timestamp,
) -> Result<Option<String>, Trouble> {
    let token = match &access.token_file {
        Some(file) => Some(format!("Bearer {}", secret(file).await?)),
        None => None,
    };
    let body = alerts(parcel, alertmanager, now);
    let mut last = Trouble::lasting("there is no Alertmanager");
    let mut taken = false;
    for url in &access.urls {
        let url = format!("{}/api/v2/alerts", url.trim_end_matches('/'));
        match line.call(Method::POST, &url, token.as_deref(), Some(&body)).await {
            Ok(_) => taken = true,
            Err(trouble) => last = trouble,
        }
    }
    // One that has it tells people. The others hear it when it is sent again.
    if taken { Ok(None) } else { Err(last) }
}

fn alerts(parcel: &Parcel, alertmanager: &Alertmanager, now: Timestamp) -> Value {
    let letter = &parcel.message.letter;
    let facts = &letter.facts;
    let mut labels = json!({
        "alertname": NAME,
        "cluster": parcel.cluster,
        "service": facts.service,
        "execution": facts.execution,
        "scenario": facts.scenario,
        "region": facts.from,
        "severity": alert_severity(facts.severity),
    });
    for (name, value) in &alertmanager.labels {
        labels[name] = json!(value);
    }
    let over = parcel.message.why == Why::Moment(Moment::Ended, 0);
    let ends = if over { now } else { Timestamp(now.0.saturating_add(STANDS.0)) };
    json!([{
        "labels": labels,
        "annotations": {"summary": letter.subject, "description": letter.text},
        "startsAt": facts.started.to_string(),
        "endsAt": ends.to_string(),
    }])
}
