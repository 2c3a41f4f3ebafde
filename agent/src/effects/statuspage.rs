//! `statuspage.incident`: one incident an execution, found again by the execution's id in its metadata, because the API
//! knows no idempotency. Statuses only advance: a retry of an earlier step never takes a later status back.

use crate::outgoing::{Answer, HttpClient};
use http::{Method, header::AUTHORIZATION};
use quorate_policies::{
    document::AgentFile,
    effect::{Acted, EffectContext, Observed},
    plan::action::{IncidentStatus, StatuspageIncident},
};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// One call's deadline: the page is off the critical path, and the step has its own timeout.
const CALL_MAX: Duration = Duration::from_secs(5);
/// A list of a hundred incidents with their updates is some 300 KiB.
const ANSWER_BYTES_MAX: usize = 2 << 20;

/// The room.
pub(super) struct Statuspage {
    client: HttpClient,
    url: String,
    token_file: Option<PathBuf>,
}

/// This execution's incident, as the page shows it.
struct Incident {
    id: String,
    status: Option<IncidentStatus>,
}

impl Statuspage {
    pub(super) fn new(file: &AgentFile, base: &Path) -> Self {
        let settings = file.statuspage.as_ref();
        Self {
            client: HttpClient::new(),
            url: settings.map_or_else(String::new, |s| s.url.trim_end_matches('/').to_owned()),
            token_file: settings.map(|s| base.join(&s.token_file)),
        }
    }

    pub(super) async fn observe(&self, action: &StatuspageIncident, context: &EffectContext) -> Observed {
        if self.token_file.is_none() {
            return Observed::Impossible {
                reason: "the agent's file has no `statuspage` section".to_owned(),
            };
        }
        match self.find(action, context).await {
            Ok(Some(incident)) if incident.status >= Some(action.status) => {
                Observed::Done { detail: format!("incident {} is {}", incident.id, action.status.as_str()) }
            }
            Ok(Some(incident)) => Observed::not_done(format!("incident {} is not that far", incident.id)),
            Ok(None) => Observed::not_done("no incident of this execution".to_owned()),
            Err(reason) => Observed::Unknown { reason },
        }
    }

    pub(super) async fn act(&self, action: &StatuspageIncident, context: &EffectContext) -> Acted {
        // Looked up again right before, so that the incident is opened once even after a lost reply.
        let found = match self.find(action, context).await {
            Ok(found) => found,
            Err(reason) => return Acted::Refused { reason, retryable: true },
        };
        let path = format!("/v1/pages/{}/incidents", action.page);
        let (method, path) = match &found {
            Some(incident) => (Method::PATCH, format!("{path}/{}", incident.id)),
            None => (Method::POST, path),
        };
        let body = incident(action, context, found.is_none());
        match self.call(method, &path, Some(&body)).await {
            Err(reason) => Acted::Unknown { reason },
            Ok(answer) if answer.status.is_success() => {
                Acted::Accepted { detail: format!("incident set to {}", action.status.as_str()) }
            }
            Ok(answer) if answer.status.is_server_error() => {
                Acted::Unknown { reason: format!("the status page answered {}", answer.status) }
            }
            Ok(answer) => Acted::Refused {
                reason: format!("the status page answered {}", answer.status),
                // 420 and 429: too many requests.
                retryable: matches!(answer.status.as_u16(), 420 | 429),
            },
        }
    }

    async fn find(
        &self,
        action: &StatuspageIncident,
        context: &EffectContext,
    ) -> Result<Option<Incident>, String> {
        let path = format!("/v1/pages/{}/incidents?limit=100", action.page);
        let answer = self.call(Method::GET, &path, None).await?;
        if !answer.status.is_success() {
            return Err(format!("the status page answered {}", answer.status));
        }
        let incidents: Vec<Value> =
            serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
        let ours = |value: &&Value| {
            value.pointer("/metadata/quorate/id").and_then(Value::as_str) == Some(context.execution.as_str())
        };
        Ok(incidents.iter().find(ours).and_then(|value| {
            let status = value.get("status").cloned().and_then(|status| serde_json::from_value(status).ok());
            Some(Incident { id: value.get("id")?.as_str()?.to_owned(), status })
        }))
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, String> {
        let file = self.token_file.as_ref().ok_or("no status page is configured")?;
        // Read for each call, so that a rotated token needs no restart. The error must not hold the token.
        let token = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header(AUTHORIZATION, format!("OAuth {}", token.trim()));
        if body.is_some() {
            request = request.header(http::header::CONTENT_TYPE, "application/json");
        }
        let text = body.map_or_else(String::new, Value::to_string);
        let request =
            request.body(text.into()).map_err(|_| "the status page's address is not a URL".to_owned())?;
        self.client.send(request, CALL_MAX, ANSWER_BYTES_MAX).await.map_err(|error| error.to_string())
    }
}

fn incident(action: &StatuspageIncident, context: &EffectContext, new: bool) -> Value {
    let EffectContext { service, from, to, execution, .. } = context;
    let body = match action.status {
        IncidentStatus::Investigating => {
            format!("{service} does not answer in {from}. We are moving it to {to}.")
        }
        IncidentStatus::Identified => format!("{service} is down in {from}. We are moving it to {to}."),
        IncidentStatus::Monitoring => {
            format!("{service} has been moved from {from} to {to} and answers there.")
        }
        IncidentStatus::Resolved => format!("{service} serves from {to}."),
    };
    let mut incident = json!({ "status": action.status.as_str(), "body": body });
    if let Some(component) = &action.component {
        let state = match action.status {
            IncidentStatus::Investigating | IncidentStatus::Identified => "major_outage",
            IncidentStatus::Monitoring | IncidentStatus::Resolved => "operational",
        };
        incident["component_ids"] = json!([component]);
        incident["components"] = json!({ component.as_str(): state });
    }
    if new {
        let title = action.title.clone().unwrap_or_else(|| format!("{service} is unavailable in {from}"));
        incident["name"] = json!(title);
        incident["impact_override"] = json!("major");
        incident["metadata"] = json!({ "quorate": { "id": execution } });
    }
    json!({ "incident": incident })
}
