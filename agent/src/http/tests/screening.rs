//! Who may ask, and how a change must be asked for.

use super::desk::{Desk, TOKEN, get, post};
use crate::http::ROUTES;
use axum::body::Body;
use http::{HeaderValue, Request, header};
use quorate_api::BODY_BYTES_MAX;
use serde_json::json;

const PAUSE: &str = "/v1/services/shop/pause";

fn pause() -> Request<Body> {
    post(PAUSE, &json!({"reason": "test"}))
}

fn with(mut request: Request<Body>, name: header::HeaderName, value: &str) -> Request<Body> {
    request.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
    request
}

/// Goal: a page of another name reads and changes nothing, on any path. Method: a rebound Host on every route.
#[tokio::test]
async fn a_foreign_host_is_refused_everywhere() {
    let desk = Desk::failing();
    for route in ROUTES {
        let request = Request::builder().method(route.method).uri(route.path.replace(['{', '}'], ""));
        let request = request.header(header::HOST, "rebound.example:7950").body(Body::empty()).unwrap();
        desk.send(request).await.problem(403, "forbidden");
    }
    assert!(desk.ids().is_empty());
}

/// Goal: a change is refused without, and with a wrong, token. Method: no header, another scheme, another token.
#[tokio::test]
async fn a_change_needs_the_token() {
    let desk = Desk::failing();
    let mut none = pause();
    none.headers_mut().remove(header::AUTHORIZATION);
    let answer = desk.send(none).await;
    answer.problem(401, "unauthorized");
    assert_eq!(answer.headers[header::WWW_AUTHENTICATE], "Bearer realm=\"quorate\"");
    for value in ["Bearer", "Bearer ", "Bearer wrong", &format!("Basic {TOKEN}"), &format!("Bearer {TOKEN}x")]
    {
        desk.send(with(pause(), header::AUTHORIZATION, value)).await.problem(401, "unauthorized");
    }
    assert!(desk.ids().is_empty(), "nothing was proposed");
    assert_eq!(desk.send(pause()).await.status, 200);
}

/// Goal: no web page changes anything, even with the token, and none is allowed to read. Method: an Origin header on a
/// change and on a question, and a preflight.
#[tokio::test]
async fn no_web_page_changes_anything() {
    let desk = Desk::failing();
    for origin in ["http://127.0.0.1:7950", "https://evil.example", "null"] {
        desk.send(with(pause(), header::ORIGIN, origin)).await.problem(403, "forbidden");
    }
    let read = desk.send(with(get("/v1/status"), header::ORIGIN, "https://evil.example")).await;
    let preflight = Request::options(PAUSE).header(header::HOST, "localhost").body(Body::empty()).unwrap();
    let preflight = desk.send(preflight).await;
    preflight.problem(405, "method_not_allowed");
    for answer in [read, preflight] {
        assert!(!answer.headers.keys().any(|name| name.as_str().starts_with("access-control")));
    }
}

/// Goal: a body is JSON, and says so. Method: the content types of forms, and none.
#[tokio::test]
async fn a_change_is_json() {
    let desk = Desk::failing();
    for value in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx"] {
        desk.send(with(pause(), header::CONTENT_TYPE, value)).await.problem(415, "media_type");
    }
    let charset = with(pause(), header::CONTENT_TYPE, "application/json; charset=utf-8");
    assert_eq!(desk.send(charset).await.status, 200);
}

/// Goal: a body that cannot be read says where. Method: broken JSON, a missing field, an unknown one.
#[tokio::test]
async fn a_malformed_body_says_where() {
    let desk = Desk::failing();
    for (body, detail) in [
        ("{\n  \"reason\": oops}", "line 2 column 13"),
        ("{}", "missing field `reason` at line 1 column 2"),
        ("{\"reason\": \"x\", \"untill\": \"1h\"}", "unknown field `untill`"),
        ("", "line 1 column 0"),
    ] {
        let mut request = pause();
        *request.body_mut() = Body::from(body);
        let answer = desk.send(request).await;
        let found = answer.problem(400, "malformed");
        assert!(found.contains(detail), "{found}");
    }
}

/// Goal: a large body is refused, announced or not. Method: one byte too many, in both ways.
#[tokio::test]
async fn a_large_body_is_refused() {
    let desk = Desk::failing();
    let announced = with(pause(), header::CONTENT_LENGTH, &(BODY_BYTES_MAX + 1).to_string());
    desk.send(announced).await.problem(413, "too_large");
    let mut streamed = pause();
    *streamed.body_mut() = Body::from(vec![b' '; BODY_BYTES_MAX + 1]);
    desk.send(streamed).await.problem(413, "too_large");
}

/// Goal: reason, operator and key can be written into the audit. Method: each too long, empty, or unprintable.
#[tokio::test]
async fn what_the_audit_shows_is_checked() {
    let desk = Desk::failing();
    for reason in [String::new(), "  \n".to_owned(), "x".repeat(501)] {
        desk.post(PAUSE, &json!({"reason": reason})).await.problem(422, "invalid");
    }
    for (name, value) in [
        ("x-quorate-operator", " ".to_owned()),
        ("x-quorate-operator", "x".repeat(65)),
        ("idempotency-key", "a b".to_owned()),
        ("idempotency-key", "x".repeat(101)),
        ("idempotency-key", String::new()),
    ] {
        let name = header::HeaderName::from_static(name);
        desk.send(with(pause(), name, &value)).await.problem(422, "invalid");
    }
    let latin1 = HeaderValue::from_bytes(b"J\xf6rg").unwrap();
    let mut request = pause();
    request.headers_mut().insert("x-quorate-operator", latin1);
    desk.send(request).await.problem(422, "invalid");
    assert!(desk.ids().is_empty(), "nothing was proposed");
}

/// Goal: every route has its method and no other, and an unknown path says where to look. Method: the other method on
/// every route.
#[tokio::test]
async fn wrong_methods_and_paths() {
    let desk = Desk::failing();
    for route in ROUTES {
        let other = if route.method == "GET" { "PATCH" } else { "PUT" };
        let request = Request::builder().method(other).uri(route.path.replace(['{', '}'], ""));
        let answer = desk.send(request.header(header::HOST, "localhost").body(Body::empty()).unwrap()).await;
        answer.problem(405, "method_not_allowed");
        let allow = answer.headers[header::ALLOW].to_str().unwrap();
        assert!(allow.contains(route.method), "{} {allow}", route.path);
    }
    assert!(desk.get("/v1/nothing").await.problem(404, "not_found").contains("GET /"));
}

/// Goal: an error that the router makes is a problem document too. Method: a path and a query that cannot be read.
#[tokio::test]
async fn errors_of_the_router_are_problems() {
    let desk = Desk::failing();
    desk.get("/v1/services/%ff").await.problem(400, "malformed");
    desk.get("/v1/audit?after=x").await.problem(400, "malformed");
    desk.get("/v1/audit?limit=1001").await.problem(400, "malformed");
    desk.get("/v1/executions?servce=shop").await.problem(400, "malformed");
}

/// Goal: nothing is ever cached. Method: a good and a bad answer.
#[tokio::test]
async fn nothing_is_cached() {
    let desk = Desk::failing();
    for path in ["/v1/status", "/v1/lease/shop", "/v1/nothing"] {
        assert_eq!(desk.get(path).await.headers[header::CACHE_CONTROL], "no-store");
    }
}
