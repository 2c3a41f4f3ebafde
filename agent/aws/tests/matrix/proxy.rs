//! The proxy between an agent and one place's endpoint (a region's, or Route 53's): it breaks the calls that it is told
//! to break, and keeps a ledger of every call that came and of what became of it.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Request;
use http::request::Parts;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::fault::Fault;
use crate::wire::{self, Reply, Shape};

/// Longer than any call of a healthy emulator takes, shorter than the shortest limit of an agent's.
const LATENCY: Duration = Duration::from_millis(250);

/// One call, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    /// The service as IAM writes it.
    pub(crate) service: &'static str,
    pub(crate) operation: String,
    /// AWS has said yes to it, whether anybody heard that or not.
    pub(crate) carried_out: bool,
}

#[derive(Debug)]
struct Rule {
    operation: &'static str,
    fault: Fault,
    times: u32,
    used: bool,
}

/// What is to be broken and what has come, at all places of one world.
#[derive(Debug, Default)]
pub(crate) struct Script {
    rules: Mutex<Vec<Rule>>,
    ledger: Mutex<Vec<Call>>,
    killed: Notify,
}

impl Script {
    /// Breaks the next calls of an operation.
    pub(crate) fn set(&self, operation: &'static str, fault: Fault, times: u32) {
        self.rules.lock().unwrap().push(Rule { operation, fault, times, used: false });
    }

    /// Waits until an agent has to die.
    pub(crate) async fn killed(&self) {
        self.killed.notified().await;
    }

    /// Every call so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.ledger.lock().unwrap().clone()
    }

    /// Operations that were to be broken and were never called.
    pub(crate) fn unbroken(&self) -> Vec<&'static str> {
        let rules = self.rules.lock().unwrap();
        rules.iter().filter(|rule| !rule.used).map(|rule| rule.operation).collect()
    }

    fn arrive(&self, call: Call) -> (usize, Option<Fault>) {
        let mut rules = self.rules.lock().unwrap();
        let rule = rules.iter_mut().find(|rule| rule.operation == call.operation && rule.times > 0);
        let how = rule.map(|rule| {
            rule.times -= 1;
            rule.used = true;
            rule.fault
        });
        let mut ledger = self.ledger.lock().unwrap();
        ledger.push(call);
        (ledger.len() - 1, how)
    }
}

/// Starts a proxy in front of the endpoint at `upstream` and answers its URL. It lives as long as the test. One that
/// hangs takes every request and answers none.
pub(crate) async fn start(upstream: &str, script: &Arc<Script>, hangs: bool) -> String {
    let upstream: SocketAddr = upstream.strip_prefix("http://").unwrap().parse().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let script = Arc::clone(script);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let script = Arc::clone(&script);
            // Ending a connection without an answer then resets it.
            stream.set_zero_linger().unwrap();
            stream.set_nodelay(true).unwrap();
            let service = service_fn(move |request| answer(upstream, Arc::clone(&script), request, hangs));
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    url
}

async fn answer(
    upstream: SocketAddr,
    script: Arc<Script>,
    request: Request<Incoming>,
    hangs: bool,
) -> io::Result<Reply> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let operation = wire::operation(&parts.method, &parts.uri, &parts.headers, &body);
    let shape = wire::shape(&parts.headers);
    let (number, how) = script.arrive(Call { service: service(&parts), operation, carried_out: false });
    if hangs {
        return std::future::pending().await;
    }
    let forward = || async {
        let Parts { method, uri, headers, .. } = parts.clone();
        let reply = wire::carry_out(upstream, method, uri, headers, body.clone()).await?;
        script.ledger.lock().unwrap()[number].carried_out = reply.status().is_success();
        Ok::<_, io::Error>(reply)
    };
    let gone = || io::Error::other("the connection ends here");
    let refuse = |status, code| Ok(wire::whole(wire::refusal(shape, status, code)));
    let fault = match how {
        None => return Ok(wire::whole(forward().await?)),
        Some(fault) => fault,
    };
    match fault {
        Fault::Latency => {
            tokio::time::sleep(LATENCY).await;
            Ok(wire::whole(forward().await?))
        }
        Fault::Hang | Fault::RegionHangs => std::future::pending().await,
        Fault::Reset | Fault::RegionRefuses => Err(gone()),
        Fault::LoseReply => {
            forward().await?;
            Err(gone())
        }
        Fault::HangAfter => {
            forward().await?;
            std::future::pending().await
        }
        Fault::Killed => {
            forward().await?;
            script.killed.notify_one();
            std::future::pending().await
        }
        Fault::Truncate => Ok(wire::half(forward().await?)),
        Fault::InternalError => refuse(500, "InternalFailure"),
        Fault::Unavailable => refuse(503, "ServiceUnavailable"),
        Fault::Throttled => match shape {
            Shape::Json => refuse(400, "ThrottlingException"),
            Shape::Xml | Shape::Cbor => refuse(400, "Throttling"),
        },
    }
}

/// The service that a request is signed for, as IAM writes it.
fn service(parts: &Parts) -> &'static str {
    let signed = parts.headers["authorization"].to_str().unwrap();
    let (_, scope) = signed.split_once("Credential=").unwrap();
    match scope.split('/').nth(3).unwrap() {
        "rds" => "rds",
        "ecs" => "ecs",
        "route53" => "route53",
        "monitoring" => "cloudwatch",
        "application-autoscaling" => "application-autoscaling",
        "elasticloadbalancing" => "elasticloadbalancing",
        "sts" => "sts",
        other => panic!("no IAM name is known for the service {other}"),
    }
}
