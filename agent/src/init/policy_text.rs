//! The starter policy, fitted to a service and to the agents' regions. Its words and comments are those of
//! `policies/examples/starter.yaml`; only names are exchanged.

use super::AgentPlan;
use quorate_policies::ServiceName;

const STARTER: &str = include_str!("../../../policies/examples/starter.yaml");

/// The names in the starter that are exchanged.
const SERVICE: &str = "shop";
const REGIONS: [&str; 3] = ["us-east-1", "us-west-2", "eu-west-1"];

/// Route 53's own zones of the load balancers in the starter's two regions.
const BALANCER_ZONES: [&str; 2] = ["Z35SXDOTRQ7X7K", "Z1H1FL5HABSF5"];

/// What stands for a balancer zone that is not known: it passes as a name, and nobody takes it for a real one.
const BALANCER_ZONE_UNKNOWN: &str = "ZFILLIN";

/// The starter for a service: the agents' first region is its primary, the next other one its standby.
pub(super) fn starter(service: &ServiceName, agents: &[AgentPlan]) -> String {
    let mut regions: Vec<&str> = Vec::new();
    for agent in agents {
        if !regions.contains(&agent.region.as_str()) {
            regions.push(&agent.region);
        }
    }
    // The service's name also stands in host names, where not every name may stand.
    let plain = service.as_str().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let mut text = if plain {
        STARTER.replace(SERVICE, service.as_str())
    } else {
        STARTER.replace(&format!("service: {SERVICE}\n"), &format!("service: {service}\n"))
    };
    // First to marks and then to names, so that exchanging two regions does not make one of both.
    for (index, from) in REGIONS.iter().enumerate() {
        text = text.replace(from, &format!("\u{1}{index}\u{1}"));
    }
    for (index, from) in BALANCER_ZONES.iter().enumerate() {
        text = text.replace(from, &format!("\u{2}{index}\u{2}"));
    }
    for (index, own) in REGIONS.iter().enumerate() {
        let region = regions.get(index).copied().unwrap_or(own);
        text = text.replace(&format!("\u{1}{index}\u{1}"), region);
        text = text.replace(&format!("\u{2}{index}\u{2}"), balancer_zone(region));
    }
    text
}

fn balancer_zone(region: &str) -> &'static str {
    let known = REGIONS.iter().zip(BALANCER_ZONES).find(|(of, _)| **of == region);
    known.map_or(BALANCER_ZONE_UNKNOWN, |(_, zone)| zone)
}
