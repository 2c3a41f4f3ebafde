//! A rolling restart, as an upgrade is one, while a failover runs: one agent at a time, the executor and the leader included,
//! and after each what `deploy/OPERATIONS.md` tells an operator to wait for. Whole clusters of real processes.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

use anyhow::Context as _;
use quorate_api::{Execution, Members, PolicyView, Status};
use quorate_tests::{Cluster, binary, throughout, until};
use serde_json::{Value, json};
use std::{process::Command, time::Duration};

const REGIONS: [&str; 3] = ["us-east-1", "us-west-2", "eu-west-1"];
/// Before the promotion and after it: so long that every agent is restarted while the failover runs, on a busy machine too.
const SLOW: &str = "15s";
/// Longer than a report interval, a lease and an election together: a leader that stays for so long is steady.
const STEADY: Duration = Duration::from_secs(5);

/// How an agent is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// SIGTERM, as systemd and containers do it.
    Gracefully,
    /// SIGKILL.
    Hard,
}

/// The demo's policy with a failover that takes its time, and a way home without a promotion, which nothing on RDS takes back.
async fn slow_failover(cluster: &Cluster) -> anyhow::Result<()> {
    let api = &cluster.agent("us-east-1").api;
    let view: PolicyView = api.get("/v1/policies/shop").await?;
    let policy = quorate_policies::document::read_policy("demo.yaml", &view.policy);
    let mut policy = serde_json::to_value(policy.map_err(|problems| anyhow::anyhow!("{problems:?}"))?)?;
    let mut home = policy["plans"]["failover"].clone();
    home["steps"].as_object_mut().context("steps")?.retain(|name, _| name != "promote" && name != "fence");
    home["steps"]["repoint"]["needs"] = json!(["scale"]);
    policy["plans"]["home"] = home;
    policy["guards"]["cooldown"] = json!("1s");
    policy["scenarios"]["home"] = json!({"run": "home", "mode": "manual"});
    let steps = &mut policy["plans"]["failover"]["steps"];
    steps["look-around"] = json!({"wait": {"for": SLOW}, "needs": ["fence"]});
    steps["promote"]["needs"] = json!(["look-around"]);
    steps["settle"] = json!({"wait": {"for": SLOW}, "needs": ["promote"]});
    steps["repoint"]["needs"] = json!(["settle", "scale"]);
    let text = serde_json::to_string_pretty(&policy)?;
    let applied = api.post("/v1/policies", &json!({"policy": text, "reason": "slow steps"})).await?;
    anyhow::ensure!(applied["version"] == 2, "{applied}");
    all_see(cluster, "us-west-2", Some("healthy")).await
}

/// Waits until every agent says something of every target, by the policy in force, and the primary region is agreed to be so.
/// Agents that start into a red region do not vote against it (F26), so nothing is agreed on while they are restarted.
async fn all_see(cluster: &Cluster, at: &str, east: Option<&str>) -> anyhow::Result<()> {
    until("every agent's verdict counts", async || {
        let service = cluster.service(at).await?;
        let heard = service.regions.iter().flat_map(|region| &region.targets);
        let all = heard.clone().all(|target| target.silent.is_empty() && target.mismatched.is_empty());
        let as_told = service.regions.iter().all(|region| match region.name.as_str() {
            "us-east-1" => east.is_none_or(|east| region.opinion == east),
            _ => region.opinion == "healthy",
        });
        anyhow::ensure!(all && as_told, "{:?}", service.regions);
        Ok(Some(()))
    })
    .await
}

async fn leader(cluster: &Cluster, at: &str) -> anyhow::Result<String> {
    until("somebody leads", async || {
        let status: Status = cluster.agent(at).api.get("/v1/status").await?;
        Ok(status.leader.filter(|_| status.has_quorum))
    })
    .await
}

/// `quorate healthcheck --ready`, as an operator's script would ask it.
fn is_ready(cluster: &Cluster, region: &str) -> bool {
    let asked = Command::new(binary())
        .args(["healthcheck", "--ready", "--agent", &cluster.agent(region).url])
        .output()
        .expect("the binary runs");
    asked.status.success()
}

/// Stops an agent, starts it again, and waits as an operator is told to.
async fn restart(cluster: &mut Cluster, region: &'static str, stop: Stop) -> anyhow::Result<()> {
    let witness = REGIONS.into_iter().find(|other| *other != region).expect("there are three");
    match stop {
        Stop::Gracefully => {
            let process = cluster.agent(region).pid().context("it runs")?.to_string();
            anyhow::ensure!(Command::new("kill").args(["-TERM", &process]).status()?.success());
            let mut ended = None;
            let by = std::time::Instant::now() + STEADY * 2;
            while ended.is_none() && std::time::Instant::now() < by {
                tokio::time::sleep(Duration::from_millis(20)).await;
                ended = cluster.agent_mut(region).ended();
            }
            let ended = ended.context("it stops when it is asked to")?;
            anyhow::ensure!(ended.contains("exit status: 0"), "{ended}");
        }
        Stop::Hard => {}
    }
    cluster.agent_mut(region).kill().await;
    cluster.agent_mut(region).start()?;
    until("the agent is ready", async || Ok(is_ready(cluster, region).then_some(()))).await?;
    until("another agent hears it, with its version", async || {
        let members: Members = cluster.agent(witness).api.get("/v1/members").await?;
        let it = members.members.into_iter().find(|member| member.name == region).context("a member")?;
        Ok((it.feature_level.is_some() && it.version.is_some()).then_some(()))
    })
    .await?;
    all_see(cluster, witness, None).await
}

