//! Asks the region's agents for the write lease, and gives it back. Every question has a deadline; the lease counts from
//! the moment its request was sent. It decides nothing.

use crate::{clock, core::Answer};
use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use quorate_policies::{Millis, Monotonic};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::{
    net::TcpStream,
    time::{Instant, sleep, timeout, timeout_at},
};
use url::Url;

/// A lease is a hundred bytes and a problem a few hundred; more is no agent's answer.
const BODY_MAX: usize = 64 * 1024;
/// A refused release is sent again after so long, while the lease lasts: the agent may be starting.
const RELEASE_AGAIN: Duration = Duration::from_millis(50);
/// Longer than any lease that makes sense for a database; after it, the end has come by itself.
const RELEASE_MAX: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
struct Lease {
    epoch: u64,
    remaining_ms: u64,
}

/// `POST {url}/release`: the holder certainly writes no more under this epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseLease {
    /// The lease that is given back; another one stays.
    pub epoch: u64,
}

#[derive(Debug)]
struct Agent {
    url: Url,
    connection: Option<SendRequest<Full<Bytes>>>,
}

/// The agents that may be asked, in their order.
#[derive(Debug)]
pub struct Agents {
    agents: Vec<Agent>,
    deadline: Duration,
}

impl Agents {
    /// Each URL is `http://HOST:PORT/v1/lease/SERVICE`.
    ///
    /// # Errors
    /// When there is none, or one is not plain HTTP.
    pub fn new(urls: &[Url], deadline: Millis) -> anyhow::Result<Self> {
        ensure!(!urls.is_empty(), "no --lease-url");
        for url in urls {
            ensure!(
                url.scheme() == "http" && url.host_str().is_some(),
                "{url}: --lease-url must begin with http://"
            );
        }
        let agents = urls.iter().map(|url| Agent { url: url.clone(), connection: None }).collect();
        Ok(Self { agents, deadline: deadline.duration() })
    }

    /// The first grant; or a refusal, if there is one; or what went wrong. It takes no longer than the deadline. With the
    /// answer comes the moment its request was sent.
    pub async fn ask(&mut self) -> (Monotonic, Answer) {
        let until = Instant::now() + self.deadline;
        let began = clock::now();
        let mut best = Answer::Unknown { why: "no agent was asked".to_owned() };
        for asked in 0..self.agents.len() {
            let sent_at = clock::now();
            match timeout_at(until, self.agents[asked].lease()).await {
                Ok(Ok(Ok(lease))) => {
                    let remaining = Millis(lease.remaining_ms);
                    return (sent_at, Answer::Granted { epoch: lease.epoch, remaining });
                }
                Ok(Ok(Err(why))) => best = Answer::Refused { why },
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

/// Tells the agents, until one has taken it or `RELEASE_MAX` is over.
///
/// # Errors
/// Why none has.
pub async fn release(urls: &[Url], epoch: u64) -> anyhow::Result<()> {
    let body = serde_json::to_vec(&ReleaseLease { epoch })?;
    let until = Instant::now() + RELEASE_MAX;
    loop {
        let mut last = None;
        for url in urls {
            let text = format!("{}/release", url.as_str().trim_end_matches('/'));
            let mut agent = Agent { url: Url::parse(&text)?, connection: None };
            match timeout(RELEASE_AGAIN * 10, agent.send(Method::POST, body.clone().into())).await {
                Ok(Ok((StatusCode::OK, _))) => return Ok(()),
                Ok(Ok((status, text))) => last = Some(format!("{url}: {status}: {}", problem(&text))),
                Ok(Err(error)) => last = Some(format!("{url}: {error:#}")),
                Err(_) => last = Some(format!("{url}: no answer")),
            }
        }
        if Instant::now() >= until {
            bail!(last.unwrap_or_default());
        }
        sleep(RELEASE_AGAIN).await;
    }
}

impl Agent {
    /// The lease, or the refusal.
    async fn lease(&mut self) -> anyhow::Result<Result<Lease, String>> {
        let (status, body) = self.send(Method::GET, Bytes::new()).await?;
        match status {
            StatusCode::OK => Ok(Ok(serde_json::from_slice(&body).context("not a lease")?)),
            StatusCode::CONFLICT => Ok(Err(problem(&body))),
            other => bail!("{other}: {}", problem(&body)),
        }
    }

    /// One request, on the connection there is or on a new one.
    async fn send(&mut self, method: Method, body: Bytes) -> anyhow::Result<(StatusCode, Bytes)> {
        // An idle connection that the agent has closed is no failure of the agent.
        if let Some(kept) = self.connection.take().filter(|kept| !kept.is_closed())
            && let Ok(answer) = self.exchange(kept, method.clone(), body.clone()).await
        {
            return Ok(answer);
        }
        let host = self.url.host_str().context("no host")?.trim_matches(['[', ']']);
        let stream = TcpStream::connect((host, self.url.port_or_known_default().unwrap_or(80))).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // Its end shows in the next request.
        tokio::spawn(async move { drop(connection.await) });
        self.exchange(sender, method, body).await
    }

    async fn exchange(
        &mut self,
        mut sender: SendRequest<Full<Bytes>>,
        method: Method,
        body: Bytes,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        sender.ready().await?;
        let request = Request::builder()
            .method(method)
            .uri(self.url.path())
            .header(header::HOST, self.url.authority())
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))?;
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), BODY_MAX).collect().await;
        let body = body.map_err(|error| anyhow::anyhow!("{error}"))?.to_bytes();
        self.connection = Some(sender);
        Ok((status, body))
    }
}

/// What a problem (RFC 9457) says, on one line.
fn problem(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Problem {
        detail: Option<String>,
        title: Option<String>,
    }
    let problem = serde_json::from_slice::<Problem>(body).ok();
    let text = problem.and_then(|problem| problem.detail.or(problem.title)).unwrap_or_default();
    text.replace(['\r', '\n'], " ")
}
