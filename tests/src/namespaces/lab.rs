//! A green cluster whose agents live in namespaces, and what can be done to it: cutting, stopping, killing, a full disk,
//! other clocks. It judges nothing; `oracle` does.

use super::{
    cuts::{Cuts, Spot},
    network::{Network, SANDBOX, agent_address, console_address},
    process::{run, signal},
};
use crate::{Cluster, until};
use anyhow::{Context as _, ensure};
use quorate::{
    demo::{
        agents::AgentProcess,
        api::Api,
        leases::LeaseWatch,
        stage::{SERVICE, Stage},
        story::Story,
    },
    init::{self, AgentPlan, InitOptions},
    outgoing::HttpClient,
};
use quorate_api::{Service, Status};
use quorate_sandbox::{Options, Sandbox};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

/// Where the service runs at the start.
pub const PRIMARY: &str = "us-east-1";
/// Where it can run.
pub const STANDBY: &str = "us-west-2";
/// An agent's region without the service.
pub const WITNESS: &str = "eu-west-1";
/// All agents.
pub const REGIONS: [&str; 3] = [PRIMARY, STANDBY, WITNESS];

/// Ports of every agent; each has its addresses to itself.
const API_PORT: u16 = 7950;
const PEER_PORT: u16 = 7951;
/// A disk with room for a log of a few hundred entries and its second copy.
const SMALL_DISK: &str = "size=8m";
/// What fills a disk: far more than a small one has.
const FILL_BYTES: usize = 64 << 20;

/// What a story needs before the agents start.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The policy's dwell.
    pub dwell: &'static str,
    /// Whose data directory is a small disk of its own.
    pub small_disk: Option<&'static str>,
}

impl Default for Setting {
    fn default() -> Self {
        Self { dwell: "1s", small_disk: None }
    }
}

/// A cluster in namespaces.
pub struct Lab {
    /// The sandbox and the agents.
    pub cluster: Cluster,
    pub(super) leases: LeaseWatch,
    network: Network,
    cuts: Cuts,
    setting: Setting,
}

impl Lab {
    /// Starts one; the network exists.
    pub(super) async fn green(prefix: &str, setting: Setting) -> anyhow::Result<Self> {
        let network = Network::of(prefix);
        let mut options = Options { seed: 7, network: SANDBOX, ..Options::default() };
        options.timing.alias_ttl_s = 1;
        let sandbox = Sandbox::start(options).await?;
        let endpoints = sandbox.endpoints().clone();
        let client = HttpClient::new();
        let control = Api::new(&client, endpoints.control.clone(), None);
        let directory = tempfile::Builder::new().prefix("quorate-namespaces-").tempdir()?;
        let mut stage = Stage { sandbox, endpoints, control, agents: Vec::new(), directory, client };
        write_files(&mut stage, &network)?;
        if let Some(region) = setting.small_disk {
            let data = data_directory(&stage, region);
            fs::create_dir_all(&data)?;
            let mount = ["-t", "tmpfs", "-o", SMALL_DISK, "tmpfs"];
            run(Command::new("mount").args(mount).arg(&data), "")?;
        }
        for agent in &mut stage.agents {
            agent.start()?;
        }
        stage.wait_until_green(setting.dwell, &Story::new()).await?;
        let apis: Vec<Api> = stage.agents.iter().map(|agent| agent.api.clone()).collect();
        let leases = LeaseWatch::start(&apis, SERVICE);
        Ok(Self { cluster: Cluster { stage }, leases, network, cuts: Cuts::default(), setting })
    }

    /// An agent, for its peers and as it goes out.
    #[must_use]
    pub fn agent(&self, region: &str) -> Spot {
        Spot::new([agent_address(region)], None)
    }

    /// The agents but one.
    #[must_use]
    pub fn other_agents(&self, but: &str) -> Spot {
        Spot::new(REGIONS.into_iter().filter(|region| *region != but).map(agent_address), None)
    }

    /// All agents.
    #[must_use]
    pub fn agents(&self) -> Spot {
        Spot::new(REGIONS.map(agent_address), None)
    }

    /// A region's application alone.
    #[must_use]
    pub fn service(&self, region: &str) -> Spot {
        Spot::new(self.region_addresses(region), Some(self.cluster.stage.endpoints.service.port))
    }

    /// A region's application and its AWS endpoints.
    #[must_use]
    pub fn region(&self, region: &str) -> Spot {
        Spot::new(self.region_addresses(region), None)
    }

    /// Route 53, the status page and the webhooks. Resolvers are not among them: every region has its own.
    #[must_use]
    pub fn global(&self) -> Spot {
        let views = self.cluster.stage.endpoints.vantages.values();
        let sockets: BTreeSet<SocketAddr> = views.filter_map(|view| socket(&view.route53)).collect();
        let spots =
            sockets.into_iter().filter_map(|socket| Some(Spot::new([ipv4(socket)?], Some(socket.port()))));
        spots.reduce(Spot::and).unwrap_or_else(|| Spot::new([], None))
    }

