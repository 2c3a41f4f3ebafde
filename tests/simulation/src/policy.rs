//! The services' policies: one text, with the name and the temper of the run put in.

use super::fault::Fault;
use quorate_policies::{Millis, Policy, document::read_policy};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::collections::BTreeSet;

/// The policies' dwell, in seconds; the longer one is the default across regions.
const DWELL: u64 = 4;
const DWELL_ACROSS: u64 = 60;

/// What a run's policies differ in: limits that a patient policy would never reach within five minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Temper {
    dwell: Millis,
    cooldown: Millis,
    failovers_max: u32,
    flaps_max: u32,
    min_vantages: u32,
}

impl Temper {
    /// As `shop.yaml` has it, with this dwell in seconds.
    pub(crate) const fn written(dwell: u64) -> Self {
        let cooldown = Millis::from_secs(600);
        Self { dwell: Millis::from_secs(dwell), cooldown, failovers_max: 2, flaps_max: 20, min_vantages: 1 }
    }

    /// What a seed has. With a partition of 43 s among the faults, the dwell is the one across regions.
    pub(crate) fn drawn(seed: u64, faults: &BTreeSet<Fault>) -> Self {
        let mut random = StdRng::seed_from_u64(seed ^ 0x7e3b_9e12);
        let mut temper = Self::written(if faults.contains(&Fault::F3) { DWELL_ACROSS } else { DWELL });
        if random.random_bool(0.3) {
            temper.cooldown = Millis::from_secs(5);
        }
        temper.failovers_max = random.random_range(1..=2);
        temper.flaps_max = [2, 20][random.random_range(0..2)];
        temper.min_vantages = random.random_range(1..=2);
        temper
    }
}

/// The policy of a service. `version` only tells two of them apart.
pub(crate) fn policy(service: &str, temper: Temper, version: u64) -> Policy {
    let text = include_str!("shop.yaml").replace("shop", service);
    let mut policy = read_policy("service.yaml", &text).unwrap();
    policy.agreement.dwell = temper.dwell;
    policy.agreement.min_vantages = temper.min_vantages;
    policy.guards.cooldown = temper.cooldown;
    policy.guards.failovers_max = temper.failovers_max;
    policy.guards.flaps_max = temper.flaps_max + u32::try_from(version).unwrap();
    policy
}
