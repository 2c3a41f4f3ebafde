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

/// Goal: what people see to is shown with the execution, ticked once by name, and refused with the reason. Method: a policy with a
/// checklist; tick, tick again, tick what is not there.
#[tokio::test]
async fn a_checklist_is_shown_and_ticked() {
    let desk = desk().await;
    let papers = "checklist:\n  before:\n    told: {what: The team knows, by: incident commander}\n\
                  cost: {currency: EUR, of: {compute: {normal: 1000, active: 3000}}}\n\
                  evidence:\n  - {standard: SOC 2, requires: Annual test, shown_by: [objectives]}\n";
    let policy = desk.get("/v1/policies/shop").await.body["policy"].as_str().unwrap().to_owned() + papers;
    let applied = desk.post("/v1/policies", &json!({"policy": policy, "reason": "paper, too"})).await;
    assert_eq!(applied.status, 200, "{}", applied.body);
    desk.post(DECLARE, &declaration(&json!({"tasks": "4"}))).await;
    let tick = "/v1/executions/shop-2/checklist";
    let ticked = desk.post(tick, &json!({"item": "told", "reason": "all on the call"})).await;
    assert_eq!(ticked.status, 200, "{}", ticked.body);
    let again = desk.post(tick, &json!({"item": "told", "reason": "once more"})).await;
    assert!(again.problem(409, "refused").contains("has ticked it"));
    assert_eq!(again.body["guard"], "not_ticked");
    let unknown = desk.post(tick, &json!({"item": "tea", "reason": "hot"})).await;
    assert!(unknown.problem(409, "refused").contains("there are: told"));
    assert!(
        desk.post(tick, &json!({"item": "", "reason": "x"})).await.problem(422, "invalid").contains("item")
    );
    let shown = desk.get("/v1/executions/shop-2").await.body;
    assert_eq!(
        (&shown["checklist"][0]["state"], &shown["checklist"][0]["note"]),
        (&json!("ticked"), &json!("all on the call"))
    );
    assert_eq!((&shown["cost"]["per_hours"], &shown["cost"]["of"][0]["active"]), (&json!(730), &json!(3000)));
    assert_eq!(shown["controls"][0]["shown_by"], json!(["Measured against the objectives"]));
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
