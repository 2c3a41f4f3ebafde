//! Certificates: the agent's own, its authority's, and those that the others present. Who does not verify is no agent.

use crate::{
    doctor::{
        facts::{Certificate, Holder, Installation, Peer, Presented},
        finding::{Area, Finding},
    },
    peers::visit::Unanswered,
};
use quorate_policies::Timestamp;

/// A rotation is a change on every host and is made in office hours: a month leaves room for one that was forgotten.
pub(super) const DAYS_LOW: u64 = 30;
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

const ISSUE: &str = "quorate tls issue NAME --ca ca.pem --ca-key ca.key --out DIR, then put both files in the place of the old";

pub(super) fn judge(facts: &Installation) -> Vec<Finding> {
    let mut findings = match &facts.certificates {
        Err(why) => vec![Finding::failed(
            Area::Certificates,
            "own_certificate",
            facts.name.as_str(),
            format!("its files cannot be used: {why}"),
            format!("mend the files that `tls` names; a new certificate: {ISSUE}"),
        )],
        Ok(certificates) => certificates.iter().map(|certificate| own(facts, certificate)).collect(),
    };
    findings.extend(facts.peers.iter().map(|peer| of_peer(peer, facts.wall)));
    findings
}

fn own(facts: &Installation, certificate: &Certificate) -> Finding {
    let (check, subject, mend) = match certificate.holder {
        Holder::Own => ("own_certificate", facts.name.as_str(), ISSUE),
        Holder::Authority => (
            "authority",
            "authority",
            "quorate tls ca --out DIR makes another; let all agents trust both before one uses the new (deploy/OPERATIONS.md)",
        ),
    };
    match &certificate.fault {
        // What has expired says so itself, in days.
        Some(why) if certificate.says.until > facts.wall => Finding::failed(
            Area::Certificates,
            check,
            subject,
            format!("the other agents do not accept it: {why}"),
            mend,
        ),
        _ => lasting(check, subject, &certificate.says, facts.wall, mend),
    }
}

fn of_peer(peer: &Peer, now: Timestamp) -> Finding {
    let (area, check, subject) = (Area::Certificates, "peer_certificate", peer.name.as_str());
    match (&peer.presented, &peer.told) {
        (Some(presented), _) => {
            let mend = "issue that agent a new one, and put it in the place of the old on its host";
            lasting(check, subject, presented, now, mend)
        }
        (None, Err(Unanswered::Handshake(why))) => Finding::failed(
            area,
            check,
            subject,
            format!("the handshake with {} failed: {why}", peer.address),
            format!(
                "quorate tls show on its certificate and on this agent's ca.pem: it must name `{subject}` and be the same \
                 authority's"
            ),
        ),
        (None, _) => Finding::skipped(area, check, subject, "it was not seen: see Peers"),
    }
}

/// How long a certificate that is accepted still holds.
fn lasting(check: &str, subject: &str, says: &Presented, now: Timestamp, mend: &str) -> Finding {
    let area = Area::Certificates;
    let names =
        if says.names.is_empty() { String::new() } else { format!("names {}; ", says.names.join(", ")) };
    if now < says.from {
        let found = format!("{names}holds only from {} on", day(says.from));
        return Finding::failed(area, check, subject, found, "set this host's clock, or wait");
    }
    if says.until <= now {
        let days = (now.0 - says.until.0) / DAY_MS;
        return Finding::failed(
            area,
            check,
            subject,
            format!("{names}expired {days} days ago, on {}", day(says.until)),
            mend,
        );
    }
    let days = (says.until.0 - now.0) / DAY_MS;
    let found = format!("{names}holds for {days} more days, until {}", day(says.until));
    if days < DAYS_LOW {
        Finding::warning(area, check, subject, found, mend)
    } else {
        Finding::ok(area, check, subject, found)
    }
}

/// The day, of RFC 3339: nobody plans a rotation by the hour.
fn day(at: Timestamp) -> String {
    at.to_string().chars().take("2026-11-22".len()).collect()
}
