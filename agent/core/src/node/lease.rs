//! The write lease's clocks. The log says who *may* be granted it; this says who *has* it, on monotonic clocks only.
//!
//! The holder counts a lease from the moment it *sent* the request. The leader confirms its leadership after the
//! request has come, and counts from the moment it granted. So the holder's lease is never the longer one, whatever
//! the messages' delays. A new leader knows from its voters since when no predecessor can have confirmed anything, hence
//! since when no request was sent that could still be granted: waiting the longest lease from then is enough (R13).

use super::{Node, Now, Output};
use crate::{
    cluster::{
        Cluster,
        service::{LeaseRecord, ServiceState},
    },
    command::{Body, LeaseProof},
};
use quorate_policies::{Millis, Monotonic, RegionName, ServiceName, guard::Refusal, renewal};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

/// A request without an answer, or with a refusal, is sent again after so long; an answer that comes later still counts from its own
/// sending.
const ASK_AGAIN_AFTER: Millis = Millis(500);
/// Holders of one service's lease that are told apart: writers in one region that can give their promise back. Whoever
/// comes beyond that is told the lease as one who has no name, and its promise has to run out.
const HOLDERS_MAX: usize = 64;

/// A lease as an application sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseView {
    /// The fencing token: a writer refuses a lower one.
    pub epoch: u64,
    /// How long it lasts from now.
    pub remaining: Millis,
    /// How long it lasts from each renewal.
    pub ttl: Millis,
}

/// The holder's side and the granting leader's side: the rules alone. When they are asked is the node's to say; a model
/// that asks them in every order can do so without one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leases {
    region: RegionName,
    started_at: Monotonic,
    held: BTreeMap<ServiceName, Held>,
    granted_until: BTreeMap<ServiceName, Monotonic>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Held {
    epoch: u64,
    until: Monotonic,
    ttl: Millis,
    asked_at: Option<Monotonic>,
    /// The latest end that an application without a name was told.
    promised_until: Option<Monotonic>,
    /// The latest end that each application with a name was told.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    holders: BTreeMap<String, Monotonic>,
}

impl Held {
    /// Remembers what an application is told.
    fn promise(&mut self, now: Monotonic, holder: Option<&str>) {
        self.holders.retain(|_, until| *until > now);
        let known =
            holder.filter(|name| self.holders.contains_key(*name) || self.holders.len() < HOLDERS_MAX);
        match known {
            Some(name) => drop(self.holders.insert(name.to_owned(), self.until)),
            None => self.promised_until = Some(self.until),
        }
    }

    fn promised(&self) -> Monotonic {
        self.holders.values().copied().chain(self.promised_until).max().unwrap_or_default()
    }
}

impl Leases {
    /// An agent of this region whose process started at `now`.
    #[must_use]
    pub const fn new(region: RegionName, now: Monotonic) -> Self {
        Self { region, started_at: now, held: BTreeMap::new(), granted_until: BTreeMap::new() }
    }

    /// A new term's leader knows nothing of its own earlier grants that it would not wait out anyway.
    pub fn forget_grants(&mut self) {
        self.granted_until.clear();
    }

    /// What the last leader was asked for it will not answer any more: the new one is asked at once.
    pub fn new_leader(&mut self) {
        self.held.values_mut().for_each(|held| held.asked_at = None);
    }

    /// Grants or refuses. The shell has confirmed the leadership since the request came, and `cluster` is at least
    /// as new as that confirmation.
    ///
    /// # Errors
    /// Why it does not grant.
    pub fn grant(
        &mut self,
        now: Monotonic,
        cluster: &Cluster,
        leads: bool,
        service: &ServiceName,
        region: &RegionName,
        epoch: u64,
    ) -> Result<Millis, Refusal> {
        let refuse = |why: &str| Refusal::NoLease { region: region.clone(), why: why.to_owned() };
        cluster.rebuilt()?;
        if !leads {
            return Err(refuse("the agent that was asked does not lead"));
        }
        let state = cluster
            .services
            .get(service)
            .ok_or_else(|| Refusal::UnknownService { service: service.clone() })?;
        match state.may_hold_lease(region) {
            Some(current) if current == epoch => {
                let ttl = state.policy.lease.ttl;
                let until = now.plus(ttl).plus(drift(state));
                // A policy may shorten the lease; what was granted under the longer one still holds.
                let longest = self.granted_until.get(service).map_or(until, |earlier| until.max(*earlier));
                self.granted_until.insert(service.clone(), longest);
                Ok(ttl)
            }
            Some(_) => Err(refuse("its epoch is not the current one")),
            None => Err(refuse("another region holds it, or it is moving")),
        }
    }

