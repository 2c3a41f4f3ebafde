//! Replies over plain HTTP: what counts as success, and each way to fail.

use crate::{
    by_public_name, http, phases, probe, probe_once, reason,
    servers::{Script, Server, ok},
    target,
};
use quorate_policies::{
    health::{FailureReason, Observation},
    policy::Probe,
};
use quorate_probes::{BODY_BYTES_MAX, Outcome, ProbeResult, Prober, ProberSettings};

async fn look(script: Script, probe: &Probe) -> ProbeResult {
    let server = Server::start(script).await;
    let prober = Prober::new(ProberSettings::default()).unwrap();
    prober.probe(&target(probe, &server.url("http", "/health"))).await
}

async fn reply(bytes: impl Into<Vec<u8>>) -> ProbeResult {
    look(Script::Reply(bytes.into()), &probe()).await
}

fn expecting(status: &str, body: Option<&str>) -> Probe {
    let mut probe = probe();
    http(&mut probe).expect.status = serde_json::from_value(status.into()).unwrap();
    http(&mut probe).expect.body = body.map(str::to_owned);
    probe
}

/// Goal: a good reply is a success with its phases in order, within the total. Method: one probe.
#[tokio::test]
async fn a_good_reply_is_a_success() {
    let result = reply(ok("{\"status\":\"pass\"}")).await;
    assert_eq!(result.outcome, Outcome::Success);
    assert_eq!(result.observation(), Observation::Success);
    assert_eq!((result.http_status, result.body_bytes, result.tls_expiry), (Some(200), 17, None));
    assert_eq!(phases(&result), ["connect", "processing", "transfer"]);
    let phases = [result.phases.connect, result.phases.processing, result.phases.transfer];
    assert!(phases.iter().flatten().sum::<std::time::Duration>() <= result.total);
}

