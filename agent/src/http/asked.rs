//! A change as it must be asked for: from no web page, with the operator's token, as JSON, with a reason, and with an
//! operator's name and an idempotency key that can be written into the audit. Checked in that order, before anything
//! is looked up.

use super::{answer::Failure, control::Control};
use axum::{
    body::Body,
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode, header},
};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use quorate_api::{
    BODY_BYTES_MAX,
    request::{
        Abort, AddMember, ApplyPolicy, Approve, Command, Declare, Drill, Failover, IDEMPOTENCY_KEY, OPERATOR,
        Pause, RemoveMember, ReplaceMember, Tick, Ungraceful,
    },
};
use quorate_core::Actor;
use serde::de::DeserializeOwned;
use std::{sync::Arc, time::Duration};

/// How long a body may take to arrive: the largest, over a slow tunnel.
const BODY_TIME_MAX: Duration = Duration::from_secs(5);
/// Longest reason, in characters: it stands in every audit, notification and table.
const REASON_CHARS_MAX: usize = 500;
/// Longest operator's name, in characters.
const OPERATOR_CHARS_MAX: usize = 64;
/// Longest idempotency key, in characters: a UUID with a prefix.
const KEY_CHARS_MAX: usize = 100;

/// A request that gives its reason.
pub(super) trait Reasoned: DeserializeOwned {
    fn reason(&self) -> &str;
}

macro_rules! reasoned {
    ($($request:ty),*) => {$(
        impl Reasoned for $request {
            fn reason(&self) -> &str {
                &self.reason
            }
        }
    )*};
}
reasoned!(
    Abort,
    AddMember,
    ApplyPolicy,
    Approve,
    Command,
    Declare,
    Drill,
    Failover,
    Pause,
    RemoveMember,
    ReplaceMember,
    Tick,
    Ungraceful
);

/// A change that was properly asked for.
#[derive(Debug)]
pub(super) struct Asked<T> {
    pub(super) request: T,
    operator: String,
    key: Option<String>,
}

impl<T: Reasoned> Asked<T> {
    /// Who and why, for the audit.
    pub(super) fn actor(&self) -> Actor {
        Actor { name: self.operator.clone(), reason: self.request.reason().trim().to_owned() }
    }

    /// The command's id: the same key on the same path is the same command, so a retry is harmless. The path is part
    /// of it, so that a key that is used again for something else does not answer with what was done before.
    pub(super) fn command_id(&self, verb: &str, subject: &str) -> Option<String> {
        Some(format!("operator/{}/{verb}/{subject}", self.key.as_ref()?))
    }
}

impl<T: Reasoned, C: Control> FromRequest<Arc<C>> for Asked<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, agent: &Arc<C>) -> Result<Self, Failure> {
        let headers = request.headers();
        // The command line sends no Origin; a web page always does.
        if headers.contains_key(header::ORIGIN) {
            return Err(Failure::forbidden(
                "a change must not come from a web page: it carries an Origin header",
            ));
        }
        token(headers, agent.as_ref())?;
        media_type(headers)?;
        let operator = operator(headers)?;
        let key = idempotency_key(headers)?;
        let announced = announced(headers);
        let request: T = read(request.into_body(), announced).await?;
        let reason = request.reason().trim();
        if reason.is_empty() {
            return Err(Failure::invalid("`reason` is empty: say why, for the audit"));
        }
        if reason.chars().count() > REASON_CHARS_MAX {
            return Err(Failure::invalid(format!("`reason` is longer than {REASON_CHARS_MAX} characters")));
        }
        Ok(Self { request, operator, key })
    }
}

fn token<C: Control>(headers: &HeaderMap, agent: &C) -> Result<(), Failure> {
    let mend = "send `Authorization: Bearer TOKEN` with the text of the agent's operator_token_file";
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let (scheme, token) =
        value.and_then(|value| value.split_once(' ')).ok_or_else(|| Failure::unauthorized(mend))?;
    if scheme.eq_ignore_ascii_case("bearer") && agent.is_token(token.trim()) {
        Ok(())
    } else {
        Err(Failure::unauthorized(&format!("the token is not this agent's; {mend}")))
    }
}

fn media_type(headers: &HeaderMap) -> Result<(), Failure> {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let title = "The body must be JSON";
    let detail = "send `Content-Type: application/json`";
    Err(Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type", title, detail))
}

fn operator(headers: &HeaderMap) -> Result<String, Failure> {
    let Some(value) = headers.get(OPERATOR) else { return Ok("operator".to_owned()) };
    let printable =
        |text: &&str| text.len() <= OPERATOR_CHARS_MAX && text.bytes().all(|b| (b' '..=b'~').contains(&b));
    let name = value.to_str().ok().map(str::trim).filter(|text| !text.is_empty()).filter(printable);
    let wrong = || {
        Failure::invalid(format!("{OPERATOR} must be 1 to {OPERATOR_CHARS_MAX} printable ASCII characters"))
    };
    name.map(str::to_owned).ok_or_else(wrong)
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Failure> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let visible = |text: &&str| {
        !text.is_empty()
            && text.len() <= KEY_CHARS_MAX
            && text.bytes().all(|b| b.is_ascii_graphic() && b != b'#')
    };
    let wrong = || {
        let what = "visible ASCII characters without # and blanks";
        Failure::invalid(format!("{IDEMPOTENCY_KEY} must be 1 to {KEY_CHARS_MAX} {what}"))
    };
    value.to_str().ok().filter(visible).map(|text| Some(text.to_owned())).ok_or_else(wrong)
}

/// How long the body says it is, in bytes.
fn announced(headers: &HeaderMap) -> usize {
    let value = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    value.and_then(|text| text.parse().ok()).unwrap_or(0)
}

async fn read<T: DeserializeOwned>(body: Body, announced: usize) -> Result<T, Failure> {
    if announced > BODY_BYTES_MAX {
        return Err(Failure::too_large(BODY_BYTES_MAX));
    }
    let whole = Limited::new(body, BODY_BYTES_MAX).collect();
    let body = tokio::time::timeout(BODY_TIME_MAX, whole).await.map_err(|_| Failure::slow_body())?.map_err(
        |error| {
            if error.downcast_ref::<LengthLimitError>().is_some() {
                Failure::too_large(BODY_BYTES_MAX)
            } else {
                Failure::malformed(format!("the body broke off: {error}"))
            }
        },
    )?;
    // The reader's message ends with line and column.
    serde_json::from_slice(&body.to_bytes()).map_err(|error| Failure::malformed(error.to_string()))
}
