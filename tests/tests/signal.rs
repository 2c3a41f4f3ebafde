//! us-east-1 is gone: its application, every AWS endpoint there, Route 53's one control plane, and the agent too. What
//! then still moves traffic, and what says that it cannot. Whole clusters of real processes; Route 53's health checkers are
//! the sandbox's, which ask the agents over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

use quorate_api::Execution;
use quorate_tests::{Cluster, binary, until};
use serde_json::{Value, json};
use std::process::{Command, Output};

const PRIMARY: &str = "us-east-1";
const STANDBY: &str = "us-west-2";
/// Where the step that moves traffic stands in the demo's policy: its whole line.
const MOVES: &str = "route53.repoint:";
/// A repoint has no other way to end than its timeout here; the signal is one entry in the log.
const PATIENCE: &str = "timeout: 6s\n        retries: 0";

/// The demo's policy, but that this action moves traffic; none leaves the demo's own.
fn policy(cluster: &Cluster, action: Option<&str>) -> String {
    let text = cluster.stage.policy("0s");
    let mut lines = text.lines().map(str::to_owned).collect::<Vec<_>>();
    let at = lines.iter().position(|line| line.trim_start().starts_with(MOVES)).unwrap();
    if let Some(action) = action {
        lines[at] = format!("        {action}");
    }
    let timeout = at + lines[at..].iter().position(|line| line.contains("timeout")).unwrap();
    lines[timeout] = format!("        {PATIENCE}");
    lines.join("\n")
}

async fn apply(cluster: &Cluster, policy: String) -> anyhow::Result<()> {
    let body = json!({"policy": policy, "file": "policy.yaml", "reason": "how traffic moves"});
    cluster.agent(STANDBY).api.post("/v1/policies", &body).await.map(drop)
}

/// The command line, on the standby region's host.
fn quorate(cluster: &Cluster, arguments: &[&str]) -> Output {
    let file = cluster.stage.directory.path().join(format!("cluster/{STANDBY}.yaml"));
    Command::new(binary())
        .args(arguments)
        .arg("--config")
        .arg(file)
        .env("AWS_ACCESS_KEY_ID", "SANDBOXOPERATOR")
        .env("AWS_SECRET_ACCESS_KEY", "sandbox")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .output()
        .unwrap()
}

async fn resolved(cluster: &Cluster, name: &str) -> anyhow::Result<Value> {
    let answer: Value = cluster.stage.control.get(&format!("/control/resolve?name={name}")).await?;
    Ok(answer["answers"].clone())
}

/// The region to which DNS leads clients.
async fn leads_to(cluster: &Cluster) -> anyhow::Result<String> {
    let service = &cluster.stage.endpoints.service;
    let now = resolved(cluster, &service.record).await?;
    for (region, alias) in &service.aliases {
        if resolved(cluster, &alias.target).await? == now {
            return Ok(region.clone());
        }
    }
    anyhow::bail!("{now} is no region")
}

/// Everything in us-east-1 dies at once.
async fn lose_us_east_1(cluster: &mut Cluster) -> anyhow::Result<()> {
    cluster.fault(PRIMARY, json!({"kind": "kill", "control_plane": true, "route53": true})).await?;
    cluster.agent_mut(PRIMARY).kill().await;
    Ok(())
}

fn step<'a>(execution: &'a Execution, name: &str) -> &'a quorate_api::execution::Step {
    execution.steps.iter().find(|step| step.name == name).unwrap()
}

/// Goal: with all of us-east-1 gone, a plan with `route53.signal` moves traffic by the two agents that are left, without one
/// call on Route 53. Method: `quorate signal setup` beforehand, on the policy that is in force; then the region dies, and
/// DNS is asked.
#[tokio::test(flavor = "multi_thread")]
async fn the_signal_moves_traffic_without_us_east_1() -> anyhow::Result<()> {
    let mut cluster = Cluster::green("0s").await?;
    let service = cluster.stage.endpoints.service.clone();
    let record = format!(
        "{{zone: {}, name: {}, alias: \"{{to.alb}}\", alias_zone: \"{{to.alb_zone}}\"}}",
        service.zone, service.record
    );
    let signal = format!("route53.signal: {{region: \"{{to}}\", record: {record}}}");
    apply(&cluster, policy(&cluster, Some(&signal))).await?;
    let setup = quorate(&cluster, &["signal", "setup", "shop", "--yes"]);
    assert!(setup.status.success(), "{}", String::from_utf8_lossy(&setup.stderr));
    assert_eq!(leads_to(&cluster).await?, PRIMARY, "a setup moves no traffic");
    let calls = cluster.effects("ChangeResourceRecordSets").await?;

    lose_us_east_1(&mut cluster).await?;
    let execution = cluster.failed_over(STANDBY).await?;
    assert_eq!(step(&execution, "repoint").detail, "the agents signal us-west-2", "{execution:#?}");
    assert_eq!(leads_to(&cluster).await?, STANDBY);
    assert_eq!(cluster.effects("ChangeResourceRecordSets").await?, calls, "no record was changed");
    let check = quorate(&cluster, &["signal", "check", "shop"]);
    let said = String::from_utf8_lossy(&check.stderr).into_owned();
    assert!(!check.status.success() && said.contains("cannot read what stands"), "Route 53 is gone: {said}");
    cluster.stop().await;
    Ok(())
}

/// Goal: the same plan with `route53.repoint` stops there and says why; what came before it is done, and nobody is told that
/// traffic has moved. Method: the same death, and the step's own words.
#[tokio::test(flavor = "multi_thread")]
async fn a_repoint_stops_without_us_east_1() -> anyhow::Result<()> {
    let mut cluster = Cluster::green("0s").await?;
    apply(&cluster, policy(&cluster, None)).await?;
    lose_us_east_1(&mut cluster).await?;
    let execution = until("the execution stops", async || {
        let list = cluster.executions(STANDBY).await?;
        Ok(list.executions.into_iter().find(|execution| execution.state == "stopped"))
    })
    .await?;
    let (promote, repoint) = (step(&execution, "promote"), step(&execution, "repoint"));
    assert_eq!(promote.state, "succeeded", "{execution:#?}");
    assert_eq!(repoint.state, "unknown", "{execution:#?}");
    assert!(repoint.detail.contains("route53:ListResourceRecordSets"), "{execution:#?}");
    assert!(execution.summary.contains("repoint"), "{execution:#?}");
    assert_eq!(leads_to(&cluster).await?, PRIMARY, "traffic has not moved");
    assert_eq!(cluster.effects("ChangeResourceRecordSets").await?, 0);
    cluster.stop().await;
    Ok(())
}