    /// How long the leader has waited, once the old lease has certainly ended. No earlier leader has granted anything that
    /// was asked for after `granted_before`.
    #[must_use]
    pub fn expired(
        &self,
        now: Monotonic,
        service: &ServiceName,
        state: &ServiceState,
        granted_before: Monotonic,
    ) -> Option<Millis> {
        let longest = state.lease_ttl_max.plus(drift(state));
        let predecessors = granted_before.plus(longest);
        let own = self.granted_until.get(service).copied().unwrap_or_default();
        (now >= predecessors.max(own)).then_some(longest)
    }

    /// Takes the leader's answer to a request that was sent at `sent_at`: from there the lease counts.
    pub fn answered(
        &mut self,
        cluster: &Cluster,
        service: &ServiceName,
        epoch: u64,
        sent_at: Monotonic,
        answer: Result<Millis, Refusal>,
    ) {
        // A grant that comes after the log has moved on is worth nothing.
        let current = cluster.services.get(service).and_then(|state| state.may_hold_lease(&self.region));
        let held = self.held.entry(service.clone()).or_default();
        // After a refusal the request still counts as sent: asking again at once would be refused as fast.
        if let Ok(ttl) = answer
            && current == Some(epoch)
        {
            if held.asked_at == Some(sent_at) {
                held.asked_at = None;
            }
            let until = sent_at.plus(ttl);
            held.until = if held.epoch == epoch { held.until.max(until) } else { until };
            held.epoch = epoch;
            held.ttl = ttl;
        }
    }

    /// The lease as an application is told it, which is a promise. One who gives a name can give the promise back.
    ///
    /// # Errors
    /// Why this region may not write.
    pub fn view(
        &mut self,
        now: Monotonic,
        cluster: &Cluster,
        service: &ServiceName,
        holder: Option<&str>,
    ) -> Result<LeaseView, Refusal> {
        let state = cluster
            .services
            .get(service)
            .ok_or_else(|| Refusal::UnknownService { service: service.clone() })?;
        let refuse = |why: &str| Refusal::NoLease { region: self.region.clone(), why: why.to_owned() };
        let Some(epoch) = state.may_hold_lease(&self.region) else {
            return Err(Refusal::LeaseMoved { region: self.region.clone(), epoch: state.lease.epoch() });
        };
        let held = self.held.get_mut(service).filter(|held| held.epoch == epoch && now < held.until);
        let Some(held) = held else {
            return Err(refuse("it could not be renewed: no contact with a quorum"));
        };
        held.promise(now, holder);
        Ok(LeaseView { epoch, remaining: held.until.since(now), ttl: held.ttl })
    }

    /// An application says that it certainly writes no more, until it is told the lease again. Whether it had a promise.
    pub fn give_back(&mut self, service: &ServiceName, holder: &str) -> bool {
        self.held.get_mut(service).is_some_and(|held| held.holders.remove(holder).is_some())
    }

    /// Whether every promise made to an application has run out. One that an earlier process of this agent made is
    /// unknown, so the longest possible one is waited out after a start.
    #[must_use]
    pub fn no_promise_left(&self, now: Monotonic, service: &ServiceName, state: &ServiceState) -> bool {
        let earlier = self.started_at.plus(state.lease_ttl_max).plus(drift(state));
        let own = self.held.get(service).map(Held::promised).unwrap_or_default();
        now >= earlier.max(own)
    }
}

