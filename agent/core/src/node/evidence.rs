//! From reports to evidence: who votes what, for how long the active region has been down, and how often its state
//! changed. Every agent keeps this, not only the leader, so that a new leader does not begin the dwell again.

use super::{Node, Now};
use crate::cluster::service::ServiceState;
use quorate_policies::{
    AgentName, ComponentName, Millis, Monotonic, RegionName, ServiceName,
    agreement::{
        Ballot, Evidence, LagVote, LookVote, Opinion, PlanLook, ReplicaLag, Report, ServiceReport, Vote,
        opinion_of_component, opinion_of_region, others_red,
    },
    guard::component_scenarios,
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

/// Changes that are remembered; a policy's `flaps_max` above this would be no limit at all.
const FLAPS_KEPT_MAX: usize = 64;

/// What is remembered of a service's active region.
#[derive(Debug, Clone)]
pub(super) struct RegionWatch {
    region: RegionName,
    down_since: Option<Monotonic>,
    /// When every other region was last as red, with this one down.
    everything_down: Option<Monotonic>,
    last: Option<Opinion>,
    flaps: VecDeque<Monotonic>,
}

impl RegionWatch {
    const fn new(region: RegionName) -> Self {
        Self { region, down_since: None, everything_down: None, last: None, flaps: VecDeque::new() }
    }

    /// The watch under a key, a new one if the service is in another region now.
    fn of<'a, K: Ord>(watches: &'a mut BTreeMap<K, Self>, key: K, active: &RegionName) -> &'a mut Self {
        let watch = watches.entry(key).or_insert_with(|| Self::new(active.clone()));
        if watch.region != *active {
            *watch = Self::new(active.clone());
        }
        watch
    }

    /// Takes the agents' opinion. An unsure one ends the dwell but is no change of state.
    fn see(&mut self, now: Monotonic, opinion: Opinion) {
        match opinion {
            Opinion::Down => {
                self.down_since.get_or_insert(now);
            }
            Opinion::Healthy | Opinion::Unsure => self.down_since = None,
        }
        if opinion == Opinion::Unsure {
            return;
        }
        if self.last.is_some_and(|last| last != opinion) {
            self.flaps.push_back(now);
            while self.flaps.len() > FLAPS_KEPT_MAX {
                self.flaps.pop_front();
            }
        }
        self.last = Some(opinion);
    }

    /// How long ago everything was down, if it was while this region has been.
    fn everything_down_ago(&self, now: Monotonic) -> Option<Millis> {
        let of_this_outage = |at: &Monotonic| self.down_since.is_some_and(|since| since <= *at);
        self.everything_down.filter(of_this_outage).map(|at| now.since(at))
    }

    fn flaps(&self, now: Monotonic, window: Millis) -> u32 {
        u32::try_from(self.flaps.iter().filter(|at| now.since(**at) <= window).count()).unwrap_or(u32::MAX)
    }
}

impl Node {
    /// Sends this agent's report when something changed, or when it is time.
    pub(super) fn report(&mut self, now: Now, out: &mut Vec<super::Output>) {
        let overdue = self.reported_at.is_none_or(|at| now.mono.since(at) >= self.settings.report_interval);
        if !self.report_due && !overdue {
            return;
        }
        self.report_due = false;
        self.reported_at = Some(now.mono);
        self.sequence += 1;
        let services = self.cluster.services.iter().map(|(name, state)| {
            let targets = self.health.report(now.mono, name);
            let lags = self.lags.report(now.mono, name);
            let looks = self.looks.report(now.mono, name, &state.policy_hash);
            (name.clone(), ServiceReport { policy_hash: state.policy_hash.clone(), targets, lags, looks })
        });
        let report = Report {
            agent: self.settings.name.clone(),
            region: self.settings.region.clone(),
            incarnation: self.settings.incarnation,
            sequence: self.sequence,
            abstains: self.abstains(now.mono),
            feature_level: self.settings.feature_level,
            services: services.collect(),
        };
        // An agent's own report counts like any other.
        self.reports.heard(now.mono, report.clone());
        out.push(super::Output::Report(report));
    }

    /// Keeps the watches of all services up to date.
    pub(super) fn watch(&mut self, now: Monotonic) {
        let cluster = Arc::clone(&self.cluster);
        for (name, state) in &cluster.services {
            let (policy, members, active) = (&state.policy, &cluster.members, &state.active);
            let votes = self.votes(now, name, state);
            let opinion = opinion_of_region(policy, members, active, &votes);
            let everything = opinion == Opinion::Down && others_red(policy, members, active, &votes);
            let waited_for = component_scenarios(policy).map(|(_, _, component)| component);
            let of =
                |component| (component, opinion_of_component(policy, members, active, component, &votes));
            let components: Vec<_> = waited_for.map(of).collect();
            let watch = RegionWatch::of(&mut self.watches, name.clone(), active);
            watch.see(now, opinion);
            if everything {
                watch.everything_down = Some(now);
            }
            for (component, opinion) in components {
                let key = (name.clone(), component.clone());
                RegionWatch::of(&mut self.component_watches, key, active).see(now, opinion);
            }
        }
    }

