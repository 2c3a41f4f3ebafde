//! Three real agents on the sandbox, with a real Prometheus that scrapes them every second and, where asked for, a real Alertmanager that
//! tells the sandbox's webhook. It starts, asks and stops; what must be so is the tests' own.

use anyhow::{Context as _, bail, ensure};
use quorate::demo::{
    api::Api,
    ports,
    stage::{SERVICE, Stage},
    story::Story,
};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// How long anything may take that has to come. Only a failure takes so long.
const PATIENCE: Duration = Duration::from_secs(90);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The `quorate` binary, built beside this one.
fn binary() -> anyhow::Result<PathBuf> {
    let mut path = std::env::current_exe()?;
    path.pop();
    if path.ends_with("deps") || path.ends_with("examples") {
        path.pop();
    }
    path.push("quorate");
    ensure!(path.exists(), "{} is missing: run `cargo build --workspace` first", path.display());
    Ok(path)
}

/// A port that was free a moment ago, and that no outgoing connection takes.
fn port() -> anyhow::Result<u16> {
    Ok(ports::reserve()?.local_addr()?.port())
}

/// A process that ends with this one, however that ends.
pub(super) struct Process(Child);

impl Process {
    fn start(program: &str, words: &[String], log: &Path) -> anyhow::Result<Self> {
        let log = fs::File::create(log)?;
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", program])
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::from(log.try_clone()?))
            .stderr(Stdio::from(log))
            .spawn();
        child.map(Self).with_context(|| {
            format!("{program}: apt-get install prometheus prometheus-alertmanager, or tests/run")
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Everything.
pub(super) struct World {
    /// The sandbox and the agents.
    pub(super) stage: Stage,
    prometheus: Api,
    _processes: Vec<Process>,
    home: tempfile::TempDir,
}

impl World {
    /// Starts everything; both regions are healthy then. `rules` is the text of the rules; `told` starts an
    /// Alertmanager; `scrape` is the time between two scrapes.
    ///
    /// # Errors
    /// When it does not get there.
    pub(super) async fn start(rules: &str, told: bool, scrape: &str) -> anyhow::Result<Self> {
        let story = Story::new();
        let mut stage = Stage::build(&binary()?, 7, &story).await?;
        stage.wait_until_green("2s", &story).await?;
        let home = tempfile::Builder::new().prefix("quorate-watch-").tempdir()?;
        let mut processes = Vec::new();
        let mut alertmanager = None;
        if told {
            let view = stage.endpoints.vantages.values().next().context("the sandbox has a vantage")?;
            let (file, port) = (home.path().join("alertmanager.yml"), port()?);
            fs::write(&file, alertmanager_file(&format!("{}/alerts", view.webhook)))?;
            let words = [
                format!("--config.file={}", file.display()),
                format!("--storage.path={}", home.path().join("alertmanager").display()),
                format!("--web.listen-address=127.0.0.1:{port}"),
                // Alone: no port for others of its kind.
                "--cluster.listen-address=".to_owned(),
            ];
            processes.push(Process::start(
                "prometheus-alertmanager",
                &words,
                &home.path().join("alertmanager.log"),
            )?);
            alertmanager = Some(port);
        }
        fs::write(home.path().join("rules.yml"), rules)?;
        let (file, port) = (home.path().join("prometheus.yml"), port()?);
        fs::write(&file, prometheus_file(&stage, alertmanager, scrape))?;
        let words = [
            format!("--config.file={}", file.display()),
            format!("--storage.tsdb.path={}", home.path().join("prometheus").display()),
            format!("--web.listen-address=127.0.0.1:{port}"),
            // Told again at once, so that a lost message is no lost test.
            "--rules.alert.resend-delay=1s".to_owned(),
            "--log.level=warn".to_owned(),
        ];
        processes.push(Process::start("prometheus", &words, &home.path().join("prometheus.log"))?);
        let prometheus = Api::new(&stage.client, format!("http://127.0.0.1:{port}"), None);
        let world = Self { stage, prometheus, _processes: processes, home };
        world
            .until("three agents are scraped", async || {
                Ok((!world.query("count(up == 1) == 3").await?.is_empty()).then_some(()))
            })
            .await?;
        Ok(world)
    }

    /// The folder of this world; it is removed at the end.
    pub(super) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Puts the demo's policy into force, with a change of your own.
    ///
    /// # Errors
    /// When it is refused, or both regions do not get healthy by it.
    pub(super) async fn apply(&self, change: impl FnOnce(&mut Value)) -> anyhow::Result<()> {
        let read = quorate_policies::document::read_policy("demo.yaml", &self.stage.policy("2s"));
        let mut policy = serde_json::to_value(read.map_err(|problems| anyhow::anyhow!("{problems:?}"))?)?;
        change(&mut policy);
        let text = serde_json::to_string_pretty(&policy)?;
        let agent = self.stage.observers().into_iter().next().context("an agent lives")?;
        agent.api.post("/v1/policies", &json!({"policy": text, "reason": "a test"})).await?;
        let path = format!("/v1/services/{SERVICE}");
        self.until("both regions are healthy", async || {
            let service: quorate_api::Service = agent.api.get(&path).await?;
            let mut targets = service.regions.iter().flat_map(|region| &region.targets);
            Ok(targets.all(|target| target.healthy.len() >= 2).then_some(()))
        })
        .await
    }

    /// The API of the agent in a region.
    ///
    /// # Panics
    /// When the demo has no agent there.
    pub(super) fn agent(&self, region: &str) -> &Api {
        let agent = self.stage.agents.iter().find(|agent| agent.name == region);
        &agent.expect("the demo has an agent in each region").api
    }

    /// Breaks a region, or mends it with the kind `none`.
    ///
    /// # Errors
    /// When the sandbox refuses.
    pub(super) async fn fault(&self, region: &str, kind: &str) -> anyhow::Result<()> {
        let body = json!({"region": region, "kind": kind});
        self.stage.control.post("/control/fault", &body).await.map(drop)
    }

    /// The latest execution in a state, once there is one.
    ///
    /// # Errors
    /// When there is none in time.
    pub(super) async fn execution(&self, state: &str) -> anyhow::Result<quorate_api::Execution> {
        self.until(&format!("an execution is {state}"), async || {
            let agent = self.stage.observers().into_iter().next().context("an agent lives")?;
            let list: quorate_api::ExecutionList = agent.api.get("/v1/executions").await?;
            let seen: Vec<String> =
                list.executions.iter().map(|one| format!("{}: {}", one.id, one.summary)).collect();
            let found = list.executions.into_iter().find(|one| one.state == state);
            ensure!(found.is_some(), "{seen:?}");
            Ok(found)
        })
        .await
    }

    /// What Prometheus answers to an expression now.
    ///
    /// # Errors
    /// What it finds wrong with it.
    pub(super) async fn query(&self, expr: &str) -> anyhow::Result<Vec<Value>> {
        self.ask("/api/v1/query", &[("query", expr)]).await
    }

    /// The same over the last `seconds`, a value at each `step`.
    ///
    /// # Errors
    /// What it finds wrong with it.
    pub(super) async fn range(&self, expr: &str, seconds: u64, step: &str) -> anyhow::Result<Vec<Value>> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
        // Up to the next whole second, or what was scraped within this one would be left out.
        let (start, end) = ((now - seconds).to_string(), (now + 1).to_string());
        self.ask("/api/v1/query_range", &[("query", expr), ("start", &start), ("end", &end), ("step", step)])
            .await
    }

    async fn ask(&self, path: &str, fields: &[(&str, &str)]) -> anyhow::Result<Vec<Value>> {
        let fields = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let mut answer: Value = self.prometheus.get(&format!("{path}?{fields}")).await?;
        ensure!(answer["status"] == "success", "{answer}");
        match answer["data"]["result"].take() {
            Value::Array(series) if answer["data"]["resultType"] != "scalar" => Ok(series),
            other => Ok(vec![other]),
        }
    }

    /// Waits until the webhook has heard of an alert: `firing` or `resolved`, the latest word. What was said of it is returned.
    ///
    /// # Errors
    /// When it does not hear of it in time.
    pub(super) async fn heard(&self, alert: &str, status: &str) -> anyhow::Result<Value> {
        self.until(&format!("{alert} is {status}"), async || {
            let hooks: Vec<Value> = self.stage.control.get("/control/hooks").await?;
            let mut latest = None;
            for hook in hooks.iter().filter(|hook| hook["name"] == "alerts") {
                let body: Value = serde_json::from_str(hook["body"].as_str().unwrap_or_default())?;
                let alerts = body["alerts"].as_array().cloned().unwrap_or_default();
                latest = alerts.into_iter().rfind(|one| one["labels"]["alertname"] == alert).or(latest);
            }
            let Some(latest) = latest else {
                bail!("nothing was heard of {alert}; {}", self.why(alert).await)
            };
            ensure!(latest["status"] == status, "the latest word: {latest}; {}", self.why(alert).await);
            Ok(Some(latest))
        })
        .await
    }

    async fn why(&self, alert: &str) -> String {
        let known = self.query(&format!("ALERTS{{alertname=\"{alert}\"}}")).await;
        format!("Prometheus says {known:?}; its log: {}", self.last_words("prometheus.log"))
    }

    fn last_words(&self, log: &str) -> String {
        let text = fs::read_to_string(self.home.path().join(log)).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(5)..].join("\n")
    }

    /// Waits for what must come.
    ///
    /// # Errors
    /// When it does not come in time; the last error is named.
    pub(super) async fn until<T>(
        &self,
        what: &str,
        look: impl AsyncFn() -> anyhow::Result<Option<T>>,
    ) -> anyhow::Result<T> {
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
            None => {
                bail!("waited in vain: {what}; Prometheus says last: {}", self.last_words("prometheus.log"))
            }
        }
    }

