//! `quorate explain`: the answer in one sentence, then every guard, then every vote with its reason, then whom to reach.

use crate::cli::screen::{Screen, Tone, cell, duration, word};
use quorate_api::{Explanation, TargetVotes};

/// `quorate explain`.
#[must_use]
pub fn explanation(screen: Screen, explanation: &Explanation) -> String {
    let tone = if explanation.would_fail_over { Tone::Bad } else { Tone::Plain };
    let mut parts = vec![screen.toned(&screen.strong(&explanation.summary), tone)];
    let candidate = explanation.candidate.as_deref().unwrap_or("no region");
    parts.push(format!(
        "As agent {} sees it: {} serves {}, a failover would activate {candidate}.",
        explanation.agent, explanation.active, explanation.service
    ));
    if explanation.down_for_ms > 0 {
        parts.push(format!(
            "{} is down by agreement for {}.",
            explanation.active,
            duration(explanation.down_for_ms)
        ));
    }
    parts.push(String::new());
    let guards = explanation.checks.iter().map(|check| {
        let answer = if check.passes { "pass" } else { "refused" };
        [cell(&check.guard), word(answer), cell(&check.reason)]
    });
    parts.push(screen.table(["GUARD", "ANSWER", "REASON"], guards));
    parts.push(String::new());
    let targets = explanation.regions.iter().flat_map(|region| &region.targets);
    let rows = targets.map(|target| {
        [cell(&target.target), word(&target.opinion), cell(target.needed.to_string()), cell(voters(target))]
    });
    parts.push(screen.table(["TARGET", "OPINION", "NEEDED", "VOTES"], rows));
    if !explanation.contacts.is_empty() {
        parts.extend([String::new(), "Whom to reach:".to_owned()]);
        parts.extend(explanation.contacts.iter().map(|contact| format!("  {contact}")));
    }
    parts.join("\n")
}

/// Who votes for what, and why it fails for them, one group to a line.
fn voters(target: &TargetVotes) -> String {
    let named = |agents: &[String]| {
        let with_reason = |agent: &String| match target.reasons.get(agent) {
            Some(reason) => format!("{agent} ({reason})"),
            None => agent.clone(),
        };
        agents.iter().map(with_reason).collect::<Vec<_>>().join(", ")
    };
    let groups = [
        ("down", &target.down),
        ("down but never seen healthy", &target.unarmed),
        ("healthy", &target.healthy),
        ("suspect", &target.suspect),
        ("silent", &target.silent),
        ("judges by another policy", &target.mismatched),
    ];
    let lines = groups.iter().filter(|(_, agents)| !agents.is_empty());
    lines.map(|(name, agents)| format!("{name}: {}", named(agents))).collect::<Vec<_>>().join("\n")
}
