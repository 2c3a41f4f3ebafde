//! Where one policy is run: an example with its replacements, three real agents with ordinary files, and the real command line.
//! It starts, asks, kills and tells; what a scenario damages and compares is the plan's own file.

use super::{
    clock::starter,
    names::Names,
    objects::Objects,
    replacements::Replacements,
    seats::seats,
    stand_in::StandIns,
    table::{Row, Step},
};
use anyhow::{Context as _, bail, ensure};
use quorate::{
    demo::{agents::AgentProcess, api::Api},
    init,
    outgoing::HttpClient,
};
use quorate_api::{Execution, ExecutionList, Service};
use quorate_sandbox::Sandbox;
use serde_json::Value;
use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    process::Command,
    time::{Instant, sleep},
};

/// How long anything may take that has to come. Only a failure takes so long.
const PATIENCE: Duration = Duration::from_secs(90);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The lines of an agent's log that tell what went wrong.
const LAST_WORDS: usize = 25;

/// What a world is made of.
pub(super) struct Setting {
    /// The example's name.
    pub(super) policy: &'static str,
    /// Its service.
    pub(super) service: &'static str,
    /// The regions of the agents, one in each; the policy's primary first.
    pub(super) regions: [&'static str; 3],
    /// What differs from the example as it is written.
    pub(super) replacements: Replacements,
    /// What stands in every agent's own file beside who it is.
    pub(super) sections: String,
    /// The sandbox, where the plan needs AWS.
    pub(super) sandbox: Option<Sandbox>,
    /// BIND, where it needs a server of its own.
    pub(super) names: Option<Names>,
    /// S3, where objects are copied or watched.
    pub(super) objects: Option<Objects>,
    /// Targets that need not be healthy before anything begins, by the region's name.
    pub(super) unwatched: &'static [&'static str],
    /// Where everything is kept.
    pub(super) home: TempDir,
    /// The programs of the plan.
    pub(super) stand_ins: StandIns,
}

/// A world in which a plan can run.
pub(super) struct World {
    /// The programs of the plan.
    pub(super) stand_ins: StandIns,
    /// The sandbox's record and faults.
    pub(super) control: Option<Api>,
    policy: &'static str,
    pub(super) service: &'static str,
    pub(super) agents: Vec<AgentProcess>,
    quorate: PathBuf,
    token: PathBuf,
    sandbox: Option<Sandbox>,
    _names: Option<Names>,
    objects: Option<Objects>,
    pub(super) home: TempDir,
}

/// The `quorate` binary, built beside this one.
fn binary() -> anyhow::Result<PathBuf> {
    let mut path = std::env::current_exe()?;
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    path.push("quorate");
    ensure!(path.exists(), "{} is missing: run `cargo build --workspace` first", path.display());
    Ok(path)
}

/// A new folder for one world.
///
/// # Errors
/// When there is none to be had.
pub(super) fn home() -> anyhow::Result<TempDir> {
    let home = tempfile::Builder::new().prefix("quorate-plan-").tempdir()?;
    // PostgreSQL's own account writes its dumps below it.
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755))?;
    Ok(home)
}

/// A file that only its owner can read.
///
/// # Errors
/// When it cannot be written.
pub(super) fn secret(file: &Path, text: &str) -> anyhow::Result<()> {
    let mut file = File::options().create_new(true).write(true).mode(0o600).open(file)?;
    Ok(writeln!(file, "{text}")?)
}

