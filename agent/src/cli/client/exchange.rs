//! One attempt of one request: resolve, connect, send, read, all on a connection of its own. It knows nothing of
//! problems and repetitions; it says how far an attempt got, because a change that was sent may have been made.

use bytes::Bytes;
use http::{Method, StatusCode, header};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_util::rt::TokioIo;
use std::{net::IpAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream, rustls};
use url::Url;

/// Largest answer, in bytes. A full audit of a thousand entries has some 1.2 MiB; a server that sends more than
/// this is no agent.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The part of the deadline that connecting may take: past it, nothing was sent, and the operator is told so. Three
/// seconds allow for one lost packet of each handshake.
const CONNECT_DEADLINE: Duration = Duration::from_secs(3);

/// A request.
pub(super) struct Request<'a> {
    pub(super) method: Method,
    pub(super) url: &'a Url,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
    /// The operator token. Whether it is sent is decided here, by the connection's other end.
    pub(super) secret: Option<&'a str>,
}

/// A whole answer.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
    /// Whether the operator token went with the request.
    pub(super) secret_sent: bool,
}

/// How far an attempt got.
pub(super) enum Broken {
    /// Nothing was sent.
    Unreached(String),
    /// The request may have arrived.
    Lost(String),
    /// The answer is longer than any agent's.
    TooLarge(String),
}

/// Makes one attempt.
pub(super) async fn exchange(request: &Request<'_>) -> Result<Answer, Broken> {
    let late = |_| Broken::Unreached(format!("no connection within {} s", CONNECT_DEADLINE.as_secs()));
    match tokio::time::timeout(CONNECT_DEADLINE, connect(request.url)).await.map_err(late)?? {
        Connection::Tls(stream) => send(request, stream, true).await,
        Connection::Plain(stream, peer) => send(request, stream, is_loopback(peer)).await,
    }
}

enum Connection {
    Tls(Box<TlsStream<TcpStream>>),
    Plain(TcpStream, IpAddr),
}

async fn connect(url: &Url) -> Result<Connection, Broken> {
    let unreached = |error: &dyn std::fmt::Display| Broken::Unreached(error.to_string());
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let port = url.port_or_known_default().unwrap_or_default();
    let stream = TcpStream::connect((host, port)).await.map_err(|error| unreached(&error))?;
    // Requests are small and wait for their answers: Nagle's delay would only add to them.
    stream.set_nodelay(true).map_err(|error| unreached(&error))?;
    if url.scheme() != "https" {
        let peer = stream.peer_addr().map_err(|error| unreached(&error))?;
        return Ok(Connection::Plain(stream, peer.ip()));
    }
    let name = rustls::pki_types::ServerName::try_from(host.to_owned()).map_err(|error| unreached(&error))?;
    let connector = TlsConnector::from(Arc::new(tls()?));
    let stream = connector.connect(name, stream).await.map_err(|error| unreached(&error))?;
    Ok(Connection::Tls(Box::new(stream)))
}

/// Loopback, also where IPv4 is written as IPv6.
fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Verifies by the system's trust roots; `SSL_CERT_FILE` names others.
fn tls() -> Result<rustls::ClientConfig, Broken> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Broken::Unreached(error.to_string()))?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

async fn send(
    request: &Request<'_>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    private: bool,
) -> Result<Answer, Broken> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| Broken::Unreached(error.to_string()))?;
    let connection = tokio::spawn(connection);
    let secret = request.secret.filter(|_| private);
    let message = build(request, secret).map_err(|error| Broken::Unreached(error.to_string()))?;
    let answer = async {
        let response = sender.send_request(message).await.map_err(|error| Broken::Lost(describe(&error)))?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                Broken::TooLarge(format!("it is longer than {ANSWER_BYTES_MAX} bytes"))
            } else {
                Broken::Lost(error.to_string())
            }
        })?;
        Ok(Answer { status: parts.status, body: body.to_bytes(), secret_sent: secret.is_some() })
    };
    let answer = answer.await;
    // One connection serves one request; the agent need not keep it open for us.
    connection.abort();
    answer
}

fn build(request: &Request<'_>, secret: Option<&str>) -> Result<http::Request<Full<Bytes>>, http::Error> {
    let path = match request.url.query() {
        Some(query) => format!("{}?{query}", request.url.path()),
        None => request.url.path().to_owned(),
    };
    let host = request.url.host_str().unwrap_or_default();
    let host = request.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let mut builder = http::Request::builder()
        .method(request.method.clone())
        .uri(path)
        .header(header::HOST, host)
        .header(header::ACCEPT, "application/json, application/problem+json")
        .header(header::USER_AGENT, concat!("quorate/", env!("CARGO_PKG_VERSION")));
    for (name, value) in &request.headers {
        builder = builder.header(*name, value);
    }
    if let Some(secret) = secret {
        let mut value = header::HeaderValue::try_from(format!("Bearer {secret}"))?;
        // Keeps the token out of any debug output of the request.
        value.set_sensitive(true);
        builder = builder.header(header::AUTHORIZATION, value);
    }
    builder.body(Full::new(Bytes::from(request.body.clone())))
}

/// The error and its cause: hyper's own text names only the stage.
fn describe(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: without TLS the token goes to this machine alone. Method: addresses of both kinds.
    #[test]
    fn only_this_machine_is_loopback() {
        for near in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert!(is_loopback(near.parse().unwrap()), "{near}");
        }
        for far in ["10.0.0.1", "0.0.0.0", "::", "fe80::1", "::ffff:10.0.0.1", "128.0.0.1"] {
            assert!(!is_loopback(far.parse().unwrap()), "{far}");
        }
    }
}
