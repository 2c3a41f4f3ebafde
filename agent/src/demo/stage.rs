//! The demo's stage: the sandbox, the agents' files and processes, all below one temporary directory that is removed
//! at the end.

use super::{agents::AgentProcess, api::Api, ports, story::Story};
use crate::{init, outgoing::HttpClient};
use anyhow::Context as _;
use quorate_sandbox::{Endpoints, Options, Sandbox};
use serde_json::json;
use std::{collections::BTreeMap, fs, net::SocketAddr, path::Path, time::Duration};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// The demo's service.
pub const SERVICE: &str = "shop";
/// The demo's policy, in which the sandbox's names and ports are filled in.
const POLICY: &str = include_str!("policy.yaml");
/// How long the agents may take until all is green: an election, a policy, and two probes of everything.
const GREEN_MAX: Duration = Duration::from_secs(30);
/// Between two looks.
pub const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Everything that was started.
pub struct Stage {
    /// The world.
    pub sandbox: Sandbox,
    /// Where it is reached.
    pub endpoints: Endpoints,
    /// How it is broken and looked at.
    pub control: Api,
    /// The agents, alive or not.
    pub agents: Vec<AgentProcess>,
    /// Where everything is kept; removed at the end.
    pub directory: TempDir,
    /// For more calls.
    pub client: HttpClient,
}

impl Stage {
    /// Starts the sandbox and the agents.
    ///
    /// # Errors
    /// When something cannot be started.
    pub async fn build(binary: &Path, seed: u64, story: &Story) -> anyhow::Result<Self> {
        story.waiting("starting the sandbox");
        let directory = tempfile::Builder::new().prefix("quorate-demo-").tempdir()?;
        let sandbox = Sandbox::start(Options { seed, ..world() }).await?;
        let endpoints = sandbox.endpoints().clone();
        let client = HttpClient::new();
        let control = Api::new(&client, endpoints.control.clone(), None);
        let mut stage = Self { sandbox, endpoints, control, agents: Vec::new(), directory, client };
        stage.write_files(binary).await?;
        story.tell(format!(
            "sandbox: {} in {} (primary) and {} (standby), witness in eu-west-1; control {}",
            SERVICE,
            stage.endpoints.service.primary,
            stage.endpoints.service.standby,
            stage.endpoints.control
        ));
        for agent in &mut stage.agents {
            agent.start()?;
        }
        Ok(stage)
    }

    /// The agents' ordinary files: certificates, token, settings. Each reaches its peers and the world through the
    /// sandbox's relays, so that links can be cut.
    async fn write_files(&mut self, binary: &Path) -> anyhow::Result<()> {
        let regions = ["us-east-1", "us-west-2", "eu-west-1"];
        let mut seats = BTreeMap::new();
        // Held until the files are written, so that no relay of the sandbox is given one of them.
        let mut held = Vec::new();
        for region in regions {
            let (listen, peer_listen, signal) = (ports::reserve()?, ports::reserve()?, ports::reserve()?);
            seats.insert(region, (listen.local_addr()?, peer_listen.local_addr()?, signal.local_addr()?));
            held.extend([listen, peer_listen, signal]);
        }
        let mut plans = Vec::new();
        for region in regions {
            let mut addresses = BTreeMap::new();
            for (peer, (_, peer_listen, _)) in &seats {
                let address = if *peer == region {
                    peer_listen.to_string()
                } else {
                    self.relay(region, peer, *peer_listen).await?
                };
                addresses.insert((*peer).to_owned(), address);
            }
            let view = self.endpoints.vantages.get(region).context("the sandbox lacks a vantage")?;
            let (listen, peer_listen, signal) = seats[region];
            plans.push(init::AgentPlan {
                name: region.to_owned(),
                region: region.to_owned(),
                listen,
                peer_listen,
                signal: Some((signal, signal.to_string())),
                addresses,
                resolvers: vec![view.resolver.parse()?],
                regional: view.aws.clone(),
                s3: BTreeMap::new(),
                route53: Some(view.route53.clone()),
                statuspage: Some((view.statuspage.clone(), self.endpoints.service.statuspage_key.clone())),
            });
        }
        let root = self.directory.path().join("cluster");
        let report = init::write(
            &root,
            &init::InitOptions { agents: plans, ..init::InitOptions::for_service(SERVICE) },
        )?;
        let token = fs::read_to_string(&report.token_file)?.trim().to_owned();
        for (name, config) in &report.agent_files {
            let url = format!("http://{}", seats[name.as_str()].0);
            let log = self.directory.path().join(format!("{name}.log"));
            self.agents.push(AgentProcess::new(&self.client, binary, name, url, &token, config.clone(), log));
        }
        Ok(())
    }

    async fn relay(&self, from: &str, to: &str, target: SocketAddr) -> anyhow::Result<String> {
        let answer =
            self.control.post("/control/relays", &json!({"from": from, "to": to, "target": target})).await?;
        answer["address"].as_str().map(str::to_owned).context("the sandbox gave no relay")
    }