    /// All that stands in the primary region, its agent included.
    #[must_use]
    pub fn primary_site(&self) -> Spot {
        self.region(PRIMARY).and(self.agent(PRIMARY))
    }

    /// All that does not.
    #[must_use]
    pub fn rest(&self) -> Spot {
        self.region(STANDBY).and(self.other_agents(PRIMARY)).and(self.global())
    }

    /// How the places of agents see a region; the internet's clients are in nobody's way.
    fn region_addresses(&self, region: &str) -> Vec<Ipv4Addr> {
        let views = REGIONS.iter().filter_map(|place| self.cluster.stage.endpoints.vantages.get(*place));
        views.filter_map(|view| ipv4(socket(view.aws.get(region)?)?)).collect()
    }

    /// Cuts both ways.
    ///
    /// # Errors
    /// When the hub does not take it.
    pub fn sever(&mut self, one: &Spot, other: &Spot) -> anyhow::Result<()> {
        self.lossy(one, other, 100)
    }

    /// Drops so many of a hundred packets, both ways.
    ///
    /// # Errors
    /// When the hub does not take it.
    pub fn lossy(&mut self, one: &Spot, other: &Spot, percent: u8) -> anyhow::Result<()> {
        self.cuts.add(one, other, percent);
        self.cuts.add(other, one, percent);
        self.network.cut(&self.cuts.script())
    }

    /// Cuts one way: packets from here to there are lost, those back arrive.
    ///
    /// # Errors
    /// When the hub does not take it.
    pub fn sever_one_way(&mut self, from: &Spot, to: &Spot) -> anyhow::Result<()> {
        self.cuts.add(from, to, 100);
        self.network.cut(&self.cuts.script())
    }

    /// Heals everything.
    ///
    /// # Errors
    /// When the hub does not take it, or what was cut met no packet: then it was no fault.
    pub fn heal(&mut self) -> anyhow::Result<()> {
        ensure!(self.cuts.is_empty() || self.network.dropped()? > 0, "a cut dropped nothing");
        self.cuts.clear();
        self.network.cut(&self.cuts.script())
    }

    /// SIGSTOP: an agent's process does not run, and its sockets stay open.
    ///
    /// # Errors
    /// When there is no such process.
    pub fn pause(&self, region: &str) -> anyhow::Result<()> {
        signal("STOP", self.process(region)?.with_context(|| format!("{region} does not run"))?)
    }

    /// SIGCONT.
    ///
    /// # Errors
    /// When there is no such process.
    pub fn wake(&self, region: &str) -> anyhow::Result<()> {
        signal("CONT", self.process(region)?.with_context(|| format!("{region} does not run"))?)
    }

    /// SIGKILL.
    pub async fn kill(&mut self, region: &str) {
        self.cluster.agent_mut(region).kill().await;
    }

    /// Starts an agent again.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(&mut self, region: &str) -> anyhow::Result<()> {
        self.cluster.agent_mut(region).start()
    }

    /// An agent's process; none if it has ended.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn process(&self, region: &str) -> anyhow::Result<Option<u32>> {
        Ok(self.network.processes(region)?.first().copied())
    }

    /// From its next start on, an agent's monotonic clocks differ by so many seconds from the machine's, as those of a
    /// machine do that has just booted, or has long been up.
    ///
    /// # Errors
    /// When its start cannot be changed.
    pub fn shift_clocks(&self, region: &str, seconds: i64) -> anyhow::Result<()> {
        let clocks = format!("unshare --time --boottime={seconds} --monotonic={seconds}");
        write_starter(&self.cluster.stage, &self.network, region, &clocks).map(drop)
    }

    /// Fills the small disk to the last byte.
    ///
    /// # Errors
    /// When it is not small.
    pub fn fill_disk(&self) -> anyhow::Result<()> {
        let filled = fs::write(self.filler()?, vec![0; FILL_BYTES]);
        ensure!(filled.is_err_and(|error| error.kind() == std::io::ErrorKind::StorageFull), "it is not full");
        Ok(())
    }

    /// Gives its room back.
    ///
    /// # Errors
    /// When it was not filled.
    pub fn empty_disk(&self) -> anyhow::Result<()> {
        Ok(fs::remove_file(self.filler()?)?)
    }

    fn filler(&self) -> anyhow::Result<PathBuf> {
        let region = self.setting.small_disk.context("the story has no small disk")?;
        Ok(data_directory(&self.cluster.stage, region).join("filler"))
    }

    /// An agent's status.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn status(&self, region: &str) -> anyhow::Result<Status> {
        self.cluster.agent(region).api.get("/v1/status").await
    }

    /// An agent's opinion of a region: what all agents' reports come to, as it has them.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn opinion(&self, of: &str, region: &str) -> anyhow::Result<String> {
        let service: Service = self.cluster.service(of).await?;
        let region = service.regions.into_iter().find(|seen| seen.name == region);
        Ok(region.context("the policy has the region")?.opinion)
    }

    /// Waits until an agent has this opinion of a region.
    ///
    /// # Errors
    /// When it never does.
    pub async fn until_seen(&self, of: &str, region: &str, opinion: &str) -> anyhow::Result<()> {
        until(&format!("{of} sees {region} {opinion}"), async || {
            Ok((self.opinion(of, region).await? == opinion).then_some(()))
        })
        .await
    }

    /// Waits until every agent's vote counts, and every vote is `healthy`.
    ///
    /// # Errors
    /// When that never comes.
    pub async fn until_all_green(&self) -> anyhow::Result<()> {
        until("everybody sees everything healthy", async || {
            let mut green = true;
            for region in REGIONS {
                let service = self.cluster.service(region).await?;
                let mut targets = service.regions.iter().flat_map(|region| &region.targets);
                green &= targets.all(|target| target.healthy.len() == REGIONS.len());
                green &= self.status(region).await?.abstains.is_none();
            }
            Ok(green.then_some(()))
        })
        .await
    }

    /// Unmounts what was mounted, so that the directory can be removed.
    pub(super) fn unmount(&self) -> anyhow::Result<()> {
        let Some(region) = self.setting.small_disk else { return Ok(()) };
        run(Command::new("umount").arg(data_directory(&self.cluster.stage, region)), "").map(drop)
    }
}

