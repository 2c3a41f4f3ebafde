//! The agent beside this command: whether it runs, whether it is in contact with a majority, and what keeps it from acting.

use crate::doctor::{
    facts::{Installation, Local},
    finding::{Area, Finding},
};
use quorate_api::{Service, Status};

pub(super) fn judge(facts: &Installation) -> Vec<Finding> {
    match &facts.local {
        Local::Silent { address, why } => vec![Finding::skipped(
            Area::Agent,
            "running",
            facts.name.as_str(),
            format!(
                "it does not run, or not here: {address}: {why}. What only it knows is not checked: standing, pauses, the plans \
                 in force"
            ),
        )],
        Local::Answers { status, .. } if status.agent != facts.name.as_str() => vec![Finding::failed(
            Area::Agent,
            "running",
            facts.name.as_str(),
            format!("another agent answers where it should listen: {}", status.agent),
            "give each agent of a host its own `listen`, or name the other one's file",
        )],
        Local::Answers { status, ready } => {
            let mut findings = vec![version(facts, status), standing(status, *ready)];
            findings.extend(status.abstains.as_ref().map(|why| {
                Finding::warning(
                    Area::Agent,
                    "abstains",
                    facts.name.as_str(),
                    format!("it abstains from votes: {why}"),
                    "mend what it names; it votes again when its own health is good for a while",
                )
            }));
            findings.extend(services(&status.services));
            findings
        }
    }
}

fn version(facts: &Installation, status: &Status) -> Finding {
    let (area, check, subject) = (Area::Agent, "running", facts.name.as_str());
    if status.version == facts.version {
        Finding::ok(area, check, subject, format!("it runs, version {}", status.version))
    } else {
        Finding::warning(
            area,
            check,
            subject,
            format!("it runs version {}, and this command is {}", status.version, facts.version),
            "restart the agent if its binary was replaced under it, or use the command that came with it",
        )
    }
}

fn standing(status: &Status, ready: bool) -> Finding {
    let (area, check, subject) = (Area::Agent, "standing", status.agent.as_str());
    let look = "see Peers: a majority must run, reach each other and list the same members";
    if !status.has_quorum {
        let found =
            format!("it has no contact with a majority of {}: nothing is decided", status.members.len());
        return Finding::failed(area, check, subject, found, look);
    }
    match &status.leader {
        None => Finding::failed(area, check, subject, "it knows no leader", look),
        Some(_) if !ready => Finding::failed(
            area,
            check,
            subject,
            "it is not ready: its cluster is not formed, or it is no member",
            "quorate members shows who is; quorate members add adds it",
        ),
        Some(leader) => {
            let found = format!(
                "it is in contact with a majority of {}; {leader} leads, term {}",
                status.members.len(),
                status.term
            );
            Finding::ok(area, check, subject, found)
        }
    }
}

fn services(services: &[Service]) -> Vec<Finding> {
    if services.is_empty() {
        return vec![Finding::warning(
            Area::Agent,
            "policy",
            "policies",
            "no policy is in force: nothing is probed, and nothing fails over",
            "quorate apply policy.yaml --reason \"first policy\"",
        )];
    }
    services.iter().map(service).collect()
}

fn service(service: &Service) -> Finding {
    let (area, subject) = (Area::Agent, service.name.as_str());
    match &service.hold {
        Some(hold) => {
            let until = hold.until.as_ref().map_or_else(String::new, |until| format!(" until {until}"));
            Finding::warning(
                area,
                "paused",
                subject,
                format!("automation is paused{until}, by {} since {}: {}", hold.by, hold.since, hold.reason),
                format!("when its reason is gone: quorate resume {subject} --reason ..."),
            )
        }
        None => {
            let found = format!(
                "policy version {}, mode {}, {} serves",
                service.policy_version, service.mode, service.active
            );
            Finding::ok(area, "policy", subject, found)
        }
    }
}
