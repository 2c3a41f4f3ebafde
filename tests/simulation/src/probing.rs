//! The probes: the real schedule of each service, over the network of the moment. What a probe finds is simulated; when
//! it is made, and that a failure is confirmed at once, is not.

use super::{
    host::{Host, Seat},
    now,
};
use openraft_rt::AsyncRuntime;
use openraft_rt_sim::SimRuntime;
use quorate_core::node::{Input, targets::ProbeTarget};
use quorate_policies::{
    Millis, Monotonic, ServiceName, TargetName, Timestamp,
    agreement::lag::replica_name,
    health::{FailureReason, Observation},
};
use quorate_probes::{Cadence, Schedule, ScheduleSettings, schedule::Start};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// The schedules are asked at least so often; a probe is never later than that.
const TURN: Duration = Duration::from_millis(50);
/// How often replicas are read. Each reading is as old as a point of the cloud's monitoring.
const LAG_EVERY: Duration = Duration::from_secs(30);
const LAG_FIRST: Duration = Duration::from_secs(2);

/// What an agent probes, and when.
pub(super) struct Probing {
    settings: ScheduleSettings,
    schedules: BTreeMap<ServiceName, Schedule>,
    targets: BTreeMap<(ServiceName, TargetName), ProbeTarget>,
}

impl Probing {
    pub(super) fn new(seat: &Seat, wall_at_zero: Timestamp) -> Self {
        let settings = ScheduleSettings {
            agent_index: u32::try_from(seat.index).unwrap(),
            agents: u32::try_from(seat.nodes).unwrap(),
            seed: seat.seed,
            wall_at_zero,
            ..ScheduleSettings::default()
        };
        Self { settings, schedules: BTreeMap::new(), targets: BTreeMap::new() }
    }

    fn set(&mut self, now: Monotonic, targets: Vec<ProbeTarget>) {
        let mut cadences: BTreeMap<ServiceName, BTreeMap<TargetName, Cadence>> = BTreeMap::new();
        self.targets.clear();
        for target in targets {
            let cadence = Cadence::from(&target.probe);
            cadences.entry(target.service.clone()).or_default().insert(target.name.clone(), cadence);
            self.targets.insert((target.service.clone(), target.name.clone()), target);
        }
        self.schedules.retain(|service, _| cadences.contains_key(service));
        for (service, cadences) in cadences {
            let settings = self.settings.clone();
            let schedule = self.schedules.entry(service).or_insert_with(|| Schedule::new(settings));
            schedule.set_targets(now, cadences);
        }
    }

    pub(super) fn confirm(&mut self, service: &ServiceName, target: &TargetName, now: Monotonic) {
        if let Some(schedule) = self.schedules.get_mut(service) {
            schedule.confirm(target, now);
        }
    }

    fn due(&mut self, now: Monotonic) -> Vec<(ServiceName, Start)> {
        let mut due = Vec::new();
        for (service, schedule) in &mut self.schedules {
            due.extend(schedule.due(now).into_iter().map(|start| (service.clone(), start)));
        }
        due
    }

    fn wake(&self, now: Monotonic) -> Option<Monotonic> {
        self.schedules.values().filter_map(|schedule| schedule.next_wake(now)).min()
    }
}

impl Host {
    pub(super) fn set_targets(&self, targets: Vec<ProbeTarget>) {
        self.probing.lock().unwrap().set(self.clock.now().mono, targets);
    }

    /// Starts what is due, over and over.
    pub(super) async fn probe(self: Arc<Self>) {
        while self.runs().await {
            let mono = self.clock.now().mono;
            let due = self.probing.lock().unwrap().due(mono);
            for (service, start) in due {
                let host = self.clone();
                drop(SimRuntime::spawn(async move { host.probe_once(service, start.target).await }));
            }
            let wake = self.probing.lock().unwrap().wake(self.clock.now().mono);
            let pause = wake.map_or(TURN, |wake| wake.since(self.clock.now().mono).duration());
            // A confirmation may come at any time, so the longest pause is short.
            SimRuntime::sleep(pause.clamp(Duration::from_millis(1), TURN)).await;
        }
    }

    async fn probe_once(&self, service: ServiceName, name: TargetName) {
        let key = (service.clone(), name.clone());
        let target = self.probing.lock().unwrap().targets.get(&key).cloned();
        let Some(target) = target else { return };
        let observation = self.look_at(&target).await;
        if !self.runs().await {
            return;
        }
        if let Some(schedule) = self.probing.lock().unwrap().schedules.get_mut(&service) {
            schedule.finished(&name, self.clock.now().mono, observation);
        }
        self.network.oracle().probed(self.name.as_str(), service.as_str(), &name, observation);
        self.feed(Input::Probed { service, target: name, observation });
    }

    async fn look_at(&self, target: &ProbeTarget) -> Observation {
        let (service, name, timeout) = (&target.service, &target.name, target.probe.timeout.duration());
        if self.network.is_exhausted(self.id) {
            return Observation::Nothing(FailureReason::LocalResource);
        }
        // Two ways and a handshake: a packet that is lost costs more than the timeout.
        let reached = !self.network.is_dark(self.id, &name.region) && !self.network.drops(self.id);
        let deep = name.check.as_str() == "deep";
        let found = reached.then(|| self.cloud.probe(service.as_str(), name.region.as_str(), deep)).flatten();
        match found {
            Some((took, observation)) if took < timeout => {
                SimRuntime::sleep(took).await;
                observation
            }
            _ => {
                SimRuntime::sleep(timeout).await;
                Observation::Failure(FailureReason::ConnectTimeout)
            }
        }
    }

    /// Reads, all the time, how far the replicas are behind.
    pub(super) async fn read_lags(self: Arc<Self>) {
        SimRuntime::sleep(LAG_FIRST).await;
        while self.runs().await {
            for name in self.cloud.services() {
                for at in [super::EAST, super::WEST] {
                    let region = super::region(at);
                    if self.network.is_dark(self.id, &region) {
                        continue;
                    }
                    let Some((behind, age)) = self.cloud.read_lag(name, at) else { continue };
                    let behind = Millis(u64::try_from(behind.as_millis()).unwrap());
                    let measured = Millis(u64::try_from(age.as_millis()).unwrap());
                    let replica = replica_name(at, &format!("{name}-{at}"));
                    self.feed(Input::Lag { service: super::service(name), replica, behind, measured });
                }
            }
            // Everything is read anew soon after the policies are there.
            let pause = if now() < super::CALM_UNTIL { LAG_FIRST } else { LAG_EVERY };
            SimRuntime::sleep(pause).await;
        }
    }
}
