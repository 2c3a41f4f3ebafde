//! Delivery to a receiver on this machine: what it gets, what happens when it fails, and who sends.

use super::*;
use crate::http::sample;
use crate::metrics::{Beside, Format, Inside};
use crate::outgoing::HttpClient;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use quorate_core::Actor;
use serde_json::Value;
use std::{
    convert::Infallible,
    io::Write as _,
    net::SocketAddr,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::{net::TcpListener, sync::mpsc};

const SECRET: &str = "webhook-secret";
/// Short, so that a test sees retries end.
const HASTE: Patience = Patience {
    timeout: Millis(200),
    attempts: 3,
    pause: Millis(5),
    pause_max: Millis(10),
    retry_after_max: Millis(20),
    gap: Millis::ZERO,
};

/// A look at an agent that knows nothing of what is sent.
fn look() -> Inside {
    let healthy = quorate_policies::health::Verdict::Healthy;
    let (node, now) = sample::node(healthy, healthy, &[]);
    Inside::of(&node, now)
}

/// An agent for these tests.
struct Desk {
    cluster: Mutex<Arc<Cluster>>,
    leads: AtomicBool,
    file: AgentFile,
    metrics: Metrics,
    marks: mpsc::UnboundedSender<u64>,
    _secret: tempfile::NamedTempFile,
}

impl Desk {
    /// An agent that leads, in the executing sample, with one webhook for each of these addresses.
    fn new(receivers: &[(&str, SocketAddr)]) -> (Arc<Self>, mpsc::UnboundedReceiver<u64>) {
        let mut secret = tempfile::NamedTempFile::new().unwrap();
        writeln!(secret, "{SECRET}").unwrap();
        let mut file = sample::agent_file();
        let mut cluster = sample::executing();
        let state = cluster.services.values_mut().next().unwrap();
        state.policy.communication.webhooks.clear();
        for (name, address) in receivers {
            let webhook = quorate_policies::policy::Webhook {
                name: (*name).into(),
                url: format!("http://{address}/hook"),
            };
            state.policy.communication.webhooks.push(webhook);
            let secret_file = secret.path().to_owned();
            file.webhooks
                .insert((*name).into(), quorate_policies::document::WebhookSecret { secret_file, url: None });
        }
        let (marks, seen) = mpsc::unbounded_channel();
        let desk = Self {
            cluster: Mutex::new(Arc::new(cluster)),
            leads: AtomicBool::new(true),
            metrics: Metrics::new(&file),
            file,
            marks,
            _secret: secret,
        };
        (Arc::new(desk), seen)
    }

    fn apply(&self, body: Body) {
        let mut cluster = self.cluster.lock().unwrap();
        let mut next = Cluster::clone(&cluster);
        sample::apply(&mut next, body);
        *cluster = Arc::new(next);
    }

    fn sent(&self, webhook: &str, event: &str, outcome: &str) -> bool {
        let text = self.metrics.scrape(look(), Beside::default(), Format::Text);
        let labels = format!("{{event=\"{event}\",notifier=\"{webhook}\",outcome=\"{outcome}\"}}");
        text.lines().any(|line| line == format!("quorate_notifications_total{labels} 1"))
    }

    /// Sends until the test ends.
    fn start(self: &Arc<Self>) -> tokio::task::JoinHandle<()> {
        tokio::spawn(send(self.clone(), HASTE, HASTE, 1))
    }
}

impl Source for Desk {
    fn look(&self) -> Look {
        Look { leads: self.leads.load(Ordering::SeqCst), cluster: self.cluster.lock().unwrap().clone() }
    }
    fn now(&self) -> Timestamp {
        // Moves on at each look, as a clock does.
        self.cluster.lock().unwrap().clock.plus(Millis(1_000))
    }
    fn file(&self) -> &AgentFile {
        &self.file
    }
    fn metrics(&self) -> &Metrics {
        &self.metrics
    }
    async fn mark(&self, sequence: u64) -> bool {
        self.apply(Body::Notified { sequence });
        self.marks.send(sequence).is_ok()
    }
    async fn told(&self, execution: ExecutionId, sent: Sent) -> bool {
        self.apply(Body::Told { execution, sent });
        true
    }
}

/// What a receiver got.
struct Got {
    body: Vec<u8>,
    signature: String,
    media_type: String,
}

impl Got {
    fn id(&self) -> String {
        serde_json::from_slice::<Value>(&self.body).unwrap()["id"].as_str().unwrap().to_owned()
    }
}

/// A receiver that answers the first requests with these statuses and every later one with 204; 0 means that it never
/// answers.
async fn receiver(statuses: &'static [u16]) -> (SocketAddr, mpsc::UnboundedReceiver<Got>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, got) = mpsc::unbounded_channel();
    let count = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (tell, count) = (tell.clone(), count.clone());
            let answer = move |request: Request<Incoming>| {
                let (tell, status) =
                    (tell.clone(), statuses.get(count.fetch_add(1, Ordering::SeqCst)).copied());
                async move { Ok::<_, Infallible>(answer(request, &tell, status.unwrap_or(204)).await) }
            };
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)));
        }
    });
    (address, got)
}

