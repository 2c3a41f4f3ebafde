//! What has really happened so far: the rules compare it with what the agents did.

use super::{links::Links, told::Told};
use crate::cloud::Record;
use quorate_core::Cluster;
use quorate_policies::{Timestamp, health::Observation};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

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
    /// When the oldest acknowledged write was made that the activated region lacked in truth at that moment.
    pub(crate) oldest_lost: Option<Duration>,
    /// How many tasks really ran in the activated region.
    pub(crate) tasks: u32,
    /// Where tasks are taken away, if it is a scaling to nothing.
    pub(crate) empties: Option<String>,
    /// The service's DNS record before and after.
    pub(crate) record: (Record, Record),
}

/// A change that an agent has asked the cloud for.
#[derive(Debug, Clone)]
pub(crate) struct SentCall {
    pub(crate) agent: String,
    pub(crate) attempt: Attempt,
    /// Whether the cloud has carried it out, or certainly never will.
    pub(crate) settled: bool,
    /// Whether the agent was told that nothing was changed.
    pub(crate) refused: bool,
}

impl SentCall {
    /// Whether it may still be carried out.
    pub(crate) const fn under_way(&self) -> bool {
        !self.settled
    }
}

/// A time with its end, if it has one.
pub(crate) type Span = (Duration, Option<Duration>);

/// Failures and successes in a row that turn a verdict, as `shop.yaml` has it.
const FALL: u32 = 3;
const RISE: u32 = 2;
/// After so long without a sight an agent no longer knows what it knew; any sight then is its first.
const FORGETS_AFTER: Duration = Duration::from_secs(3);

/// What an agent has really seen of one target.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sight {
    /// When a probe ended last, whatever came of it.
    pub(crate) latest: Duration,
    /// When one failed last.
    pub(crate) failed: Option<Duration>,
    /// When one succeeded last.
    pub(crate) healthy: Option<Duration>,
    /// When there was last reason to call it down: as many failures in a row, and not yet as many successes.
    pub(crate) down: Option<Duration>,
    /// When there was last reason to call it healthy.
    pub(crate) well: Option<Duration>,
    /// From when to when it had reason to call it down; the last of them may go on.
    pub(crate) downs: Vec<(Duration, Duration)>,
    failures: u32,
    successes: u32,
    is_down: bool,
}

/// What an agent knows that has never looked.
static UNSEEN: Sight = Sight {
    latest: Duration::ZERO,
    failed: None,
    healthy: None,
    down: None,
    well: None,
    downs: Vec::new(),
    failures: 0,
    successes: 0,
    is_down: false,
};

impl Sight {
    fn take(&mut self, now: Duration, found: Observation) {
        let said = self.failed.max(self.healthy);
        if said.is_none_or(|at| at + FORGETS_AFTER < now) {
            self.is_down = false;
        }
        self.latest = now;
        match found {
            // Who could not even try has seen nothing, and what he saw before grows old.
            Observation::Nothing(_) => return,
            Observation::Failure(_) => {
                (self.failures, self.successes) = (self.failures + 1, 0);
                self.failed = Some(now);
            }
            Observation::Success => {
                (self.failures, self.successes) = (0, self.successes + 1);
                self.healthy = Some(now);
            }
        }
        let was_down = self.is_down;
        self.is_down = if was_down { self.successes < RISE } else { self.failures >= FALL };
        match self.downs.last_mut() {
            Some((_, until)) if was_down => *until = now,
            _ if self.is_down => self.downs.push((now, now)),
            _ => {}
        }
        if self.is_down {
            self.down = Some(now);
        } else if self.failures == 0 {
            self.well = self.healthy;
        }
    }
}

/// Names a target and who looks: agent, service, check, region.
pub(crate) type Looks = (String, String, String, String);

