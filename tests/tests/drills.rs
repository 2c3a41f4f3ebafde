//! Drills on a whole cluster of real processes on the sandbox: one of each mode, and one that is in the way of something real.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

use anyhow::Context as _;
use quorate_api::{
    Execution, PolicyView,
    drill::{DrillPlan, DrillView, Drills},
};
use quorate_tests::{Cluster, until};
use serde_json::{Value, json};

/// The agent that is asked, each time: an agent shows at once what was changed there, and the others a moment later.
const AT: &str = "us-west-2";

/// Adds drills to the demo's policy, by way of its own written form.
async fn with_drills(cluster: &Cluster) -> anyhow::Result<()> {
    let api = &cluster.agent(AT).api;
    let view: PolicyView = api.get("/v1/policies/shop").await?;
    let policy = quorate_policies::document::read_policy("demo.yaml", &view.policy);
    let mut policy = serde_json::to_value(policy.map_err(|problems| anyhow::anyhow!("{problems:?}"))?)?;
    // The way there and back without a promotion, which nothing on RDS takes back.
    let mut moving = policy["plans"]["failover"].clone();
    moving["steps"].as_object_mut().context("steps")?.retain(|name, _| name != "promote" && name != "fence");
    moving["steps"]["repoint"]["needs"] = json!(["scale"]);
    let steps = json!({
        "restore": {"rds.restore_to_point_in_time": {
            "region": "{to}", "source": "{to.database}", "instance": "shop-drill", "at": "latest"
        }, "timeout": "2m"},
    });
    let wait = |length: &str| json!({"moves": false, "steps": {"wait": {"wait": {"for": length}}}});
    for (name, plan) in [
        ("move", moving),
        ("test-restore", json!({"moves": false, "steps": steps})),
        ("endless", wait("1h")),
        ("clear", wait("100ms")),
    ] {
        policy["plans"][name] = plan;
    }
    policy["scenarios"]["planned"] = json!({"run": "move", "mode": "manual"});
    policy["drills"] = json!({
        "move": {"mode": "live", "scenario": "planned", "stay_for": "1s", "blocked_while": ["degraded_region"]},
        "restore": {"mode": "isolated", "plan": "test-restore", "cleanup": "clear"},
        "endless": {"mode": "isolated", "plan": "endless", "cleanup": "clear"},
        "look": {"mode": "dry-run", "scenario": "region-loss", "every": "30d"},
    });
    let text = serde_json::to_string_pretty(&policy)?;
    let applied = api.post("/v1/policies", &json!({"policy": text, "reason": "drills"})).await?;
    anyhow::ensure!(applied["version"] == 2, "{applied}");
    // The agents have to judge by the new policy before a region is healthy by it.
    until("both regions are healthy again", async || {
        let explained = cluster.explain(AT).await?;
        Ok(explained.regions.iter().all(|region| region.opinion == "healthy").then_some(()))
    })
    .await
}

async fn begin(cluster: &Cluster, drill: &str, mode: &str) -> anyhow::Result<Value> {
    let order = json!({"mode": mode, "reason": "a test", "confirm": "shop"});
    cluster.agent(AT).api.post(&format!("/v1/services/shop/drills/{drill}"), &order).await
}

async fn drill(cluster: &Cluster, name: &str) -> anyhow::Result<(DrillView, bool)> {
    let drills: Drills = cluster.agent(AT).api.get("/v1/services/shop/drills").await?;
    let under_way = drills.under_way.is_some();
    let found = drills.drills.into_iter().find(|drill| drill.drill == name);
    Ok((found.context("no such drill")?, under_way))
}

/// Waits until a drill and what follows it have ended.
async fn ended(cluster: &Cluster, name: &str) -> anyhow::Result<DrillView> {
    until("the drill has ended", async || {
        let (drill, under_way) = drill(cluster, name).await?;
        let over = drill.runs.first().is_some_and(|run| run.state != "running") && !under_way;
        Ok(over.then_some(drill))
    })
    .await
}