    /// Puts the policy into force and waits until every region is healthy and the lease is held.
    ///
    /// # Errors
    /// When an agent ends, or it takes too long.
    pub async fn wait_until_green(&mut self, dwell: &str, story: &Story) -> anyhow::Result<()> {
        let by = Instant::now() + GREEN_MAX;
        story.waiting("waiting for the agents to elect a leader");
        for index in 0..self.agents.len() {
            while !self.agents[index].api.ok("/readyz").await {
                self.check(by, index)?;
                sleep(LOOK_EVERY).await;
            }
        }
        let leader = self.leader().await.unwrap_or_default();
        story.tell(format!("three agents are up; {leader} leads"));
        let body = json!({"policy": self.policy(dwell), "file": "demo.yaml", "reason": "demo"});
        self.agents[0].api.post("/v1/policies", &body).await?;
        story.waiting("waiting until all is green");
        loop {
            let mut green = true;
            for agent in &self.agents {
                let service = agent.api.get::<quorate_api::Service>(&format!("/v1/services/{SERVICE}")).await;
                // Every agent's vote, not only a majority: the fault should find three armed observers.
                let all = self.agents.len();
                green &= service.is_ok_and(|service| {
                    let mut targets = service.regions.iter().flat_map(|region| &region.targets);
                    targets.all(|target| target.healthy.len() == all)
                });
            }
            let primary = self.agents.iter().find(|agent| agent.name == self.endpoints.service.primary);
            let primary = &primary.context("no agent in the primary region")?.api;
            let held = primary.get::<quorate_api::Lease>(&format!("/v1/lease/{SERVICE}")).await.is_ok();
            if green && held {
                break;
            }
            self.check(by, 0)?;
            sleep(LOOK_EVERY).await;
        }
        story.tell("policy applied; both regions are healthy, us-east-1 holds the write lease");
        Ok(())
    }

    fn check(&mut self, by: Instant, index: usize) -> anyhow::Result<()> {
        if let Some(ended) = self.agents.iter_mut().find_map(AgentProcess::ended) {
            anyhow::bail!("{ended}");
        }
        if Instant::now() > by {
            let agent = &self.agents[index];
            anyhow::bail!(
                "not green within {GREEN_MAX:?}; agent {} says last:\n{}",
                agent.name,
                agent.last_words()
            );
        }
        Ok(())
    }

    /// Who leads, as any agent that answers says.
    pub async fn leader(&self) -> Option<String> {
        for agent in self.agents.iter().filter(|agent| agent.alive()) {
            if let Ok(status) = agent.api.get::<quorate_api::Status>("/v1/status").await
                && let Some(leader) = status.leader
            {
                return Some(leader);
            }
        }
        None
    }

    /// Agents that live, those outside the primary region first: they see what happens also when it is cut off.
    pub fn observers(&self) -> Vec<&AgentProcess> {
        let mut alive: Vec<&AgentProcess> = self.agents.iter().filter(|agent| agent.alive()).collect();
        alive.sort_by_key(|agent| agent.name == self.endpoints.service.primary);
        alive
    }

    /// The demo's policy with a dwell of your choice.
    #[must_use]
    pub fn policy(&self, dwell: &str) -> String {
        let service = &self.endpoints.service;
        let mut policy = POLICY
            .replace("@HEALTH@", &service.health_url_template)
            .replace("@PUBLIC@", &format!("{}/health", service.public_url.trim_end_matches('/')))
            .replace("@ZONE@", &service.zone)
            .replace("@RECORD@", &service.record)
            .replace("@CLUSTER@", &service.cluster)
            .replace("@ECS_SERVICE@", &service.ecs_service)
            .replace("@PAGE@", &service.page)
            .replace("@COMPONENT@", &service.component)
            .replace("@DWELL@", dwell);
        for (region, alias) in &service.aliases {
            policy = policy
                .replace(&format!("@ALB_{region}@"), &alias.target)
                .replace(&format!("@ALB_ZONE_{region}@"), &alias.zone);
        }
        for (region, instance) in &service.instances {
            policy = policy.replace(&format!("@DB_{region}@"), instance);
        }
        let webhook =
            self.endpoints.vantages.values().next().map(|view| view.webhook.clone()).unwrap_or_default();
        let communication =
            format!("communication:\n  webhooks:\n    - {{name: ops, url: \"{webhook}/ops\"}}");
        policy.replace("@COMMUNICATION@", &communication)
    }

    /// Stops everything that was started.
    pub async fn tear_down(mut self) {
        for agent in &mut self.agents {
            agent.stop().await;
        }
        self.sandbox.shutdown().await;
    }
}

/// The sandbox's clock is AWS's, shortened: a promotion of minutes takes three seconds.
fn world() -> Options {
    let mut options = Options::default();
    options.timing.alias_ttl_s = 1;
    options
}