/// The agents' ordinary files, with the addresses that they have here.
fn write_files(stage: &mut Stage, network: &Network) -> anyhow::Result<()> {
    // Replaced below: init sets up no API that others reach, and no operator should have it so easily.
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, API_PORT));
    let peers = REGIONS.map(|region| (region.to_owned(), format!("{}:{PEER_PORT}", agent_address(region))));
    let mut agents = Vec::new();
    for region in REGIONS {
        let view = stage.endpoints.vantages.get(region).context("the sandbox lacks a vantage")?;
        agents.push(AgentPlan {
            name: region.to_owned(),
            region: region.to_owned(),
            listen,
            peer_listen: (agent_address(region), PEER_PORT).into(),
            signal: None,
            addresses: peers.clone().into(),
            resolvers: vec![view.resolver.parse()?],
            regional: view.aws.clone(),
            s3: BTreeMap::new(),
            route53: Some(view.route53.clone()),
            statuspage: Some((view.statuspage.clone(), stage.endpoints.service.statuspage_key.clone())),
        });
    }
    let options = InitOptions { agents, ..InitOptions::for_service(SERVICE) };
    let report = init::write(&stage.directory.path().join("cluster"), &options)?;
    let token = fs::read_to_string(&report.token_file)?.trim().to_owned();
    for region in REGIONS {
        let console = format!("{}:{API_PORT}", console_address(region));
        let config = report.agent_files[region].clone();
        let text = fs::read_to_string(&config)?;
        let here = format!("listen: {listen}");
        ensure!(text.lines().any(|line| line == here), "the agent's file does not say where its API listens");
        fs::write(&config, text.replacen(&here, &format!("listen: {console}\nallow_remote_api: true"), 1))?;
        let starter = write_starter(stage, network, region, "")?;
        let log = stage.directory.path().join(format!("{region}.log"));
        let url = format!("http://{console}");
        stage.agents.push(AgentProcess::new(&stage.client, &starter, region, url, &token, config, log));
    }
    Ok(())
}

/// What starts an agent in its namespace: each word of it gives way to the next, so that the process that is started is
/// the agent itself.
fn write_starter(stage: &Stage, network: &Network, region: &str, around: &str) -> anyhow::Result<PathBuf> {
    let file = stage.directory.path().join(format!("start-{region}"));
    let (name, binary) = (network.name(region), crate::binary());
    // One that is running may be read still: a new file takes its place.
    let _ = fs::remove_file(&file);
    fs::write(
        &file,
        format!("#!/bin/sh\nexec ip netns exec {name} {around} '{}' \"$@\"\n", binary.display()),
    )?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
    Ok(file)
}

/// Where an agent keeps its log, as its file says.
fn data_directory(stage: &Stage, region: &str) -> PathBuf {
    stage.directory.path().join(Path::new("cluster/data")).join(region)
}

fn socket(url: &str) -> Option<SocketAddr> {
    url.strip_prefix("http://")?.trim_end_matches('/').parse().ok()
}

fn ipv4(socket: SocketAddr) -> Option<Ipv4Addr> {
    match socket {
        SocketAddr::V4(socket) => Some(*socket.ip()),
        SocketAddr::V6(_) => None,
    }
}
