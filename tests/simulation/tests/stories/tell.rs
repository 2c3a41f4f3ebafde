//! How a story is written, and what can be asked about how it ended.

use quorate_simulation::{
    Outcome, Plot, Scenario,
    deed::{Deed, Event},
    fault::Fault,
    run,
    timeline::{at, timeline},
};
use std::time::Duration;

/// An even seed has one service and one that is no multiple of three nobody who fails back at the end. This one lives
/// across continents.
pub(crate) const ONE_SERVICE: u64 = 2;
/// The same close together.
pub(crate) const CLOSE_TOGETHER: u64 = 4;
/// An odd seed has two services.
pub(crate) const TWO_SERVICES: u64 = 5;
/// A failover of the simulated service, dwell and all, from the first failed probe: promotion takes up to 8 s, steps are
/// handed out and looked at within a second each, and agents across continents answer within 0.4 s.
pub(crate) const BUDGET_SECONDS: f64 = 45.0;

/// A story that is being written.
#[derive(Clone)]
pub(crate) struct Story {
    fault: Fault,
    scenario: Scenario,
    events: Vec<Event>,
    dwell: u64,
}

impl Story {
    /// Three agents, one service, a minute and a half, a dwell of 4 s.
    pub(crate) fn of(fault: Fault) -> Self {
        let length = Duration::from_secs(90);
        let plot = Plot::Written(Vec::new(), 0);
        let scenario = Scenario { seed: ONE_SERVICE, nodes: 3, length, plot };
        Self { fault, scenario, events: Vec::new(), dwell: 4 }
    }

    pub(crate) fn seed(mut self, seed: u64) -> Self {
        self.scenario.seed = seed;
        self
    }

    pub(crate) fn agents(mut self, nodes: usize) -> Self {
        self.scenario.nodes = nodes;
        self
    }

    pub(crate) fn dwell(mut self, seconds: u64) -> Self {
        self.dwell = seconds;
        self
    }

    /// How many seconds pass before everything is repaired.
    pub(crate) fn lasts(mut self, seconds: u64) -> Self {
        self.scenario.length = Duration::from_secs(seconds);
        self
    }

    /// What happens so many seconds after the beginning. The cluster has formed after 14 s.
    pub(crate) fn at(mut self, seconds: impl Into<f64>, deed: Deed) -> Self {
        let at = Duration::from_secs_f64(seconds.into());
        self.events.push(Event { at, cue: None, fault: self.fault, deed });
        self
    }

    /// Tells it. No story may break a rule.
    pub(crate) fn told(mut self) -> Told {
        self.events.sort_by_key(|event| event.at);
        self.scenario.plot = Plot::Written(self.events, self.dwell);
        let told = Told { outcome: run(&self.scenario) };
        let broken = &told.outcome.violations;
        assert!(broken.is_empty(), "rules were broken: {broken:#?}\n{}", told.golden());
        told
    }
}

/// A story that was told.
pub(crate) struct Told {
    pub(crate) outcome: Outcome,
}

impl Told {
    /// The golden timeline. What the simulation does to see that everything can be repaired is no part of the story.
    pub(crate) fn golden(&self) -> String {
        let mut lines = timeline(&self.outcome);
        let end = lines.iter().position(|line| line.ends_with("-- everything is repaired"));
        lines.truncate(end.unwrap_or(lines.len()));
        lines.join("\n")
    }

    /// How many failovers were decided, by whomever.
    pub(crate) fn decisions(&self) -> u64 {
        self.outcome.coverage.count("decision", "automatic")
            + self.outcome.coverage.count("decision", "operator")
    }

    /// How many the agents decided by themselves.
    pub(crate) fn automatic(&self) -> u64 {
        self.outcome.coverage.count("decision", "automatic")
    }

    /// How many came to their end.
    pub(crate) fn succeeded(&self) -> u64 {
        self.outcome.coverage.count("execution", "succeeded")
    }

    /// Whether the agents said for this reason that they would not act.
    pub(crate) fn refused(&self, reason: &str) -> bool {
        self.outcome.coverage.has("refusal", reason)
    }

    /// Whether this was reached, of this kind.
    pub(crate) fn reached(&self, kind: &str, name: &str) -> bool {
        self.outcome.coverage.has(kind, name)
    }

    /// Lines of the whole trace with this text.
    pub(crate) fn lines(&self, text: &str) -> Vec<&str> {
        self.outcome.trace.iter().map(String::as_str).filter(|line| line.contains(text)).collect()
    }

    /// How often something is told.
    pub(crate) fn count(&self, text: &str) -> usize {
        self.lines(text).len()
    }

    /// When something is told for the first time, in seconds.
    pub(crate) fn when(&self, text: &str) -> f64 {
        let first = self.lines(text).first().copied();
        at(first.unwrap_or_else(|| panic!("`{text}` never happened:\n{}", self.golden())))
    }

    /// The newest term of consensus at the end.
    pub(crate) fn last_term(&self) -> u64 {
        let line = self.lines("the last term is ").pop().unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// Nothing was decided and nothing was changed, by anybody, in the whole story.
    pub(crate) fn nothing_was_done(&self) {
        assert_eq!(self.decisions(), 0, "nothing was to be decided:\n{}", self.golden());
        assert_eq!(self.count("  cloud: "), 0, "nothing was to be changed:\n{}", self.golden());
    }

    /// The agents failed over exactly once, and were done with it before anybody repaired anything.
    pub(crate) fn failed_over_once(&self) {
        assert_eq!((self.automatic(), self.decisions()), (1, 1), "one failover:\n{}", self.golden());
        assert_eq!(self.succeeded(), 1, "it was to succeed:\n{}", self.golden());
        let (done, repaired) = (self.when("execution succeeded"), self.when("everything is repaired"));
        assert!(done < repaired, "it was to succeed without help:\n{}", self.golden());
        assert_eq!(self.count("cloud: promote "), 1, "one promotion:\n{}", self.golden());
    }

    /// From then on, users' writes were taken in one region only.
    pub(crate) fn writes_moved_once(&self) {
        assert_eq!(self.count("clients: writes of shop are taken in us-west-2"), 1, "{}", self.golden());
        assert_eq!(self.count("clients: writes of shop are taken in us-east-1"), 1, "{}", self.golden());
    }
}
