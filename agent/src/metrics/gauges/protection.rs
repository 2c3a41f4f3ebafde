//! Plans, replicas and backups, as this agent found them when it looked last.

use super::{
    super::{Snapshot, declared::*, page::Page},
    flag, length, seconds,
};
use quorate_policies::{
    Timestamp,
    readiness::{FindingSeverity, ready},
};

/// Every way out of every active region, also before it was looked at: an alert on a series that is missing never fires.
pub(super) fn plans(page: &mut Page, s: &Snapshot) {
    for (service, state) in &s.cluster.services {
        for to in state.policy.regions.keys().filter(|region| **region != state.active) {
            let check = s.plan_checks.get(&(service.clone(), to.clone()));
            let labels = [service.as_str(), to.as_str()];
            page.set(&PLAN_READY, &labels, flag(check.is_some_and(|check| ready(&check.findings))));
            page.set(&PLAN_CHECKED, &labels, seconds(check.map_or(Timestamp(0), |check| check.at)));
            for severity in FindingSeverity::ALL {
                let found = check.map_or(0, |c| c.findings.iter().filter(|f| f.severity == severity).count());
                let labels = [service.as_str(), to.as_str(), severity.as_str()];
                page.set(&PLAN_FINDINGS, &labels, found as f64);
            }
        }
    }
}

/// This agent's own latest readings. A reading that could not be made is none: the one before grows old.
pub(super) fn replicas(page: &mut Page, s: &Snapshot) {
    for (service, evidence) in &s.evidence {
        for lag in evidence.lags.iter().filter(|lag| lag.agent == s.agent) {
            let labels = [service.as_str(), lag.replica.as_str()];
            page.set(&REPLICA_LAG, &labels, length(lag.behind));
            let at = Timestamp(s.now.0.saturating_sub(lag.measured.0));
            page.set(&REPLICA_MEASURED, &labels, seconds(at));
            if let Some(bytes) = lag.bytes {
                page.set(&REPLICA_LAG_BYTES, &labels, bytes as f64);
            }
        }
    }
}

/// Of each backup that this agent has looked at. One without an age or a size has no such series.
pub(super) fn backups(page: &mut Page, s: &Snapshot) {
    for ((service, backup), check) in &s.backups {
        let labels = [service.as_str(), backup.as_str()];
        page.set(&BACKUP_FRESH, &labels, flag(check.judgement.state.is_fresh()));
        page.set(&BACKUP_CHECKED, &labels, seconds(check.at));
        if let Some(old) = check.judgement.age {
            // It has grown older since the look.
            page.set(&BACKUP_AGE, &labels, length(old.plus(s.now.since(check.at))));
        }
        if let Some(bytes) = check.judgement.size {
            page.set(&BACKUP_SIZE, &labels, bytes as f64);
        }
    }
}
