//! What operators do: pausing, resuming, and asking for a failover while another is wanted. Whole clusters of real
//! processes on the sandbox.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

use quorate_tests::{Cluster, throughout, until};
use serde_json::json;
use std::time::Duration;

/// Longer than the demo's dwell and its probes together: what has not happened by then is not happening.
const QUIET: Duration = Duration::from_secs(6);

/// Goal: F30, R26: a pause on any agent stops automation, `explain` names it, and `resume` lets it act. Method: pause on
/// the witness, kill the primary, watch; then resume on another agent.
#[tokio::test(flavor = "multi_thread")]
async fn a_pause_holds_and_a_resume_acts() -> anyhow::Result<()> {
    let cluster = Cluster::green("1s").await?;
    let pause = json!({"reason": "maintenance of the database", "for": "1h"});
    cluster.agent("eu-west-1").api.post("/v1/services/shop/pause", &pause).await?;
    cluster.fault("us-east-1", json!({"kind": "kill"})).await?;
    until("every agent explains the hold", async || {
        let mut held = true;
        for region in ["us-east-1", "us-west-2", "eu-west-1"] {
            let explanation = cluster.explain(region).await?;
            let down = explanation.regions.iter().any(|r| r.name == "us-east-1" && r.opinion == "down");
            held &= down && explanation.summary.contains("maintenance of the database");
        }
        Ok(held.then_some(()))
    })
    .await?;
    throughout(QUIET, "no execution under a hold", async || {
        Ok(cluster.executions("us-west-2").await?.executions.is_empty())
    })
    .await?;
    cluster.agent("us-west-2").api.post("/v1/services/shop/resume", &json!({"reason": "done"})).await?;
    let execution = cluster.failed_over("eu-west-1").await?;
    assert_eq!(execution.trigger, "automatic");
    cluster.stop().await;
    Ok(())
}

/// Goal: whoever changes something at an agent and looks there next sees the change, also at one that follows. Method: pause and resume
/// at each agent in turn, and look at once.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_shows_what_was_changed_there() -> anyhow::Result<()> {
    let cluster = Cluster::green("1h").await?;
    for round in 0..10 {
        for region in ["us-east-1", "us-west-2", "eu-west-1"] {
            for (verb, held) in [("pause", true), ("resume", false)] {
                let order = json!({"reason": format!("round {round} at {region}")});
                let path = format!("/v1/services/shop/{verb}");
                cluster.agent(region).api.post(&path, &order).await?;
                let hold = cluster.service(region).await?.hold;
                assert_eq!(hold.is_some(), held, "{verb} at {region} in round {round}: {hold:?}");
            }
        }
    }
    cluster.stop().await;
    Ok(())
}

/// Goal: F29, a manual failover races the automatic one and another manual one: one execution, and everybody gets its
/// id. Method: two operators on two agents at once, while the primary is dead.
#[tokio::test(flavor = "multi_thread")]
async fn racing_failovers_are_one_execution() -> anyhow::Result<()> {
    let cluster = Cluster::green("0s").await?;
    cluster.fault("us-east-1", json!({"kind": "kill", "control_plane": true})).await?;
    let ask = json!({"reason": "the region is gone", "confirm": "shop", "to": "us-west-2"});
    let (first, second) = tokio::join!(
        cluster.agent("us-west-2").api.post("/v1/services/shop/failover", &ask),
        cluster.agent("eu-west-1").api.post("/v1/services/shop/failover", &ask),
    );
    let (first, second) = (first?, second?);
    assert_eq!(first["execution"], second["execution"], "both got the running one's id");
    let execution = cluster.failed_over("us-west-2").await?;
    assert_eq!(first["execution"], execution.id.as_str());
    assert_eq!(cluster.executions("us-west-2").await?.executions.len(), 1);
    assert_eq!(cluster.effects("PromoteReadReplica").await?, 1);
    cluster.stop().await;
    Ok(())
}

/// Goal: R25, nothing fails back by itself, and the audit's chain is whole and equal on all agents. Method: fail over,
/// let the old primary recover, then kill the new one.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_failure_meets_the_guards() -> anyhow::Result<()> {
    let cluster = Cluster::green("0s").await?;
    // With its AWS endpoints: a fence that worked would leave nothing there to come back to.
    cluster.fault("us-east-1", json!({"kind": "kill", "control_plane": true})).await?;
    cluster.failed_over("us-west-2").await?;
    cluster.fault("us-east-1", json!({"kind": "none"})).await?;
    cluster.fault("us-west-2", json!({"kind": "kill"})).await?;
    until("failing back is refused, by its name", async || {
        let explanation = cluster.explain("us-west-2").await?;
        let down = explanation.regions.iter().any(|r| r.name == "us-west-2" && r.opinion == "down");
        let named = explanation.summary.contains("failback is never automatic");
        anyhow::ensure!(down && named, "{}", explanation.summary);
        Ok(Some(()))
    })
    .await?;
    throughout(QUIET, "one execution", async || {
        Ok(cluster.executions("us-west-2").await?.executions.len() == 1)
    })
    .await?;
    assert_eq!(cluster.executions("us-west-2").await?.executions.len(), 1);
    let heads = until("the audit is equal on all agents", async || {
        let mut heads = Vec::new();
        for region in ["us-east-1", "us-west-2", "eu-west-1"] {
            let audit = cluster.audit(region).await?;
            assert!(audit.verified, "the chain on {region} is broken");
            heads.push(audit.head);
        }
        Ok(heads.iter().all(|head| *head == heads[0]).then_some(heads))
    })
    .await?;
    assert!(!heads[0].is_empty());
    cluster.stop().await;
    Ok(())
}
