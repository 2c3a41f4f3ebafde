//! What would keep a signal from moving traffic, or would move it without one: records and checks that flip or fail
//! back by themselves, that a minority could flip, or that nobody could. Pure.

use quorate_policies::readiness::Finding;

use super::checks::{self, INTERVAL_S, THRESHOLD, leaving_needed};
use super::plan::same_answer;
use super::{Check, CheckConfig, CheckId, CheckKind, Existing, Routing, Set, SetAnswer, Wanted};

/// Above it, resolvers that remember the old answer are the longest part of a recovery.
const TTL_S_MAX: u32 = 60;
/// With fewer agents than three, one of them alone may move traffic, or both are needed.
const AGENTS_MIN: usize = 3;
/// What mends most findings.
const SETUP: &str = "run `quorate signal setup`";

/// Every finding about what stands, the records first.
#[must_use]
pub fn lint(existing: &Existing, wanted: &Wanted) -> Vec<Finding> {
    let mut findings = Vec::new();
    if wanted.agents.len() < AGENTS_MIN {
        let (agents, needed) = (wanted.agents.len(), leaving_needed(wanted.agents.len()));
        let what = format!("the signal follows {needed} of {agents} agents");
        findings.push(Finding::warning(what, "run at least three agents, each in a region of its own"));
    }
    let of = |routing: Routing| existing.sets.iter().find(|set| set.routing == routing);
    match (of(Routing::Primary), of(Routing::Secondary)) {
        (Some(primary), Some(secondary)) => {
            findings.extend(primary_set(existing, wanted, primary));
            findings.extend(secondary_set(wanted, secondary));
        }
        (None, None) => findings.push(no_pair(existing, wanted)),
        (Some(_), None) => findings.push(one_alone(wanted, "primary")),
        (None, Some(_)) => findings.push(one_alone(wanted, "secondary")),
    }
    findings
}

fn no_pair(existing: &Existing, wanted: &Wanted) -> Finding {
    let record = &wanted.record;
    let what = match existing.sets.first().map(|set| set.routing) {
        None => format!("{record} has no record of type {}", wanted.kind.as_str()),
        Some(Routing::Other(policy)) => {
            let what = format!("{record} has a routing policy ({policy}), which no signal moves");
            return Finding::blocking(
                what,
                "replace it by a simple record first, then run `quorate signal setup`",
            );
        }
        Some(Routing::Simple | Routing::Primary | Routing::Secondary) => {
            format!("{record} is still a simple record, which no signal moves")
        }
    };
    Finding::blocking(what, SETUP)
}

fn one_alone(wanted: &Wanted, role: &str) -> Finding {
    let what = format!("{} has a {role} set alone: there is nothing to move traffic between", wanted.record);
    Finding::blocking(what, SETUP)
}

fn primary_set(existing: &Existing, wanted: &Wanted, set: &Set) -> Vec<Finding> {
    let mut findings = answer(wanted, set, "primary");
    let found = set.check.as_ref().map(|id| (id, find(existing, id)));
    match found {
        None => {
            let what = format!("the primary set of {} has no health check: it never moves", wanted.record);
            findings.push(Finding::blocking(what, SETUP));
        }
        Some((id, None)) => {
            let what = format!("the primary set's health check {id} is gone: Route 53 answers as it pleases");
            findings.push(Finding::blocking(what, SETUP));
        }
        Some((_, Some(check))) => findings.extend(over(existing, wanted, check)),
    }
    findings
}

fn secondary_set(wanted: &Wanted, set: &Set) -> Vec<Finding> {
    let mut findings = answer(wanted, set, "secondary");
    if let Some(check) = &set.check {
        let what = format!(
            "the secondary set has a health check ({check}): when it fails, traffic goes back by itself"
        );
        findings.push(Finding::warning(what, SETUP));
    }
    findings
}

/// What both sets have in common: where they lead, and whether they do so by themselves.
fn answer(wanted: &Wanted, set: &Set, role: &str) -> Vec<Finding> {
    let site = if set.routing == Routing::Primary { &wanted.primary } else { &wanted.standby };
    let mut findings = Vec::new();
    if !same_answer(wanted, &set.answer, &site.answer) {
        let what = format!("the {role} set answers {}, not {} ({})", set.answer, site.region, site.answer);
        findings.push(Finding::blocking(
            what,
            "repoint the record, or correct the policy; then run `quorate signal setup`",
        ));
    }
    match &set.answer {
        SetAnswer::Alias { evaluate: true, .. } => {
            let what =
                format!("the {role} alias evaluates its target's health: it flips by itself, both ways");
            findings.push(Finding::warning(what, SETUP));
        }
        SetAnswer::Alias { .. } if role == "primary" => {
            findings.push(Finding::note(
                "an alias to a load balancer is remembered for 60 s, which cannot be set",
            ));
        }
        SetAnswer::Alias { .. } => {}
        SetAnswer::Values { ttl_s, .. } if *ttl_s > TTL_S_MAX => {
            let what = format!("the {role} set may be remembered for {ttl_s} s by resolvers");
            findings.push(Finding::warning(what, format!("lower its time to live to {TTL_S_MAX} s or less")));
        }
        SetAnswer::Values { .. } => {}
    }
    findings
}

