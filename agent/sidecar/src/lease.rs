//! Asks the region's agents for the write lease, and gives it back. Every question has a deadline; the lease counts from
//! the moment its request was sent. It decides nothing.
//!
//! Each answer is a promise to the holder that the request names. After a lease is given back, the holder has a new name: a
//! giving-back that arrives late takes nothing away from what was promised since.

use crate::{clock, core::Answer};
use anyhow::{Context as _, bail};
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use quorate_api::{Lease, service::HOLDER};
use quorate_policies::{Millis, Monotonic};
use serde::Deserialize;
use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    net::TcpStream,
    time::{Instant, sleep, timeout, timeout_at},
};
use url::Url;

/// A lease is a hundred bytes and a problem a few hundred; more is no agent's answer.
const BODY_MAX: usize = 64 * 1024;
/// An agent that does not answer is told again after so long: it may be starting.
const RELEASE_AGAIN: Duration = Duration::from_millis(50);
/// Longer than any lease that makes sense for a database; after it, the end has come by itself.
const RELEASE_MAX: Duration = Duration::from_secs(10);

/// Under which name this program asks. Nobody else can guess it, so nobody else can give its lease back.
#[derive(Debug, Clone)]
pub struct Holder {
    random: Arc<str>,
    lease: Arc<AtomicU64>,
}

impl Holder {
    /// A name that no other holder has.
    ///
    /// # Errors
    /// When the kernel gives none.
    pub fn new() -> std::io::Result<Self> {
        let random = fs::read_to_string("/proc/sys/kernel/random/uuid")?;
        Ok(Self { random: random.trim().into(), lease: Arc::default() })
    }

    fn name(&self) -> String {
        format!("guard.{}.{}", self.random, self.lease.load(Ordering::SeqCst))
    }

    /// The name until now; from here on there is another.
    #[must_use]
    pub fn renew(&self) -> String {
        let name = self.name();
        self.lease.fetch_add(1, Ordering::SeqCst);
        name
    }
}

#[derive(Debug)]
struct Agent {
    url: Url,
    connection: Option<SendRequest<Empty<Bytes>>>,
}

/// The agents that may be asked, in their order.
#[derive(Debug)]
pub struct Agents {
    agents: Vec<Agent>,
    holder: Holder,
    deadline: Duration,
    /// How long a lease lasts from its renewal, as it was last told.
    ttl: Option<Millis>,
}

impl Agents {
    /// Each URL is `http://HOST:PORT/v1/lease/SERVICE`, as the arguments were checked for.
    #[must_use]
    pub fn new(urls: &[Url], holder: Holder, deadline: Millis) -> Self {
        let agents = urls.iter().map(|url| Agent { url: url.clone(), connection: None }).collect();
        Self { agents, holder, deadline: deadline.duration(), ttl: None }
    }

    /// How long a lease lasts from its renewal, if an agent has said so.
    #[must_use]
    pub const fn ttl(&self) -> Option<Millis> {
        self.ttl
    }

    /// The first grant; or a refusal, if there is one; or what went wrong. It takes no longer than the deadline. With the
    /// answer comes the moment its request was sent.
    pub async fn ask(&mut self) -> (Monotonic, Answer) {
        let until = Instant::now() + self.deadline;
        let began = clock::now();
        let mut best = Answer::Unknown { why: "no agent was asked".to_owned() };
        for asked in 0..self.agents.len() {
            // First the moment, then the name: a lease that is given back after this moment may be this one.
            let sent_at = clock::now();
            let holder = self.holder.name();
            match timeout_at(until, self.agents[asked].lease(&holder)).await {
                Ok(Ok(Ok(lease))) => {
                    let remaining = Millis(lease.remaining_ms);
                    self.ttl = lease.ttl_ms.map(Millis).or(self.ttl);
                    return (sent_at, Answer::Granted { epoch: lease.epoch, remaining });
                }
                Ok(Ok(Err(refusal))) => best = refusal,
                Ok(Err(error)) if !matches!(best, Answer::Refused { .. }) => {
                    best = Answer::Unknown { why: format!("{}: {error:#}", self.agents[asked].url) };
                }
                Ok(Err(_)) => {}
                Err(_) => {
                    // Half an answer would be taken for the next one. The next one is asked first from now on.
                    self.agents[asked].connection = None;
                    if !matches!(best, Answer::Refused { .. }) {
                        best = Answer::Unknown {
                            why: format!("{}: no answer within {:?}", self.agents[asked].url, self.deadline),
                        };
                    }
                    self.agents.rotate_left(asked + 1);
                    break;
                }
            }
        }
        (began, best)
    }
}

