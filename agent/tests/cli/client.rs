//! The client's own promises, where a process would be too coarse a tool.

use crate::server::{Reply, Server};
use quorate::cli::client::{Client, ClientError};
use serde_json::Value;

/// Goal: only addresses of agents are taken, and never with credentials in them. Method: a table.
#[test]
fn addresses_are_checked() {
    for good in [
        "127.0.0.1:7950",
        "http://127.0.0.1:7950/",
        "https://quorate.example.com/east",
        "http://[::1]:7950",
        "localhost:7950",
    ] {
        assert!(Client::new(good, None, None).is_ok(), "{good}");
    }
    for bad in ["", "ftp://host", "http://", "http://ada:secret@host:7950"] {
        let error = Client::new(bad, None, None).unwrap_err();
        assert!(matches!(error, ClientError::Address { .. }), "{bad}");
    }
}

/// Goal: a path below the base is kept, and segments are quoted. Method: a base with a path and an odd name.
#[tokio::test]
async fn paths_are_joined_and_quoted() {
    let server = Server::always(200, &Value::Null);
    let client = Client::new(&format!("{}/east/", server.url), None, None).unwrap();
    client.get::<Value>(&["executions", "a/b?c"], &[("service", "a&b")]).await.unwrap();
    assert_eq!(server.seen()[0].line, "GET /east/v1/executions/a%2Fb%3Fc?service=a%26b");
}

/// Goal: an answer without end is refused, not read. Method: nine MiB.
#[tokio::test]
async fn an_endless_answer_is_refused() {
    let server = Server::start(|_, _| Reply::Json(200, format!("\"{}\"", "x".repeat(9 * 1024 * 1024))));
    let client = Client::new(&server.url, None, None).unwrap();
    let error = client.get::<Value>(&["status"], &[]).await.unwrap_err();
    assert!(
        matches!(&error, ClientError::Answer { detail, .. } if detail.contains("longer than")),
        "{error}"
    );
}

/// Goal: an answer of another shape is called so, with the path. Method: a list where an object is expected.
#[tokio::test]
async fn a_strange_answer_is_called_so() {
    let server = Server::always(200, &[1, 2]);
    let client = Client::new(&server.url, None, None).unwrap();
    let error = client.get::<quorate_api::Members>(&["members"], &[]).await.unwrap_err();
    assert!(error.to_string().contains("/v1/members is not what this version expects"), "{error}");
}
