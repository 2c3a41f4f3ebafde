//! What can be read, end to end through the router.

use super::desk::Desk;
use crate::http::ROUTES;
use axum::body::Body as Payload;
use http::{Request, header};
use quorate_api::service::HOLDER;
use quorate_core::{Input, Standing};
use serde_json::json;

use crate::http::control::Control as _;

/// Goal: readiness follows the quorum, liveness does not. Method: with and without one.
#[tokio::test]
async fn ready_and_alive() {
    let desk = Desk::healthy();
    assert_eq!(desk.get("/readyz").await.status, 200);
    desk.with_node(|node, now| node.step(now, Input::Standing(Standing::default())));
    desk.get("/readyz").await.problem(503, "not_ready");
    assert_eq!(desk.get("/healthz").await.status, 200);
}

/// Goal: every path that can be read is there and listed. Method: each, with the sample's names.
#[tokio::test]
async fn every_path_can_be_read() {
    let desk = Desk::failing();
    let failover = json!({"reason": "x", "confirm": "shop"});
    desk.post("/v1/services/shop/failover", &failover).await;
    let index = desk.get("/").await.body;
    for route in ROUTES {
        assert!(index.as_str().unwrap().contains(route.path));
        // A region without the lease, one that nothing leaves, and what the sample's policy does not have are told by the
        // status.
        let by_status =
            ["/lease/", "/signal/", "{drill}", "/failback"].iter().any(|part| route.path.contains(part));
        if route.method == "GET" && !by_status {
            let path = route.path.replace("{service}", "shop").replace("{execution}", "shop-2");
            let path = if path == "/probe" { format!("{path}?target=web/us-east-1") } else { path };
            let answer = desk.get(&path).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        }
    }
}

/// Goal: what is not there is not found. Method: each kind of name, unknown and unusable.
#[tokio::test]
async fn what_is_not_there() {
    let desk = Desk::healthy();
    for path in
        ["/v1/services/other", "/v1/services/other/explain", "/v1/services/other/plan", "/v1/policies/other"]
    {
        desk.get(path).await.problem(404, "not_found");
    }
    desk.get("/v1/services/a%20b").await.problem(404, "not_found");
    desk.get("/v1/executions/shop-9").await.problem(404, "not_found");
    desk.get("/v1/services/shop/plan?to=mars").await.problem(409, "refused");
}

/// Goal: status and explanation agree with what the node sees. Method: the failing sample.
#[tokio::test]
async fn the_failing_sample() {
    let desk = Desk::failing();
    let status = desk.get("/v1/status").await.body;
    assert_eq!((&status["agent"], &status["leader"], &status["term"]), (&json!("a"), &json!("a"), &json!(3)));
    assert_eq!(status["members"][1]["address"], "127.0.0.1:7961");
    assert_eq!(status["members"][1]["heard_ms_ago"], 0);
    assert!(status["members"][0].get("heard_ms_ago").is_none(), "an agent does not hear itself");
    assert_eq!(status["services"][0]["regions"][0]["opinion"], "down");
    let explained = desk.get("/v1/services/shop/explain").await.body;
    assert_eq!(explained["would_fail_over"], false);
    assert!(
        explained["summary"].as_str().unwrap().contains("the policy waits 1m"),
        "{}",
        explained["summary"]
    );
    let plan = desk.get("/v1/services/shop/plan").await.body;
    assert!(plan.get("refusal").is_none(), "an operator may: {plan}");
    assert_eq!(plan["steps"][2]["fields"]["instance"], "west-db");
}

