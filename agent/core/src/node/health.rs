//! This agent's own verdicts: one detector a target.

use super::targets::ProbeTarget;
use quorate_policies::{
    Millis, Monotonic, ServiceName, TargetName,
    agreement::TargetReport,
    health::{Detector, Hysteresis, Observation, Verdict},
};
use std::collections::BTreeMap;

/// Silence of so many intervals makes a verdict unknown: two results may be missing.
const STALE_INTERVALS: u64 = 3;

/// Detectors by service and target.
#[derive(Debug, Default)]
pub(super) struct Health {
    detectors: BTreeMap<ServiceName, BTreeMap<TargetName, Detector>>,
}

/// What one result changed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Change {
    /// The verdict is another one.
    pub(super) changed: bool,
    /// A first failure: everybody should look at once.
    pub(super) confirm: bool,
    /// A first success of one that is down: this agent should look again at once, so that a recovery is seen as fast
    /// as a failure, and a target that goes up and down is not taken for one that stays down (F17).
    pub(super) look_again: bool,
}

impl Health {
    /// Keeps the detectors of targets that stay, so that a new policy does not disarm anything.
    pub(super) fn set_targets(&mut self, now: Monotonic, targets: &[ProbeTarget]) {
        let mut before = std::mem::take(&mut self.detectors);
        for target in targets {
            let kept = before.get_mut(&target.service).and_then(|of_service| of_service.remove(&target.name));
            let rules = Hysteresis {
                fall: target.probe.fall,
                rise: target.probe.rise,
                stale_after: Millis(target.probe.interval.0.saturating_mul(STALE_INTERVALS))
                    .plus(target.probe.timeout),
            };
            let detector = kept.map_or_else(|| Detector::new(rules, now), |kept| kept.with_rules(rules));
            self.detectors.entry(target.service.clone()).or_default().insert(target.name.clone(), detector);
        }
    }

    pub(super) fn observe(
        &mut self,
        now: Monotonic,
        service: &ServiceName,
        target: &TargetName,
        observation: Observation,
    ) -> Change {
        let detector = self.detectors.get_mut(service).and_then(|of_service| of_service.get_mut(target));
        let Some(detector) = detector else { return Change::default() };
        let transition = detector.observe(now, observation);
        let confirm = transition.is_some_and(|t| t.from == Verdict::Healthy && t.to == Verdict::Suspect);
        let look_again = observation == Observation::Success && detector.verdict() == Verdict::Down;
        Change { changed: transition.is_some(), confirm, look_again }
    }

    /// Notices silence. Whether anything changed.
    pub(super) fn tick(&mut self, now: Monotonic) -> bool {
        let mut changed = false;
        for detector in self.detectors.values_mut().flat_map(BTreeMap::values_mut) {
            changed |= detector.tick(now).is_some();
        }
        changed
    }

    pub(super) fn report(&self, now: Monotonic, service: &ServiceName) -> BTreeMap<TargetName, TargetReport> {
        let of_service = self.detectors.get(service).into_iter().flatten();
        of_service.map(|(target, detector)| (target.clone(), report(now, detector))).collect()
    }
}

fn report(now: Monotonic, detector: &Detector) -> TargetReport {
    TargetReport {
        verdict: detector.verdict(),
        armed: detector.armed(),
        failing_for: detector.first_failure().map(|since| now.since(since)),
        reason: detector.last_reason(),
    }
}