    fn components_down(
        &self,
        now: Monotonic,
        name: &ServiceName,
        state: &ServiceState,
    ) -> BTreeMap<ComponentName, Millis> {
        let waited_for = component_scenarios(&state.policy).map(|(_, _, component)| component);
        let down = waited_for.filter_map(|component| {
            let watch = self.component_watches.get(&(name.clone(), component.clone()))?;
            let since = watch.down_since.filter(|_| watch.region == state.active)?;
            Some((component.clone(), now.since(since)))
        });
        down.collect()
    }

    /// All that this agent knows about a service's health.
    pub(super) fn evidence(&self, now: Monotonic, name: &ServiceName, state: &ServiceState) -> Evidence {
        let watch = self.watches.get(name).filter(|watch| watch.region == state.active);
        Evidence {
            votes: self.votes(now, name, state).into_iter().map(Vote::from).collect(),
            down_for: watch.and_then(|w| w.down_since).map_or(Millis::ZERO, |since| now.since(since)),
            everything_down_ago: watch.and_then(|w| w.everything_down_ago(now)),
            flaps: watch.map_or(0, |w| w.flaps(now, state.policy.guards.flap_window)),
            lags: self
                .reports
                .all()
                .flat_map(|(at, report)| lags_of(now.since(at), report, name, state))
                .collect(),
            looks: self
                .reports
                .all()
                .flat_map(|(at, report)| looks_of(now.since(at), report, name, state))
                .collect(),
            components_down: self.components_down(now, name, state),
        }
    }

    /// Everybody's votes on a service.
    fn votes(&self, now: Monotonic, name: &ServiceName, state: &ServiceState) -> Vec<Ballot<'_>> {
        let targets = state.policy.probes.len() * state.policy.regions.len();
        let mut votes = Vec::with_capacity(self.cluster.members.len() * targets);
        for (at, report) in self.reports.all() {
            votes.extend(votes_of(now.since(at), report, name, state));
        }
        votes
    }

    /// Agents from which this one has heard lately, itself included.
    pub(super) fn live(&self, now: Monotonic) -> BTreeSet<AgentName> {
        // One that abstains runs no step (R8), so it is given none.
        let fit = |(at, report): &(Monotonic, &Report)| {
            now.since(*at) < self.settings.lost_after && report.abstains.is_none()
        };
        let heard = self.reports.all().filter(fit).map(|(_, report)| report.agent.clone());
        heard
            .filter(|agent| self.cluster.members.contains_key(agent))
            .chain([self.settings.name.clone()])
            .collect()
    }
}

fn lags_of(age: Millis, report: &Report, name: &ServiceName, state: &ServiceState) -> Vec<LagVote> {
    let Some(service) = report.services.get(name) else { return Vec::new() };
    let vote = |lag: &ReplicaLag| LagVote {
        agent: report.agent.clone(),
        replica: lag.replica.clone(),
        behind: lag.behind,
        measured: lag.measured.plus(age),
        bytes: lag.bytes,
        confirmed: lag.confirmed,
        age,
        policy_matches: service.policy_hash == state.policy_hash,
        abstains: report.abstains.is_some(),
    };
    service.lags.iter().map(vote).collect()
}

fn looks_of(age: Millis, report: &Report, name: &ServiceName, state: &ServiceState) -> Vec<LookVote> {
    let Some(service) = report.services.get(name) else { return Vec::new() };
    let vote = |look: &PlanLook| LookVote {
        agent: report.agent.clone(),
        to: look.to.clone(),
        blocked: look.blocked.clone(),
        measured: look.measured.plus(age),
        age,
        policy_matches: service.policy_hash == state.policy_hash,
        abstains: report.abstains.is_some(),
    };
    service.looks.iter().map(vote).collect()
}

/// One agent's votes on a service.
fn votes_of<'a>(
    age: Millis,
    report: &'a Report,
    name: &ServiceName,
    state: &ServiceState,
) -> impl Iterator<Item = Ballot<'a>> + use<'a> {
    let service = report.services.get(name);
    let policy_matches = service.is_some_and(|service| service.policy_hash == state.policy_hash);
    let targets = service.map(|service| &service.targets).into_iter().flatten();
    targets.map(move |(target, t)| Ballot {
        agent: &report.agent,
        target,
        verdict: t.verdict,
        armed: t.armed,
        age,
        policy_matches,
        abstains: report.abstains.is_some(),
        reason: t.reason,
        failing_for: t.failing_for,
    })
}