/// Goal: the request is what the endpoint expects. Method: read what the server saw.
#[tokio::test]
async fn the_request_names_path_host_and_agent() {
    let server = Server::start(Script::Reply(ok(""))).await;
    let url = server.url("http", "/health?deep=1");
    assert_eq!(probe_once(&url).await.outcome, Outcome::Success);
    let request = server.seen().requests.remove(0);
    assert!(request.starts_with("GET /health?deep=1 HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("host: {}\r\n", server.address)), "{request}");
    assert!(request.contains(&format!("user-agent: quorate/{}\r\n", env!("CARGO_PKG_VERSION"))), "{request}");
}

/// Goal: the public name is sent as Host where the policy gives one. Method: read what the server saw.
#[tokio::test]
async fn the_public_name_is_the_host() {
    let server = Server::start(Script::Reply(ok(""))).await;
    let probe = by_public_name();
    let prober = Prober::new(ProberSettings::default()).unwrap();
    let result = prober.probe(&target(&probe, &server.url("http", "/"))).await;
    assert_eq!(result.outcome, Outcome::Success);
    assert!(server.seen().requests[0].contains("host: shop.example.com\r\n"));
}

/// Goal: no connection is used twice, though the server would allow it. Method: count the server's peers.
#[tokio::test]
async fn every_probe_connects_anew() {
    let server = Server::start(Script::Stall(ok("fine"))).await;
    let prober = Prober::new(ProberSettings::default()).unwrap();
    let target = target(&probe(), &server.url("http", "/"));
    for _ in 0..3 {
        assert_eq!(prober.probe(&target).await.outcome, Outcome::Success);
    }
    let mut peers = server.seen().peers;
    peers.sort();
    peers.dedup();
    assert_eq!(peers.len(), 3);
}

/// Goal: the status decides, by the policy's ranges, before the body is read. Method: a refusing status whose
/// body never comes, under two policies.
#[tokio::test]
async fn the_status_must_be_expected() {
    let refusing =
        || Script::Stall(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 9\r\n\r\n".to_vec());
    let result = look(refusing(), &probe()).await;
    assert_eq!(reason(&result), FailureReason::Status);
    assert_eq!(result.http_status, Some(503));
    assert_eq!(phases(&result), ["connect", "processing"]);
    let unavailable = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
    let result = look(Script::Reply(unavailable.into()), &expecting("200,503", None)).await;
    assert_eq!((&result.outcome, result.http_status), (&Outcome::Success, Some(503)));
}

/// Goal: a redirect is not followed; it is its own reason unless its status is expected. Method: a redirect to
/// an address where nothing listens.
#[tokio::test]
async fn a_redirect_is_not_followed() {
    let moved = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    let result = reply(moved).await;
    assert_eq!(reason(&result), FailureReason::Redirect);
    assert!(
        matches!(&result.outcome, Outcome::Failure { detail, .. } if detail.contains("http://127.0.0.1:1/"))
    );
    let result = look(Script::Reply(moved.into()), &expecting("200-399", None)).await;
    assert_eq!((&result.outcome, result.http_status), (&Outcome::Success, Some(302)));
    let result = reply("HTTP/1.1 304 Not Modified\r\n\r\n").await;
    assert_eq!(reason(&result), FailureReason::Status);
}

/// Goal: the body must contain the expected text, also when it comes in pieces. Method: chunks that split it.
#[tokio::test]
async fn the_body_must_match() {
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nheal\r\n3\r\nthy\r\n0\r\n\r\n";
    let result = look(Script::Reply(chunked.into()), &expecting("200", Some("healthy"))).await;
    assert_eq!(result.outcome, Outcome::Success);
    let result = look(Script::Reply(chunked.into()), &expecting("200", Some("unhealthy"))).await;
    assert_eq!(reason(&result), FailureReason::Body);
    assert_eq!(result.http_status, Some(200));
}

/// Goal: a large body is read up to the limit; only an expected text that may stand beyond it fails. Method: a
/// text before, a text beyond, and none expected.
#[tokio::test]
async fn a_large_body_is_cut() {
    let body = format!("early{}late", "x".repeat(BODY_BYTES_MAX));
    for (expected, outcome) in
        [(None, None), (Some("early"), None), (Some("late"), Some(FailureReason::TooLarge))]
    {
        let result = look(Script::Reply(ok(&body)), &expecting("200", expected)).await;
        assert_eq!(result.body_bytes, BODY_BYTES_MAX as u64);
        match outcome {
            None => assert_eq!(result.outcome, Outcome::Success, "{expected:?}"),
            Some(expected) => assert_eq!(reason(&result), expected),
        }
    }
}

/// Goal: a head without end does not fill the memory. Method: a header of a megabyte.
#[tokio::test]
async fn a_large_head_is_refused() {
    let result = reply(format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(1 << 20))).await;
    assert_eq!(reason(&result), FailureReason::TooLarge, "{result:?}");
}

/// Goal: what is not HTTP is a protocol failure. Method: another protocol's greeting, and a broken body.
#[tokio::test]
async fn garbage_is_a_protocol_failure() {
    let result = reply("SSH-2.0-OpenSSH_9.2\r\n\r\n").await;
    assert_eq!(reason(&result), FailureReason::Protocol);
    assert_eq!(phases(&result), ["connect"]);
    let result = reply("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnot a length\r\n").await;
    assert_eq!(reason(&result), FailureReason::Protocol, "{result:?}");
}

/// Goal: a connection that ends early is a reset, wherever it ends. Method: before, within and after the head.
#[tokio::test]
async fn an_early_end_is_a_reset() {
    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf".to_vec();
    for script in [
        Script::Reply(Vec::new()),
        Script::Reply(b"HTTP/1.1 200 OK\r\ncont".to_vec()),
        Script::Reply(half.clone()),
        Script::Reset(Vec::new()),
        Script::Reset(half),
    ] {
        let result = look(script, &probe()).await;
        assert_eq!(reason(&result), FailureReason::Reset, "{result:?}");
    }
}
