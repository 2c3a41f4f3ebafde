//! What an agent answers its peers. Every connection is of an agent that its certificate names; a message that
//! claims to come from another is refused.

use super::{
    tls::{self, LiveTls},
    wire::{self, Confirm, LeaseReply, LeaseRequest, RaftCall, RaftRefusal, RaftReply, RaftRequest},
};
use crate::shell::Agent;
use axum::{
    Extension, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use quorate_consensus::{Head, REQUEST_BYTES_MAX, decode, encode, node_id};
use quorate_core::node::Input;
use quorate_policies::{AgentName, Millis, RegionName, agreement::Report};
use serde::{Serialize, de::DeserializeOwned};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// Connections at a time: each of at most six peers keeps one and may be replacing it; the rest is room for a scan.
const CONNECTIONS_MAX: usize = 32;
/// A handshake that takes longer is no agent's.
const HANDSHAKE_MAX: Duration = Duration::from_secs(5);

/// A connection that carries nothing is asked whether it lives, and is given up when it does not answer.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// Longest version that is remembered of a peer, in bytes: it is shown to people.
const VERSION_BYTES_MAX: usize = 64;
/// A command's stamp may be so much ahead of this agent's clock. The log's clock never goes back, so one agent that
/// started with a wrong clock would end every pause and every cool-down of the others.
pub const AHEAD_MAX: Millis = Millis(5_000);

/// Who is at the other end: the names in its certificate, which the cluster's own authority has signed.
#[derive(Debug, Clone)]
struct Caller(Arc<BTreeSet<String>>);

impl Caller {
    fn is(&self, agent: &AgentName) -> bool {
        self.0.contains(agent.as_str())
    }
}

/// Serves peers until stopped.
pub async fn serve(agent: Arc<Agent>, listener: TcpListener, tls: LiveTls, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let router = router(agent.clone());
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((tcp, _)) = accepted else {
            // Out of sockets, most likely: do not spin.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let Ok(place) = places.clone().try_acquire_owned() else { continue };
        // As the files are now: they may have been replaced since the last connection.
        let acceptor = tokio_rustls::TlsAcceptor::from(tls.current().server);
        let (router, stop) = (router.clone(), stop.clone());
        tokio::spawn(async move {
            if let Err(error) = stop.run_until_cancelled(connection(tcp, &acceptor, router)).await.transpose()
            {
                tracing::debug!(%error, "peer connection ended");
            }
            drop(place);
        });
    }
}

async fn connection(
    tcp: TcpStream,
    acceptor: &tokio_rustls::TlsAcceptor,
    router: Router,
) -> anyhow::Result<()> {
    tcp.set_nodelay(true)?;
    let stream = timeout(HANDSHAKE_MAX, acceptor.accept(tcp)).await??;
    let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first().cloned());
    let certificate = certificate.ok_or_else(|| anyhow::anyhow!("no certificate"))?;
    // Who is no member yet, or is one that this agent has not heard of, may ask; what it is answered is said below.
    let caller = Caller(Arc::new(tls::names(&certificate)));
    let service = TowerToHyperService::new(router.layer(Extension(caller)));
    hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        // A peer that was cut off leaves a connection that never ends by itself, and each holds one of the places.
        .keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .serve_connection(TokioIo::new(stream), service)
        .await?;
    Ok(())
}

fn router(agent: Arc<Agent>) -> Router {
    let small = DefaultBodyLimit::max(wire::MESSAGE_BYTES_MAX);
    Router::new()
        .route(wire::RAFT, post(raft).layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX)))
        .route(wire::REPORT, post(report).layer(small))
        .route(wire::CONFIRM, post(confirm).layer(small))
        .route(wire::LEASE, post(lease).layer(small))
        .route(wire::ABOUT, get(about))
        .with_state(agent)
}

