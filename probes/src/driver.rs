//! The shell around the schedule: it waits until something is due, runs the probes, hands out the results and
//! takes commands. It decides nothing; the [`Schedule`] does.

use crate::{
    prober::Prober,
    result::ProbeResult,
    schedule::{Cadence, Confirmation, Counters, Schedule, ScheduleSettings, Start},
    target::Target,
};
use quorate_policies::{
    name::TargetName,
    time::{Millis, Monotonic},
};
use std::{collections::BTreeMap, future::pending, sync::Arc};
use tokio::{
    sync::{mpsc, watch},
    task::{JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;

/// Commands that may wait. They come from one configuration and a few peers; the sender waits beyond that.
const COMMANDS_WAITING_MAX: usize = 64;

/// The monotonic clock of the process.
pub type Clock = Arc<dyn Fn() -> Monotonic + Send + Sync>;

/// What the driver is told.
#[derive(Debug, Clone)]
pub enum Command {
    /// Probe these and no others. The result of a probe in flight of a removed or changed target is dropped.
    SetTargets(Vec<(Target, Cadence)>),
    /// A peer saw the target fail: confirm it at once.
    Confirm(TargetName),
}

/// A result, with when it came and how it was scheduled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// What the probe found.
    pub result: ProbeResult,
    /// When it ended.
    pub at: Monotonic,
    /// How much later than due it started.
    pub lag: Millis,
    /// Whether it confirmed a failure, beside the regular slots.
    pub confirming: bool,
}

/// Why a driver cannot be told anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DriverError {
    /// It has stopped.
    #[error("the prober has stopped")]
    Stopped,
}

/// The schedule's figures, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// Counts since the start.
    pub counters: Counters,
    /// Probes in flight.
    pub in_flight: usize,
    /// Targets that are due and wait.
    pub waiting: usize,
}

/// Tells a driver what to do.
#[derive(Debug, Clone)]
pub struct DriverHandle {
    commands: mpsc::Sender<Command>,
    figures: watch::Receiver<Figures>,
}

impl DriverHandle {
    /// Tells the driver; waits while too many commands wait.
    ///
    /// # Errors
    /// When the driver has stopped.
    pub async fn tell(&self, command: Command) -> Result<(), DriverError> {
        self.commands.send(command).await.map_err(|_| DriverError::Stopped)
    }

    /// The schedule's figures, as of its last turn.
    #[must_use]
    pub fn figures(&self) -> Figures {
        *self.figures.borrow()
    }
}

/// Runs the probes of a schedule.
pub struct Driver {
    prober: Arc<Prober>,
    schedule: Schedule,
    clock: Clock,
    targets: BTreeMap<TargetName, Arc<Target>>,
    running: JoinSet<(Arc<Target>, Start, ProbeResult)>,
    results: mpsc::Sender<Probed>,
    commands: mpsc::Receiver<Command>,
    figures: watch::Sender<Figures>,
}

impl Driver {
    /// A driver without targets, which sends what its probes find to `results`. While `results` is full nothing
    /// is started: slots that pass are counted as missed.
    #[must_use]
    pub fn new(
        prober: Arc<Prober>,
        settings: ScheduleSettings,
        clock: Clock,
        results: mpsc::Sender<Probed>,
    ) -> (Self, DriverHandle) {
        let (tell, commands) = mpsc::channel(COMMANDS_WAITING_MAX);
        let (figures, watched) = watch::channel(Figures::default());
        let driver = Self {
            prober,
            schedule: Schedule::new(settings),
            clock,
            targets: BTreeMap::new(),
            running: JoinSet::new(),
            results,
            commands,
            figures,
        };
        (driver, DriverHandle { commands: tell, figures: watched })
    }

    /// Runs until `stop` is cancelled, every handle is dropped, or nobody takes the results any more. Probes in
    /// flight are dropped with it.
    pub async fn run(mut self, stop: CancellationToken) {
        let _ended = stop.run_until_cancelled_owned(self.turns()).await;
    }

    async fn turns(&mut self) {
        loop {
            let now = (self.clock)();
            for start in self.schedule.due(now) {
                self.spawn(start);
            }
            self.figures.send_replace(Figures {
                counters: self.schedule.counters(),
                in_flight: self.schedule.in_flight(),
                waiting: self.schedule.waiting(now),
            });
            let wake = self.schedule.next_wake(now);
            tokio::select! {
                () = until(wake, now) => {}
                Some(ended) = self.running.join_next() => {
                    if !self.ended(ended).await {
                        return;
                    }
                }
                command = self.commands.recv() => match command {
                    Some(command) => self.obey(command),
                    None => return,
                },
            }
        }
    }

    fn spawn(&mut self, start: Start) {
        let target = self.targets.get(&start.target).expect("schedule and targets are set together");
        let target = Arc::clone(target);
        let prober = Arc::clone(&self.prober);
        self.running.spawn(async move {
            let result = prober.probe(&target).await;
            (target, start, result)
        });
    }

    /// Takes a probe's end. Returns whether anybody still wants results.
    async fn ended(&mut self, ended: Result<(Arc<Target>, Start, ProbeResult), JoinError>) -> bool {
        let (target, start, result) = match ended {
            Ok(ended) => ended,
            // A prober that panics has a broken invariant; hiding it would leave the target unprobed for ever.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        let at = (self.clock)();
        self.schedule.finished(target.name(), at, result.observation());
        let current = self.targets.get(target.name()).is_some_and(|current| Arc::ptr_eq(current, &target));
        if !current {
            return true;
        }
        let probed = Probed { result, at, lag: start.lag, confirming: start.confirming };
        self.results.send(probed).await.is_ok()
    }

    fn obey(&mut self, command: Command) {
        let now = (self.clock)();
        match command {
            Command::SetTargets(wanted) => {
                let mut cadences = BTreeMap::new();
                let mut targets = BTreeMap::new();
                for (target, cadence) in wanted {
                    cadences.insert(target.name().clone(), cadence);
                    // An unchanged target stays the same one, so that its probe in flight still counts.
                    let kept = self.targets.get(target.name()).filter(|known| ***known == target).cloned();
                    targets.insert(target.name().clone(), kept.unwrap_or_else(|| Arc::new(target)));
                }
                self.targets = targets;
                self.schedule.set_targets(now, cadences);
            }
            Command::Confirm(name) => {
                let confirmation: Confirmation = self.schedule.confirm(&name, now);
                tracing::debug!(target_name = %name, ?confirmation, "a peer saw a failure");
            }
        }
    }
}

/// Waits until the schedule wants to be asked; for ever if only an event can change anything.
async fn until(wake: Option<Monotonic>, now: Monotonic) {
    match wake {
        Some(wake) => tokio::time::sleep(wake.since(now).duration()).await,
        None => pending().await,
    }
}
