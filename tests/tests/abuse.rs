//! Bad input to a running agent: refused with a problem document, bounded, and nothing changed. Plain sockets, so that no
//! client library mends the input.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

use quorate_api::Problem;
use quorate_tests::Cluster;
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// Longer than any of the agent's own limits: a test that reaches it found a client that was not cut off.
const CUT_OFF: Duration = Duration::from_secs(40);

struct Answer {
    status: u16,
    head: String,
    body: String,
}

async fn send(cluster: &Cluster, request: &[u8]) -> anyhow::Result<Answer> {
    let mut stream = TcpStream::connect(cluster.agent("us-west-2").url.trim_start_matches("http://")).await?;
    // An agent may answer and close before it has read everything.
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    let _ = timeout(CUT_OFF, stream.read_to_end(&mut answer)).await?;
    let text = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or_default();
    Ok(Answer { status, head: head.to_lowercase(), body: body.to_owned() })
}

fn post(path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}").into()
}

/// Goal: everything that an operator's token, a browser or a broken client could send wrongly is refused in the same
/// form, and the log does not move. Method: one request each; then the audit is as it was.
#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_change_nothing() -> anyhow::Result<()> {
    let cluster = Cluster::green("1s").await?;
    let token = std::fs::read_to_string(cluster.stage.directory.path().join("cluster/operator.token"))?;
    let token = format!("Authorization: Bearer {}\r\n", token.trim());
    let json = "Content-Type: application/json\r\n";
    let good = r#"{"reason":"x","confirm":"shop"}"#;
    let failover = "/v1/services/shop/failover";
    let before = cluster.audit("us-west-2").await?.head;
    let large = format!(r#"{{"reason":"{}","confirm":"shop"}}"#, "x".repeat(600 * 1024));
    let cases: Vec<(&str, u16, Vec<u8>)> = vec![
        ("no token", 401, post(failover, json, good)),
        (
            "wrong token",
            401,
            post(failover, &format!("{json}Authorization: Bearer {}\r\n", "0".repeat(64)), good),
        ),
        (
            "a web page's request",
            403,
            post(failover, &format!("{json}{token}Origin: http://evil.example\r\n"), good),
        ),
        ("malformed JSON", 400, post(failover, &format!("{json}{token}"), "{\"reason\": ")),
        (
            "unknown field",
            400,
            post(failover, &format!("{json}{token}"), r#"{"reason":"x","confirm":"shop","force":true}"#),
        ),
        ("not JSON by its type", 415, post(failover, &format!("Content-Type: text/plain\r\n{token}"), good)),
        (
            "not confirmed",
            422,
            post(failover, &format!("{json}{token}"), r#"{"reason":"x","confirm":"shopp"}"#),
        ),
        ("no reason", 422, post(failover, &format!("{json}{token}"), r#"{"reason":"","confirm":"shop"}"#)),
        ("oversized body", 413, post(failover, &format!("{json}{token}"), &large)),
        (
            "unknown service",
            404,
            post("/v1/services/nope/pause", &format!("{json}{token}"), r#"{"reason":"x"}"#),
        ),
        (
            "unknown path",
            404,
            b"GET /v1/nothing HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".to_vec(),
        ),
        (
            "wrong method",
            405,
            b"DELETE /v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".to_vec(),
        ),
        (
            "foreign host",
            403,
            b"GET /v1/status HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n".to_vec(),
        ),
        (
            "a bad policy",
            422,
            post(
                "/v1/policies",
                &format!("{json}{token}"),
                r#"{"policy":"service: shop\nregions: {}\n","reason":"x"}"#,
            ),
        ),
    ];
    for (what, status, request) in cases {
        let answer = send(&cluster, &request).await?;
        assert_eq!(answer.status, status, "{what}: {}\n{}", answer.head, answer.body);
        assert!(answer.head.contains("application/problem+json"), "{what}: {}", answer.head);
        assert!(!answer.head.contains("access-control-allow"), "{what} was granted to other origins");
        let start = answer.body.find('{').unwrap_or_default();
        let end = answer.body.rfind('}').map_or(answer.body.len(), |end| end + 1);
        let problem: Problem = serde_json::from_str(&answer.body[start..end])?;
        assert_eq!((problem.status, problem.detail.is_empty()), (status, false), "{what}");
    }
    assert_eq!(cluster.audit("us-west-2").await?.head, before, "nothing was changed");
    assert!(cluster.executions("us-west-2").await?.executions.is_empty());
    cluster.stop().await;
    Ok(())
}

/// Goal: slow clients are cut off and do not keep others out. Method: many connections that send half a request and
/// wait; the agent answers a good one meanwhile, and closes the bad ones by itself.
#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_are_cut_off() -> anyhow::Result<()> {
    let cluster = Cluster::green("1s").await?;
    let address = cluster.agent("us-west-2").url.trim_start_matches("http://").to_owned();
    let mut slow = Vec::new();
    for _ in 0..64 {
        let mut stream = TcpStream::connect(&address).await?;
        stream.write_all(b"GET /v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ").await?;
        slow.push(stream);
    }
    let answer =
        send(&cluster, b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n").await?;
    assert_eq!(answer.status, 200, "{}", answer.head);
    for mut stream in slow {
        let mut rest = Vec::new();
        let closed = timeout(CUT_OFF, stream.read_to_end(&mut rest)).await;
        assert!(closed.is_ok(), "a slow client was never cut off");
    }
    cluster.stop().await;
    Ok(())
}
