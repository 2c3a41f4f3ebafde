//! What the peers reported last. Soft state: it is aged by this process's own monotonic clock, and the log never
//! sees it but as a decision's evidence.

use quorate_policies::{AgentName, Millis, Monotonic, agreement::Report};
use std::collections::BTreeMap;

/// A process that has been silent for so long has been replaced, even if its successor's clock is behind its own:
/// five reports are missing.
const SILENCE_MAX: Millis = Millis(5_000);

/// The latest report of each peer.
#[derive(Debug, Default)]
pub(super) struct ReportBook {
    latest: BTreeMap<AgentName, (Monotonic, Report)>,
}

impl ReportBook {
    /// Takes a report, unless it is older than the one held: of the same process by its sequence, of another
    /// process by its incarnation.
    pub(super) fn heard(&mut self, now: Monotonic, report: Report) {
        let newer = self.latest.get(&report.agent).is_none_or(|(at, held)| {
            let silent = now.since(*at) > SILENCE_MAX && held.incarnation != report.incarnation;
            silent || (held.incarnation, held.sequence) < (report.incarnation, report.sequence)
        });
        if newer {
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
