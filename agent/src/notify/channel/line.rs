//! One channel's line to the outside: a request at a time and not too many of them, each with a deadline, and a word of what
//! went wrong that says whether another attempt may help.

use crate::{
    notify::attempt::retry_after,
    outgoing::{Answer, HttpClient},
};
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::Full;
use quorate_policies::Millis;
use serde_json::Value;
use std::path::Path;
use tokio::{sync::Mutex, time::Instant};

/// Most bytes of an answer that are read: a list of a hundred incidents with their updates is some 300 KiB.
const ANSWER_BYTES_MAX: usize = 2 << 20;

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// In words, without an address or a secret.
    pub(crate) why: String,
    /// Whether another attempt may help.
    pub(crate) passes: bool,
    /// How long the receiver asked to wait.
    pub(crate) retry_after: Option<Millis>,
}

impl Trouble {
    /// Another attempt will not help.
    pub(crate) fn lasting(why: impl Into<String>) -> Self {
        Self { why: why.into(), passes: false, retry_after: None }
    }

    /// Another attempt may help.
    pub(crate) fn passing(why: impl Into<String>) -> Self {
        Self { why: why.into(), passes: true, retry_after: None }
    }
}

/// The line.
pub(crate) struct Line {
    client: HttpClient,
    /// How long one request may take.
    pub(crate) timeout: Millis,
    /// Least time between two requests.
    gap: Millis,
    latest: Mutex<Option<Instant>>,
}

impl Line {
    pub(crate) fn new(client: HttpClient, timeout: Millis, gap: Millis) -> Self {
        Self { client, timeout, gap, latest: Mutex::new(None) }
    }

    /// Waits until the receiver may be asked again.
    pub(crate) async fn pace(&self) {
        let mut latest = self.latest.lock().await;
        if let Some(at) = *latest {
            tokio::time::sleep_until(at + self.gap.duration()).await;
        }
        *latest = Some(Instant::now());
    }

    /// A request with a JSON body and an `Authorization`, where there are such. A status that is no success is trouble.
    pub(crate) async fn call(
        &self,
        method: Method,
        url: &str,
        authorization: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Answer, Trouble> {
        let headers = authorization.map(|value| (header::AUTHORIZATION, value.to_owned()));
        let bytes = body.map_or_else(Bytes::new, |body| body.to_string().into());
        let media = body.map(|_| "application/json");
        self.send(method, url, media, headers.into_iter().collect(), bytes).await
    }

    /// A request as it is.
    pub(crate) async fn send(
        &self,
        method: Method,
        url: &str,
        media: Option<&str>,
        headers: Vec<(header::HeaderName, String)>,
        body: Bytes,
    ) -> Result<Answer, Trouble> {
        let mut request = Request::builder()
            .method(method)
            .uri(url)
            .header(header::USER_AGENT, concat!("quorate/", env!("CARGO_PKG_VERSION")));
        if let Some(media) = media {
            request = request.header(header::CONTENT_TYPE, media);
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request
            .body(Full::new(body))
            .map_err(|_| Trouble::lasting("its address or its secret cannot be written into a request"))?;
        self.pace().await;
        let answer = self.client.send(request, self.timeout.duration(), ANSWER_BYTES_MAX).await;
        let answer = answer.map_err(|error| Trouble::passing(error.to_string()))?;
        if answer.status.is_success() { Ok(answer) } else { Err(refused(&answer)) }
    }
}

fn refused(answer: &Answer) -> Trouble {
    let code = answer.status.as_u16();
    let passes = answer.status.is_server_error()
        || [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS]
            .contains(&answer.status)
        // Statuspage's word for too many requests.
        || code == 420;
    Trouble { why: format!("it answered {code}"), passes, retry_after: retry_after(&answer.headers) }
}

/// A secret, read for each message, so that a new one needs no restart.
pub(crate) async fn secret(file: &Path) -> Result<String, Trouble> {
    let text = tokio::fs::read_to_string(file)
        .await
        .map_err(|error| Trouble::passing(format!("its secret cannot be read: {}", error.kind())))?;
    match text.trim() {
        "" => Err(Trouble::passing("its secret is empty")),
        secret => Ok(secret.to_owned()),
    }
}

/// An answer's body as JSON.
pub(crate) fn json(answer: &Answer) -> Result<Value, Trouble> {
    serde_json::from_slice(&answer.body)
        .map_err(|_| Trouble::passing(format!("it answered {} without JSON", answer.status.as_u16())))
}
