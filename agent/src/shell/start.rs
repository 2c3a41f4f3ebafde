//! Starting and stopping: what is opened in which order, and that it is closed again.

use super::{
    Agent, OperatorToken,
    agent::PROPOSE_MAX,
    audit_file::AuditFile,
    backups, certificates,
    clock::Clock,
    lags, members,
    probing::{Bench, Found, Probing},
    readiness,
    signals::Signals,
    store_failures::StoreFailures,
    supervised::{self, Beats},
};
use crate::{
    effects::Effects,
    http,
    metrics::Metrics,
    notify,
    peers::{
        self, Peers,
        tls::{LiveTls, Tls},
    },
    traces,
};
use anyhow::Context as _;
use quorate_consensus::{Consensus, Limits, Member, Settings, Timing, WriterMode, node_id, open_database};
use quorate_core::node::{Input, Node, NodeSettings, self_health::TICK};
use quorate_policies::{
    AgentName, FEATURE_LEVEL, Millis, RegionName, Timestamp,
    document::{self, AgentFile},
    policy,
};
use quorate_probes::{PostgresCredentials, Prober, ProberSettings};
use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{net::TcpListener, sync::mpsc, time::MissedTickBehavior};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Probe results on their way to the node. They are taken as they come; the room is for a pause of the process.
const RESULTS_MAX: usize = 1_024;
/// A wall clock that moves more than this between two ticks was set, or the machine did not run (R8). NTP slews by half
/// a millisecond a second.
const CLOCK_JUMP_MAX: Millis = Millis(2_000);
/// A tick that comes so late is a stall: five times its interval, and a quarter of what makes the agent distrust itself (R8).
const STALL: Millis = Millis(500);
/// Before a start asks once more how far the others are: a voter that has stopped answers at once.
const CATCH_UP_AGAIN: Duration = Duration::from_millis(100);
/// How long a stop waits for tasks before it leaves them.
const STOP_MAX: Duration = Duration::from_secs(5);

/// A running agent, to be stopped.
pub struct Running {
    /// The agent.
    pub agent: Arc<Agent>,
    /// Where its API listens.
    pub api: SocketAddr,
}

impl Running {
    /// Stops everything and lets go of the data directory.
    pub async fn stop(self) {
        self.agent.stop.cancel();
        self.agent.tasks.close();
        if tokio::time::timeout(STOP_MAX, self.agent.tasks.wait()).await.is_err() {
            tracing::warn!("some tasks did not end in time");
        }
        if let Err(error) = self.agent.consensus.shutdown().await {
            tracing::error!(%error, "the store did not close cleanly");
        }
    }
}

/// Runs an agent until a signal stops it, or its store fails.
///
/// # Errors
/// When the file is wrong, something cannot be opened, or the store has failed.
pub async fn run(config: PathBuf) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    // A task that panics has found a broken invariant; going on without it would look alive and do nothing.
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        std::process::abort();
    }));
    let (file, base) = read(&config)?;
    init_logging(&file);
    let data = base.join(&file.data_dir);
    let running = start(file, &base).await?;
    supervised::serving(&running.agent);
    let stopped = running.agent.consensus.clone();
    let outcome = tokio::select! {
        name = signals.next() => {
            tracing::info!(signal = name, "stopping");
            Ok(())
        }
        stopped = stopped.stopped() => {
            if stopped.by_store {
                StoreFailures::record(&data, running.agent.wall());
            }
            Err(anyhow::Error::new(stopped))
        }
    };
    supervised::stopping();
    running.stop().await;
    outcome
}

fn read(config: &Path) -> anyhow::Result<(AgentFile, PathBuf)> {
    let text = fs::read_to_string(config).with_context(|| format!("cannot read {}", config.display()))?;
    let file = document::read_agent_file(&config.display().to_string(), &text).map_err(|problems| {
        anyhow::anyhow!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })?;
    let base = config.parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf);
    Ok((file, base))
}

fn init_logging(file: &AgentFile) {
    use tracing_subscriber::{EnvFilter, fmt};
    // The consensus library tells every heartbeat; its warnings are enough.
    let filter = EnvFilter::try_from_env("QUORATE_LOG")
        .unwrap_or_else(|_| EnvFilter::new(format!("{},openraft=warn", file.log.filter())));
    let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let builder = fmt().with_env_filter(filter).with_ansi(terminal).with_writer(std::io::stderr);
    // A second initialisation, in a test, keeps the first.
    let _ = match file.log.format {
        document::LogFormat::Json => builder.json().try_init(),
        document::LogFormat::Human => builder.try_init(),
    };
}

