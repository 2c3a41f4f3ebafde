//! The HTTP client for status pages and webhooks: http and https, one deadline over all, a bounded answer.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use std::time::Duration;

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: http::StatusCode,
    /// Its headers.
    pub headers: http::HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// Why there is none. Never holds a header or a body, because they may hold a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The deadline has passed; the request may have been carried out.
    #[error("no answer within {0:?}")]
    Late(Duration),
    /// The exchange failed; the request may have been carried out.
    #[error("no answer: {0}")]
    Broken(String),
}

/// The client. Cheap to clone.
#[derive(Clone)]
pub struct HttpClient(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl HttpClient {
    /// A client that trusts the system's authorities.
    #[must_use]
    pub fn new() -> Self {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let builder = hyper_rustls::HttpsConnectorBuilder::new();
        let schemes = match builder.with_provider_and_native_roots(provider.clone()) {
            Ok(schemes) => schemes,
            // Without authorities https fails at its use, with a clear error; plain http still works.
            Err(error) => {
                tracing::warn!(%error, "the system's certificate authorities cannot be read");
                let empty = rustls::ClientConfig::builder_with_provider(provider.into())
                    .with_safe_default_protocol_versions()
                    .expect("the provider has the default protocol versions")
                    .with_root_certificates(rustls::RootCertStore::empty())
                    .with_no_client_auth();
                hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(empty)
            }
        };
        let connector = schemes.https_or_http().enable_http1().build();
        Self(Client::builder(TokioExecutor::new()).build(connector))
    }

    /// Sends a request and reads the answer.
    ///
    /// # Errors
    /// When there is no whole answer within the deadline and the limit.
    pub async fn send(
        &self,
        request: http::Request<Full<Bytes>>,
        deadline: Duration,
        bytes_max: usize,
    ) -> Result<Answer, SendError> {
        let exchange = async {
            let response =
                self.0.request(request).await.map_err(|error| SendError::Broken(error.to_string()))?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, bytes_max).collect().await;
            let body = body.map_err(|error| SendError::Broken(error.to_string()))?.to_bytes();
            Ok(Answer { status: head.status, headers: head.headers, body })
        };
        tokio::time::timeout(deadline, exchange).await.unwrap_or(Err(SendError::Late(deadline)))
    }
}

impl Default for HttpClient {
    fn default() -> Self {
        Self::new()
    }
}
