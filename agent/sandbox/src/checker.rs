//! Route 53's health checkers: they look at what is due, over loopback, and tell the world what they saw.
//! They are a part of the data plane: no fault of an API or of a region's control plane reaches them. The
//! world says what a result means.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::dns::Resolver;
use crate::options::INTERNET;
use crate::places::Places;
use crate::stage::Stage;
use crate::world::health::{Errand, HealthCheckConfig};
use crate::world::zone::answer::AnswerData;

/// Route 53's own limits: four seconds to connect for HTTP and ten for TCP, two seconds to answer.
const HTTP_CONNECT: Duration = Duration::from_secs(4);
const TCP_CONNECT: Duration = Duration::from_secs(10);
const ANSWER: Duration = Duration::from_secs(2);
/// What Route 53 reads of an answer to search in it.
const SEARCHED_BYTES: usize = 5_120;
/// Ten minutes: how long the checkers sleep while there is nothing to check. A new check wakes them.
const IDLE: Duration = Duration::from_secs(600);

/// Starts the checkers, which end with the stage.
pub(crate) fn start(stage: &Arc<Stage>, places: &Arc<Places>) {
    let checkers = Checkers { stage: Arc::clone(stage), places: Arc::clone(places) };
    stage.tasks.spawn(stage.stop.clone().run_until_cancelled_owned(checkers.run()));
}

#[derive(Debug, Clone)]
struct Checkers {
    stage: Arc<Stage>,
    places: Arc<Places>,
}

impl Checkers {
    async fn run(self) {
        loop {
            let (errands, wait) = {
                let (mut world, now_ms) = self.stage.world();
                let errands = world.health.take_due(now_ms);
                let next_ms = world.health.next_due_ms();
                (
                    errands,
                    next_ms.map_or(IDLE, |next_ms| Duration::from_millis(next_ms.saturating_sub(now_ms))),
                )
            };
            for errand in errands {
                let checkers = self.clone();
                let stop = self.stage.stop.clone();
                self.stage.tasks.spawn(stop.run_until_cancelled_owned(checkers.carry_out(errand)));
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.stage.checks_changed.notified() => {}
            }
        }
    }

    async fn carry_out(self, errand: Errand) {
        let result = match self.target(&errand.config) {
            Ok(address) => look(address, &errand.config).await,
            Err(problem) => Err(problem),
        };
        let (mut world, now_ms) = self.stage.world();
        world.health.count(&errand.id, result, now_ms);
    }

    /// Where the endpoint is: its address, or what its name means on the internet.
    fn target(&self, config: &HealthCheckConfig) -> Result<SocketAddr, String> {
        let address = match (&config.ip_address, &config.fully_qualified_domain_name) {
            (Some(address), _) => address.parse().map_err(|_| format!("{address} is no address"))?,
            (None, Some(name)) => self.resolve(name)?,
            (None, None) => return Err("there is no endpoint".into()),
        };
        if !address.is_loopback() {
            return Err("the sandbox's checkers reach loopback alone".into());
        }
        Ok(SocketAddr::new(address, config.port.unwrap_or(if config.is_tls() { 443 } else { 80 })))
    }

    fn resolve(&self, name: &str) -> Result<IpAddr, String> {
        let (stage, places) = (Arc::clone(&self.stage), Arc::clone(&self.places));
        let (_, records, _) = Resolver::new(&stage, &places, INTERNET).resolve(name, "A");
        let address = |data: &AnswerData| match data {
            AnswerData::Ipv4(address) => Some(IpAddr::V4(*address)),
            _ => None,
        };
        let found = records.iter().find_map(|record| address(&record.data));
        found.ok_or_else(|| format!("DNS resolution failed: {name}"))
    }
}

/// One look at an endpoint, in Route 53's words.
async fn look(address: SocketAddr, config: &HealthCheckConfig) -> Result<String, String> {
    let plain = !config.is_http();
    let limit = if plain { TCP_CONNECT } else { HTTP_CONNECT };
    let stream = match tokio::time::timeout(limit, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(format!("Connection error: {error}")),
        Err(_) => {
            return Err(
                "The health checker could not establish a connection within the timeout limit.".into()
            );
        }
    };
    if plain {
        return Ok("TCP connection established".into());
    }
    if config.is_tls() {
        return Err("the sandbox's checkers speak no TLS".into());
    }
    let answered = tokio::time::timeout(ANSWER, ask(stream, address, config)).await;
    answered.unwrap_or_else(|_| {
        Err("The endpoint did not respond with an HTTP status code within the timeout limit.".into())
    })
}

async fn ask(stream: TcpStream, address: SocketAddr, config: &HealthCheckConfig) -> Result<String, String> {
    let failed = |error: hyper::Error| format!("HTTP error: {error}");
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    let host = config.fully_qualified_domain_name.clone().unwrap_or_else(|| address.to_string());
    let path = match config.resource_path.as_deref() {
        None | Some("") => "/".to_owned(),
        Some(path) if path.starts_with('/') => path.to_owned(),
        Some(path) => format!("/{path}"),
    };
    let request = Request::get(path)
        .header("host", host)
        .header("user-agent", "Amazon-Route53-Health-Check-Service (ref quorate-sandbox)")
        .header("connection", "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| format!("HTTP error: {error}"))?;
    let asking = async move {
        let reply = sender.send_request(request).await.map_err(failed)?;
        let status = reply.status();
        let words = format!(
            "HTTP Status Code {}, {}",
            status.as_u16(),
            status.canonical_reason().unwrap_or_default()
        );
        if !(status.is_success() || status.is_redirection()) {
            return Err(words);
        }
        match config.search_string.as_deref().filter(|_| config.r#type.ends_with("STR_MATCH")) {
            None => Ok(words),
            Some(wanted) => search(reply.into_body(), wanted).await.map(|()| words),
        }
    };
    // The connection may end before its last answer is taken, which is no failure; a failure shows in the
    // answer.
    let (told, _) = tokio::join!(asking, connection);
    told
}

/// Whether the beginning of a body holds a text.
async fn search(mut body: hyper::body::Incoming, wanted: &str) -> Result<(), String> {
    let mut read = Vec::new();
    while read.len() < SEARCHED_BYTES {
        let Some(frame) = body.frame().await else { break };
        let frame = frame.map_err(|error| format!("HTTP error: {error}"))?;
        read.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
    }
    read.truncate(SEARCHED_BYTES);
    match String::from_utf8_lossy(&read).contains(wanted) {
        true => Ok(()),
        false => Err("The search string was not found in the response body.".into()),
    }
}
