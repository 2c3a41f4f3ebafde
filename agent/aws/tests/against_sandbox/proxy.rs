//! A proxy in front of one AWS endpoint that breaks the calls it is told to break, each in a way of its own, and
//! counts every call that arrives. It knows operations by their place in the protocol and nothing of their meaning.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::{Barrier, Semaphore};

pub(crate) mod wire;

use wire::{Reply, carry_out, half, operation, refusal, shape, text, whole};

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

async fn answer(upstream: SocketAddr, script: Arc<Script>, request: Request<Incoming>) -> io::Result<Reply> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let operation = operation(&parts.method, &parts.uri, &parts.headers, &body);
    let shape = shape(&parts.headers);
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
        Some(Break::Refuse(status, code)) => Ok(whole(refusal(shape, status, code))),
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