/// Goal: a dry run changes nothing; an isolated drill runs and is cleared away; a live one moves the service there and back, touches no
/// status page, and is measured; the dry run then predicts from what was measured. Method: the three on one cluster.
#[tokio::test(flavor = "multi_thread")]
async fn a_drill_of_each_mode() -> anyhow::Result<()> {
    let cluster = Cluster::green("1s").await?;
    with_drills(&cluster).await?;
    let api = &cluster.agent(AT).api;
    let before = cluster.audit(AT).await?.sequence;
    let shown: DrillPlan = api.get("/v1/services/shop/drills/move").await?;
    assert_eq!((shown.blocked.as_slice(), shown.predicted_ms), (&[][..], None), "{shown:?}");
    assert_eq!(cluster.audit(AT).await?.sequence, before, "a dry run is not even in the log");

    let begun = begin(&cluster, "restore", "isolated").await?;
    let done = ended(&cluster, "restore").await?;
    let run = &done.runs[0];
    assert_eq!((run.state.as_str(), run.second_outcome.as_str()), ("succeeded", "succeeded"), "{run:?}");
    assert_eq!(run.execution.as_deref(), begun["execution"].as_str());
    assert_eq!(cluster.effects("RestoreDBInstanceToPointInTime").await?, 1);

    begin(&cluster, "move", "live").await?;
    let done = ended(&cluster, "move").await?;
    let run = &done.runs[0];
    assert_eq!((run.state.as_str(), run.second_outcome.as_str()), ("succeeded", "succeeded"), "{run:?}");
    assert!(run.rto_ms.is_some() && run.rto_objective_ms == Some(300_000), "{run:?}");
    let service = cluster.service(AT).await?;
    assert_eq!((service.active.as_str(), service.execution), ("us-east-1", None), "home again");
    let there: Execution = api.get(&format!("/v1/executions/{}", run.execution.as_deref().unwrap())).await?;
    assert_eq!(there.to, "us-west-2");
    assert!(there.steps.iter().all(|step| step.action != "statuspage.incident"), "{:?}", there.steps);

    let shown: DrillPlan = api.get("/v1/services/shop/drills/move").await?;
    assert!(
        shown.predicted_ms.is_some() && shown.steps.iter().all(|step| step.runs == 2),
        "{:?}",
        shown.steps
    );
    begin(&cluster, "look", "dry-run").await?;
    assert_eq!(drill(&cluster, "look").await?.0.runs[0].mode, "dry-run");
    cluster.stop().await;
    Ok(())
}

/// Goal: a failure during an isolated drill is answered as if there were none, and the drill is cleared away afterwards. Method: the
/// primary dies while the drill would run for another hour.
#[tokio::test(flavor = "multi_thread")]
async fn a_failure_does_not_wait_for_a_drill() -> anyhow::Result<()> {
    let cluster = Cluster::green("1s").await?;
    with_drills(&cluster).await?;
    let begun = begin(&cluster, "endless", "isolated").await?;
    cluster.fault("us-east-1", json!({"kind": "kill", "control_plane": true})).await?;
    let moved = until("the failover succeeds", async || {
        let all = cluster.executions(AT).await?.executions;
        Ok(all.into_iter().find(|execution| execution.state == "succeeded" && execution.plan == "failover"))
    })
    .await?;
    assert_eq!((moved.trigger.as_str(), moved.drill), ("automatic", None));
    let id = begun["execution"].as_str().unwrap();
    let drill: Execution = cluster.agent(AT).api.get(&format!("/v1/executions/{id}")).await?;
    assert_eq!(drill.summary, format!("aborted: the drill gave way to {}", moved.id));
    let done = ended(&cluster, "endless").await?;
    assert_eq!((done.runs[0].state.as_str(), done.runs[0].second_outcome.as_str()), ("failed", "succeeded"));
    assert_eq!(cluster.effects("PromoteReadReplica").await?, 1);
    cluster.stop().await;
    Ok(())
}
