//! The way to each peer: one HTTP/2 connection a peer, made ahead of need and made again when it breaks. A call never
//! waits for a handshake longer than its own deadline, and a handshake never dies with a call's deadline.

use super::{
    tls::{self, LiveTls},
    wire::{self, Confirm, LeaseReply, LeaseRequest, RaftReply, RaftRequest, Runtime},
};
use crate::metrics::Reports;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use quorate_consensus::{NodeId, REQUEST_BYTES_MAX, Transport, TransportError, decode, encode, node_id};
use quorate_core::Cluster;
use quorate_policies::{AgentName, agreement::Report};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    net::TcpStream,
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

/// A handshake across an ocean takes three round trips, about 600 ms; five seconds forgive a retransmission or two.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Pause before the first reconnect; doubles to [`RECONNECT_MAX`].
const RECONNECT_FIRST: Duration = Duration::from_millis(50);
/// A peer that is back is reached within this.
const RECONNECT_MAX: Duration = Duration::from_secs(1);
/// A connection that carries nothing is asked whether it lives, so that a silent cut is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(1);
/// And is given up when it does not answer.
const KEEP_ALIVE_ANSWER: Duration = Duration::from_secs(2);
/// A report is sent every second; a later one makes an earlier one worthless.
const REPORT_MAX: Duration = Duration::from_secs(1);
/// A confirmation that comes later finds the probes done.
const CONFIRM_MAX: Duration = Duration::from_millis(500);

type Sender = SendRequest<Full<Bytes>>;

/// All peers, who come and go with the members. Cheap to clone.
#[derive(Clone)]
pub struct Peers(Arc<Inner>);

struct Inner {
    peers: Mutex<BTreeMap<NodeId, Arc<Peer>>>,
    tls: LiveTls,
    counted: Reports,
    stop: CancellationToken,
}

struct Peer {
    name: AgentName,
    address: String,
    connection: watch::Receiver<Option<Sender>>,
    report: watch::Sender<Option<Arc<Report>>>,
    /// Ends its connection when it is no peer any more.
    stop: CancellationToken,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Peers {
    /// Begins to connect to every peer. `others` does not hold this agent.
    ///
    /// # Errors
    /// When a name cannot stand in a certificate.
    pub fn start(
        others: &BTreeMap<AgentName, String>,
        tls: &LiveTls,
        counted: &Reports,
        stop: &CancellationToken,
    ) -> Result<Self, tls::TlsError> {
        let peers = Self(Arc::new(Inner {
            peers: Mutex::default(),
            tls: tls.clone(),
            counted: counted.clone(),
            stop: stop.clone(),
        }));
        peers.set(others)?;
        Ok(peers)
    }

    /// Connects to these peers and no others. One whose address has not changed keeps its connection.
    ///
    /// # Errors
    /// When a name cannot stand in a certificate; the others are set all the same.
    pub fn set(&self, others: &BTreeMap<AgentName, String>) -> Result<(), tls::TlsError> {
        let mut peers = lock(&self.0.peers);
        peers.retain(|_, peer| others.get(&peer.name) == Some(&peer.address));
        let mut wrong = None;
        for (name, address) in others {
            let id = node_id(name.as_str());
            if peers.contains_key(&id) {
                continue;
            }
            match self.connect(name, address) {
                Ok(peer) => drop(peers.insert(id, Arc::new(peer))),
                Err(error) => wrong = Some(error),
            }
        }
        wrong.map_or(Ok(()), Err)
    }

    fn connect(&self, name: &AgentName, address: &str) -> Result<Peer, tls::TlsError> {
        let (connected, connection) = watch::channel(None);
        let keeper = Keeper {
            address: address.to_owned(),
            server_name: tls::server_name(name)?,
            tls: self.0.tls.clone(),
            connected,
            name: name.clone(),
        };
        let (report, reports) = watch::channel(None);
        let stop = self.0.stop.child_token();
        tokio::spawn(stop.clone().run_until_cancelled_owned(keeper.run()));
        tokio::spawn(stop.clone().run_until_cancelled_owned(send_reports(
            name.clone(),
            self.0.counted.clone(),
            connection.clone(),
            reports,
        )));
        Ok(Peer { name: name.clone(), address: address.to_owned(), connection, report, stop })
    }

    fn all(&self) -> Vec<Arc<Peer>> {
        lock(&self.0.peers).values().cloned().collect()
    }

    /// Sends a report to every peer; one that has not gone yet is replaced.
    pub fn report(&self, report: Report) {
        let report = Arc::new(report);
        for peer in self.all() {
            peer.report.send_replace(Some(report.clone()));
        }
    }

    /// Asks every peer to probe a target at once. Nobody waits for an answer.
    pub fn confirm(&self, confirm: &Confirm) {
        for peer in self.all() {
            let (connection, confirm) = (peer.connection.clone(), confirm.clone());
            tokio::spawn(async move {
                let _: Result<(), _> = call(
                    connection,
                    wire::CONFIRM,
                    "confirm",
                    &confirm,
                    CONFIRM_MAX,
                    wire::MESSAGE_BYTES_MAX,
                )
                .await;
            });
        }
    }

    /// Asks a peer, which should lead, for the write lease.
    ///
    /// # Errors
    /// When there is no such peer, or no answer within the deadline.
    pub async fn lease(
        &self,
        leader: &AgentName,
        request: &LeaseRequest,
        deadline: Duration,
    ) -> Result<LeaseReply, TransportError> {
        let peer = self.all().into_iter().find(|peer| peer.name == *leader);
        let peer = peer.ok_or_else(|| TransportError::NotSent(format!("`{leader}` is no peer")))?;
        call(peer.connection.clone(), wire::LEASE, "lease", request, deadline, wire::MESSAGE_BYTES_MAX).await
    }
}

impl Transport<Cluster, Runtime> for Peers {
    async fn call(
        &self,
        to: NodeId,
        request: RaftRequest,
        deadline: Duration,
    ) -> Result<RaftReply, TransportError> {
        let peer = lock(&self.0.peers).get(&to).cloned();
        let peer = peer.ok_or_else(|| TransportError::NotSent(format!("node {to} is no peer")))?;
        call(peer.connection.clone(), wire::RAFT, "request", &request, deadline, REQUEST_BYTES_MAX).await
    }
}

/// No holder of this lock can panic half-way.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn send_reports(
    peer: AgentName,
    counted: Reports,
    connection: watch::Receiver<Option<Sender>>,
    mut reports: watch::Receiver<Option<Arc<Report>>>,
) {
    while reports.changed().await.is_ok() {
        let latest = reports.borrow_and_update().clone();
        if let Some(report) = latest {
            let began = tokio::time::Instant::now();
            let sent: Result<(), _> = call(
                connection.clone(),
                wire::REPORT,
                "report",
                &*report,
                REPORT_MAX,
                wire::MESSAGE_BYTES_MAX,
            )
            .await;
            match sent {
                Ok(()) => counted.delivered(peer.as_str(), began.elapsed()),
                Err(error) => {
                    counted.failed(peer.as_str());
                    tracing::debug!(%error, "report not delivered");
                }
            }
        }
    }
}