/// The check of the primary set.
fn over(existing: &Existing, wanted: &Wanted, check: &Check) -> Vec<Finding> {
    let Check { id, config, .. } = check;
    let CheckKind::Calculated { children, threshold } = &config.kind else {
        let what = format!(
            "the primary set's health check {id} watches {config}, not what a majority of the agents says: it flips, and fails back, by itself"
        );
        return vec![Finding::blocking(what, SETUP)];
    };
    let mut findings: Vec<Finding> = resting(check).into_iter().collect();
    if config.inverted {
        let what =
            format!("the calculated check {id} is inverted: it sends traffic away while the agents say stay");
        findings.push(Finding::blocking(what, SETUP));
    }
    findings.extend(count(id, wanted.agents.len(), children.len(), *threshold));
    for child in children {
        match find(existing, child) {
            Some(child) => findings.extend(watching(wanted, child)),
            None => {
                let what = format!("the calculated check {id} counts {child}, which is gone");
                findings.push(Finding::blocking(what, SETUP));
            }
        }
    }
    for agent in &wanted.agents {
        let wish = checks::watching(wanted, agent);
        let heard = |child: &CheckId| {
            find(existing, child).is_some_and(|child| endpoint(&child.config) == endpoint(&wish))
        };
        if !children.iter().any(heard) {
            let what = format!("agent {} ({}:{}) is not heard", agent.name, agent.host, agent.port);
            findings.push(Finding::blocking(what, SETUP));
        }
    }
    findings
}

/// How many agents it takes.
fn count(id: &str, agents: usize, children: usize, threshold: u32) -> Option<Finding> {
    let threshold = threshold as usize;
    if threshold == 0 || threshold > children {
        let always = if threshold == 0 { "healthy" } else { "unhealthy" };
        let what = format!(
            "the calculated check {id} is always {always}: {threshold} of {children} must be healthy"
        );
        return Some(Finding::blocking(what, SETUP));
    }
    let (leaving, needed) = (children + 1 - threshold, leaving_needed(agents));
    let what = match leaving.cmp(&needed) {
        std::cmp::Ordering::Equal => return None,
        std::cmp::Ordering::Less => {
            format!("{leaving} of {agents} agents, a minority, could move traffic by check {id}")
        }
        std::cmp::Ordering::Greater => {
            format!("{leaving} of {agents} agents must say leave for check {id}, more than a majority")
        }
    };
    Some(Finding::blocking(what, SETUP))
}

/// One child of the calculated check.
fn watching(wanted: &Wanted, check: &Check) -> Vec<Finding> {
    let Check { id, config, .. } = check;
    let CheckKind::Http { host, port, path, interval_s, threshold } = &config.kind else {
        let what = format!("the calculated check counts {id} ({config}), which hears no agent");
        return vec![Finding::blocking(what, SETUP)];
    };
    let mut findings: Vec<Finding> = resting(check).into_iter().collect();
    if !wanted.agents.iter().any(|agent| (&agent.host, agent.port) == (host, *port)) {
        let what = format!("check {id} hears {host}:{port}, which is no agent of this cluster any more");
        findings.push(Finding::blocking(what, SETUP));
    }
    if *path != checks::path(wanted) {
        let what = format!("check {id} asks for {path}, not {}", checks::path(wanted));
        findings.push(Finding::blocking(what, SETUP));
    }
    if !config.inverted {
        let what = format!(
            "check {id} is not inverted: an agent that says stay, or cannot be reached, counts as leaving"
        );
        findings.push(Finding::blocking(what, SETUP));
    }
    if (*interval_s, *threshold) != (INTERVAL_S, THRESHOLD) {
        let what = format!("check {id} looks every {interval_s} s and turns after {threshold} looks");
        findings.push(Finding::warning(what, format!("{SETUP}: every {INTERVAL_S} s and {THRESHOLD} looks")));
    }
    if host.parse().is_ok_and(|address| !reachable(address)) {
        let what = format!("check {id} looks at {host}, which Route 53's checkers cannot reach");
        findings
            .push(Finding::blocking(what, "give the agent's API a public address for Route 53's checkers"));
    }
    findings
}

/// A check that rests is not unknown to Route 53: it counts as healthy, and an inverted one as unhealthy.
fn resting(check: &Check) -> Option<Finding> {
    let counts = if check.config.inverted { "unhealthy" } else { "healthy" };
    let what = format!("check {} is disabled and always counts as {counts}", check.id);
    check.config.disabled.then(|| Finding::blocking(what, "enable it"))
}

/// Where a check looks, whatever else is set.
fn endpoint(config: &CheckConfig) -> Option<(&str, u16, &str)> {
    match &config.kind {
        CheckKind::Http { host, port, path, .. } => Some((host, *port, path)),
        CheckKind::Calculated { .. } | CheckKind::Other(_) => None,
    }
}

fn find<'a>(existing: &'a Existing, id: &CheckId) -> Option<&'a Check> {
    existing.checks.iter().find(|check| matches!(id, CheckId::Standing(id) if *id == check.id))
}

/// Route 53 refuses addresses that are not public; those that it could not reach are found here beforehand.
fn reachable(address: std::net::IpAddr) -> bool {
    match address {
        std::net::IpAddr::V4(address) => {
            !(address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_unspecified())
        }
        std::net::IpAddr::V6(address) => {
            !(address.is_loopback()
                || address.is_unspecified()
                || address.is_unique_local()
                || address.is_unicast_link_local())
        }
    }
}

#[cfg(test)]
mod tests;