/// Starts an agent. Relative paths of its file are below `base`.
///
/// # Errors
/// When something cannot be opened.
pub async fn start(mut file: AgentFile, base: &Path) -> anyhow::Result<Running> {
    traces::supported(&file)?;
    for webhook in file.webhooks.values_mut() {
        webhook.secret_file = base.join(&webhook.secret_file);
    }
    for (_, path) in file.channels.values_mut().flat_map(document::ChannelAccess::files_mut) {
        *path = base.join(&path);
    }
    let data = base.join(&file.data_dir);
    // Its owner's alone: whoever reads it knows every policy and the audit, whoever writes there forges promises.
    let mut made = fs::DirBuilder::new();
    made.recursive(true).mode(0o700);
    made.create(&data).with_context(|| format!("data directory {}", data.display()))?;
    let tls = LiveTls::new(Tls::load(base, &file.tls)?);
    let token = OperatorToken::load(&base.join(&file.operator_token_file))?;
    let api =
        TcpListener::bind(file.listen).await.with_context(|| format!("cannot listen on {}", file.listen))?;
    let peer = TcpListener::bind(file.peer_listen);
    let peer = peer.await.with_context(|| format!("cannot listen on {} for peers", file.peer_listen))?;
    let signal = match file.signal_listen {
        Some(address) => {
            let listener = TcpListener::bind(address).await;
            Some(listener.with_context(|| format!("cannot listen on {address} for the signal"))?)
        }
        None => None,
    };
    let stop = CancellationToken::new();
    let clock = Clock::start();

    let others: BTreeMap<AgentName, String> = file
        .members
        .iter()
        .filter(|(name, _)| **name != file.name)
        .map(|(n, m)| (n.clone(), m.address.clone()))
        .collect();
    let metrics = Metrics::new(&file);
    metrics.certificates_in_use(tls.current().expiry);
    metrics.store_failed_before(StoreFailures::prepare(&data));
    let peers = Peers::start(&others, &tls, &metrics.reports(), &stop)?;
    let database = open_database(&data.join("log.redb"))?;
    let consensus = Consensus::start(settings(&file), peers.clone(), database, WriterMode::Thread).await?;
    let prober = prober(&file, base)?;
    let (results, seen) = mpsc::channel(RESULTS_MAX);
    let tasks = TaskTracker::new();
    let started = clock.now();
    let seat = file.members.keys().position(|name| *name == file.name).unwrap_or_default();
    let probing = Probing::start(Bench {
        prober: prober.clone(),
        clock: Arc::new(move || clock.now().mono),
        seat: u32::try_from(seat).unwrap_or_default(),
        seats: u32::try_from(file.members.len()).unwrap_or(1),
        seed: rand::random(),
        wall_at_zero: Timestamp(started.wall.0 - started.mono.0),
        results,
        tasks: tasks.clone(),
        stop: stop.clone(),
    });
    let agent = Arc::new_cyclic(|me| Agent {
        node: Mutex::new(Node::new(node_settings(&file, clock.now().wall.0), clock.now())),
        effects: Effects::new(&file, base, prober).watched(metrics.clouds()),
        plan_checks: Mutex::default(),
        backups: backups::BackupWatch::default(),
        metrics,
        versions: Mutex::default(),
        caught_up: AtomicBool::new(false),
        clock,
        consensus,
        peers,
        probing,
        targets: Mutex::default(),
        results: Mutex::default(),
        token,
        beats: Beats::default(),
        stop: stop.clone(),
        tasks,
        me: me.clone(),
        file,
    });
    let address = api.local_addr()?;
    spawn(&agent, seen, AuditFile::open(&data)?);
    let watch = certificates::run(agent.clone(), base.to_owned(), tls.clone());
    agent.tasks.spawn(stop.clone().run_until_cancelled_owned(watch));
    agent.tasks.spawn(peers::server::serve(agent.clone(), peer, tls, stop.clone()));
    agent.tasks.spawn(http::serve(agent.clone(), api, stop.clone()));
    if let Some(listener) = signal {
        agent.tasks.spawn(http::serve_signal(agent.clone(), listener, stop.clone()));
    }
    agent.tasks.spawn(traces::run(agent.clone(), base.to_owned(), stop.clone()));
    agent.tasks.spawn(notify::run(agent.clone(), stop));
    tracing::info!(agent = %agent.file.name, region = %agent.file.region, api = %address, "agent started");
    Ok(Running { agent, api: address })
}

fn spawn(agent: &Arc<Agent>, seen: mpsc::Receiver<Found>, audit: AuditFile) {
    let stop = &agent.stop;
    agent.tasks.spawn(stop.clone().run_until_cancelled_owned(tick(agent.clone())));
    agent.tasks.spawn(stop.clone().run_until_cancelled_owned(results(agent.clone(), seen)));
    agent.tasks.spawn(stop.clone().run_until_cancelled_owned(readiness::run(agent.clone())));
    agent.tasks.spawn(stop.clone().run_until_cancelled_owned(lags::run(agent.clone())));
    agent.tasks.spawn(stop.clone().run_until_cancelled_owned(members::run(agent.clone())));
    agent.tasks.spawn(stop.clone().run_until_cancelled_owned(backups::run(agent.clone())));
    agent.tasks.spawn(stop.clone().run_until_cancelled_owned(follow(agent.clone(), audit)));
    agent.tasks.spawn(stop.clone().run_until_cancelled_owned(catch_up(agent.clone())));
}

