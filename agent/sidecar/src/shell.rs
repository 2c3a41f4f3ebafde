//! The shell around the guard's core: tells it what happened, does what it asks for, logs each transition. It decides
//! nothing; every answer of the world comes back as an [`Input`].

use crate::{
    arguments::{Arguments, KernelFence},
    clock,
    core::{Guard, Input, Output, Stop},
    directory,
    fence::Fence,
    http::{self, View},
    lease::{self, Agents, Holder},
    processes,
    rejoin::Rejoin,
    server::{Launch, Server},
    statement::Local,
};
use anyhow::{Context as _, ensure};
use quorate_policies::{Millis, Monotonic};
use std::{path::Path, sync::Arc, time::Duration};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::{Mutex, mpsc, watch},
    task::JoinHandle,
    time::sleep,
};

/// Answers on their way to the core. There is one of each kind at most.
const INPUTS_MAX: usize = 16;
/// A server whose guard was killed has its SIGQUIT, and gives its backends five seconds before it kills them.
const LEFTOVER_MAX: Duration = Duration::from_secs(7);
const LEFTOVER_LOOK: Duration = Duration::from_millis(50);

/// Different lines that are remembered while a server waits; more are logged each time.
const SAID_MAX: usize = 32;

struct Shell {
    server: Server,
    agents: Arc<Mutex<Agents>>,
    local: Arc<Mutex<Local>>,
    rejoin: Arc<Rejoin>,
    arguments: Arc<Arguments>,
    holder: Holder,
    fence: watch::Sender<Option<Monotonic>>,
    inputs: mpsc::Sender<Input>,
    view: watch::Sender<View>,
    releases: Vec<JoinHandle<()>>,
    /// What was said since the server last started or stopped.
    said: Vec<String>,
}

/// Guards until SIGTERM, or until something is wrong before the server's first start.
pub(crate) async fn guard(arguments: Arguments) -> anyhow::Result<()> {
    let pgdata = arguments.pgdata.canonicalize().with_context(|| {
        let given = arguments.pgdata.display();
        format!("--pgdata {given}: give the data directory of the server, the one with PG_VERSION in it")
    })?;
    let programs = arguments.bin_dir.clone().map_or_else(|| processes::programs(&pgdata), Ok)?;
    wait_for_leftovers(&pgdata).await?;
    let (port, socket_dir) = (arguments.port, arguments.socket_dir.clone());
    let launch = Launch { programs, pgdata, config_file: arguments.config_file.clone(), port, socket_dir };
    let (inputs, mut received) = mpsc::channel(INPUTS_MAX);
    let exits = inputs.clone();
    let server = Server::new(launch.clone(), move |why| {
        // Nobody receives when this program ends, and then nobody needs to.
        let _ = exits.blocking_send(Input::PostmasterExited { why });
    })?;
    let mut guard = Guard::new(arguments.settings());
    let nothing = String::new();
    let first = View {
        guard: guard.clone(),
        transition: nothing.clone(),
        reason: nothing,
        needs_human: None,
        warning: None,
    };
    let (view, newest) = watch::channel(first);
    let listener = TcpListener::bind(arguments.listen).await.with_context(|| arguments.listen.to_string())?;
    let pages = tokio::spawn(http::serve(listener, newest));
    let (fence, wishes) = watch::channel(None);
    let fencing = match arguments.kernel_fence {
        KernelFence::None => None,
        KernelFence::Nftables => {
            Some(tokio::spawn(Fence::install(port, arguments.stop_time).await?.follow(wishes)))
        }
    };
    let holder = Holder::new().context("a random name")?;
    let agents = Agents::new(&arguments.lease_url, holder.clone(), arguments.lease_deadline);
    let deadline = arguments.statement_deadline.duration();
    let local = Local::new(&launch.socket_dir, port, &arguments.database_user, &arguments.database, deadline);
    let (primary_conninfo, slot) = (arguments.primary_conninfo.clone(), arguments.slot.clone());
    let mut shell = Shell {
        server,
        agents: Arc::new(Mutex::new(agents)),
        local: Arc::new(Mutex::new(local)),
        rejoin: Arc::new(Rejoin { launch, primary_conninfo, slot }),
        arguments: Arc::new(arguments),
        holder,
        fence,
        inputs,
        view,
        releases: Vec::new(),
        said: Vec::new(),
    };
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut input = Input::Tick;
    while !shell.step(&mut guard, input) {
        let wake = guard.wake_at(clock::now()).since(clock::now());
        input = tokio::select! {
            // Time comes first: an answer that waited is judged by the clock as it is now, whatever it says.
            biased;
            () = sleep(wake.duration()) => Input::Tick,
            _ = terminate.recv() => Input::Finish,
            _ = interrupt.recv() => Input::Finish,
            received = received.recv() => received.unwrap_or(Input::Tick),
        };
    }
    for release in std::mem::take(&mut shell.releases) {
        let _ = release.await;
    }
    pages.abort();
    drop(shell);
    if let Some(fencing) = fencing {
        fencing.await?;
    }
    Ok(())
}