/// Takes every agent's promise to this holder back; each is told until it has answered or `RELEASE_MAX` is over.
///
/// # Errors
/// Why the last of those that did not.
pub async fn release(urls: &[Url], holder: &str) -> anyhow::Result<()> {
    let until = Instant::now() + RELEASE_MAX;
    let mut left: Vec<&Url> = urls.iter().collect();
    loop {
        let mut last = String::new();
        let mut silent = Vec::new();
        for url in left {
            let mut agent = Agent { url: url.clone(), connection: None };
            match timeout(RELEASE_AGAIN * 10, agent.send(Method::DELETE, holder)).await {
                Ok(Ok((StatusCode::OK, _))) => continue,
                Ok(Ok((status, text))) => last = format!("{url}: {status}: {}", problem(&text)),
                Ok(Err(error)) => last = format!("{url}: {error:#}"),
                Err(_) => last = format!("{url}: no answer"),
            }
            silent.push(url);
        }
        left = silent;
        if left.is_empty() {
            return Ok(());
        }
        if Instant::now() >= until {
            bail!(last);
        }
        sleep(RELEASE_AGAIN).await;
    }
}

impl Agent {
    /// The lease, or the refusal.
    async fn lease(&mut self, holder: &str) -> anyhow::Result<Result<Lease, Answer>> {
        let (status, body) = self.send(Method::GET, holder).await?;
        match status {
            StatusCode::OK => Ok(Ok(serde_json::from_slice(&body).context("not a lease")?)),
            StatusCode::CONFLICT => Ok(Err(refusal(&body))),
            other => bail!("{other}: {}", problem(&body)),
        }
    }

    /// One request, on the connection there is or on a new one.
    async fn send(&mut self, method: Method, holder: &str) -> anyhow::Result<(StatusCode, Bytes)> {
        // An idle connection that the agent has closed is no failure of the agent.
        if let Some(kept) = self.connection.take().filter(|kept| !kept.is_closed())
            && let Ok(answer) = self.exchange(kept, method.clone(), holder).await
        {
            return Ok(answer);
        }
        let host = self.url.host_str().context("no host")?.trim_matches(['[', ']']);
        let stream = TcpStream::connect((host, self.url.port_or_known_default().unwrap_or(80))).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // Its end shows in the next request.
        tokio::spawn(async move { drop(connection.await) });
        self.exchange(sender, method, holder).await
    }

    async fn exchange(
        &mut self,
        mut sender: SendRequest<Empty<Bytes>>,
        method: Method,
        holder: &str,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        sender.ready().await?;
        let request = Request::builder()
            .method(method)
            .uri(self.url.path())
            .header(header::HOST, self.url.authority())
            .header(HOLDER, holder)
            .body(Empty::new())?;
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), BODY_MAX).collect().await;
        let body = body.map_err(|error| anyhow::anyhow!("{error}"))?.to_bytes();
        self.connection = Some(sender);
        Ok((status, body))
    }
}

/// A problem (RFC 9457), as far as it concerns a lease.
#[derive(Deserialize, Default)]
struct Problem {
    detail: Option<String>,
    title: Option<String>,
    guard: Option<String>,
    epoch: Option<u64>,
}

fn read_problem(body: &[u8]) -> Problem {
    serde_json::from_slice(body).unwrap_or_default()
}

/// What a problem says, on one line.
fn problem(body: &[u8]) -> String {
    let problem = read_problem(body);
    problem.detail.or(problem.title).unwrap_or_default().replace(['\r', '\n'], " ")
}

fn refusal(body: &[u8]) -> Answer {
    let Problem { guard, epoch, .. } = read_problem(body);
    Answer::Refused { why: problem(body), moved: epoch.filter(|_| guard.as_deref() == Some("lease_moved")) }
}
