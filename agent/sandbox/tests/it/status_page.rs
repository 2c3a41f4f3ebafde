//! The status page's API and the webhook sink over plain HTTP.

use http::Method;
use serde_json::json;

use crate::bench::{Answered, Bench, WEST, request, stalls};

async fn call(bench: &Bench, method: Method, path: &str, body: serde_json::Value) -> Answered {
    let service = &bench.sandbox.endpoints().service;
    let url =
        format!("{}/v1/pages/{}{path}", bench.sandbox.endpoints().vantages[WEST].statuspage, service.page);
    let authorization = format!("OAuth {}", service.statuspage_key);
    request(method, &url, &[("authorization", &authorization)], &body.to_string()).await.unwrap()
}

/// Goal: an incident is opened, found again by its metadata among the unresolved, updated, and resolved;
/// component statuses follow; each change is recorded.
/// Method: the calls a notifier makes.
#[tokio::test]
async fn an_incident_is_driven_to_resolution() {
    let bench = Bench::start().await;
    let component = &bench.sandbox.endpoints().service.component;
    let opened = call(
        &bench,
        Method::POST,
        "/incidents",
        json!({"incident": {
            "name": "shop: us-east-1 is down", "status": "investigating", "impact_override": "major",
            "body": "We are looking into it.", "component_ids": [component],
            "components": {component.as_str(): "major_outage"},
            "deliver_notifications": true, "metadata": {"quorate": {"id": "e-1"}},
        }}),
    )
    .await;
    assert_eq!(opened.status, 201, "{}", opened.text);
    let id = opened.json()["id"].as_str().unwrap().to_owned();
    let unresolved = call(&bench, Method::GET, "/incidents/unresolved", json!(null)).await.json();
    assert_eq!(
        (&unresolved[0]["id"], &unresolved[0]["metadata"]["quorate"]["id"]),
        (&json!(id), &json!("e-1"))
    );
    assert_eq!(unresolved[0]["components"][0]["status"], "major_outage");
    let path = format!("/incidents/{id}");
    let over = json!({"incident": {"status": "resolved", "components": {component.as_str(): "operational"}}});
    assert_eq!(call(&bench, Method::PATCH, &path, over).await.json()["status"], "resolved");
    assert_eq!(call(&bench, Method::GET, "/incidents/unresolved", json!(null)).await.json(), json!([]));
    assert_eq!(
        call(&bench, Method::GET, "/incidents", json!(null)).await.json()[0]["metadata"]["quorate"]["id"],
        "e-1"
    );
    let second_page = call(&bench, Method::GET, "/incidents?limit=1&page=2", json!(null)).await;
    assert_eq!(second_page.json(), json!([]));
    let path = format!("/components/{component}");
    let degraded =
        call(&bench, Method::PATCH, &path, json!({"component": {"status": "degraded_performance"}})).await;
    assert_eq!(degraded.json()["status"], "degraded_performance");
    let operations: Vec<String> = bench.effects().await.into_iter().map(|effect| effect.operation).collect();
    assert_eq!(operations, ["CreateIncident", "UpdateIncident", "UpdateComponent"]);
    assert_eq!(bench.show("incidents").await.as_array().unwrap().len(), 1);
    bench.sandbox.shutdown().await;
}

/// Goal: a wrong key, an unknown page and bad input are refused, and nothing is recorded for the
/// unauthenticated.
/// Method: one call for each.
#[tokio::test]
async fn bad_calls_are_refused() {
    let bench = Bench::start().await;
    let base = bench.sandbox.endpoints().vantages[WEST].statuspage.clone();
    let page = &bench.sandbox.endpoints().service.page;
    let url = format!("{base}/v1/pages/{page}/incidents");
    for headers in [vec![], vec![("authorization", "OAuth wrong")], vec![("authorization", "Bearer x")]] {
        let refused = request(Method::POST, &url, &headers, r#"{"incident":{"name":"x"}}"#).await.unwrap();
        assert_eq!(
            (refused.status.as_u16(), refused.json()["error"].as_str()),
            (401, Some("Could not authenticate"))
        );
    }
    assert!(bench.effects().await.is_empty());
    assert_eq!(call(&bench, Method::POST, "/incidents", json!({"incident": {}})).await.status, 422);
    assert_eq!(call(&bench, Method::POST, "/incidents", json!([])).await.status, 400);
    assert_eq!(call(&bench, Method::PATCH, "/incidents/none", json!({"incident": {}})).await.status, 404);
    assert_eq!(
        call(&bench, Method::PATCH, "/components/none", json!({"component": {"status": "operational"}}))
            .await
            .status,
        404
    );
    bench.sandbox.shutdown().await;
}

/// Goal: the page can fail and hang like any other operation.
/// Method: fail the next opening with 503, then hold the one after it.
#[tokio::test]
async fn the_page_can_be_broken() {
    let bench = Bench::start().await;
    bench.control("fail", json!({"operation": "CreateIncident", "code": "ServiceUnavailable"})).await;
    let open = || call(&bench, Method::POST, "/incidents", json!({"incident": {"name": "x"}}));
    assert_eq!(open().await.status, 503);
    bench.control("hold", json!({"operation": "CreateIncident", "ms": 600_000})).await;
    assert!(stalls(open()).await);
    assert_eq!(bench.show("incidents").await.as_array().unwrap().len(), 1);
    bench.sandbox.shutdown().await;
}

/// Goal: the sink remembers hooks in order with headers and body, and refuses bodies beyond its bound.
/// Method: post two, and one that is too large.
#[tokio::test]
async fn hooks_are_remembered() {
    let bench = Bench::start().await;
    let url = format!("{}/pager", bench.sandbox.endpoints().vantages[WEST].webhook);
    for body in ["one", "two"] {
        let taken = request(Method::POST, &url, &[("x-signature", "sha256=1")], body).await.unwrap();
        assert_eq!(taken.status, 200);
    }
    assert_eq!(request(Method::POST, &url, &[], &"x".repeat(300 * 1024)).await.unwrap().status, 413);
    let hooks = bench.show("hooks").await;
    let hooks: Vec<quorate_sandbox::Hook> = serde_json::from_value(hooks).unwrap();
    assert_eq!(hooks.iter().map(|hook| hook.body.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!((hooks[0].name.as_str(), hooks[0].headers["x-signature"].as_str()), ("pager", "sha256=1"));
    bench.sandbox.shutdown().await;
}
