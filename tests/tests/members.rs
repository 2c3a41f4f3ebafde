//! Agents come and go while the cluster works, and the last one goes on alone: whole clusters of real processes.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

use quorate::demo::agents::AgentProcess;
use quorate_tests::{Cluster, binary, newcomers::Newcomer, until};
use serde_json::{Value, json};
use std::{fs, process::Command};

const REGIONS: [&str; 3] = ["us-east-1", "us-west-2", "eu-west-1"];

/// Waits until an agent lists exactly these, all of them voters.
async fn are_voters(cluster: &Cluster, agent: &AgentProcess, names: &[&str]) -> anyhow::Result<()> {
    let mut expected: Vec<(String, String)> =
        names.iter().map(|name| ((*name).to_owned(), "voter".to_owned())).collect();
    expected.sort();
    until("the members are those", async || {
        let members: quorate_api::Members = agent.api.get("/v1/members").await?;
        anyhow::ensure!(
            members.change.is_none() && cluster.members_at(agent).await? == expected,
            "{members:?}"
        );
        Ok(Some(()))
    })
    .await
}

async fn add(at: &AgentProcess, newcomer: &Newcomer, region: &str) -> anyhow::Result<Value> {
    let body = json!({"name": newcomer.process.name, "region": region, "address": newcomer.address, "reason": "one more"});
    at.api.post("/v1/members/add", &body).await
}

/// The refusal of a change, as text.
async fn refused(at: &AgentProcess, verb: &str, body: Value) -> String {
    at.api.post(&format!("/v1/members/{verb}"), &body).await.expect_err("it must be refused").to_string()
}

async fn not_ready(agent: &AgentProcess, word: &str) -> anyhow::Result<()> {
    until("the agent says that it is not ready", async || {
        let answer = agent.api.get::<Value>("/readyz").await;
        let text = answer.err().map(|error| error.to_string()).unwrap_or_default();
        Ok((text.contains("503") && text.contains(word)).then_some(()))
    })
    .await
}

/// Goal: F28. A fourth agent joins with an empty disk and counts; one is removed and stops acting at once; one that is lost is
/// replaced; what would leave too few is refused with its reason; and the agents that are left detect a failure and fail over.
/// Method: all of it in one cluster, while it probes.
#[tokio::test(flavor = "multi_thread")]
async fn agents_come_and_go() -> anyhow::Result<()> {
    let mut cluster = Cluster::green("0s").await?;
    let west = "us-west-2";
    let needs =
        refused(cluster.agent(west), "remove", json!({"name": "eu-west-1", "reason": "too few"})).await;
    assert!(needs.contains("members_not_changed") && needs.contains("counts on more agents"), "{needs}");

    let mut fourth = cluster.newcomer("eu-west-1", "ap-south-1", "ap-south-1", &[], &[])?;
    fourth.process.start()?;
    not_ready(&fourth.process, "").await?;
    add(cluster.agent(west), &fourth, "ap-south-1").await?;
    let four = ["ap-south-1", "us-east-1", west, "eu-west-1"];
    for region in REGIONS {
        are_voters(&cluster, cluster.agent(region), &four).await?;
    }
    are_voters(&cluster, &fourth.process, &four).await?;
    until("the new agent is ready, and its votes count", async || {
        let service = cluster.service(west).await?;
        let mut targets = service.regions.iter().flat_map(|region| &region.targets);
        let counted = targets.all(|target| target.healthy.len() == 4);
        Ok((counted && fourth.process.api.ok("/readyz").await).then_some(()))
    })
    .await?;

    cluster
        .agent(west)
        .api
        .post("/v1/members/remove", &json!({"name": "eu-west-1", "reason": "given up"}))
        .await?;
    are_voters(&cluster, cluster.agent(west), &["ap-south-1", "us-east-1", west]).await?;
    not_ready(cluster.agent("eu-west-1"), "removed").await?;
    cluster.agent_mut("eu-west-1").kill().await;
    cluster.agent_mut("eu-west-1").start()?;
    not_ready(cluster.agent("eu-west-1"), "removed").await?;

    fourth.process.kill().await;
    let mut fifth = cluster.newcomer(west, "ap-south-2", "ap-south-1", &["eu-west-1"], &[])?;
    fifth.process.start()?;
    let body = json!({"old": "ap-south-1", "name": "ap-south-2", "address": fifth.address, "reason": "its disk is gone"});
    cluster.agent(west).api.post("/v1/members/replace", &body).await?;
    let three = ["ap-south-2", "us-east-1", west];
    are_voters(&cluster, cluster.agent(west), &three).await?;
    are_voters(&cluster, &fifth.process, &three).await?;

    until("the new agent has seen the region healthy", async || {
        let service = cluster.service(west).await?;
        let mut targets = service.regions.iter().flat_map(|region| &region.targets);
        Ok(targets.all(|target| target.healthy.len() == 3).then_some(()))
    })
    .await?;
    cluster.fault("us-east-1", json!({"kind": "kill"})).await?;
    cluster.failed_over(west).await?;
    let audit = cluster.audit(west).await?;
    let events: Vec<&str> = audit.entries.iter().map(|entry| entry.event.as_str()).collect();
    for (event, count) in [("members_changing", 3), ("members_changed", 3), ("members_kept", 0)] {
        assert_eq!(events.iter().filter(|known| **known == event).count(), count, "{event} in {events:?}");
    }
    fifth.process.stop().await;
    cluster.stop().await;
    Ok(())
}

