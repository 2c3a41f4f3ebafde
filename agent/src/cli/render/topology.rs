//! Agents and services: `quorate status` and `quorate members`, and the topology that stands before and after a
//! failover.

use crate::cli::screen::{Screen, Tone, cell, duration, indented, word};
use comfy_table::Cell;
use quorate_api::{Hold, Member, Members, Region, Service, Status, TargetVotes};

/// Digits of a policy's hash that are shown: enough to compare two by eye.
const HASH_DIGITS: usize = 12;

/// `quorate status`.
#[must_use]
pub fn status(screen: Screen, status: &Status) -> String {
    let quorum = if status.has_quorum {
        screen.toned("In contact with a majority", Tone::Good)
    } else {
        screen.toned("NO QUORUM: nothing is decided and nothing is changed", Tone::Bad)
    };
    let leader = status
        .leader
        .as_deref()
        .map_or_else(|| "no leader known".to_owned(), |name| format!("leader {name}"));
    let mut parts = vec![
        format!("Agent {} in {}, version {}", screen.strong(&status.agent), status.region, status.version),
        format!("{quorum}; {leader}, term {}", status.term),
    ];
    if let Some(reason) = &status.abstains {
        parts.push(screen.toned(&format!("This agent abstains: {reason}"), Tone::Doubtful));
    }
    parts.push(String::new());
    parts.push(member_table(screen, &status.members));
    parts.push(agreed(status.feature_level, &status.members));
    if status.services.is_empty() {
        parts.push(String::new());
        parts.push(
            "No service yet. Apply a policy: quorate apply policy.yaml --reason \"first policy\"".to_owned(),
        );
    }
    for entry in &status.services {
        parts.push(String::new());
        parts.push(service(screen, entry));
    }
    parts.join("\n")
}

/// `quorate members`.
#[must_use]
pub fn members(screen: Screen, members: &Members) -> String {
    let table = format!(
        "{}\n{}",
        member_table(screen, &members.members),
        agreed(members.feature_level, &members.members)
    );
    match &members.change {
        None => table,
        Some(change) => {
            let cancelled = if change.cancelled { " (cancelled)" } else { "" };
            let line = format!("Under way since {}{cancelled}: {}", change.since, change.what);
            let why = format!("  by {}: {}", change.by, change.reason);
            format!("{}\n{why}\n\n{table}", screen.toned(&line, Tone::Doubtful))
        }
    }
}

fn member_table(screen: Screen, members: &[Member]) -> String {
    let row = |member: &Member| {
        let heard = match (member.me, member.heard_ms_ago) {
            (true, _) => "answers here".to_owned(),
            (false, Some(ms)) => format!("{} ago", duration(ms)),
            (false, None) => "never".to_owned(),
        };
        let role = match member.place.as_str() {
            place @ ("joining" | "leaving") => place,
            _ if member.leader => "leader",
            _ => "follower",
        };
        let version = member.version.as_deref().unwrap_or("-");
        let level = member.feature_level.map_or_else(|| "-".to_owned(), |level| level.to_string());
        let (name, region, address) = (cell(&member.name), cell(&member.region), cell(&member.address));
        [name, region, address, cell(role), cell(version), cell(level), cell(heard)]
    };
    screen.table(["AGENT", "REGION", "ADDRESS", "ROLE", "VERSION", "LEVEL", "HEARD"], members.iter().map(row))
}

/// The agreed feature level, and who keeps it where it is when others could go on.
fn agreed(level: u32, members: &[Member]) -> String {
    let lowest = members.iter().filter_map(|member| member.feature_level).min();
    let highest = members.iter().filter_map(|member| member.feature_level).max();
    let older = members.iter().filter(|member| highest > lowest && member.feature_level == lowest);
    let older: Vec<&str> = older.map(|member| member.name.as_str()).collect();
    let held = if older.is_empty() { String::new() } else { format!(", held back by {}", older.join(", ")) };
    format!("Feature level {level} agreed{held}")
}

/// One service with its regions.
#[must_use]
pub fn service(screen: Screen, service: &Service) -> String {
    let hash = service.policy_hash.get(..HASH_DIGITS).unwrap_or(&service.policy_hash);
    let mut lines = vec![
        format!("Service {}: {} serves, mode {}", screen.strong(&service.name), service.active, service.mode),
        format!("  policy     version {} ({hash}), epoch {}", service.policy_version, service.epoch),
        format!("  lease      {}", service.lease),
        format!("  execution  {}", service.execution.as_deref().unwrap_or("none")),
        format!("  hold       {}", hold(screen, service.hold.as_ref())),
        format!("  automatic  {}", automatic(screen, service)),
    ];
    lines.push(indented(&region_table(screen, service)));
    lines.join("\n")
}

fn hold(screen: Screen, hold: Option<&Hold>) -> String {
    let Some(hold) = hold else { return "none".to_owned() };
    let until =
        hold.until.as_deref().map_or_else(|| "until resumed".to_owned(), |until| format!("until {until}"));
    screen.toned(
        &format!("paused by {} since {} {until}: {}", hold.by, hold.since, hold.reason),
        Tone::Doubtful,
    )
}

/// What the agents would do by themselves now.
fn automatic(screen: Screen, service: &Service) -> String {
    match &service.refusal {
        Some(check) => format!("would not fail over ({}): {}", check.guard, check.reason),
        None => screen.toned("would fail over now", Tone::Bad),
    }
}

fn region_table(screen: Screen, service: &Service) -> String {
    let row = |region: &Region| -> [Cell; 4] {
        let serves = if region.name == service.active { " *" } else { "" };
        let votes: Vec<String> = region.targets.iter().map(votes).collect();
        [
            cell(format!("{}{serves}", region.name)),
            cell(&region.role),
            word(&region.opinion),
            cell(votes.join("\n")),
        ]
    };
    // The indentation takes two columns of the terminal.
    let screen = Screen { width: screen.width.map(|width| width.saturating_sub(2)), ..screen };
    screen.table(["REGION", "ROLE", "OPINION", "VOTES (* serves)"], service.regions.iter().map(row))
}

/// The votes on one target, counted: `web-health: 2 down, 1 healthy (2 needed)`.
#[must_use]
pub fn votes(target: &TargetVotes) -> String {
    let groups = [
        ("down", &target.down),
        ("down but never seen healthy", &target.unarmed),
        ("healthy", &target.healthy),
        ("suspect", &target.suspect),
        ("silent", &target.silent),
        ("of another policy", &target.mismatched),
    ];
    let counted: Vec<String> = groups
        .iter()
        .filter(|(_, agents)| !agents.is_empty())
        .map(|(name, agents)| format!("{} {name}", agents.len()))
        .collect();
    let check = target.target.split_once('/').map_or(target.target.as_str(), |(check, _)| check);
    format!(
        "{check}: {} ({} needed)",
        if counted.is_empty() { "none".to_owned() } else { counted.join(", ") },
        target.needed
    )
}
