//! The demo's way to the agents and to the sandbox: plain JSON over HTTP, as any client would use it.

use crate::outgoing::HttpClient;
use anyhow::{Context as _, bail};
use http::{Method, Request, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;

/// How long a look may take: everything is on this machine.
const LOOK_MAX: Duration = Duration::from_secs(3);
/// How long a change may take: longer than an agent tries to commit one, so that its own answer is what is heard.
const CHANGE_MAX: Duration = Duration::from_secs(10);
/// The largest answer is the audit of some executions.
const ANSWER_BYTES_MAX: usize = 8 << 20;

/// A client of one base URL.
#[derive(Clone)]
pub struct Api {
    client: HttpClient,
    base: String,
    token: Option<String>,
}

impl Api {
    /// A client of `base`; changes carry the token.
    #[must_use]
    pub fn new(client: &HttpClient, base: impl Into<String>, token: Option<String>) -> Self {
        Self { client: client.clone(), base: base.into(), token }
    }

    /// Reads one document.
    ///
    /// # Errors
    /// When there is no answer, or not the one that was asked for.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let (status, body) = self.call(Method::GET, path, None).await?;
        if !status.is_success() {
            bail!("GET {path} answered {status}: {}", String::from_utf8_lossy(&body));
        }
        serde_json::from_slice(&body).with_context(|| format!("GET {path}"))
    }

    /// Whether a path answers well.
    pub async fn ok(&self, path: &str) -> bool {
        self.call(Method::GET, path, None).await.is_ok_and(|(status, _)| status.is_success())
    }

    /// Reads one document, or the status that came instead.
    ///
    /// # Errors
    /// When there is no answer, or not the one that was asked for.
    pub async fn try_get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<Result<T, StatusCode>> {
        let (status, body) = self.call(Method::GET, path, None).await?;
        if status.is_success() { Ok(Ok(serde_json::from_slice(&body)?)) } else { Ok(Err(status)) }
    }

    /// Changes something.
    ///
    /// # Errors
    /// When there is no answer, or not the one that was asked for.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let (status, answer) = self.call(Method::POST, path, Some(body)).await?;
        if !status.is_success() {
            bail!("POST {path} answered {status}: {}", String::from_utf8_lossy(&answer));
        }
        Ok(serde_json::from_slice(&answer).unwrap_or(Value::Null))
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<(StatusCode, bytes::Bytes)> {
        let within = if method == Method::GET { LOOK_MAX } else { CHANGE_MAX };
        let asked = format!("{method} {path}");
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        if body.is_some() {
            request = request.header(http::header::CONTENT_TYPE, "application/json");
        }
        if let Some(token) = &self.token {
            request = request.header(http::header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(body.map_or_else(String::new, Value::to_string).into())?;
        let answer = self.client.send(request, within, ANSWER_BYTES_MAX).await.context(asked)?;
        Ok((answer.status, answer.body))
    }
}
