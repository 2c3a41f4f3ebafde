//! Agents that die and come back: one is not needed, a returning one catches up from its disk, and a cluster that wakes
//! up to a red region does not fire. Whole clusters of real processes on the sandbox.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

use quorate_tests::{Cluster, throughout, until};
use serde_json::json;
use std::time::Duration;

const REGIONS: [&str; 3] = ["us-east-1", "us-west-2", "eu-west-1"];

/// Goal: one agent down before the fault does not prevent a failover, and catches up when it returns. Method: kill the
/// witness, fail over, start it again, compare what it knows.
#[tokio::test(flavor = "multi_thread")]
async fn one_agent_down_before_the_fault() -> anyhow::Result<()> {
    let mut cluster = Cluster::green("0s").await?;
    cluster.agent_mut("eu-west-1").kill().await;
    cluster.fault("us-east-1", json!({"kind": "kill"})).await?;
    let execution = cluster.failed_over("us-west-2").await?;
    cluster.agent_mut("eu-west-1").start()?;
    until("the restarted agent knows the whole story", async || {
        let (there, here) = (cluster.audit("eu-west-1").await?, cluster.audit("us-west-2").await?);
        Ok((there.head == here.head).then_some(()))
    })
    .await?;
    let known = cluster.executions("eu-west-1").await?.executions;
    assert_eq!(known.first().map(|e| e.id.as_str()), Some(execution.id.as_str()));
    cluster.stop().await;
    Ok(())
}

/// Goal: F26, all agents restarted while the region is red: no action until it has been healthy again, and `explain`
/// says why. Method: pause, kill the region, restart everybody, resume, watch; then let it recover and die again.
#[tokio::test(flavor = "multi_thread")]
async fn all_restarted_while_red() -> anyhow::Result<()> {
    let mut cluster = Cluster::green("0s").await?;
    cluster
        .agent("us-west-2")
        .api
        .post("/v1/services/shop/pause", &json!({"reason": "setting the stage"}))
        .await?;
    cluster.fault("us-east-1", json!({"kind": "kill"})).await?;
    for region in REGIONS {
        cluster.agent_mut(region).kill().await;
    }
    for region in REGIONS {
        cluster.agent_mut(region).start()?;
    }
    until("a quorum is back", async || {
        let resumed = cluster
            .agent("us-west-2")
            .api
            .post("/v1/services/shop/resume", &json!({"reason": "go on"}))
            .await;
        Ok(resumed.is_ok().then_some(()))
    })
    .await?;
    until("every agent explains that it was red at the start", async || {
        let mut all = true;
        for region in REGIONS {
            all &= cluster.refusal(region).await?.as_deref() == Some("already_red_at_start");
        }
        Ok(all.then_some(()))
    })
    .await?;
    throughout(Duration::from_secs(5), "no action while unarmed", async || {
        Ok(cluster.executions("us-west-2").await?.executions.is_empty())
    })
    .await?;
    cluster.fault("us-east-1", json!({"kind": "none"})).await?;
    until("the region is healthy again", async || {
        let service = cluster.service("us-west-2").await?;
        Ok(service.regions.iter().all(|r| r.opinion == "healthy").then_some(()))
    })
    .await?;
    cluster.fault("us-east-1", json!({"kind": "kill"})).await?;
    cluster.failed_over("us-west-2").await?;
    cluster.stop().await;
    Ok(())
}
