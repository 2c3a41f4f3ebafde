//! The lease's rules of one agent at one moment, by number: `Leases` itself, with its clock told from now.

use super::shop::{self, TICK};
use quorate_core::{Cluster, node::lease::Leases};
use quorate_policies::{Millis, Monotonic};
use serde_json::Value;
use std::collections::BTreeMap;

/// Every state is told as if it were this moment, by every agent's clock.
pub(super) const NOW: Monotonic = Monotonic(1_000_000_000);
/// A process that began before then has no promise of an earlier one left; a leader that was elected before then has
/// waited for its predecessors' grants.
pub(super) const LONG_AGO_TICKS: u8 = 2;

/// All of them that were reached.
#[derive(Default)]
pub(super) struct LeaseBook {
    known: Vec<Leases>,
    texts: BTreeMap<String, u32>,
    ticked: BTreeMap<u32, u32>,
}

/// A moment so many steps of time ago.
pub(super) fn ago(ticks: u8) -> Monotonic {
    Monotonic(NOW.0 - u64::from(ticks) * TICK.0)
}

impl LeaseBook {
    /// A process of an agent that began so many steps of time ago.
    pub(super) fn born(&mut self, agent: u8, ticks: u8) -> u32 {
        self.number(&Leases::new(shop::region(agent), ago(ticks)))
    }

    /// The leader's side after an election.
    pub(super) fn elected(&mut self, number: u32) -> u32 {
        let mut leases = self.at(number);
        leases.forget_grants();
        self.number(&leases)
    }

    /// What a leader that sees `view` grants to a region.
    pub(super) fn grant(&mut self, number: u32, view: &Cluster, region: u8, epoch: u8) -> (u32, bool) {
        let mut leases = self.at(number);
        let region = shop::region(region);
        let granted = leases.grant(NOW, view, true, &shop::shop(), &region, u64::from(epoch)).is_ok();
        (self.number(&leases), granted)
    }

    /// A grant arrives at the holder, whose application asks in the same moment.
    pub(super) fn answered(&mut self, number: u32, view: &Cluster, epoch: u8, sent: Monotonic) -> u32 {
        let mut leases = self.at(number);
        let ttl: Millis = view.services[&shop::shop()].policy.lease.ttl;
        leases.answered(view, &shop::shop(), u64::from(epoch), sent, Ok(ttl));
        let _ = leases.view(NOW, view, &shop::shop(), None);
        self.number(&leases)
    }

    /// Whether the old lease has ended for a leader that was elected then.
    pub(super) fn expired(&self, number: u32, view: &Cluster, since: Monotonic) -> bool {
        let state = &view.services[&shop::shop()];
        self.known[number as usize].expired(NOW, &shop::shop(), state, since).is_some()
    }

    /// Whether an application may write, or was told that it may.
    pub(super) fn writes(&self, number: u32, view: &Cluster) -> bool {
        let told = |leases: &Leases| {
            let held = &serde_json::to_value(leases).unwrap()["held"][shop::shop().as_str()];
            held["promised_until"].as_u64().is_some_and(|until| until > NOW.0)
        };
        let leases = &self.known[number as usize];
        leases.clone().view(NOW, view, &shop::shop(), None).is_ok() || told(leases)
    }

    /// Whether the holder may give the lease up.
    pub(super) fn no_promise_left(&self, number: u32, view: &Cluster) -> bool {
        let state = &view.services[&shop::shop()];
        self.known[number as usize].no_promise_left(NOW, &shop::shop(), state)
    }

    /// One step of time later.
    pub(super) fn tick(&mut self, number: u32) -> u32 {
        if let Some(next) = self.ticked.get(&number) {
            return *next;
        }
        let mut value = serde_json::to_value(&self.known[number as usize]).unwrap();
        older(&mut value);
        let next = self.number(&serde_json::from_value(value).unwrap());
        self.ticked.insert(number, next);
        next
    }

    fn at(&self, number: u32) -> Leases {
        self.known[number as usize].clone()
    }

    fn number(&mut self, leases: &Leases) -> u32 {
        let mut value = serde_json::to_value(leases).unwrap();
        without_the_past(&mut value);
        let text = value.to_string();
        if let Some(number) = self.texts.get(&text) {
            return *number;
        }
        let number = u32::try_from(self.known.len()).unwrap();
        self.known.push(serde_json::from_value(value).unwrap());
        self.texts.insert(text, number);
        number
    }
}

fn older(value: &mut Value) {
    match value {
        // Regions are texts; of the numbers only readings of the clock are as great.
        Value::Number(moment) if moment.as_u64().is_some_and(|at| at > NOW.0 / 2) => {
            *value = Value::from(moment.as_u64().unwrap() - TICK.0);
        }
        Value::Object(fields) => fields.values_mut().for_each(older),
        _ => {}
    }
}

/// What has ended makes no difference any more, whenever it was.
fn without_the_past(value: &mut Value) {
    let past = |moment: &Value| moment.as_u64().is_none_or(|at| at <= NOW.0);
    if value["started_at"].as_u64().unwrap() <= ago(LONG_AGO_TICKS).0 {
        value["started_at"] = Value::from(0);
    }
    value["granted_until"].as_object_mut().unwrap().retain(|_, until| !past(until));
    let held = value["held"].as_object_mut().unwrap();
    held.retain(|_, held| !(past(&held["until"]) && past(&held["promised_until"])));
}
