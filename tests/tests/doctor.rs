//! `quorate doctor` beside real agents: what it says where all is well, and of each thing that is broken then.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

use quorate::doctor::{Area, Diagnosis, Finding, Status};
use quorate_tests::{Cluster, binary, until};
use serde_json::json;
use std::{fs, path::Path};
use tokio::process::Command;

/// So long that nothing is decided while the test breaks things.
const DWELL: &str = "1h";

/// Runs the doctor on an agent's file, and returns its exit code and what it printed.
async fn run(cluster: &Cluster, name: &str, format: &str) -> anyhow::Result<(i32, String)> {
    let mut command = Command::new(binary());
    command.args(["doctor", "-o", format, "--config"]).arg(cluster.files().join(format!("{name}.yaml")));
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    let done = command.output().await?;
    let text = String::from_utf8(done.stdout)? + &String::from_utf8(done.stderr)?;
    Ok((done.status.code().unwrap_or(-1), text))
}

async fn diagnosis(cluster: &Cluster, name: &str) -> anyhow::Result<Diagnosis> {
    let (code, text) = run(cluster, name, "json").await?;
    let diagnosis: Diagnosis = serde_json::from_str(&text)?;
    anyhow::ensure!(code == i32::from(diagnosis.outcome == Status::Failed), "exit code {code}: {text}");
    Ok(diagnosis)
}

fn of<'a>(diagnosis: &'a Diagnosis, check: &str, subject: &str) -> anyhow::Result<&'a Finding> {
    let found =
        diagnosis.findings.iter().find(|finding| finding.check == check && finding.subject == subject);
    found.ok_or_else(|| anyhow::anyhow!("no finding of {check} about {subject} in {diagnosis:#?}"))
}

/// Waits until a check of the doctor has failed with these words.
async fn fails(cluster: &Cluster, name: &str, check: &str, subject: &str, says: &str) -> anyhow::Result<()> {
    until(&format!("{check} of {subject} says {says}"), async || {
        let diagnosis = diagnosis(cluster, name).await?;
        let finding = of(&diagnosis, check, subject)?;
        let wrong =
            finding.status == Status::Failed && finding.found.contains(says) && !finding.mend.is_empty();
        anyhow::ensure!(wrong, "{finding:?}");
        Ok(Some(()))
    })
    .await
}

/// A certificate of the cluster's authority for an agent, under another name, in the place of its own.
async fn misname(files: &Path, agent: &str, name: &str) -> anyhow::Result<()> {
    let made = files.join("misnamed");
    let issued = Command::new(binary())
        .args(["tls", "issue", name, "--host", "127.0.0.1"])
        .arg("--ca")
        .arg(files.join("ca.pem"))
        .arg("--ca-key")
        .arg(files.join("ca.key"))
        .arg("--out")
        .arg(&made)
        .output()
        .await?;
    anyhow::ensure!(issued.status.success(), "{issued:?}");
    for end in ["key", "pem"] {
        fs::rename(made.join(format!("{name}.{end}")), files.join(format!("{agent}.{end}")))?;
    }
    Ok(())
}

/// Goal: beside an agent of a green cluster nothing has failed, everything that only the agent knows is compared, the page fits
/// the screen, and no secret is on it. Method: the doctor in both forms.
async fn all_is_well(cluster: &Cluster) -> anyhow::Result<()> {
    // A host that is busy for a moment makes a probe or a round trip late, which is said rightly and passes.
    let well = until("nothing has failed", async || {
        let seen = diagnosis(cluster, "us-west-2").await?;
        let failed: Vec<&Finding> = seen.findings.iter().filter(|one| one.status == Status::Failed).collect();
        anyhow::ensure!(seen.running && failed.is_empty(), "{failed:#?}");
        Ok(Some(seen))
    })
    .await?;
    for peer in ["us-east-1", "eu-west-1"] {
        for check in ["version", "members", "policies", "peer_certificate"] {
            let finding = of(&well, check, peer)?;
            assert_eq!(finding.status, Status::Ok, "{finding:?}");
        }
        for (check, says) in [("reachable", "round trip"), ("clock_apart", "this host's")] {
            let finding = of(&well, check, peer)?;
            assert!(finding.found.contains(says), "{finding:?}");
        }
    }
    for (check, subject) in
        [("standing", "us-west-2"), ("majority", "majority"), ("own_certificate", "us-west-2")]
    {
        assert_eq!(of(&well, check, subject)?.status, Status::Ok, "{check}");
    }
    for region in ["us-east-1", "us-west-2"] {
        let finding = of(&well, "probe", &format!("shop api-health/{region}"))?;
        assert!(finding.found.contains("answered as expected"), "{finding:?}");
    }
    assert!(well.findings.iter().any(|finding| finding.area == Area::Plans && finding.check == "plan"));
    let data = cluster.files().join(cluster.agent_file("us-west-2")?.data_dir).display().to_string();
    let directory = of(&well, "data_directory", &data)?;
    assert!(directory.status == Status::Ok && directory.found.contains("mode 700"), "{directory:?}");

    let (_, page) = run(cluster, "us-west-2", "table").await?;
    assert!(page.contains("Agent us-west-2 in us-west-2, running"), "{page}");
    assert!(page.lines().all(|line| line.chars().count() <= 100), "{page}");
    let token = fs::read_to_string(cluster.files().join("operator.token"))?;
    assert!(!page.contains(token.trim()), "the token is on the page");
    Ok(())
}

/// Goal: what is broken around a running agent is named: a region whose application is gone, an agent whose certificate names
/// another, one that is down, and a majority that is lost. Method: break one after the other, and ask the doctor beside an agent
/// that is left.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_broken_around_an_agent_is_named() -> anyhow::Result<()> {
    let mut cluster = Cluster::green(DWELL).await?;
    let east = "us-east-1";
    all_is_well(&cluster).await?;

    cluster.fault(east, json!({"kind": "kill"})).await?;
    fails(&cluster, "us-west-2", "probe", "shop api-health/us-east-1", "after").await?;

    misname(&cluster.files(), "us-west-2", "somebody").await?;
    fails(&cluster, east, "peer_certificate", "us-west-2", "somebody").await?;
    fails(&cluster, "us-west-2", "own_certificate", "us-west-2", "us-west-2").await?;

    cluster.agent_mut("eu-west-1").kill().await;
    fails(&cluster, east, "reachable", "eu-west-1", "").await?;
    fails(&cluster, east, "majority", "majority", "1 of 3").await?;

    cluster.agent_mut(east).stop().await;
    let alone = diagnosis(&cluster, east).await?;
    assert!(!alone.running);
    let running = of(&alone, "running", east)?;
    assert!(running.status == Status::Skipped && running.found.contains("does not run"), "{running:?}");
    assert_eq!(of(&alone, "probe", "targets")?.status, Status::Skipped);
    cluster.stop().await;
    Ok(())
}
