//! What this agent found when it last looked at each plan. It grows old by itself; a policy's change makes it void.

use quorate_policies::{
    Millis, Monotonic, RegionName, ServiceName,
    agreement::{PlanLook, look::FINDING_BYTES_MAX},
};
use std::collections::BTreeMap;

/// Plans whose looks are remembered; far more than the services of one agent have ways out.
const PLANS_MAX: usize = 256;

/// The latest look at each plan.
#[derive(Debug, Default)]
pub(super) struct Looks {
    latest: BTreeMap<(ServiceName, RegionName), Look>,
}

#[derive(Debug)]
struct Look {
    policy_hash: String,
    blocked: Option<String>,
    at: Monotonic,
}

impl Looks {
    /// Takes a look that has just been made.
    pub(super) fn looked(
        &mut self,
        now: Monotonic,
        service: ServiceName,
        to: RegionName,
        policy_hash: String,
        blocked: Option<String>,
    ) {
        let blocked = blocked.map(|finding| shortened(&finding));
        let key = (service, to);
        if self.latest.contains_key(&key) || self.latest.len() < PLANS_MAX {
            self.latest.insert(key, Look { policy_hash, blocked, at: now });
        }
    }

    /// What this agent reports of a service under this policy.
    pub(super) fn report(&self, now: Monotonic, service: &ServiceName, policy_hash: &str) -> Vec<PlanLook> {
        let of_service =
            self.latest.iter().filter(|((name, _), look)| name == service && look.policy_hash == policy_hash);
        let look = |((_, to), look): (&(ServiceName, RegionName), &Look)| PlanLook {
            to: to.clone(),
            blocked: look.blocked.clone(),
            measured: Millis(now.since(look.at).0),
        };
        of_service.map(look).collect()
    }

    /// Forgets services that are no more.
    pub(super) fn retain(&mut self, known: impl Fn(&ServiceName) -> bool) {
        self.latest.retain(|(service, _), _| known(service));
    }
}

/// So much of a finding as the log keeps.
pub(super) fn shortened(text: &str) -> String {
    let end = (0..=FINDING_BYTES_MAX.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text[..end.unwrap_or_default()].to_owned()
}
