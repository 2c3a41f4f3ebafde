//! One visit to a peer: connect, shake hands, ask what it is, leave. For whoever looks at an installation from outside a
//! running agent; the agent's own way to its peers is [`super::client`]. It changes nothing at the peer, and no failure is
//! an error here: each is a fact about the way there.

use super::{
    tls,
    wire::{self, About},
};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use quorate_consensus::decode;
use quorate_policies::AgentName;
use rustls::{ClientConfig, pki_types::CertificateDer};
use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::client::TlsStream;

/// How long each part of a visit may take: a handshake across an ocean takes three round trips, about 600 ms; five seconds
/// forgive a retransmission or two.
const PART_MAX: Duration = Duration::from_secs(5);
/// How often the question is asked: the quickest of the answers says the round trip and the clock best, because only delays
/// make it longer.
const QUESTIONS: usize = 5;

/// What came of a visit.
#[derive(Debug)]
pub struct Visit {
    /// How long the connection took; or why there is none.
    pub connected: Result<Duration, String>,
    /// The certificates that the peer presented, its own first; empty if the handshake failed.
    pub presented: Vec<CertificateDer<'static>>,
    /// What it said; or why nothing.
    pub told: Result<Answered, Unanswered>,
}

/// What a peer said of itself.
#[derive(Debug, Clone)]
pub struct Answered {
    /// Its words.
    pub about: About,
    /// The quickest round trip.
    pub round_trip: Duration,
    /// By how many milliseconds its wall clock is ahead of this host's: at most half the round trip too much or too little.
    pub ahead_ms: i64,
}

/// Why a peer said nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unanswered {
    /// It was not connected to.
    Unreached,
    /// The handshake failed: one side does not take the other's certificate.
    Handshake(String),
    /// It does not know the question.
    Older,
    /// There was no answer, or none that can be read.
    NoAnswer(String),
}

/// How long a TCP connection to `address` takes.
///
/// # Errors
/// Why there is none, within five seconds.
pub async fn connect(address: &str) -> Result<(TcpStream, Duration), String> {
    let began = Instant::now();
    match timeout(PART_MAX, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => Ok((stream, began.elapsed())),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!(
            "no answer within {} s: the way there is closed, or leads nowhere",
            PART_MAX.as_secs()
        )),
    }
}

/// Visits the peer of this name at this address.
pub async fn visit(name: &AgentName, address: &str, config: Arc<ClientConfig>) -> Visit {
    let (stream, connected) = match connect(address).await {
        Ok((stream, took)) => (stream, Ok(took)),
        Err(why) => {
            return Visit { connected: Err(why), presented: Vec::new(), told: Err(Unanswered::Unreached) };
        }
    };
    match shake_hands(name, stream, config).await {
        Err(told) => Visit { connected, presented: Vec::new(), told: Err(told) },
        Ok(stream) => {
            let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
            let presented = certificates.iter().map(|certificate| certificate.clone().into_owned()).collect();
            Visit { connected, presented, told: ask(stream).await }
        }
    }
}

async fn shake_hands(
    name: &AgentName,
    stream: TcpStream,
    config: Arc<ClientConfig>,
) -> Result<TlsStream<TcpStream>, Unanswered> {
    let wrong = |error: &dyn std::fmt::Display| Unanswered::NoAnswer(error.to_string());
    // Its delay would be measured as the peer's.
    stream.set_nodelay(true).map_err(|error| wrong(&error))?;
    let server = tls::server_name(name).map_err(|error| wrong(&error))?;
    match timeout(PART_MAX, tokio_rustls::TlsConnector::from(config).connect(server, stream)).await {
        Ok(done) => done.map_err(|error| unshaken(&error)),
        Err(_) => Err(late()),
    }
}

/// What TLS itself refused is a matter of certificates; a connection that ended is not: a relay or a load balancer accepts
/// for a peer that does not run.
fn unshaken(error: &std::io::Error) -> Unanswered {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(refused) => Unanswered::Handshake(refused.to_string()),
        None => Unanswered::NoAnswer(format!("the connection ended within the TLS handshake: {error}")),
    }
}