async fn answer(
    request: Request<Incoming>,
    tell: &mpsc::UnboundedSender<Got>,
    status: u16,
) -> Response<Full<bytes::Bytes>> {
    let header = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
    let (signature, media_type) = (header(SIGNATURE), header("content-type"));
    let body = request.into_body().collect().await.unwrap().to_bytes().to_vec();
    let _ = tell.send(Got { body, signature, media_type });
    if status == 0 {
        std::future::pending::<()>().await;
    }
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("3600"));
    response
}

/// Checks a signature as a receiver would, with its own arithmetic.
fn verified(got: &Got) -> bool {
    let (time, hex) = got.signature.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
    let at = Timestamp(time.parse::<u64>().unwrap() * 1_000);
    sign(SECRET.as_bytes(), at, &got.body) == format!("t={time},v1={hex}")
        && sign(b"another", at, &got.body) != got.signature
}

/// The sample's events, in order: a decision, a fence without an answer, a lease that expired.
const EVENTS: [&str; 3] = [
    "quorate/prod/shop/shop-2/failover.started",
    "quorate/prod/shop/shop-2/step.completed/fence/1",
    "quorate/prod/shop/shop-2/lease.released",
];

async fn ids(got: &mut mpsc::UnboundedReceiver<Got>, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(got.recv().await.unwrap().id());
    }
    ids
}

/// Goal: a receiver gets every event once, in order, signed, and the mark follows. Method: the sample to a receiver
/// that takes everything.
#[tokio::test]
async fn events_arrive_signed_and_in_order() {
    let (address, mut got) = receiver(&[]).await;
    let (desk, mut marks) = Desk::new(&[("ops", address)]);
    let task = desk.start();
    for id in EVENTS {
        let got = got.recv().await.unwrap();
        assert_eq!(
            (got.id().as_str(), got.media_type.as_str()),
            (id, "application/cloudevents+json; charset=utf-8")
        );
        assert!(verified(&got), "{}", got.signature);
    }
    let last = desk.look().cluster.audit.sequence;
    while marks.recv().await.unwrap() < last {}
    assert!(desk.sent("ops", "lease.released", "delivered"));
    assert!(got.try_recv().is_err(), "nothing was sent twice");
    task.abort();
}

/// Goal: a failing receiver is tried again with the same event, and given up on in the end; the next event is still
/// sent. Method: one that answers 500, asks for time, and then refuses.
#[tokio::test]
async fn a_failing_receiver_is_tried_again_then_left() {
    let (address, mut got) = receiver(&[500, 429, 503]).await;
    let (desk, mut marks) = Desk::new(&[("ops", address)]);
    let task = desk.start();
    assert_eq!(ids(&mut got, 5).await, [EVENTS[0], EVENTS[0], EVENTS[0], EVENTS[1], EVENTS[2]]);
    let last = desk.look().cluster.audit.sequence;
    while marks.recv().await.unwrap() < last {}
    assert!(
        desk.sent("ops", "failover.started", "given_up") && desk.sent("ops", "step.completed", "delivered")
    );
    task.abort();
}

