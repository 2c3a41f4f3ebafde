//! A proxy in front of one AWS endpoint that breaks the calls it is told to break, each in a way of its own, and
//! counts every call that arrives. It knows operations by their place in the protocol and nothing of their meaning.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Barrier, Semaphore};

/// What happens to a call.
#[derive(Debug, Clone)]
pub(crate) enum Break {
    /// It does not reach AWS, and nobody answers.
    Hang,
    /// It does not reach AWS, and the connection ends.
    Reset,
    /// It is carried out, and nobody answers.
    HangAfter,
    /// It is carried out, and the connection ends without a reply.
    LoseReply,
    /// It is carried out, and half of the reply's body arrives.
    Truncate,
    /// It does not reach AWS; a 500 without a code is answered.
    InternalError,
    /// It does not reach AWS; Route 53's acceptance of a change with this id is answered.
    Strand(&'static str),
    /// It does not reach AWS; this code is answered with this status, in the protocol's shape.
    Refuse(u16, &'static str),
    /// It waits until as many calls have come as the barrier wants, and is then carried out.
    Meet(Arc<Barrier>),
    /// It waits for the gate and is then carried out, even if its caller has gone: a late write.
    Late(Arc<Gate>),
}

/// Holds a call, tells that it is held, and lets it go.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) held: Semaphore,
    pub(crate) open: Semaphore,
    pub(crate) done: Semaphore,
}

impl Gate {
    pub(crate) fn closed() -> Arc<Self> {
        let empty = || Semaphore::new(0);
        Arc::new(Gate { held: empty(), open: empty(), done: empty() })
    }
}

/// What is to be broken, and what has come.
#[derive(Debug, Default)]
pub(crate) struct Script {
    rules: Mutex<Vec<Rule>>,
    arrivals: Mutex<BTreeMap<String, u32>>,
}

#[derive(Debug)]
struct Rule {
    operation: &'static str,
    how: Break,
    times: u32,
}

/// More often than any test calls.
pub(crate) const ALWAYS: u32 = u32::MAX;

impl Script {
    /// Breaks the next calls of an operation.
    pub(crate) fn set(&self, operation: &'static str, how: Break, times: u32) {
        self.rules.lock().unwrap().push(Rule { operation, how, times });
    }

    /// Breaks nothing any more.
    pub(crate) fn clear(&self) {
        self.rules.lock().unwrap().clear();
    }

    /// How many calls of an operation have come.
    pub(crate) fn arrived(&self, operation: &str) -> u32 {
        self.arrivals.lock().unwrap().get(operation).copied().unwrap_or_default()
    }

    fn arrive(&self, operation: &str) -> Option<Break> {
        *self.arrivals.lock().unwrap().entry(operation.to_owned()).or_default() += 1;
        let mut rules = self.rules.lock().unwrap();
        let rule = rules.iter_mut().find(|rule| rule.operation == operation && rule.times > 0)?;
        rule.times -= 1;
        Some(rule.how.clone())
    }
}

/// Starts a proxy in front of the endpoint at `upstream` and answers its URL. It lives as long as the test.
pub(crate) async fn start(upstream: &str, script: &Arc<Script>) -> String {
    let upstream: SocketAddr = upstream.strip_prefix("http://").unwrap().parse().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let script = Arc::clone(script);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let script = Arc::clone(&script);
            // Ending a connection without an answer then resets it.
            stream.set_zero_linger().unwrap();
            let service = service_fn(move |request| answer(upstream, Arc::clone(&script), request));
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    url
}

type Reply = Response<BoxBody<Bytes, io::Error>>;

async fn answer(upstream: SocketAddr, script: Arc<Script>, request: Request<Incoming>) -> io::Result<Reply> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let operation = operation(&parts.method, &parts.uri, &parts.headers, &body);
    let json = parts.headers.contains_key("x-amz-target");
    let forward =
        || carry_out(upstream, parts.method.clone(), parts.uri.clone(), parts.headers.clone(), body.clone());
    let gone = || io::Error::other("the connection ends here");
    match script.arrive(&operation) {
        None => Ok(whole(forward().await?)),
        Some(Break::Hang) => std::future::pending().await,
        Some(Break::Reset) => Err(gone()),
        Some(Break::HangAfter) => {
            forward().await?;
            std::future::pending().await
        }
        Some(Break::LoseReply) => {
            forward().await?;
            Err(gone())
        }
        Some(Break::Truncate) => Ok(half(forward().await?)),
        Some(Break::InternalError) => Ok(whole(text(500, "text/plain", "boom".into()))),
        Some(Break::Strand(change)) => Ok(whole(accepted(change))),
        Some(Break::Refuse(status, code)) => Ok(whole(refusal(json, status, code))),
        Some(Break::Meet(barrier)) => {
            barrier.wait().await;
            Ok(whole(forward().await?))
        }
        Some(Break::Late(gate)) => {
            let call = forward();
            // On a task of its own: this one ends when the caller gives up.
            let carried = tokio::spawn(async move {
                gate.held.add_permits(1);
                gate.open.acquire().await.unwrap().forget();
                let reply = call.await;
                gate.done.add_permits(1);
                reply
            });
            Ok(whole(carried.await.unwrap()?))
        }
    }
}

