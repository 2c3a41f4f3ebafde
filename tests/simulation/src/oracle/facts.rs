//! What has really happened so far: the rules compare it with what the agents did.

use quorate_core::Cluster;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use crate::cloud::Record;

/// Names an attempt: execution, step, number.
pub(crate) type Attempt = (String, String, u32);

/// A change that the cloud has applied.
#[derive(Debug, Clone)]
pub(crate) struct Effect {
    pub(crate) agent: String,
    pub(crate) service: String,
    pub(crate) execution: String,
    pub(crate) epoch: u64,
    pub(crate) step: String,
    pub(crate) attempt: u32,
    /// Of which kind the action is.
    pub(crate) kind: &'static str,
    /// The change in words: what it does, to what.
    pub(crate) meaning: String,
    /// Where it makes a second writer, if it is a promotion.
    pub(crate) promotes: Option<String>,
    /// How far the standby was behind in truth at that moment.
    pub(crate) behind: Duration,
    /// The service's DNS record before and after.
    pub(crate) record: (Record, Record),
}

/// A time with its end, if it has one.
pub(crate) type Span = (Duration, Option<Duration>);

/// Everything that is known.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) now: Duration,
    /// The newest state.
    pub(crate) state: Arc<Cluster>,
    /// When each attempt's intent was seen to be committed.
    pub(crate) started: BTreeMap<Attempt, Duration>,
    pub(crate) effects: Vec<Effect>,
    pub(crate) executions: BTreeSet<String>,
    /// Pauses by agent: from, until.
    pub(crate) pauses: BTreeMap<String, Vec<(Duration, Duration)>>,
    /// When each agent's process started last.
    pub(crate) booted: BTreeMap<String, Duration>,
    /// When a service was really sick in a region, or out of a majority's reach.
    pub(crate) sick: BTreeMap<(String, String), Vec<Span>>,
    pub(crate) foreign_edits: BTreeMap<String, Vec<Duration>>,
    /// What monitoring told agents: when, and how far behind.
    pub(crate) monitored: BTreeMap<(String, String), Vec<(Duration, Duration)>>,
    /// By agent, service and region: the latest probe, and the latest that failed.
    pub(crate) probes: BTreeMap<(String, String, String), (Duration, Option<Duration>)>,
    /// By service and region: the latest promise's end and epoch.
    pub(crate) promises: BTreeMap<(String, String), (Duration, u64)>,
    /// When it was asked last which promises have run out.
    asked: Duration,
    /// Acknowledged writes: service, region, number, when.
    pub(crate) acknowledged: Vec<(String, String, u64, Duration)>,
}

impl Facts {
    pub(crate) fn condition(&mut self, now: Duration, service: &str, region: &str, sick: bool) {
        let known = self.sick.iter_mut().find(|((s, r), _)| s == service && r == region);
        let spans = match known {
            Some((_, spans)) => spans,
            None => self.sick.entry((service.to_owned(), region.to_owned())).or_default(),
        };
        match (spans.last_mut(), sick) {
            (Some((_, None)), true) => {}
            (Some((_, end @ None)), false) => *end = Some(now),
            (_, true) => spans.push((now, None)),
            (_, false) => {}
        }
    }

    pub(crate) fn probed(&mut self, now: Duration, agent: &str, service: &str, region: &str, failed: bool) {
        let key = (agent.to_owned(), service.to_owned(), region.to_owned());
        let (latest, latest_failed) = self.probes.entry(key).or_default();
        *latest = now;
        if failed {
            *latest_failed = Some(now);
        }
    }

    /// Takes a promise. Whether it is news.
    pub(crate) fn promised(
        &mut self,
        now: Duration,
        service: &str,
        region: &str,
        epoch: u64,
        until: Duration,
    ) -> bool {
        let known = self.promises.iter_mut().find(|((s, r), _)| s == service && r == region);
        let held = match known {
            Some((_, held)) => held,
            None => self.promises.entry((service.to_owned(), region.to_owned())).or_default(),
        };
        let news = held.1 != epoch || held.0 < now;
        *held = (held.0.max(until), epoch);
        news
    }

    /// Promises that have run out since this was asked last: service and region.
    pub(crate) fn run_out(&mut self, now: Duration) -> Vec<(String, String)> {
        let over = |until: &Duration| *until <= now && *until > self.asked;
        let ended = self.promises.iter().filter(|(_, (until, _))| over(until)).map(|(at, _)| at.clone());
        let ended = ended.collect();
        self.asked = now;
        ended
    }

    /// A region other than this one in which the service may still write, and for how long.
    pub(crate) fn other_promise(&self, service: &str, region: &str) -> Option<(String, Duration)> {
        let others = self.promises.iter().filter(|((s, r), _)| s == service && r != region);
        others
            .filter(|(_, (until, _))| *until > self.now)
            .map(|((_, r), (until, _))| (r.clone(), *until - self.now))
            .next()
    }
}
