//! A status page as Statuspage has it: one incident an execution, found by the execution's id in its metadata before it is
//! opened, because the API knows no idempotency. It is the same mark as that of `statuspage.incident`, so a plan's step and
//! the channel speak of one incident. A status only advances.

use super::{
    Parcel, clipped,
    line::{Line, Trouble, json, secret},
};
use http::Method;
use quorate_core::telling::Why;
use quorate_policies::{
    document::StatusPageAccess,
    plan::action::IncidentStatus,
    policy::{Moment, Severity, StatusPage},
};
use serde_json::{Map, Value, json};

/// The page's own limits, in characters.
const NAME_CHARS_MAX: usize = 255;
const BODY_CHARS_MAX: usize = 25_000;

/// This execution's incident, as the page shows it.
struct Incident {
    id: String,
    status: Option<IncidentStatus>,
}

pub(super) async fn send(
    line: &Line,
    parcel: &Parcel,
    page: &StatusPage,
    access: &StatusPageAccess,
) -> Result<Option<String>, Trouble> {
    let token = format!("OAuth {}", secret(&access.token_file).await?);
    let base = format!("{}/v1/pages/{}/incidents", access.url.trim_end_matches('/'), page.page);
    let listed = line.call(Method::GET, &format!("{base}?limit=100"), Some(&token), None).await?;
    let found = find(&json(&listed)?, parcel);
    if parcel.message.why == Why::Postmortem {
        let incident = found.ok_or_else(|| Trouble::lasting("its incident is gone"))?;
        let body =
            json!({"postmortem": {"body_draft": clipped(&parcel.message.letter.text, BODY_CHARS_MAX)}});
        line.call(Method::PUT, &format!("{base}/{}/postmortem", incident.id), Some(&token), Some(&body))
            .await?;
        return Ok(Some(incident.id));
    }
    let body = incident(parcel, page, found.as_ref());
    match found {
        Some(known) => {
            line.call(Method::PATCH, &format!("{base}/{}", known.id), Some(&token), Some(&body)).await?;
            Ok(Some(known.id))
        }
        None => {
            let answer = line.call(Method::POST, &base, Some(&token), Some(&body)).await?;
            Ok(json(&answer)?.get("id").and_then(Value::as_str).map(str::to_owned))
        }
    }
}

fn find(listed: &Value, parcel: &Parcel) -> Option<Incident> {
    let (ours, known) = (&parcel.message.letter.facts.execution, parcel.message.reference.as_deref());
    let is_ours = |value: &&Value| {
        let marked = value.pointer("/metadata/quorate/id").and_then(Value::as_str) == Some(ours.as_str());
        marked || known.is_some_and(|known| value.get("id").and_then(Value::as_str) == Some(known))
    };
    let value = listed.as_array()?.iter().find(is_ours)?;
    let status = value.get("status").cloned().and_then(|status| serde_json::from_value(status).ok());
    Some(Incident { id: value.get("id")?.as_str()?.to_owned(), status })
}

/// How far the incident is with this message.
fn status(parcel: &Parcel) -> IncidentStatus {
    let state = parcel.message.letter.facts.state;
    match (&parcel.message.why, state) {
        (Why::Moment(Moment::Ended, _), "succeeded") => IncidentStatus::Resolved,
        // Nobody mended it: what is left to say is for people.
        (Why::Moment(Moment::Approval | Moment::Begun, _), _) => IncidentStatus::Investigating,
        (_, _) => IncidentStatus::Identified,
    }
}

fn incident(parcel: &Parcel, page: &StatusPage, found: Option<&Incident>) -> Value {
    let letter = &parcel.message.letter;
    let reached = found.and_then(|incident| incident.status).unwrap_or(IncidentStatus::Investigating);
    let status = status(parcel).max(reached);
    let over = status == IncidentStatus::Resolved;
    let mut incident = json!({"status": status.as_str(), "body": clipped(&letter.text, BODY_CHARS_MAX)});
    let affected = page.components.iter().filter(|(name, _)| letter.facts.affected.contains(name));
    let state = if over { "operational" } else { component_state(letter.facts.severity) };
    let components: Map<String, Value> = affected.map(|(_, id)| (id.clone(), json!(state))).collect();
    if !components.is_empty() {
        incident["component_ids"] = components.keys().cloned().collect();
        incident["components"] = Value::Object(components);
    }
    if found.is_none() {
        incident["name"] = json!(clipped(&letter.subject, NAME_CHARS_MAX));
        incident["impact_override"] = json!(impact(letter.facts.severity));
        incident["metadata"] = json!({"quorate": {"id": letter.facts.execution}});
    }
    json!({"incident": incident})
}

const fn component_state(severity: Severity) -> &'static str {
    match severity {
        Severity::P1 | Severity::P2 => "major_outage",
        Severity::P3 => "partial_outage",
        Severity::P4 => "degraded_performance",
    }
}

const fn impact(severity: Severity) -> &'static str {
    match severity {
        Severity::P1 => "critical",
        Severity::P2 => "major",
        Severity::P3 => "minor",
        Severity::P4 => "none",
    }
}
