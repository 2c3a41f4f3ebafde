//! The probers of all services: one driver a service, because two services may call their targets alike. Commands come
//! from under the node's lock, so they are queued here and handed on by a task.

use quorate_core::node::targets::ProbeTarget;
use quorate_policies::{ServiceName, TargetName, Timestamp};
use quorate_probes::{
    Cadence, Command, Driver, DriverHandle, Probed, Prober, ScheduleSettings, Target,
    driver::{Clock, Figures},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};
use tokio::sync::{mpsc, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Confirmations that may wait for the task. They are rare and may be dropped: the target's next regular probe comes
/// within its interval. Targets wait apart, and the latest set is never dropped.
const COMMANDS_MAX: usize = 256;
/// Results of one service on their way to the node. They are taken as they come; the room is for a pause of the process.
const RESULTS_MAX: usize = 1_024;

/// What a probe of one service found.
pub(super) type Found = (ServiceName, Probed);

type Confirm = (ServiceName, TargetName);

/// Tells the probers what to do.
pub(super) struct Probing {
    confirms: mpsc::Sender<Confirm>,
    targets: watch::Sender<Vec<ProbeTarget>>,
    figures: Arc<Mutex<BTreeMap<ServiceName, DriverHandle>>>,
}

/// What every driver needs.
pub(super) struct Bench {
    pub(super) prober: Arc<Prober>,
    pub(super) clock: Clock,
    pub(super) seat: u32,
    pub(super) seats: u32,
    pub(super) seed: u64,
    pub(super) wall_at_zero: Timestamp,
    pub(super) results: mpsc::Sender<Found>,
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
}

struct Running {
    handle: DriverHandle,
    stop: CancellationToken,
}

impl Probing {
    pub(super) fn start(bench: Bench) -> Self {
        let (confirms, queue) = mpsc::channel(COMMANDS_MAX);
        let (targets, wanted) = watch::channel(Vec::new());
        let figures = Arc::new(Mutex::new(BTreeMap::new()));
        let (tasks, stop) = (bench.tasks.clone(), bench.stop.clone());
        tasks.spawn(stop.run_until_cancelled_owned(conduct(bench, queue, wanted, figures.clone())));
        Self { confirms, targets, figures }
    }

    /// Probe these, and no others.
    pub(super) fn set_targets(&self, targets: Vec<ProbeTarget>) {
        self.targets.send_replace(targets);
    }

    /// Probe this one at once.
    pub(super) fn confirm(&self, service: ServiceName, target: TargetName) {
        // A full queue drops it: the next regular probe sees the same.
        let _ = self.confirms.try_send((service, target));
    }

    /// The schedules' figures, by service.
    pub(super) fn figures(&self) -> BTreeMap<ServiceName, Figures> {
        super::agent::lock(&self.figures)
            .iter()
            .map(|(name, handle)| (name.clone(), handle.figures()))
            .collect()
    }
}

async fn conduct(
    bench: Bench,
    mut queue: mpsc::Receiver<Confirm>,
    mut wanted: watch::Receiver<Vec<ProbeTarget>>,
    figures: Arc<Mutex<BTreeMap<ServiceName, DriverHandle>>>,
) {
    let mut running: BTreeMap<ServiceName, Running> = BTreeMap::new();
    loop {
        let told = tokio::select! {
            changed = wanted.changed() => {
                if changed.is_err() {
                    return;
                }
                let targets = wanted.borrow_and_update().clone();
                let told = set_targets(&bench, &mut running, targets).await;
                *super::agent::lock(&figures) =
                    running.iter().map(|(name, driver)| (name.clone(), driver.handle.clone())).collect();
                told
            }
            Some((service, target)) = queue.recv() => match running.get(&service) {
                Some(driver) => driver.handle.tell(Command::Confirm(target)).await,
                None => Ok(()),
            },
        };
        if let Err(error) = told {
            tracing::error!(%error, "a service is not probed: its verdicts become unknown");
        }
    }
}

async fn set_targets(
    bench: &Bench,
    running: &mut BTreeMap<ServiceName, Running>,
    targets: Vec<ProbeTarget>,
) -> Result<(), quorate_probes::DriverError> {
    let wanted: BTreeSet<&ServiceName> = targets.iter().map(|target| &target.service).collect();
    running.retain(|service, driver| {
        let keep = wanted.contains(service);
        if !keep {
            driver.stop.cancel();
        }
        keep
    });
    let mut by_service: BTreeMap<ServiceName, Vec<(Target, Cadence)>> = BTreeMap::new();
    for target in &targets {
        let of_service = by_service.entry(target.service.clone()).or_default();
        match Target::new(target.name.clone(), &target.looks, target.probe.timeout) {
            Ok(probed) => of_service.push((probed, Cadence::from(&target.probe))),
            Err(error) => tracing::error!(%error, "this target cannot be probed: its verdict stays unknown"),
        }
    }
    for (service, targets) in by_service {
        let driver = running.entry(service.clone()).or_insert_with(|| start_driver(bench, service));
        driver.handle.tell(Command::SetTargets(targets)).await?;
    }
    Ok(())
}

fn start_driver(bench: &Bench, service: ServiceName) -> Running {
    let settings = ScheduleSettings {
        agent_index: bench.seat,
        agents: bench.seats,
        seed: bench.seed,
        wall_at_zero: bench.wall_at_zero,
        ..ScheduleSettings::default()
    };
    let (results, mut found) = mpsc::channel(RESULTS_MAX);
    let (driver, handle) = Driver::new(bench.prober.clone(), settings, bench.clock.clone(), results);
    let (stop, to) = (bench.stop.child_token(), bench.results.clone());
    bench.tasks.spawn(driver.run(stop.clone()));
    bench.tasks.spawn(async move {
        while let Some(probed) = found.recv().await {
            if to.send((service.clone(), probed)).await.is_err() {
                return;
            }
        }
    });
    Running { handle, stop }
}