/// The operation by its place in each protocol.
fn operation(method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> String {
    if let Some(target) = headers.get("x-amz-target") {
        return target.to_str().unwrap().rsplit('.').next().unwrap().to_owned();
    }
    let path = uri.path().trim_end_matches('/');
    if let Some((_, operation)) = path.split_once("/operation/") {
        return operation.to_owned();
    }
    if path.contains("/change/") {
        return "GetChange".into();
    }
    if path.ends_with("/rrset") {
        let reads = method == Method::GET;
        return if reads { "ListResourceRecordSets" } else { "ChangeResourceRecordSets" }.into();
    }
    if path.contains("/healthcheck") || path.contains("/tags/") {
        return format!("{method} {}", path.split('/').nth(2).unwrap());
    }
    if path.contains("/hostedzone/") {
        return "GetHostedZone".into();
    }
    let form = std::str::from_utf8(body).unwrap();
    form.split('&').find_map(|field| field.strip_prefix("Action=")).expect("a known operation").to_owned()
}

async fn carry_out(
    upstream: SocketAddr,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> io::Result<Response<Bytes>> {
    let stream = TcpStream::connect(upstream).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::spawn(connection);
    let mut request = Request::new(Full::new(body));
    (*request.method_mut(), *request.uri_mut(), *request.headers_mut()) = (method, uri, headers);
    let (mut parts, body) = sender.send_request(request).await.map_err(io::Error::other)?.into_parts();
    // The body is sent on whole: both headers would be wrong then.
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.remove(TRANSFER_ENCODING);
    Ok(Response::from_parts(parts, body.collect().await.map_err(io::Error::other)?.to_bytes()))
}

/// Reads one document of the sandbox's control API.
pub(crate) async fn get(base: &str, path: &str) -> Bytes {
    control(base, Method::GET, path, Bytes::new()).await
}

/// Changes the world by the sandbox's control API.
pub(crate) async fn post(base: &str, path: &str, body: &serde_json::Value) {
    control(base, Method::POST, path, body.to_string().into()).await;
}

async fn control(base: &str, method: Method, path: &str, body: Bytes) -> Bytes {
    let address: SocketAddr = base.strip_prefix("http://").unwrap().parse().unwrap();
    let headers = HeaderMap::from_iter([
        (HOST, address.to_string().parse().unwrap()),
        (CONTENT_LENGTH, body.len().into()),
    ]);
    let reply = carry_out(address, method, path.parse().unwrap(), headers, body).await.unwrap();
    assert_eq!(reply.status(), StatusCode::OK, "{path}");
    reply.into_body()
}

fn text(status: u16, content_type: &str, body: String) -> Response<Bytes> {
    Response::builder().status(status).header(CONTENT_TYPE, content_type).body(body.into()).unwrap()
}

/// Route 53's answer to a batch that it took.
fn accepted(change: &str) -> Response<Bytes> {
    let info =
        format!("<Id>{change}</Id><Status>PENDING</Status><SubmittedAt>2026-11-21T00:00:00Z</SubmittedAt>");
    let body = format!(
        "<ChangeResourceRecordSetsResponse xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\">\
         <ChangeInfo>{info}</ChangeInfo></ChangeResourceRecordSetsResponse>"
    );
    text(200, "text/xml", body)
}

/// A refusal in the protocol's shape: in another shape the SDK would find no code in it.
fn refusal(json: bool, status: u16, code: &str) -> Response<Bytes> {
    if json {
        let body = format!(r#"{{"__type":"{code}","message":"by the proxy"}}"#);
        return text(status, "application/x-amz-json-1.1", body);
    }
    let error =
        format!("<Error><Type>Sender</Type><Code>{code}</Code><Message>by the proxy</Message></Error>");
    text(status, "text/xml", format!("<ErrorResponse>{error}<RequestId>r-1</RequestId></ErrorResponse>"))
}

fn whole(reply: Response<Bytes>) -> Reply {
    reply.map(|body| Full::new(body).map_err(|never: Infallible| match never {}).boxed())
}

/// The whole length is announced, half of it comes, and the connection ends.
fn half(reply: Response<Bytes>) -> Reply {
    let length = reply.body().len();
    let mut reply = reply.map(|body| {
        let half = body.slice(..length / 2);
        // A reply and its end in one write could be seen as an end alone.
        let frames = stream::once(async move { Ok(Frame::data(half)) })
            .chain(stream::once(tokio::task::yield_now()).flat_map(|()| stream::empty()))
            .chain(stream::once(async { Err(io::Error::other("the connection ends here")) }));
        BodyExt::boxed(StreamBody::new(Box::pin(frames)))
    });
    reply.headers_mut().insert(CONTENT_LENGTH, length.into());
    reply
}
