//! A signed CloudEvent for each message: what people are told, for a machine of one's own that tells them. `source` and `id`
//! are the same for every repetition.

use super::{
    Parcel,
    line::{Line, Trouble, secret},
};
use crate::notify::signature::{SIGNATURE, sign};
use bytes::Bytes;
use http::{Method, header::HeaderName};
use quorate_policies::{Timestamp, document::WebhookAccess, policy::ChannelWebhook};
use serde_json::{Value, json};

pub(super) async fn send(
    line: &Line,
    parcel: &Parcel,
    webhook: &ChannelWebhook,
    access: &WebhookAccess,
    now: Timestamp,
) -> Result<Option<String>, Trouble> {
    let key = secret(&access.secret_file).await?;
    let body: Bytes = event(parcel).to_string().into();
    let headers = vec![(HeaderName::from_static(SIGNATURE), sign(key.as_bytes(), now, &body))];
    let url = access.url.as_ref().unwrap_or(&webhook.url);
    let media = Some("application/cloudevents+json; charset=utf-8");
    line.send(Method::POST, url, media, headers, body).await?;
    Ok(None)
}

/// The same bytes for every repetition: the time is the execution's.
fn event(parcel: &Parcel) -> Value {
    let (message, letter) = (&parcel.message, &parcel.message.letter);
    let facts = &letter.facts;
    json!({
        "specversion": "1.0",
        "id": format!("{}/{}/{}", parcel.dedupe(), message.channel, message.key),
        "source": format!("/quorate/{}", parcel.cluster),
        "type": format!("io.quorate.message.{}.v1", message.why.kind()),
        "subject": facts.execution,
        "time": facts.started.to_string(),
        "datacontenttype": "application/json",
        "data": {
            "service": facts.service,
            "execution": facts.execution,
            "scenario": facts.scenario,
            "severity": facts.severity,
            "state": facts.state,
            "from": facts.from,
            "to": facts.to,
            "affected": facts.affected,
            "subject": letter.subject,
            "text": letter.text,
        },
    })
}
