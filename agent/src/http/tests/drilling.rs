//! Drills and the way home, from the request to the log and back.

use super::desk::Desk;
use crate::http::sample;
use serde_json::{Value, json};
use std::sync::Arc;

const DRILLS: &str = "/v1/services/shop/drills";

/// A desk whose service has a drill of each kind. The agents' reports are of the policy before, so no region is known to be healthy.
async fn desk() -> Arc<Desk> {
    let desk = Desk::healthy();
    let plans = "plans:\n  test-restore:\n    moves: false\n    steps:\n      fill: {wait: {for: 1m}}\n      \
                 ask: {verify.probes: {through: 'https://drill.example.com'}, needs: [fill]}\n  \
                 clear:\n    moves: false\n    steps: {drop: {wait: {for: 5s}}}\n";
    let drills = "drills:\n  \
         restore: {mode: isolated, plan: test-restore, cleanup: clear, restores: database, every: 30d, blocked_while: []}\n  \
         careful: {mode: isolated, plan: test-restore}\n  \
         move: {mode: live, scenario: region-loss, every: 90d}\n  \
         look: {mode: dry-run, scenario: region-loss, every: 7d}\n\
         backups:\n  database: {files: {path: '/srv/dump'}, fresh_within: 1d}\n";
    let policy = format!("{}{drills}", sample::policy_text().replace("plans:\n", plans));
    let applied = desk.post("/v1/policies", &json!({"policy": policy, "reason": "drills"})).await;
    assert_eq!(applied.status, 200, "{}", applied.body);
    desk
}

fn order(mode: &str) -> Value {
    json!({"mode": mode, "reason": "before the audit", "confirm": "shop"})
}

/// Goal: a dry run shows what a drill would do and what keeps it, predicts nothing that was never measured, and changes nothing,
/// not even the log. Method: each kind of drill; the log's state before and after.
#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let desk = desk().await;
    let before = desk.cluster();
    let shown = desk.get(&format!("{DRILLS}/restore")).await.body;
    assert_eq!((&shown["mode"], &shown["plan"]["plan"]), (&json!("isolated"), &json!("test-restore")));
    assert_eq!((&shown["then"]["plan"], &shown["predicted_ms"]), (&json!("clear"), &Value::Null));
    // Time that is waited is known; what was never measured is not.
    assert_eq!(
        (&shown["steps"][1]["median_ms"], &shown["steps"][0]["median_ms"]),
        (&json!(60_000), &Value::Null)
    );
    assert_eq!(shown["ready"], false, "the sample's readiness has a blocking finding");
    assert_eq!(shown["blocked"], Value::Null);
    let shown = desk.get(&format!("{DRILLS}/move")).await.body;
    let steps = shown["plan"]["steps"].as_array().unwrap();
    assert!(steps.iter().all(|step| step["action"] != "statuspage.incident"), "it is internal: {steps:?}");
    assert_eq!((&shown["then"]["from"], &shown["then"]["to"]), (&json!("us-west-2"), &json!("us-east-1")));
    let blocked = shown["blocked"].to_string();
    assert!(blocked.contains("region `us-east-1` is not healthy by agreement"), "{blocked}");
    assert!(blocked.contains("standby region `us-west-2` is not known to be healthy"), "{blocked}");
    desk.get(&format!("{DRILLS}/none")).await.problem(409, "refused");
    assert_eq!(*desk.cluster(), *before);
}

/// Goal: a drill that is ordered is an execution that says so, and the list, the backup and the log know of it. Method: begin the
/// test restore; again while it runs.
#[tokio::test]
async fn a_drill_is_begun_once() {
    let desk = desk().await;
    let path = format!("{DRILLS}/restore");
    let begun = desk.post(&path, &order("isolated")).await;
    assert_eq!((begun.status.as_u16(), &begun.body["execution"]), (202, &json!("shop-2")), "{}", begun.body);
    let shown = desk.get("/v1/executions/shop-2").await.body;
    let part = json!({"drill": "restore", "mode": "isolated", "part": "drill", "announce": "internal"});
    assert_eq!(shown["drill"], part);
    let listed = desk.get(DRILLS).await.body;
    assert_eq!(listed["under_way"]["drill"], "restore");
    let drills: Vec<(&Value, &Value, &Value)> = listed["drills"]
        .as_array()
        .unwrap()
        .iter()
        .map(|drill| (&drill["drill"], &drill["due"], &drill["runs"][0]["state"]))
        .collect();
    let (later, null) = (json!("later"), Value::Null);
    let (names, by_hand) = (["careful", "look", "move", "restore"].map(|name| json!(name)), json!("by_hand"));
    assert_eq!(
        drills[..3],
        [(&names[0], &by_hand, &null), (&names[1], &later, &null), (&names[2], &later, &null)]
    );
    assert_eq!(drills[3], (&names[3], &later, &json!("running")));
    let backups = desk.get("/v1/services/shop/backups").await.body;
    assert_eq!(backups["backups"][0]["test_restore"], json!({"drill": "restore", "due": false}));
    let again = desk.post(&path, &order("isolated")).await;
    assert!(again.problem(409, "refused").contains("drill `restore` has not ended"));
    assert_eq!(again.body["guard"], "not_drilled");
}

/// Goal: what is not the drill's own mode, not confirmed or kept by a condition is refused and says why. Method: one of each.
#[tokio::test]
async fn what_does_not_begin_is_told() {
    let desk = desk().await;
    let path = |drill: &str| format!("{DRILLS}/{drill}");
    let mut unconfirmed = order("isolated");
    unconfirmed["confirm"] = json!("Shop");
    desk.post(&path("restore"), &unconfirmed).await.problem(422, "invalid");
    let live = desk.post(&path("restore"), &order("live")).await;
    assert!(live.problem(422, "invalid").contains("drill `restore` is isolated, and live was asked for"));
    let degraded = desk.post(&path("careful"), &order("isolated")).await;
    assert!(degraded.problem(409, "refused").contains("is not healthy by agreement"));
    let unknown = desk.post(&path("none"), &order("live")).await;
    assert!(unknown.problem(409, "refused").contains("there are: careful, look, move, restore"));
    assert!(desk.cluster().executions.is_empty());
}

/// Goal: a dry run that is one by the policy is recorded when it is asked for, and takes no slot. Method: ask; the list and the audit.
#[tokio::test]
async fn a_dry_run_is_recorded() {
    let desk = desk().await;
    let made = desk.post(&format!("{DRILLS}/look"), &order("dry-run")).await;
    assert_eq!(made.status, 200, "{}", made.body);
    assert!(desk.cluster().executions.is_empty());
    let listed = desk.get(DRILLS).await.body;
    let run = &listed["drills"][1]["runs"][0];
    assert_eq!(
        (&run["mode"], &run["state"], &run["by"]),
        (&json!("dry-run"), &json!("failed"), &json!("operator"))
    );
    let latest = desk.cluster().audit.entries.back().unwrap().event.to_string();
    assert!(
        latest.starts_with("dry run of drill look: its plan would not go through: blocking, step promote: ")
            && latest.ends_with("(before the audit)"),
        "{latest}"
    );
}

/// Goal: without a way home in the policy, that is said. Method: ask for it.
#[tokio::test]
async fn no_way_home() {
    let desk = desk().await;
    let answer = desk.get("/v1/services/shop/failback").await;
    assert!(answer.problem(409, "refused").contains("it has no `failback`"));
}
