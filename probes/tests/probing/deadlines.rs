//! The one deadline: the phase that hangs is the reason, and a prober that was itself late says so.

use crate::{
    phases, probe, reason,
    servers::{Script, Server, ok},
    target,
};
use quorate_policies::{
    health::{FailureReason, Observation},
    policy::Probe,
    time::Millis,
};
use quorate_probes::{Outcome, ProbeResult, Prober, ProberSettings};
use std::{sync::Arc, time::Duration};

const SHORT: Millis = Millis(200);

fn short() -> Probe {
    Probe { timeout: SHORT, ..probe() }
}

async fn look(script: Script, scheme: &str) -> ProbeResult {
    let server = Server::start(script).await;
    let target = target(&short(), &server.url(scheme, "/"));
    Prober::new(ProberSettings::default()).unwrap().probe(&target).await
}

/// Goal: a silent endpoint, a head that stops midway and a body that stops midway are told apart, and none ends
/// before the deadline. Method: servers that stall there for ever.
#[tokio::test]
async fn the_phase_that_hangs_is_the_reason() {
    let half_head = b"HTTP/1.1 200 OK\r\ncontent-".to_vec();
    let half_body = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf".to_vec();
    for (script, expected, ended) in [
        (Script::Silent, FailureReason::TtfbTimeout, vec!["connect"]),
        (Script::Stall(half_head), FailureReason::TtfbTimeout, vec!["connect"]),
        (Script::Stall(half_body), FailureReason::Latency, vec!["connect", "processing"]),
    ] {
        let result = look(script, "http").await;
        assert_eq!(reason(&result), expected, "{result:?}");
        assert_eq!(phases(&result), ended);
        assert!(result.total >= SHORT.duration());
    }
}

/// Goal: a TLS handshake that hangs is TLS's failure. Method: an endpoint that accepts and is silent.
#[tokio::test]
async fn a_silent_endpoint_hangs_the_handshake() {
    let result = look(Script::Silent, "https").await;
    assert_eq!(reason(&result), FailureReason::TlsHandshake);
    assert_eq!(phases(&result), ["connect"]);
    assert!(matches!(&result.outcome, Outcome::Failure { detail, .. } if detail.contains("had not ended")));
}

/// Goal: the deadline is one for all phases, not one each. Method: a reply that takes two thirds of it to begin
/// and as long again to end.
#[tokio::test]
async fn the_phases_share_the_deadline() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        let (mut stream, _) = listener.accept().await.unwrap();
        let part = SHORT.duration() * 2 / 3;
        tokio::time::sleep(part).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n").await.unwrap();
        tokio::time::sleep(part).await;
        let _gone = stream.write_all(b"late").await;
    });
    let result = Prober::new(ProberSettings::default()).unwrap().probe(&target(&short(), &url)).await;
    assert_eq!(reason(&result), FailureReason::Latency, "{result:?}");
    server.await.unwrap();
}

/// Goal: a paused prober blames itself, not the target. Method: block the only thread across the deadline once
/// the silent server has the connection.
#[tokio::test(flavor = "current_thread")]
async fn a_late_prober_says_nothing_about_the_target() {
    let server = Server::start(Script::Silent).await;
    let prober = Arc::new(Prober::new(ProberSettings::default()).unwrap());
    let target = target(&short(), &server.url("http", "/"));
    let probing = tokio::spawn(async move { prober.probe(&target).await });
    server.seen.clone().wait_for(|seen| !seen.peers.is_empty()).await.unwrap();
    std::thread::sleep(SHORT.duration() + Duration::from_millis(300));
    let result = probing.await.unwrap();
    assert_eq!(result.observation(), Observation::Nothing(FailureReason::LocalResource), "{result:?}");
}

/// Goal: a reply that arrived during such a pause still counts. Method: the same pause, with a server on another
/// thread that answers within it.
#[tokio::test(flavor = "current_thread")]
async fn a_reply_that_waited_counts() {
    let other = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let server = other.spawn(Server::start(Script::Reply(ok("fine")))).await.unwrap();
    let prober = Arc::new(Prober::new(ProberSettings::default()).unwrap());
    let target = target(&short(), &server.url("http", "/"));
    let probing = tokio::spawn(async move { prober.probe(&target).await });
    server.seen.clone().wait_for(|seen| !seen.requests.is_empty()).await.unwrap();
    std::thread::sleep(SHORT.duration() + Duration::from_millis(300));
    let result = probing.await.unwrap();
    assert_eq!(result.outcome, Outcome::Success, "{result:?}");
    other.shutdown_background();
}

/// Goal: a dropped probe closes its connection. Method: drop it while the server stalls, and wait for the server
/// to see the end.
#[tokio::test]
async fn a_dropped_probe_leaves_nothing_behind() {
    let server = Server::start(Script::Silent).await;
    let prober = Arc::new(Prober::new(ProberSettings::default()).unwrap());
    let target = target(&probe(), &server.url("http", "/"));
    let probing = tokio::spawn(async move { prober.probe(&target).await });
    let mut seen = server.seen.clone();
    seen.wait_for(|seen| !seen.peers.is_empty()).await.unwrap();
    probing.abort();
    seen.wait_for(|seen| seen.closed == 1).await.unwrap();
}