async fn tick(agent: Arc<Agent>) {
    let mut interval = tokio::time::interval(TICK.duration());
    // A late tick is a sign of trouble that the node must see once, not a burst to catch up.
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before = agent.clock.wall_offset();
    let mut ticked = agent.clock.now().mono;
    loop {
        interval.tick().await;
        let now = agent.clock.now().mono;
        if now.since(ticked) >= TICK.plus(STALL) {
            agent.metrics.stalled();
        }
        ticked = now;
        let offset = agent.clock.wall_offset();
        let jump = Millis(offset.abs_diff(before));
        if jump > CLOCK_JUMP_MAX {
            tracing::warn!(%jump, "the wall clock jumped");
            agent.input(Input::ClockJumped(jump));
        }
        before = offset;
        agent.refresh();
        agent.input(Input::Tick);
        agent.beats.beat();
    }
}

async fn results(agent: Arc<Agent>, mut seen: mpsc::Receiver<Found>) {
    while let Some((service, probed)) = seen.recv().await {
        agent.probed(service, probed);
    }
}

/// Hands every new state to the node, and every new audit entry to the file, the log and the counters.
async fn follow(agent: Arc<Agent>, mut audit: AuditFile) {
    let mut seen = 0;
    loop {
        seen = agent.consensus.changed(seen).await;
        agent.refresh();
        let state = agent.consensus.state();
        // Synced to disk: other tasks of this thread must not wait for it.
        match tokio::task::block_in_place(|| audit.append(&state)) {
            Ok(entries) => {
                for entry in entries {
                    tracing::info!(sequence = entry.sequence, actor = %entry.actor, event = entry.event.name(), "{}", entry.event);
                    agent.metrics.audit(entry, &state);
                }
            }
            Err(error) => {
                agent.metrics.audit_write_failed();
                tracing::error!(%error, "the audit file cannot be written");
            }
        }
    }
}

/// Once this agent knows what was committed before it started, it can stand in for another: whoever upgrades the agents one
/// after the other waits for it.
async fn catch_up(agent: Arc<Agent>) {
    while let Err(error) = agent.consensus.barrier(PROPOSE_MAX).await {
        tracing::debug!(%error, "not caught up yet");
        tokio::time::sleep(CATCH_UP_AGAIN).await;
    }
    agent.refresh();
    agent.caught_up.store(true, Ordering::Relaxed);
    tracing::info!("caught up with the other agents");
}

/// The prober of an agent's own file; relative paths are below `base`.
///
/// # Errors
/// When the file's trust root cannot be read, or the prober cannot be made.
pub(crate) fn prober(file: &AgentFile, base: &Path) -> anyhow::Result<Arc<Prober>> {
    let extra = file.probe_ca.as_ref().map(|name| fs::read(base.join(name))).transpose()?;
    Ok(Arc::new(Prober::new(ProberSettings {
        resolvers: file.resolvers.clone(),
        extra_ca_pem: extra,
        postgres: file.postgres.as_ref().map(|section| PostgresCredentials::of(section, base)),
        ..ProberSettings::default()
    })?))
}

fn regions(file: &AgentFile) -> BTreeMap<AgentName, RegionName> {
    file.members.iter().map(|(name, member)| (name.clone(), member.region.clone())).collect()
}

/// Consensus's own lengths for how far apart the agents are.
pub(crate) const fn timing(of: policy::Timing) -> Timing {
    match of {
        policy::Timing::Lan => Timing::lan(),
        policy::Timing::Wan => Timing::wan(),
    }
}

fn settings(file: &AgentFile) -> Settings {
    let members = file.members.iter().map(|(name, member)| {
        let (name, address, region) = (name.to_string(), member.address.clone(), member.region.to_string());
        (node_id(&name), Member { name, address, region })
    });
    Settings {
        cluster: file.cluster.clone(),
        me: node_id(file.name.as_str()),
        feature_level: FEATURE_LEVEL.0,
        members: members.collect(),
        timing: timing(file.timing),
        limits: Limits::default(),
    }
}

fn node_settings(file: &AgentFile, incarnation: u64) -> NodeSettings {
    // A lost agent is noticed about as fast as a lost leader, and not before two reports are missing.
    let lost_after = match file.timing {
        policy::Timing::Lan => Millis(750),
        policy::Timing::Wan => Millis(2_500),
    };
    NodeSettings {
        name: file.name.clone(),
        region: file.region.clone(),
        members: regions(file),
        incarnation,
        feature_level: FEATURE_LEVEL,
        report_interval: file.timing.report_interval(),
        lost_after,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: what policies are checked against is what agents do. Method: both profiles.
    #[test]
    fn a_leader_is_replaced_as_fast_as_policies_are_told() {
        for of in [policy::Timing::Lan, policy::Timing::Wan] {
            assert_eq!(timing(of).takeover_max(), of.takeover_max().duration());
        }
    }
}