async fn ask(stream: TlsStream<TcpStream>) -> Result<Answered, Unanswered> {
    let broken = |error: hyper::Error| Unanswered::NoAnswer(error_text(&error));
    let handshake =
        hyper::client::conn::http2::Builder::new(TokioExecutor::new()).handshake(TokioIo::new(stream));
    let (mut sender, connection) = match timeout(PART_MAX, handshake).await {
        Ok(done) => done.map_err(broken)?,
        Err(_) => return Err(late()),
    };
    let driven = tokio::spawn(connection);
    let answered = match timeout(PART_MAX, questions(&mut sender)).await {
        Ok(answered) => answered,
        Err(_) => Err(late()),
    };
    driven.abort();
    answered
}

fn late() -> Unanswered {
    Unanswered::NoAnswer(format!("nothing within {} s", PART_MAX.as_secs()))
}

async fn questions(sender: &mut SendRequest<Full<Bytes>>) -> Result<Answered, Unanswered> {
    let mut best = question(sender).await?;
    for _ in 1..QUESTIONS {
        let next = question(sender).await?;
        if next.round_trip < best.round_trip {
            best = next;
        }
    }
    Ok(best)
}

async fn question(sender: &mut SendRequest<Full<Bytes>>) -> Result<Answered, Unanswered> {
    let wrong = |error: String| Unanswered::NoAnswer(error);
    let request = http::Request::get(format!("https://peer{}", wire::ABOUT))
        .header(wire::VERSION_HEADER, env!("CARGO_PKG_VERSION"))
        .body(Full::new(Bytes::new()))
        .map_err(|error| wrong(error.to_string()))?;
    let (began, sent_ms) = (Instant::now(), wall_ms());
    let response = sender.send_request(request).await.map_err(|error| wrong(error_text(&error)))?;
    let round_trip = began.elapsed();
    let status = response.status();
    let body = Limited::new(response.into_body(), wire::MESSAGE_BYTES_MAX).collect().await;
    let body = body.map_err(|error| wrong(error.to_string()))?.to_bytes();
    if status == http::StatusCode::NOT_FOUND {
        return Err(Unanswered::Older);
    }
    if !status.is_success() {
        let text = String::from_utf8_lossy(&body);
        return Err(wrong(format!("it answered {status}: {}", text.trim())));
    }
    let about: About = decode("about", &body).map_err(|error| wrong(error.to_string()))?;
    let ahead_ms = ahead_ms(sent_ms, round_trip, about.wall_ms);
    Ok(Answered { about, round_trip, ahead_ms })
}

/// How far a clock is ahead that was read `round_trip / 2` after this one.
fn ahead_ms(sent_ms: u64, round_trip: Duration, read_ms: u64) -> i64 {
    let half = round_trip.as_millis() / 2;
    i64::try_from(i128::from(read_ms) - i128::from(sent_ms) - i128::try_from(half).unwrap_or(i128::MAX))
        .unwrap_or(i64::MAX)
}

fn wall_ms() -> u64 {
    let passed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(passed.as_millis()).unwrap_or(u64::MAX)
}

/// An error with its causes: hyper's own words say only that something broke.
fn error_text(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: half the round trip is taken off, whichever clock is ahead. Method: a table.
    #[test]
    fn half_the_round_trip_is_taken_off() {
        let table = [
            (1_000, 200, 1_100, 0),
            (1_000, 200, 1_000, -100),
            (1_000, 0, 6_000, 5_000),
            (9_000, 2, 1_000, -8_001),
        ];
        for (sent, round_trip, read, ahead) in table {
            assert_eq!(
                ahead_ms(sent, Duration::from_millis(round_trip), read),
                ahead,
                "{sent} {round_trip} {read}"
            );
        }
    }
}
