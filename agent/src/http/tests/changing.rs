//! Changes, from the request to the log and back.

use super::desk::{Desk, post};
use crate::{http::sample, shell::ProposeProblem};
use http::HeaderValue;
use serde_json::{Value, json};

const FAILOVER: &str = "/v1/services/shop/failover";

fn failover() -> Value {
    json!({"reason": "region lost", "confirm": "shop"})
}

/// Goal: a failover is decided with its reason and operator, and asked for twice it is one. Method: the request, again
/// without a key, and the audit.
#[tokio::test]
async fn a_failover_is_decided_once() {
    let desk = Desk::failing();
    let mut request = post(FAILOVER, &failover());
    request.headers_mut().insert("x-quorate-operator", HeaderValue::from_static("ann"));
    let first = desk.send(request).await;
    assert_eq!(first.status, 202, "{}", first.body);
    assert_eq!((&first.body["execution"], &first.body["joined"]), (&json!("shop-2"), &json!(false)));
    let second = desk.post(FAILOVER, &failover()).await;
    assert_eq!((&second.body["execution"], &second.body["joined"]), (&json!("shop-2"), &json!(true)));
    let execution = desk.get("/v1/executions/shop-2").await.body;
    assert_eq!((&execution["trigger"], &execution["to"]), (&json!("ann"), &json!("us-west-2")));
}

/// Goal: the same key is the same command, and on another path another one. Method: three changes with one key.
#[tokio::test]
async fn a_key_makes_a_retry_harmless() {
    let desk = Desk::healthy();
    let keyed = |path: &str| {
        let mut request = post(path, &json!({"reason": "test"}));
        request.headers_mut().insert("idempotency-key", HeaderValue::from_static("k1"));
        request
    };
    for path in ["/v1/services/shop/pause", "/v1/services/shop/pause", "/v1/services/shop/resume"] {
        assert_eq!(desk.send(keyed(path)).await.status, 200);
    }
    let pause = Some("operator/k1/pause/shop".to_owned());
    assert_eq!(desk.ids(), [pause.clone(), pause, Some("operator/k1/resume/shop".to_owned())]);
    let audit: Vec<&str> =
        desk.cluster().audit.entries.iter().map(|entry| entry.event.name()).skip(2).collect();
    assert_eq!(audit, ["paused", "resumed"], "the second pause changed nothing");
}

/// Goal: a failover is confirmed with the service's name. Method: another name, and a region that is not there.
#[tokio::test]
async fn a_failover_is_confirmed() {
    let desk = Desk::failing();
    let wrong = desk.post(FAILOVER, &json!({"reason": "x", "confirm": "Shop"})).await;
    assert!(wrong.problem(422, "invalid").contains("`shop`"));
    let nowhere = json!({"reason": "x", "confirm": "shop", "to": "mars"});
    let answer = desk.post(FAILOVER, &nowhere).await;
    answer.problem(409, "refused");
    assert_eq!(answer.body["guard"], "unusable_region");
}

/// Goal: who acknowledges stands in the execution and in the audit, once. Method: two operators, and an execution that is not there.
#[tokio::test]
async fn an_execution_is_acknowledged() {
    let desk = Desk::failing();
    desk.post(FAILOVER, &failover()).await;
    let path = "/v1/executions/shop-2/acknowledge";
    let mut request = post(path, &json!({"reason": "I am at it"}));
    request.headers_mut().insert("x-quorate-operator", HeaderValue::from_static("ann"));
    let answer = desk.send(request).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.body["execution"]),
        (200, &json!("shop-2")),
        "{}",
        answer.body
    );
    desk.post("/v1/executions/shop-9/acknowledge", &json!({"reason": "x"})).await.problem(404, "not_found");
    desk.post(path, &json!({"reason": "me too"})).await;
    let people = desk.get("/v1/executions/shop-2").await.body["people"].take();
    assert_eq!(people["acknowledged"]["by"], "ann");
    let said =
        desk.cluster().audit.entries.iter().filter(|entry| entry.event.name() == "acknowledged").count();
    assert_eq!(said, 1);
}