impl World {
    /// Starts the agents and puts the policy into force; everything is green then.
    ///
    /// # Errors
    /// When it does not get there.
    pub(super) async fn start(setting: Setting) -> anyhow::Result<Self> {
        let Setting {
            policy,
            service,
            regions,
            replacements,
            sections,
            sandbox,
            names,
            objects,
            unwatched,
            home,
            stand_ins,
        } = setting;
        let text = replacements.in_example(policy)?;
        let views = sandbox.as_ref().map(|sandbox| sandbox.endpoints().vantages.clone()).unwrap_or_default();
        let key = sandbox.as_ref().map(|sandbox| sandbox.endpoints().service.statuspage_key.clone());
        let resolver = names.as_ref().map(|names| names.address);
        let s3 = objects.as_ref().map(Objects::endpoints).unwrap_or_default();
        let plans = seats(&regions, &views, key.as_deref(), resolver, &s3)?;
        let options = init::InitOptions { agents: plans.clone(), ..init::InitOptions::for_service(service) };
        let written = init::write(&home.path().join("cluster"), &options)?;
        let file = home.path().join(policy).with_extension("yaml");
        fs::write(&file, text)?;
        let token = fs::read_to_string(&written.token_file)?.trim().to_owned();
        let client = HttpClient::new();
        let quorate = binary()?;
        let agent = starter(home.path(), &quorate)?;
        let mut agents = Vec::new();
        for plan in &plans {
            let config = written.agent_files.get(&plan.name).context("every agent has a file")?;
            File::options().append(true).open(config)?.write_all(sections.as_bytes())?;
            let log = home.path().join(format!("{}.log", plan.name));
            let url = format!("http://{}", plan.listen);
            agents.push(AgentProcess::new(&client, &agent, &plan.name, url, &token, config.clone(), log));
        }
        for agent in &mut agents {
            agent.start()?;
        }
        let control =
            sandbox.as_ref().map(|sandbox| Api::new(&client, sandbox.endpoints().control.clone(), None));
        let mut world = Self {
            stand_ins,
            control,
            policy,
            service,
            agents,
            quorate,
            token: written.token_file,
            sandbox,
            _names: names,
            objects,
            home,
        };
        world.green(&file, unwatched).await?;
        Ok(world)
    }

    async fn green(&mut self, policy: &Path, unwatched: &[&str]) -> anyhow::Result<()> {
        for index in 0..self.agents.len() {
            let api = self.agents[index].api.clone();
            self.until("an agent is ready", async || Ok(api.ok("/readyz").await.then_some(()))).await?;
        }
        let file = policy.display().to_string();
        self.cli(&["apply", &file, "--reason", "the plan is run"]).await?;
        let all = self.agents.len();
        for agent in &self.agents {
            let path = format!("/v1/services/{}", self.service);
            self.until("everything is green", async || {
                let service: Service = agent.api.get(&path).await?;
                let regions =
                    service.regions.iter().filter(|region| !unwatched.contains(&region.name.as_str()));
                let well =
                    regions.flat_map(|region| &region.targets).all(|target| target.healthy.len() == all);
                ensure!(well, "{:?}", service.regions);
                Ok(Some(()))
            })
            .await?;
        }
        Ok(())
    }

    /// Runs the command line; what it prints.
    ///
    /// # Errors
    /// What it says when it fails.
    pub(super) async fn cli(&self, words: &[&str]) -> anyhow::Result<String> {
        let agent = self.agents.iter().rev().find(|agent| agent.alive()).context("no agent lives")?;
        let mut command = Command::new(&self.quorate);
        command.args(words).env("QUORATE_AGENT", &agent.url).env("QUORATE_TOKEN_FILE", &self.token);
        let ended = command.env("USER", "ann").output().await?;
        let (out, err) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
        ensure!(ended.status.success(), "quorate {}: {out}{err}", words.join(" "));
        Ok(out.into_owned())
    }

    /// Declares a scenario, as an operator does; the execution's name.
    ///
    /// # Errors
    /// When it is refused.
    pub(super) async fn declare(&self, scenario: &str, inputs: &[(&str, &str)]) -> anyhow::Result<String> {
        self.declare_with(scenario, inputs, &[]).await
    }

    /// The same with more words.
    ///
    /// # Errors
    /// When it is refused.
    pub(super) async fn declare_with(
        &self,
        scenario: &str,
        inputs: &[(&str, &str)],
        more: &[&str],
    ) -> anyhow::Result<String> {
        let inputs: Vec<String> = inputs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut words = vec!["declare", self.service, scenario, "--reason", "the plan is run"];
        words.extend(["--confirm", self.service, "--no-wait"]);
        inputs.iter().for_each(|input| words.extend(["--input", input]));
        words.extend(more);
        let said = self.cli(&words).await?;
        // `Execution shop-2: follow it with …`
        let name = said.split_whitespace().nth(1).and_then(|word| word.strip_suffix(':'));
        name.map(str::to_owned).with_context(|| format!("no execution is named: {said}"))
    }

