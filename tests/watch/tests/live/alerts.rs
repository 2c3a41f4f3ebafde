//! Alerts from end to end: a state that is really provoked, the alert at a webhook by way of Prometheus and Alertmanager, and the same alert
//! taken back when the state has gone. The rules are a copy in which only the waiting times and the groups' intervals are shorter.

use super::world::World;
use anyhow::Context as _;
use quorate_watch::{rules, text};
use serde_json::json;
use std::{
    fs::{self, File},
    time::{Duration, SystemTime},
};

/// The rules as they are shipped, but each `for` and `interval` is a second: expressions stay as they are, letter by letter.
fn hurried() -> String {
    let shipped = text("deploy/prometheus/rules.yml");
    let hurry = |line: &str| {
        let (start, rest) = line.split_at(line.len() - line.trim_start().len());
        match rest.split_once(' ') {
            Some((key @ ("for:" | "interval:"), _)) => format!("{start}{key} 1s"),
            _ => line.to_owned(),
        }
    };
    shipped.lines().map(|line| hurry(line) + "\n").collect()
}

/// Goal: what is shortened is what is said, and nothing else. Method: the expressions before and after.
#[test]
fn only_waiting_is_shortened() {
    let shipped = text("deploy/prometheus/rules.yml");
    let hurried = hurried();
    let differ: Vec<(&str, &str)> = shipped.lines().zip(hurried.lines()).filter(|(a, b)| a != b).collect();
    assert_eq!(shipped.lines().count(), hurried.lines().count());
    assert!(differ.iter().all(|(_, new)| matches!(new.trim(), "for: 1s" | "interval: 1s")), "{differ:?}");
    assert!(differ.len() >= rules::here().iter().filter(|rule| rule.alert.is_some()).count() / 2);
}

/// Backups, a drill and a plan: not as they should be, then as they should.
async fn set(world: &World, well: bool) -> anyhow::Result<()> {
    let backup = world.home().join("dump.bin");
    fs::write(&backup, "a backup")?;
    if !well {
        File::options()
            .write(true)
            .open(&backup)?
            .set_modified(SystemTime::now() - Duration::from_secs(7_200))?;
    }
    let (keep, every) = if well { ("3h", "90d") } else { ("2h", "2s") };
    world
        .apply(|policy| {
            let watched = json!({"component": "database", "files": {"path": backup}, "fresh_within": "1h", "keep": keep});
            policy["backups"] = json!({"dump": watched});
            policy["drills"] = json!({"look": {"mode": "dry-run", "scenario": "region-loss", "every": every}});
            policy["scenarios"]["region-loss"]["mode"] = json!("approval");
            if !well {
                policy["regions"]["us-west-2"]["vars"]["database"] = json!("no-such-replica");
            }
        })
        .await
}

/// Goal: every alert that the work asks for is heard by people when its state is there, in words that name it, and is taken back when it has gone.
/// Method: real agents, sandbox, Prometheus and Alertmanager; every state below is made, none is written into Prometheus.
#[tokio::test(flavor = "multi_thread")]
async fn alerts_reach_a_webhook_and_are_taken_back() -> anyhow::Result<()> {
    let _alone = super::ALONE.lock().await;
    let mut world = World::start(&hurried(), true, "1s").await?;
    readiness(&world).await?;
    pause(&world).await?;
    failover(&world).await?;
    agents(&mut world).await?;
    world.stop().await;
    Ok(())
}

async fn readiness(world: &World) -> anyhow::Result<()> {
    set(world, false).await?;
    let told = world.heard("QuoratePlanNotReady", "firing").await?;
    assert_eq!(
        told["annotations"]["summary"],
        "The plan that would move shop to us-west-2 would not work now."
    );
    let told = world.heard("QuorateBackupStale", "firing").await?;
    assert_eq!(told["labels"]["backup"], "dump");
    world.heard("QuorateDrillOverdue", "firing").await?;
    let order = json!({"mode": "dry-run", "reason": "a test", "confirm": "shop"});
    world.agent("us-west-2").post("/v1/services/shop/drills/look", &order).await?;
    set(world, true).await?;
    for alert in ["QuoratePlanNotReady", "QuorateBackupStale", "QuorateDrillOverdue"] {
        world.heard(alert, "resolved").await?;
    }
    Ok(())
}

async fn pause(world: &World) -> anyhow::Result<()> {
    let api = world.agent("us-west-2");
    api.post("/v1/services/shop/pause", &json!({"reason": "maintenance"})).await?;
    let told = world.heard("QuoratePausedTooLong", "firing").await?;
    assert_eq!(told["labels"]["scope"], "shop");
    world.heard("QuorateOverrideForgotten", "firing").await?;
    api.post("/v1/services/shop/resume", &json!({"reason": "done"})).await?;
    world.heard("QuoratePausedTooLong", "resolved").await?;
    world.heard("QuorateOverrideForgotten", "resolved").await.map(drop)
}

async fn failover(world: &World) -> anyhow::Result<()> {
    let api = world.agent("us-west-2");
    // Not its AWS endpoints: what an abort takes back is there as well.
    let promotions_fail =
        json!({"operation": "PromoteReadReplica", "code": "InvalidDBInstanceState", "times": 1_000});
    world.stage.control.post("/control/fail", &promotions_fail).await?;
    world.fault("us-east-1", "kill").await?;
    let told = world.heard("QuorateExecutionWaits", "firing").await?;
    let link = told["annotations"]["runbook_url"].as_str().context("a link")?;
    assert!(link.ends_with("RUNBOOK.md#quorateexecutionwaits"), "{link}");
    let id = world.execution("awaiting_approval").await?.id;
    api.post(&format!("/v1/executions/{id}/approve"), &json!({"reason": "a test"})).await?;
    world.heard("QuorateFailoverRunning", "firing").await?;
    world.heard("QuorateExecutionWaits", "resolved").await?;
    world.execution("stopped").await?;
    let told = world.heard("QuorateFailoverFailed", "firing").await?;
    assert_eq!(told["labels"]["severity"], "critical");
    world.heard("QuorateFailoverRunning", "resolved").await?;
    world
        .stage
        .control
        .post(
            "/control/fail",
            &json!({"operation": "PromoteReadReplica", "code": "InvalidDBInstanceState", "times": 0}),
        )
        .await?;
    world.fault("us-east-1", "none").await?;
    api.post(&format!("/v1/executions/{id}/abort"), &json!({"reason": "a test"})).await?;
    world.heard("QuorateFailoverFailed", "resolved").await.map(drop)
}

async fn agents(world: &mut World) -> anyhow::Result<()> {
    world.stage.agents[2].kill().await;
    let told = world.heard("QuorateAgentDown", "firing").await?;
    assert_eq!(told["labels"]["instance"], world.stage.agents[2].name.as_str());
    world.stage.agents[0].kill().await;
    world.heard("QuorateNoQuorum", "firing").await?;
    world.stage.agents[0].start()?;
    world.stage.agents[2].start()?;
    world.heard("QuorateNoQuorum", "resolved").await?;
    world.heard("QuorateAgentDown", "resolved").await.map(drop)
}
