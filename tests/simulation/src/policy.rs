//! The services' policies: one text, with the name and the timing of the run put in.

use quorate_policies::{Millis, Policy, document::read_policy};

/// The policy of a service. `version` only tells two of them apart.
pub(crate) fn policy(service: &str, dwell: Millis, version: u64) -> Policy {
    let text = include_str!("shop.yaml").replace("shop", service);
    let mut policy = read_policy("service.yaml", &text).unwrap();
    policy.agreement.dwell = dwell;
    policy.guards.flaps_max += u32::try_from(version).unwrap();
    policy
}