/// `quorate recover` on an agent's file.
fn recover(cluster: &Cluster, name: &str) -> (bool, String) {
    let done = Command::new(binary())
        .args([
            "recover",
            "--as-only-member",
            "--i-know-the-others-are-lost",
            "--reason",
            "both burnt",
            "--config",
        ])
        .arg(cluster.files().join(format!("{name}.yaml")))
        .output()
        .expect("the binary runs");
    let text = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    (done.status.success(), text)
}

/// Goal: with two of three lost for good the third goes on with what it knows, acts on nothing before there are three
/// again, and a lost one that comes back with its old data is refused by all. Method: recover too early, wipe two agents
/// but keep a copy of one, recover, add two new ones, fail over, then start the copy.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_agent_goes_on() -> anyhow::Result<()> {
    let mut cluster = Cluster::green("0s").await?;
    let west = "us-west-2";
    let (done, why) = recover(&cluster, west);
    assert!(!done && why.contains("open"), "its database is locked while it runs: {why}");
    cluster.agent_mut(west).stop().await;
    let (done, why) = recover(&cluster, west);
    assert!(!done && why.contains("it is not lost"), "the others answer: {why}");

    let (data, kept) = (cluster.files().join("data"), cluster.files().join("kept"));
    for lost in ["us-east-1", "eu-west-1"] {
        cluster.agent_mut(lost).kill().await;
    }
    fs::create_dir(&kept)?;
    for entry in fs::read_dir(data.join("eu-west-1"))? {
        let path = entry?.path();
        if path.is_file() {
            fs::copy(&path, kept.join(path.file_name().unwrap()))?;
        }
    }
    for lost in ["us-east-1", "eu-west-1"] {
        fs::remove_dir_all(data.join(lost))?;
    }
    let (done, said) = recover(&cluster, west);
    assert!(done && said.contains("goes on alone"), "{said}");
    cluster.agent_mut(west).start()?;
    are_voters(&cluster, cluster.agent(west), &[west]).await?;
    let alone = cluster
        .agent(west)
        .api
        .post("/v1/services/shop/failover", &json!({"reason": "x", "confirm": "shop"}))
        .await;
    assert!(alone.unwrap_err().to_string().contains("rebuilding"), "one agent moves nothing");

    let mut first = cluster.newcomer(west, "us-east-1n", "us-east-1", &["us-east-1", "eu-west-1"], &[])?;
    first.process.start()?;
    add(cluster.agent(west), &first, "us-east-1").await?;
    are_voters(&cluster, cluster.agent(west), &["us-east-1n", west]).await?;
    let lease = first.process.api.try_get::<Value>("/v1/lease/shop").await?;
    assert!(lease.is_err(), "no lease is granted among two");
    let mut second =
        cluster.newcomer(west, "eu-west-1n", "eu-west-1", &["us-east-1", "eu-west-1"], &[&first])?;
    second.process.start()?;
    add(cluster.agent(west), &second, "eu-west-1").await?;
    are_voters(&cluster, &second.process, &["eu-west-1n", "us-east-1n", west]).await?;
    until("the region that had the lease has it again", async || {
        Ok(first.process.api.ok("/v1/lease/shop").await.then_some(()))
    })
    .await?;

    // The old agent comes back with what it knew.
    fs::create_dir_all(data.join("eu-west-1"))?;
    for entry in fs::read_dir(&kept)? {
        let path = entry?.path();
        fs::copy(&path, data.join("eu-west-1").join(path.file_name().unwrap()))?;
    }
    let before: quorate_api::Status = cluster.agent(west).api.get("/v1/status").await?;
    cluster.agent_mut("eu-west-1").start()?;
    until("the old agent hears that its history has ended, and stops", async || {
        Ok((!cluster.agent("eu-west-1").api.ok("/healthz").await).then_some(()))
    })
    .await?;

    cluster.agent(west).api.post("/v1/services/shop/resume", &json!({"reason": "looked at it"})).await?;
    until("every agent has seen the region healthy", async || {
        let service = cluster.service(west).await?;
        let mut targets = service.regions.iter().flat_map(|region| &region.targets);
        Ok(targets.all(|target| target.healthy.len() == 3).then_some(()))
    })
    .await?;
    cluster.fault("us-east-1", json!({"kind": "kill"})).await?;
    let execution = cluster.failed_over(west).await?;
    let epoch: u64 = execution.id.rsplit('-').next().unwrap().parse()?;
    assert!(epoch > 1_000, "the epochs of the lost agents are behind it: {epoch}");
    let after: quorate_api::Status = cluster.agent(west).api.get("/v1/status").await?;
    assert_eq!(before.term, after.term, "the old agent disturbs no election");
    for newcomer in [&mut first, &mut second] {
        newcomer.process.stop().await;
    }
    cluster.stop().await;
    Ok(())
}