async fn execution(cluster: &Cluster, plan: &str, state: &str) -> anyhow::Result<Execution> {
    until("the execution gets there", async || {
        let all = cluster.executions("us-west-2").await?.executions;
        anyhow::ensure!(all.iter().all(|e| e.state == "running" || e.state == "succeeded"), "{all:?}");
        Ok(all.into_iter().find(|execution| execution.plan == plan && execution.state == state))
    })
    .await
}

/// What the world was changed by, each once: the sandbox's own record.
async fn changes(cluster: &Cluster) -> anyhow::Result<Vec<String>> {
    let effects: Vec<Value> = cluster.stage.control.get("/control/effects").await?;
    let changed = effects.iter().filter(|e| e["outcome"] == "applied" && e["no_change"] != true);
    Ok(changed.map(|e| e["operation"].as_str().unwrap_or_default().to_owned()).collect())
}

async fn rolled(stop: Stop) -> anyhow::Result<()> {
    let mut cluster = Cluster::green("0s").await?;
    slow_failover(&cluster).await?;
    // With its AWS endpoints: a fence that worked would leave nothing there to come home to.
    cluster.fault("us-east-1", json!({"kind": "kill", "control_plane": true})).await?;
    let begun = execution(&cluster, "failover", "running").await?;
    all_see(&cluster, "us-west-2", Some("down")).await?;

    // The followers first, as an operator would.
    let leads = leader(&cluster, "us-west-2").await?;
    let (last, first): (Vec<&str>, Vec<&str>) = REGIONS.into_iter().partition(|region| *region == leads);
    let mut during = 0;
    for region in first.into_iter().chain(last) {
        restart(&mut cluster, region, stop).await?;
        let list = cluster.executions("us-west-2").await?.executions;
        during += usize::from(list.iter().any(|e| e.id == begun.id && e.state == "running"));
    }
    assert!(during > 0, "the failover was over before any agent had been restarted");
    let done = execution(&cluster, "failover", "succeeded").await?;
    assert_eq!(done.id, begun.id, "it is the execution that had begun");
    let first = changes(&cluster).await?;
    let count = |changes: &[String], operation: &str| changes.iter().filter(|o| *o == operation).count();
    for operation in ["PromoteReadReplica", "UpdateService", "ChangeResourceRecordSets"] {
        assert_eq!(count(&first, operation), 1, "{operation} in {first:?}");
    }

    cluster.fault("us-east-1", json!({"kind": "none"})).await?;
    all_see(&cluster, "us-west-2", Some("healthy")).await?;
    let order =
        json!({"scenario": "home", "to": "us-east-1", "reason": "it is well again", "confirm": "shop"});
    cluster.agent("eu-west-1").api.post("/v1/services/shop/declare", &order).await?;
    execution(&cluster, "home", "succeeded").await?;
    let service = cluster.service("us-west-2").await?;
    assert_eq!((service.active.as_str(), service.execution), ("us-east-1", None));
    let all = changes(&cluster).await?;
    assert_eq!(count(&all, "PromoteReadReplica"), 1, "{all:?}");
    assert_eq!(count(&all, "ChangeResourceRecordSets"), 2, "there and back: {all:?}");
    assert_eq!(cluster.executions("us-west-2").await?.executions.len(), 2);

    steady(&cluster).await?;
    cluster.stop().await;
    Ok(())
}

/// All agents are up, agree on the level and on what happened, and nobody asks for another leader.
async fn steady(cluster: &Cluster) -> anyhow::Result<()> {
    for region in REGIONS {
        assert!(is_ready(cluster, region), "{region} is not ready");
        let members: Members = cluster.agent(region).api.get("/v1/members").await?;
        assert_eq!(members.feature_level, 1);
        assert!(members.members.iter().all(|member| member.feature_level == Some(1)), "{members:?}");
    }
    let before: Status = cluster.agent("us-west-2").api.get("/v1/status").await?;
    throughout(STEADY, "one leader", async || {
        let now: Status = cluster.agent("us-west-2").api.get("/v1/status").await?;
        Ok(now.term == before.term && now.leader == before.leader && now.has_quorum)
    })
    .await?;
    until("the audit is whole, and equal on all agents", async || {
        let mut heads = Vec::new();
        for region in REGIONS {
            let audit = cluster.audit(region).await?;
            anyhow::ensure!(audit.verified, "the chain on {region} is broken");
            heads.push(audit.head);
        }
        Ok(heads.iter().all(|head| *head == heads[0]).then_some(()))
    })
    .await
}

/// Goal: an upgrade as an operator is told to make it loses no execution and does nothing twice. Method: SIGTERM and a new start, one
/// agent at a time, the leader last, while a failover runs; a second execution home; the sandbox's record of what was changed.
#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_under_a_failover() -> anyhow::Result<()> {
    rolled(Stop::Gracefully).await
}

/// Goal: the same for agents that are not asked. Method: SIGKILL.
#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_kill_under_a_failover() -> anyhow::Result<()> {
    rolled(Stop::Hard).await
}
