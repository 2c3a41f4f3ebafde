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

#[cfg(test)]
mod tests {
    use super::*;

    fn report(incarnation: u64, sequence: u64) -> Report {
        Report {
            agent: "eve".try_into().unwrap(),
            region: "us-east-1".try_into().unwrap(),
            incarnation,
            sequence,
            abstains: None,
            feature_level: Default::default(),
            services: BTreeMap::new(),
        }
    }

    /// Goal: R7, what an agent knows of another never goes back, whatever the network repeats or overtakes; a process whose
    /// clock is behind its predecessor's is believed once that one has been silent. Method: reports of one agent by process
    /// and number, each with the one that is held afterwards.
    #[test]
    fn r7_what_is_known_never_goes_back() {
        let told = [
            (0, (7, 1), (7, 1), "the first"),
            (100, (7, 3), (7, 3), "one was lost"),
            (200, (7, 2), (7, 3), "it comes late"),
            (300, (7, 3), (7, 3), "the same again"),
            (400, (8, 1), (8, 1), "the agent has started again"),
            (500, (7, 9), (8, 1), "of the process before"),
            (600, (6, 1), (8, 1), "a process with a clock that is behind, or an old message"),
            (5_401, (6, 2), (6, 2), "the other one has been silent: it was the process"),
            (10_403, (6, 1), (6, 2), "silence does not turn the order of one process round"),
        ];
        let mut book = ReportBook::default();
        for (at, (incarnation, sequence), held, why) in told {
            book.heard(Monotonic(at), report(incarnation, sequence));
            let (_, known) = book.all().next().unwrap();
            assert_eq!((known.incarnation, known.sequence), held, "{why}");
        }
    }
}