/// Goal: the lease is 200 only while it is held, and 409 otherwise, whatever the cause. Method: before and after the
/// leader's grant, an unknown service, and a quorum lost for longer than the lease.
#[tokio::test]
async fn the_lease_fails_closed() {
    let desk = Desk::healthy();
    desk.get("/v1/lease/shop").await.problem(409, "refused");
    desk.get("/v1/lease/other").await.problem(409, "refused");
    desk.with_node(|node, now| {
        let (service, epoch) = ("shop".parse().unwrap(), 1);
        let answer = Ok(quorate_policies::Millis(6_000));
        node.step(now, Input::LeaseAnswered { service, epoch, sent_at: now.mono, answer })
    });
    let held = desk.get("/v1/lease/shop").await;
    assert_eq!(held.status, 200);
    assert_eq!(
        held.body,
        json!({"service": "shop", "region": "us-east-1", "epoch": 1, "remaining_ms": 6000, "ttl_ms": 6000})
    );
    assert_eq!(held.headers[header::CACHE_CONTROL], "no-store");
}

/// Goal: a promise is taken back from whoever gave the name, and from nobody else. Method: two writers ask; one gives
/// back, twice; another tries without a name, with a wrong one and with one that is no name.
#[tokio::test]
async fn a_writer_gives_its_lease_back() {
    let desk = Desk::healthy();
    desk.with_node(|node, now| {
        let (service, epoch) = ("shop".parse().unwrap(), 1);
        let answer = Ok(quorate_policies::Millis(6_000));
        node.step(now, Input::LeaseAnswered { service, epoch, sent_at: now.mono, answer })
    });
    let ask = async |method: &str, holder: Option<&str>| {
        let request = Request::builder().method(method).uri("/v1/lease/shop");
        let request = request.header(header::HOST, "127.0.0.1:7950");
        let request = holder.into_iter().fold(request, |request, name| request.header(HOLDER, name));
        desk.send(request.body(Payload::empty()).unwrap()).await
    };
    for name in ["db-1/3f9a", "db-2/77c1"] {
        assert_eq!(ask("GET", Some(name)).await.status, 200);
    }
    let back = async |name| ask("DELETE", Some(name)).await.body;
    assert_eq!(back("db-1/3f9a").await, json!({"held": true}));
    assert_eq!(back("db-1/3f9a").await, json!({"held": false}), "an answer was lost, it asks again");
    assert_eq!(back("db-9").await, json!({"held": false}));
    ask("DELETE", None).await.problem(422, "invalid");
    for method in ["GET", "DELETE"] {
        ask(method, Some("two words")).await.problem(422, "invalid");
    }
}

/// Goal: requests are counted by route and class, never by their own path. Method: some requests, then the scrape.
#[tokio::test]
async fn requests_are_counted() {
    let desk = Desk::healthy();
    for path in ["/v1/services/shop", "/v1/services/other", "/v1/secret-path"] {
        desk.get(path).await;
    }
    let answer = desk.get("/metrics").await;
    assert_eq!(answer.headers[header::CONTENT_TYPE], "text/plain; version=0.0.4; charset=utf-8");
    let text = answer.body.as_str().unwrap();
    let line = |handler: &str, method: &str, code: &str| {
        format!(
            "quorate_http_requests_total{{code=\"{code}\",handler=\"{handler}\",method=\"{method}\"}} 1\n"
        )
    };
    for line in [
        line("/v1/services/{service}", "GET", "2xx"),
        line("/v1/services/{service}", "GET", "4xx"),
        line("other", "other", "4xx"),
    ] {
        assert!(text.contains(&line), "{line}");
    }
    assert!(!text.contains("secret-path"));
}

/// Goal: the signal says leave only of the region that traffic was signalled away from; everything else says stay by its
/// status, because an inverted health check knows nothing else. Method: before and after a signal, and names that do not
/// exist.
#[tokio::test]
async fn the_signal_is_a_status() {
    let desk = Desk::failing();
    let status = async |path: &str| desk.get(path).await.status.as_u16();
    assert_eq!(status("/v1/signal/shop/us-east-1").await, 404, "nobody has signalled");
    desk.signal("us-west-2");
    assert_eq!(status("/v1/signal/shop/us-east-1").await, 200);
    assert_eq!(status("/v1/signal/shop/us-west-2").await, 404);
    assert_eq!(status("/v1/signal/shop/mars").await, 404);
    assert_eq!(status("/v1/signal/other/us-east-1").await, 404);
}
