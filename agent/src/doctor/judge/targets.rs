//! One probe of each target from here: what this agent's votes will be made of.

use super::{left, spoken};
use crate::doctor::{
    facts::{Many, TargetSeen},
    finding::{Area, Finding},
};
use quorate_policies::health::FailureReason;

pub(super) fn judge(targets: &Result<Many<TargetSeen>, String>) -> Vec<Finding> {
    match targets {
        Err(why) => vec![Finding::skipped(Area::Targets, "probe", "targets", why)],
        Ok(targets) => {
            let seen = targets.seen.iter().map(target);
            seen.chain(left(Area::Targets, "probe", "targets", targets.left)).collect()
        }
    }
}

fn target(target: &TargetSeen) -> Finding {
    let (area, check) = (Area::Targets, "probe");
    let subject = format!("{} {}", target.service, target.target);
    let (place, total) = (&target.place, spoken(target.total));
    let Some((reason, detail)) = &target.fault else {
        return Finding::ok(area, check, subject, format!("{place} answered as expected in {total}"));
    };
    // What DNS says stands once, with the name.
    let detail = if of_dns(*reason) { String::new() } else { format!(": {detail}") };
    let found = format!("{place}: {} after {total}{detail}", reason.as_str());
    Finding::failed(area, check, subject, found, mend(*reason, &target.healthy_for))
}

const fn of_dns(reason: FailureReason) -> bool {
    matches!(reason, FailureReason::DnsNxdomain | FailureReason::DnsTimeout | FailureReason::DnsError)
}

fn mend(reason: FailureReason, healthy_for: &[String]) -> String {
    match reason {
        FailureReason::DnsNxdomain | FailureReason::DnsTimeout | FailureReason::DnsError => "see DNS".to_owned(),
        FailureReason::ConnectRefused
        | FailureReason::ConnectTimeout
        | FailureReason::ConnectUnreachable
        | FailureReason::TlsHandshake
        | FailureReason::Write
        | FailureReason::TtfbTimeout
        | FailureReason::Reset => way(healthy_for),
        FailureReason::TlsCertExpired | FailureReason::TlsCertName | FailureReason::TlsCertUntrusted => {
            "renew or correct the target's certificate, or name its authority as `probe_ca` in the agent's file".to_owned()
        }
        FailureReason::Protocol
        | FailureReason::Status
        | FailureReason::Body
        | FailureReason::Header
        | FailureReason::Latency
        | FailureReason::TooLarge
        | FailureReason::Redirect
        | FailureReason::TooManyConnections
        | FailureReason::NotAccepting
        | FailureReason::Statement
        | FailureReason::ReadOnly => {
            "the way is open: look at the target itself, or at what the policy expects of it".to_owned()
        }
        FailureReason::Access => {
            "correct the probe's account, database or table: until then this agent has no opinion of it".to_owned()
        }
        FailureReason::LocalResource | FailureReason::Cancelled => {
            "mend what this host lacks, which the detail names: until then this agent has no opinion of it".to_owned()
        }
    }
}

fn way(healthy_for: &[String]) -> String {
    if healthy_for.is_empty() {
        return "if it should be up, look at the target itself; else at its firewall, security group and routes for this host"
            .to_owned();
    }
    let (agents, see) = (healthy_for.join(" and "), if healthy_for.len() == 1 { "sees" } else { "see" });
    format!(
        "{agents} {see} it healthy, so it is the way from here: let this agent in at its firewall or security group"
    )
}
