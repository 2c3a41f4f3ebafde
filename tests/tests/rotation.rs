//! Certificates and their authority are replaced under three running agents, in the order that deploy/OPERATIONS.md gives, while
//! they fail a service over. Real processes on the sandbox.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

use quorate_policies::document::{TlsFiles, read_policy};
use quorate_tests::{
    Cluster,
    certificates::{Welcome, first_of, put, tls},
    until,
};
use serde_json::{Value, json};
use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

const REGIONS: [&str; 3] = ["us-east-1", "us-west-2", "eu-west-1"];
const WEST: &str = "us-west-2";
/// The policy's question in the midst of its plan: the failover runs until it has its answer.
const ASKING: &str =
    r#"quorate_failover_asking_since_timestamp_seconds{plan="failover",service="shop",step="sign"}"#;
const REFUSED: &str = r#"quorate_certificate_reloads_total{outcome="refused"}"#;

fn expiry(of: &str) -> String {
    format!(r#"quorate_agent_certificate_expiry_timestamp_seconds{{certificate="{of}"}}"#)
}

/// Looks all the time at whether there is a majority. A busy machine may force an election at any moment, and then all agents are
/// without one for some hundred milliseconds; three looks in a row are more than that.
struct QuorumWatch {
    done: Arc<AtomicBool>,
    lost: Arc<AtomicU32>,
    task: tokio::task::JoinHandle<u32>,
}

impl QuorumWatch {
    fn start(cluster: &Cluster) -> Self {
        let apis: Vec<_> = REGIONS.iter().map(|region| cluster.agent(region).api.clone()).collect();
        let (done, lost) = (Arc::<AtomicBool>::default(), Arc::<AtomicU32>::default());
        let (until, worst) = (done.clone(), lost.clone());
        let task = tokio::spawn(async move {
            let (mut looks, mut without) = (0, 0);
            while !until.load(Ordering::Relaxed) {
                let (first, second, third) =
                    tokio::join!(apis[0].ok("/readyz"), apis[1].ok("/readyz"), apis[2].ok("/readyz"));
                without = if first || second || third { 0 } else { without + 1 };
                worst.fetch_max(without, Ordering::Relaxed);
                looks += 1;
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            looks
        });
        Self { done, lost, task }
    }

    async fn end(self) {
        self.done.store(true, Ordering::Relaxed);
        let looks = self.task.await.unwrap();
        let lost = self.lost.load(Ordering::Relaxed);
        assert!(looks > 3 && lost < 3, "without a majority in {lost} looks in a row, of {looks}");
    }
}

/// The demo's policy with a question before the promotion.
async fn ask_in_the_midst(cluster: &Cluster) -> anyhow::Result<()> {
    let read = read_policy("demo.yaml", &cluster.stage.policy("1s"));
    let mut policy = serde_json::to_value(read.map_err(|problems| anyhow::anyhow!("{problems:?}"))?)?;
    let steps = &mut policy["plans"]["failover"]["steps"];
    steps["sign"] =
        json!({"approval": {"ask": "Are the certificates in place?"}, "needs": ["fence"], "timeout": "5m"});
    steps["promote"]["needs"] = json!(["fence", "sign"]);
    let body = json!({"policy": policy.to_string(), "reason": "a question"});
    cluster.agent(WEST).api.post("/v1/policies", &body).await?;
    until("everything is healthy by the new policy", async || {
        let service = cluster.service(WEST).await?;
        let mut targets = service.regions.iter().flat_map(|region| &region.targets);
        Ok(targets.all(|target| target.healthy.len() == 3).then_some(()))
    })
    .await
}

/// Waits until an agent shows this certificate to whoever calls with `caller`.
async fn shows(cluster: &Cluster, region: &str, caller: &TlsFiles, expected: &[u8]) -> anyhow::Result<()> {
    until(&format!("{region} shows its new certificate"), async || {
        Ok((cluster.welcome(region, caller).await? == Welcome::Taken(expected.to_vec())).then_some(()))
    })
    .await
}

/// Half a file where the certificate is: it is refused by name, the one from before stays in use, and both are told.
async fn half_a_file(cluster: &Cluster, caller: &TlsFiles) -> anyhow::Result<()> {
    let [_, certificate, _] = cluster.tls_files(WEST)?;
    let (whole, shown) = (fs::read(&certificate)?, first_of(&certificate)?);
    let holds = cluster.metric(WEST, &expiry("own")).await?;
    let refused = cluster.metric(WEST, REFUSED).await?.expect("there from the first scrape on");
    put(&certificate, &whole[..whole.len() / 2])?;
    until("half a certificate is refused", async || {
        Ok((cluster.metric(WEST, REFUSED).await? > Some(refused)).then_some(()))
    })
    .await?;
    let said = cluster.agent(WEST).last_words();
    let line = said.lines().find(|line| line.contains("the certificates cannot be used"));
    let line = line.unwrap_or_else(|| panic!("nothing was said of it:\n{said}"));
    assert!(line.contains("us-west-2.pem") && line.contains("those from before stay in use"), "{line}");
    assert_eq!(cluster.welcome(WEST, caller).await?, Welcome::Taken(shown));
    assert_eq!(cluster.metric(WEST, &expiry("own")).await?, holds, "what is in use has not changed");
    put(&certificate, &whole)
}

/// Every agent gets a certificate of the new authority, one after another; each is called with the old one and with a new one.
async fn one_after_another(cluster: &Cluster, old: &TlsFiles) -> anyhow::Result<()> {
    let files = cluster.files();
    let word = |name: &str| files.join(name).display().to_string();
    for region in REGIONS {
        let (ca, key, out) = (word("next/ca.pem"), word("next/ca.key"), word("next"));
        tls(&["issue", region, "--host", "127.0.0.1", "--ca", &ca, "--ca-key", &key, "--out", &out])?;
        let [_, certificate, key] = cluster.tls_files(region)?;
        put(&key, &fs::read(files.join(format!("next/{region}.key")))?)?;
        put(&certificate, &fs::read(files.join(format!("next/{region}.pem")))?)?;
        shows(cluster, region, old, &first_of(&certificate)?).await?;
        let new = TlsFiles { ca: old.ca.clone(), certificate, key };
        for other in REGIONS {
            let taken = cluster.welcome(other, &new).await?;
            assert!(matches!(taken, Welcome::Taken(_)), "{other} takes both authorities: {taken:?}");
        }
    }
    Ok(())
}

/// Cuts every path between two agents and heals it: whoever hears the others then has shown a certificate of today.
async fn reconnect(cluster: &Cluster) -> anyhow::Result<()> {
    let heard = async |agent: &str, peer: &str| {
        cluster.metric(agent, &format!(r#"quorate_peer_up{{peer="{peer}"}}"#)).await
    };
    for (one, other) in [(0, 1), (1, 2), (2, 0)].map(|(one, other)| (REGIONS[one], REGIONS[other])) {
        let ends = json!({"from": one, "to": other, "mode": "refuse"});
        cluster.stage.control.post("/control/cut", &ends).await?;
        until("the two do not hear each other", async || {
            let (here, there) = (heard(one, other).await?, heard(other, one).await?);
            Ok((here == Some(0.0) && there == Some(0.0)).then_some(()))
        })
        .await?;
        cluster.stage.control.post("/control/heal", &json!({"from": one, "to": other})).await?;
        until("they hear each other again", async || {
            let (here, there) = (heard(one, other).await?, heard(other, one).await?);
            Ok((here == Some(1.0) && there == Some(1.0)).then_some(()))
        })
        .await?;
    }
    Ok(())
}

fn pids(cluster: &Cluster) -> Vec<Option<u32>> {
    REGIONS.iter().map(|region| cluster.agent(region).pid()).collect()
}

/// Goal: an authority is replaced without a restart, a lost majority or a disturbed execution; half a file changes nothing; and in
/// the end the old authority opens no door. Method: a failover that asks a question in its midst; meanwhile both authorities are put
/// into place, then each agent's certificate, then the answer; then the old authority is taken out, and every connection made anew.
#[tokio::test(flavor = "multi_thread")]
async fn an_authority_is_replaced_while_a_failover_runs() -> anyhow::Result<()> {
    let cluster = Cluster::green("1s").await?;
    ask_in_the_midst(&cluster).await?;
    let (files, before) = (cluster.files(), pids(&cluster));
    let watch = QuorumWatch::start(&cluster);
    let [ca, certificate, key] = cluster.tls_files(WEST)?;
    // What a stranger could have kept of the old authority, and both authorities to trust, whatever is in place.
    let kept = |name: &str| files.join("kept").join(name);
    fs::create_dir(files.join("kept"))?;
    fs::copy(&certificate, kept("agent.pem"))?;
    fs::copy(&key, kept("agent.key"))?;
    let next = files.join("next");
    tls(&["ca", "--out", &next.display().to_string()])?;
    let both = [fs::read(&ca)?, fs::read(next.join("ca.pem"))?].concat();
    fs::write(kept("both.pem"), &both)?;
    let old = TlsFiles { ca: kept("both.pem"), certificate: kept("agent.pem"), key: kept("agent.key") };

    cluster.fault("us-east-1", json!({"kind": "kill"})).await?;
    let running = until("the plan asks in its midst, and every agent says so", async || {
        for region in REGIONS {
            if cluster.metric(region, ASKING).await?.is_none_or(|since| since == 0.0) {
                return Ok(None);
            }
        }
        Ok(cluster.executions(WEST).await?.executions.into_iter().next())
    })
    .await?;
    assert_eq!(running.state, "running");
    put(&ca, &both)?;
    for region in REGIONS {
        until("both authorities are in use", async || {
            let used = r#"quorate_certificate_reloads_total{outcome="used"}"#;
            Ok((cluster.metric(region, used).await? >= Some(1.0)).then_some(()))
        })
        .await?;
    }
    half_a_file(&cluster, &old).await?;
    one_after_another(&cluster, &old).await?;
    let answer = json!({"reason": "they are", "step": "sign"});
    cluster.agent(WEST).api.post(&format!("/v1/executions/{}/approve", running.id), &answer).await?;
    let ended = cluster.failed_over(WEST).await?;
    assert_eq!(ended.id, running.id);
    assert_eq!(cluster.effects("PromoteReadReplica").await?, 1);
    assert_eq!(cluster.metric(WEST, ASKING).await?, Some(0.0), "nobody is asked any more");

    put(&ca, &fs::read(next.join("ca.pem"))?)?;
    let new = |region: &str| -> anyhow::Result<TlsFiles> {
        let [_, certificate, key] = cluster.tls_files(region)?;
        Ok(TlsFiles { ca: PathBuf::from("kept/both.pem"), certificate, key })
    };
    for region in REGIONS {
        until("the old authority's certificate is refused", async || {
            Ok(matches!(cluster.welcome(region, &old).await?, Welcome::Refused(_)).then_some(()))
        })
        .await?;
        let taken = cluster.welcome(region, &new(WEST)?).await?;
        assert!(matches!(taken, Welcome::Taken(_)), "{taken:?}");
    }
    reconnect(&cluster).await?;
    watch.end().await;
    assert_eq!(pids(&cluster), before, "no process was restarted");
    let executions: Vec<Value> = cluster
        .executions(WEST)
        .await?
        .executions
        .iter()
        .map(|execution| json!([execution.id, execution.state]))
        .collect();
    assert_eq!(executions, [json!([running.id, "succeeded"])]);
    cluster.stop().await;
    Ok(())
}