/// Goal: a receiver that hangs delays no other one, and does not hold the mark for ever. Method: one that never
/// answers, beside one that does.
#[tokio::test]
async fn a_hanging_receiver_delays_nobody() {
    let (dead, _hung) = receiver(&[0; 16]).await;
    let (alive, mut got) = receiver(&[]).await;
    let (desk, mut marks) = Desk::new(&[("dead", dead), ("alive", alive)]);
    let task = desk.start();
    assert_eq!(ids(&mut got, 3).await, EVENTS);
    assert!(!desk.sent("dead", "lease.released", "given_up"), "the others came first");
    let last = desk.look().cluster.audit.sequence;
    while marks.recv().await.unwrap() < last {}
    assert!(desk.sent("dead", "lease.released", "given_up"));
    task.abort();
}

/// Goal: only the leader sends, and a new one begins at the mark. Method: a follower that is given the lead when one
/// event has been told already.
#[tokio::test]
async fn only_the_leader_sends_from_the_mark() {
    let (address, mut got) = receiver(&[]).await;
    let (desk, _marks) = Desk::new(&[("ops", address)]);
    desk.leads.store(false, Ordering::SeqCst);
    desk.apply(Body::Notified { sequence: 3 });
    let task = desk.start();
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
    assert!(got.try_recv().is_err());
    desk.leads.store(true, Ordering::SeqCst);
    assert_eq!(ids(&mut got, 2).await, EVENTS[1..]);
    let actor = Actor { name: "ann".into(), reason: "maintenance".into() };
    desk.apply(Body::Pause { service: "shop".parse().unwrap(), actor, until: None });
    assert!(ids(&mut got, 1).await[0].ends_with("/override.set"));
    task.abort();
}

/// Goal: nothing is sent unsigned. Method: a webhook of the policy that this agent's file does not know.
#[tokio::test]
async fn without_a_secret_nothing_is_sent() {
    let (address, mut got) = receiver(&[]).await;
    let (desk, mut marks) = Desk::new(&[("ops", address)]);
    let mut desk = Arc::into_inner(desk).unwrap();
    desk.file.webhooks.clear();
    let desk = Arc::new(desk);
    let task = desk.start();
    let last = desk.look().cluster.audit.sequence;
    while marks.recv().await.unwrap() < last {}
    assert!(got.try_recv().is_err());
    assert!(desk.sent("ops", "failover.started", "given_up"));
    task.abort();
}

/// Goal: a queue is bounded, and what does not fit is counted and does not hold the mark. Method: more events at once
/// than may wait, for a receiver that hangs.
#[tokio::test]
async fn too_many_events_are_dropped_and_counted() {
    let (dead, mut hung) = receiver(&[0; 16]).await;
    let (desk, _marks) = Desk::new(&[("dead", dead)]);
    for _ in 0..=courier::WAITING_MAX {
        let actor = Actor { name: "ann".into(), reason: "again".into() };
        desk.apply(Body::Pause { service: "shop".parse().unwrap(), actor, until: None });
    }
    let cluster = desk.look().cluster;
    let mut tenure = Tenure::new(desk.clone(), HttpClient::new(), HASTE, 1, 0);
    tenure.turn(&cluster).await;
    assert_eq!(hung.recv().await.unwrap().id(), EVENTS[0]);
    let text = desk.metrics.scrape(look(), Beside::default(), Format::Text);
    let dropped = r#"quorate_notifications_total{event="override.set",notifier="dead",outcome="dropped"} 4"#;
    assert!(text.lines().any(|line| line == dropped), "{text}");
}