async fn raft(
    State(agent): State<Arc<Agent>>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Response {
    let mut request: RaftRequest = match read("request", &body) {
        Ok(request) => request,
        Err(refused) => {
            // A later version's, perhaps: its head says so.
            if let Ok(head) = decode::<Head>("request", &body)
                && caller.0.iter().any(|name| head.from == node_id(name))
            {
                agent.consensus().cannot_read(&head);
            }
            return refused;
        }
    };
    let Some(name) = caller.0.iter().find(|name| request.from == node_id(name)) else {
        return forged(&agent, &caller);
    };
    // It may ask which history this is: its own may have ended.
    if agent.is_removed(name) && !matches!(request.call, RaftCall::Horizon) {
        return answer("request", &RaftReply::Refused(RaftRefusal::Removed));
    }
    if let RaftCall::Propose(proposal) = &mut request.call {
        proposal.0.at = proposal.0.at.min(agent.wall().plus(AHEAD_MAX));
    }
    answer("request", &agent.consensus().serve(request).await)
}

async fn report(
    State(agent): State<Arc<Agent>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let report: Report = match read("report", &body) {
        Ok(report) => report,
        Err(refused) => return refused,
    };
    // P19: a forged vote is a forced outage.
    if !caller.is(&report.agent) || agent.region_of(&report.agent).as_ref() != Some(&report.region) {
        return forged(&agent, &caller);
    }
    let version = headers.get(wire::VERSION_HEADER).and_then(|value| value.to_str().ok());
    agent.heard_version(&report.agent, version.filter(|version| version.len() <= VERSION_BYTES_MAX));
    agent.input(Input::Heard(report));
    answer("report", &())
}

async fn confirm(
    State(agent): State<Arc<Agent>>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Response {
    if !agent.voters().keys().any(|name| caller.is(name)) {
        return forged(&agent, &caller);
    }
    let asked: Confirm = match read("confirm", &body) {
        Ok(asked) => asked,
        Err(refused) => return refused,
    };
    agent.confirm_here(asked.service, asked.target);
    answer("confirm", &())
}

async fn lease(
    State(agent): State<Arc<Agent>>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Response {
    let asked: LeaseRequest = match read("lease", &body) {
        Ok(asked) => asked,
        Err(refused) => return refused,
    };
    // Only for its own region, and only while it counts.
    let entitled = |(name, region): (&AgentName, &RegionName)| caller.is(name) && *region == asked.region;
    if !agent.voters().iter().any(entitled) {
        return forged(&agent, &caller);
    }
    let reply = match agent.grant_lease(asked).await {
        Ok(ttl) => LeaseReply::Granted { ttl_ms: ttl.0 },
        Err(refusal) => LeaseReply::Refused { refusal },
    };
    answer("lease", &reply)
}

/// Who is no member yet may ask too: the doctor is called before an agent is added.
async fn about(State(agent): State<Arc<Agent>>, Extension(caller): Extension<Caller>) -> Response {
    if caller.0.iter().any(|name| agent.is_removed(name)) {
        return forged(&agent, &caller);
    }
    answer("about", &agent.about())
}

// The refusal is the response itself, and responses are as large as axum makes them.
#[allow(clippy::result_large_err)]
fn read<T: DeserializeOwned>(what: &str, body: &[u8]) -> Result<T, Response> {
    decode(what, body).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()).into_response())
}

fn answer<T: Serialize>(what: &str, value: &T) -> Response {
    match encode(what, value) {
        Ok(body) => body.into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

fn forged(agent: &Agent, caller: &Caller) -> Response {
    // One that was removed and not stopped goes on reporting for ever; it is told why, and the log need not be.
    if caller.0.iter().any(|name| agent.is_removed(name)) {
        tracing::debug!(peer = ?caller.0, "refused a message of an agent that was removed");
    } else {
        tracing::warn!(peer = ?caller.0, "refused a message in another agent's name, or of one that is no member");
    }
    (StatusCode::FORBIDDEN, "the certificate names no member, or another agent than the message")
        .into_response()
}