/// How much longer than a lease the others wait: the policy's drift, and never less than a twentieth of the longest
/// lease there was, so that a policy that shortens both does not shorten the wait for an older lease.
fn drift(state: &ServiceState) -> Millis {
    state.policy.lease.drift.max(Millis(state.lease_ttl_max.0 / 20))
}

impl Node {
    /// The write lease, as this agent answers `GET /v1/lease/{service}`. The answer is a promise: the lease is not
    /// given up before it has run out.
    ///
    /// # Errors
    /// Why this region may not write.
    pub fn lease(
        &mut self,
        now: Monotonic,
        service: &ServiceName,
        holder: Option<&str>,
    ) -> Result<LeaseView, Refusal> {
        let cluster = Arc::clone(&self.cluster);
        if !self.acts(self.seat()) {
            let why = "this agent is no member of its cluster, or not any more".to_owned();
            return Err(Refusal::NoLease { region: self.settings.region.clone(), why });
        }
        self.leases.view(now, &cluster, service, holder)
    }

    /// How long this agent still holds the write lease; none if it does not. Only a look: nothing is promised by it.
    #[must_use]
    pub fn lease_left(&self, now: Monotonic, service: &ServiceName) -> Option<Millis> {
        let state = self.cluster.services.get(service)?;
        let epoch = state.may_hold_lease(&self.settings.region)?;
        let held = self.leases.held.get(service)?;
        (held.epoch == epoch && now < held.until).then(|| held.until.since(now))
    }

    /// Other agents in this region, who may have promised what this one did not, come or go: from here on the longest
    /// promise of one that is gone is waited out, as that of this agent's earlier process is after a start.
    pub(super) fn neighbours(&mut self, now: Monotonic, next: &Cluster) {
        let here = |cluster: &Cluster| -> Vec<_> {
            let there = cluster.members.iter().filter(|(_, region)| **region == self.settings.region);
            there.map(|(name, _)| name.clone()).collect()
        };
        let before = here(&self.cluster);
        if !before.is_empty() && before != here(next) {
            self.leases.started_at = now;
        }
    }

    /// Takes a promise back from an application that certainly writes no more. Whether it had one.
    pub fn give_back_lease(&mut self, service: &ServiceName, holder: &str) -> bool {
        self.leases.give_back(service, holder)
    }

    /// Another agent of the region may have promised what this one did not; then nobody gives up, and the lease expires.
    fn alone_in_its_region(&self) -> bool {
        self.cluster.members.values().filter(|region| **region == self.settings.region).count() == 1
    }

    /// Lets go of every lease: this process cannot say for how long it did not run.
    pub(super) fn drop_leases(&mut self) {
        for held in self.leases.held.values_mut() {
            held.until = Monotonic(0);
        }
    }

    /// Renews what this region may hold, every fifth of its length; gives up what is to move.
    pub(super) fn lease_work(&mut self, now: Now, out: &mut Vec<Output>) {
        let cluster = Arc::clone(&self.cluster);
        for (name, state) in &cluster.services {
            if let Some(epoch) = state.may_hold_lease(&self.settings.region) {
                let due = renewal::due_after(state.policy.lease.ttl);
                let held = self.leases.held.entry(name.clone()).or_default();
                let in_flight = held.asked_at.is_some_and(|at| now.mono.since(at) < ASK_AGAIN_AFTER.min(due));
                let fresh = held.epoch == epoch && held.until.since(now.mono) > renewal::sure(held.ttl);
                if !in_flight && !fresh {
                    held.asked_at = Some(now.mono);
                    out.push(Output::AskLease { service: name.clone(), epoch, sent_at: now.mono });
                }
            }
            if let LeaseRecord::Releasing { from, epoch, .. } = &state.lease
                && *from == self.settings.region
                && self.alone_in_its_region()
                && self.leases.no_promise_left(now.mono, name, state)
            {
                let body =
                    Body::ReleaseLease { service: name.clone(), epoch: *epoch, proof: LeaseProof::GivenUp };
                self.propose(now, format!("give-up/{name}/{epoch}"), body, out);
            }
        }
    }
}