/// Everything that is known.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) now: Duration,
    /// The newest state.
    pub(crate) state: Arc<Cluster>,
    /// When each attempt's intent was seen to be committed.
    pub(crate) started: BTreeMap<Attempt, Duration>,
    /// All calls, in the order in which they were sent.
    pub(crate) calls: Vec<SentCall>,
    pub(crate) effects: Vec<Effect>,
    /// What the log has said.
    pub(crate) told: Told,
    /// How often an operator has put a policy into force.
    pub(crate) policies_said: u64,
    /// Whether an agent has lost its disk and nobody has mended the rest: it has no vote before it has met everybody, so a
    /// majority in good contact may still be none.
    pub(crate) bare: bool,
    /// Who reaches whom.
    pub(crate) links: Links,
    /// The newest reading that any agent's wall clock ever had. The log's clock cannot be beyond it.
    pub(crate) newest_wall: Timestamp,
    /// When a wall clock was set to another time.
    pub(crate) clock_jumped: Option<Duration>,
    /// Whether a fence has ever said that it worked and did not.
    pub(crate) fence_lied: bool,
    /// Since when the status page is down.
    pub(crate) page_down: Option<Duration>,
    /// Whether resolvers ever kept answers too long.
    pub(crate) stale_resolvers: bool,
    /// By service: where DNS has led, since when, the latest last.
    pub(crate) led: BTreeMap<String, Vec<(Duration, String)>>,
    /// By agent and step: when it last read the object of an act, and whether it was as it should be before the act.
    pub(crate) looked: BTreeMap<(String, String, String), (Duration, bool)>,
    /// By agent and service: by which policy it judges, and since when.
    pub(crate) judges: BTreeMap<(&'static str, String), (String, Duration)>,
    /// By service: what the leader answers to the question why nothing happens; no answer means that it would act.
    pub(crate) explained: BTreeMap<String, (Duration, Option<String>)>,
    /// Pauses by agent: from, until.
    pub(crate) pauses: BTreeMap<String, Vec<(Duration, Duration)>>,
    /// When each agent's process started last.
    pub(crate) booted: BTreeMap<String, Duration>,
    /// When a service was really sick in a region, or out of a majority's reach.
    pub(crate) sick: BTreeMap<(String, String), Vec<Span>>,
    /// What monitoring told agents: when, and how far behind.
    pub(crate) monitored: BTreeMap<(String, String), Vec<(Duration, Duration)>>,
    /// What each agent has really seen.
    pub(crate) sights: BTreeMap<Looks, Sight>,
    /// By service and region: the latest promise's end and epoch.
    pub(crate) promises: BTreeMap<(String, String), (Duration, u64)>,
    /// When it was asked last which promises have run out.
    pub(crate) asked: Duration,
    /// By service: the region in which the latest write was acknowledged.
    pub(crate) taken: BTreeMap<String, String>,
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

    pub(crate) fn probed(&mut self, now: Duration, looks: Looks, found: Observation) {
        self.sights.entry(looks).or_default().take(now, found);
    }

    /// A new process of an agent has no verdicts.
    pub(crate) fn forgets(&mut self, agent: &str) {
        let own = self.sights.iter_mut().filter(|((known, ..), _)| known == agent);
        own.for_each(|(_, sight)| sight.is_down = false);
    }

    /// What an agent has seen of a target.
    pub(crate) fn sight(&self, agent: &str, service: &str, check: &str, region: &str) -> &Sight {
        let looks = (agent.to_owned(), service.to_owned(), check.to_owned(), region.to_owned());
        self.sights.get(&looks).unwrap_or(&UNSEEN)
    }

    /// Whether the agents have been left in peace for so long, with a majority in good contact.
    pub(crate) fn calm_for(&self, length: Duration) -> bool {
        !self.bare && self.links.calm_since.is_some_and(|since| since + length <= self.now)
    }

    /// The same, and for so long no hold has stood that could keep this service's steps back.
    pub(crate) fn undisturbed_for(&self, service: &str, length: Duration) -> bool {
        self.calm_for(length) && self.told.free_since(service).is_some_and(|since| since + length <= self.now)
    }

    /// Since when a service has been sick in a region without an end, as it is now.
    pub(crate) fn sick_since(&self, service: &str, region: &str) -> Option<Duration> {
        let spans = self.sick.get(&(service.to_owned(), region.to_owned()))?;
        spans.last().filter(|(_, end)| end.is_none()).map(|(since, _)| *since)
    }

    /// Whether a service has been well in a region for so long.
    pub(crate) fn well_for(&self, service: &str, region: &str, length: Duration) -> bool {
        let spans = self.sick.get(&(service.to_owned(), region.to_owned()));
        let last = spans.and_then(|spans| spans.last());
        last.is_none_or(|(_, end)| end.is_some_and(|end| end + length <= self.now))
    }

    /// DNS leads somewhere else, or to the same place once more.
    pub(crate) fn leads(&mut self, now: Duration, service: &str, region: &str) {
        self.led.entry(service.to_owned()).or_default().push((now, region.to_owned()));
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
