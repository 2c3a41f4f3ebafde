//! What whole-cluster tests share: the binary under test, a cluster that is green, and waiting for what must come. It
//! starts real processes on loopback and leaves nothing behind.

pub mod certificates;
pub mod namespaces;
pub mod newcomers;

pub use quorate_test_postgres::pair as postgres;

use anyhow::{Context as _, bail};
use quorate::demo::{
    agents::AgentProcess,
    stage::{SERVICE, Stage},
    story::Story,
};
use quorate_api::{Audit, ExecutionList, Explanation, Service};
use serde_json::{Value, json};
use std::{path::PathBuf, time::Duration};
use tokio::time::{Instant, sleep};

/// How long a test waits for what must come. Only a failure takes so long.
const PATIENCE: Duration = Duration::from_secs(45);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The `quorate` binary, built beside the tests.
///
/// # Panics
/// When it has not been built: `cargo build --workspace` builds it.
#[must_use]
pub fn binary() -> PathBuf {
    let mut path = std::env::current_exe().expect("a test knows its own path");
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    path.push("quorate");
    assert!(path.exists(), "{} is missing: run `cargo build --workspace` first", path.display());
    path
}

/// A cluster of three agents on a sandbox, with the demo's policy in force and everything green.
pub struct Cluster {
    /// The sandbox and the processes.
    pub stage: Stage,
}

impl Cluster {
    /// Starts one.
    ///
    /// # Errors
    /// When it does not get green.
    pub async fn green(dwell: &str) -> anyhow::Result<Self> {
        let story = Story::new();
        let mut stage = Stage::build(&binary(), 7, &story).await?;
        stage.wait_until_green(dwell, &story).await?;
        Ok(Self { stage })
    }

    /// One agent by its region.
    #[must_use]
    pub fn agent(&self, region: &str) -> &AgentProcess {
        self.stage
            .agents
            .iter()
            .find(|agent| agent.name == region)
            .expect("the demo has an agent in each region")
    }

    /// One agent by its region, to kill or to start it.
    pub fn agent_mut(&mut self, region: &str) -> &mut AgentProcess {
        self.stage
            .agents
            .iter_mut()
            .find(|agent| agent.name == region)
            .expect("the demo has an agent in each region")
    }

    /// Sets a fault of the primary region.
    ///
    /// # Errors
    /// When the sandbox refuses it.
    pub async fn fault(&self, region: &str, kind: Value) -> anyhow::Result<()> {
        let mut body = kind;
        body["region"] = json!(region);
        self.stage.control.post("/control/fault", &body).await.map(drop)
    }

    /// An agent's explanation.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn explain(&self, region: &str) -> anyhow::Result<Explanation> {
        self.agent(region).api.get(&format!("/v1/services/{SERVICE}/explain")).await
    }

    /// The guard that refuses, as an agent explains it.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn refusal(&self, region: &str) -> anyhow::Result<Option<String>> {
        Ok(self
            .explain(region)
            .await?
            .checks
            .into_iter()
            .find(|check| !check.passes)
            .map(|check| check.guard))
    }

    /// A service as an agent shows it.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn service(&self, region: &str) -> anyhow::Result<Service> {
        self.agent(region).api.get(&format!("/v1/services/{SERVICE}")).await
    }

    /// All executions, as an agent shows them.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn executions(&self, region: &str) -> anyhow::Result<ExecutionList> {
        self.agent(region).api.get("/v1/executions").await
    }

    /// The audit, as an agent holds it.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn audit(&self, region: &str) -> anyhow::Result<Audit> {
        self.agent(region).api.get("/v1/audit").await
    }

    /// How many changes the world has taken, by its own record.
    ///
    /// # Errors
    /// When the sandbox does not answer.
    pub async fn effects(&self, operation: &str) -> anyhow::Result<usize> {
        let effects: Vec<Value> = self.stage.control.get("/control/effects").await?;
        let fits =
            |e: &&Value| e["operation"] == operation && e["outcome"] == "applied" && e["no_change"] != true;
        Ok(effects.iter().filter(fits).count())
    }

    /// Waits until an execution has succeeded, and returns it.
    ///
    /// # Errors
    /// When none does in time.
    pub async fn failed_over(&self, region: &str) -> anyhow::Result<quorate_api::Execution> {
        until("an execution succeeds", async || {
            let list = self.executions(region).await?;
            Ok(list.executions.into_iter().find(|execution| execution.state == "succeeded"))
        })
        .await
    }

    /// Stops everything.
    pub async fn stop(self) {
        self.stage.tear_down().await;
    }
}

/// Waits for what must come.
///
/// # Errors
/// When it does not come in time; the last error is named.
pub async fn until<T>(what: &str, look: impl AsyncFn() -> anyhow::Result<Option<T>>) -> anyhow::Result<T> {
    let by = Instant::now() + PATIENCE;
    let mut last = None;
    while Instant::now() < by {
        match look().await {
            Ok(Some(found)) => return Ok(found),
            Ok(None) => {}
            Err(error) => last = Some(error),
        }
        sleep(LOOK_EVERY).await;
    }
    match last {
        Some(error) => Err(error).with_context(|| format!("waited in vain: {what}")),
        None => bail!("waited in vain: {what}"),
    }
}

/// Watches for a while that something stays so.
///
/// # Errors
/// When it does not.
pub async fn throughout(
    span: Duration,
    what: &str,
    look: impl AsyncFn() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let by = Instant::now() + span;
    while Instant::now() < by {
        if !look().await? {
            bail!("did not stay so: {what}");
        }
        sleep(LOOK_EVERY).await;
    }
    Ok(())
}