    /// Waits for the execution that the agents themselves begin.
    ///
    /// # Errors
    /// When there is none in time.
    pub(super) async fn detected(&self) -> anyhow::Result<Execution> {
        self.until("the agents decide", async || {
            let going = |one: &Execution| matches!(one.state.as_str(), "running" | "awaiting_approval");
            Ok(self.executions().await?.into_iter().find(going))
        })
        .await
    }

    /// All executions, newest first, as an agent that lives shows them.
    ///
    /// # Errors
    /// When none answers.
    pub(super) async fn executions(&self) -> anyhow::Result<Vec<Execution>> {
        Ok(self.api()?.get::<ExecutionList>("/v1/executions").await?.executions)
    }

    /// The API of an agent that lives.
    pub(super) fn api(&self) -> anyhow::Result<&Api> {
        let alive = self.agents.iter().rev().find(|agent| agent.alive());
        Ok(&alive.context("no agent lives")?.api)
    }

    /// One execution.
    ///
    /// # Errors
    /// When no agent answers.
    pub(super) async fn execution(&self, id: &str) -> anyhow::Result<Execution> {
        self.api()?.get(&format!("/v1/executions/{id}")).await
    }

    /// Waits until something of an execution is so.
    ///
    /// # Errors
    /// When it is not in time.
    pub(super) async fn seen(
        &self,
        id: &str,
        what: &str,
        is: impl Fn(&Execution) -> bool,
    ) -> anyhow::Result<Execution> {
        self.until(what, async || {
            let execution = self.execution(id).await?;
            ensure!(is(&execution), "{}; {}", execution.summary, steps(&execution));
            Ok(Some(execution))
        })
        .await
    }

    /// Approves an execution, or the step of it that asks.
    ///
    /// # Errors
    /// When it is refused, or the step does not ask.
    pub(super) async fn approve(&self, id: &str, step: Option<&str>) -> anyhow::Result<()> {
        let mut words = vec!["approve", id, "--reason", "looked at"];
        if let Some(step) = step {
            let asks = |one: &quorate_api::Step| one.name == step && one.detail.starts_with("asks: ");
            self.seen(id, "a step asks", |execution| execution.steps.iter().any(asks)).await?;
            words.extend(["--step", step]);
        } else {
            self.seen(id, "it waits for approval", |one| one.state == "awaiting_approval").await?;
        }
        self.cli(&words).await.map(drop)
    }

    /// Waits until nothing more happens by itself.
    ///
    /// # Errors
    /// When it takes too long.
    pub(super) async fn ended(&self, id: &str) -> anyhow::Result<Execution> {
        let over = |one: &Execution| matches!(one.state.as_str(), "succeeded" | "stopped" | "aborted");
        self.seen(id, "it ends", over).await
    }

    /// The same of one that must succeed.
    ///
    /// # Errors
    /// When it does not.
    pub(super) async fn succeeded(&self, id: &str) -> anyhow::Result<Execution> {
        let execution = self.ended(id).await?;
        let failed = execution.steps.iter().find(|step| matches!(step.state.as_str(), "failed" | "unknown"));
        ensure!(
            execution.state == "succeeded" && failed.is_none(),
            "{}; {}\n{}",
            execution.summary,
            steps(&execution),
            self.last_words()
        );
        Ok(execution)
    }

    /// Waits until a step has begun and an agent has it, and kills that agent with SIGKILL; its name.
    ///
    /// # Errors
    /// When no agent gets that far.
    pub(super) async fn kill_executor(&mut self, id: &str, step: &str) -> anyhow::Result<String> {
        let begun = |one: &&quorate_api::Step| one.name == step && one.state == "started";
        let execution =
            self.seen(id, "the step has begun", |one| one.steps.iter().any(|one| begun(&one))).await?;
        let agent = execution.steps.iter().find(begun).and_then(|step| step.agent.clone());
        let name = agent.context("a step that has begun has an agent")?;
        let agent = self.agents.iter_mut().find(|agent| agent.name == name);
        agent.context("it is one of ours")?.kill().await;
        Ok(name)
    }