/// Goal: a guard's refusal names the guard and the execution. Method: approve an execution that runs, and one that is
/// not there; a service that is not there.
#[tokio::test]
async fn refusals_name_their_guard() {
    let desk = Desk::failing();
    desk.post(FAILOVER, &failover()).await;
    let reason = json!({"reason": "yes"});
    let running = desk.post("/v1/executions/shop-2/approve", &reason).await;
    running.problem(409, "refused");
    assert_eq!(
        (&running.body["guard"], &running.body["execution"]),
        (&json!("wrong_state"), &json!("shop-2"))
    );
    desk.post("/v1/executions/shop-9/abort", &reason).await.problem(404, "not_found");
    desk.post("/v1/services/other/pause", &reason).await.problem(404, "not_found");
    let aborted = desk.post("/v1/executions/shop-2/abort", &reason).await;
    assert_eq!((aborted.status.as_u16(), &aborted.body["execution"]), (200, &json!("shop-2")));
}

/// Goal: without a quorum nothing is promised, and an unknown outcome says how to go on. Method: both, from the log.
#[tokio::test]
async fn what_the_log_cannot_do() {
    let desk = Desk::failing();
    desk.meets(ProposeProblem::NoQuorum);
    desk.post(FAILOVER, &failover()).await.problem(503, "no_quorum");
    desk.meets(ProposeProblem::Unknown);
    let unknown = desk.post(FAILOVER, &failover()).await;
    let detail = unknown.problem(504, "unknown_outcome");
    assert!(detail.contains("it may have been applied: retry with the same Idempotency-Key"), "{detail}");
    desk.meets(ProposeProblem::Stopping);
    desk.post(FAILOVER, &failover()).await.problem(503, "stopping");
}

/// Goal: a pause has an end if it is given one. Method: good and bad lengths.
#[tokio::test]
async fn a_pause_ends() {
    let desk = Desk::healthy();
    let pause = |length: &str| json!({"reason": "maintenance", "for": length});
    for length in ["30", "0s", "soon"] {
        desk.post("/v1/services/shop/pause", &pause(length)).await.problem(422, "invalid");
    }
    assert_eq!(desk.post("/v1/services/shop/pause", &pause("30m")).await.status, 200);
    let service = desk.get("/v1/services/shop").await.body;
    assert_eq!(service["hold"]["until"], "2023-11-14T22:43:30.000Z");
    assert_eq!(service["hold"]["by"], "operator");
    assert_eq!(desk.post("/v1/services/shop/resume", &json!({"reason": "done"})).await.status, 200);
    assert!(desk.get("/v1/services/shop").await.body.get("hold").is_none());
}

/// Goal: a policy with findings changes nothing and says where they are; a good one is in force and can be read back.
/// Method: an unknown key, too few agents for automatic mode, and the sample itself.
#[tokio::test]
async fn a_policy_is_checked_first() {
    let desk = Desk::healthy();
    let apply = |text: String| json!({"policy": text, "file": "shop.yaml", "reason": "more time"});
    let before = desk.cluster().audit.sequence;
    let misspelt = sample::policy_text().replace("cooldown", "x").replace("scenarios:", "scenarioss:");
    let answer = desk.post("/v1/policies", &apply(misspelt)).await;
    answer.problem(422, "findings");
    let finding = answer.body["findings"][0].as_str().unwrap();
    assert!(finding.starts_with("shop.yaml:") && finding.contains("scenarioss"), "{finding}");
    let votes = sample::policy_text().replace("min_vantages: 2", "votes: 4, min_vantages: 2");
    let answer = desk.post("/v1/policies", &apply(votes)).await;
    answer.problem(422, "findings");
    assert!(answer.body["findings"][0].as_str().unwrap().contains("agreement.votes"), "{}", answer.body);
    assert_eq!(desk.cluster().audit.sequence, before, "nothing was changed");

    let good = sample::policy_text().replace("dwell: 60s", "dwell: 90s");
    let applied = desk.post("/v1/policies", &apply(good)).await;
    assert_eq!((applied.status.as_u16(), &applied.body["version"]), (200, &json!(2)), "{}", applied.body);
    let shown = desk.get("/v1/policies/shop").await.body;
    let text = shown["policy"].as_str().unwrap();
    let read = quorate_policies::document::read_policy("shown", text).unwrap();
    assert_eq!(quorate_policies::agreement::policy_hash(&read), shown["hash"].as_str().unwrap());
    assert!(text.contains("cooldown"), "defaults are written out: {text}");
}
