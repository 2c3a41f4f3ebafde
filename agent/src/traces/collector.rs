//! One request to the collector: the address and headers of the agent's file, and what its answer means. It decides nothing about
//! what is sent, and no header ever stands in an error.

use crate::outgoing::HttpClient;
use http::{HeaderName, HeaderValue, Request, header};
use quorate_policies::document::Traces;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// How long one request may take: OpenTelemetry's own default.
const SEND_MAX: Duration = Duration::from_secs(10);
/// What a collector answers is a few bytes; a page of an error is not read to its end.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Why a trace was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub(super) struct NotTaken {
    why: String,
    /// Whether it may be taken later. OTLP says which answers mean that.
    pub(super) later: bool,
}

/// The collector.
pub(super) struct Collector {
    client: HttpClient,
    endpoint: String,
    headers: Vec<(String, PathBuf)>,
    deadline: Duration,
}

impl Collector {
    /// As the file names it; relative paths are below `base`.
    pub(super) fn new(traces: &Traces, base: &Path) -> Self {
        let headers = traces.headers.iter().map(|(name, file)| (name.clone(), base.join(file))).collect();
        let endpoint = traces.endpoint.clone();
        Self { client: HttpClient::new(), endpoint, headers, deadline: SEND_MAX }
    }

    /// With less patience.
    #[cfg(test)]
    pub(super) fn within(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Sends the body of one request. Secrets are read for each, so that a new one needs no restart.
    ///
    /// # Errors
    /// When it was not taken, or nobody knows whether it was.
    pub(super) async fn take(&self, body: Vec<u8>) -> Result<(), NotTaken> {
        let later = |why: String| NotTaken { why, later: true };
        let never = |why: String| NotTaken { why, later: false };
        let mut request = Request::post(&self.endpoint)
            .header(header::CONTENT_TYPE, quorate_traces::CONTENT_TYPE)
            .body(body.into())
            .map_err(|_| never("its address cannot be used".to_owned()))?;
        for (name, file) in &self.headers {
            let text = tokio::fs::read_to_string(file).await;
            let text = text.map_err(|error| {
                later(format!("header {name}: its file cannot be read: {}", error.kind()))
            })?;
            let mut value = HeaderValue::from_str(text.trim())
                .map_err(|_| later(format!("header {name}: its file is no header's value")))?;
            value.set_sensitive(true);
            let name = HeaderName::try_from(name).map_err(|_| never(format!("`{name}` is no header")))?;
            request.headers_mut().insert(name, value);
        }
        let answer = self.client.send(request, self.deadline, ANSWER_BYTES_MAX).await;
        let status = answer.map_err(|error| later(error.to_string()))?.status;
        let passes = matches!(status.as_u16(), 429 | 502 | 503 | 504);
        if status.is_success() {
            Ok(())
        } else {
            Err(NotTaken { why: format!("it answered {}", status.as_u16()), later: passes })
        }
    }
}