    /// Starts an agent again.
    ///
    /// # Errors
    /// When it does not get ready.
    pub(super) async fn start_again(&mut self, name: &str) -> anyhow::Result<()> {
        let agent = self.agents.iter_mut().find(|agent| agent.name == name).context("it is one of ours")?;
        agent.start()?;
        let api = agent.api.clone();
        self.until("the agent is back", async || Ok(api.ok("/readyz").await.then_some(()))).await
    }

    /// What an execution came to, as `quorate report` tells it.
    ///
    /// # Errors
    /// When there is no report.
    pub(super) async fn row(&self, scenario: &str, id: &str, against: &str) -> anyhow::Result<Row> {
        let report: Value = serde_json::from_str(&self.cli(&["report", id, "-o", "json"]).await?)?;
        let execution = self.execution(id).await?;
        let objectives = execution.objectives.as_ref().context("an execution has objectives")?;
        let losses = report["measured"]["losses"].as_array().cloned().unwrap_or_default();
        let steps = execution.steps.iter();
        Ok(Row {
            plan: self.policy.to_owned(),
            scenario: scenario.to_owned(),
            outcome: execution.state.clone(),
            rto_ms: report["measured"]["recovery_time"]["total_ms"].as_u64(),
            rto_objective_ms: objectives.rto_ms,
            losses_ms: losses.iter().map(|loss| loss["behind_ms"].as_u64()).collect(),
            rpo_objective_ms: objectives.rpo_ms,
            against: against.to_owned(),
            steps: steps.map(|step| Step { name: step.name.clone(), attempts: step.attempt }).collect(),
        })
    }

    /// The sandbox's control.
    ///
    /// # Errors
    /// Without a sandbox.
    pub(super) fn control(&self) -> anyhow::Result<&Api> {
        self.control.as_ref().context("this world has no sandbox")
    }

    /// The plan's S3.
    ///
    /// # Errors
    /// Without one.
    pub(super) fn objects(&self) -> anyhow::Result<&Objects> {
        self.objects.as_ref().context("this world has no S3")
    }

    /// How often a change was made in the sandbox, by its own record.
    ///
    /// # Errors
    /// When it does not answer.
    pub(super) async fn effects(&self, operation: &str) -> anyhow::Result<usize> {
        let effects: Vec<Value> = self.control()?.get("/control/effects").await?;
        let fits =
            |e: &&Value| e["operation"] == operation && e["outcome"] == "applied" && e["no_change"] != true;
        Ok(effects.iter().filter(fits).count())
    }

    /// Waits for what must come.
    ///
    /// # Errors
    /// When it does not; with the last error and the agents' last words.
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
        let words = self.last_words();
        match last {
            Some(error) => Err(error).with_context(|| format!("waited in vain: {what}\n{words}")),
            None => bail!("waited in vain: {what}\n{words}"),
        }
    }

    /// The end of each agent's log.
    fn last_words(&self) -> String {
        let of = |agent: &AgentProcess| {
            let file = self.home.path().join(format!("{}.log", agent.name));
            let log = fs::read_to_string(file).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            format!("-- {}\n{}", agent.name, lines[lines.len().saturating_sub(LAST_WORDS)..].join("\n"))
        };
        self.agents.iter().map(of).collect::<Vec<_>>().join("\n")
    }

    /// Stops everything.
    pub(super) async fn stop(mut self) {
        for agent in &mut self.agents {
            agent.stop().await;
        }
        if let Some(sandbox) = self.sandbox {
            sandbox.shutdown().await;
        }
    }
}

/// Every step and its state, for an error.
fn steps(execution: &Execution) -> String {
    let told = |step: &quorate_api::Step| format!("{} {} {}", step.name, step.state, step.detail);
    execution.steps.iter().map(told).collect::<Vec<_>>().join("; ")
}
