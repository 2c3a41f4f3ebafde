//! One request and one reply over an established connection, HTTP/1.1 or HTTP/2. The status is judged as soon as
//! the head of the reply is there; the body is read only of a reply that may still succeed, and never beyond
//! a limit. Redirects are not followed: the probe looks at the endpoint that the policy names.

mod body;
mod fault;
mod tasks;

use super::{deadline::Deadline, driven::Connection, secure};
use crate::{
    result::{Failure, HttpVersion, ProbeResult},
    target::HttpTarget,
};
pub use body::BODY_BYTES_MAX;
use bytes::Bytes;
use fault::classify;
use http::{HeaderValue, Request, Response, Uri, Version, header};
use http_body_util::Empty;
use hyper::{
    body::Incoming,
    client::conn::{http1, http2},
};
use hyper_util::rt::TokioIo;
use quorate_policies::health::FailureReason;
use std::time::Instant;
use tasks::{AbortOnDrop, Tasks};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

/// Largest head of a reply. As much as a body: a head beyond it is no health endpoint's, and the memory of all
/// probes in flight stays bounded.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// The request over plain TCP.
pub(super) async fn plain(
    stream: TcpStream,
    target: &HttpTarget,
    user_agent: &HeaderValue,
    deadline: &Deadline,
    seen: &mut ProbeResult,
) -> Result<(), Failure> {
    over_http1(stream, request(target, user_agent, None)?, target, deadline, seen).await
}

/// The request over TLS, in the protocol that the endpoint picked.
pub(super) async fn encrypted(
    stream: secure::Stream,
    target: &HttpTarget,
    user_agent: &HeaderValue,
    deadline: &Deadline,
    seen: &mut ProbeResult,
) -> Result<(), Failure> {
    match stream.get_ref().1.alpn_protocol() {
        Some(secure::HTTP2) => {
            over_http2(stream, request(target, user_agent, Some("https"))?, target, deadline, seen).await
        }
        _ => over_http1(stream, request(target, user_agent, None)?, target, deadline, seen).await,
    }
}

/// The request. HTTP/2 puts scheme and authority into the URI, HTTP/1.1 the latter into the Host header.
fn request(
    target: &HttpTarget,
    user_agent: &HeaderValue,
    http2_scheme: Option<&str>,
) -> Result<Request<Empty<Bytes>>, Failure> {
    let builder = Request::get("/").header(header::USER_AGENT, user_agent).header(header::ACCEPT, "*/*");
    let builder = match http2_scheme {
        None => builder
            .uri(Uri::from(target.path.clone()))
            .header(header::HOST, &target.host)
            // Each probe has its own connection; asking the server to close leaves the waiting socket with it.
            .header(header::CONNECTION, "close"),
        Some(scheme) => {
            let uri = Uri::builder().scheme(scheme).authority(target.host.as_bytes());
            let uri = uri.path_and_query(target.path.clone()).build();
            builder.version(Version::HTTP_2).uri(uri.map_err(|error| unwritable(&error))?)
        }
    };
    builder.body(Empty::new()).map_err(|error| unwritable(&error))
}

fn unwritable(error: &http::Error) -> Failure {
    Failure::new(FailureReason::Write, format!("building the request: {error}"))
}

async fn over_http1<S>(
    stream: S,
    request: Request<Empty<Bytes>>,
    target: &HttpTarget,
    deadline: &Deadline,
    seen: &mut ProbeResult,
) -> Result<(), Failure>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let started = Instant::now();
    let mut builder = http1::Builder::new();
    let handshake = builder.max_buf_size(HEAD_BYTES_MAX).handshake(TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.map_err(|error| classify(&error, None))?;
    let mut connection = Connection::new(connection);
    let reply = connection.drive(sender.send_request(request));
    let reply = deadline.bound(reply, FailureReason::TtfbTimeout, "the head of the reply").await?;
    judge(reply, connection, started, target, deadline, seen).await
}

async fn over_http2<S>(
    stream: S,
    request: Request<Empty<Bytes>>,
    target: &HttpTarget,
    deadline: &Deadline,
    seen: &mut ProbeResult,
) -> Result<(), Failure>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let started = Instant::now();
    let tasks = Tasks::default();
    let _ended_with_the_probe = AbortOnDrop(tasks.clone());
    let mut builder = http2::Builder::new(tasks);
    let handshake = builder.max_header_list_size(HEAD_BYTES_MAX as u32).handshake(TokioIo::new(stream));
    let handshake = deadline.bound(handshake, FailureReason::TtfbTimeout, "the HTTP/2 preface").await?;
    let (mut sender, connection) = handshake.map_err(|error| classify(&error, None))?;
    let mut connection = Connection::new(connection);
    let reply = connection.drive(sender.send_request(request));
    let reply = deadline.bound(reply, FailureReason::TtfbTimeout, "the head of the reply").await?;
    judge(reply, connection, started, target, deadline, seen).await
}

fn http_version(version: Version) -> Option<HttpVersion> {
    match version {
        Version::HTTP_10 => Some(HttpVersion::Http10),
        Version::HTTP_11 => Some(HttpVersion::Http11),
        Version::HTTP_2 => Some(HttpVersion::Http2),
        _ => None,
    }
}

/// As the head of the reply says it: of a body that comes in chunks nothing is known before its end.
fn content_length(reply: &Response<Incoming>) -> Option<u64> {
    reply.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

/// Judges a reply: the status first, then the body.
async fn judge<C>(
    reply: hyper::Result<Response<Incoming>>,
    mut connection: Connection<C, hyper::Error>,
    started: Instant,
    target: &HttpTarget,
    deadline: &Deadline,
    seen: &mut ProbeResult,
) -> Result<(), Failure>
where
    C: Future<Output = hyper::Result<()>>,
{
    let reply = reply.map_err(|error| classify(&error, connection.error.as_ref()))?;
    seen.phases.processing = Some(started.elapsed());
    let status = reply.status();
    seen.http_status = Some(status.as_u16());
    seen.http_version = http_version(reply.version());
    seen.content_length = content_length(&reply);
    let location = reply.headers().get(header::LOCATION);
    if let Some(reason) = target.judge_status(status, location.is_some()) {
        let to =
            location.map(|to| format!(" to {}", String::from_utf8_lossy(to.as_bytes()))).unwrap_or_default();
        return Err(Failure::new(reason, format!("the reply was {status}{to}")));
    }
    let lap = Instant::now();
    let expected = target.expect.body.as_deref();
    let reading = connection.drive(body::read(reply.into_body(), expected.is_some(), &mut seen.body_bytes));
    // The reply had begun, so the endpoint answers; but it is slower than the policy's limit. That is what the
    // reason "latency" says, and "no reply began" would be false.
    let body = deadline.bound(reading, FailureReason::Latency, "the body of the reply").await?;
    let body = body.map_err(|error| classify(&error, connection.error.as_ref()))?;
    seen.phases.transfer = Some(lap.elapsed());
    match expected {
        Some(text) => body.must_contain(text),
        None => Ok(()),
    }
}