    /// Stops everything.
    pub(super) async fn stop(self) {
        let Self { stage, _processes, home, .. } = self;
        drop(_processes);
        stage.tear_down().await;
        drop(home);
    }
}

/// One agent is one target; its name is the instance, as with the sidecar.
fn prometheus_file(stage: &Stage, alertmanager: Option<u16>, scrape: &str) -> String {
    let targets = stage.agents.iter().map(|agent| {
        let address = agent.url.trim_start_matches("http://");
        json!({"targets": [address], "labels": {"instance": agent.name}})
    });
    let alertmanagers = alertmanager
        .iter()
        .map(|port| json!({"static_configs": [{"targets": [format!("127.0.0.1:{port}")]}]}));
    let file = json!({
        "global": {"scrape_interval": scrape, "scrape_timeout": scrape, "evaluation_interval": "1s"},
        "rule_files": ["rules.yml"],
        "alerting": {"alertmanagers": alertmanagers.collect::<Vec<_>>()},
        "scrape_configs": [{"job_name": "quorate", "static_configs": targets.collect::<Vec<_>>()}],
    });
    // JSON is YAML.
    file.to_string()
}

fn alertmanager_file(webhook: &str) -> String {
    json!({
        "route": {"receiver": "test", "group_by": ["..."], "group_wait": "0s", "group_interval": "1s", "repeat_interval": "1h"},
        "receivers": [{"name": "test", "webhook_configs": [{"url": webhook, "send_resolved": true}]}],
    })
    .to_string()
}