/// One request and its reply within the deadline.
async fn call<Q: Serialize, A: DeserializeOwned>(
    mut connection: watch::Receiver<Option<Sender>>,
    path: &'static str,
    what: &'static str,
    request: &Q,
    deadline: Duration,
    body_max: usize,
) -> Result<A, TransportError> {
    let not_sent = |error: String| TransportError::NotSent(error);
    let body = encode(what, request).map_err(|error| not_sent(error.to_string()))?;
    let by = tokio::time::Instant::now() + deadline;
    // The guard of a watch must not live across a wait, so the connection is cloned within.
    let connected = async { connection.wait_for(Option::is_some).await.map(|sender| sender.clone()) };
    let mut sender = match tokio::time::timeout_at(by, connected).await {
        Ok(Ok(Some(sender))) => sender,
        Ok(Ok(None)) | Err(_) => return Err(not_sent("not connected".to_owned())),
        Ok(Err(_)) => return Err(not_sent("the agent is stopping".to_owned())),
    };
    let request = http::Request::post(format!("https://peer{path}"))
        .header(wire::VERSION_HEADER, env!("CARGO_PKG_VERSION"))
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| not_sent(error.to_string()))?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let status = response.status();
        let body = Limited::new(response.into_body(), body_max)
            .collect()
            .await
            .map_err(|error| error.to_string())?;
        if !status.is_success() {
            return Err(format!("the peer answered {status}"));
        }
        decode(what, &body.to_bytes()).map_err(|error| error.to_string())
    };
    match tokio::time::timeout_at(by, exchange).await {
        Ok(answer) => answer.map_err(TransportError::NoReply),
        Err(_) => Err(TransportError::NoReply(format!("nothing within {deadline:?}"))),
    }
}

/// Keeps one peer's connection.
struct Keeper {
    name: AgentName,
    address: String,
    server_name: rustls::pki_types::ServerName<'static>,
    tls: LiveTls,
    connected: watch::Sender<Option<Sender>>,
}

impl Keeper {
    async fn run(self) {
        let mut pause = RECONNECT_FIRST;
        loop {
            match timeout(CONNECT_MAX, self.connect()).await {
                Ok(Ok(connection)) => {
                    pause = RECONNECT_FIRST;
                    tracing::debug!(peer = %self.name, "connected");
                    if let Err(error) = connection.await {
                        tracing::debug!(peer = %self.name, %error, "connection lost");
                    }
                    self.connected.send_replace(None);
                }
                Ok(Err(error)) => tracing::debug!(peer = %self.name, %error, "cannot connect"),
                Err(_) => tracing::debug!(peer = %self.name, "cannot connect in time"),
            }
            sleep(pause).await;
            pause = (pause * 2).min(RECONNECT_MAX);
        }
    }

    async fn connect(&self) -> anyhow::Result<impl Future<Output = hyper::Result<()>> + use<>> {
        let tcp = TcpStream::connect(&self.address).await?;
        tcp.set_nodelay(true)?;
        // As the files are now: they may have been replaced since the last connection.
        let connector = tokio_rustls::TlsConnector::from(self.tls.current().client);
        let tls = connector.connect(self.server_name.clone(), tcp).await?;
        let (sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE_ANSWER)
            .keep_alive_while_idle(true)
            .handshake(TokioIo::new(tls))
            .await?;
        self.connected.send_replace(Some(sender));
        Ok(connection)
    }
}
