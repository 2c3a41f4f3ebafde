//! Declaring a scenario and answering its steps, from the request to the log and back.

use super::desk::Desk;
use crate::http::sample;
use serde_json::{Value, json};
use std::sync::Arc;

const DECLARE: &str = "/v1/services/shop/declare";

/// A desk whose service has a scenario to declare.
async fn desk() -> Arc<Desk> {
    let desk = Desk::healthy();
    let scenario = "scenarios:\n  bad-deployment: {run: roll-back, mode: manual, inputs: {tasks: {description: how many, kind: number}}}\n";
    let plan = "plans:\n  roll-back:\n    moves: false\n    steps:\n      \
                sure: {approval: {ask: Is it the deployment?}}\n      \
                settle: {wait: {for: 1m}, needs: [sure], when: {input.tasks: '4'}}\n";
    let policy = sample::policy_text().replace("scenarios:\n", scenario).replace("plans:\n", plan);
    let applied = desk.post("/v1/policies", &json!({"policy": policy, "reason": "roll back too"})).await;
    assert_eq!(applied.status, 200, "{}", applied.body);
    desk
}

fn declaration(inputs: &Value) -> Value {
    json!({"scenario": "bad-deployment", "inputs": inputs, "reason": "5xx since 4.2", "confirm": "shop"})
}

/// Goal: a declared scenario is an execution in the active region, and its step takes an answer. Method: declare, look, and
/// answer; the same for a step that asks nobody.
#[tokio::test]
async fn a_scenario_is_declared_and_answered() {
    let desk = desk().await;
    let declared = desk.post(DECLARE, &declaration(&json!({"tasks": "4"}))).await;
    assert_eq!((declared.status.as_u16(), &declared.body["execution"]), (202, &json!("shop-2")));
    let shown = desk.get("/v1/executions/shop-2").await.body;
    assert_eq!((&shown["scenario"], &shown["inputs"]), (&json!("bad-deployment"), &json!({"tasks": "4"})));
    assert_eq!((&shown["from"], &shown["to"]), (&json!("us-east-1"), &json!("us-east-1")));
    let approve = "/v1/executions/shop-2/approve";
    let answered = desk.post(approve, &json!({"reason": "it is", "step": "sure"})).await;
    assert_eq!(answered.status, 202, "{}", answered.body);
    let asks_nobody = desk.post(approve, &json!({"reason": "it is", "step": "settle"})).await;
    assert!(asks_nobody.problem(409, "refused").contains("those that do: sure"));
}

/// Goal: what cannot be declared changes nothing and says why. Method: without the confirmation, without an input, and a
/// scenario that the agents detect.
#[tokio::test]
async fn what_cannot_be_declared_is_told() {
    let desk = desk().await;
    let mut unconfirmed = declaration(&json!({"tasks": "4"}));
    unconfirmed["confirm"] = json!("Shop");
    assert!(desk.post(DECLARE, &unconfirmed).await.problem(422, "invalid").contains("`shop`"));
    let missing = desk.post(DECLARE, &declaration(&json!({}))).await;
    assert!(missing.problem(409, "refused").contains("input `tasks` is missing: how many"));
    assert_eq!(missing.body["guard"], "not_declared");
    let mut detected = declaration(&json!({}));
    detected["scenario"] = json!("region-loss");
    assert!(desk.post(DECLARE, &detected).await.problem(409, "refused").contains("the agents detect it"));
    assert!(desk.cluster().executions.is_empty());
}
