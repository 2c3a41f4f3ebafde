//! `quorate declare` as a process: confirmation, inputs, and following; and the answer to a step.

use crate::{
    answers,
    quorate::quorate,
    server::{Reply, Server},
};
use quorate_api::Changed;
use serde_json::{Value, json};

const DECLARE: &[&str] = &["declare", "shop", "corruption", "--reason", "orders vanish"];

fn cluster() -> Server {
    Server::start(|seen, _| {
        let changed = Changed {
            message: "scenario corruption is declared; execution shop-3 answers it".into(),
            execution: Some("shop-3".into()),
            ..Changed::default()
        };
        match seen.line.as_str() {
            "GET /v1/executions/shop-3" => {
                Reply::Json(200, json!(answers::execution("succeeded", ["succeeded"; 2])).to_string())
            }
            _ => Reply::Json(202, json!(changed).to_string()),
        }
    })
}

/// Goal: what is declared reaches the agent as it was said, and its execution is followed to its end. Method: two inputs, and a
/// region; the request's body.
#[test]
fn a_declaration_is_sent_and_followed() {
    let server = cluster();
    let more = ["--input", "until=2026-11-22T03:00:00Z", "--input", "cause=disk=full", "--confirm", "shop"];
    let ran = quorate(&[DECLARE, &more, &["--to", "us-west-2", "--agent", &server.url]].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("scenario corruption is declared"), "{}", ran.err);
    assert!(ran.out.contains("recovered in 1m12s"), "{}", ran.out);
    let body: Value = serde_json::from_str(&server.seen()[0].body).unwrap();
    let inputs = json!({"until": "2026-11-22T03:00:00Z", "cause": "disk=full"});
    let said = json!({
        "scenario": "corruption", "inputs": inputs, "to": "us-west-2", "reason": "orders vanish", "confirm": "shop"
    });
    assert_eq!(body, said);
}

/// Goal: what is not meant is not sent. Method: no confirmation without a terminal, an input without its value, and one that
/// is given twice.
#[test]
fn a_declaration_must_be_meant() {
    let server = cluster();
    let agent = ["--agent", &server.url];
    let told = |more: &[&str]| {
        let ran = quorate(&[DECLARE, more, &agent].concat());
        assert_eq!(ran.code, 2, "{}", ran.err);
        ran.err
    };
    assert!(told(&[]).contains("add --confirm shop"));
    assert!(told(&["--confirm", "shop", "--input", "until"]).contains("NAME=VALUE"));
    let twice = ["--confirm", "shop", "--input", "cause=a", "--input", "cause=b"];
    assert!(told(&twice).contains("--input cause is given twice"));
    assert!(server.seen().is_empty());
}

/// Goal: an answer names its step. Method: approve one; the request's body.
#[test]
fn a_step_is_answered() {
    let server = cluster();
    let ran = quorate(&[
        "approve",
        "shop-3",
        "--step",
        "complete",
        "--reason",
        "counts match",
        "--agent",
        &server.url,
    ]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(server.seen()[0].line, "POST /v1/executions/shop-3/approve");
    let body: Value = serde_json::from_str(&server.seen()[0].body).unwrap();
    assert_eq!(body, json!({"reason": "counts match", "step": "complete"}));
}
