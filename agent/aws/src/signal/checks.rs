//! The health checks of a signal: how they are made, by which reference they are found again, and how many agents it
//! takes. Pure.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::{Agent, Check, CheckConfig, CheckId, CheckKind, Wanted};
use crate::route53::name::normal_name;

/// Seconds between two looks of one checker: the faster of Route 53's two.
pub(super) const INTERVAL_S: u32 = 10;
/// Looks in a row that turn a check: Route 53's default, so that one lost answer turns nothing.
pub(super) const THRESHOLD: u32 = 3;
/// Every reference of ours begins so.
const OURS: &str = "quorate";
/// Bytes of a digest that tell one record of one service from all others of the account, and one agent from another.
/// With both in hexadecimal and a generation, a reference stays within Route 53's 64 characters.
const OWNER_BYTES: usize = 8;
/// See [`OWNER_BYTES`].
const SUBJECT_BYTES: usize = 12;

/// How many of `agents` must say "leave": a majority, as for every decision of the cluster.
#[must_use]
pub const fn leaving_needed(agents: usize) -> usize {
    agents / 2 + 1
}

/// How many children of the calculated check must be healthy: it is unhealthy exactly when a majority says "leave".
#[must_use]
pub const fn threshold(agents: usize) -> usize {
    agents + 1 - leaving_needed(agents)
}

/// The path at which an agent says whether traffic shall leave the primary.
pub(super) fn path(wanted: &Wanted) -> String {
    format!("/v1/signal/{}/{}", wanted.service, wanted.primary.region)
}

/// What one agent's check is made of.
pub(super) fn watching(wanted: &Wanted, agent: &Agent) -> CheckConfig {
    let (host, port) = (agent.host.clone(), agent.port);
    let kind =
        CheckKind::Http { host, port, path: path(wanted), interval_s: INTERVAL_S, threshold: THRESHOLD };
    CheckConfig { kind, inverted: true, disabled: false }
}

/// What the check over them is made of.
pub(super) fn majority(children: impl IntoIterator<Item = CheckId>, agents: usize) -> CheckConfig {
    let threshold = u32::try_from(threshold(agents)).unwrap_or(u32::MAX);
    let kind = CheckKind::Calculated { children: children.into_iter().collect(), threshold };
    CheckConfig { kind, inverted: false, disabled: false }
}

/// How the references of this record's checks begin.
pub(super) fn owner(wanted: &Wanted) -> String {
    let record = normal_name(&wanted.record);
    let kind = wanted.kind.as_str();
    let parts = [&*wanted.service, &*wanted.primary.region, &*wanted.zone, &*record, kind];
    format!("{OURS}/{}/", digest(&parts, OWNER_BYTES))
}

/// How the references of one agent's check begin.
pub(super) fn of_agent(wanted: &Wanted, agent: &Agent) -> String {
    let parts = ["agent", &*agent.name, &*agent.host, &*agent.port.to_string()];
    format!("{}{}/", owner(wanted), digest(&parts, SUBJECT_BYTES))
}

/// How the references of the check over them begin.
pub(super) fn of_majority(wanted: &Wanted) -> String {
    format!("{}majority/", owner(wanted))
}

/// The standing check of that kind that is as it should be, if any.
pub(super) fn standing<'a>(checks: &'a [Check], prefix: &str, config: &CheckConfig) -> Option<&'a Check> {
    checks.iter().find(|check| check.reference.starts_with(prefix) && check.config == *config)
}

/// A reference that no standing check has. A reference is never used twice, even after its check was deleted, so it
/// ends with a number that grows.
pub(super) fn fresh(checks: &[Check], prefix: &str) -> String {
    let number = |check: &Check| check.reference.strip_prefix(prefix)?.parse::<u32>().ok();
    let last = checks.iter().filter_map(number).max().unwrap_or_default();
    format!("{prefix}{}", last.saturating_add(1))
}

/// The reference after this one.
pub(super) fn next(reference: &str) -> Option<String> {
    let (prefix, number) = reference.rsplit_once('/')?;
    let number: u32 = number.parse().ok()?;
    Some(format!("{prefix}/{}", number.checked_add(1)?))
}

/// Parts are kept apart by a byte that none of them holds.
fn digest(parts: &[&str], bytes: usize) -> String {
    let digest = Sha256::digest(parts.join("\0").as_bytes());
    let mut text = String::with_capacity(2 * bytes);
    for byte in digest.iter().take(bytes) {
        // Writing into a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::plan::tests::wanted;

    /// Goal: the calculated check turns exactly at a majority, whatever the number of agents. Method: for 1 to 9 agents
    /// and each number of leavers, compare Route 53's arithmetic with the majority.
    #[test]
    fn a_majority_turns_it() {
        for agents in 1..=9 {
            for leaving in 0..=agents {
                let unhealthy = agents - leaving < threshold(agents);
                assert_eq!(unhealthy, 2 * leaving > agents, "{leaving} of {agents}");
            }
        }
    }

    /// Goal: a reference is short enough, the same for the same agent, and another for any other record, agent or
    /// address. Method: change one thing at a time.
    #[test]
    fn references() {
        let base = wanted();
        let agent = base.agents[0].clone();
        let reference = fresh(&[], &of_agent(&base, &agent));
        assert!(reference.len() <= 64 && reference.ends_with("/1"), "{reference}");
        assert_eq!(of_agent(&base, &agent), of_agent(&base.clone(), &agent.clone()));
        let others = [
            of_agent(&base, &Agent { port: 1, ..agent.clone() }),
            of_agent(&base, &Agent { name: "x".into(), ..agent.clone() }),
            of_agent(&base, &Agent { host: "198.51.100.9".into(), ..agent.clone() }),
            of_agent(&Wanted { service: "other".into(), ..base.clone() }, &agent),
            of_agent(&Wanted { record: "other.example.com".into(), ..base.clone() }, &agent),
            of_majority(&base),
        ];
        for other in others {
            assert_ne!(other, of_agent(&base, &agent));
        }
        assert_eq!(next("quorate/a/b/9").as_deref(), Some("quorate/a/b/10"));
        assert_eq!(next("quorate"), None);
    }
}
