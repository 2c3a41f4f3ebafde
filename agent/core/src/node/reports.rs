//! What the peers reported last. Soft state: it is aged by this process's own monotonic clock, and the log never
//! sees it but as a decision's evidence.

use quorate_policies::{AgentName, Millis, Monotonic, agreement::Report};
use std::collections::BTreeMap;

/// The latest report of each peer.
#[derive(Debug, Default)]
pub(super) struct ReportBook {
    latest: BTreeMap<AgentName, (Monotonic, Report)>,
}

impl ReportBook {
    /// Takes a report, unless it is older than the one held: of the same process by its sequence, of another
    /// process by its incarnation.
    pub(super) fn heard(&mut self, now: Monotonic, report: Report) {
        let held = self.latest.get(&report.agent).map(|(_, held)| (held.incarnation, held.sequence));
        if held.is_none_or(|held| held < (report.incarnation, report.sequence)) {
            self.latest.insert(report.agent.clone(), (now, report));
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (Monotonic, &Report)> {
        self.latest.values().map(|(at, report)| (*at, report))
    }

    pub(super) fn ages(&self, now: Monotonic) -> BTreeMap<AgentName, Millis> {
        self.latest.iter().map(|(agent, (at, _))| (agent.clone(), now.since(*at))).collect()
    }
}