/// What an earlier guard left is dying; what somebody else runs is not this one's to kill.
async fn wait_for_leftovers(pgdata: &Path) -> anyhow::Result<()> {
    let began = tokio::time::Instant::now();
    loop {
        let left = processes::of(pgdata)?;
        if left.is_empty() {
            return Ok(());
        }
        let led = processes::postmaster(pgdata).is_some_and(|id| left.iter().any(|process| process.id == id));
        if !led {
            // Backends without their postmaster are nobody's server.
            left.iter().for_each(|process| process.signal(rustix::process::Signal::KILL));
        }
        ensure!(
            began.elapsed() < LEFTOVER_MAX,
            "a server that this guard did not start runs in {} (process {}). Stop it, and whatever starts it: for Debian's \
             cluster `main`, `systemctl disable --now postgresql@15-main`",
            pgdata.display(),
            left.first().map_or(0, |process| process.id)
        );
        sleep(LEFTOVER_LOOK).await;
    }
}

impl Shell {
    /// One event; whether it was the last.
    fn step(&mut self, guard: &mut Guard, input: Input) -> bool {
        note(&input);
        let outputs = guard.handle(clock::now(), input);
        self.view.send_modify(|view| view.guard.clone_from(guard));
        let mut last = false;
        for output in outputs {
            last |= output == Output::Exit;
            self.act(output);
        }
        last
    }

    fn act(&mut self, output: Output) {
        match output {
            Output::LookAtDirectory => {
                let launch = self.rejoin.launch.clone();
                self.later(async move {
                    let seen = directory::look(&launch.programs, &launch.pgdata).await;
                    Input::DirectorySeen(
                        seen.map(|seen| seen.directory).map_err(|error| format!("{error:#}")),
                    )
                });
            }
            Output::AskLease => {
                let agents = Arc::clone(&self.agents);
                let (arguments, view) = (Arc::clone(&self.arguments), self.view.clone());
                self.later(async move {
                    let mut agents = agents.lock().await;
                    let ttl = agents.ttl();
                    let (sent_at, answer) = agents.ask().await;
                    if agents.ttl() != ttl {
                        warn(&arguments, agents.ttl(), &view);
                    }
                    Input::LeaseAnswered { sent_at, answer }
                });
            }
            Output::AskStatement => {
                let local = Arc::clone(&self.local);
                self.later(async move {
                    let sent_at = clock::now();
                    let statement = local.lock().await.ask().await;
                    Input::StatementDone { sent_at, statement }
                });
            }
            Output::StartServer(mode) => self.server.start(mode),
            Output::StopServer(Stop::Kill) => {
                let server = self.server.clone();
                self.later(async move {
                    let killed = tokio::task::spawn_blocking(move || server.kill()).await;
                    // A panic there leaves it unknown whether anything lives; then nothing may be said of it.
                    if killed.is_err() { Input::Tick } else { Input::ServerGone }
                });
            }
            Output::StopServer(stop) => self.server.signal(stop),
            Output::ReleaseLease { epoch } => {
                let arguments = Arc::clone(&self.arguments);
                let holder = self.holder.renew();
                self.releases.retain(|release| !release.is_finished());
                self.releases.push(tokio::spawn(async move {
                    match lease::release(&arguments.lease_url, &holder).await {
                        Ok(()) => tracing::debug!(epoch, "the lease is given back"),
                        Err(error) => tracing::warn!(
                            epoch,
                            "the lease is not given back, and ends by itself: {error:#}"
                        ),
                    }
                }));
            }
            Output::Fence(until) => drop(self.fence.send(until)),
            Output::Rejoin => {
                let rejoin = Arc::clone(&self.rejoin);
                self.later(async move { Input::Rejoined(rejoin.run().await) });
            }
            Output::NeedHuman { what } => {
                tracing::error!("a human must act: {what}");
                self.view.send_modify(|view| view.needs_human = Some(what));
            }
            Output::Transition { to, why } => self.tell(to, why),
            Output::Exit => tracing::info!("the guard ends; the server is down"),
        }
    }

    fn tell(&mut self, to: &'static str, why: String) {
        // A server that waits to be rejoined is looked at again and again; the same words are no news.
        if !matches!(to, "down" | "rejoining" | "waiting") {
            self.said.clear();
        }
        let said = format!("{to}: {why}");
        if self.said.contains(&said) {
            tracing::debug!(to, "{why}");
        } else {
            tracing::info!(to, "{why}");
            if self.said.len() < SAID_MAX {
                self.said.push(said);
            }
        }
        self.view.send_modify(|view| {
            view.transition = to.to_owned();
            view.reason = why;
            if to == "starting" {
                view.needs_human = None;
            }
        });
    }

    fn later(&self, doing: impl Future<Output = Input> + Send + 'static) {
        let inputs = self.inputs.clone();
        tokio::spawn(async move {
            // Nobody receives when this program ends.
            let _ = inputs.send(doing.await).await;
        });
    }
}

/// The policy's lease may change while this runs, and then it is too late to refuse anything.
fn warn(arguments: &Arguments, ttl: Option<Millis>, view: &watch::Sender<View>) {
    let warning = ttl.and_then(|ttl| arguments.too_long_for(ttl));
    if let Some(warning) = &warning {
        tracing::warn!("{warning}");
    }
    view.send_modify(|view| view.warning = warning);
}

/// What is no transition, for somebody who looks closely.
fn note(input: &Input) {
    match input {
        Input::Tick => {}
        other => tracing::debug!(input = Guard::name(other), "{other:?}"),
    }
}
